//! What the application reports to a subscriber.

use alloc::vec::Vec;

use crate::body::Body;
use crate::error::CommandError;
use crate::header::{ExtraHeader, check_fields};
use crate::requirement::Requirement;
use crate::subscription_state::{SubscriptionState, TerminationReason};
use crate::transaction::SendError;

/// The state of a resource for one subscriber: the content of a NOTIFY (RFC 6665 section 4.2.2).
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Notification {
    /// The state of the subscription; a terminated one ends it.
    pub state: SubscriptionState,
    /// The state of the resource.
    pub body: Option<Body>,
    /// Additional header fields of the application.
    pub headers: Vec<ExtraHeader>,
}

impl Notification {
    /// The subscription waits for a decision; a body is as neutral as the package requires (RFC 6665 section 4.2.1.2).
    #[must_use]
    pub fn pending() -> Self {
        Self::of(SubscriptionState::Pending, None)
    }

    /// The state of the resource.
    #[must_use]
    pub fn active(body: Body) -> Self {
        Self::of(SubscriptionState::Active, Some(body))
    }

    /// The subscription is active and there is no state to report, as some packages allow.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(SubscriptionState::Active, None)
    }

    /// The end of the subscription.
    #[must_use]
    pub fn terminated(reason: TerminationReason) -> Self {
        Self::of(SubscriptionState::Terminated(reason), None)
    }

    fn of(state: SubscriptionState, body: Option<Body>) -> Self {
        Self {
            state,
            body,
            headers: Vec::new(),
        }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Whether a NOTIFY can carry it.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        check_fields(&self.headers).map_err(SendError::Build)?;
        if let SubscriptionState::Terminated(TerminationReason::Other(Some(reason), _)) =
            &self.state
            && !is_token(reason)
        {
            return Err(CommandError::WrongState(
                Requirement::TerminationReasonToken,
            ));
        }
        Ok(())
    }

    /// Whether it ends the subscription.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self.state, SubscriptionState::Terminated(_))
    }
}

/// RFC 3261 section 25.1 `token`.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}
