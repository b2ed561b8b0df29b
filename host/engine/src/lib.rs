//! The Crosspoint engine: a rig of plugins, its devices, its transport and its files.
