//! What a device's driver has beside its stream: its own window, and clocks to choose from.

use crate::failure::Failure;
use crosspoint::devices::{ClockSource, DriverControls};

/// Where these are to be had.
const NONE: &str = "the device's driver has nothing of that: it is for drivers of ASIO; leave it out";

/// Opens the driver's own window.
///
/// # Errors
/// If it has none.
pub fn open_panel(controls: Option<&mut dyn DriverControls>) -> Result<(), Failure> {
    let controls = controls.ok_or_else(|| Failure::new(format_args!("--panel: {NONE}")))?;
    controls.open_panel().map_err(|error| Failure::new(format_args!("--panel: {error}")))
}

/// Takes the clock from another source, which is named by its number, its name or a part of that. Says what was done.
///
/// # Errors
/// If there is no such source, or no clock there; the error lists what there is.
pub fn choose_clock(controls: Option<&mut dyn DriverControls>, wanted: &str) -> Result<String, Failure> {
    let failed = |reason: String| Failure::new(format_args!("--clock {wanted}: {reason}"));
    let controls = controls.ok_or_else(|| failed(NONE.to_owned()))?;
    let sources = controls.clock_sources().map_err(|error| failed(error.to_string()))?;
    let source = find(&sources, wanted).map_err(failed)?;
    if source.is_current {
        return Ok(format!("the clock is {} already", source.name));
    }
    controls.set_clock_source(source.index).map_err(|error| failed(error.to_string()))?;
    Ok(format!("the clock is {} from now on", source.name))
}

/// A number comes before a name, and a whole name before parts of one.
fn find<'a>(sources: &'a [ClockSource], wanted: &str) -> Result<&'a ClockSource, String> {
    let lower = wanted.trim().to_lowercase();
    let by = |is_it: &dyn Fn(&ClockSource) -> bool| sources.iter().filter(|source| is_it(source)).collect::<Vec<_>>();
    let ways = [
        by(&|source| lower.parse() == Ok(source.index)),
        by(&|source| source.name.to_lowercase() == lower),
        by(&|source| !lower.is_empty() && source.name.to_lowercase().contains(&lower)),
    ];
    let listed = || {
        let shown = sources.iter().map(|source| format!("{} ({})", source.name, source.index));
        shown.collect::<Vec<_>>().join(", ")
    };
    match ways.iter().find(|found| !found.is_empty()).map(Vec::as_slice) {
        Some([source]) => Ok(source),
        Some(_) => Err(format!("several clocks are called so: choose one of {}", listed())),
        None if sources.is_empty() => Err("the driver has one clock, and none to choose from".to_owned()),
        None => Err(format!("there is no such clock: choose one of {}", listed())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint::devices::{PeriodTime, StreamError};

    /// A driver with these clocks, and what it was told.
    struct Clocks(Vec<ClockSource>, Vec<u32>);

    impl DriverControls for Clocks {
        fn open_panel(&mut self) -> Result<(), StreamError> {
            Err(StreamError::Lost { device: "box".to_owned() })
        }

        fn clock_sources(&mut self) -> Result<Vec<ClockSource>, StreamError> {
            Ok(self.0.clone())
        }

        fn set_clock_source(&mut self, index: u32) -> Result<(), StreamError> {
            self.1.push(index);
            Ok(())
        }

        fn position(&mut self) -> Result<PeriodTime, StreamError> {
            Err(StreamError::Lost { device: "box".to_owned() })
        }
    }

    fn clocks() -> Clocks {
        let source =
            |index, name: &str, is_current| ClockSource { index, name: name.to_owned(), channel: None, is_current };
        let sources = [(0, "Internal", true), (2, "Word Clock", false), (5, "ADAT 1", false), (6, "ADAT 2", false)];
        Clocks(sources.map(|(index, name, current)| source(index, name, current)).to_vec(), Vec::new())
    }

    /// The 2 in a name is no number of a clock.
    #[test]
    fn a_clock_is_chosen_by_number_name_or_part_of_a_name() {
        for (wanted, index) in [("2", 2), ("word clock", 2), ("Word", 2), ("adat 2", 6), ("5", 5)] {
            let mut clocks = clocks();
            choose_clock(Some(&mut clocks), wanted).unwrap();
            assert_eq!(clocks.1, [index], "{wanted}");
        }
        let mut clocks = clocks();
        assert!(choose_clock(Some(&mut clocks), "internal").unwrap().contains("already"));
        assert_eq!(clocks.1, [0; 0], "a driver may interrupt the stream for it");
    }

    #[test]
    fn what_cannot_be_chosen_says_what_can() {
        let refusal =
            |clocks: Option<&mut dyn DriverControls>, wanted| choose_clock(clocks, wanted).unwrap_err().to_string();
        assert!(refusal(Some(&mut clocks()), "adat").contains("several clocks"));
        let unknown = refusal(Some(&mut clocks()), "3");
        assert!(unknown.contains("choose one of Internal (0), Word Clock (2), ADAT 1 (5)"), "{unknown}");
        assert!(refusal(Some(&mut clocks()), "").contains("no such clock"));
        assert!(refusal(Some(&mut Clocks(Vec::new(), Vec::new())), "1").contains("none to choose from"));
        assert!(refusal(None, "1").contains("for drivers of ASIO"));
        assert!(open_panel(None).unwrap_err().to_string().contains("--panel: the device's driver"));
        assert!(open_panel(Some(&mut clocks())).unwrap_err().to_string().contains("is gone"));
    }
}
