//! The pedals of a zone: which are down where they come from, and where the zone has pressed them. A pedal goes up on the
//! channel on which it went down.

use super::on_channel;
use super::settings::Settings;
use crate::event::EventBody;

/// Sustain, sostenuto and hold 2.
const PEDALS: [u8; 3] = [64, 66, 69];

/// Whether a controller keeps notes sounding.
pub(super) fn is_pedal(controller: u8) -> bool {
    PEDALS.contains(&controller)
}

/// One pedal on one channel.
#[derive(Clone, Copy, Debug, Default)]
struct Pedal {
    /// Whether the player's foot is on it.
    down: bool,
    /// The channel on which the zone has pressed it.
    pressed: Option<u8>,
}

/// All pedals, by [`PEDALS`] and the channel on which they come.
#[derive(Debug, Default)]
pub(super) struct Pedals([[Pedal; 16]; 3]);

impl Pedals {
    /// The foot moved: passed on if pedals come through; a lift always, where the zone has pressed.
    pub fn message(
        &mut self,
        channel: u8,
        controller: u8,
        value: u8,
        body: EventBody,
        settings: &Settings,
        send: &mut impl FnMut(EventBody),
    ) {
        let Some(index) = PEDALS.iter().position(|pedal| *pedal == controller) else { return };
        let pedal = &mut self.0[index][usize::from(channel)];
        pedal.down = value >= 64;
        if !pedal.down {
            match pedal.pressed.take() {
                Some(output) if !self.is_pressed(index, output) => send(on_channel(body, output)),
                _ => {}
            }
        } else if let Some(output) = pedal.pressed.or_else(|| output(settings, channel)) {
            pedal.pressed = Some(output);
            send(on_channel(body, output));
        }
    }

    fn is_pressed(&self, index: usize, output: u8) -> bool {
        self.0[index].iter().any(|pedal| pedal.pressed == Some(output))
    }

    /// The settings have changed: pedals that are down are pressed where they come through now, and lifted if pedals do
    /// not come through any more. One that is pressed already stays where it is.
    pub fn settle(&mut self, settings: &Settings, send: &mut impl FnMut(EventBody)) {
        for channel in 0..16 {
            if !settings.pedals {
                self.lift(channel, send);
            } else if let Some(output) = output(settings, channel) {
                for (pedals, controller) in self.0.iter_mut().zip(PEDALS) {
                    let pedal = &mut pedals[usize::from(channel)];
                    if pedal.down && pedal.pressed.is_none() {
                        pedal.pressed = Some(output);
                        send(EventBody::Midi([0xB0 | output, controller, 127]));
                    }
                }
            }
        }
    }

    /// The controllers of a channel are reset: no foot is on its pedals.
    pub fn lift_all(&mut self, channel: u8, send: &mut impl FnMut(EventBody)) {
        self.lift(channel, send);
        for pedals in &mut self.0 {
            pedals[usize::from(channel)].down = false;
        }
    }

    fn lift(&mut self, channel: u8, send: &mut impl FnMut(EventBody)) {
        for (index, controller) in PEDALS.into_iter().enumerate() {
            if let Some(output) = self.0[index][usize::from(channel)].pressed.take()
                && !self.is_pressed(index, output)
            {
                send(EventBody::Midi([0xB0 | output, controller, 0]));
            }
        }
    }
}

/// Where a pedal of a channel is to be pressed.
fn output(settings: &Settings, channel: u8) -> Option<u8> {
    settings.channel(channel).filter(|_| settings.on && settings.pedals)
}
