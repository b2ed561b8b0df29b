//! Remote control: a client of the engine's handle like any other, on a thread of its own, that lets clients on the network
//! command the rig. Never touches the engine, and nothing that comes in reaches the callback but by an action that the engine
//! has checked.

mod access;
mod allowance;
mod announcement;
mod bulletin;
mod client;
mod desk;
mod look;
mod order;
mod osc;
mod page;
mod server;
mod service;
mod subscription;

pub use access::{Folders, Token};
pub use client::{Client, Server};
pub use desk::Desk;
pub use order::{
    Between, BlockName, BlockWord, BypassModeChange, CellOrder, ChannelName, End, ForScene, GuardChange, IntoCable,
    LawWord, NewName, Order, OverloadChange, Place, PortName, Position, Replacement, Setting, SpilloverChange, Spot,
    StartWord, StateChange, TimingWord, Title, Topic, on_or_off,
};
pub use service::{Doors, Remote};
