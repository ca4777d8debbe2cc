//! Session descriptions of a user agent without media: it offers one audio line, and answers offers as RFC 3264
//! asks (section 6), because these commands are about signalling.

use std::collections::BTreeMap;

use sip_blocking::Reply;
use sip_core::{Body, DescriptionKind, SessionId};
use sip_host::DescriptionError;
use sip_sdp::{Audio, Negotiation, NegotiationError};
use sip_tokio::Describing;

/// Makes the descriptions of every call.
#[derive(Debug)]
pub(crate) struct Descriptions;

impl sip_tokio::SessionDescriptionHandlerFactory for Descriptions {
    fn create(
        &self,
        session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn sip_tokio::SessionDescriptionHandler> {
        Box::new(Call::new(session))
    }
}

impl sip_blocking::SessionDescriptionHandlerFactory for Descriptions {
    fn create(
        &self,
        session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn sip_blocking::SessionDescriptionHandler> {
        Box::new(Call::new(session))
    }
}

/// The descriptions of one call.
struct Call(Negotiation);

impl Call {
    fn new(session: SessionId) -> Self {
        let number = session.to_bits().saturating_add(1);
        Self(Negotiation::new(number, Audio::signalling_only()))
    }

    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Result<Body, DescriptionError> {
        let text = match kind {
            DescriptionKind::Offer => Ok(self.0.offer(hold)),
            DescriptionKind::Answer => self.0.answer(hold),
        };
        text.map(Body::sdp).map_err(|error| unusable(&error))
    }

    fn accept(&mut self, kind: DescriptionKind, body: &Body) -> Result<(), DescriptionError> {
        match kind {
            DescriptionKind::Offer => self.0.accept_offer(&body.bytes),
            DescriptionKind::Answer => self.0.accept_answer(&body.bytes),
        }
        .map_err(|error| unusable(&error))
    }
}

fn unusable(error: &NegotiationError) -> DescriptionError {
    DescriptionError(error.to_string())
}

impl sip_tokio::SessionDescriptionHandler for Call {
    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Describing<Body> {
        Box::pin(std::future::ready(self.describe(kind, hold)))
    }

    fn accept(&mut self, kind: DescriptionKind, body: Body) -> Describing<()> {
        Box::pin(std::future::ready(self.accept(kind, &body)))
    }

    fn close(&mut self) {}
}

impl sip_blocking::SessionDescriptionHandler for Call {
    fn describe(&mut self, kind: DescriptionKind, hold: bool, reply: Reply<Body>) {
        reply.give(self.describe(kind, hold));
    }

    fn accept(&mut self, kind: DescriptionKind, body: Body, reply: Reply<()>) {
        reply.give(self.accept(kind, &body));
    }

    fn close(&mut self) {}
}
