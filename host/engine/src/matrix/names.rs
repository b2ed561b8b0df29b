//! From the names of a rig file to rows and columns of the matrix, and back. Changes nothing; what cannot be found is told
//! by who asks.

use super::PortChannel;
use crate::session::{ChannelEntry, ChannelsEntry, CrosspointPlace, EndpointEntry, PortSelector};
use crosspoint_graph::{AudioPort, Graph, Node, NodeId};
use std::collections::HashMap;

/// Which side of a node is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What it puts out: rows.
    Rows,
    /// What it takes: columns.
    Columns,
}

impl Side {
    pub fn ports(self, node: &Node) -> &[AudioPort] {
        match self {
            Self::Rows => &node.audio_outputs,
            Self::Columns => &node.audio_inputs,
        }
    }
}

/// Nodes by name.
pub(crate) struct Names<'n>(HashMap<&'n str, (NodeId, &'n Node)>);

impl<'n> Names<'n> {
    /// Of several nodes of a name the first is meant.
    pub fn of(nodes: impl Iterator<Item = (NodeId, &'n Node)>) -> Self {
        let mut names = HashMap::new();
        for (id, node) in nodes {
            names.entry(node.name.as_str()).or_insert((id, node));
        }
        Self(names)
    }

    /// All rows or columns that are meant.
    ///
    /// # Errors
    /// What is missing.
    pub fn channels(&self, entry: &ChannelsEntry, side: Side) -> Result<Vec<PortChannel>, String> {
        match entry {
            ChannelsEntry::Node(name) => {
                let (id, node) = self.node(name)?;
                Ok(super::channels(id, side.ports(node)).collect())
            }
            ChannelsEntry::One(entry) => Ok(vec![self.channel(entry, side)?]),
        }
    }

    /// All rows or columns that entries mean, in their order; adds what is missing.
    pub fn all_channels(&self, entries: &[ChannelsEntry], side: Side, missing: &mut Vec<String>) -> Vec<PortChannel> {
        let find = |entry| self.channels(entry, side).map_err(|reason| missing.push(reason)).unwrap_or_default();
        entries.iter().flat_map(find).collect()
    }

    /// The row or column that is meant.
    ///
    /// # Errors
    /// What is missing.
    pub fn channel(&self, entry: &ChannelEntry, side: Side) -> Result<PortChannel, String> {
        let (id, node) = self.node(&entry.end.node)?;
        let ports = side.ports(node);
        let port = entry.end.port.resolve(ports.iter().map(|port| port.name.as_str()));
        let known = port
            .filter(|&port| ports.get(usize::from(port)).is_some_and(|known| entry.channel < known.layout.channels()));
        let what = if side == Side::Rows { "output" } else { "input" };
        let channel = entry.channel + 1;
        let missing = || format!("\"{}{}\" has no {what} channel {channel}", entry.end.node, entry.end.port);
        Ok(PortChannel::new(id, known.ok_or_else(missing)?, entry.channel))
    }

    /// The row and the column of a cell.
    ///
    /// # Errors
    /// What is missing.
    pub fn cell(&self, place: &CrosspointPlace) -> Result<(PortChannel, PortChannel), String> {
        let end = |end: &EndpointEntry, channel| ChannelEntry { end: end.clone(), channel };
        let source = self.channel(&end(&place.source, place.source_channel), Side::Rows)?;
        Ok((source, self.channel(&end(&place.destination, place.destination_channel), Side::Columns)?))
    }

    fn node(&self, name: &str) -> Result<(NodeId, &'n Node), String> {
        self.0.get(name).copied().ok_or_else(|| format!("there is no node \"{name}\""))
    }
}

/// A row or column as files name it.
pub(crate) fn channel_entry(graph: &Graph, at: PortChannel, side: Side) -> Option<ChannelEntry> {
    let node = graph.node(at.node)?;
    let port = PortSelector::of(at.port, side.ports(node).iter().map(|port| port.name.as_str()));
    Some(ChannelEntry { end: EndpointEntry::new(node.name.clone(), port), channel: at.channel })
}
