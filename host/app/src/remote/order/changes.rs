//! Changes that come over the wire and from the command line in the same words. Shapes only.

use super::stage::{BypassWord, OrOff, OverloadWord};
use clap::Args;
use serde::{Deserialize, Serialize};

/// A node for the cable between two others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct IntoCable {
    /// The node, which is in the rig already.
    pub node: String,
    /// Where the cable comes from.
    pub source: String,
    /// Where it goes.
    pub destination: String,
}

/// A node in the place of another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The node that goes.
    pub node: String,
    /// The one that takes its place, which is in the rig already.
    pub with: String,
}

/// The cables between two nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// Where the signal comes from.
    pub source: String,
    /// Where it goes.
    pub destination: String,
}

/// A plugin for a scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct ForScene {
    /// The plugin's node.
    pub node: String,
    /// The scene.
    pub scene: String,
}

/// Whether a scene has a plugin's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct StateChange {
    /// The plugin's node.
    pub node: String,
    /// The scene.
    pub scene: String,
    /// `on` or `off`.
    #[arg(action = clap::ArgAction::Set, value_parser = on_or_off)]
    pub on: bool,
}

/// Another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// As it is called now.
    pub from: String,
    /// As it is to be called.
    pub to: String,
}

/// How a node is bypassed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct BypassModeChange {
    /// The node.
    pub node: String,
    /// How.
    pub mode: BypassWord,
}

/// For how long, and for how many nodes at once, what is gone may ring on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct SpilloverChange {
    /// For how long, 0 to 60.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How many nodes that are gone, at once, 0 to 64.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
}

/// What becomes of a plugin that takes too much time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct OverloadChange {
    /// The plugin's node.
    pub node: String,
    /// Its part of the time that there is for a block, 0.001 to 10.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// How many blocks in a row must exceed that.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u32>,
    /// What is done then, beside telling.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<OverloadWord>,
    /// After how long it comes back by itself, 0.1 to 3600, or `off`.
    #[arg(long, value_name = "SECONDS")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_after: Option<OrOff>,
}

/// What an output may play before its guard takes it to silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields)]
pub struct GuardChange {
    /// The output.
    pub node: String,
    /// The peak level that may last, -60 to 60 dBFS, or `off`.
    #[arg(long = "limit", value_name = "DBFS", allow_hyphen_values = true)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_db: Option<OrOff>,
    /// For how long it may be exceeded, 0 to 10.
    #[arg(long, value_name = "SECONDS")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// After how long without a fault it plays again by itself, 0.1 to 3600, or `off`.
    #[arg(long, value_name = "SECONDS")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_after: Option<OrOff>,
}

/// A switch, as a command line has it.
pub fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it must be `on` or `off`".to_owned()),
    }
}
