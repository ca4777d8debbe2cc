//! Session descriptions from the application's media engine in place of events: the parameters
//! `sessionDescriptionHandlerFactory` and `sessionDescriptionHandlerFactoryOptions`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sip_core::{Body, DescriptionKind, ExchangeId, SessionId, Tones};
use sip_host::{Describers, DescriptionError, TypedFactory};

use crate::mailbox::{AgentKey, Envelope, Mailbox, Outcome};

/// The media side of one call: makes our session descriptions and takes the peer's (RFC 3264).
///
/// The thread that drives the agent calls these methods, so they must not block. A handler that needs time
/// keeps the [`Reply`] and uses it on another thread. A handler has one step at a time, in the order of the
/// core's requests; the end of a call cancels the remaining steps.
pub trait SessionDescriptionHandler: Send {
    /// Makes our offer, or the answer to the peer's last offer. With `hold` this side holds the call: the description asks for
    /// no media of the peer, as `sendonly` or `inactive` (RFC 3264 section 8.4).
    fn describe(&mut self, kind: DescriptionKind, hold: bool, reply: Reply<Body>);

    /// Takes the peer's offer or answer.
    fn accept(&mut self, kind: DescriptionKind, body: Body, reply: Reply<()>);

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

/// Takes the result of one step, from any thread. A reply that is dropped counts as a failure.
pub struct Reply<T> {
    to: Option<Address>,
    outcome: fn(Result<T, DescriptionError>) -> Outcome,
}

struct Address {
    mailbox: Arc<Mailbox>,
    agent: AgentKey,
    session: SessionId,
    step: u64,
}

impl<T> Reply<T> {
    /// Delivers the result. It is ignored if the call has ended meanwhile.
    pub fn give(mut self, result: Result<T, DescriptionError>) {
        self.send(result);
    }

    fn send(&mut self, result: Result<T, DescriptionError>) {
        if let Some(to) = self.to.take() {
            let outcome = (self.outcome)(result);
            to.mailbox
                .post(Envelope::Described(to.agent, to.session, to.step, outcome));
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.send(Err(DescriptionError("the handler gave none".to_owned())));
    }
}

impl<T> std::fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// A step for a handler.
enum Question {
    /// One of an exchange.
    Of(ExchangeId, DescriptionKind, Wanted),
    /// Its exchange ended without a new session.
    RollBack,
}

enum Wanted {
    /// Make our description; the call is on hold by this side or not.
    Description { hold: bool },
    /// Take the peer's.
    Acceptance(Body),
}

/// The handlers of all calls of one agent.
pub(crate) struct Handlers {
    agent: AgentKey,
    mailbox: Arc<Mailbox>,
    factory: Option<Arc<dyn SessionDescriptionHandlerFactory>>,
    options: BTreeMap<String, String>,
    calls: BTreeMap<SessionId, Call>,
    steps: u64,
}

struct Call {
    handler: Box<dyn SessionDescriptionHandler>,
    questions: VecDeque<Question>,
    /// The number of the current step, and its exchange.
    running: Option<(u64, ExchangeId)>,
}

impl Handlers {
    pub(crate) fn new(
        agent: AgentKey,
        mailbox: Arc<Mailbox>,
        factory: Option<Arc<dyn SessionDescriptionHandlerFactory>>,
        options: BTreeMap<String, String>,
    ) -> Self {
        Self {
            agent,
            mailbox,
            factory,
            options,
            calls: BTreeMap::new(),
            steps: 0,
        }
    }

    fn ask(&mut self, session: SessionId, question: Question) {
        let Some(factory) = &self.factory else { return };
        let call = self.calls.entry(session).or_insert_with(|| Call {
            handler: factory.create(session, &self.options),
            questions: VecDeque::new(),
            running: None,
        });
        call.questions.push_back(question);
        self.next_step(session);
    }

    fn next_step(&mut self, session: SessionId) {
        let Some(call) = self.calls.get_mut(&session) else {
            return;
        };
        if call.running.is_some() {
            return;
        }
        let (exchange, kind, wanted) = loop {
            match call.questions.pop_front() {
                Some(Question::Of(exchange, kind, wanted)) => break (exchange, kind, wanted),
                Some(Question::RollBack) => call.handler.roll_back(),
                None => return,
            }
        };
        self.steps += 1;
        call.running = Some((self.steps, exchange));
        let to = Some(Address {
            mailbox: self.mailbox.clone(),
            agent: self.agent,
            session,
            step: self.steps,
        });
        match wanted {
            Wanted::Description { hold } => {
                let outcome = Outcome::Described;
                call.handler.describe(kind, hold, Reply { to, outcome });
            }
            Wanted::Acceptance(body) => {
                let outcome = Outcome::Accepted;
                call.handler.accept(kind, body, Reply { to, outcome });
            }
        }
    }

    /// The exchange of the current step, if the result belongs to it and not to a call that has ended. The next step of
    /// the handler begins then.
    pub(crate) fn on_reply(
        &mut self,
        session: SessionId,
        step: u64,
        outcome: &Outcome,
    ) -> Option<ExchangeId> {
        let call = self.calls.get_mut(&session)?;
        let (_, exchange) = call.running.take_if(|(running, _)| *running == step)?;
        if matches!(outcome, Outcome::Accepted(Err(_))) {
            // The peer's offer is unusable, so the steps that would answer it are dropped.
            call.questions
                .retain(|question| matches!(question, Question::RollBack));
        }
        self.next_step(session);
        Some(exchange)
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
        self.ask(
            session,
            Question::Of(exchange, kind, Wanted::Description { hold }),
        );
    }

    fn accept(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        body: Body,
    ) {
        self.ask(
            session,
            Question::Of(exchange, kind, Wanted::Acceptance(body)),
        );
    }

    fn send_tones(&mut self, session: SessionId, tones: &Tones) -> bool {
        let call = self.calls.get_mut(&session);
        call.is_some_and(|call| call.handler.send_tones(tones))
    }

    fn roll_back(&mut self, session: SessionId) {
        // A call without a handler has nothing to forget.
        if let Some(call) = self.calls.get_mut(&session) {
            call.questions.push_back(Question::RollBack);
            self.next_step(session);
        }
    }

    fn close(&mut self, session: SessionId) {
        if let Some(mut call) = self.calls.remove(&session) {
            call.handler.close();
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
