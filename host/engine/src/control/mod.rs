//! MIDI control: what the messages of a role do to the rig beside being played.
mod binding;
mod decode;
mod scale;
