//! Session descriptions of a user agent without media: it offers one audio line, and answers offers as RFC 3264
//! asks (section 6), because these commands are about signalling.

use std::collections::BTreeMap;

use sip_blocking::Reply;
use sip_core::{Body, DescriptionKind, SessionId};
use sip_host::DescriptionError;
use sip_sdp::Negotiation;
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
        Self(Negotiation::new(session.to_bits().saturating_add(1)))
    }

    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Result<Body, DescriptionError> {
        let text = match kind {
            DescriptionKind::Offer => Ok(self.0.offer(hold)),
            DescriptionKind::Answer => self.0.answer(hold),
        };
        text.map(Body::sdp).map_err(unusable)
    }

    fn accept(&mut self, kind: DescriptionKind, body: &Body) -> Result<(), DescriptionError> {
        let text = String::from_utf8_lossy(&body.bytes);
        match kind {
            DescriptionKind::Offer => self.0.accept_offer(&text),
            DescriptionKind::Answer => self.0.accept_answer(&text),
        }
        .map_err(unusable)
    }
}

fn unusable(why: &str) -> DescriptionError {
    DescriptionError(why.to_owned())
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
