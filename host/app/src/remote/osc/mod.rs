//! OSC over UDP: another way in for the same orders. Hears who may speak, reads no more than a sender may send, counts what it
//! refuses, and tells subscribers what changes until their time is up. Never waits for a sender.

mod address;
mod packets;
mod state;

use super::access::Refusals;
use super::allowance::Allowance;
use super::desk::{Answer, Desk};
use super::order::Order;
use super::service::Shared;
use super::subscription::{News, Subscription};
use address::{Errand, ROOT, errand};
use packets::{LONGEST, packed, read};
use rosc::{OscMessage, OscType};
use serde_json::Value;
use state::State;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::UdpSocket;

/// Senders at once.
const SENDERS: usize = 32;
/// Orders of a sender that wait for their answers.
const IN_FLIGHT: usize = 64;
/// How long one is remembered who says nothing, and one whose place another could use.
const REMEMBERED: Duration = Duration::from_secs(600);
const IDLE: Duration = Duration::from_secs(10);
/// How often answers are looked for, and how often what changes is told.
const TICK: Duration = Duration::from_millis(5);
const TELL: Duration = Duration::from_millis(33);

/// One who sends.
struct Sender {
    allowance: Allowance,
    heard: Instant,
    /// Whether it has said the token.
    is_known: bool,
    answers: Vec<(String, Answer)>,
    feedback: Option<Feedback>,
    /// Whether it was told that nothing waits for a time tag.
    is_told_of_time: bool,
    /// Whether it has begun a gesture and not ended it.
    in_gesture: bool,
}

/// What a subscriber is told, and what it was told last.
struct Feedback {
    subscription: Subscription,
    until: Instant,
    rig: State,
    levels: State,
    playhead: State,
}

/// The server.
struct Osc {
    shared: Arc<Shared>,
    needs_token: bool,
    senders: HashMap<SocketAddr, Sender>,
    told: Instant,
    /// Packets on their way.
    outbox: Vec<(SocketAddr, Vec<u8>)>,
}

/// Serves until it is dropped. Whoever is on another machine needs the token; so does everybody if the socket can be reached
/// from there.
pub async fn serve(socket: UdpSocket, shared: Arc<Shared>) {
    let needs_token = socket.local_addr().map_or(true, |address| !address.ip().is_loopback());
    let mut osc = Osc { shared, needs_token, senders: HashMap::new(), told: Instant::now(), outbox: Vec::new() };
    let mut packet = vec![0; LONGEST + 1];
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // What the system says of a packet that did not arrive is no reason to stop.
            received = socket.recv_from(&mut packet) => {
                if let Ok((length, from)) = received {
                    osc.hear(&packet[..length], from);
                }
            }
            _ = tick.tick() => osc.tell(),
        }
        for (to, packet) in osc.outbox.drain(..) {
            // Who cannot be reached, or not fast enough, misses it.
            let _ = socket.try_send_to(&packet, to);
        }
    }
}

impl Osc {
    fn hear(&mut self, packet: &[u8], from: SocketAddr) {
        let refusals = self.shared.refusals.clone();
        if packet.len() > LONGEST {
            return Refusals::count(&refusals.huge);
        }
        let now = Instant::now();
        let is_known = !self.needs_token || self.senders.get(&from).is_some_and(|sender| sender.is_known);
        let heard = read(packet, SystemTime::now());
        if !is_known {
            // A stranger gets no answer: it may not be where it says it is.
            match heard.as_ref().map(|heard| heard.messages.iter().map(errand).next()) {
                Ok(Some(Ok(Errand::Hello(token)))) if self.shared.token.is(&token) => {}
                _ => return Refusals::count(&refusals.unauthorised),
            }
        }
        if !self.make_room(from, now) {
            return Refusals::count(&refusals.flooding);
        }
        let Some(sender) = self.senders.get_mut(&from) else { return };
        (sender.heard, sender.is_known) = (now, true);
        let heard = match heard {
            Ok(heard) => heard,
            Err(why) => {
                Refusals::count(&refusals.malformed);
                if sender.allowance.spend(now) {
                    self.say(from, [refusal("", &why)]);
                }
                return;
            }
        };
        if heard.is_later && !std::mem::replace(&mut sender.is_told_of_time, true) {
            self.say(
                from,
                [message("note", vec![text("time tags are not waited for: what they hold is done at once")])],
            );
        }
        for message in heard.messages {
            self.obey(&message, from, now);
        }
    }

    /// Remembers a sender, if there is room for it.
    fn make_room(&mut self, from: SocketAddr, now: Instant) -> bool {
        if !self.senders.contains_key(&from) {
            if self.senders.len() >= SENDERS {
                let idle = |sender: &Sender| sender.feedback.is_none() && sender.answers.is_empty();
                self.forget(|sender| idle(sender) && now.duration_since(sender.heard) >= IDLE);
            }
            if self.senders.len() >= SENDERS {
                return false;
            }
            let sender = Sender {
                allowance: Allowance::new(now),
                heard: now,
                is_known: false,
                answers: Vec::new(),
                feedback: None,
                is_told_of_time: false,
                in_gesture: false,
            };
            self.senders.insert(from, sender);
        }
        true
    }

    /// Forgets who is gone, who lifts no finger any more.
    fn forget(&mut self, is_gone: impl Fn(&Sender) -> bool) {
        let gone = self.senders.extract_if(|_, sender| is_gone(sender));
        if gone.filter(|(_, sender)| sender.in_gesture).count() > 0 {
            let _ended = self.shared.desk.begin(Order::Gesture { on: false });
        }
    }

    fn obey(&mut self, told: &OscMessage, from: SocketAddr, now: Instant) {
        let (shared, refusals) = (self.shared.clone(), self.shared.refusals.clone());
        let Some(sender) = self.senders.get_mut(&from) else { return };
        if !sender.allowance.spend(now) {
            // An answer to each would be a flood of its own.
            return Refusals::count(&refusals.flooding);
        }
        match errand(told) {
            Ok(Errand::Nothing) => {}
            Ok(Errand::Hello(token)) => {
                if shared.token.is(&token) {
                    self.say(from, [message("hello", vec![])]);
                } else {
                    Refusals::count(&refusals.unauthorised);
                    self.say(from, [refusal(&told.addr, "that is not the token of this run")]);
                }
            }
            Ok(Errand::Subscribe(topics, seconds)) => {
                sender.feedback = Some(Feedback {
                    subscription: Subscription::begin(topics, &shared.desk),
                    until: now + Duration::from_secs(seconds),
                    rig: State::default(),
                    levels: State::default(),
                    playhead: State::default(),
                });
                self.say(from, [message("subscribed", vec![OscType::Int(seconds as i32)])]);
            }
            Ok(Errand::Unsubscribe) => sender.feedback = None,
            Ok(Errand::Get(begin)) => {
                let snapshot = shared.desk.snapshot();
                let levels = state::of_levels(&snapshot.graph, &shared.desk.levels());
                let all = state::of_rig(&snapshot).into_iter().chain(state::of_playhead(&snapshot)).chain(levels);
                let mut found: Vec<OscMessage> = all
                    .filter(|(addr, _)| addr.starts_with(&begin))
                    .map(|(addr, args)| OscMessage { addr, args })
                    .collect();
                let count = OscType::Int(found.len() as i32);
                found.push(message("got", vec![text(&begin), count]));
                self.say(from, found);
            }
            Ok(Errand::Order(name, Order::Refusals {})) => self.answer(from, &name, Ok(refusals.document())),
            Ok(Errand::Order(name, _)) if sender.answers.len() >= IN_FLIGHT => {
                Refusals::count(&refusals.flooding);
                self.say(from, [refusal(&name, "too many orders wait for their answers")]);
            }
            Ok(Errand::Order(name, order)) => {
                if let Order::Gesture { on } = order {
                    sender.in_gesture = on;
                }
                let mut answer = shared.desk.begin(order);
                match shared.desk.finish(&mut answer) {
                    Some(result) => self.answer(from, &name, result),
                    None => sender.answers.push((name, answer)),
                }
            }
            Err(why) => {
                Refusals::count(&refusals.malformed);
                self.say(from, [refusal(&told.addr, &why)]);
            }
        }
    }

    /// Tells what there is to tell by now, and forgets who has gone.
    fn tell(&mut self) {
        let now = Instant::now();
        let shared = self.shared.clone();
        let mut finished = Vec::new();
        for (to, sender) in &mut self.senders {
            sender.answers.retain_mut(|(name, answer)| match shared.desk.finish(answer) {
                Some(result) => {
                    finished.push((*to, std::mem::take(name), result));
                    false
                }
                None => true,
            });
        }
        for (to, name, result) in finished {
            self.answer(to, &name, result);
        }
        if now.duration_since(self.told) < TELL {
            return;
        }
        self.told = now;
        let mut news = Vec::new();
        for (to, sender) in &mut self.senders {
            if sender.feedback.as_ref().is_some_and(|feedback| feedback.until <= now) {
                sender.feedback = None;
                news.push((*to, vec![message("expired", vec![])]));
            }
            if let Some(feedback) = &mut sender.feedback {
                news.push((*to, feedback.news(&shared.desk)));
            }
        }
        for (to, messages) in news {
            self.say(to, messages);
        }
        self.forget(|sender| sender.feedback.is_none() && now.duration_since(sender.heard) >= REMEMBERED);
    }

    fn answer(&mut self, to: SocketAddr, name: &str, result: Result<Value, String>) {
        match result {
            Ok(result) if result.as_object().is_some_and(serde_json::Map::is_empty) => {}
            Ok(result) => {
                let answer = message("answer", vec![text(name), text(&result.to_string())]);
                let packets = packed([answer]);
                if packets.is_empty() {
                    self.say(to, [refusal(name, "the answer is longer than a packet may be: ask by WebSocket")]);
                }
                self.outbox.extend(packets.into_iter().map(|packet| (to, packet)));
            }
            Err(why) => self.say(to, [refusal(name, &why)]),
        }
    }

    fn say(&mut self, to: SocketAddr, messages: impl IntoIterator<Item = OscMessage>) {
        self.outbox.extend(packed(messages).into_iter().map(|packet| (to, packet)));
    }
}

impl Feedback {
    /// What has changed since it was told last.
    fn news(&mut self, desk: &Desk) -> Vec<OscMessage> {
        let snapshot = desk.snapshot();
        let news = self.subscription.news(&snapshot, desk).into_iter();
        let messages = |news| match news {
            News::Rig => changed(&mut self.rig, state::of_rig(&snapshot)),
            News::Playhead => changed(&mut self.playhead, state::of_playhead(&snapshot)),
            News::Levels(levels) => changed(&mut self.levels, state::of_levels(&snapshot.graph, &levels)),
            News::Notice(notice) => {
                let kind = notice["kind"].as_str().unwrap_or_default();
                vec![message("notice", vec![text(kind), text(&notice.to_string())])]
            }
        };
        news.flat_map(messages).collect()
    }
}

/// What has another value than before; what is gone is told without one.
fn changed(before: &mut State, now: State) -> Vec<OscMessage> {
    let new = now.iter().filter(|(addr, args)| before.get(*addr) != Some(args));
    let new = new.map(|(addr, args)| OscMessage { addr: addr.clone(), args: args.clone() });
    let gone = before.keys().filter(|addr| !now.contains_key(*addr));
    let gone = gone.map(|addr| OscMessage { addr: addr.clone(), args: Vec::new() });
    let changed = gone.chain(new).collect();
    *before = now;
    changed
}

fn message(address: &str, args: Vec<OscType>) -> OscMessage {
    OscMessage { addr: format!("{ROOT}/{address}"), args }
}

fn refusal(of: &str, why: &str) -> OscMessage {
    message("error", vec![text(of), text(why)])
}

fn text(text: &str) -> OscType {
    // Nothing in OSC may hold a zero.
    OscType::String(text.replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::access::{Folders, Token};
    use crate::remote::desk::Desk;
    use crosspoint::{Engine, EngineSettings};

    /// A fader of one whose battery has died is let go once its place is another's.
    #[test]
    fn the_gesture_of_who_is_gone_ends() {
        let mut engine = Engine::new(EngineSettings::default());
        let desk = Desk::new(engine.handle(), Folders::default()).unwrap();
        let shared = Arc::new(Shared { desk, token: Token::random().unwrap(), refusals: Arc::default() });
        let now = Instant::now();
        let mut osc =
            Osc { shared: shared.clone(), needs_token: false, senders: HashMap::new(), told: now, outbox: Vec::new() };
        let sender = |number: usize| SocketAddr::from(([127, 0, 0, 1], 1000 + number as u16));
        let packets = packed([message("gesture", vec![OscType::Bool(true)])]);
        osc.hear(&packets[0], sender(0));
        engine.poll();
        osc.tell();
        assert!(shared.desk.snapshot().in_gesture);
        (1..SENDERS).for_each(|number| assert!(osc.make_room(sender(number), now)));
        assert!(osc.make_room(sender(SENDERS), Instant::now() + IDLE));
        assert!(!osc.senders.contains_key(&sender(0)));
        engine.poll();
        assert!(!shared.desk.snapshot().in_gesture);
    }
}
