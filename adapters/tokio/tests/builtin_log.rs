//! `log.builtinEnabled`: whether records go to `tracing`; `log.connector` gets them in any case.

mod common;

use std::io;
use std::sync::{Arc, Mutex};

use sip_core::config::{Config, LogLevel};
use sip_tokio::{Agent, Options};
use tokio_tungstenite::tungstenite::Message;

use common::{accept, listen, next_text, request, send};

/// The output of a subscriber.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// CFG-LOG: on, a record is a `tracing` event with the category as target; off, it is not.
#[tokio::test(flavor = "current_thread")]
async fn cfg_log_builtin_enabled_hands_records_to_tracing() {
    for builtin in [true, false] {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        // The runtime of this test has one thread, so the agent's task logs here.
        let _guard = tracing::subscriber::set_default(subscriber);
        let (listener, port) = listen().await;
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server(format!("ws://127.0.0.1:{port}"))
            .register(false)
            .log_level(LogLevel::Warn)
            .log_builtin_enabled(builtin)
            .build()
            .unwrap();
        let records = Arc::new(Mutex::new(Vec::new()));
        let connected = records.clone();
        let mut options = Options::default();
        options.log_connector = Some(Box::new(move |record| {
            connected.lock().unwrap().push(record.content.to_string());
        }));
        let (_handle, _events) = common::commanded(Agent::start(config, options));
        let (stream, _) = listener.accept().await.unwrap();
        let mut server = accept(stream, Some("sip")).await;
        let malformed = request("OPTIONS", 1, "").replace("CSeq: 1", "CSeq: x");
        send(&mut server, Message::text(malformed)).await;
        next_text(&mut server).await;
        let records = records.lock().unwrap().clone();
        assert_eq!(records.len(), 1, "{records:?}");
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line = text.lines().find(|line| line.contains(&records[0]));
        assert_eq!(line.is_some(), builtin, "{text}");
        assert!(line.is_none_or(|line| line.contains("WARN ") && line.contains("sip.transport")));
    }
}
