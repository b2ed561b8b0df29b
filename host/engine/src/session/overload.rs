//! What becomes of a plugin that takes too much time, as a rig file says it: `overload = { budget = 0.3, blocks = 8, action =
//! "bypass", returns_after = 10.0 }`, all in one line. What has its default is not written.

use crosspoint_graph::OverloadAction;
use toml::de::{DeTable, DeValue};

use super::fields::{Fields, number, whole};
use super::problem::Report;
use super::write::{float, quoted};

/// What becomes of a plugin that takes [too much time](crate::Engine::set_overload_policy), block after block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverloadPolicy {
    /// Its part of the time that there is for a block, 1 being all of it, within [`Self::BUDGETS`].
    pub budget: f64,
    /// How many blocks in a row must exceed that, within [`Self::BLOCKS`].
    pub blocks: u32,
    /// What is done then, beside telling.
    pub action: OverloadAction,
    /// After how many seconds it comes back by itself, within [`Self::RETURNS`]; none if by hand.
    pub returns_after: Option<f64>,
}

impl OverloadPolicy {
    /// Budgets that make sense.
    pub const BUDGETS: std::ops::RangeInclusive<f64> = 0.001..=10.0;
    /// Counts of blocks that make sense.
    pub const BLOCKS: std::ops::RangeInclusive<u32> = 1..=100_000;
    /// Times after which a plugin may come back, in seconds.
    pub const RETURNS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;
}

impl Default for OverloadPolicy {
    /// It is told of a plugin that takes 70 % of the time for 16 blocks, and nothing is done: nobody expects a host to take
    /// a sound away unasked.
    fn default() -> Self {
        Self { budget: 0.7, blocks: 16, action: OverloadAction::Nothing, returns_after: None }
    }
}

const ACTIONS: [(&str, OverloadAction); 3] =
    [("nothing", OverloadAction::Nothing), ("bypass", OverloadAction::Bypass), ("mute", OverloadAction::Mute)];

pub(super) fn read_policy(fields: &mut Fields<'_>, report: &mut Report<'_>) -> OverloadPolicy {
    let wanted = "such as { budget = 0.3, blocks = 8, action = \"bypass\", returns_after = 10.0 }: a budget from 0.001 to 10, \
                  1 to 100000 blocks, \"nothing\", \"bypass\" or \"mute\", and if it is to come back by itself 0.1 to 3600 s";
    fields.read(report, "overload", wanted, |value| policy(value.as_table()?)).unwrap_or_default()
}

fn policy(table: &DeTable<'_>) -> Option<OverloadPolicy> {
    let mut policy = OverloadPolicy::default();
    for (key, value) in table.iter() {
        let value: &DeValue<'_> = value.get_ref();
        match key.get_ref().as_ref() {
            "budget" => policy.budget = number(value).filter(|budget| OverloadPolicy::BUDGETS.contains(budget))?,
            "blocks" => policy.blocks = whole(value).filter(|blocks| OverloadPolicy::BLOCKS.contains(blocks))?,
            "action" => {
                let word = value.as_str()?;
                policy.action = ACTIONS.iter().find(|(known, _)| *known == word)?.1;
            }
            "returns_after" => {
                policy.returns_after = Some(number(value).filter(|after| OverloadPolicy::RETURNS.contains(after))?);
            }
            _ => return None,
        }
    }
    Some(policy)
}

/// The value of the key, unless all is as by default.
pub(super) fn policy_text(policy: &OverloadPolicy) -> Option<String> {
    if *policy == OverloadPolicy::default() {
        return None;
    }
    let OverloadPolicy { budget, blocks, action, returns_after } = policy;
    let action = ACTIONS.iter().find(|(_, known)| known == action).map_or("nothing", |(word, _)| word);
    let returns = returns_after.map_or_else(String::new, |after| format!(", returns_after = {}", float(after)));
    Some(format!("{{ budget = {}, blocks = {blocks}, action = {}{returns} }}", float(*budget), quoted(action)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{read, write};
    use super::*;
    use crate::session::EntryKind;

    // What makes sense comes back as the same line; what does not is told, has no effect and is kept.
    #[test]
    fn policies_are_read_and_written() {
        let written = |line: &str| {
            let node = format!("\n[[plugin]]\nname = \"fx\"\nformat = \"clap\"\nid = \"a.b\"\n{line}");
            let loaded = read::parse(&format!("crosspoint = 1\n{node}"), Path::new("/nowhere")).unwrap();
            let EntryKind::Plugin(plugin) = &loaded.document.nodes[0].kind else { panic!() };
            let again = write::document(&loaded.document, Path::new("/nowhere"), "x.state").unwrap();
            (plugin.overload, loaded.problems.len(), again.ends_with(&node))
        };
        let bypass = OverloadPolicy { budget: 0.25, blocks: 8, action: OverloadAction::Bypass, returns_after: None };
        let mute = OverloadPolicy { action: OverloadAction::Mute, returns_after: Some(2.5), ..bypass };
        assert_eq!(written(""), (OverloadPolicy::default(), 0, true));
        assert_eq!(written("overload = { budget = 0.25, blocks = 8, action = \"bypass\" }\n"), (bypass, 0, true));
        let line = "overload = { budget = 0.25, blocks = 8, action = \"mute\", returns_after = 2.5 }\n";
        assert_eq!(written(line), (mute, 0, true));
        for wrong in ["{ budget = 0 }", "{ blocks = 0 }", "{ action = \"kill\" }", "{ limit = 1.0 }", "true"] {
            assert_eq!(written(&format!("overload = {wrong}\n")), (OverloadPolicy::default(), 1, true), "{wrong}");
        }
    }
}
