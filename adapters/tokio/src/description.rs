//! Session descriptions from the application's media engine in place of events: the parameters
//! `sessionDescriptionHandlerFactory` and `sessionDescriptionHandlerFactoryOptions`.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sip_core::{Body, DescriptionKind, ExchangeId, SessionId, Tones};
use sip_host::{Describers, DescriptionError, TypedFactory};

/// The result of a [`SessionDescriptionHandler`]. The future may wait for media.
pub type Describing<T> = Pin<Box<dyn Future<Output = Result<T, DescriptionError>> + Send>>;

/// The media side of one call: makes our session descriptions and takes the peer's (RFC 3264).
///
/// The adapter polls one future at a time, in the order of the core's requests. The end of a call drops the
/// remaining ones.
pub trait SessionDescriptionHandler: Send {
    /// Makes our offer, or the answer to the peer's last offer. With `hold` this side holds the call: the description asks for
    /// no media of the peer, as `sendonly` or `inactive` (RFC 3264 section 8.4).
    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Describing<Body>;

    /// Takes the peer's offer or answer.
    fn accept(&mut self, kind: DescriptionKind, body: Body) -> Describing<()>;

    /// Sends tones in the media stream, as telephone events (RFC 4733), if it returns true; otherwise the core sends them by
    /// INFO. Called with `dtmfType` `rtp` alone. Must not block.
    fn send_tones(&mut self, tones: &Tones) -> bool {
        let _ = tones;
        false
    }

    /// An exchange ended without a new session, because a side refused it, or it crossed one of the peer: the session of the last
    /// complete exchange is in force again (RFC 6141 section 4). The handler forgets what it has described or accepted since.
    fn roll_back(&mut self) {}

    /// The call has ended. Called once.
    fn close(&mut self);
}

/// Makes the [`SessionDescriptionHandler`] of each call.
pub trait SessionDescriptionHandlerFactory: Send + Sync {
    /// Makes the handler of the call `session`. `options` is the configured parameter
    /// `sessionDescriptionHandlerFactoryOptions`.
    fn create(
        &self,
        session: SessionId,
        options: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler>;
}

impl<O, F> SessionDescriptionHandlerFactory for TypedFactory<O, F>
where
    O: Send + Sync,
    F: Fn(SessionId, &O) -> Box<dyn SessionDescriptionHandler> + Send + Sync,
{
    fn create(
        &self,
        session: SessionId,
        _: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        Self::create(self, session)
    }
}

/// The result of a step of a handler.
pub(crate) enum Described {
    /// Our description, for the core.
    Local(SessionId, ExchangeId, Result<Body, DescriptionError>),
    /// The peer's description cannot be used.
    Unusable(SessionId, ExchangeId, DescriptionError),
}

enum Step {
    Describe(ExchangeId, DescriptionKind, bool),
    Accept(ExchangeId, DescriptionKind, Body),
    RollBack,
}

enum Running {
    Describe(ExchangeId, Describing<Body>),
    Accept(ExchangeId, Describing<()>),
}

/// The handlers of all calls of one agent.
pub(crate) struct Handlers {
    factory: Option<Arc<dyn SessionDescriptionHandlerFactory>>,
    options: BTreeMap<String, String>,
    calls: BTreeMap<SessionId, Call>,
}

struct Call {
    handler: Box<dyn SessionDescriptionHandler>,
    steps: VecDeque<Step>,
    running: Option<Running>,
}

impl Handlers {
    pub(crate) fn new(
        factory: Option<Arc<dyn SessionDescriptionHandlerFactory>>,
        options: BTreeMap<String, String>,
    ) -> Self {
        Self {
            factory,
            options,
            calls: BTreeMap::new(),
        }
    }

    fn push(&mut self, session: SessionId, step: Step) {
        let Some(factory) = &self.factory else { return };
        let call = self.calls.entry(session).or_insert_with(|| Call {
            handler: factory.create(session, &self.options),
            steps: VecDeque::new(),
            running: None,
        });
        call.steps.push_back(step);
    }

    /// The next result of any handler.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Described> {
        for (&session, call) in &mut self.calls {
            if let Poll::Ready(described) = call.poll(session, cx) {
                return Poll::Ready(described);
            }
        }
        Poll::Pending
    }
}

impl Describers for Handlers {
    fn are_in_charge(&self) -> bool {
        self.factory.is_some()
    }

    fn describe(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        hold: bool,
    ) {
        self.push(session, Step::Describe(exchange, kind, hold));
    }

    fn accept(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        body: Body,
    ) {
        self.push(session, Step::Accept(exchange, kind, body));
    }

    fn send_tones(&mut self, session: SessionId, tones: &Tones) -> bool {
        let call = self.calls.get_mut(&session);
        call.is_some_and(|call| call.handler.send_tones(tones))
    }

    fn roll_back(&mut self, session: SessionId) {
        // A call without a handler has nothing to forget.
        if let Some(call) = self.calls.get_mut(&session) {
            if call.running.is_none() && call.steps.is_empty() {
                call.handler.roll_back();
            } else {
                call.steps.push_back(Step::RollBack);
            }
        }
    }

    fn close(&mut self, session: SessionId) {
        if let Some(mut call) = self.calls.remove(&session) {
            call.running = None;
            call.handler.close();
        }
    }
}

impl Call {
    fn poll(&mut self, session: SessionId, cx: &mut Context<'_>) -> Poll<Described> {
        loop {
            match &mut self.running {
                None => {
                    self.running = match self.steps.pop_front() {
                        Some(Step::Describe(exchange, kind, hold)) => {
                            let describing = self.handler.describe(kind, hold);
                            Some(Running::Describe(exchange, describing))
                        }
                        Some(Step::Accept(exchange, kind, body)) => {
                            Some(Running::Accept(exchange, self.handler.accept(kind, body)))
                        }
                        Some(Step::RollBack) => {
                            self.handler.roll_back();
                            continue;
                        }
                        None => return Poll::Pending,
                    };
                }
                Some(Running::Describe(exchange, future)) => {
                    let exchange = *exchange;
                    let Poll::Ready(result) = future.as_mut().poll(cx) else {
                        return Poll::Pending;
                    };
                    self.running = None;
                    return Poll::Ready(Described::Local(session, exchange, result));
                }
                Some(Running::Accept(exchange, future)) => {
                    let exchange = *exchange;
                    let Poll::Ready(result) = future.as_mut().poll(cx) else {
                        return Poll::Pending;
                    };
                    self.running = None;
                    if let Err(error) = result {
                        // The peer's offer is unusable, so the steps that would answer it are dropped.
                        self.steps.retain(|step| matches!(step, Step::RollBack));
                        return Poll::Ready(Described::Unusable(session, exchange, error));
                    }
                }
            }
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for call in self.calls.values_mut() {
            call.handler.close();
        }
    }
}
