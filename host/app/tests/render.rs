//! `crosspoint render` on files.

use crosspoint::offline::wav::{self, Audio};
use std::process::Command;

/// Half a second at 18 dB above full scale, with nothing in its way: the file has every sample of it. What guards the ears of
/// a stage has no say here.
#[test]
fn what_is_loud_is_written_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (loud, rendered) = (folder.path().join("loud.wav"), folder.path().join("rendered.wav"));
    let samples = (0..24_000).map(|frame| if frame % 100 < 50 { 8.0 } else { -8.0 }).collect();
    wav::write(&loud, &Audio { rate: 48_000, channels: vec![samples] }).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspoint"));
    command.arg("render").arg("--input").arg(&loud).arg("--output").arg(&rendered);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(wav::read(&rendered).unwrap().channels, wav::read(&loud).unwrap().channels);
}
