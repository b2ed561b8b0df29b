//! Sample rates.

use crate::doctor::playing::{Blocks, Playing, USUAL};
use crate::doctor::report::Severity;
use crate::doctor::subject::{Stop, Subject};
use crate::plugin::Activation;

/// Those of interfaces.
const RATES: [f64; 6] = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 176_400.0, 192_000.0];

/// A fresh instance for each.
pub(crate) fn rates(subject: &mut Subject<'_>) -> Result<(), Stop> {
    for sample_rate in RATES {
        match Playing::start(subject.make()?, Activation { sample_rate, ..USUAL }) {
            Ok(mut playing) => {
                subject.usual_sound(&mut playing, subject.full_or_quick(0.5, 0.1), Blocks::Of(512));
                subject.close(playing);
            }
            Err(error) => {
                let means = "a rig at this rate bypasses it";
                subject.find(Severity::Warning, "rate-refused", error.to_string(), means);
            }
        }
    }
    Ok(())
}
