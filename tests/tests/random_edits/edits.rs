//! Random edits of whatever rig there is. What they are depends on the seed and the rig alone.

use super::rig::{self, SCENES};
use super::stage::Moment;
use crosspoint::graph::graph::Edit;
use crosspoint::graph::{Cell, EdgeId, NodeId, NodeKind};
use crosspoint::{Action, BlockChange, Capture, CellChange, Engine, MatrixBlock, PluginSetup, PortChannel, Soloed};
use std::collections::BTreeMap;

/// Of no more nodes than these none is taken away, unless somebody says so.
const FEWEST_NODES: usize = 10;
/// More nodes than these are not added.
const MOST_NODES: usize = 16;
/// Of more edges one goes.
const MOST_EDGES: usize = 40;
/// More cells than these are not added.
const MOST_CELLS: usize = 160;

/// Makes edits up.
pub struct Editor {
    pub random: fastrand::Rng,
    /// Whether scenes are among them: what they change is not the history's.
    scenes: bool,
    /// Of no more nodes than these none is taken away.
    pub fewest: usize,
    added: usize,
}

impl Editor {
    pub fn new(seed: u64, scenes: bool) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), scenes, fewest: FEWEST_NODES, added: 0 }
    }

    /// How often each kind of edit was accepted.
    pub fn done(script: &[Moment]) -> BTreeMap<String, usize> {
        let mut done = BTreeMap::new();
        for moment in script {
            let Some(action) = &moment.action else { continue };
            let text = format!("{action:?}");
            let name = text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
            *done.entry(name.to_owned()).or_default() += usize::from(moment.accepted);
        }
        done
    }

    /// The next one.
    pub fn next(&mut self, engine: &Engine) -> Action {
        loop {
            if let Some(action) = self.attempt(engine) {
                return action;
            }
        }
    }

    /// An edit of a random kind; none if the rig has nothing for it.
    fn attempt(&mut self, engine: &Engine) -> Option<Action> {
        if engine.graph().edge_count() > MOST_EDGES {
            return Some(Action::Edit(vec![Edit::Disconnect { id: self.edge(engine)? }]));
        }
        Some(match self.random.u32(0..100) {
            0..24 => self.set_cell(engine)?,
            24..36 => {
                let changes = (0..self.random.usize(1..5)).filter_map(|_| self.change(engine)).collect();
                Action::SetCells { changes, keep_edges: self.random.bool() }
            }
            36..41 => Action::ChangeBlock(self.block_change(engine)?),
            41..43 => Action::BeginGesture,
            43..45 => Action::EndGesture,
            45..48 => Action::SetSoloed { what: self.soloed(engine)?, on: self.random.u32(0..3) == 0 },
            48..49 => Action::SetSoloSafe { row: self.row(engine)?, on: self.random.bool() },
            49..51 => Action::ClearSolo,
            51..55 => Action::InsertNode { node: self.node(engine)?, edge: self.edge(engine)? },
            55..60 => Action::MoveNode { node: self.node(engine)?, edge: self.edge(engine)? },
            60..63 if engine.graph().node_count() > self.fewest => {
                Action::RemoveNode { node: self.node(engine)?, bridge: self.random.u32(0..4) > 0 }
            }
            63..65 => Action::ReplaceNode { node: self.node(engine)?, with: self.node(engine)? },
            65..68 if engine.graph().node_count() < MOST_NODES => self.add(),
            68..69 => Action::Edit(vec![Edit::Disconnect { id: self.edge(engine)? }]),
            69..73 => Action::SetBypassed { node: self.node(engine)?, on: self.random.bool() },
            // Most are there: else nothing would be heard for most of the time.
            73..75 => Action::SetPresent { node: self.node(engine)?, on: self.random.u32(0..4) > 0 },
            75..85 => self.set_parameter(engine)?,
            85..91 => Action::Undo,
            91..95 => Action::Redo,
            95..98 if self.scenes => {
                let scene = SCENES[self.random.usize(0..SCENES.len())].to_owned();
                Action::PlayScene { scene, start: None }
            }
            98..99 if self.scenes => Action::LeaveScene,
            99..100 if self.scenes => {
                let scene = SCENES[self.random.usize(0..SCENES.len())].to_owned();
                Action::StoreScene { scene, capture: Capture::Differences }
            }
            _ => return None,
        })
    }

    /// One of a list.
    fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| list[self.random.usize(0..list.len())])
    }

    /// No louder than it came, so that no chain of them ends beyond all numbers.
    fn cell(&mut self) -> Cell {
        let gain = [0.0, 0.25, 0.5, 1.0, 1.0, self.random.f32()][self.random.usize(0..6)];
        Cell { gain, mute: self.random.u32(0..6) == 0, invert: self.random.u32(0..6) == 0 }
    }

    fn row(&mut self, engine: &Engine) -> Option<PortChannel> {
        self.pick(&engine.matrix().rows)
    }

    fn set_cell(&mut self, engine: &Engine) -> Option<Action> {
        let view = engine.matrix();
        let at = self.pick(&view.cells)?;
        let (source, destination) = (view.rows[at.row].channel, view.columns[at.column].channel);
        Some(Action::SetCell { edge: at.edge, source, destination, cell: self.cell() })
    }

    fn change(&mut self, engine: &Engine) -> Option<CellChange> {
        let view = engine.matrix();
        if self.random.bool() {
            let at = self.pick(&view.cells)?;
            let cell = self.random.bool().then(|| self.cell());
            return Some(CellChange { source: view.rows[at.row], destination: view.columns[at.column], cell });
        }
        let (source, destination) = (self.pick(&view.rows)?, self.pick(&view.columns)?);
        let cell = (view.cells.len() < MOST_CELLS).then(|| self.cell());
        Some(CellChange { source, destination, cell })
    }

    fn soloed(&mut self, engine: &Engine) -> Option<Soloed> {
        let view = engine.matrix();
        if self.random.bool() {
            return self.row(engine).map(Soloed::Row);
        }
        let at = self.pick(&view.cells)?;
        Some(Soloed::Cell { source: view.rows[at.row], destination: view.columns[at.column] })
    }

    fn block_change(&mut self, engine: &Engine) -> Option<BlockChange> {
        let block = |editor: &mut Self| {
            let view = engine.matrix();
            let (row, column) = (editor.pick(&view.rows)?, editor.pick(&view.columns)?);
            let pair = |at: PortChannel, all: &[PortChannel]| {
                let other = PortChannel { channel: at.channel ^ 1, ..at };
                if all.contains(&other) { vec![at, other] } else { vec![at] }
            };
            Some(MatrixBlock { rows: pair(row, &view.rows), columns: pair(column, &view.columns) })
        };
        let one = block(self)?;
        Some(match self.random.u32(0..4) {
            0 => BlockChange::Clear(one),
            1 => BlockChange::Invert(one),
            2 => BlockChange::Copy { from: one, to: block(self)? },
            _ => BlockChange::Swap(one, block(self)?),
        })
    }

    /// A node between the rig's ends.
    fn node(&mut self, engine: &Engine) -> Option<NodeId> {
        let inner = engine.graph().nodes().filter(|(_, node)| matches!(node.kind, NodeKind::Processor));
        let inner: Vec<NodeId> = inner.map(|(id, _)| id).collect();
        self.pick(&inner)
    }

    fn edge(&mut self, engine: &Engine) -> Option<EdgeId> {
        let edges: Vec<EdgeId> = engine.graph().edges().map(|(id, _)| id).collect();
        self.pick(&edges)
    }

    fn add(&mut self) -> Action {
        self.added += 1;
        match self.added % 4 {
            0 => Action::AddPlugin {
                name: "added".into(),
                plugin: rig::plugin(self.added / 4),
                setup: PluginSetup::default(),
            },
            number => Action::AddBuiltin { name: "added".into(), builtin: rig::builtin(number) },
        }
    }

    fn set_parameter(&mut self, engine: &Engine) -> Option<Action> {
        let node = self.node(engine)?;
        if let Some(description) = engine.description(node) {
            // One that changes the latency has the plugin restarted, as often as the clock on the wall allows.
            let open =
                description.parameters.iter().filter(|known| !known.flags.read_only && known.name != "Lookahead");
            let ranges: Vec<(u32, f64, f64)> = open.map(|known| (known.id, known.minimum, known.maximum)).collect();
            let (parameter, least, most) = self.pick(&ranges)?;
            let steps = f64::from(self.random.u32(0..=16)) / 16.0;
            return Some(Action::SetParameter { node, parameter, value: least + (most - least) * steps });
        }
        let name = &engine.graph().node(node)?.name;
        let value = match name.trim_end_matches([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
            "late" => f64::from(self.random.u32(0..4_800)),
            _ => f64::from(self.random.u32(0..=16)) / 16.0,
        };
        Some(Action::SetParameter { node, parameter: 0, value })
    }
}
