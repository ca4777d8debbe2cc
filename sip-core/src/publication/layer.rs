//! The publications of one endpoint.

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{HeaderName, Request, UriBuf, is_token};

use super::entry::{Detail, Failure, Publication, unsent};
use super::machine::{Next, PublicationInput, PublicationState, PublishKind, Task};
use super::options::PublishOptions;
use crate::body::Body;
use crate::endpoint::{
    DialogUsage, Duty, Endpoint, MaySend, Received, Sent, TimerOwner, TransactionUser, Usage,
};
use crate::error::CommandError;
use crate::header::{ExtraHeader, ExtraHeaderError, check_fields};
use crate::ids::{ConnectionId, PublicationId};
use crate::limits::LimitKind;
use crate::reason::failure;
use crate::requirement::Requirement;
use crate::slab::Grouped;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// All publications of one [`Endpoint`] (RFC 3903).
///
/// A [`UserAgent`](crate::UserAgent) has one. Alone on an endpoint it is what an application needs that publishes and does nothing
/// else:
///
/// ```
/// use sip_core::endpoint::{Endpoint, EndpointSettings};
/// use sip_core::publication::PublicationLayer;
/// use sip_core::{Action, Body, ConnectionInfo, PublishOptions, Timestamp, Transport};
/// use sip_parse::UriBuf;
/// # use rand_core::SeedableRng;
///
/// let bob = UriBuf::parse(b"sip:bob@example.com")?;
/// let now = Timestamp::from_millis(0);
/// # let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([7; 32]));
/// let mut endpoint = Endpoint::new(EndpointSettings::new(bob.clone()), random, now);
/// let mut publications = PublicationLayer::new();
/// let connection = endpoint.accept(ConnectionInfo {
///     transport: Transport::Tcp,
///     remote: None,
/// });
/// let state = Body::new("text/plain", "open");
/// let options = PublishOptions::new().expires(600);
/// publications.publish(&mut endpoint, Some(connection), bob, "presence", state, options)?;
/// publications.settle(&mut endpoint);
/// let Some(Action::Transmit { bytes, .. }) = endpoint.poll_action() else {
///     panic!("a PUBLISH")
/// };
/// assert!(bytes.starts_with(b"PUBLISH sip:bob@example.com SIP/2.0"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[cfg_attr(test, derive(Clone))]
pub struct PublicationLayer {
    /// By resource.
    pub(super) publications: Grouped<Publication>,
}

impl Default for PublicationLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl PublicationLayer {
    /// Makes a layer without publications.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            publications: Grouped::new(),
        }
    }

    /// The number of publications.
    #[must_use]
    pub fn len(&self) -> usize {
        self.publications.len()
    }

    /// Whether there are no publications.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.publications.is_empty()
    }

    /// Publishes a state of `package` for `target` (RFC 3903 section 4.1) on `connection`, or on the flow in use if that is `None`.
    /// The core refreshes it until [`remove`](Self::remove). A PUBLISH waits while another one to the same target has no final
    /// response (section 4).
    ///
    /// # Errors
    /// [`CommandError`]; no publication exists then.
    pub fn publish(
        &mut self,
        endpoint: &mut Endpoint,
        connection: Option<ConnectionId>,
        target: UriBuf,
        package: &str,
        state: Body,
        options: PublishOptions,
    ) -> Result<PublicationId, CommandError> {
        if self.publications.len() >= endpoint.limits().publications {
            return Err(CommandError::Limit(LimitKind::Publications));
        }
        if options.expires == 0 {
            return Err(CommandError::WrongState(Requirement::PositiveExpires));
        }
        check_state(&state)?;
        if !is_token(package.as_bytes()) {
            return Err(CommandError::EventPackage);
        }
        // RFC 3261 section 19.1.5: the header fields of the URI go into the request, not into the Request-URI.
        let mut headers = options.headers;
        headers.extend(ExtraHeader::of_uri(&target.as_uri()));
        check_headers(&headers)?;
        let target = target.as_uri().to_request_uri();
        let id = PublicationId(self.publications.next_handle());
        let mut publication = Publication {
            state: PublicationState::Queued,
            target,
            connection,
            package: package.into(),
            call_id: endpoint.new_call_id().into(),
            from_tag: crate::rand::token(endpoint.layer.rng(), 13).into(),
            number: endpoint.first_cseq(),
            body: state,
            headers,
            expires: options.expires,
            min_expires_applied: false,
            lease: None,
            failures: 0,
            sequence: 0,
            timer: None,
        };
        let connected = reach(endpoint, connection, &publication.target)?;
        let taken = self.is_taken(&publication.target, None);
        match connected {
            Some(connection) if !taken => {
                publication.send(endpoint, connection, id, PublishKind::Initial)?;
                publication.state = PublicationState::Busy(PublishKind::Initial, Next::Nothing);
            }
            _ => {
                let longest = endpoint.longest_wait();
                publication.wait(endpoint, id, longest);
                publication.sequence = endpoint.next_sequence();
            }
        }
        self.publications.insert(publication);
        Ok(id)
    }

    /// Publishes another state in place of the last one (RFC 3903 section 4.4). While a PUBLISH is in flight the state waits for
    /// its response, and a later one replaces it.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over or is being removed, [`CommandError::NotConnected`] without a connection
    /// unless commands may wait for one.
    pub fn modify(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        state: Body,
    ) -> Result<(), CommandError> {
        let publication = self.publications.get_mut(id.0);
        let publication = publication.filter(|publication| !is_removed(publication.state));
        let publication = publication.ok_or(CommandError::Stale)?;
        check_state(&state)?;
        reach(endpoint, publication.connection, &publication.target)?;
        publication.body = state;
        self.drive(endpoint, id, PublicationInput::Modify, Detail::Nothing);
        Ok(())
    }

    /// Removes a publication (RFC 3903 section 4.5). While a PUBLISH is in flight the removal waits for its response. Without a
    /// connection it waits for one, 64 T1 at most.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the publication is over.
    pub fn remove(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
    ) -> Result<(), CommandError> {
        if self.publications.get(id.0).is_none() {
            return Err(CommandError::Stale);
        }
        self.drive(endpoint, id, PublicationInput::Remove, Detail::Nothing);
        Ok(())
    }

    /// Uses `connection` for each publication whose own connection is gone, and sends what waits for one. A
    /// [`UserAgent`](crate::UserAgent) does so itself.
    pub fn connected(&mut self, endpoint: &mut Endpoint, connection: ConnectionId) {
        for handle in self.publications.handles() {
            if let Some(publication) = self.publications.get_mut(handle)
                && let Some(own) = &mut publication.connection
                && endpoint.layer.info(*own).is_none()
            {
                *own = connection;
            }
        }
        self.give_turns(endpoint, None);
    }

    /// Passes everything that the endpoint has received to its publications, and refuses requests of peers. The host calls it
    /// after each [`Endpoint::receive`], [`Endpoint::closed`] and command.
    pub fn settle(&mut self, endpoint: &mut Endpoint) {
        endpoint.settle_alone(self);
    }

    /// Advances the clock to `now`, which never goes back: fires the due deadlines.
    pub fn tick(&mut self, endpoint: &mut Endpoint, now: Timestamp) {
        endpoint.tick_alone(self, now);
    }

    /// The publications, in the order of their handles.
    fn ids(&self) -> Vec<PublicationId> {
        let handles = self.publications.handles();
        handles.into_iter().map(PublicationId).collect()
    }

    fn each(&mut self, endpoint: &mut Endpoint, input: PublicationInput) {
        for id in self.ids() {
            self.drive(endpoint, id, input, Detail::Nothing);
        }
    }
}

impl Usage for PublicationLayer {
    fn awaits(&self, user: TransactionUser) -> bool {
        matches!(user, TransactionUser::Publication(id) if self.is_busy(id))
    }

    fn on_resent(&mut self, _endpoint: &mut Endpoint, user: TransactionUser) {
        if let TransactionUser::Publication(id) = user
            && let Some(publication) = self.publications.get_mut(id.0)
        {
            publication.number = publication.number.saturating_add(1);
        }
    }

    fn on_not_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser, error: &SendError) {
        if let TransactionUser::Publication(id) = user {
            let (input, detail) = unsent(error);
            self.drive(endpoint, id, input, detail);
        }
    }

    fn on_response(&mut self, endpoint: &mut Endpoint, received: &Received) {
        let TransactionUser::Publication(id) = received.sent.user else {
            return;
        };
        let response = &received.response;
        let (shortest, now) = (endpoint.limits().shortest_refresh, endpoint.now);
        let Some(publication) = self.publications.get_mut(id.0) else {
            return;
        };
        let PublicationState::Busy(kind, _) = publication.state else {
            return;
        };
        if response.status().is_provisional() {
            return;
        }
        let verdict = publication.read(kind, response, shortest, now);
        let detail = match verdict.failure {
            None => Detail::Response(response),
            Some(mut failure) => {
                failure.reason.challenge = received.unanswered.clone();
                Detail::Refusal(failure, received)
            }
        };
        self.drive(endpoint, id, verdict.input, detail);
    }

    fn on_failed(&mut self, endpoint: &mut Endpoint, sent: &Sent, error: TransactionError) {
        if let TransactionUser::Publication(id) = sent.user {
            let input = match error {
                TransactionError::ConnectionLost => PublicationInput::Lost,
                TransactionError::Timeout => PublicationInput::Failed,
            };
            let detail = Detail::Failure(Failure::new(failure(error)));
            self.drive(endpoint, id, input, detail);
        }
    }

    fn on_request(
        &mut self,
        _endpoint: &mut Endpoint,
        _transaction: ServerTransactionId,
        _usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>> {
        Err(request)
    }

    fn on_server_failed(&mut self, _endpoint: &mut Endpoint, _transaction: ServerTransactionId) {}

    fn on_timeout(&mut self, endpoint: &mut Endpoint, owner: TimerOwner) {
        let TimerOwner::Publication(id) = owner else {
            return;
        };
        let blocked = self.is_blocked(id);
        let Some(publication) = self.publications.get_mut(id.0) else {
            return;
        };
        publication.timer = None;
        let waits = matches!(
            publication.state,
            PublicationState::Queued | PublicationState::Waiting(_)
        );
        if waits && blocked {
            // The wait is bounded, because the PUBLISH that it waits for is.
            let longest = endpoint.longest_wait();
            publication.wait(endpoint, id, longest);
            return;
        }
        self.drive(endpoint, id, PublicationInput::Timeout, Detail::Nothing);
    }

    fn on_connected(&mut self, endpoint: &mut Endpoint) {
        self.give_turns(endpoint, None);
    }

    fn give_up(&mut self, endpoint: &mut Endpoint) {
        self.each(endpoint, PublicationInput::GiveUp);
    }

    fn stop(&mut self, endpoint: &mut Endpoint) {
        self.each(endpoint, PublicationInput::Remove);
    }

    fn end(&mut self, endpoint: &mut Endpoint) {
        for id in self.ids() {
            // Nothing has its turn any more.
            self.step(endpoint, id, PublicationInput::End, Detail::Nothing);
        }
    }
}

/// RFC 3903 section 4, table 1: a PUBLISH that makes or modifies state has a body.
fn check_state(state: &Body) -> Result<(), CommandError> {
    if state.bytes.is_empty() {
        return Err(CommandError::WrongState(Requirement::StateNotEmpty));
    }
    Ok(())
}

/// Checks that each PUBLISH can carry the header fields of the application beside its own.
fn check_headers(headers: &[ExtraHeader]) -> Result<(), CommandError> {
    let is_own = |header: &ExtraHeader| {
        matches!(
            header.header_name(),
            HeaderName::Event | HeaderName::Expires | HeaderName::SipIfMatch
        )
    };
    if headers.iter().any(is_own) {
        return Err(CommandError::Header(ExtraHeaderError::Reserved));
    }
    check_fields(headers).map_err(|error| CommandError::Send(SendError::Build(error)))
}

/// The connection that a command can use; `None` if it waits for one.
fn reach(
    endpoint: &Endpoint,
    connection: Option<ConnectionId>,
    target: &UriBuf,
) -> Result<Option<ConnectionId>, CommandError> {
    let duty = connection.map_or(Duty::Command, |known| Duty::Owed(Some(known)));
    match endpoint.may_send(duty, target.as_bytes()) {
        MaySend::Now(connection) => Ok(Some(connection)),
        MaySend::Later if endpoint.behaviour().queue_requests => Ok(None),
        MaySend::Later => Err(CommandError::NotConnected),
        MaySend::Never(error) => Err(error.into()),
    }
}

/// Whether the application has removed the publication.
const fn is_removed(state: PublicationState) -> bool {
    matches!(
        state,
        PublicationState::Busy(PublishKind::Remove, _)
            | PublicationState::Busy(_, Next::Remove)
            | PublicationState::Waiting(Task::Remove)
    )
}
