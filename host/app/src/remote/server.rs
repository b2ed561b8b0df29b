//! The server: JSON over WebSocket, at `/socket`, and the page that speaks it. Lets in who has the token, reads no more than a
//! client may send, and counts what it refuses. Waits on its own thread only.

use super::access::{Refusals, is_own_host, is_own_origin};
use super::allowance::Allowance;
use super::desk::{Answer, Desk, document, levels_document, playhead_document};
use super::order::{Order, Request};
use super::page;
use super::service::Shared;
use super::subscription::{News, Subscription};
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The longest request, in bytes.
const LONGEST: usize = 64 * 1024;
/// Clients at once.
const CLIENTS: usize = 32;
/// Requests of a client that wait for their answers; more are left in its socket.
const IN_FLIGHT: usize = 256;
/// How often answers are looked for, and how often a rig that changes is shown.
const TICK: Duration = Duration::from_millis(5);
const SHOW: Duration = Duration::from_millis(33);
/// How long what is told may wait for a client. Whose battery dies says no farewell: it takes nothing any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the requests of this server need.
struct Web {
    shared: Arc<Shared>,
    address: SocketAddr,
    hosts: Vec<String>,
    clients: AtomicUsize,
}

/// Serves until it is dropped; `hosts` are names under which a proxy shows the server.
pub async fn serve(listener: std::net::TcpListener, address: SocketAddr, hosts: Vec<String>, shared: Arc<Shared>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("remote control: {error}"),
    };
    let web = Arc::new(Web { shared, address, hosts, clients: AtomicUsize::new(0) });
    let mut router = Router::new().route("/socket", get(enter));
    for file in page::FILES {
        let show = move |State(web): State<Arc<Web>>, headers: HeaderMap| async move { web.show(file, &headers) };
        router = router.route(file.path, get(show));
    }
    if let Err(error) = axum::serve(listener, router.with_state(web)).await {
        tracing::error!("remote control ended: {error}");
    }
}

impl Web {
    /// A file of the page, to whoever asks under a name of this server; without the token it can do nothing.
    fn show(&self, file: &page::File, headers: &HeaderMap) -> Response {
        match text(headers, header::HOST).filter(|host| is_own_host(Some(host), self.address, &self.hosts)) {
            Some(host) => file.response(host),
            None => {
                Refusals::count(&self.shared.refusals.unauthorised);
                (StatusCode::FORBIDDEN, "this server has another name\n").into_response()
            }
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[derive(Deserialize)]
struct Entry {
    /// Browsers can give no header with a WebSocket.
    token: Option<String>,
}

async fn enter(
    State(web): State<Arc<Web>>,
    Query(entry): Query<Entry>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let bearer = text(&headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let host = text(&headers, header::HOST);
    let is_known = bearer.or(entry.token.as_deref()).is_some_and(|text| web.shared.token.is(text));
    let is_own = is_own_host(host, web.address, &web.hosts) && is_own_origin(text(&headers, header::ORIGIN), host);
    if !is_known || !is_own {
        Refusals::count(&web.shared.refusals.unauthorised);
        return (StatusCode::FORBIDDEN, "the token of this run is needed, from a page of this server or no page\n")
            .into_response();
    }
    let Some(place) = Place::take(&web) else {
        Refusals::count(&web.shared.refusals.flooding);
        return (StatusCode::SERVICE_UNAVAILABLE, "too many clients\n").into_response();
    };
    upgrade.max_message_size(LONGEST).max_frame_size(LONGEST).on_upgrade(move |socket| talk(socket, place))
}

/// A client's place among those that there may be.
struct Place {
    web: Arc<Web>,
}

impl Place {
    fn take(web: &Arc<Web>) -> Option<Self> {
        let place = Self { web: web.clone() };
        (web.clients.fetch_add(1, Ordering::Relaxed) < CLIENTS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.web.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a client has asked for.
#[derive(Default)]
struct Asked {
    answers: Vec<(u64, Answer)>,
    subscription: Subscription,
    /// Where the playhead was when it was told last.
    playhead: Option<Value>,
    /// Whether it has begun a gesture and not ended it.
    in_gesture: bool,
}

impl Asked {
    /// What has changed since it was told last.
    fn events(&mut self, desk: &Desk) -> Vec<Value> {
        let snapshot = desk.snapshot();
        let news = self.subscription.news(&snapshot, desk).into_iter();
        let event = |news| match news {
            News::Rig => Some(json!({ "event": "rig", "rig": document(&snapshot).ok()? })),
            News::Playhead => {
                let now = playhead_document(&snapshot).ok().filter(|now| self.playhead.as_ref() != Some(now))?;
                self.playhead = Some(now.clone());
                Some(json!({ "event": "playhead", "playhead": now }))
            }
            News::Levels(levels) => {
                Some(json!({ "event": "levels", "levels": levels_document(&snapshot, &levels).ok()? }))
            }
            News::Notice(notice) => Some(json!({ "event": "notice", "notice": notice })),
        };
        news.filter_map(event).collect()
    }
}

async fn talk(socket: WebSocket, place: Place) {
    let shared = &*place.web.shared;
    let mut asked = Asked::default();
    converse(socket, shared, &mut asked).await;
    if asked.in_gesture {
        // Who is gone lifts no finger any more.
        let _ended = shared.desk.begin(Order::Gesture { on: false });
    }
}

async fn converse(mut socket: WebSocket, shared: &Shared, asked: &mut Asked) {
    let mut allowance = Allowance::new(Instant::now());
    let mut shown = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut replies = Vec::new();
        tokio::select! {
            message = socket.recv(), if asked.answers.len() < IN_FLIGHT => match message {
                Some(Ok(Message::Text(text))) => {
                    replies.extend(hear(shared, asked, &text, allowance.spend(Instant::now())));
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
                    replies.extend(asked.events(&shared.desk));
                }
            }
        }
        for reply in replies {
            let sending = socket.send(Message::text(reply.to_string()));
            if !matches!(tokio::time::timeout(PATIENCE, sending).await, Ok(Ok(()))) {
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
        Order::Subscribe { ref to } => {
            asked.subscription = Subscription::begin(to.iter().copied(), &shared.desk);
            asked.playhead = None;
        }
        Order::Unsubscribe {} => asked.subscription = Subscription::default(),
        Order::Gesture { on } => asked.in_gesture = on,
        // What a client was refused is the server's to tell, not the rig's.
        Order::Refusals {} => return Some(reply(id, Ok(shared.refusals.document()))),
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

fn lose(shared: &Shared, error: axum::Error) {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => Refusals::count(&shared.refusals.huge),
        Some(tungstenite::Error::Utf8(_)) => Refusals::count(&shared.refusals.malformed),
        // It is gone.
        _ => {}
    }
}
