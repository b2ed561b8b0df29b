//! The other end: what `crosspoint ctl` speaks to a running rig with. One order at a time.

use super::announcement::{Reachable, announced};
use super::order::Order;
use crosspoint::session::runtime_folder;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::header::AUTHORIZATION;
use tungstenite::{Message, WebSocket};

/// How long a rig may take to answer: one that is loaded waits for its plugins.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which rig is meant.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// Where it listens. Default: the one that runs for this user.
    pub address: Option<SocketAddr>,
    /// What lets a client in. Default: what it has left for this user.
    pub token: Option<String>,
}

/// A connection to a running rig.
pub struct Client {
    socket: WebSocket<TcpStream>,
    last: u64,
}

impl Server {
    fn find(&self) -> Result<Reachable, String> {
        let known = runtime_folder().map(|folder| announced(&folder)).unwrap_or_default();
        if let Some(address) = self.address {
            let token = self.token.clone();
            let token = token.or_else(|| known.into_iter().find(|rig| rig.address == address).map(|rig| rig.token));
            let token =
                token.ok_or_else(|| format!("{address}: its token is needed: --token, as `run` has told it"))?;
            return Ok(Reachable { address, token });
        }
        // A crash leaves its word behind.
        let alive = |rig: &Reachable| TcpStream::connect_timeout(&here(rig.address), Duration::from_secs(1)).is_ok();
        let mut running: Vec<Reachable> = known.into_iter().filter(alive).collect();
        if running.len() > 1 {
            let addresses: Vec<String> = running.iter().map(|rig| rig.address.to_string()).collect();
            return Err(format!("several rigs run: choose one by --address, of {}", addresses.join(", ")));
        }
        running
            .pop()
            .ok_or_else(|| "no rig runs here that listens: start one with `crosspoint run --remote`".to_owned())
    }
}

/// Where one that listens everywhere is reached on this machine: not every system connects to its unspecified address.
fn here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

impl Client {
    /// Reaches a rig.
    ///
    /// # Errors
    /// If none is there, or it does not let this client in.
    pub fn connect(server: &Server) -> Result<Self, String> {
        let Reachable { address, token } = server.find()?;
        let failed = |error: &dyn std::fmt::Display| format!("{address}: {error}");
        let stream = TcpStream::connect(here(address)).map_err(|error| failed(&error))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| failed(&error))?;
        let mut request = format!("ws://{address}/socket").into_client_request().map_err(|error| failed(&error))?;
        let bearer = format!("Bearer {token}").parse().map_err(|_| failed(&"there is no such token"))?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, last: 0 }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                let why = answer.body().as_deref().map(String::from_utf8_lossy);
                Err(format!("{address} refuses: {}", why.as_deref().unwrap_or(answer.status().as_str()).trim()))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// Has an order obeyed, and gives what came of it.
    ///
    /// # Errors
    /// What the rig says, or that it is gone.
    pub fn ask(&mut self, order: Order) -> Result<Value, String> {
        self.last += 1;
        let request = order.into_request(self.last).map_err(|error| error.to_string())?;
        self.say(&serde_json::to_string(&request).map_err(|error| error.to_string())?)?;
        loop {
            let mut answer = self.hear()?;
            if answer.get("id").and_then(Value::as_u64) != Some(self.last) {
                continue;
            }
            return match answer.get("error").and_then(Value::as_str) {
                Some(error) => Err(error.to_owned()),
                None => Ok(answer["result"].take()),
            };
        }
    }

    /// Waits for as long as it takes from now on: what is told without being asked for comes when it comes.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn be_patient(&self) -> Result<(), String> {
        self.socket.get_ref().set_read_timeout(None).map_err(|error| error.to_string())
    }

    /// Sends a text as it is.
    ///
    /// # Errors
    /// If the rig is gone.
    pub fn say(&mut self, text: &str) -> Result<(), String> {
        self.socket.send(Message::text(text)).map_err(|error| error.to_string())
    }

    /// Waits for what the rig says next.
    ///
    /// # Errors
    /// If it is gone, or says what is no document.
    pub fn hear(&mut self) -> Result<Value, String> {
        loop {
            match self.socket.read().map_err(|error| format!("the rig does not answer: {error}"))? {
                Message::Text(text) => return serde_json::from_str(&text).map_err(|error| error.to_string()),
                Message::Close(_) => return Err("the rig has hung up".to_owned()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All interfaces are reached by the machine's own; any other address is itself.
    #[test]
    fn who_listens_everywhere_is_reached_here() {
        for (listens, reached) in
            [("0.0.0.0:4820", "127.0.0.1:4820"), ("[::]:4820", "[::1]:4820"), ("192.168.0.7:4820", "192.168.0.7:4820")]
        {
            assert_eq!(here(listens.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
