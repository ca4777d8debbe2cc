//! What handles leave to the agent: work that no result follows, such as that of a handle that is dropped.

use alloc::boxed::Box;

use sip_core::{
    CommandError, FailureStatus, IncomingRequestId, IncomingSubscriptionId, Notification,
    PublicationId, ReferId, Refusal, Session, SessionId, SubscriptionId, TerminationReason,
    Timestamp, UserAgent,
};
use sip_parse::StatusCode;

/// The status that refuses what the application drops without an answer.
const UNANSWERED: StatusCode = StatusCode::TEMPORARILY_UNAVAILABLE;

/// Work for the agent. It may come too late: then it does nothing, because the object has ended already.
#[derive(Debug)]
pub enum Chore {
    /// Sends 180 for an incoming call.
    Ring(SessionId),
    /// Answers an incoming call.
    Answer(SessionId),
    /// Refuses an incoming call, by 480 without a refusal of the application.
    Reject(SessionId, Option<Box<Refusal>>),
    /// Ends a call.
    HangUp(SessionId),
    /// Answers a request of a peer, by 480 without a status of the application.
    Respond(IncomingRequestId, Option<StatusCode>),
    /// Refuses a REFER of a peer.
    RejectTransfer(ReferId, Option<Box<Refusal>>),
    /// Ends a subscription of the application.
    Unsubscribe(SubscriptionId),
    /// Refuses a subscription of a peer.
    RejectSubscription(IncomingSubscriptionId, Option<Box<Refusal>>),
    /// Ends an accepted subscription of a peer.
    Terminate(IncomingSubscriptionId),
    /// Removes a publication.
    Unpublish(PublicationId),
}

impl Chore {
    /// Does the work. An error means that the object has ended, so that nothing is left to do.
    pub fn carry_out(self, agent: &mut UserAgent, now: Timestamp) {
        let refusal = |given: Option<Box<Refusal>>| match given {
            Some(refusal) => Ok(*refusal),
            None => FailureStatus::new(UNANSWERED.as_u16()).map(Refusal::from),
        };
        let _ = match self {
            Self::Ring(session) => {
                if let Ok(Session::Incoming(call)) = agent.session(session) {
                    call.ring(now);
                }
                Ok(())
            }
            Self::Answer(session) => {
                if let Ok(Session::Incoming(call)) = agent.session(session) {
                    call.answer(now);
                }
                Ok(())
            }
            Self::Reject(session, given) => match (agent.session(session), refusal(given)) {
                (Ok(Session::Incoming(call)), Ok(refusal)) => {
                    call.reject(refusal, now);
                    Ok(())
                }
                _ => agent.hang_up(session, now).map_err(CommandError::from),
            },
            Self::HangUp(session) => agent.hang_up(session, now).map_err(CommandError::from),
            // The core refuses a status that needs more than a number, such as 300: the peer gets 480 at once instead.
            Self::Respond(incoming, status) => agent
                .respond(incoming, status.unwrap_or(UNANSWERED), now)
                .or_else(|_| agent.respond(incoming, UNANSWERED, now)),
            Self::RejectTransfer(refer, given) => refusal(given)
                .map_err(CommandError::from)
                .and_then(|refusal| agent.reject_refer(refer, refusal, now)),
            Self::Unsubscribe(subscription) => agent.unsubscribe(subscription, now),
            Self::RejectSubscription(subscription, given) => refusal(given)
                .map_err(CommandError::from)
                .and_then(|refusal| agent.reject_subscription(subscription, refusal, now)),
            Self::Terminate(subscription) => {
                let reason = TerminationReason::Other(None, None);
                agent.notify(subscription, Notification::terminated(reason), now)
            }
            Self::Unpublish(publication) => agent.unpublish(publication, now),
        };
    }
}
