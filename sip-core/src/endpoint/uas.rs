//! The checks that every user agent server makes before a usage sees a request (RFC 3261 section 8.2):
//! method, Request-URI, merged requests, Require, body.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use sip_parse::{HeaderName, Message, Method, Request, Scheme, StatusCode, text};
use smallvec::SmallVec;

use super::state::{Endpoint, RELIABLE, REPLACES};
use crate::body::{Body, Understood, Unusable, unusable};
use crate::config::Support;
use crate::dialog::{DialogSetId, RemoteTarget};
use crate::event::Event;
use crate::ids::SessionId;
use crate::transaction::ServerTransactionId;

impl Endpoint {
    /// Checks the method (RFC 3261 section 8.2.1).
    pub(super) fn check_method(
        &mut self,
        transaction: ServerTransactionId,
        method: Method<'_>,
        in_dialog: bool,
    ) -> bool {
        let allow = [(HeaderName::Allow, self.allow())];
        match method {
            Method::Other(name) if self.takes_method(name) => return true,
            Method::Other(_) | Method::Publish | Method::Register
                if self.behaviour.extensions.offers_unknown_methods =>
            {
                return true;
            }
            Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Options
            | Method::Update => return true,
            Method::Message | Method::Info | Method::Notify if self.behaviour.takes_requests => {
                return true;
            }
            Method::Refer if self.takes_refer(in_dialog) => return true,
            Method::Subscribe if !self.behaviour.extensions.event_packages.is_empty() => {
                return true;
            }
            // RFC 3515 section 2.4.4: the subscription of a REFER is refreshed and ended by SUBSCRIBE.
            Method::Subscribe if in_dialog && self.takes_refer(true) => return true,
            Method::Prack if self.behaviour.reliable_provisionals != Support::None => return true,
            Method::Other(_) => self.refuse(
                transaction,
                StatusCode::NOT_IMPLEMENTED,
                "unknown method",
                &allow,
            ),
            // Without the application's consent the core refuses a REFER (RFC 3515 section 2.4.2).
            Method::Refer => self.refuse(
                transaction,
                StatusCode::FORBIDDEN,
                "REFER is not allowed",
                &[],
            ),
            _ => self.refuse(
                transaction,
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed",
                &allow,
            ),
        }
        false
    }

    fn takes_refer(&self, within_dialog: bool) -> bool {
        match within_dialog {
            true => self.behaviour.takes_refer,
            false => self.behaviour.takes_refer_outside,
        }
    }

    /// Checks Request-URI, merged requests and Require, then the body (RFC 3261 sections 8.2.2 and 8.2.3).
    pub(super) fn check_headers(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        merged: bool,
    ) -> bool {
        let uri = match request.uri() {
            Ok(uri) if matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) => uri,
            Ok(_) => {
                self.refuse(
                    transaction,
                    StatusCode::UNSUPPORTED_URI_SCHEME,
                    "neither sip: nor sips:",
                    &[],
                );
                return false;
            }
            Err(_) => {
                self.refuse(
                    transaction,
                    StatusCode::BAD_REQUEST,
                    "malformed Request-URI",
                    &[],
                );
                return false;
            }
        };
        if !self.behaviour.takes_any_user && !self.identity.is_ours(&uri) {
            self.refuse(
                transaction,
                StatusCode::NOT_FOUND,
                "the Request-URI is not ours",
                &[],
            );
            return false;
        }
        if merged {
            self.refuse(
                transaction,
                StatusCode::LOOP_DETECTED,
                "merged request",
                &[],
            );
            return false;
        }
        self.check_extensions(transaction, request)
            && self.check_reliability(transaction, request)
            && self.check_replaces(transaction, request)
    }

    /// Refuses an INVITE of a peer that has no reliable provisional responses by 421, if they are required (RFC 3261 section
    /// 21.4.15).
    fn check_reliability(&mut self, transaction: ServerTransactionId, request: &Request) -> bool {
        if self.behaviour.reliable_provisionals != Support::Required
            || request.method() != Method::Invite
            || supports_reliable(request)
        {
            return true;
        }
        let headers = [(HeaderName::Require, RELIABLE)];
        let status = StatusCode::EXTENSION_REQUIRED;
        self.refuse(transaction, status, "the peer lacks 100rel", &headers);
        false
    }

    /// Refuses an INVITE of a peer that does not support Replaces by 421, if it is required (RFC 3261 section 21.4.15).
    fn check_replaces(&mut self, transaction: ServerTransactionId, request: &Request) -> bool {
        if self.behaviour.replaces != Support::Required
            || request.method() != Method::Invite
            || takes_replaces(request)
        {
            return true;
        }
        let headers = [(HeaderName::Require, REPLACES)];
        let status = StatusCode::EXTENSION_REQUIRED;
        self.refuse(transaction, status, "the peer lacks replaces", &headers);
        false
    }

    /// Whether the target that a target refresh names can be used; refuses the request otherwise, with a status that
    /// ends nothing else (RFC 5057 section 5.1). A request within a dialog may leave Contact out (RFC 3261 section
    /// 12.2.1.1). `set` is the local end of its dialog.
    pub(crate) fn accepts_target(
        &mut self,
        set: Option<DialogSetId>,
        transaction: ServerTransactionId,
        request: &Request,
    ) -> bool {
        let target = RemoteTarget::of(request);
        if target == RemoteTarget::Unusable {
            self.answer_from(set, transaction, StatusCode::BAD_REQUEST, &[]);
            return false;
        }
        if target == RemoteTarget::Usable && !self.reaches_target_of(request, transaction) {
            self.refuse_sips(set, transaction, StatusCode::NOT_ACCEPTABLE_HERE);
            return false;
        }
        true
    }

    /// Checks Require and the body (RFC 3261 sections 8.2.2.3 and 8.2.3).
    pub(super) fn check_extensions(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
    ) -> bool {
        if request.require().any(|tag| !self.supports(tag)) {
            let unsupported = request.require().filter(|tag| !self.supports(tag));
            let unsupported = unsupported
                .map(|tag| format!("{}", text(tag)))
                .collect::<Vec<_>>()
                .join(", ");
            let headers = [(HeaderName::Unsupported, unsupported.as_str())];
            self.refuse(
                transaction,
                StatusCode::BAD_EXTENSION,
                "unknown option tag in Require",
                &headers,
            );
            return false;
        }
        // RFC 3891 section 3: only an INVITE may replace a call.
        if self.behaviour.replaces != Support::None
            && request.method() != Method::Invite
            && request.has(HeaderName::Replaces)
        {
            let why = "Replaces in a request that is no INVITE";
            self.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
            return false;
        }
        let understood = Understood {
            types: &self.behaviour.extensions.bodies,
            early_sessions: self.supports(b"early-session"),
        };
        if let Some(unusable) = unusable(request, &understood) {
            let accept = self.accept_types();
            let accept = [(HeaderName::Accept, &*accept)];
            let accept_encoding = [(HeaderName::AcceptEncoding, "identity")];
            let (status, why, headers) = match unusable {
                Unusable::Malformed => (StatusCode::BAD_REQUEST, "malformed body", &[][..]),
                Unusable::Encoded => (
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "encoded body",
                    &accept_encoding[..],
                ),
                Unusable::Unsupported => (
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "a required part of the body is not supported",
                    &accept[..],
                ),
            };
            self.refuse(transaction, status, why, headers);
            return false;
        }
        let describes = matches!(request.method(), Method::Invite | Method::Update);
        if describes && !accepts_sdp(request) {
            let status = StatusCode::NOT_ACCEPTABLE;
            self.refuse(transaction, status, "the answer may not be SDP", &[]);
            return false;
        }
        true
    }

    /// The event of the early-session description in a message, if this side supports early sessions (RFC 3959).
    pub(crate) fn early_session(&self, session: SessionId, message: &Message) -> Option<Event> {
        if !self.supports(b"early-session") {
            return None;
        }
        Some(Event::EarlySession {
            session,
            body: Box::new(Body::early_session_in(message)?),
            message: Box::new(message.clone()),
        })
    }

    /// Whether the application answers requests of this method, which the core does not handle.
    pub(crate) fn takes_method(&self, method: &[u8]) -> bool {
        let mut methods = self.behaviour.extensions.methods.iter();
        methods.any(|known| known.as_bytes() == method)
    }

    /// Whether Supported lists the option tag, so that it may stand in Require.
    pub(crate) fn supports(&self, tag: &[u8]) -> bool {
        let mut own = self
            .identity
            .supported
            .as_bytes()
            .split(|byte| *byte == b',');
        own.any(|own| tag.eq_ignore_ascii_case(own.trim_ascii_start()))
    }

    /// Whether Replaces is supported (RFC 3891).
    pub(crate) fn supports_replaces(&self) -> bool {
        self.behaviour.replaces != Support::None
    }

    /// Answers an OPTIONS with the status that an INVITE would get, and the capabilities of the endpoint (RFC
    /// 3261 section 11.2).
    pub(crate) fn answer_options(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        busy: bool,
    ) {
        let status = if busy {
            StatusCode::BUSY_HERE
        } else {
            StatusCode::OK
        };
        self.list_capabilities(transaction, request, status);
    }

    /// Answers an OPTIONS with a status and the capabilities of the endpoint (RFC 3261 section 11.2, RFC 6086 section 4.2.3, RFC
    /// 6665 section 4.4.4).
    pub(crate) fn list_capabilities(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        status: StatusCode,
    ) {
        let supported = self.identity.supported.clone();
        let accept = self.accept_types();
        let packages = self.recv_info();
        let events = self.allow_events();
        let mut headers = SmallVec::<[(HeaderName<'_>, &str); 8]>::from_slice(&[
            (HeaderName::Allow, self.allow()),
            (HeaderName::Accept, &*accept),
            (HeaderName::AcceptEncoding, "identity"),
            (HeaderName::AcceptLanguage, "en"),
            (HeaderName::Supported, &*supported),
        ]);
        headers.extend(
            packages
                .as_deref()
                .map(|packages| (HeaderName::RecvInfo, packages)),
        );
        headers.extend(
            events
                .as_deref()
                .map(|events| (HeaderName::AllowEvents, events)),
        );
        self.answer_request(transaction, request, status, &headers);
    }
}

/// Whether the sender of an INVITE supports reliable provisional responses (RFC 3262 section 3).
pub(crate) fn supports_reliable(invite: &Request) -> bool {
    invite.has_token(HeaderName::Supported, RELIABLE.as_bytes()) || requires_reliable(invite)
}

/// Whether the sender of an INVITE requires reliable provisional responses (RFC 3262 section 3).
pub(crate) fn requires_reliable(invite: &Request) -> bool {
    invite.has_token(HeaderName::Require, RELIABLE.as_bytes())
}

/// Whether the sender of a message supports Replaces (RFC 3891 section 4).
pub(crate) fn takes_replaces(message: &Message) -> bool {
    let tag = REPLACES.as_bytes();
    message.has_token(HeaderName::Supported, tag) || message.has_token(HeaderName::Require, tag)
}

/// A request without From tag and without magic cookie (RFC 3261 sections 8.1.1.7 and 12.1.1).
pub(crate) fn is_of_rfc2543(request: &Request) -> bool {
    let tagged = request.from_tag().is_ok_and(|tag| tag.is_some());
    let branch = request.branch().ok().flatten();
    let marked = branch.is_some_and(|branch| branch.starts_with(crate::transaction::MAGIC_COOKIE));
    !tagged && !marked
}

/// Whether the response may carry a session description (RFC 3261 sections 20.1 and 21.4.7). It may if the
/// request has no Accept.
fn accepts_sdp(request: &Request) -> bool {
    !request.has(HeaderName::Accept)
        || request.accept().any(|media| {
            // What cannot be read forbids nothing.
            let Ok(media) = media else { return true };
            media.is(b"application", b"sdp")
                || media.is(b"application", b"*")
                || media.is(b"*", b"*")
        })
}
