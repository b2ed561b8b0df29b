//! Plugin formats behind one trait: CLAP.
