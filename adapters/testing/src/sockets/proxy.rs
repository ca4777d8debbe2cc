//! An HTTP proxy, honest or hostile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the proxy does with each CONNECT.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers 200 and relays. The answer is written byte by byte.
    Relay,
    /// Writes these bytes and keeps the connection open.
    Say(Vec<u8>),
    /// Writes these bytes and hangs up.
    SayAndHangUp(Vec<u8>),
    /// Writes these bytes again and again until the agent hangs up.
    Flood(Vec<u8>),
}

/// The proxy; it listens until the test process ends.
#[derive(Clone, Debug)]
pub struct HttpProxy {
    /// The port that it listens on, at 127.0.0.1.
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl HttpProxy {
    /// Starts a proxy. `target` is where it relays to, whatever CONNECT names.
    pub fn start(behaviour: Behaviour, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self { port, heads };
        let clone = proxy.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (proxy, behaviour) = (clone.clone(), behaviour.clone());
                std::thread::spawn(move || proxy.serve(stream, behaviour, target));
            }
        });
        proxy
    }

    /// The heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn serve(&self, mut stream: TcpStream, behaviour: Behaviour, target: u16) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.extend(byte),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        self.heads.lock().unwrap().push(head);
        match behaviour {
            Behaviour::Relay => relay(stream, target),
            Behaviour::Say(bytes) => {
                let _ = stream.write_all(&bytes);
                // Until the agent hangs up.
                while matches!(stream.read(&mut byte), Ok(1)) {}
            }
            Behaviour::SayAndHangUp(bytes) => {
                let _ = stream.write_all(&bytes);
            }
            Behaviour::Flood(bytes) => while stream.write_all(&bytes).is_ok() {},
        }
    }
}

fn relay(mut agent: TcpStream, target: u16) {
    agent.set_nodelay(true).unwrap();
    for byte in b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n" {
        agent.write_all(&[*byte]).unwrap();
    }
    let mut server = TcpStream::connect(("127.0.0.1", target)).unwrap();
    let (mut back, mut forth) = (server.try_clone().unwrap(), agent.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut forth);
        let _ = forth.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut agent, &mut server);
    let _ = server.shutdown(Shutdown::Write);
}
