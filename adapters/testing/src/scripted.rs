//! A far end of one connection that answers nothing by itself.

use std::collections::VecDeque;

use sip_core::{Action, ConnectionId, Timestamp, UserAgent};
use sip_parse::{Bytes, Limits, Message};

use crate::clock::layer;
use crate::far_end::FarEnd;

/// One connection. What the agent sends waits until the test reads it.
#[derive(Debug)]
pub struct Scripted {
    /// The connection that [`Bench::feed`](crate::Bench::feed) delivers on.
    pub connection: ConnectionId,
    /// Messages that the agent sent and the test has not read.
    pub sent: VecDeque<Message>,
    /// Everything that the agent sent, as bytes.
    pub raw: Vec<Bytes>,
    /// All other actions: connects, disconnects, pings without a pong, log.
    pub others: Vec<Action>,
    /// Whether each ping is answered at once.
    pub answers_pings: bool,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            // A name that no agent has. The first Connect replaces it.
            connection: layer::<()>(0).reserve(),
            sent: VecDeque::new(),
            raw: Vec::new(),
            others: Vec::new(),
            answers_pings: true,
        }
    }
}

impl FarEnd for Scripted {
    fn carry_out(&mut self, action: Action, agent: &mut UserAgent, now: Timestamp) {
        match action {
            Action::Transmit { bytes, .. } => {
                self.raw.push(bytes.clone());
                if let Ok(message) = Message::parse(bytes, &Limits::default()) {
                    // A 400 copies what was wrong.
                    let refusal = message
                        .as_response()
                        .is_some_and(|response| response.status().as_u16() == 400);
                    assert!(refusal || message.validate().is_ok(), "{message:?}");
                    self.sent.push_back(message);
                }
            }
            Action::Ping { connection } if self.answers_pings => agent.pong(connection, now),
            other => self.others.push(other),
        }
    }
}
