//! `authenticationFactory`: a trait that answers challenges, or the event and the command without it.

mod common;

use std::sync::{Arc, Mutex};

use sip_core::config::{Authentication, Config};
use sip_core::{AuthorizationFailed, Change, Event};
use sip_parse::{Request, Response};
use sip_tokio::{Agent, Authenticator, Commands, Events, Options};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use common::{PATIENCE, accept, listen, next_text, send, until};

type Server = WebSocketStream<tokio::net::TcpStream>;

struct Token {
    answer: Result<String, AuthorizationFailed>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Authenticator for Token {
    fn authenticate(
        &mut self,
        request: &Request,
        response: &Response,
    ) -> Result<String, AuthorizationFailed> {
        let method = String::from_utf8_lossy(request.method().as_bytes()).into_owned();
        let asked = format!("{method} {}", response.status().as_u16());
        self.asked.lock().unwrap().push(asked);
        self.answer.clone()
    }
}

async fn connected(options: Options) -> (Commands, Events, Server) {
    let (listener, port) = listen().await;
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server(format!("ws://127.0.0.1:{port}"))
        .register(false)
        .authentication(Authentication::Application)
        .build()
        .unwrap();
    let (handle, mut events) = common::commanded(Agent::start(config, options));
    let is_connected = until(&mut events, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    });
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(stream, Some("sip")).await
    };
    let ((), server) = tokio::join!(is_connected, server);
    (handle, events, server)
}

/// The next request, answered 401 with a Bearer challenge (RFC 8898 section 2).
async fn challenge(server: &mut Server) {
    let request = next_text(server).await;
    let copied = request.lines().filter(|line| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    let copied: String = copied.map(|line| format!("{line}\r\n")).collect();
    let response = format!(
        "SIP/2.0 401 Unauthorized\r\n{copied}WWW-Authenticate: Bearer scope=\"sip\"\r\n\
         Content-Length: 0\r\n\r\n"
    );
    send(server, Message::text(response)).await;
}

fn options(answer: Result<String, AuthorizationFailed>) -> (Options, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut options = Options::default();
    options.authenticator = Some(Box::new(Token {
        answer,
        asked: asked.clone(),
    }));
    (options, asked)
}

/// The trait's value goes out as it is; the application hears nothing of the challenge.
#[tokio::test]
async fn the_authenticator_answers_the_challenge() {
    let (options, asked) = options(Ok("Bearer token-1".to_owned()));
    let (handle, mut events, mut server) = connected(options).await;
    handle.message("bob", "hello").await.unwrap();
    challenge(&mut server).await;
    let again = next_text(&mut server).await;
    assert!(
        again.contains("\r\nAuthorization: Bearer token-1\r\n"),
        "{again}"
    );
    assert_eq!(*asked.lock().unwrap(), ["MESSAGE 401"]);
    drop((handle, server));
    until(&mut events, |event| {
        assert!(!matches!(event, Event::Challenged { .. }));
        matches!(event, Event::RequestCompleted { .. }).then_some(())
    })
    .await;
}

/// No answer, or one that cannot be sent, makes the challenge final at once.
#[tokio::test]
async fn no_answer_makes_the_challenge_final() {
    for answer in [Err(AuthorizationFailed), Ok("x\r\nVia: y".to_owned())] {
        let (options, asked) = options(answer);
        let (handle, mut events, mut server) = connected(options).await;
        handle.message("bob", "hello").await.unwrap();
        challenge(&mut server).await;
        let status = until(&mut events, |event| match event {
            Event::RequestCompleted { outcome, .. } => Some(outcome.unwrap().status().as_u16()),
            _ => None,
        })
        .await;
        assert_eq!(status, 401);
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

/// Without the trait the challenge is an event, and the answer a command that may take its time.
#[tokio::test]
async fn without_an_authenticator_the_application_answers() {
    let (handle, mut events, mut server) = connected(Options::default()).await;
    handle.message("bob", "hello").await.unwrap();
    challenge(&mut server).await;
    let challenge = until(&mut events, |event| match event {
        Event::Challenged { challenge, .. } => Some(challenge),
        _ => None,
    })
    .await;
    handle
        .authorize(challenge, Some("Bearer token-2".to_owned()))
        .await
        .unwrap();
    let again = next_text(&mut server).await;
    assert!(
        again.contains("\r\nAuthorization: Bearer token-2\r\n"),
        "{again}"
    );
}

/// A change at run time: another server is connected to, by its place in the new list.
#[tokio::test]
async fn other_servers_at_run_time() {
    let (handle, mut events, _server) = connected(Options::default()).await;
    let (listener, port) = listen().await;
    let server = sip_core::config::Server {
        url: format!("ws://127.0.0.1:{port}").parse().unwrap(),
        weight: 0,
    };
    handle
        .reconfigure(Change::Servers(vec![server]))
        .await
        .unwrap();
    let connection = tokio::time::timeout(PATIENCE, listener.accept()).await;
    let (stream, _) = connection.expect("the new server is connected to").unwrap();
    let _server = accept(stream, Some("sip")).await;
    until(&mut events, |event| {
        matches!(event, Event::Connected { server: 0 }).then_some(())
    })
    .await;
}
