//! What a zone lets through and how it changes it: plain values, set by number. Holds no notes and sends nothing.

/// Parameter: whether new notes come through, from 0.5.
pub const ON: u32 = 0;
/// Parameter: the lowest key that comes through, 0 to 127.
pub const LOW_KEY: u32 = 1;
/// Parameter: the highest key that comes through, 0 to 127.
pub const HIGH_KEY: u32 = 2;
/// Parameter: the least velocity that comes through, 0 to 127.
pub const LOW_VELOCITY: u32 = 3;
/// Parameter: the greatest velocity that comes through, 0 to 127.
pub const HIGH_VELOCITY: u32 = 4;
/// Parameter: the channels that come through, bit n for channel n + 1; 65535 for all.
pub const CHANNELS: u32 = 5;
/// Parameter: the channel on which all leaves, 1 to 16, or 0 for the one on which it came.
pub const OUTPUT_CHANNEL: u32 = 6;
/// Parameter: semitones, -127 to 127. A key that would leave 0 to 127 does not come through.
pub const TRANSPOSE: u32 = 7;
/// Parameter: a [`Curve`] by its number.
pub const CURVE: u32 = 8;
/// Parameter: the exponent of [`Curve::Gamma`], 0.1 to 10.
pub const GAMMA: u32 = 9;
/// Parameter: added to the velocity behind the curve, -127 to 127.
pub const OFFSET: u32 = 10;
/// Parameter: the velocity of [`Curve::Fixed`], 1 to 127.
pub const FIXED_VELOCITY: u32 = 11;
/// Parameter: whether controllers other than pedals, and system messages, come through, from 0.5.
pub const CONTROLLERS: u32 = 12;
/// Parameter: whether the pedals that hold notes (64, 66, 69) come through, from 0.5. Off lifts them.
pub const PEDALS: u32 = 13;
/// Parameter: whether pitch bend comes through, from 0.5.
pub const BEND: u32 = 14;
/// Parameter: whether channel, key and note pressure come through, from 0.5.
pub const PRESSURE: u32 = 15;
/// Parameter: whether program changes come through, from 0.5.
pub const PROGRAMS: u32 = 16;
/// Parameter: an [`Mpe`] by its number.
pub const MPE: u32 = 17;
/// Parameter: member channels of the MPE zone, 1 to 15.
pub const MEMBERS: u32 = 18;
/// Parameter: whether held notes end when a change of the zone would not let them in as they are, from 0.5.
pub const ENDS_HELD: u32 = 19;

/// The values of all parameters until they are set, by their ids.
pub const INITIAL: [f64; 20] =
    [1.0, 0.0, 127.0, 0.0, 127.0, 65_535.0, 0.0, 0.0, 0.0, 1.0, 0.0, 100.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 15.0, 0.0];

/// From the velocity played to the velocity heard. None ever turns two velocities round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// 0: as played.
    Linear,
    /// 1: exponent 0.7.
    Soft,
    /// 2: exponent 0.45.
    Softer,
    /// 3: exponent 1.5.
    Hard,
    /// 4: exponent 2.25.
    Harder,
    /// 5: the exponent [`GAMMA`].
    Gamma,
    /// 6: always [`FIXED_VELOCITY`].
    Fixed,
}

/// A zone of MIDI polyphonic expression whose channels stay as they are and together. Source: "MIDI Polyphonic
/// Expression" 1.0 (M1-100-UM), section 2.1: the lower zone's manager is channel 1 with members from 2 up, the upper
/// zone's is channel 16 with members from 15 down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mpe {
    /// 0: channels are what [`CHANNELS`] and [`OUTPUT_CHANNEL`] say.
    Off,
    /// 1: the lower zone.
    Lower,
    /// 2: the upper zone.
    Upper,
}

/// All of a zone's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    pub on: bool,
    keys: (u8, u8),
    velocities: (u8, u8),
    channels: u16,
    output_channel: Option<u8>,
    transpose: i16,
    curve: Curve,
    gamma: f64,
    offset: f64,
    fixed_velocity: f64,
    pub controllers: bool,
    pub pedals: bool,
    pub bend: bool,
    pub pressure: bool,
    pub programs: bool,
    mpe: Mpe,
    members: u8,
    pub ends_held: bool,
}

impl Default for Settings {
    /// Lets everything through as it is.
    fn default() -> Self {
        Self {
            on: true,
            keys: (0, 127),
            velocities: (0, 127),
            channels: u16::MAX,
            output_channel: None,
            transpose: 0,
            curve: Curve::Linear,
            gamma: 1.0,
            offset: 0.0,
            fixed_velocity: 100.0 / 127.0,
            controllers: true,
            pedals: true,
            bend: true,
            pressure: true,
            programs: true,
            mpe: Mpe::Off,
            members: 15,
            ends_held: false,
        }
    }
}

impl Settings {
    /// Takes a value, brought into its range; what is not a number is not taken.
    pub fn set(&mut self, parameter: u32, value: f64) {
        if value.is_nan() {
            return;
        }
        let on = value >= 0.5;
        let whole = |least: f64, most: f64| value.round().clamp(least, most);
        let midi = whole(0.0, 127.0) as u8;
        match parameter {
            ON => self.on = on,
            LOW_KEY => self.keys.0 = midi,
            HIGH_KEY => self.keys.1 = midi,
            LOW_VELOCITY => self.velocities.0 = midi,
            HIGH_VELOCITY => self.velocities.1 = midi,
            CHANNELS => self.channels = whole(0.0, f64::from(u16::MAX)) as u16,
            OUTPUT_CHANNEL => self.output_channel = (whole(0.0, 16.0) as u8).checked_sub(1),
            TRANSPOSE => self.transpose = whole(-127.0, 127.0) as i16,
            CURVE => {
                self.curve = match whole(0.0, 6.0) as u8 {
                    0 => Curve::Linear,
                    1 => Curve::Soft,
                    2 => Curve::Softer,
                    3 => Curve::Hard,
                    4 => Curve::Harder,
                    5 => Curve::Gamma,
                    _ => Curve::Fixed,
                }
            }
            GAMMA => self.gamma = value.clamp(0.1, 10.0),
            OFFSET => self.offset = value.clamp(-127.0, 127.0) / 127.0,
            FIXED_VELOCITY => self.fixed_velocity = value.clamp(1.0, 127.0) / 127.0,
            CONTROLLERS => self.controllers = on,
            PEDALS => self.pedals = on,
            BEND => self.bend = on,
            PRESSURE => self.pressure = on,
            PROGRAMS => self.programs = on,
            MPE => {
                self.mpe = match whole(0.0, 2.0) as u8 {
                    0 => Mpe::Off,
                    1 => Mpe::Lower,
                    _ => Mpe::Upper,
                }
            }
            MEMBERS => self.members = whole(1.0, 15.0) as u8,
            ENDS_HELD => self.ends_held = on,
            _ => {}
        }
    }

    /// The channel on which a message of a channel leaves, if it comes through.
    pub fn channel(&self, channel: u8) -> Option<u8> {
        let member = match self.mpe {
            Mpe::Off => {
                let through = self.channels >> channel & 1 != 0;
                return through.then_some(self.output_channel.unwrap_or(channel));
            }
            Mpe::Lower => channel <= self.members,
            Mpe::Upper => channel >= 15 - self.members,
        };
        member.then_some(channel)
    }

    /// The channel and key by which a note of a velocity from 0 to 1 leaves, if it comes through.
    pub fn note(&self, channel: u8, key: u8, velocity: f64) -> Option<(u8, u8)> {
        let strength = (velocity * 127.0).round().clamp(0.0, 127.0) as u8;
        let through = self.on
            && (self.keys.0..=self.keys.1).contains(&key)
            && (self.velocities.0..=self.velocities.1).contains(&strength);
        let key = u8::try_from(i16::from(key) + self.transpose).ok().filter(|key| *key < 128)?;
        through.then_some((self.channel(channel)?, key))
    }

    /// The velocity heard for one played, both 0 to 1. Never so small that MIDI 1 would take it for a note-off.
    pub fn velocity(&self, played: f64) -> f64 {
        let curved = match self.curve {
            Curve::Linear => played,
            Curve::Soft => played.powf(0.7),
            Curve::Softer => played.powf(0.45),
            Curve::Hard => played.powf(1.5),
            Curve::Harder => played.powf(2.25),
            Curve::Gamma => played.powf(self.gamma),
            Curve::Fixed => return self.fixed_velocity,
        };
        (curved + self.offset).clamp(1.0 / 127.0, 1.0)
    }
}
