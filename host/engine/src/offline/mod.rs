//! Rendering without a device: files in, files out, as fast as the machine goes. The same renderer and the same rig as on
//! a device.

pub mod midi;
pub mod wav;

use crate::controllers::Plugins;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notice::Notice;
use crosspoint_graph::event::Event;
use crosspoint_graph::{Load, NodeId};

/// What to render.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Device input channels. Shorter ones go on as silence.
    pub inputs: &'a [Vec<f32>],
    /// Device output channels that are wanted.
    pub outputs: usize,
    /// Frames of the result.
    pub frames: usize,
    /// Frames a block; changes nothing but the partition.
    pub block: usize,
    /// Whether the result lines up with the input: as many frames are left out at its start as the rig is late.
    pub compensate: bool,
    /// Events by frame, for an input node.
    pub events: &'a [(u64, Event)],
    /// The input node that they come in through.
    pub events_into: Option<NodeId>,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// Output channels.
    pub channels: Vec<Vec<f32>>,
    /// Frames by which the rig was late at the start. [`Notice::LatencyChanged`] is among the notices if that changed.
    pub latency: u32,
    /// What plugins and renderer had to say.
    pub notices: Vec<Notice>,
    /// Times of nodes and blocks, if they are measured.
    pub loads: Vec<Load>,
}

/// Events sent ahead of the block that is rendered.
const EVENTS_AHEAD: usize = 1024;

impl<P: Plugins> Engine<P> {
    /// Renders. `progress` is told how many frames are done; `false` from it stops early.
    ///
    /// # Errors
    /// [`EngineError::RendererBusy`] if a device plays, [`EngineError::OutOfRange`] for an absurd block.
    pub fn render(&mut self, job: &Job<'_>, mut progress: impl FnMut(usize) -> bool) -> Result<Rendered, EngineError> {
        if !(1..=1 << 20).contains(&job.block) {
            let range = "1 to 1,048,576 frames";
            return Err(EngineError::OutOfRange { what: "a block size", value: job.block as f64, range });
        }
        let mut notices = self.poll();
        let mut late = self.latency();
        let latency = if job.compensate { late } else { 0 };
        let total = job.frames + latency as usize;
        let cell = self.cell();
        let mut renderer = cell.take().ok_or(EngineError::RendererBusy)?;
        self.load_tracks();
        renderer.set_freewheel(true);
        let first_frame = renderer.frame();
        let silence = vec![0.0; job.block];
        let mut scratch = vec![vec![0.0; job.block]; job.outputs];
        let mut inputs = vec![vec![0.0; job.block]; job.inputs.len()];
        let mut channels = vec![Vec::with_capacity(job.frames); job.outputs];
        let mut events = job.events.iter().peekable();
        let mut loads = Vec::new();
        let mut done = 0;
        while done < total {
            let frames = job.block.min(total - done);
            let mut ahead = 0;
            while let Some(&(frame, event)) = events.next_if(|(frame, _)| *frame < (done + frames) as u64)
                && let Some(node) = job.events_into
            {
                self.send_event(node, first_frame + frame, event)?;
                ahead += 1;
                if ahead == EVENTS_AHEAD {
                    // More than the renderer takes at once: let it take these before the next.
                    renderer.render_frames(&[], &mut [], 0);
                    ahead = 0;
                }
            }
            for (piece, channel) in inputs.iter_mut().zip(job.inputs) {
                let rest = channel.get(done..).unwrap_or_default();
                let known = rest.len().min(frames);
                piece[..known].copy_from_slice(&rest[..known]);
                piece[known..frames].copy_from_slice(&silence[known..frames]);
            }
            let pieces: Vec<&[f32]> = inputs.iter().map(|piece| &piece[..frames]).collect();
            let mut out: Vec<&mut [f32]> = scratch.iter_mut().map(|piece| &mut piece[..frames]).collect();
            renderer.render_frames(&pieces, &mut out, frames);
            let skip = (latency as usize).saturating_sub(done).min(frames);
            for (channel, piece) in channels.iter_mut().zip(&scratch) {
                channel.extend_from_slice(&piece[skip..frames]);
            }
            done += frames;
            notices.extend(self.poll());
            let after = self.latency();
            if after != late {
                notices.push(Notice::LatencyChanged { before: late, after });
                late = after;
            }
            loads.extend(std::iter::from_fn(|| self.next_load()));
            if !progress(done.saturating_sub(latency as usize)) {
                break;
            }
        }
        renderer.set_freewheel(false);
        self.release_tracks();
        cell.put(renderer).map_err(|_| EngineError::RendererBusy)?;
        Ok(Rendered { channels, latency, notices, loads })
    }
}
