//! What compiling costs, against the least that any compiler of such a graph must do: sort flat arrays topologically and
//! give every channel a buffer; of a rig with latencies also say how late each edge is, and give what is heard later a
//! buffer of its own. Both are measured in turns in the same run and in like conditions, in CPU time of this thread alone;
//! each ratio is that of the medians over many rounds. Prints a line for each bound and exits with 1 if one is missed.
//!
//! There are two conditions. Warm, each call follows two of its like: caches and the branch predictor know it, which helps
//! the baseline most, whose few branches are then known by heart. Cold, as a compile comes to a user, once after a command:
//! other work has gone through the caches and the predictor before each call. `--only NAME` runs one case a fixed number of
//! times, for counting instructions.

mod measure;

use crosspoint_graph::compile::{Compiler, Context, Schedule};
use crosspoint_graph::nodes::gain;
use crosspoint_graph::{AudioPort, ChannelLayout, Edge, Endpoint, Graph, Matrix, Node, NodeId, NodeKind};
use measure::{median, report, thread_nanoseconds};
use std::hint::black_box;
use std::process::ExitCode;

const ROUNDS: usize = 151;
const LATENCY: u32 = 64;

fn main() -> ExitCode {
    if let Some(name) = std::env::args().skip_while(|argument| argument != "--only").nth(1) {
        return only(&name);
    }
    let rigs = Rigs::new();
    let mut other_work = OtherWork::new();
    let cold = Times::of(&rigs, |call| {
        other_work.run();
        thread_nanoseconds(call)
    });
    let warm = Times::of(&rigs, |call| {
        call();
        call();
        thread_nanoseconds(call)
    });
    cold.print("cold");
    warm.print("warm");
    let mut ok = true;
    for (times, suffix) in [(&warm, ""), (&cold, "-cold")] {
        ok &= report(&format!("compile-1000{suffix}"), times.whole / times.baseline, 10.0);
        ok &= report(&format!("compile-1000-edit{suffix}"), times.edit / times.baseline, 10.0);
        ok &= report(&format!("compile-1000-latent{suffix}"), times.latent / times.latent_baseline, 10.0);
        ok &= report(&format!("compile-5000-growth{suffix}"), times.large / times.whole, 7.0);
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Medians in nanoseconds.
struct Times {
    baseline: f64,
    whole: f64,
    edit: f64,
    latent_baseline: f64,
    latent: f64,
    large: f64,
}

/// One call of what a case measures.
type Call<'a> = Box<dyn FnMut(&mut Compiler) + 'a>;

impl Times {
    /// All cases in turns, each call timed by `time`.
    fn of(rigs: &Rigs, mut time: impl FnMut(&mut dyn FnMut()) -> f64) -> Self {
        let mut compiler = Compiler::new();
        let before = compile(&mut compiler, &rigs.small.graph, Context::default());
        let follows = Context { previous: Some(&before), ..Context::default() };
        let mut cases: [(Vec<f64>, Call<'_>); 6] = [
            (vec![], Box::new(|_| _ = black_box(rigs.small.flat.sort_and_assign()))),
            (vec![], Box::new(|compiler| _ = black_box(compile(compiler, &rigs.small.graph, Context::default())))),
            (vec![], Box::new(|compiler| _ = black_box(compile(compiler, &rigs.edited, follows)))),
            (vec![], Box::new(|_| _ = black_box(rigs.latent.flat.sort_align_and_assign()))),
            (vec![], Box::new(|compiler| _ = black_box(compile(compiler, &rigs.latent.graph, Context::default())))),
            (vec![], Box::new(|compiler| _ = black_box(compile(compiler, &rigs.large.graph, Context::default())))),
        ];
        for _ in 0..ROUNDS {
            for (times, call) in &mut cases {
                times.push(time(&mut || call(&mut compiler)));
            }
        }
        let [baseline, whole, edit, latent_baseline, latent, large] = cases.map(|(times, _)| median(times));
        Self { baseline, whole, edit, latent_baseline, latent, large }
    }

    fn print(&self, when: &str) {
        println!(
            "{when}: baseline {:.1} us, compile {:.1} us ({:.1}), edit {:.1} us ({:.1}); latent: baseline {:.1} us, compile \
             {:.1} us ({:.1})",
            self.baseline / 1e3,
            self.whole / 1e3,
            self.whole / self.baseline,
            self.edit / 1e3,
            self.edit / self.baseline,
            self.latent_baseline / 1e3,
            self.latent / 1e3,
            self.latent / self.latent_baseline,
        );
    }
}

/// What a program does between two commands, as far as a compile feels it: other memory in the caches, other branches in
/// the predictor.
struct OtherWork {
    memory: Vec<u64>,
    random: u64,
}

impl OtherWork {
    fn new() -> Self {
        Self { memory: vec![1; 1 << 20], random: 0x2545_f491_4f6c_dd1d }
    }

    fn run(&mut self) {
        for place in (0..self.memory.len()).step_by(8) {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let memory = &mut self.memory[place];
            if self.random & 1 == 0 {
                *memory = memory.wrapping_mul(3);
            } else if self.random & 2 == 0 {
                *memory ^= self.random;
            }
        }
        black_box(&self.memory);
    }
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
        "compile-5000" => repeat(&rigs.large.graph, Context::default()),
        "compile-1000-edit" => repeat(&rigs.edited, Context { previous: Some(&before), ..Context::default() }),
        "baseline-1000" => (0..100).for_each(|_| {
            black_box(rigs.small.flat.sort_and_assign());
        }),
        "baseline-1000-latent" => (0..100).for_each(|_| {
            black_box(rigs.latent.flat.sort_align_and_assign());
        }),
        "nothing" => {}
        other => {
            eprintln!(
                "no case is called {other}; there are compile-1000, compile-1000-latent, compile-1000-edit, \
                 compile-5000, baseline-1000, baseline-1000-latent, nothing"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compile(compiler: &mut Compiler, graph: &Graph, context: Context<'_>) -> Schedule {
    compiler.compile(graph, context).expect("the graph compiles")
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
        let latencies = (0..nodes).map(|place| if (1..nodes - 1).contains(&place) { latency(place) } else { 0 });
        Self { graph, flat: Flat::new(latencies.collect(), &pairs), nodes: ids }
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
    latencies: Vec<u32>,
}

/// What is heard of a node later: so late, read so often, from these buffers.
struct Late {
    delay: u32,
    readers: u32,
    buffers: [u32; 2],
    next: u32,
}

impl Flat {
    fn new(latencies: Vec<u32>, pairs: &[(usize, usize)]) -> Self {
        let nodes = latencies.len();
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
        Self { first_out, out, first_in, incoming, latencies }
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
            for &source in &self.incoming[self.edges_into(node)] {
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

    fn edges_into(&self, node: usize) -> std::ops::Range<usize> {
        self.first_in[node] as usize..self.first_in[node + 1] as usize
    }

    /// The same with latencies: how late every edge is, and buffers for all that is heard later, shared by equal delays.
    fn sort_align_and_assign(&self) -> u32 {
        let nodes = self.latencies.len();
        let mut waiting: Vec<u32> = (0..nodes).map(|node| self.first_in[node + 1] - self.first_in[node]).collect();
        let mut ready: Vec<u32> = (0..nodes as u32).filter(|&node| waiting[node as usize] == 0).collect();
        let mut order = Vec::with_capacity(nodes);
        let mut arrivals = vec![0; nodes];
        let mut readers = vec![0_u32; nodes];
        let mut first_late = vec![u32::MAX; nodes];
        let mut late: Vec<Late> = Vec::new();
        let mut heard = vec![u32::MAX; self.incoming.len()];
        while let Some(node) = ready.pop() {
            order.push(node);
            let node = node as usize;
            let arrival = self.edges_into(node).map(|edge| arrivals[self.incoming[edge] as usize]).max().unwrap_or(0);
            for edge in self.edges_into(node) {
                let source = self.incoming[edge] as usize;
                let delay = arrival - arrivals[source];
                if delay == 0 {
                    readers[source] += 1;
                    continue;
                }
                let mut place = first_late[source];
                while place != u32::MAX && late[place as usize].delay != delay {
                    place = late[place as usize].next;
                }
                if place == u32::MAX {
                    place = late.len() as u32;
                    late.push(Late { delay, readers: 0, buffers: [u32::MAX; 2], next: first_late[source] });
                    first_late[source] = place;
                }
                late[place as usize].readers += 1;
                heard[edge] = place;
            }
            arrivals[node] = arrival + self.latencies[node];
            for &next in &self.out[self.first_out[node] as usize..self.first_out[node + 1] as usize] {
                waiting[next as usize] -= 1;
                if waiting[next as usize] == 0 {
                    ready.push(next);
                }
            }
        }
        let mut buffers = vec![[u32::MAX; 2]; nodes];
        let mut free = Vec::new();
        let mut used = 0;
        let mut take = |free: &mut Vec<u32>| {
            free.pop().unwrap_or_else(|| {
                used += 1;
                used - 1
            })
        };
        for &node in &order {
            let node = node as usize;
            for edge in self.edges_into(node).filter(|&edge| heard[edge] != u32::MAX) {
                let late = &mut late[heard[edge] as usize];
                if late.buffers[0] == u32::MAX {
                    late.buffers = [take(&mut free), take(&mut free)];
                }
            }
            buffers[node] = [take(&mut free), take(&mut free)];
            for edge in self.edges_into(node) {
                let (readers, buffers) = match late.get_mut(heard[edge] as usize) {
                    Some(late) => (&mut late.readers, late.buffers),
                    None => {
                        let source = self.incoming[edge] as usize;
                        (&mut readers[source], buffers[source])
                    }
                };
                *readers -= 1;
                if *readers == 0 {
                    free.extend(buffers);
                }
            }
        }
        black_box((order, buffers, late));
        used
    }
}
