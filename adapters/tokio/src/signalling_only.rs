//! Calls without media: the factory behind [`Options::signalling_only`](crate::Options::signalling_only).

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;

use sip_core::{Body, DescriptionKind, SessionId};
use sip_host::SignallingOnly;
use sip_host::os::{SignallingOnlyFactory, session_id};

use crate::description::{Describing, SessionDescriptionHandler, SessionDescriptionHandlerFactory};

struct Factory;

impl SignallingOnlyFactory for dyn SessionDescriptionHandlerFactory {
    fn signalling_only() -> Arc<Self> {
        Arc::new(Factory)
    }
}

impl SessionDescriptionHandlerFactory for Factory {
    fn create(
        &self,
        session: SessionId,
        _: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        Box::new(SignallingOnly::new(session_id(session)))
    }
}

impl SessionDescriptionHandler for SignallingOnly {
    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Describing<Body> {
        Box::pin(ready(Self::describe(self, kind, hold)))
    }

    fn accept(&mut self, kind: DescriptionKind, body: Body) -> Describing<()> {
        Box::pin(ready(Self::accept(self, kind, &body)))
    }

    fn roll_back(&mut self) {
        Self::roll_back(self);
    }

    fn close(&mut self) {}
}
