//! What compiling costs, against the least that any compiler of such a graph must do: sort flat arrays topologically and
//! give every channel a buffer. Both are measured in turns in the same run and in like conditions: each in a slice of its
//! own, several calls in a row after one that warms the caches, in CPU time of this thread alone. Each ratio is the median
//! over many rounds. Prints a line for each bound and exits with 1 if one is missed. `--only NAME` runs one case a fixed
//! number of times, for counting instructions.

use crosspoint_graph::compile::{Compiler, Context, Schedule};
use crosspoint_graph::nodes::gain;
use crosspoint_graph::{AudioPort, ChannelLayout, Edge, Endpoint, Graph, Matrix, Node, NodeId, NodeKind};
use std::hint::black_box;
use std::process::ExitCode;

const ROUNDS: usize = 201;
const BASELINES_A_SLICE: u32 = 9;
const COMPILES_A_SLICE: u32 = 3;
const LATENCY: u32 = 64;

fn main() -> ExitCode {
    if let Some(name) = std::env::args().skip_while(|argument| argument != "--only").nth(1) {
        return only(&name);
    }
    let rigs = Rigs::new();
    let mut compiler = Compiler::new();
    let before = compile(&mut compiler, &rigs.small.graph, Context::default());
    let follows = Context { previous: Some(&before), adjustable: &[] };
    let mut time = |graph: &Graph, context: Context<'_>| {
        nanoseconds(COMPILES_A_SLICE, || {
            black_box(compile(&mut compiler, graph, context));
        })
    };
    let [mut baselines, mut wholes, mut nothing, mut latent, mut edit, mut growth] = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        let baseline = nanoseconds(BASELINES_A_SLICE, || {
            black_box(rigs.small.flat.sort_and_assign());
        });
        let whole = time(&rigs.small.graph, Context::default());
        baselines.push(baseline);
        wholes.push(whole);
        nothing.push(whole / baseline);
        latent.push(time(&rigs.latent.graph, Context::default()) / baseline);
        edit.push(time(&rigs.edited, follows) / baseline);
        growth.push(time(&rigs.large.graph, Context::default()) / whole);
    }
    println!("baseline {:.1} us, compile {:.1} us", median(baselines) / 1000.0, median(wholes) / 1000.0);
    let mut ok = report("compile-1000", median(nothing), 10.0);
    ok &= report("compile-1000-latent", median(latent), 10.0);
    ok &= report("compile-1000-edit", median(edit), 10.0);
    ok &= report("compile-5000-growth", median(growth), 7.0);
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles one case, or runs its baseline, 100 times: the difference of two counts is that of the loops.
fn only(name: &str) -> ExitCode {
    let rigs = Rigs::new();
    let mut compiler = Compiler::new();
    let before = compile(&mut compiler, &rigs.small.graph, Context::default());
    let mut repeat = |graph: &Graph, context: Context<'_>| {
        (0..100).for_each(|_| drop(black_box(compile(&mut compiler, graph, context))));
    };
    match name {
        "compile-1000" => repeat(&rigs.small.graph, Context::default()),
        "compile-1000-latent" => repeat(&rigs.latent.graph, Context::default()),
        "compile-1000-edit" => repeat(&rigs.edited, Context { previous: Some(&before), adjustable: &[] }),
        "baseline-1000" => (0..100).for_each(|_| {
            black_box(rigs.small.flat.sort_and_assign());
        }),
        "nothing" => {}
        other => {
            eprintln!(
                "no case is called {other}; there are compile-1000, compile-1000-latent, compile-1000-edit, \
                 baseline-1000, nothing"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compile(compiler: &mut Compiler, graph: &Graph, context: Context<'_>) -> Schedule {
    compiler.compile(graph, context).expect("the graph compiles")
}

fn report(name: &str, ratio: f64, bound: f64) -> bool {
    let ok = ratio <= bound;
    println!("bench {name} ratio {ratio:.3} bound {bound:.2} {}", if ok { "ok" } else { "MISSED" });
    ok
}

/// Of one call, after one that is not counted.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    call();
    let start = clock::nanoseconds();
    (0..calls).for_each(|_| call());
    (clock::nanoseconds() - start) / f64::from(calls)
}

/// CPU time of this thread: what else the machine does in between does not count.
#[cfg(unix)]
mod clock {
    pub fn nanoseconds() -> f64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes one `timespec`.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        assert_eq!(result, 0, "the system has a clock for each thread");
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    }
}

/// Time of day, where there is no simple clock for a thread.
#[cfg(not(unix))]
mod clock {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub fn nanoseconds() -> f64 {
        START.elapsed().as_nanos() as f64
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Rigs {
    small: Case,
    /// The same with latencies.
    latent: Case,
    /// The small one with an edge more.
    edited: Graph,
    large: Case,
}

impl Rigs {
    fn new() -> Self {
        let small = Case::new(1_000, 2_000, |_| 0);
        let latent = Case::new(1_000, 2_000, |place| if place % 10 == 9 { LATENCY } else { 0 });
        Self { edited: small.with_one_more_edge(), latent, large: Case::new(5_000, 10_000, |_| 0), small }
    }
}

/// A graph of stereo nodes, each fed by earlier ones, the last by an output; and the same as flat arrays.
struct Case {
    graph: Graph,
    flat: Flat,
    nodes: Vec<NodeId>,
}

impl Case {
    fn new(nodes: usize, edges: usize, latency: fn(usize) -> u32) -> Self {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % bound as u64) as usize
        };
        // Every node but the first hears the one before or a random earlier one; the rest of the edges are random.
        let mut pairs: Vec<(usize, usize)> = (1..nodes).map(|node| (node - 1 - below(node.min(8)), node)).collect();
        while pairs.len() < edges {
            let to = 1 + below(nodes - 1);
            pairs.push((below(to), to));
        }
        let mut graph = Graph::new();
        let (ids, _) = graph
            .edit(|t| {
                let mut ids = Vec::new();
                for place in 0..nodes {
                    let stereo = vec![AudioPort::new("main", ChannelLayout::Stereo)];
                    let device_channels = vec![Some(0), Some(1)];
                    ids.push(t.add_node(match place {
                        0 => Node { audio_outputs: stereo, ..Node::new("in", NodeKind::Input { device_channels }) },
                        _ if place == nodes - 1 => {
                            let kind = NodeKind::Output { device_channels, alignment_groups: vec![None, None] };
                            Node { audio_inputs: stereo, ..Node::new("out", kind) }
                        }
                        _ => Node { latency: latency(place), ..gain::node("gain", ChannelLayout::Stereo) },
                    })?);
                }
                for &(from, to) in &pairs {
                    let (from, to) = (Endpoint::new(ids[from], 0), Endpoint::new(ids[to], 0));
                    t.connect(Edge::audio(from, to, Matrix::diagonal(2)))?;
                }
                Ok(ids)
            })
            .expect("the graph is sound");
        Self { graph, flat: Flat::new(nodes, &pairs), nodes: ids }
    }

    fn with_one_more_edge(&self) -> Graph {
        let mut graph = self.graph.clone();
        let (from, to) = (Endpoint::new(self.nodes[10], 0), Endpoint::new(self.nodes[500], 0));
        graph.edit(|t| t.connect(Edge::audio(from, to, Matrix::diagonal(2)))).expect("the edge fits");
        graph
    }
}

/// Edges by source and by destination in flat arrays.
struct Flat {
    first_out: Vec<u32>,
    out: Vec<u32>,
    first_in: Vec<u32>,
    incoming: Vec<u32>,
}

impl Flat {
    fn new(nodes: usize, pairs: &[(usize, usize)]) -> Self {
        let index = |key: fn(&(usize, usize)) -> (usize, usize)| {
            let mut lists = vec![Vec::new(); nodes];
            pairs.iter().map(key).for_each(|(at, other)| lists[at].push(other as u32));
            let mut first = vec![0];
            let mut all = Vec::new();
            for list in lists {
                all.extend(list);
                first.push(all.len() as u32);
            }
            (first, all)
        };
        let (first_out, out) = index(|&(from, to)| (from, to));
        let (first_in, incoming) = index(|&(from, to)| (to, from));
        Self { first_out, out, first_in, incoming }
    }

    /// Kahn's sort, with two buffers for each node from its turn to that of its last reader. Returns the buffers used.
    fn sort_and_assign(&self) -> u32 {
        let nodes = self.first_out.len() - 1;
        let mut waiting: Vec<u32> = (0..nodes).map(|node| self.first_in[node + 1] - self.first_in[node]).collect();
        let mut readers: Vec<u32> = (0..nodes).map(|node| self.first_out[node + 1] - self.first_out[node]).collect();
        let mut ready: Vec<u32> = (0..nodes as u32).filter(|&node| waiting[node as usize] == 0).collect();
        let mut order = Vec::with_capacity(nodes);
        let mut buffers = vec![[u32::MAX; 2]; nodes];
        let mut free = Vec::new();
        let mut used = 0;
        while let Some(node) = ready.pop() {
            order.push(node);
            let node = node as usize;
            for buffer in &mut buffers[node] {
                *buffer = free.pop().unwrap_or_else(|| {
                    used += 1;
                    used - 1
                });
            }
            for &source in &self.incoming[self.first_in[node] as usize..self.first_in[node + 1] as usize] {
                readers[source as usize] -= 1;
                if readers[source as usize] == 0 {
                    free.extend(buffers[source as usize]);
                }
            }
            for &next in &self.out[self.first_out[node] as usize..self.first_out[node + 1] as usize] {
                waiting[next as usize] -= 1;
                if waiting[next as usize] == 0 {
                    ready.push(next);
                }
            }
        }
        black_box((order, buffers));
        used
    }
}
