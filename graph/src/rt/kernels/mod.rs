//! The arithmetic on runs of frames, chosen once at run time among instruction sets.
