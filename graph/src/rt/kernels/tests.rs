//! Each kernel on each level of this machine against plain arithmetic, bit for bit.
