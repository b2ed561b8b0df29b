//! What the doctor does to a plugin, one matter a file; the table beside this folder says in which order.

pub(super) mod activation;
pub(super) mod blocks;
pub(super) mod bypass;
pub(super) mod calls;
pub(super) mod latency;
pub(super) mod levels;
pub(super) mod loading;
pub(super) mod notes;
pub(super) mod parameters;
pub(super) mod playing;
pub(super) mod rates;
pub(super) mod reset;
pub(super) mod state;
pub(super) mod tail;
pub(super) mod time;
