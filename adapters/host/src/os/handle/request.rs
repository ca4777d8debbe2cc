//! Requests of the application, and MESSAGE requests of peers.

use std::fmt;

use sip_core::{EndReason, IncomingRequestId, MessageOptions, RequestId, SessionId};
use sip_parse::{Request, Response, StatusCode};

use super::shared::Port;
use crate::command;
use crate::handles::error::CallError;
use crate::handles::{Chore, Handles, OfferedRequest, Topic};

/// The address of the peer: the URI of From, as the peer wrote it. Empty if From cannot be read.
pub(super) fn from_text(request: &Request) -> String {
    let from = request.from();
    from.map(|from| from.uri().to_string()).unwrap_or_default()
}

/// A request of the application. See the list of handles.
pub struct PendingRequest<P: Port> {
    port: P,
    request: RequestId,
}

impl<P: Port> fmt::Debug for PendingRequest<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingRequest")
            .field(&self.request)
            .finish()
    }
}

impl<P: Port> PendingRequest<P> {
    /// The handle of a request that a command has made just now, in the closure of that command.
    pub(super) fn expect(port: P, request: RequestId) -> Self {
        port.shared().lock().expect_request(request);
        Self { port, request }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> RequestId {
        self.request
    }

    /// See the list.
    ///
    /// # Errors
    /// Why no final response came.
    pub async fn response(&self) -> Result<Response, EndReason> {
        let request = self.request;
        let question = move |handles: &mut Handles| handles.request_outcome(request);
        let shared = self.port.shared();
        let outcome = shared.wait(Topic::Request(request), question).await;
        outcome.map(|response| *response).map_err(|reason| *reason)
    }
}

impl<P: Port> Drop for PendingRequest<P> {
    fn drop(&mut self) {
        let mut handles = self.port.shared().lock();
        handles.forget_request(self.request);
    }
}

/// A MESSAGE of a peer. See the list of handles.
pub struct IncomingMessage<P: Port> {
    port: P,
    offer: OfferedRequest,
    is_answered: bool,
}

impl<P: Port> fmt::Debug for IncomingMessage<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incoming = &self.offer.incoming;
        f.debug_tuple("IncomingMessage").field(incoming).finish()
    }
}

impl<P: Port> IncomingMessage<P> {
    pub(super) fn new(port: P, offer: OfferedRequest) -> Self {
        Self {
            port,
            offer,
            is_answered: false,
        }
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.port
    }

    /// See the list.
    #[must_use]
    pub fn id(&self) -> IncomingRequestId {
        self.offer.incoming
    }

    /// See the list.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.offer.session
    }

    /// See the list.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.offer.request.body()).into_owned()
    }

    /// See the list.
    #[must_use]
    pub fn from(&self) -> String {
        from_text(&self.offer.request)
    }

    /// See the list.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.offer.request
    }

    /// See the list.
    pub fn accept(self) {
        self.respond(StatusCode::OK);
    }

    /// See the list.
    pub fn reject(self, status: StatusCode) {
        self.respond(status);
    }

    fn respond(mut self, status: StatusCode) {
        self.is_answered = true;
        let chore = Chore::Respond(self.offer.incoming, Some(status));
        self.port.shared().leave(chore);
    }

    /// See the list.
    ///
    /// # Errors
    /// The core refuses the response. The message is refused by 480 then, because its handle is dropped.
    pub async fn respond_with(
        mut self,
        status: StatusCode,
        options: MessageOptions,
    ) -> Result<(), CallError> {
        let respond = command::respond_with(self.offer.incoming, status, options);
        self.port.with(respond).await.and_then(|result| result)?;
        self.is_answered = true;
        Ok(())
    }
}

impl<P: Port> Drop for IncomingMessage<P> {
    fn drop(&mut self) {
        if !self.is_answered {
            let chore = Chore::Respond(self.offer.incoming, None);
            self.port.shared().leave(chore);
        }
    }
}
