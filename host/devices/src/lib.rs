//! Audio device backends behind one duplex trait.
