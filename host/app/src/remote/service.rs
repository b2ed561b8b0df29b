//! Remote control as a whole: one thread on which all ways in are served, from the same desk, with the same token and the same
//! counts of what was refused.

use super::access::{Refusals, Token};
use super::announcement::Announcement;
use super::bulletin::Bulletin;
use super::desk::Desk;
use super::{osc, server};
use crate::failure::Failure;
use crosspoint::session::runtime_folder;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Who is let in, and where.
pub struct Doors {
    /// Where to listen for WebSockets and serve the page; port 0 for any that is free.
    pub web: Option<SocketAddr>,
    /// Where to listen for OSC; port 0 for any that is free.
    pub osc: Option<SocketAddr>,
    /// What lets a client in.
    pub token: Token,
    /// Names under which a proxy shows the server.
    pub hosts: Vec<String>,
}

/// Remote control as long as this lives.
pub struct Remote {
    web: Option<SocketAddr>,
    osc: Option<SocketAddr>,
    bulletin: Arc<Bulletin>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _announcement: Option<Announcement>,
}

/// What all ways in share.
pub struct Shared {
    /// What is commanded.
    pub desk: Desk,
    /// What lets a client in.
    pub token: Token,
    /// How many were refused.
    pub refusals: Arc<Refusals>,
}

impl Remote {
    /// Lets clients command the rig of `desk`.
    ///
    /// # Errors
    /// If an address cannot be listened at.
    pub fn start(desk: Desk, doors: Doors) -> Result<Self, Failure> {
        let Doors { web, osc, token, hosts } = doors;
        let failed = |option: &str, address: SocketAddr, error: std::io::Error| {
            let advice = "Is another rig running? Choose another port";
            Failure::new(format_args!("--{option} {address}: {error}. {advice}"))
        };
        let web = web.map(|address| listen(address).map_err(|error| failed("remote", address, error))).transpose()?;
        let osc = osc.map(|address| bind(address).map_err(|error| failed("osc", address, error))).transpose()?;
        let announcement = web.as_ref().and_then(|(_, address)| {
            let made = Announcement::make(&runtime_folder()?, *address, &token);
            made.inspect_err(|error| tracing::warn!("`crosspoint ctl` will not find this rig by itself: {error}")).ok()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
        let bulletin = desk.bulletin().clone();
        let addresses = (web.as_ref().map(|(_, address)| *address), osc.as_ref().map(|(_, address)| *address));
        let shared = Arc::new(Shared { desk, token, refusals: Arc::default() });
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                let web = async {
                    match web {
                        Some((listener, address)) => server::serve(listener, address, hosts, shared.clone()).await,
                        None => std::future::pending().await,
                    }
                };
                let osc = async {
                    match osc.map(|(socket, _)| tokio::net::UdpSocket::from_std(socket)) {
                        Some(Ok(socket)) => osc::serve(socket, shared.clone()).await,
                        Some(Err(error)) => tracing::error!("OSC: {error}"),
                        None => {}
                    }
                    std::future::pending().await
                };
                tokio::select! {
                    () = web => {}
                    () = osc => {}
                    _ = stopped => {}
                }
            });
        };
        let thread =
            std::thread::Builder::new().name("remote control".to_owned()).spawn(serve).map_err(Failure::new)?;
        let (web, osc) = addresses;
        Ok(Self { web, osc, bulletin, stop: Some(stop), thread: Some(thread), _announcement: announcement })
    }

    /// Where it listens for WebSockets.
    pub fn web(&self) -> Option<SocketAddr> {
        self.web
    }

    /// Where it listens for OSC.
    pub fn osc(&self) -> Option<SocketAddr> {
        self.osc
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

fn listen(address: SocketAddr) -> std::io::Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn bind(address: SocketAddr) -> std::io::Result<(std::net::UdpSocket, SocketAddr)> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
