//! The events for the application.

mod text;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use sip_parse::{Message, Request, Response, StatusCode, UriBuf};

use crate::body::Body;
use crate::connection::{ConnectError, DisconnectReason};
use crate::dialog::DialogId;
use crate::dtmf::{Tone, Tones};
use crate::ids::{
    ChallengeId, ConnectionId, ExchangeId, IncomingRequestId, IncomingSubscriptionId,
    PublicationId, ReferId, RequestId, SessionId, SubscriptionId, TransferId,
};
use crate::reason::EndReason;
use crate::subscription_state::{IncomingSubscriptionEnd, SubscriptionEnd, SubscriptionState};
use crate::time::Timestamp;

/// An event for the application.
///
/// The core queues events in the order of their causes, and never drops one. `Display` is one line for people; match the event for
/// everything else.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The core has drawn this instance UUID, because the configuration has no `instanceId` (RFC 5626 section
    /// 4.1). An application that keeps its identity over restarts stores it and configures it at the next
    /// start.
    InstanceIdDrawn(Box<str>),
    /// A connection is being opened.
    Connecting {
        /// Index in the server list, from 0.
        server: usize,
        /// 1 for the first attempt since the server last worked.
        attempt: u32,
    },
    /// The core requests the URL of this connection attempt, because `askServerUrl` is on. The application
    /// answers with [`UserAgent::server_url`](crate::UserAgent::server_url), within the time of the attempt
    /// (`connectionTimeout`). Several may be open at a time: one for each flow, and one for each failback
    /// connection beside it.
    ServerUrlNeeded {
        /// The handle for the answer.
        connection: ConnectionId,
        /// Index in [`Config::servers`](crate::config::Config::servers), from 0.
        server: usize,
        /// 1 for the first attempt since the server last worked.
        attempt: u32,
    },
    /// A connection is open.
    Connected {
        /// Index in the server list, from 0.
        server: usize,
    },
    /// The host could not open a connection, or the attempt timed out.
    ConnectFailed {
        /// Index in the server list, from 0.
        server: usize,
        /// The cause.
        error: ConnectError,
    },
    /// An open connection is lost or closed. [`UserAgent::is_connected`](crate::UserAgent::is_connected)
    /// returns whether another one is up. Confirmed calls continue.
    Disconnected {
        /// Index in the server list, from 0.
        server: usize,
        /// The cause.
        reason: DisconnectReason,
    },
    /// The core opens the next connection at `at`.
    ReconnectScheduled {
        /// The time on the host's clock.
        at: Timestamp,
        /// The number of failed attempts in a row.
        attempt: u32,
    },
    /// The registrar accepted the binding of this agent, for the first time or again (RFC 3261 section
    /// 10.2.4). With several flows the core emits one for each.
    Registered(Box<Registration>),
    /// The bindings of the address-of-record, after
    /// [`UserAgent::query_bindings`](crate::UserAgent::query_bindings) (RFC 3261 section 10.2.3).
    Bindings {
        /// The bindings as Contact values.
        bindings: Vec<Box<str>>,
    },
    /// A REGISTER failed. The core repeats it at `retry_at`. That is `None` where no retry follows, as after the
    /// registrar has rejected the password, or there is none: then `register` or new credentials begin again.
    RegistrationFailed {
        /// The cause.
        reason: Box<EndReason>,
        /// The time of the next attempt, on the host's clock.
        retry_at: Option<Timestamp>,
    },
    /// The last binding of this agent is gone: by command, or because it lapsed.
    Unregistered {
        /// The cause.
        reason: Box<EndReason>,
    },
    /// A peer calls (RFC 3261 section 13.3). The application answers through
    /// [`UserAgent::session`](crate::UserAgent::session).
    IncomingCall {
        /// The call.
        session: SessionId,
        /// The call that this one replaces (RFC 3891): the core ends it when the application answers. The application
        /// decides whether the peer may do that. Only with the parameter `replaces`.
        replaces: Option<SessionId>,
        /// The call that the peer wants to join (RFC 3911). The application decides, and mixes the media itself. If
        /// `extraSupported` lists `join`, the core refuses a Join that matches no call by 481.
        joins: Option<SessionId>,
        /// The call whose dialog the peer knows (RFC 4538), by which it may be authorised.
        target_dialog: Option<SessionId>,
        /// The INVITE.
        request: Box<Request>,
    },
    /// The call is replaced by another one (RFC 3891), which the application has answered; it ends by BYE or CANCEL.
    Replaced {
        /// The old call.
        session: SessionId,
        /// The new call.
        by: SessionId,
    },
    /// A peer asks this side to refer to a target, as a rule to call it (RFC 3515). The application answers within 10 s with
    /// [`UserAgent::follow_refer`](crate::UserAgent::follow_refer),
    /// [`UserAgent::accept_refer`](crate::UserAgent::accept_refer) or
    /// [`UserAgent::reject_refer`](crate::UserAgent::reject_refer); else the core refuses the REFER by 480, within a call by
    /// 500.
    IncomingRefer {
        /// The handle for the answer.
        refer: ReferId,
        /// The call in which the peer asks; `None` outside calls.
        session: Option<SessionId>,
        /// What the peer asks for.
        referral: Box<Referral>,
    },
    /// The peer reports the progress of a REFER of this side (RFC 3515 section 2.4.5).
    TransferProgress {
        /// The REFER.
        transfer: TransferId,
        /// Its call; `None` outside calls.
        session: Option<SessionId>,
        /// The status that the peer received.
        status: StatusCode,
        /// The NOTIFY; its body is the response of the peer of the peer, or a part of it.
        notify: Box<Request>,
    },
    /// A REFER of this side is over, and its handle is stale. The core emits this exactly once for each REFER.
    TransferEnded {
        /// The REFER.
        transfer: TransferId,
        /// Its call; `None` outside calls. The call goes on: the application hangs up after a successful transfer.
        session: Option<SessionId>,
        /// The outcome.
        outcome: TransferOutcome,
    },
    /// A provisional response other than 100 to an INVITE of this side (RFC 3261 section 13.2.2.1). The core delivers a reliable
    /// one once and acknowledges it by PRACK (RFC 3262 section 4); an answer or offer in it follows as
    /// [`Event::RemoteDescription`].
    Progress {
        /// The call.
        session: SessionId,
        /// The early dialog of this response, one for each branch of a fork; `None` without a To tag, and above
        /// [`Limits::forks`](crate::Limits::forks).
        dialog: Option<DialogId>,
        /// The response.
        response: Box<Response>,
        /// The first session description in an unreliable response of this dialog, for early media: a preview of the answer to
        /// the offer of the INVITE. The core uses it as the answer if the 2xx of the same dialog carries none (RFC 3261
        /// section 13.2.1).
        preview: Option<Box<Body>>,
    },
    /// A further branch of the forked INVITE of the call `of` answered, and
    /// [`InviteOptions::forks`](crate::InviteOptions::forks) claims it (RFC 3261 section 13.2.2.4): it is a call of its own. The
    /// events of a call that the peer answers follow: the answer to the offer of the INVITE, in the exchange with the same
    /// number, and [`Event::Established`].
    CallBranched {
        /// The new call.
        session: SessionId,
        /// The call whose INVITE it was.
        of: SessionId,
    },
    /// The core calls another target, because the peer redirected the call (3xx, RFC 3261 section 8.1.3.4) and
    /// [`InviteOptions::redirects`](crate::InviteOptions::redirects) allows it, or because an earlier target of a redirection refused.
    Redirected {
        /// The call.
        session: SessionId,
        /// The target of the new INVITE.
        target: Box<UriBuf>,
        /// The response of the target before.
        response: Box<Response>,
    },
    /// An early dialog is over and its call goes on: the branch ended (199, RFC 6228), another branch answered the call (RFC 3261
    /// section 13.2.2.4), or the INVITE began anew with credentials or to another target. The application releases the media
    /// of this dialog. The core emits [`Event::Ended`] alone when the whole call ends.
    EarlyDialogEnded {
        /// The call.
        session: SessionId,
        /// The early dialog of an [`Event::Progress`].
        dialog: DialogId,
        /// The cause.
        reason: Box<EndReason>,
    },
    /// A PRACK failed or could not be sent (RFC 3262 section 4). The call goes on; the peer ends it if it misses the PRACK.
    PrackFailed {
        /// The call.
        session: SessionId,
        /// The dialog of the provisional response.
        dialog: DialogId,
        /// The cause.
        reason: Box<EndReason>,
    },
    /// The core needs a session description; the application answers with
    /// [`UserAgent::describe`](crate::UserAgent::describe). The core may request an offer in a call that is
    /// up, because after a lost connection a re-INVITE gives the peer the new address of this side, or because a
    /// re-INVITE refreshes the session (RFC 4028 section 10). Such an offer repeats the last description of this
    /// side, with the same version in `o=`.
    DescriptionNeeded {
        /// The call.
        session: SessionId,
        /// The early dialog or the dialog of the call that the description is for; `None` while there is none, as
        /// before the INVITE.
        dialog: Option<DialogId>,
        /// The exchange; the answer carries it.
        exchange: ExchangeId,
        /// Offer or answer (RFC 3264).
        kind: DescriptionKind,
        /// Whether this side holds the call with this exchange: the description should not ask for media of the peer. An offer is
        /// `sendonly` or `inactive` then (RFC 3264 section 8.4); [`sdp::with_direction`](crate::sdp::with_direction) makes
        /// one, and [`Direction::answer`](crate::sdp::Direction::answer) says what an answer has.
        hold: bool,
    },
    /// The peer's session description. [`Body::description_in`] has the rule by which the core found it.
    RemoteDescription {
        /// The call.
        session: SessionId,
        /// The early dialog or the dialog of the call that it arrived in.
        dialog: Option<DialogId>,
        /// The exchange that it belongs to.
        exchange: ExchangeId,
        /// Offer or answer (RFC 3264).
        kind: DescriptionKind,
        /// The description.
        body: Box<Body>,
        /// The message that carried it; [`Message::parts`] has the other parts of its body.
        message: Box<Message>,
    },
    /// The call is up: the peer's first 2xx to an INVITE of this side arrived (RFC 3261 section 13.2.2.4), or
    /// the peer's ACK to a 2xx of this side (section 13.3.1.4).
    Established {
        /// The call.
        session: SessionId,
    },
    /// An offer/answer exchange is over (RFC 3264). The core emits this exactly once for each exchange of
    /// [`Event::DescriptionNeeded`] or [`Event::RemoteDescription`]; that of the INVITE of this side once in each early dialog
    /// that answers it, or once if none does. It comes before [`Event::Established`] or
    /// [`Event::Ended`]. Only [`ExchangeOutcome::Complete`] changes the session.
    ExchangeEnded {
        /// The call.
        session: SessionId,
        /// The early dialog or the dialog of the call that it ends in; `None` if there is none.
        dialog: Option<DialogId>,
        /// The exchange.
        exchange: ExchangeId,
        /// The outcome.
        outcome: ExchangeOutcome,
    },
    /// A re-INVITE or UPDATE of the application without an offer is over. Those with an offer end with
    /// [`Event::ExchangeEnded`]; a re-INVITE without one does so, too, once the peer has made its offer.
    ModificationEnded {
        /// The call.
        session: SessionId,
        /// Why the peer did not accept it, if it did not. The session is unchanged in either case.
        outcome: Result<(), Box<EndReason>>,
    },
    /// A re-INVITE failed that repairs the route to this side (RFC 3261 section 12.2.1.1): the peer knows a connection that
    /// is gone, so that its requests do not arrive. The core tries again at `retry_at`, and with each new connection.
    /// The application may hang up; if the BYE fails, too, the reason of [`Event::Ended`] has a
    /// [`bye_failure`](EndReason::bye_failure).
    RepairFailed {
        /// The call.
        session: SessionId,
        /// The cause.
        reason: Box<EndReason>,
        /// The time of the next attempt on this connection, on the host's clock; `None` if there is none.
        retry_at: Option<Timestamp>,
    },
    /// The call is over, and its handle is stale. The core emits this exactly once for each call.
    Ended {
        /// The call.
        session: SessionId,
        /// The cause.
        reason: Box<EndReason>,
    },
    /// A MESSAGE, INFO or other request of a peer that the application has to answer with
    /// [`UserAgent::respond`](crate::UserAgent::respond).
    IncomingRequest {
        /// The handle for the answer.
        incoming: IncomingRequestId,
        /// The call it belongs to, if any.
        session: Option<SessionId>,
        /// The request.
        request: Box<Request>,
    },
    /// The peer offers or answers an early session (RFC 3959): media that lasts until the call is accepted. Only with `earlySession`.
    /// The core delivers the description and nothing more: it never counts as one of the call. It follows the
    /// [`Event::IncomingCall`] or [`Event::Progress`] of the same message; PRACK, UPDATE and their 2xx carry it, too.
    EarlySession {
        /// The call.
        session: SessionId,
        /// The description.
        body: Box<Body>,
        /// The message that carried it; its tags name the early dialog.
        message: Box<Message>,
    },
    /// A tone of the peer arrived in an INFO within the call, as `application/dtmf-relay` or `application/dtmf`; the core has
    /// answered it 200. A body without a tone is answered 400.
    Dtmf {
        /// The call.
        session: SessionId,
        /// The tone.
        tone: Tone,
        /// How long it lasts, if the peer says so.
        duration: Option<Duration>,
    },
    /// The application has called [`EstablishedSession::send_tones`](crate::EstablishedSession::send_tones), and the
    /// configuration has [`DtmfType::Rtp`](crate::config::DtmfType::Rtp): the media side may send the tones as telephone
    /// events (RFC 4733). The application answers with [`UserAgent::tones_taken`](crate::UserAgent::tones_taken) within 10
    /// seconds; the core sends the tones by INFO if it does not, or if the answer is no.
    TonesOffered {
        /// The handle for the answer.
        request: RequestId,
        /// The call.
        session: SessionId,
        /// The tones.
        tones: Box<Tones>,
    },
    /// A NOTIFY without a subscription arrived and the core answered it 200. Only with
    /// `allowLegacyNotifications`.
    LegacyNotification {
        /// The NOTIFY.
        request: Box<Request>,
    },
    /// The notifier reports the state of the resource (RFC 6665 section 4.1.3): a NOTIFY arrived, which the core has answered
    /// 200. The last one of a subscription is followed by [`Event::SubscriptionEnded`] or
    /// [`Event::SubscriptionInterrupted`].
    Notified {
        /// The subscription.
        subscription: SubscriptionId,
        /// The state of the subscription in this NOTIFY.
        state: SubscriptionState,
        /// How long the subscription lasts from now on; the core refreshes it before.
        expires: Duration,
        /// The state of the resource; `None` without a body.
        body: Option<Box<Body>>,
        /// The NOTIFY.
        notify: Box<Request>,
    },
    /// A further notifier has answered the SUBSCRIBE of the subscription `of`, because it forked (RFC 6665 section 4.4.1), and
    /// [`SubscribeOptions::forks`](crate::SubscribeOptions::forks) claims it: it is a subscription of its own. Its
    /// [`Event::Notified`] follows.
    SubscriptionForked {
        /// The new subscription.
        subscription: SubscriptionId,
        /// The subscription whose SUBSCRIBE it was.
        of: SubscriptionId,
    },
    /// A subscription is over for now, and the core subscribes anew (RFC 6665 section 4.1.3), because the application still
    /// wants it.
    SubscriptionInterrupted {
        /// The subscription; its handle stays valid.
        subscription: SubscriptionId,
        /// The cause.
        cause: SubscriptionEnd,
        /// The time of the next SUBSCRIBE, on the host's clock; `None`: with the next connection.
        retry_at: Option<Timestamp>,
    },
    /// A subscription of this side is over, and its handle is stale. The core emits this exactly once for each
    /// subscription.
    SubscriptionEnded {
        /// The subscription.
        subscription: SubscriptionId,
        /// The cause.
        cause: SubscriptionEnd,
    },
    /// A peer subscribes to a resource of this side (RFC 6665 section 4.2.1). The application answers within 10 s with
    /// [`UserAgent::accept_subscription`](crate::UserAgent::accept_subscription) or
    /// [`UserAgent::reject_subscription`](crate::UserAgent::reject_subscription); else the core answers 480, within a call
    /// 500. Whom it authorises is up to the application.
    IncomingSubscription {
        /// The handle for the answer.
        subscription: IncomingSubscriptionId,
        /// The call in whose dialog the peer subscribes, as peers of RFC 3265 may; `None` as a rule.
        session: Option<SessionId>,
        /// The event package, with its `id` in [`request`](Self::IncomingSubscription::request).
        package: Box<str>,
        /// How long the subscription lasts if it is accepted; zero: the peer asks for the state once (RFC 6665 section
        /// 4.4.3).
        expires: Duration,
        /// The SUBSCRIBE.
        request: Box<Request>,
    },
    /// The peer has refreshed its subscription (RFC 6665 section 4.2.1.1). The core has answered 200 and sends a NOTIFY with
    /// the last state that the application has reported.
    SubscriptionRefreshed {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// How long it lasts from now on.
        expires: Duration,
        /// The SUBSCRIBE, whose body may change the filter.
        request: Box<Request>,
    },
    /// A subscription of a peer is over, and its handle is stale. The core emits this exactly once for each
    /// [`Event::IncomingSubscription`] that the application has not rejected.
    IncomingSubscriptionEnded {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// The cause.
        cause: IncomingSubscriptionEnd,
    },
    /// The server holds the published state (RFC 3903 section 4): for the first time, after a refresh, or after a change.
    Published {
        /// The publication.
        publication: PublicationId,
        /// How long the server keeps it; the core refreshes it before.
        expires: Duration,
        /// The 2xx.
        response: Box<Response>,
    },
    /// A PUBLISH failed and the core repeats it at `retry_at`.
    PublicationFailed {
        /// The publication.
        publication: PublicationId,
        /// The cause.
        reason: Box<EndReason>,
        /// The time of the next attempt, on the host's clock; `None`: with the next connection.
        retry_at: Option<Timestamp>,
    },
    /// A publication is over, and its handle is stale. The core emits this exactly once for each publication.
    PublicationEnded {
        /// The publication.
        publication: PublicationId,
        /// Why it ended; `Ok` if the application removed it and the server does not hold it, as far as the core knows.
        outcome: Result<(), Box<EndReason>>,
    },
    /// A server or proxy challenges a request (RFC 3261 section 22), and the configuration has
    /// [`Authentication::Application`](crate::config::Authentication::Application). The application answers
    /// with [`UserAgent::authorize`](crate::UserAgent::authorize) within 60 seconds.
    Challenged {
        /// The handle for the answer.
        challenge: ChallengeId,
        /// The request as it was sent: its method, Request-URI and body go into a digest.
        request: Box<Request>,
        /// The 401 or 407 with the challenges, of any scheme.
        response: Box<Response>,
    },
    /// A request of the application is complete.
    RequestCompleted {
        /// The handle of the request.
        request: RequestId,
        /// The final response, or the reason why there is none.
        outcome: Result<Box<Response>, Box<EndReason>>,
    },
    /// [`UserAgent::stop`](crate::UserAgent::stop) is complete; the agent is idle until
    /// [`UserAgent::start`](crate::UserAgent::start).
    Stopped {
        /// The number of calls, registrations, requests, subscriptions and publications that the end of the grace period cut short.
        unfinished: u32,
    },
}

impl Event {
    /// The call that the event is about, if it is about one.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        match self {
            Self::IncomingCall { session, .. }
            | Self::Progress { session, .. }
            | Self::CallBranched { session, .. }
            | Self::Redirected { session, .. }
            | Self::EarlyDialogEnded { session, .. }
            | Self::PrackFailed { session, .. }
            | Self::DescriptionNeeded { session, .. }
            | Self::RemoteDescription { session, .. }
            | Self::Established { session }
            | Self::ExchangeEnded { session, .. }
            | Self::ModificationEnded { session, .. }
            | Self::RepairFailed { session, .. }
            | Self::EarlySession { session, .. }
            | Self::Replaced { session, .. }
            | Self::Dtmf { session, .. }
            | Self::TonesOffered { session, .. }
            | Self::Ended { session, .. } => Some(*session),
            Self::IncomingRequest { session, .. }
            | Self::IncomingRefer { session, .. }
            | Self::TransferProgress { session, .. }
            | Self::TransferEnded { session, .. } => *session,
            _ => None,
        }
    }
}

/// Which half of an offer/answer exchange (RFC 3264).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DescriptionKind {
    /// The first half.
    Offer,
    /// The second half.
    Answer,
}

/// The outcome of an offer/answer exchange (RFC 3264, RFC 6337).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ExchangeOutcome {
    /// Offer and answer are exchanged, and the message that carried the answer is acknowledged where SIP
    /// acknowledges it: the new session is in force.
    Complete,
    /// A final response of 300 to 699 refused the offer, or an answer is missing.
    Refused(Box<EndReason>),
    /// The core withdrew the offer, because an offer of the peer replaced or crossed it (491, RFC 3261
    /// section 14.1). The core requests a fresh offer later, in a new exchange.
    RolledBack(Box<EndReason>),
    /// The exchange was cut short: no description in time, a CANCEL, a lost connection, the end of the call.
    Aborted(Box<EndReason>),
}

impl ExchangeOutcome {
    /// The reason why the exchange ended without a new session; `None` if it is complete.
    #[must_use]
    pub fn reason(&self) -> Option<&EndReason> {
        match self {
            Self::Complete => None,
            Self::Refused(reason) | Self::RolledBack(reason) | Self::Aborted(reason) => {
                Some(reason)
            }
        }
    }
}

/// What a REFER of a peer asks for (RFC 3515 section 2.1).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Referral {
    /// The URI of Refer-To, with its header fields.
    pub target: UriBuf,
    /// The Replaces among them, unescaped: the call would replace this one at the target (RFC 3891).
    pub replaces: Option<Box<str>>,
    /// The value of Referred-By (RFC 3892). The peer has written it, so that it proves nothing.
    pub referred_by: Option<Box<str>>,
    /// The call whose dialog the peer knows (RFC 4538), by which it may be authorised.
    pub target_dialog: Option<SessionId>,
    /// The REFER.
    pub request: Box<Request>,
}

/// The outcome of a REFER of this side.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferOutcome {
    /// The request that the peer sent has succeeded, with this status: the call is transferred.
    Succeeded(StatusCode),
    /// The request that the peer sent has failed, with this status of 300 to 699.
    Failed(StatusCode),
    /// The peer accepted the REFER and reports nothing, because this side asked for that (RFC 4488).
    Unreported,
    /// The peer refused the REFER, or has not answered it.
    Refused(Box<EndReason>),
    /// The peer terminated the subscription without a final status.
    Terminated,
    /// The peer has reported no final status for the duration of the subscription, or nothing within 64 T1 of its 2xx (RFC
    /// 6665 section 4.1.2.4).
    TimedOut,
    /// The dialog of the call, or the agent, ended before. A BYE alone does not end a transfer (RFC 5057 section 4).
    CallEnded,
}

impl fmt::Display for TransferOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded(_) => f.write_str("the transfer succeeded"),
            Self::Failed(status) => write!(f, "the transfer failed: {status}"),
            Self::Unreported => f.write_str("the peer accepted the transfer and reports nothing"),
            Self::Refused(reason) => write!(f, "the peer refused the transfer: {reason}"),
            Self::Terminated => f.write_str("the peer reports the transfer no longer"),
            Self::TimedOut => f.write_str("the peer has not reported the transfer in time"),
            Self::CallEnded => f.write_str("the call ended before the transfer"),
        }
    }
}

/// A binding that the registrar holds (RFC 3261 section 10.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// The reg-id of the flow of the binding (RFC 5626 section 4.2), from 1.
    pub reg_id: u8,
    /// Whether the registrar supports outbound (RFC 5626 section 4.2.1); without it there is only one flow.
    pub outbound: bool,
    /// The remaining duration of the binding.
    pub expires: Duration,
    /// The time of the refresh, on the host's clock.
    pub refresh_at: Timestamp,
    /// All bindings of the address-of-record, as Contact values.
    pub bindings: Vec<Box<str>>,
    /// The proxies between the registrar and this agent (RFC 3327), as Path values.
    pub path: Vec<Box<str>>,
    /// The public GRUU, which reaches this agent from anywhere (RFC 5627 section 3.1), if the registrar made
    /// one.
    pub gruu: Option<String>,
    /// Whether this refreshes an earlier binding.
    pub refreshed: bool,
}
