//! The states of subscriptions and the reasons for which they end (RFC 6665).

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::reason::EndReason;

/// The state of a subscription (RFC 6665 section 4.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubscriptionState {
    /// The notifier has not decided yet whether the subscriber is allowed to see the state of the resource.
    Pending,
    /// The notifier reports the state of the resource.
    Active,
    /// The subscription is over.
    Terminated(TerminationReason),
}

/// Why a notifier terminates a subscription (RFC 6665 section 4.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TerminationReason {
    /// The subscriber should subscribe anew at once, as to another server.
    Deactivated,
    /// The subscriber should subscribe anew, after this time if it is given.
    Probation(Option<Duration>),
    /// The notifier's policy has changed: the subscriber should not subscribe again.
    Rejected,
    /// The subscriber has not refreshed in time, and may subscribe anew at once.
    Timeout,
    /// The notifier could not obtain authorisation in time; the subscriber may subscribe anew, after this time if it is given.
    Giveup(Option<Duration>),
    /// The resource no longer exists: the subscriber should not subscribe again.
    NoResource,
    /// The state of the resource never changes: the subscriber should not subscribe again.
    Invariant,
    /// Another reason, or none; the subscriber may subscribe anew, after this time if it is given.
    Other(Option<Box<str>>, Option<Duration>),
}

/// When a subscriber may subscribe anew (RFC 6665 section 4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriptionRetry {
    /// At once.
    Now,
    /// After this time, or after one that the core chooses.
    After(Option<Duration>),
    /// Never.
    Never,
}

/// Why a subscription of this side ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The notifier terminated it.
    Terminated(TerminationReason),
    /// A SUBSCRIBE was refused, had no response, or was never sent.
    Failed(Box<EndReason>),
    /// No NOTIFY followed the 2xx to a SUBSCRIBE within 64 T1: timer N (RFC 6665 section 4.1.2.4).
    NoNotify,
    /// It expired, because it could not be refreshed.
    Expired,
    /// The application has ended it, or the single state that it asked for has arrived.
    Unsubscribed,
}

/// Why a subscription of a peer ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IncomingSubscriptionEnd {
    /// The peer ended it, or asked for the state once.
    Unsubscribed,
    /// The peer has not refreshed it in time.
    Expired,
    /// The application terminated it.
    Terminated,
    /// The peer refused a NOTIFY, or has not answered it (RFC 6665 section 4.2.2).
    NotifyFailed(Box<EndReason>),
    /// The application has not answered the SUBSCRIBE in time, or its connection broke before.
    Unanswered,
    /// The dialog of the subscription, or the agent, ended.
    DialogEnded,
}

impl TerminationReason {
    /// When the subscriber may subscribe anew.
    #[must_use]
    pub const fn retry(&self) -> SubscriptionRetry {
        match self {
            Self::Deactivated | Self::Timeout => SubscriptionRetry::Now,
            Self::Probation(after) | Self::Giveup(after) | Self::Other(_, after) => {
                SubscriptionRetry::After(*after)
            }
            Self::Rejected | Self::NoResource | Self::Invariant => SubscriptionRetry::Never,
        }
    }

    /// The reason on the wire; empty without one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation(_) => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Giveup(_) => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
            Self::Other(reason, _) => reason.as_deref().unwrap_or(""),
        }
    }
}

impl fmt::Display for SubscriptionRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("at once"),
            Self::After(Some(after)) => write!(f, "after {} s", after.as_secs()),
            Self::After(None) => f.write_str("later"),
            Self::Never => f.write_str("never"),
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("pending"),
            Self::Active => f.write_str("active"),
            Self::Terminated(reason) => write!(f, "terminated ({reason})"),
        }
    }
}

impl fmt::Display for TerminationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            "" => f.write_str("no reason"),
            reason => f.write_str(reason),
        }
    }
}

impl fmt::Display for SubscriptionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminated(reason) => write!(f, "the notifier terminated it: {reason}"),
            Self::Failed(reason) => write!(f, "the SUBSCRIBE failed: {reason}"),
            Self::NoNotify => f.write_str("no NOTIFY followed the SUBSCRIBE"),
            Self::Expired => f.write_str("it expired"),
            Self::Unsubscribed => f.write_str("as asked"),
        }
    }
}

impl fmt::Display for IncomingSubscriptionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsubscribed => f.write_str("the peer ended it"),
            Self::Expired => f.write_str("it expired"),
            Self::Terminated => f.write_str("the application terminated it"),
            Self::NotifyFailed(reason) => write!(f, "a NOTIFY failed: {reason}"),
            Self::Unanswered => f.write_str("the application has not answered the SUBSCRIBE"),
            Self::DialogEnded => f.write_str("its dialog ended"),
        }
    }
}
