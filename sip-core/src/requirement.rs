//! What commands require of the state that they meet.

/// What a command requires, and [`CommandError::WrongState`](crate::CommandError::WrongState) says that it is not so. `Display` is the
/// requirement as a sentence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Requirement {
    /// A call of a peer that this side has not answered.
    #[error("the command is for an incoming call that waits for its answer")]
    Unanswered,
    /// A call that is up.
    #[error("the command is for a call that is up")]
    Up,
    /// A call of this side that the peer has not answered: it alone has early dialogs.
    #[error("the command is for a call of this side that the peer has not answered")]
    Early,
    /// No other INVITE, UPDATE or offer under way, in a call that is up (RFC 3261 section 14.1, RFC 3311 section 5.1).
    #[error(
        "the command is for a call that is up, with no other INVITE, UPDATE or offer under way"
    )]
    OneOfferAtATime,
    /// A call that is up, or an early dialog in which descriptions were exchanged (RFC 3311 section 5.1).
    #[error(
        "an UPDATE needs a call that is up, or a first exchange of descriptions in its early dialog"
    )]
    FirstExchange,
    /// A peer that lists UPDATE in Allow (RFC 3311 section 4).
    #[error("the peer has to take UPDATE")]
    PeerTakesUpdate,
    /// A peer that supports Replaces (RFC 3891 section 4).
    #[error("the peer of the call has to support Replaces")]
    PeerSupportsReplaces,
    /// No body of the application, because the session description is the body of the 2xx.
    #[error("the 2xx has no body but the session description")]
    BodyIsDescription,
    /// One session description in all provisional responses of a call.
    #[error("the provisional responses of a call have one session description")]
    OneDescription,
    /// A reliable provisional response, because an unreliable one carries no offer (RFC 3262 section 5).
    #[error("an offer needs a reliable provisional response")]
    ReliableOffer,
    /// Support of both sides for reliable provisional responses (RFC 3262 section 3).
    #[error("both sides have to support reliable provisional responses")]
    ReliabilitySupported,
    /// A reliable provisional response, because this call has no others (RFC 3262 section 3).
    #[error("each provisional response of this call is reliable")]
    ReliabilityRequired,
    /// Another call than the one that is transferred.
    #[error("the target is another call than the one that is transferred")]
    AnotherCall,
    /// A REFER that asks for an INVITE.
    #[error("only a REFER that asks for an INVITE can be followed")]
    ReferOfInvite,
    /// A REFER that the application has accepted.
    #[error("accept the REFER first")]
    ReferAccepted,
    /// A subscription that the application has accepted.
    #[error("accept the subscription first")]
    SubscriptionAccepted,
    /// A subscription that lasts: it was not asked for once, and the application has not ended it.
    #[error("the command is for a subscription that goes on")]
    SubscriptionGoesOn,
    /// A reason of termination that is a token (RFC 6665 section 8.4).
    #[error("the reason of a termination is a token")]
    TerminationReasonToken,
    /// An endpoint whose settings take NOTIFY.
    #[error("the endpoint has to take NOTIFY")]
    TakesNotify,
    /// A publication that lasts longer than zero seconds (RFC 3903 section 4.1).
    #[error("a publication lasts longer than 0 s")]
    PositiveExpires,
    /// A state to publish that is not empty (RFC 3903 section 4.1).
    #[error("the state to publish is not empty")]
    StateNotEmpty,
    /// A method that has no command of its own: INVITE, for one, is `invite`.
    #[error("this method has a command of its own")]
    MethodWithoutCommand,
    /// A method that is a token (RFC 3261 section 25.1).
    #[error("a method is a token")]
    MethodToken,
    /// A request that waits for a connection and was not sent.
    #[error("the command is for a request that waits for a connection")]
    RequestWaits,
    /// A final status other than 408 for the answer to a request (RFC 4320 section 4.2).
    #[error("the answer to a request has a final status other than 408 (RFC 4320)")]
    FinalStatus,
}
