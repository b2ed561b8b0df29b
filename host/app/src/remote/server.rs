//! The server: JSON over WebSocket, at `/socket`. Lets in who has the token, reads no more than a client may send, and counts
//! what it refuses. Waits on its own thread only.

use super::access::{Refusals, Token, is_own_host, is_own_origin};
use super::announcement::Announcement;
use super::bulletin::Bulletin;
use super::desk::{Answer, Desk};
use super::order::{Order, Request};
use super::subscription::Subscription;
use crate::failure::Failure;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use crosspoint::session::runtime_folder;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The longest request, in bytes.
const LONGEST: usize = 64 * 1024;
/// Clients at once.
const CLIENTS: usize = 32;
/// Requests of a client that wait for their answers; more are left in its socket.
const IN_FLIGHT: usize = 256;
/// Requests a second, and how many may come in a burst.
const RATE: f64 = 500.0;
const BURST: f64 = 1000.0;
/// How often answers are looked for, and how often a rig that changes is shown.
const TICK: Duration = Duration::from_millis(5);
const SHOW: Duration = Duration::from_millis(33);

/// Who is let in, and where.
pub struct Door {
    /// Where to listen; port 0 for any that is free.
    pub address: SocketAddr,
    /// What lets a client in.
    pub token: Token,
    /// Names under which a proxy shows the server.
    pub hosts: Vec<String>,
}

/// Remote control as long as this lives.
pub struct Remote {
    address: SocketAddr,
    bulletin: Arc<Bulletin>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _announcement: Option<Announcement>,
}

struct Shared {
    desk: Desk,
    door: Door,
    clients: AtomicUsize,
    refusals: Refusals,
}

impl Remote {
    /// Lets clients command the rig of `desk`.
    ///
    /// # Errors
    /// If the address cannot be listened at.
    pub fn start(desk: Desk, mut door: Door) -> Result<Self, Failure> {
        let asked = door.address;
        let failed = |error: std::io::Error| {
            Failure::new(format_args!("--remote {asked}: {error}. Is another rig running? Choose another port"))
        };
        let listener = std::net::TcpListener::bind(asked).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        door.address = address;
        let announcement = runtime_folder().and_then(|folder| {
            let made = Announcement::make(&folder, address, &door.token);
            made.inspect_err(|error| tracing::warn!("`crosspoint ctl` will not find this rig by itself: {error}")).ok()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let shared = Arc::new(Shared { desk, door, clients: AtomicUsize::new(0), refusals: Refusals::default() });
        let bulletin = shared.desk.bulletin().clone();
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let listener = match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => return tracing::error!("remote control: {error}"),
                };
                let router = Router::new().route("/socket", get(enter)).with_state(shared);
                tokio::select! {
                    served = axum::serve(listener, router) => {
                        if let Err(error) = served {
                            tracing::error!("remote control ended: {error}");
                        }
                    }
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("remote control".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Self { address, bulletin, stop: Some(stop), thread: Some(thread), _announcement: announcement })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells those who want to know.
    pub fn tell(&self, notice: Value) {
        self.bulletin.tell(notice);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Who is gone already needs not be told.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Deserialize)]
struct Entry {
    /// Browsers can give no header with a WebSocket.
    token: Option<String>,
}

async fn enter(
    State(shared): State<Arc<Shared>>,
    Query(entry): Query<Entry>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let Door { address, token, hosts } = &shared.door;
    let host = text(header::HOST);
    let is_known = bearer.or(entry.token.as_deref()).is_some_and(|text| token.is(text));
    if !is_known || !is_own_host(host, *address, hosts) || !is_own_origin(text(header::ORIGIN), host) {
        Refusals::count(&shared.refusals.unauthorised);
        return (StatusCode::FORBIDDEN, "the token of this run is needed, from a page of this server or no page\n")
            .into_response();
    }
    let Some(place) = Place::take(&shared) else {
        Refusals::count(&shared.refusals.flooding);
        return (StatusCode::SERVICE_UNAVAILABLE, "too many clients\n").into_response();
    };
    upgrade.max_message_size(LONGEST).max_frame_size(LONGEST).on_upgrade(move |socket| talk(socket, place))
}

/// A client's place among those that there may be.
struct Place {
    shared: Arc<Shared>,
}

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let place = Self { shared: shared.clone() };
        (shared.clients.fetch_add(1, Ordering::Relaxed) < CLIENTS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a client may still send.
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * RATE;
        (self.left, self.at) = ((self.left + earned).min(BURST), now);
        let may = self.left >= 1.0;
        self.left -= f64::from(may);
        may
    }
}

/// What a client has asked for.
#[derive(Default)]
struct Asked {
    answers: Vec<(u64, Answer)>,
    subscription: Subscription,
}

async fn talk(mut socket: WebSocket, place: Place) {
    let shared = &place.shared;
    let mut asked = Asked::default();
    let mut allowance = Allowance { left: BURST, at: Instant::now() };
    let mut shown = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut replies = Vec::new();
        tokio::select! {
            message = socket.recv(), if asked.answers.len() < IN_FLIGHT => match message {
                Some(Ok(Message::Text(text))) => {
                    replies.extend(hear(shared, &mut asked, &text, allowance.spend(Instant::now())));
                }
                Some(Ok(Message::Close(_))) | None => return,
                Some(Ok(Message::Binary(_))) => {
                    Refusals::count(&shared.refusals.malformed);
                    replies.push(refusal(None, "requests are texts"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return lose(shared, error),
            },
            _ = tick.tick() => {
                asked.answers.retain_mut(|(id, answer)| match shared.desk.finish(answer) {
                    Some(result) => {
                        replies.push(reply(*id, result));
                        false
                    }
                    None => true,
                });
                if asked.subscription.is_fresh() || shown.elapsed() >= SHOW {
                    shown = Instant::now();
                    replies.extend(asked.subscription.news(&shared.desk));
                }
            }
        }
        for reply in replies {
            if socket.send(Message::text(reply.to_string())).await.is_err() {
                return;
            }
        }
    }
}

/// Takes a request; gives what can be said of it at once.
fn hear(shared: &Shared, asked: &mut Asked, text: &str, may: bool) -> Option<Value> {
    if !may {
        Refusals::count(&shared.refusals.flooding);
        let id = Request::parse(text).map_or_else(|(id, _)| id, |(id, _)| Some(id));
        return Some(refusal(id, "too many requests: at most 500 a second"));
    }
    let (id, order) = match Request::parse(text) {
        Ok(request) => request,
        Err((id, why)) => {
            Refusals::count(&shared.refusals.malformed);
            return Some(refusal(id, &why));
        }
    };
    match order {
        Order::Subscribe { ref to } => asked.subscription.begin(to.iter().copied(), &shared.desk),
        Order::Unsubscribe {} => asked.subscription.end(),
        // What a client was refused is the server's to tell, not the rig's.
        Order::Refusals {} => return Some(reply(id, Ok(refusals(&shared.refusals)))),
        _ => {}
    }
    let mut answer = shared.desk.begin(order);
    match shared.desk.finish(&mut answer) {
        Some(result) => Some(reply(id, result)),
        None => {
            asked.answers.push((id, answer));
            None
        }
    }
}

fn reply(id: u64, result: Result<Value, String>) -> Value {
    match result {
        Ok(result) => json!({ "id": id, "result": result }),
        Err(error) => refusal(Some(id), &error),
    }
}

fn refusal(id: Option<u64>, error: &str) -> Value {
    json!({ "id": id, "error": error })
}

fn refusals(refusals: &Refusals) -> Value {
    let Refusals { unauthorised, malformed, huge, flooding } = refusals;
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "unauthorised": count(unauthorised), "malformed": count(malformed),
        "huge": count(huge), "flooding": count(flooding),
    })
}

fn lose(shared: &Shared, error: axum::Error) {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => Refusals::count(&shared.refusals.huge),
        Some(tungstenite::Error::Utf8(_)) => Refusals::count(&shared.refusals.malformed),
        // It is gone.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A burst, then nothing, then as much as time has passed for.
    #[test]
    fn a_client_may_send_so_much_and_no_more() {
        let start = Instant::now();
        let mut allowance = Allowance { left: BURST, at: start };
        assert_eq!((0..5000).filter(|_| allowance.spend(start)).count(), BURST as usize);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..5000).filter(|_| allowance.spend(later)).count(), (RATE / 10.0) as usize);
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..5000).filter(|_| allowance.spend(much_later)).count(), BURST as usize);
    }
}
