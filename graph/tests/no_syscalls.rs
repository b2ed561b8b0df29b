//! No system call in the callback: a seccomp filter traps every call that the rendering thread makes, and a handler notes
//! those that come while it renders. Needs no rights; Linux only.
//!
//! ```text
//! main thread    edit, publish, take home ...            (free to do as it likes)
//! audio thread   install filter ─ [callback] ─ [callback] ─ ...   whatever it calls is trapped: SIGSYS
//! ```
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use crosspoint_graph::graph::Edit;
use crosspoint_graph::{
    AudioPort, Block, Cell, ChannelLayout, Command, Edge, EdgeId, Endpoint, Graph, Matrix, NOW, Node, NodeId, NodeKind,
    Processor, Published, Publisher, Renderer, RendererCell, Settings, Status, renderer,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATOR: assert_no_alloc::AllocDisabler = assert_no_alloc::AllocDisabler;

/// Frames of a block.
const FRAMES: usize = 64;

/// System calls trapped so far, and the number of the last one.
static TRAPPED: AtomicU64 = AtomicU64::new(0);
static LAST: AtomicI64 = AtomicI64::new(-1);

/// The counters are the process's: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

extern "C" fn note(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to a handler that asked for it; for SIGSYS the number of the call follows
    // the address of the caller.
    let number = unsafe { info.cast::<u8>().add(24).cast::<libc::c_int>().read() };
    LAST.store(i64::from(number), Ordering::Relaxed);
    TRAPPED.fetch_add(1, Ordering::Relaxed);
}

fn catch_traps() {
    // SAFETY: the action is complete, and the handler touches atomics only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = note as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()), 0);
    }
}

/// Traps all that this thread calls from now on, save what it takes to return from the handler and to end the thread.
fn forbid_system_calls() {
    let allowed = [
        libc::SYS_rt_sigreturn,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // The end of a thread: its stack, its signal stack, whoever joins it.
        libc::SYS_madvise,
        libc::SYS_munmap,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigprocmask,
    ];
    let rules: BTreeMap<i64, Vec<SeccompRule>> = allowed.into_iter().map(|call| (call, Vec::new())).collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Trap,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// Calls `block` so many times on a thread of its own, under the filter and without allocating, while `meanwhile` runs here
/// until it is over. Returns how many system calls were trapped.
fn guarded(blocks: usize, mut block: impl FnMut(usize) + Send, mut meanwhile: impl FnMut()) -> u64 {
    catch_traps();
    let over = AtomicBool::new(false);
    let before = TRAPPED.load(Ordering::Relaxed);
    let mut trapped = 0;
    std::thread::scope(|scope| {
        let audio = scope.spawn(|| {
            forbid_system_calls();
            let mut done = 0;
            assert_no_alloc::assert_no_alloc(|| {
                while done < blocks {
                    block(done);
                    done += 1;
                }
            });
            // Before the thread ends, which is not part of any callback.
            let trapped = TRAPPED.load(Ordering::Relaxed) - before;
            over.store(true, Ordering::Release);
            trapped
        });
        while !over.load(Ordering::Acquire) {
            meanwhile();
            std::thread::yield_now();
        }
        trapped = audio.join().unwrap();
    });
    trapped
}

/// Twice its input, or a system call as well.
struct Double {
    misbehaves: bool,
}

impl Processor for Double {
    fn process(&mut self, mut block: Block<'_>) -> Status {
        if self.misbehaves && block.chunk().steady_frame == 10 * FRAMES as u64 {
            // SAFETY: has no arguments and no effect.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        block.through((0, 0), (0, 0)).iter_mut().for_each(|sample| *sample *= 2.0);
        block.through((0, 1), (0, 1)).iter_mut().for_each(|sample| *sample *= 2.0);
        Status::Tail(1000)
    }
}

/// A rig that is edited while it plays: an input, an output, and a row of processors of which some come and go.
struct Rig {
    graph: Graph,
    publisher: Publisher,
    input: NodeId,
    output: NodeId,
    dry: EdgeId,
    effects: Vec<NodeId>,
    edits: u64,
}

fn stereo() -> Vec<AudioPort> {
    vec![AudioPort::new("stereo", ChannelLayout::Stereo)]
}

impl Rig {
    fn new() -> (Self, Box<Renderer>) {
        let (publisher, renderer) = renderer(Settings::new(48_000.0, FRAMES));
        let mut graph = Graph::new();
        let channels = vec![Some(0), Some(1)];
        let input = NodeKind::Input { device_channels: channels.clone() };
        let output = NodeKind::Output { device_channels: channels, alignment_groups: vec![Some(0); 2] };
        let nodes = [
            Node { audio_outputs: stereo(), ..Node::new("in", input) },
            Node { audio_inputs: stereo(), ..Node::new("out", output) },
        ];
        let added = graph.apply(nodes.map(|node| Edit::AddNode { id: None, node }).into()).unwrap().nodes;
        let (input, output) = (added[0], added[1]);
        let edge = Edge::audio(Endpoint::new(input, 0), Endpoint::new(output, 0), Matrix::diagonal(2));
        let dry = graph.apply(vec![Edit::Connect { id: None, edge }]).unwrap().edges[0];
        let mut rig = Self { graph, publisher, input, output, dry, effects: Vec::new(), edits: 0 };
        rig.publish();
        (rig, renderer)
    }

    fn publish(&mut self) -> bool {
        self.publisher.publish(&self.graph, NOW).unwrap() == Published::Sent
    }

    fn add_effect(&mut self, latency: u32, misbehaves: bool) {
        let node = Node {
            audio_inputs: stereo(),
            audio_outputs: stereo(),
            latency,
            in_place: true,
            bypassable: true,
            ..Node::processor("double")
        };
        let effect = self.graph.apply(vec![Edit::AddNode { id: None, node }]).unwrap().nodes[0];
        let cable = |from, to| {
            let edge = Edge::audio(Endpoint::new(from, 0), Endpoint::new(to, 0), Matrix::diagonal(2));
            Edit::Connect { id: None, edge }
        };
        self.graph.apply(vec![cable(self.input, effect), cable(effect, self.output)]).unwrap();
        self.publisher.give(effect, Box::new(Double { misbehaves }));
        self.effects.push(effect);
    }

    /// One edit after the other: effects with other latencies come and go, gains move, a bypass is switched.
    fn edit(&mut self) {
        self.publisher.returned();
        while self.publisher.report().is_some() || self.publisher.load().is_some() || self.publisher.level().is_some() {
        }
        match self.edits % 4 {
            0 => self.add_effect(self.edits as u32 % 70, false),
            1 => {
                let gain = 1.0 / (1 + self.edits % 5) as f32;
                let cell = Some(Cell::new(gain));
                let edit = Edit::SetCell { edge: self.dry, source: 0, destination: 0, cell };
                self.graph.apply(vec![edit]).unwrap();
                let _full = self.publisher.set_gain(&self.graph, self.dry, 0, 0, gain, NOW, 100);
            }
            2 => {
                if let Some(&node) = self.effects.last() {
                    for command in [
                        Command::Bypass { node, on: self.edits % 8 == 2 },
                        Command::Present { node, on: self.edits % 16 < 8 },
                        Command::Meter { node, on: true },
                        Command::Measure(self.edits.is_multiple_of(3)),
                        Command::Play(self.edits % 16 < 8),
                    ] {
                        let _full = self.publisher.send_now(command);
                    }
                }
            }
            _ if self.effects.len() > 3 => {
                let id = self.effects.remove(0);
                self.graph.apply(vec![Edit::RemoveNode { id }]).unwrap();
            }
            _ => {}
        }
        if self.publish() {
            self.edits += 1;
        }
    }
}

/// Thousands of blocks while edits land on them from another thread.
#[test]
fn rendering_makes_no_system_call() {
    let _turn = turn();
    let (mut rig, renderer) = Rig::new();
    let cell = RendererCell::new(renderer);
    let (input, mut left, mut right) = ([0.5; FRAMES], [0.0; FRAMES], [0.0; FRAMES]);
    // The other thread edits at its own pace; rendering goes on until enough has landed.
    let landed = AtomicU64::new(0);
    let trapped = guarded(
        20_000,
        |block| {
            let silent = block / 100 % 3 == 0;
            let input = if silent { &[0.0; FRAMES] } else { &input };
            assert!(cell.render(&[input, input], &mut [&mut left, &mut right], false));
            while block > 10_000 && landed.load(Ordering::Relaxed) < 100 {
                assert!(cell.render(&[input, input], &mut [&mut left, &mut right], false));
            }
        },
        || {
            rig.edit();
            landed.store(rig.edits, Ordering::Relaxed);
        },
    );
    assert_eq!(trapped, 0, "system call {}", LAST.load(Ordering::Relaxed));
    assert!(rig.edits >= 100, "{} edits landed", rig.edits);
}

/// The guard can fail: one system call of one processor is caught.
#[test]
fn a_system_call_is_caught() {
    let _turn = turn();
    let (mut rig, mut renderer) = Rig::new();
    rig.add_effect(0, true);
    assert!(rig.publish());
    let (input, mut left, mut right) = ([0.5; FRAMES], [0.0; FRAMES], [0.0; FRAMES]);
    let render = |_| renderer.render(&[&input, &input], &mut [&mut left, &mut right]);
    assert_eq!(guarded(20, render, || {}), 1);
    assert_eq!(LAST.load(Ordering::Relaxed), libc::SYS_getppid);
}
