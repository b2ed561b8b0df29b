//! What the engine has to tell, for programs: documents that remote control hands on.

use super::describe;
use super::device_events::device_event;
use crosspoint::Notice;
use serde_json::{Value, json};

/// A notice as a document: what `kind` it is, and what there is to say of it. None for what nobody needs to know.
pub fn document(notice: &Notice) -> Option<Value> {
    Some(match notice {
        Notice::ScenePlays { scene } => json!({ "kind": "scene", "scene": scene }),
        Notice::SceneNotPrepared { scene, waits_for } => {
            json!({ "kind": "scene_not_prepared", "scene": scene, "waits_for": waits_for })
        }
        Notice::MomentTaken { moment } => json!({ "kind": "moment_taken", "moment": moment }),
        Notice::Learned { role, message, mapping } => json!({
            "kind": "learned", "role": role, "message": message.to_string(), "mapping": mapping.map(|place| place + 1),
        }),
        Notice::LearningStopped => json!({ "kind": "learning_stopped" }),
        Notice::OutputClosed { name, blamed, .. } => json!({
            "kind": "output_closed", "output": name, "blamed": blamed.as_ref().map(|(_, name)| name),
            "message": describe(notice),
        }),
        Notice::OutputOpened { name, .. } => {
            json!({ "kind": "output_opened", "output": name, "message": describe(notice) })
        }
        Notice::Overloaded { name, share, .. } => {
            json!({ "kind": "overloaded", "node": name, "share": share, "message": describe(notice) })
        }
        Notice::Recovered { name, .. } => {
            json!({ "kind": "recovered", "node": name, "message": describe(notice) })
        }
        Notice::NearDeadline { share } => {
            json!({ "kind": "near_deadline", "share": share, "message": describe(notice) })
        }
        Notice::Xrun(entry) => json!({ "kind": "xrun", "share": entry.share, "message": describe(notice) }),
        Notice::ClockFollowed { role, tempo } => {
            json!({ "kind": "clock_followed", "role": role, "tempo": tempo, "message": describe(notice) })
        }
        Notice::ClockLost { role, tempo } => {
            json!({ "kind": "clock_lost", "role": role, "tempo": tempo, "message": describe(notice) })
        }
        Notice::TrackLate { name, .. } | Notice::TrackUnreadable { name, .. } => {
            json!({ "kind": "track", "node": name, "message": describe(notice) })
        }
        Notice::Panic => json!({ "kind": "panic" }),
        Notice::Ready { name, problems, .. } => json!({ "kind": "ready", "node": name, "problems": problems }),
        notice => match (device_event(notice), describe(notice)) {
            (Some(event), _) => json!({ "kind": "device", "event": event.event, "message": event.message }),
            (None, message) => json!({ "kind": "problem", "message": message? }),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint::session::{ControlMessage, MessageKind};

    /// Places are counted from 1, as orders count them.
    #[test]
    fn what_is_told_can_be_used_in_orders() {
        let message = ControlMessage::on(MessageKind::Controller(7), 0);
        let learned = |mapping| document(&Notice::Learned { role: "pedal".into(), message, mapping }).unwrap();
        assert_eq!(
            learned(Some(0)),
            json!({ "kind": "learned", "role": "pedal", "message": "cc 7 channel 1", "mapping": 1 })
        );
        assert_eq!(learned(None)["mapping"], Value::Null);
        let lost = document(&Notice::MidiLost { count: 3 }).unwrap();
        assert!(lost["kind"] == "problem" && lost["message"].as_str().unwrap().contains('3'));
    }
}
