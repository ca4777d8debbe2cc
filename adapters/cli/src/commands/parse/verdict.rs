//! What a user agent does with a message, from the actions of a real one.

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use sip_core::config::{Config, ConfigBuilder, LogLevel};
use sip_core::{Action, ConnectionInfo, Event, LogContent, Timestamp, Transport, UserAgent};
use sip_parse::{Limits, Message, Response, Scheme};

use super::captured::Captured;
use crate::outcome::Failure;

/// The verdict on a message of `file`, as one JSON object.
pub(super) fn of(file: &str, captured: &Captured) -> Result<Value, Failure> {
    let bytes = captured.bytes.clone();
    let failed = |what: &dyn std::fmt::Display| Failure::Outcome(format!("{file}: {what}"));
    let config = config(&bytes).map_err(|error| failed(&error))?;
    // Any seed will do, because the handling of one message does not depend on random numbers.
    let rng = Box::new(ChaCha20Rng::from_seed([7; 32]));
    let now = Timestamp::ZERO;
    let mut agent = UserAgent::new(config, rng, now).map_err(|error| failed(&error))?;
    let mut connection = None;
    while let Some(action) = agent.poll_action() {
        if let Action::Connect {
            connection: which, ..
        } = action
        {
            connection = Some(which);
            // A file is a datagram, so bytes behind its message are ignored (RFC 3261 section 18.3).
            let info = ConnectionInfo {
                transport: Transport::Udp,
                remote: None,
            };
            agent.connection_opened(which, info, now);
        }
    }
    let Some(connection) = connection else {
        return Err(failed(&"the user agent did not connect"));
    };
    agent
        .receive(connection, bytes, now)
        .map_err(|error| failed(&error))?;
    let mut verdict = Verdict::default();
    while let Some(action) = agent.poll_action() {
        verdict.read(action);
    }
    let mut object = verdict.into_json(file);
    if let (Value::Object(object), Some(label)) = (&mut object, &captured.label) {
        object.insert("capture".to_owned(), json!(label));
    }
    Ok(object)
}

/// The default configuration with the address in the Request-URI, and without a REGISTER.
fn config(bytes: &Bytes) -> Result<Config, sip_core::config::ConfigErrors> {
    let address = Message::parse(bytes.clone(), &Limits::default())
        .ok()
        .and_then(|message| address_of(&message))
        .and_then(|address| builder().uri(address).build().ok());
    address.map_or_else(|| builder().build(), Ok)
}

fn builder() -> ConfigBuilder {
    let mut builder = Config::builder();
    builder.register(false).log_level(LogLevel::Debug);
    builder
}

/// The address-of-record for a Request-URI of the sip or sips scheme.
fn address_of(message: &Message) -> Option<String> {
    let request = message.as_request()?;
    let uri = request.uri().ok()?;
    let scheme = match uri.scheme() {
        Scheme::Sip => "sip",
        Scheme::Sips => "sips",
        _ => return None,
    };
    // Without a user part the host alone decides, but an address-of-record needs one.
    let user = std::str::from_utf8(uri.user().unwrap_or(b"owner")).ok()?;
    // The canonical form, because an account has to be in the grammar, and a Request-URI is read leniently.
    Some(format!("{scheme}:{user}@{}", uri.host()))
}

#[derive(Default)]
struct Verdict {
    accepted: bool,
    answer: Option<Response>,
    /// The reason in the words of the log.
    reason: Option<String>,
}

impl Verdict {
    fn read(&mut self, action: Action) {
        match action {
            Action::Event(
                Event::IncomingCall { .. }
                | Event::IncomingRequest { .. }
                | Event::IncomingRefer { .. }
                | Event::RequestCompleted { .. },
            ) => self.accepted = true,
            Action::Transmit { bytes, .. } => {
                let answer = Message::parse(bytes, &Limits::default())
                    .ok()
                    .and_then(|message| message.into_response().ok());
                if let Some(answer) = answer.filter(|answer| answer.status().is_final()) {
                    self.answer = Some(answer);
                }
            }
            Action::Log(record) => match &record.content {
                LogContent::Answered(_, why) | LogContent::Ignored(why) => {
                    self.reason = Some((*why).to_owned());
                }
                LogContent::Malformed(error) => self.reason = Some(error.to_string()),
                _ => {}
            },
            Action::Disconnect { reason, .. } => self.reason = Some(reason.to_string()),
            _ => {}
        }
    }

    fn into_json(self, file: &str) -> Value {
        if self.accepted {
            return json!({ "file": file, "verdict": "accept" });
        }
        if let Some(answer) = self.answer {
            let phrase = sip_parse::text(answer.reason()).to_string();
            let reason = self.reason.unwrap_or(phrase);
            let status = answer.status().as_u16();
            let response = String::from_utf8_lossy(answer.bytes());
            return json!({
                "file": file,
                "verdict": "answer",
                "status": status,
                "reason": reason,
                "response": response,
            });
        }
        let reason = self.reason.unwrap_or_else(|| "no answer is due".to_owned());
        json!({ "file": file, "verdict": "drop", "reason": reason })
    }
}
