//! From what clients say of guards, overload, bypass and pan to what the engine is to do. What they do not say stays as it is.

use super::names::{Refused, column, ends, gain, known, row, within};
use crate::remote::order::{
    BypassWord, ChannelName, GuardChange, LawWord, OrOff, OverloadChange, OverloadWord, SpilloverChange,
};
use crosspoint::graph::{Cell, Graph, NodeId, NodeKind, OverloadAction};
use crosspoint::session::{BypassMode, OutputGuard, OverloadPolicy, Spillover};
use crosspoint::{Action, PanLaw, PannedCell, PannedRows, Snapshot};

/// What an output may play.
pub fn guard(snapshot: &Snapshot, change: &GuardChange) -> Result<Action, Refused> {
    let GuardChange { node: name, limit_db, time, returns_after } = change;
    let (node, shown) = known(snapshot, name)?;
    let before = shown.guard.ok_or_else(|| format!("\"{name}\" is no audio output"))?.settings;
    let guard = OutputGuard {
        limit: limit_db.map_or(before.limit, OrOff::value),
        time: time.unwrap_or(before.time),
        returns_after: returns_after.map_or(before.returns_after, OrOff::value),
    };
    Ok(Action::SetOutputGuard { node, guard })
}

/// What becomes of a plugin that takes too much time.
pub fn overload(snapshot: &Snapshot, change: &OverloadChange) -> Result<Action, Refused> {
    let OverloadChange { node: name, budget, blocks, action, returns_after } = change;
    let (node, shown) = known(snapshot, name)?;
    let before = shown.overload.as_ref().ok_or_else(|| format!("\"{name}\" is no plugin"))?.policy;
    let action = action.map(|action| match action {
        OverloadWord::Nothing => OverloadAction::Nothing,
        OverloadWord::Bypass => OverloadAction::Bypass,
        OverloadWord::Mute => OverloadAction::Mute,
    });
    let policy = OverloadPolicy {
        budget: budget.unwrap_or(before.budget),
        blocks: blocks.unwrap_or(before.blocks),
        action: action.unwrap_or(before.action),
        returns_after: returns_after.map_or(before.returns_after, OrOff::value),
    };
    Ok(Action::SetOverloadPolicy { node, policy })
}

/// How a node is bypassed.
pub fn bypass_mode(mode: BypassWord) -> BypassMode {
    match mode {
        BypassWord::Tails => BypassMode::Tails,
        BypassWord::Cut => BypassMode::Cut,
        BypassWord::Live => BypassMode::Live,
        BypassWord::Plugin => BypassMode::Plugin,
    }
}

/// What may ring on.
pub fn spillover(snapshot: &Snapshot, change: &SpilloverChange) -> Action {
    let Spillover { seconds, nodes } = snapshot.spillover;
    Action::SetSpillover(Spillover { seconds: change.seconds.unwrap_or(seconds), nodes: change.nodes.unwrap_or(nodes) })
}

/// Two cells between left and right.
pub fn pan(
    graph: &Graph,
    rows: &[ChannelName],
    columns: &[ChannelName],
    position: f64,
    law: LawWord,
    cell: (f32, bool, bool),
) -> Result<Action, Refused> {
    let rows = match rows {
        [mono] => PannedRows::Mono(row(graph, mono)?),
        [left, right] => PannedRows::Stereo(row(graph, left)?, row(graph, right)?),
        _ => return Err("`rows` are one, or a left and a right one".to_owned()),
    };
    let [left, right] = columns else { return Err("`columns` are a left and a right one".to_owned()) };
    let law = match law {
        LawWord::Linear => PanLaw::Linear,
        LawWord::ConstantPower => PanLaw::ConstantPower,
        LawWord::Compromise => PanLaw::Compromise,
    };
    let (gain_db, mute, invert) = cell;
    let position = within("the position", position, -1.0, 1.0)?;
    let panned = PannedCell { cell: Cell { gain: gain(gain_db)?, mute, invert }, position };
    Ok(Action::SetPanned { rows, columns: [column(graph, left)?, column(graph, right)?], panned, law })
}

/// The outputs of the rig that have audio.
pub fn outputs(graph: &Graph) -> impl Iterator<Item = NodeId> + '_ {
    let is_output = |id: &NodeId| graph.node(*id).is_some_and(|node| matches!(node.kind, NodeKind::Output { .. }));
    ends(graph).filter(is_output)
}
