//! The peer of a call, and what tests of both directions share.

use sip_core::{Event, SessionId, TransferId, TransferOutcome};
use sip_parse::{HeaderName, Method, Request, Response, StatusCode};
use sip_testing::{Bench, SECOND, value};

/// A peer that takes part in a call of the agent.
#[derive(Clone)]
pub(crate) struct Peer {
    from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
}

impl Peer {
    /// The callee of an INVITE of the agent, with this tag.
    pub(crate) fn callee(invite: &Request, tag: &str) -> Self {
        Self {
            from: format!("{};tag={tag}", value(invite, HeaderName::To)),
            to: value(invite, HeaderName::From),
            call_id: value(invite, HeaderName::CallId),
        }
    }

    /// The sender of a request that the agent answered.
    pub(crate) fn sender(response: &Response) -> Self {
        Self {
            from: value(response, HeaderName::From),
            to: value(response, HeaderName::To),
            call_id: value(response, HeaderName::CallId),
        }
    }

    pub(crate) fn send(
        &self,
        bench: &mut Bench,
        method: &str,
        number: u32,
        fields: &str,
        body: &str,
    ) {
        let user = bench.contact_user();
        let Self { from, to, call_id } = self;
        bench.feed(&format!(
            "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{method}{number}\n\
             Max-Forwards: 70\nFrom: {from}\nTo: {to}\nCall-ID: {call_id}\nCSeq: {number} {method}\n\
             Contact: <sip:bob@b.invalid>\n{fields}Content-Length: {}\n\n{body}",
            body.replace('\n', "\r\n").len()
        ));
    }

    pub(crate) fn notify(
        &self,
        bench: &mut Bench,
        number: u32,
        event: &str,
        state: &str,
        body: &str,
    ) -> u16 {
        let fields =
            format!("Event: {event}\nSubscription-State: {state}\nContent-Type: message/sipfrag\n");
        self.send(bench, "NOTIFY", number, &fields, body);
        bench.next_response().status().as_u16()
    }
}

pub(crate) fn ended(bench: &mut Bench, id: TransferId) -> TransferOutcome {
    bench.expect(|event| match event {
        Event::TransferEnded {
            transfer, outcome, ..
        } if *transfer == id => Some(outcome.clone()),
        _ => None,
    })
}

pub(crate) fn progress(bench: &mut Bench, id: TransferId) -> u16 {
    match bench.event() {
        Event::TransferProgress {
            transfer, status, ..
        } if transfer == id => status.as_u16(),
        other => panic!("{other:?}"),
    }
}

/// The call goes on: hanging up sends BYE. Nothing is left.
pub(crate) fn goes_on_and_ends(mut bench: Bench, id: SessionId) {
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

pub(crate) fn status(number: u16) -> StatusCode {
    StatusCode::new(number).expect("a status")
}
