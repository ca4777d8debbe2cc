//! One user agent on a `std` socket with the caller's own WebSocket, in one thread: it registers, sends OPTIONS to itself, and stops.
//!
//! `sip serve --user alice:a`, then `cargo run -p sip-ua-core --example bare_loop -- ws://127.0.0.1:5080`
#![allow(clippy::style, reason = "a host has a clock and sockets")]

use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sip_core::connection::DisconnectReason::Lost;
use sip_core::{Action, Event, SeededRng, Timestamp, Transport, UserAgent};
use tungstenite::{Error::Io, Message, WebSocket, client::IntoClientRequest};

const MOMENT: Duration = Duration::from_millis(1);

fn open(url: &str) -> Result<WebSocket<TcpStream>, Box<dyn Error>> {
    let mut request = url.into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", "sip".parse()?);
    let address = request.uri().authority().ok_or("no host")?.to_string();
    Ok(tungstenite::client(request, TcpStream::connect(address)?)?.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of a server")?;
    let mut config = sip_core::config::Config::builder();
    config.server(&url).uri("sip:alice@localhost").password("a");
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let (start, mut line, mut outbox) = (Instant::now(), None, Vec::new());
    let time = || Timestamp::ZERO + start.elapsed();
    let mut agent = UserAgent::new(config.build()?, Box::new(SeededRng::new(seed)), time())?;
    loop {
        while let Some(action) = agent.poll_action() {
            if let Action::Event(event) = &action {
                println!("{event}");
            }
            match action {
                Action::Connect {
                    connection, url, ..
                } => {
                    line = Some((connection, open(url.as_str())?));
                    agent.connection_opened(connection, Transport::Ws.into(), time());
                }
                Action::Transmit { bytes, .. } => outbox.push(Message::binary(bytes)),
                Action::Ping { .. } => outbox.push(Message::Ping(Default::default())),
                Action::Event(Event::Registered(_)) => agent.options("alice", time()).map(drop)?,
                Action::Event(Event::RequestCompleted { outcome, .. }) => {
                    assert!(outcome?.status().is_success());
                    agent.stop(None, time());
                }
                Action::Event(Event::RegistrationFailed { reason, .. }) => Err(reason)?,
                Action::Event(Event::Stopped { .. }) => return Ok(()),
                _ => {}
            }
        }
        let (id, socket) = line.as_mut().ok_or("no connection")?;
        outbox.drain(..).try_for_each(|it| socket.send(it))?;
        let wait = agent.next_tick().map(|tick| tick.saturating_since(time()));
        let wait = wait.map(|wait| wait.max(MOMENT));
        socket.get_ref().set_read_timeout(wait)?;
        match socket.read() {
            Ok(Message::Text(text)) => agent.receive(*id, text.into(), time())?,
            Ok(Message::Binary(bytes)) => agent.receive(*id, bytes, time())?,
            Ok(Message::Pong(_)) => agent.pong(*id, time()),
            Ok(_) => {}
            Err(Io(error)) if matches!(error.kind(), TimedOut | WouldBlock) => {}
            Err(_) => agent.connection_closed(*id, Lost, time()),
        }
        agent.tick(time())?;
    }
}
