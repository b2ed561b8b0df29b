//! What some drivers have beside their streams: a window of their own, clocks to choose from, a position to be asked for.

use crate::error::StreamError;
use crate::period::PeriodTime;

/// What a driver can take its clock from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClockSource {
    /// What to hand to [`DriverControls::set_clock_source`].
    pub index: u32,
    /// As the driver calls it.
    pub name: String,
    /// The input that carries it, from 0; `None` if none does.
    pub channel: Option<u32>,
    /// Whether it is the one in use.
    pub is_current: bool,
}

/// What a driver has beside its stream. Used from the control thread; what a driver changes by it comes as a
/// [`Notice`](crate::Notice).
pub trait DriverControls {
    /// Opens the driver's own window. Returns at once, though some drivers answer nothing else until it is closed.
    ///
    /// # Errors
    /// If the driver is gone or has no window.
    fn open_panel(&mut self) -> Result<(), StreamError>;

    /// The clocks there are.
    ///
    /// # Errors
    /// If the driver is gone or does not say.
    fn clock_sources(&mut self) -> Result<Vec<ClockSource>, StreamError>;

    /// Takes the clock from another source, by its [`index`](ClockSource::index).
    ///
    /// # Errors
    /// If there is no such source, or no clock there.
    fn set_clock_source(&mut self, index: u32) -> Result<(), StreamError>;

    /// Where the driver is now, by its own count, and when that was.
    ///
    /// # Errors
    /// If it does not run.
    fn position(&mut self) -> Result<PeriodTime, StreamError>;
}
