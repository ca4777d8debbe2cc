//! Events as people read them: one line each, without bodies.

use core::fmt;
use core::time::Duration;

use sip_parse::{Request, Response};

use super::{DescriptionKind, Event, ExchangeOutcome, Referral, Registration};
use crate::reason::EndReason;

impl fmt::Display for DescriptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
        })
    }
}

impl fmt::Display for ExchangeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::RolledBack(reason) => write!(f, "rolled back: {reason}"),
            Self::Aborted(reason) => write!(f, "aborted: {reason}"),
        }
    }
}

/// The target, the call that the new one replaces, and who the peer says it acts for.
impl fmt::Display for Referral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        if self.replaces.is_some() {
            f.write_str(", in place of a call there")?;
        }
        match &self.referred_by {
            Some(by) => write!(f, ", referred by {}", sip_parse::text(by.as_bytes())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = if self.refreshed { " again" } else { "" };
        write!(f, "registered{again} for {}", Seconds(self.expires))?;
        if self.outbound {
            write!(f, " on flow {}", self.reg_id)?;
        }
        match &self.gruu {
            Some(gruu) => write!(f, ", as {gruu}"),
            None => Ok(()),
        }
    }
}

/// A time as `600 s` or `1.5 s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanos() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f32())
        }
    }
}

/// The sender of a request, as From names it.
struct From<'a>(&'a Request);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.from() {
            Ok(from) => from.fmt(f),
            Err(_) => f.write_str("an unknown peer"),
        }
    }
}

/// A response by its status and the phrase that the peer wrote.
struct Answer<'a>(&'a Response);

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.reason() {
            b"" => self.0.status().fmt(f),
            phrase => {
                let status = self.0.status().as_u16();
                write!(f, "{status} {}", sip_parse::text(phrase))
            }
        }
    }
}

/// A failure, and whether the core tries again.
fn failed(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    reason: &EndReason,
    tries_again: bool,
) -> fmt::Result {
    let again = if tries_again {
        "; another attempt follows"
    } else {
        ""
    };
    write!(f, "{what} failed: {reason}{again}")
}

/// One line for people. It has no body of a message, and of the handles only those that name a call, a request, a subscription or a
/// publication.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstanceIdDrawn(id) => write!(f, "the instance id is {id}"),
            Self::Connecting { server, attempt } => {
                write!(f, "connecting to server {server}, attempt {attempt}")
            }
            Self::ServerUrlNeeded { server, .. } => write!(f, "server {server} needs a URL"),
            Self::Connected { server } => write!(f, "connected to server {server}"),
            Self::ConnectFailed { server, error } => {
                write!(f, "no connection to server {server}: {error}")
            }
            Self::Disconnected { server, reason } => {
                write!(f, "disconnected from server {server}: {reason}")
            }
            Self::ReconnectScheduled { attempt, .. } => {
                write!(f, "another connection follows, after {attempt} failed ones")
            }
            Self::Registered(registration) => registration.fmt(f),
            Self::Bindings { bindings } => write!(f, "bindings: {}", bindings.join(", ")),
            Self::RegistrationFailed { reason, retry_at } => {
                failed(f, "registration", reason, retry_at.is_some())
            }
            Self::Unregistered { reason } => write!(f, "unregistered: {reason}"),
            Self::IncomingCall {
                session, request, ..
            } => write!(f, "call {session} from {}", From(request)),
            Self::Replaced { session, by } => write!(f, "call {session} is replaced by call {by}"),
            Self::IncomingRefer { referral, .. } => {
                let from = From(&referral.request);
                write!(f, "transfer to {referral}, as {from} asks")
            }
            Self::TransferProgress { status, .. } => write!(f, "transfer: {status}"),
            Self::TransferEnded { outcome, .. } => outcome.fmt(f),
            Self::Progress {
                session, response, ..
            } => write!(f, "call {session}: {}", Answer(response)),
            Self::CallBranched { session, of } => {
                write!(f, "call {session} is another answer to call {of}")
            }
            Self::Redirected {
                session, target, ..
            } => write!(f, "call {session} goes to {target}"),
            Self::EarlyDialogEnded {
                session, reason, ..
            } => write!(f, "call {session}: a branch ended: {reason}"),
            Self::PrackFailed {
                session, reason, ..
            } => write!(f, "call {session}: PRACK failed: {reason}"),
            Self::DescriptionNeeded { session, kind, .. } => {
                write!(f, "call {session} needs an {kind}")
            }
            Self::RemoteDescription {
                session,
                kind,
                body,
                ..
            } => {
                let bytes = body.bytes.len();
                write!(f, "call {session}: {kind} of the peer, {bytes} bytes")
            }
            Self::Established { session } => write!(f, "call {session} is up"),
            Self::ExchangeEnded {
                session,
                exchange,
                outcome,
                ..
            } => {
                write!(f, "call {session}: exchange {exchange} is {outcome}")
            }
            Self::ModificationEnded { session, outcome } => match outcome {
                Ok(()) => write!(f, "call {session} is changed"),
                Err(reason) => write!(f, "call {session} is not changed: {reason}"),
            },
            Self::RepairFailed {
                session,
                reason,
                retry_at,
            } => {
                write!(f, "call {session}: ")?;
                failed(f, "repair", reason, retry_at.is_some())
            }
            Self::Ended { session, reason } => write!(f, "call {session} ended: {reason}"),
            Self::IncomingRequest { request, .. } => {
                write!(f, "{} from {}", request.method(), From(request))
            }
            Self::EarlySession { session, .. } => write!(f, "call {session} has an early session"),
            Self::Dtmf { session, tone, .. } => write!(f, "call {session}: tone {tone}"),
            Self::TonesOffered { session, tones, .. } => {
                write!(f, "call {session}: tones {tones} for the media")
            }
            Self::LegacyNotification { request } => {
                write!(f, "NOTIFY without a subscription from {}", From(request))
            }
            Self::Notified {
                subscription,
                state,
                ..
            } => write!(f, "subscription {subscription}: {state}"),
            Self::SubscriptionForked { subscription, of } => {
                write!(f, "subscription {subscription} is another answer to {of}")
            }
            Self::SubscriptionInterrupted {
                subscription,
                cause,
                ..
            } => write!(f, "subscription {subscription} is interrupted: {cause}"),
            Self::SubscriptionEnded {
                subscription,
                cause,
            } => write!(f, "subscription {subscription} ended: {cause}"),
            Self::IncomingSubscription {
                subscription,
                package,
                request,
                ..
            } => {
                let from = From(request);
                write!(f, "subscription {subscription} of {from} to {package}")
            }
            Self::SubscriptionRefreshed {
                subscription,
                expires,
                ..
            } => {
                let expires = Seconds(*expires);
                write!(
                    f,
                    "subscription {subscription} of a peer lasts another {expires}"
                )
            }
            Self::IncomingSubscriptionEnded {
                subscription,
                cause,
            } => write!(f, "subscription {subscription} of a peer ended: {cause}"),
            Self::Published {
                publication,
                expires,
                ..
            } => write!(
                f,
                "publication {publication} lasts for {}",
                Seconds(*expires)
            ),
            Self::PublicationFailed {
                publication,
                reason,
                ..
            } => {
                write!(f, "publication {publication}: ")?;
                failed(f, "PUBLISH", reason, true)
            }
            Self::PublicationEnded {
                publication,
                outcome,
            } => match outcome {
                Ok(()) => write!(f, "publication {publication} is removed"),
                Err(reason) => write!(f, "publication {publication} ended: {reason}"),
            },
            Self::Challenged {
                request, response, ..
            } => {
                write!(f, "{} to {}", Answer(response), request.method())
            }
            Self::RequestCompleted { request, outcome } => match outcome {
                Ok(response) => write!(f, "request {request}: {}", Answer(response)),
                Err(reason) => write!(f, "request {request} has no response: {reason}"),
            },
            Self::Stopped { unfinished: 0 } => f.write_str("stopped"),
            Self::Stopped { unfinished } => write!(f, "stopped, {unfinished} left unfinished"),
        }
    }
}
