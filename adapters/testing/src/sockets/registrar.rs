//! A registrar on WebSockets. It registers every agent, answers every call, keeps every message that it receives,
//! and stops answering on demand.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::PATIENCE;
use crate::text::headers;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// The registrar; a clone is the same registrar.
#[derive(Clone)]
pub struct Registrar {
    /// The port that it listens on, at 127.0.0.1.
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    connections: Vec<Connection>,
    /// Each message that came, and the number of its connection.
    heard: Vec<(usize, String)>,
    unanswered: BTreeSet<&'static str>,
    expires: u32,
    keeps_flows_apart: bool,
    /// The test is over.
    is_over: bool,
}

struct Connection {
    socket: Arc<Mutex<WebSocket<TcpStream>>>,
    is_silent: bool,
}

impl Registrar {
    /// Grants each binding `expires` seconds.
    pub fn start(expires: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Mutex::new(Inner {
            expires,
            ..Inner::default()
        }));
        let registrar = Self { port, inner };
        let clone = registrar.clone();
        std::thread::spawn(move || clone.listen(&listener));
        registrar
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    fn listen(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            if self.inner().is_over {
                return;
            }
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            #[expect(clippy::result_large_err, reason = "the library's signature")]
            let subprotocol = |_: &Request, mut response: Response| {
                let sip = HeaderValue::from_static("sip");
                let headers = response.headers_mut();
                headers.insert("Sec-WebSocket-Protocol", sip);
                Ok(response)
            };
            let Ok(socket) = tungstenite::accept_hdr(stream, subprotocol) else {
                continue;
            };
            let patience = Some(Duration::from_millis(2));
            socket.get_ref().set_read_timeout(patience).unwrap();
            let socket = Arc::new(Mutex::new(socket));
            let number = {
                let mut inner = self.inner();
                inner.connections.push(Connection {
                    socket: socket.clone(),
                    is_silent: false,
                });
                inner.connections.len() - 1
            };
            let clone = self.clone();
            std::thread::spawn(move || clone.serve(number, &socket));
        }
    }

    /// Reads one connection until it ends, or until it falls silent: then pings have no answer either.
    fn serve(&self, number: usize, socket: &Mutex<WebSocket<TcpStream>>) {
        loop {
            let read = {
                // Under the lock of the socket, so that nothing is read after `fall_silent` has returned.
                let mut socket = socket.lock().unwrap();
                let inner = self.inner();
                if inner.is_over || inner.connections[number].is_silent {
                    return;
                }
                drop(inner);
                socket.read()
            };
            match read {
                Ok(Message::Text(text)) => self.take(number, text.as_str()),
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return,
            }
        }
    }

    fn take(&self, number: usize, text: &str) {
        let answer = {
            let mut inner = self.inner();
            inner.heard.push((number, text.to_owned()));
            let method = text.split(' ').next().unwrap();
            match method {
                "ACK" | "SIP/2.0" => None,
                _ if inner.unanswered.contains(method) => None,
                "REGISTER" => {
                    let contact = header(text, "Contact").unwrap();
                    let (head, _) = contact.rsplit_once(";expires=").unwrap();
                    let contact = format!("Contact: {head};expires={}\r\n", inner.expires);
                    let require = ["", "Require: outbound\r\n"];
                    let contact = contact + require[usize::from(inner.keeps_flows_apart)];
                    Some(answer(text, &contact, ""))
                }
                "INVITE" => {
                    let head = "Contact: <sip:bob@bob.invalid;transport=ws>\r\n\
                                Content-Type: application/sdp\r\n";
                    Some(answer(text, head, SDP))
                }
                _ => Some(answer(text, "", "")),
            }
        };
        if let Some(answer) = answer {
            self.send(number, &answer);
        }
    }

    /// The registrar keeps requests of this method and does not answer them.
    pub fn leave_unanswered(&self, method: &'static str) {
        self.inner().unanswered.insert(method);
    }

    /// From now on each flow has a binding of its own (RFC 5626 section 6).
    pub fn keep_flows_apart(&self) {
        self.inner().keeps_flows_apart = true;
    }

    /// The messages that came so far on connection `number` and begin with `start`.
    pub fn heard(&self, number: usize, start: &str) -> Vec<String> {
        let inner = self.inner();
        let fits = |(on, text): &&(usize, String)| *on == number && text.starts_with(start);
        let heard = inner.heard.iter().filter(fits);
        heard.map(|(_, text)| text.clone()).collect()
    }

    /// The first such message. Waits until it comes.
    pub fn hear(&self, number: usize, start: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(text) = self.heard(number, start).first() {
                return text.clone();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("no {start} on connection {number}");
    }

    /// Waits until `wanted` is true of the registrar.
    pub fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(self) {
            assert!(Instant::now() < end, "never: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.inner().connections.len()
    }

    /// The socket of a connection. Waits until the registrar knows it, because the client may know first that it is open.
    fn socket(&self, number: usize) -> Arc<Mutex<WebSocket<TcpStream>>> {
        self.until("the connection", |registrar| {
            registrar.connections() > number
        });
        self.inner().connections[number].socket.clone()
    }

    /// Sends a message. When this returns, the bytes are in the socket.
    pub fn send(&self, number: usize, text: &str) {
        let socket = self.socket(number);
        let mut socket = socket.lock().unwrap();
        socket.send(Message::text(text)).unwrap();
    }

    /// From now on the registrar neither reads nor writes this connection.
    pub fn fall_silent(&self, number: usize) {
        let socket = self.socket(number);
        let _not_reading = socket.lock().unwrap();
        self.inner().connections[number].is_silent = true;
    }

    /// Closes the connection without a close frame.
    pub fn cut(&self, number: usize) {
        let socket = self.socket(number);
        let socket = socket.lock().unwrap();
        let _ = socket.get_ref().shutdown(Shutdown::Both);
    }

    /// Ends every thread of the registrar, because the test is over.
    pub fn end(&self) {
        self.inner().is_over = true;
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// The value of the first header field of that name.
pub fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    headers(text, name).first().copied()
}

/// 200 to a request; `extra` are whole header lines.
pub fn answer(request: &str, extra: &str, body: &str) -> String {
    let field = |name| header(request, name).unwrap();
    let to = field("To");
    let tag = if to.contains(";tag=") {
        ""
    } else {
        ";tag=registrar"
    };
    format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         {extra}Content-Length: {}\r\n\r\n{body}",
        field("Via"),
        field("From"),
        field("Call-ID"),
        field("CSeq"),
        body.len(),
    )
}

/// Bob's INVITE to the agent's Contact.
pub fn invite(target: &str) -> String {
    format!(
        "INVITE {target} SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKinvite\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: bobs-call\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@bob.invalid;transport=ws>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

/// Bob's ACK to the agent's 200.
pub fn ack(accepted: &str) -> String {
    let field = |name| header(accepted, name).unwrap();
    let contact = field("Contact").split(['<', '>']).nth(1).unwrap();
    format!(
        "ACK {contact} SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKack\r\n\
         Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 ACK\r\n\
         Content-Length: 0\r\n\r\n",
        field("From"),
        field("To"),
        field("Call-ID"),
    )
}
