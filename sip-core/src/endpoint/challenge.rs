//! Challenges: resends a request after a 401 or 407, and reads Authentication-Info.

use alloc::boxed::Box;
use alloc::string::String;

use sip_parse::{Builder, HeaderName, Request, StatusCode, Value};

use super::identity::ANONYMOUS;
use super::indication::Received;
use super::state::Endpoint;
use crate::auth::{Attempts, Authorizations, ChallengeError, RequestContext};
use crate::config::LogLevel;
use crate::dialog::DialogId;
use crate::record::LogContent;
use crate::transaction::{ClientTransactionId, SendError};

/// The source of the credentials that answer a challenge.
#[derive(Debug)]
pub(crate) enum Authorization {
    /// The digest credentials of the endpoint.
    Credentials,
    /// A value of the header field from the application.
    Application(Box<str>),
}

/// Why the core did not answer a challenge with a new request.
#[derive(Debug)]
pub(crate) enum RetryError {
    /// There are no credentials for it.
    Challenge(ChallengeError),
    /// The core could not resend the request.
    NotSent(SendError),
}

impl Endpoint {
    /// Sends a request again with the credentials that a 401 or 407 requires (RFC 3261 section 22.2): the
    /// same Call-ID, From and To, the next CSeq number (of the dialog, if it is within one), a new branch.
    /// Sent on the connection that the challenge came from, so that credentials never reach another server.
    pub(crate) fn resend_with_credentials(
        &mut self,
        challenged: &Received,
        authorization: Authorization,
    ) -> Result<ClientTransactionId, RetryError> {
        let request = challenged.request.request();
        let sent = request.ok_or(RetryError::NotSent(SendError::Stale))?;
        let mut next = challenged.sent.clone();
        let method = sent.method();
        let mut again = Builder::from_message(sent);
        again.remove_first_value(HeaderName::Via);
        match authorization {
            Authorization::Application(value) => {
                if !next.attempts.application_answers() {
                    return Err(RetryError::Challenge(ChallengeError::TooManyAnswers));
                }
                // The credentials of an earlier proxy stay (RFC 3261 section 22.3).
                let proxy =
                    challenged.response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
                let name = if proxy {
                    HeaderName::ProxyAuthorization
                } else {
                    HeaderName::Authorization
                };
                again.remove(name).append(name, String::from(value));
            }
            Authorization::Credentials => {
                let headers = self
                    .answer_challenge(challenged, sent, &mut next.attempts)
                    .map_err(RetryError::Challenge)?;
                again
                    .remove(HeaderName::Authorization)
                    .remove(HeaderName::ProxyAuthorization);
                for (name, value) in headers {
                    again.append(name, value);
                }
            }
        }
        let number = match next.dialog {
            Some(dialog) => self
                .dialogs
                .next_cseq(dialog)
                .map_err(|_| RetryError::NotSent(SendError::Stale))?,
            None => sent.cseq().map_or(1, |cseq| cseq.number.saturating_add(1)),
        };
        again.set(HeaderName::CSeq, Value::CSeq(number, method));
        self.layer
            .send_request(challenged.connection, again, next, self.now)
            .map_err(RetryError::NotSent)
    }

    /// The credentials that answer a challenge, if it may be answered; logs why not.
    fn answer_challenge(
        &mut self,
        challenged: &Received,
        sent: &Request,
        attempts: &mut Attempts,
    ) -> Result<Authorizations, ChallengeError> {
        let context = self.context_of(sent, challenged.sent.dialog);
        let learnt = match &self.credentials {
            None => Err(ChallengeError::NoCredentials),
            Some(credentials) => {
                let server = &*self.server_name(challenged.connection);
                let context = RequestContext { server, ..context };
                let (now, rng) = (self.now, self.layer.rng());
                let response = &challenged.response;
                self.digest
                    .challenged(response, &context, credentials, attempts, now, rng)
            }
        };
        match learnt {
            Ok(()) => Ok(self.credentials_for(challenged.connection, &context, attempts)),
            Err(error) => {
                let content = LogContent::NotAuthorized(error.clone());
                self.log(LogLevel::Warn, "sip.ua", 0, content);
                Err(error)
            }
        }
    }

    /// What the credentials of a sent request depend on, apart from its server.
    pub(super) fn context_of<'a>(
        &self,
        sent: &'a Request,
        dialog: Option<DialogId>,
    ) -> RequestContext<'a> {
        RequestContext {
            method: sent.method(),
            uri: sent.uri_bytes(),
            body: sent.body(),
            call_id: sent.call_id().unwrap_or_default(),
            server: "",
            own_domain: match dialog {
                Some(dialog) => self.is_dialog_in_own_domain(dialog),
                None => self.identity.is_in_own_domain(sent.uri_bytes()),
            },
            within_dialog: dialog.is_some(),
            anonymous: sent
                .from()
                .is_ok_and(|from| from.uri().as_bytes() == ANONYMOUS),
        }
    }

    /// Whether this side opened a dialog by a call to the own domain. The URI of a caller proves nothing.
    pub(super) fn is_dialog_in_own_domain(&self, dialog: DialogId) -> bool {
        self.dialogs.dialog(dialog).is_some_and(|dialog| {
            dialog.is_caller() && self.identity.is_in_own_domain(dialog.remote_uri())
        })
    }

    /// A 2xx proves the credentials of its request. RFC 7616 section 3.5: reads the next nonce, and the proof that the server knows
    /// the secret too.
    pub(super) fn learn_from_accepted(&mut self, received: &Received) {
        let response = &received.response;
        if response.status().is_success() {
            self.digest.accepted(&received.sent.attempts);
        }
        if !response.has(HeaderName::AuthenticationInfo) {
            return;
        }
        let (Some(sent), Some(credentials)) = (received.request.request(), &self.credentials)
        else {
            return;
        };
        let (attempts, now) = (&received.sent.attempts, self.now);
        let read = self
            .digest
            .authentication_info(response, sent, attempts, credentials, now);
        if read.is_err() {
            self.queue().counters.rare().authentication_info_failures += 1;
            let content =
                LogContent::Text("Authentication-Info is malformed or does not prove the server");
            self.log(LogLevel::Warn, "sip.ua", 0, content);
        }
    }
}
