//! From what clients say of the transport to what the engine has it do.

use super::names::Refused;
use crate::remote::order::{Place, Position};
use crosspoint::{Action, SongPosition, TransportAction};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the transport is to do.
pub fn transport(action: TransportAction) -> Action {
    Action::Transport(action)
}

/// A place in the song. Clients count bars and beats from 1.
pub fn position(position: &Position) -> Result<SongPosition, Refused> {
    let Position { seconds, quarters, bar, beat } = *position;
    match (seconds, quarters, bar) {
        (Some(seconds), None, None) if beat.is_none() => Ok(SongPosition::Seconds(seconds)),
        (None, Some(quarters), None) if beat.is_none() => Ok(SongPosition::Quarters(quarters)),
        (None, None, Some(bar)) => {
            let bar = bar.checked_sub(1).ok_or("bars are counted from 1")?;
            Ok(SongPosition::Bar { bar, beat: beat.unwrap_or(1.0) - 1.0 })
        }
        _ => Err("say a place by `seconds`, by `quarters`, or by `bar` and `beat`".to_owned()),
    }
}

/// Loops between two places; no longer, if there are none.
pub fn looping(from: Option<Place>, to: Option<Place>) -> Result<Action, Refused> {
    let range = match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) => Some((position(&from.position())?, position(&to.position())?)),
        _ => return Err("a loop has both ends".to_owned()),
    };
    Ok(transport(TransportAction::Loop(range)))
}

/// When taps came that say so by a client's own clock: apart as that clock has them, however long each was under way.
#[derive(Default)]
pub struct Taps {
    /// The last one by the client's clock, in seconds, and by this one's.
    last: Mutex<Option<(f64, Instant)>>,
}

impl Taps {
    /// What a network may hold up or hurry a tap. What lies further off comes by another clock.
    const SLACK: Duration = Duration::from_millis(250);

    /// The moment of a tap that came now.
    pub fn moment(&self, at: Option<f64>, now: Instant) -> Instant {
        let Some(at) = at else { return now };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let by_client = last.and_then(|(before, moment)| {
            let apart = Duration::try_from_secs_f64(at - before).ok()?;
            let moment = moment.checked_add(apart)?;
            let is_near = moment.max(now).duration_since(moment.min(now)) < Self::SLACK;
            is_near.then_some(moment)
        });
        let moment = by_client.unwrap_or(now);
        *last = Some((at, moment));
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```text
    /// tapped     0     500    1000   1500      by the tablet
    /// arrives    10    590    1015   1504
    /// taken      10    510    1010   1510      half a second apart
    /// another's clock, or one that goes back: as it arrives
    /// ```
    #[test]
    fn taps_are_as_far_apart_as_they_were_tapped() {
        let (taps, start) = (Taps::default(), Instant::now());
        let arrives = |milliseconds| start + Duration::from_millis(milliseconds);
        let tapped = [(0.0, 10), (0.5, 590), (1.0, 1015), (1.5, 1504)];
        let taken = tapped.map(|(at, arrived)| taps.moment(Some(7000.0 + at), arrives(arrived)));
        assert_eq!(taken, [10, 510, 1010, 1510].map(arrives));
        for other in [12.0, 11.0, f64::NAN, 1e300, 8000.0] {
            assert_eq!(taps.moment(Some(other), arrives(2000)), arrives(2000), "{other}");
        }
        assert_eq!(taps.moment(None, arrives(2500)), arrives(2500));
    }

    /// Bars and beats count from 1 outside and from 0 inside; a place is said in one way.
    #[test]
    fn places_are_said_in_one_way() {
        let bar = Position { bar: Some(5), beat: Some(3.0), ..Position::default() };
        assert_eq!(position(&bar), Ok(SongPosition::Bar { bar: 4, beat: 2.0 }));
        for wrong in [
            Position::default(),
            Position { seconds: Some(1.0), ..bar.clone() },
            Position { beat: Some(1.0), ..Position::default() },
            Position { bar: Some(i32::MIN), ..Position::default() },
        ] {
            assert!(position(&wrong).is_err(), "{wrong:?}");
        }
        let place = |bar| Some(Place::Position(Position { bar: Some(bar), ..Position::default() }));
        assert!(looping(place(1), place(5)).is_ok() && looping(place(0), place(i32::MIN)).is_err());
        assert!(looping(place(1), None).is_err() && looping(None, None).is_ok());
    }
}
