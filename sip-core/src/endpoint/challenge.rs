//! Challenges: resends a request after a 401 or 407, and reads Authentication-Info.

use alloc::boxed::Box;
use alloc::string::String;

use sip_parse::{Builder, HeaderName, StatusCode, Value};

use super::indication::Received;
use super::state::Endpoint;
use crate::auth::Scope;
use crate::config::LogLevel;
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
    /// There are no credentials, or the server refuses them.
    Authentication,
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
        let sent = request.ok_or(RetryError::Authentication)?;
        let mut next = challenged.sent.clone();
        let method = sent.method();
        let mut again = Builder::from_message(sent);
        again.remove_first_value(HeaderName::Via);
        match authorization {
            Authorization::Application(value) => {
                if !next.attempts.application_answers() {
                    return Err(RetryError::Authentication);
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
                let credentials = self.credentials.as_ref();
                let credentials = credentials.ok_or(RetryError::Authentication)?;
                let (attempts, rng) = (&mut next.attempts, self.layer.rng());
                self.digest
                    .challenged(&challenged.response, credentials, attempts, rng)
                    .map_err(|_| RetryError::Authentication)?;
                let headers = self.digest.authorize(
                    method,
                    sent.uri_bytes(),
                    sent.body(),
                    credentials,
                    Scope::Challenged(attempts),
                );
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

    /// RFC 7616 section 3.5: reads the next nonce, and the proof that the server knows the secret too.
    pub(super) fn read_authentication_info(&mut self, received: &Received) {
        let response = &received.response;
        if !response.has(HeaderName::AuthenticationInfo) {
            return;
        }
        let (Some(sent), Some(credentials)) = (received.request.request(), &self.credentials)
        else {
            return;
        };
        let read = self.digest.authentication_info(response, sent, credentials);
        if read.is_err() {
            self.queue().counters.authentication_info_failures += 1;
            let content =
                LogContent::Text("Authentication-Info is malformed or does not prove the server");
            self.log(LogLevel::Warn, "sip.ua", 0, content);
        }
    }
}
