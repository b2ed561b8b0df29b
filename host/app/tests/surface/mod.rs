//! A control surface that speaks OSC to a running rig, for the tests.

// Each test program uses what it needs.
#![allow(dead_code)]

use crate::running::Running;
use rosc::{OscMessage, OscPacket, OscType};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// A control surface.
pub struct Surface {
    pub socket: UdpSocket,
    /// What came in a bundle behind what was waited for.
    heard: RefCell<VecDeque<OscMessage>>,
}

impl Surface {
    pub fn of(running: &Running) -> Self {
        let line = running.told.iter().find(|line| line.starts_with("listening for OSC at ")).unwrap();
        let address = line["listening for OSC at ".len()..].split(';').next().unwrap();
        let (_, port) = address.rsplit_once(':').unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(format!("127.0.0.1:{port}")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self { socket, heard: RefCell::default() }
    }

    pub fn send(&self, packet: &OscPacket) {
        self.socket.send(&rosc::encoder::encode(packet).unwrap()).unwrap();
    }

    pub fn say(&self, address: &str, args: Vec<OscType>) {
        self.send(&message(address, args));
    }

    /// What is told until something is, or within some seconds.
    pub fn hear_until(&self, is_it: impl Fn(&OscMessage) -> bool) -> Result<OscMessage, Vec<OscMessage>> {
        let until = Instant::now() + Duration::from_secs(20);
        let mut others = Vec::new();
        while Instant::now() < until {
            let more = self.receive();
            let mut heard = self.heard.borrow_mut();
            heard.extend(more);
            while let Some(message) = heard.pop_front() {
                if is_it(&message) {
                    return Ok(message);
                }
                others.push(message);
            }
        }
        Err(others)
    }

    /// What is told within a moment.
    pub fn hear(&self) -> Vec<OscMessage> {
        self.heard.borrow_mut().drain(..).chain(self.receive()).collect()
    }

    fn receive(&self) -> Vec<OscMessage> {
        let mut packet = vec![0; 65_536];
        let Ok(length) = self.socket.recv(&mut packet) else { return Vec::new() };
        fn gather(packet: OscPacket, into: &mut Vec<OscMessage>) {
            match packet {
                OscPacket::Message(message) => into.push(message),
                OscPacket::Bundle(bundle) => bundle.content.into_iter().for_each(|packet| gather(packet, into)),
            }
        }
        let mut messages = Vec::new();
        gather(rosc::decoder::decode_udp(&packet[..length]).unwrap().1, &mut messages);
        messages
    }

    pub fn wait_for(&self, address: &str) -> OscMessage {
        let address = format!("/crosspoint/{address}");
        self.hear_until(|message| message.addr == address).unwrap_or_else(|heard| panic!("no {address}: {heard:?}"))
    }

    pub fn wait_for_value(&self, address: &str, value: &OscType) {
        let address = format!("/crosspoint/{address}");
        let heard = self.hear_until(|message| message.addr == address && message.args.first() == Some(value));
        heard.unwrap_or_else(|heard| panic!("{address} is never {value:?}: {heard:?}"));
    }
}

pub fn message(address: &str, args: Vec<OscType>) -> OscPacket {
    OscPacket::Message(OscMessage { addr: format!("/crosspoint/{address}"), args })
}

pub fn text(text: &str) -> OscType {
    OscType::String(text.to_owned())
}
