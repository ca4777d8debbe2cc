//! The commands of an application. Each function returns a closure that runs where the user agent lives
//! ([`Host::command`](crate::Host::command)); its result goes back to the application.
//!
//! [`for_each_command`](crate::for_each_command) makes the methods of a handle from the same list.

use alloc::string::String;
use core::time::Duration;

use sip_core::config::ServerUrl;
use sip_core::dialog::DialogId;
use sip_core::{
    AuthorizationFailed, Body, ChallengeId, Change, CommandError, ConnectionId, DescriptionFailed,
    EstablishedSession, ExchangeId, IncomingRequestId, IncomingSession, InviteOptions,
    MessageOptions, ModifyOptions, NoServerUrl, ProvisionalOptions, ReferId, Refusal, RequestId,
    Session, SessionId, StaleHandle, Timestamp, Tones, TransferId, TransferOptions, TransferTarget,
    UserAgent,
};
use sip_parse::{Method, StatusCode};

/// Why a command was not carried out.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFailure {
    /// The task or thread of the user agent has ended.
    #[error("the user agent's task has ended")]
    Gone,
    /// The core refused the command; nothing has changed.
    #[error(transparent)]
    Refused(#[from] CommandError),
    /// The call has ended.
    #[error(transparent)]
    Stale(#[from] StaleHandle),
    /// A connector or a description handler called the method on the thread that carries out the commands.
    /// The call would wait for itself. Only `sip-blocking` returns it.
    #[error("the thread that carries out commands cannot give one")]
    OwnThread,
}

/// The result of a command.
pub type Outcome<T> = Result<T, CommandFailure>;

/// Calls the macro `$callback` with every command of a handle: documentation, name, arguments and result, in
/// the form
///
/// ```text
/// #[doc = "..."]
/// fn name(argument: Type, ...) -> Result;
/// ```
///
/// For each there is a function of the same name in [`command`](crate::command); it takes the arguments after
/// `Into::into`. The calling crate depends on `sip-core` and `sip-parse`. An adapter writes its handle so:
///
/// ```
/// # struct Handle;
/// # impl Handle {
/// #     fn with<R>(&self, _command: impl FnOnce(&mut sip_core::UserAgent, sip_core::Timestamp) -> R) -> R {
/// #         unimplemented!()
/// #     }
/// # }
/// use sip_host::CommandFailure;
///
/// macro_rules! methods {
///     ($(
///         $(#[$doc:meta])*
///         fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;
///     )*) => {
///         impl Handle {
///             $(
///                 $(#[$doc])*
///                 pub fn $name(&self, $($argument: $type),*) -> Result<$result, CommandFailure> {
///                     self.with(sip_host::command::$name($($argument.into()),*))
///                 }
///             )*
///         }
///     };
/// }
/// sip_host::for_each_command!(methods);
/// # let _ = |handle: Handle| handle.message("bob", "Hello");
/// ```
#[macro_export]
macro_rules! for_each_command {
    ($callback:ident) => {
        $callback! {
            /// [`UserAgent::start`](::sip_core::UserAgent::start): opens the connection, for configurations
            /// with `autostart` off.
            ///
            /// # Errors
            /// The core refuses the command, or the agent is gone.
            fn start() -> ();

            /// [`UserAgent::stop`](::sip_core::UserAgent::stop): hangs up, unregisters and disconnects within
            /// `grace`. [`Event::Stopped`](::sip_core::Event::Stopped) follows when that is done. A second
            /// stop takes effect at once.
            ///
            /// # Errors
            /// The agent is gone.
            fn stop(grace: ::core::time::Duration) -> ();

            /// [`UserAgent::register`](::sip_core::UserAgent::register) (RFC 3261 section 10.2).
            ///
            /// # Errors
            /// The core refuses the command, or the agent is gone.
            fn register() -> ();

            /// [`UserAgent::unregister`](::sip_core::UserAgent::unregister) (RFC 3261 section 10.2.2).
            ///
            /// # Errors
            /// The core refuses the command, or the agent is gone.
            fn unregister() -> ();

            /// [`UserAgent::invite`](::sip_core::UserAgent::invite) (RFC 3261 section 13.2): calls `target`,
            /// a URI or a user name in the domain of the account.
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn invite(
                target: impl Into<String>,
                options: ::sip_core::InviteOptions
            ) -> ::sip_core::SessionId;

            /// Sends 180 Ringing for an incoming call.
            ///
            /// # Errors
            /// The call has ended or is not ringing, or the agent is gone.
            fn ring(session: ::sip_core::SessionId) -> ();

            /// Sends a provisional response for an incoming call
            /// ([`IncomingSession::progress`](::sip_core::IncomingSession::progress)): with header fields, early media,
            /// reliably (RFC 3262).
            ///
            /// # Errors
            /// The call has ended or is not ringing, the caller does not allow the response, or the agent is gone.
            fn progress(
                session: ::sip_core::SessionId,
                options: ::sip_core::ProvisionalOptions
            ) -> ();

            /// Answers an incoming call with header fields for the 2xx
            /// ([`IncomingSession::answer_with`](::sip_core::IncomingSession::answer_with)).
            ///
            /// # Errors
            /// The call has ended or is not ringing, the options have a body, or the agent is gone.
            fn answer_with(
                session: ::sip_core::SessionId,
                options: ::sip_core::MessageOptions
            ) -> ();

            /// Answers an incoming call (RFC 3261 section 13.3.1.4). The core then requests a session
            /// description.
            ///
            /// # Errors
            /// The call has ended or is not ringing, or the agent is gone.
            fn answer(session: ::sip_core::SessionId) -> ();

            /// Refuses an incoming call (RFC 3261 section 13.3.1.3): with a `FailureStatus`, or with a `Refusal` that has
            /// header fields, such as a redirection.
            ///
            /// # Errors
            /// The call has ended or is not ringing, or the agent is gone.
            fn reject(
                session: ::sip_core::SessionId,
                refusal: impl Into<::sip_core::Refusal>
            ) -> ();

            /// Ends a call as its state requires: by CANCEL, by a refusal or by BYE.
            ///
            /// # Errors
            /// The call has ended, or the agent is gone.
            fn hang_up(session: ::sip_core::SessionId) -> ();

            /// Ends a call, with header fields and a body of the application, such as a `Reason`
            /// ([`UserAgent::hang_up_with`](::sip_core::UserAgent::hang_up_with)).
            ///
            /// # Errors
            /// The call has ended, or the agent is gone.
            fn hang_up_with(
                session: ::sip_core::SessionId,
                options: ::sip_core::MessageOptions
            ) -> ();

            /// Changes the session by a re-INVITE
            /// ([`EstablishedSession::reinvite`](::sip_core::EstablishedSession::reinvite), RFC 3261 section 14.1).
            ///
            /// # Errors
            /// The call is not up, has ended, or is being changed already, or the agent is gone.
            fn reinvite(
                session: ::sip_core::SessionId,
                options: ::sip_core::ModifyOptions
            ) -> ();

            /// Changes or refreshes the session by an UPDATE, or by a re-INVITE if the peer takes no UPDATE
            /// ([`EstablishedSession::update`](::sip_core::EstablishedSession::update), RFC 3311 section 5.1).
            ///
            /// # Errors
            /// The call is not up, has ended, or is being changed already, or the agent is gone.
            fn update(
                session: ::sip_core::SessionId,
                options: ::sip_core::ModifyOptions
            ) -> ();

            /// Changes or refreshes the session of an early dialog of a call of this side by an UPDATE
            /// ([`OutgoingSession::update`](::sip_core::OutgoingSession::update), RFC 3311 section 5.1).
            ///
            /// # Errors
            /// The call has been answered or has ended, the dialog takes no UPDATE now, or the agent is gone.
            fn update_early(
                session: ::sip_core::SessionId,
                dialog: ::sip_core::dialog::DialogId,
                options: ::sip_core::ModifyOptions
            ) -> ();

            /// Puts the peer on hold ([`EstablishedSession::hold`](::sip_core::EstablishedSession::hold), RFC 3264 section
            /// 8.4).
            ///
            /// # Errors
            /// The call is not up, has ended, or is being changed already, or the agent is gone.
            fn hold(session: ::sip_core::SessionId) -> ();

            /// Ends the hold ([`EstablishedSession::resume`](::sip_core::EstablishedSession::resume)).
            ///
            /// # Errors
            /// The call is not up, has ended, or is being changed already, or the agent is gone.
            fn resume(session: ::sip_core::SessionId) -> ();

            /// Answers [`Event::DescriptionNeeded`](::sip_core::Event::DescriptionNeeded), whose exchange it names. `None` means that
            /// there is no description, and ends the offer/answer exchange.
            ///
            /// # Errors
            /// The call has ended, the exchange waits for no description any more, or the agent is gone.
            fn describe(
                session: ::sip_core::SessionId,
                exchange: ::sip_core::ExchangeId,
                description: Option<::sip_core::Body>
            ) -> ();

            /// [`UserAgent::message`](::sip_core::UserAgent::message) with plain text (RFC 3428).
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn message(
                target: impl Into<String>,
                text: impl Into<String>
            ) -> ::sip_core::RequestId;

            /// [`UserAgent::options`](::sip_core::UserAgent::options) (RFC 3261 section 11).
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn options(target: impl Into<String>) -> ::sip_core::RequestId;

            /// Answers [`Event::Challenged`](::sip_core::Event::Challenged) with the whole value of
            /// Authorization or Proxy-Authorization. `None` makes the challenge final
            /// ([`UserAgent::authorize`](::sip_core::UserAgent::authorize)).
            ///
            /// # Errors
            /// The challenge is answered or over, the value cannot be sent, or the agent is gone.
            fn authorize(
                challenge: ::sip_core::ChallengeId,
                credentials: Option<String>
            ) -> ();

            /// Answers [`Event::ServerUrlNeeded`](::sip_core::Event::ServerUrlNeeded) with the URL for this
            /// attempt. `None` makes the attempt fail
            /// ([`UserAgent::server_url`](::sip_core::UserAgent::server_url)).
            ///
            /// # Errors
            /// The attempt is over or has its URL, or the agent is gone.
            fn server_url(
                connection: ::sip_core::ConnectionId,
                url: Option<::sip_core::config::ServerUrl>
            ) -> ();

            /// [`UserAgent::reconfigure`](::sip_core::UserAgent::reconfigure): changes one parameter while
            /// calls go on.
            ///
            /// # Errors
            /// The parameter does not take the value, or the agent is gone.
            fn reconfigure(change: ::sip_core::Change) -> ();

            /// Sends a tone in an established call: 0-9, A-D, * or #
            /// ([`EstablishedSession::send_dtmf`](::sip_core::EstablishedSession::send_dtmf)).
            ///
            /// # Errors
            /// The core refuses the command, the call has ended, or the agent is gone.
            fn send_dtmf(
                session: ::sip_core::SessionId,
                tone: char,
                duration: ::core::time::Duration
            ) -> ::sip_core::RequestId;

            /// Sends tones in an established call, one after the other
            /// ([`EstablishedSession::send_tones`](::sip_core::EstablishedSession::send_tones)).
            ///
            /// # Errors
            /// The core refuses the command, the call has ended, or the agent is gone.
            fn send_tones(
                session: ::sip_core::SessionId,
                tones: ::sip_core::Tones
            ) -> ::sip_core::RequestId;

            /// Answers [`Event::TonesOffered`](::sip_core::Event::TonesOffered): whether the media side sends the tones
            /// ([`UserAgent::tones_taken`](::sip_core::UserAgent::tones_taken)).
            ///
            /// # Errors
            /// The request is over or answered, or the agent is gone.
            fn tones_taken(request: ::sip_core::RequestId, taken: bool) -> ();

            /// Sends an INFO, MESSAGE, OPTIONS or a request of an extension within an established call; `method` is its name
            /// ([`EstablishedSession::request`](::sip_core::EstablishedSession::request)).
            ///
            /// # Errors
            /// The core refuses the command, the call has ended, or the agent is gone.
            fn request_in_call(
                session: ::sip_core::SessionId,
                method: impl Into<String>,
                options: ::sip_core::MessageOptions
            ) -> ::sip_core::RequestId;

            /// Sends an INFO of a package within an established call
            /// ([`EstablishedSession::info_package`](::sip_core::EstablishedSession::info_package)).
            ///
            /// # Errors
            /// The core refuses the command, such as for a package that the peer does not take, the call has ended, or the
            /// agent is gone.
            fn info_package(
                session: ::sip_core::SessionId,
                package: impl Into<String>,
                options: ::sip_core::MessageOptions
            ) -> ::sip_core::RequestId;

            /// Answers [`Event::IncomingRequest`](::sip_core::Event::IncomingRequest) with `status`.
            ///
            /// # Errors
            /// The request has been answered before, or the agent is gone.
            fn respond(
                incoming: ::sip_core::IncomingRequestId,
                status: ::sip_parse::StatusCode
            ) -> ();

            /// Transfers the peer of an established call by REFER (RFC 3515): to a URI or user, or to the peer of another call
            /// ([`EstablishedSession::refer`](::sip_core::EstablishedSession::refer)).
            ///
            /// # Errors
            /// The core refuses the command, the call has ended, or the agent is gone.
            fn refer(
                session: ::sip_core::SessionId,
                target: impl Into<::sip_core::TransferTarget>,
                options: ::sip_core::TransferOptions
            ) -> ::sip_core::TransferId;

            /// [`UserAgent::refer`](::sip_core::UserAgent::refer): a REFER outside calls (RFC 3515, RFC 7647).
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn refer_outside(
                target: impl Into<String>,
                refer_to: impl Into<String>,
                options: ::sip_core::TransferOptions
            ) -> ::sip_core::TransferId;

            /// Follows [`Event::IncomingRefer`](::sip_core::Event::IncomingRefer) and returns the new call
            /// ([`UserAgent::follow_refer`](::sip_core::UserAgent::follow_refer)).
            ///
            /// # Errors
            /// The REFER has been answered before, the call cannot be made, or the agent is gone.
            fn follow_refer(
                refer: ::sip_core::ReferId,
                options: ::sip_core::InviteOptions
            ) -> ::sip_core::SessionId;

            /// Accepts [`Event::IncomingRefer`](::sip_core::Event::IncomingRefer); the application does what it asks for
            /// ([`UserAgent::accept_refer`](::sip_core::UserAgent::accept_refer)).
            ///
            /// # Errors
            /// The REFER has been answered before, or the agent is gone.
            fn accept_refer(
                refer: ::sip_core::ReferId,
                options: ::sip_core::MessageOptions
            ) -> ();

            /// Reports a status of what an accepted REFER asked for
            /// ([`UserAgent::refer_progress`](::sip_core::UserAgent::refer_progress)).
            ///
            /// # Errors
            /// The subscription is over, or the agent is gone.
            fn refer_progress(
                refer: ::sip_core::ReferId,
                status: ::sip_parse::StatusCode
            ) -> ();

            /// Refuses [`Event::IncomingRefer`](::sip_core::Event::IncomingRefer)
            /// ([`UserAgent::reject_refer`](::sip_core::UserAgent::reject_refer)).
            ///
            /// # Errors
            /// The REFER has been answered before, or the agent is gone.
            fn reject_refer(
                refer: ::sip_core::ReferId,
                refusal: impl Into<::sip_core::Refusal>
            ) -> ();
        }
    };
}

/// [`UserAgent::start`].
pub fn start() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.start(now)?)
}

/// [`UserAgent::stop`].
pub fn stop(grace: Duration) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| {
        agent.stop(Some(grace), now);
        Ok(())
    }
}

/// [`UserAgent::register`].
pub fn register() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.register(now)?)
}

/// [`UserAgent::unregister`].
pub fn unregister() -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    |agent, now| Ok(agent.unregister(now)?)
}

/// [`UserAgent::invite`].
pub fn invite(
    target: String,
    options: InviteOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<SessionId> + Send {
    move |agent, now| Ok(agent.invite(&target, options, now)?)
}

/// A command to a call that has not been answered yet.
fn incoming(
    session: SessionId,
    command: impl FnOnce(IncomingSession<'_>, Timestamp) + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => {
            command(call, now);
            Ok(())
        }
        _ => Err(CommandError::WrongState("only an incoming call can be answered").into()),
    }
}

/// [`IncomingSession::ring`].
pub fn ring(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, |call, now| call.ring(now))
}

/// [`IncomingSession::answer`].
pub fn answer(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, |call, now| call.answer(now))
}

/// As [`incoming`], for a command that the call may refuse.
fn try_incoming(
    session: SessionId,
    command: impl FnOnce(IncomingSession<'_>, Timestamp) -> Result<(), CommandError> + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => Ok(command(call, now)?),
        _ => Err(CommandError::WrongState("only an incoming call can be answered").into()),
    }
}

/// [`IncomingSession::progress`].
pub fn progress(
    session: SessionId,
    options: ProvisionalOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    try_incoming(session, move |call, now| call.progress(options, now))
}

/// [`IncomingSession::answer_with`].
pub fn answer_with(
    session: SessionId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    try_incoming(session, move |call, now| call.answer_with(options, now))
}

/// [`IncomingSession::reject`].
pub fn reject(
    session: SessionId,
    refusal: Refusal,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    incoming(session, move |call, now| call.reject(refusal, now))
}

/// [`UserAgent::hang_up`].
pub fn hang_up(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.hang_up(session, now)?)
}

/// [`UserAgent::hang_up_with`].
pub fn hang_up_with(
    session: SessionId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.hang_up_with(session, options, now)?)
}

/// [`EstablishedSession::reinvite`].
pub fn reinvite(
    session: SessionId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.reinvite(options, now))
}

/// [`EstablishedSession::update`], or [`IncomingSession::update`].
pub fn update(
    session: SessionId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Incoming(call) => Ok(call.update(options, now)?),
        Session::Established(call) => Ok(call.update(options, now)?),
        _ => Err(CommandError::WrongState("only a call that is up can be changed").into()),
    }
}

/// [`OutgoingSession::update`](sip_core::OutgoingSession::update).
pub fn update_early(
    session: SessionId,
    dialog: DialogId,
    options: ModifyOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Outgoing(call) => Ok(call.update(dialog, options, now)?),
        _ => Err(CommandError::WrongState("only an unanswered call has early dialogs").into()),
    }
}

/// [`EstablishedSession::hold`].
pub fn hold(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.hold(now))
}

/// [`EstablishedSession::resume`].
pub fn resume(session: SessionId) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    established(session, |call, now| call.resume(now))
}

/// [`UserAgent::describe`]; `None` if there is no description.
pub fn describe(
    session: SessionId,
    exchange: ExchangeId,
    description: Option<Body>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    let description = description.ok_or(DescriptionFailed);
    move |agent, now| Ok(agent.describe(session, exchange, description, now)?)
}

/// [`UserAgent::message`] with plain text.
pub fn message(
    target: String,
    text: String,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    let body = Body::new("text/plain", text);
    move |agent, now| Ok(agent.message(&target, body, now)?)
}

/// [`UserAgent::options`].
pub fn options(
    target: String,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    move |agent, now| Ok(agent.options(&target, now)?)
}

/// [`UserAgent::authorize`]; `None` if there are no credentials.
pub fn authorize(
    challenge: ChallengeId,
    credentials: Option<String>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| {
        let credentials = credentials.as_deref().ok_or(AuthorizationFailed);
        Ok(agent.authorize(challenge, credentials, now)?)
    }
}

/// [`UserAgent::server_url`]; `None` if there is no URL.
pub fn server_url(
    connection: ConnectionId,
    url: Option<ServerUrl>,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    let url = url.ok_or(NoServerUrl);
    move |agent, now| Ok(agent.server_url(connection, url, now)?)
}

/// [`UserAgent::reconfigure`].
pub fn reconfigure(change: Change) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.reconfigure(change, now)?)
}

/// [`EstablishedSession::send_dtmf`].
pub fn send_dtmf(
    session: SessionId,
    tone: char,
    duration: Duration,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        call.send_dtmf(tone, duration, now)
    })
}

/// A command to a call that is up.
fn established<T>(
    session: SessionId,
    command: impl FnOnce(EstablishedSession<'_>, Timestamp) -> Result<T, CommandError> + Send,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<T> + Send {
    move |agent, now| match agent.session(session)? {
        Session::Established(call) => Ok(command(call, now)?),
        _ => Err(CommandError::WrongState("the call is not up").into()),
    }
}

/// [`EstablishedSession::send_tones`].
pub fn send_tones(
    session: SessionId,
    tones: Tones,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| call.send_tones(tones, now))
}

/// [`UserAgent::tones_taken`].
pub fn tones_taken(
    request: RequestId,
    taken: bool,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.tones_taken(request, taken, now)?)
}

/// [`EstablishedSession::request`]; `method` is the name of the method.
pub fn request_in_call(
    session: SessionId,
    method: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        let method = Method::parse(method.as_bytes());
        let method = method.map_err(|_| CommandError::WrongState("a method is a token"))?;
        call.request(method, options, now)
    })
}

/// [`EstablishedSession::info_package`].
pub fn info_package(
    session: SessionId,
    package: String,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<RequestId> + Send {
    established(session, move |call, now| {
        call.info_package(&package, options, now)
    })
}

/// [`UserAgent::respond`].
pub fn respond(
    incoming: IncomingRequestId,
    status: StatusCode,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.respond(incoming, status, now)?)
}

/// [`EstablishedSession::refer`].
pub fn refer(
    session: SessionId,
    target: TransferTarget,
    options: TransferOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<TransferId> + Send {
    established(session, move |call, now| call.refer(target, &options, now))
}

/// [`UserAgent::refer`].
pub fn refer_outside(
    target: String,
    refer_to: String,
    options: TransferOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<TransferId> + Send {
    move |agent, now| Ok(agent.refer(&target, &refer_to, &options, now)?)
}

/// [`UserAgent::follow_refer`].
pub fn follow_refer(
    refer: ReferId,
    options: InviteOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<SessionId> + Send {
    move |agent, now| Ok(agent.follow_refer(refer, options, now)?)
}

/// [`UserAgent::accept_refer`].
pub fn accept_refer(
    refer: ReferId,
    options: MessageOptions,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.accept_refer(refer, &options, now)?)
}

/// [`UserAgent::refer_progress`].
pub fn refer_progress(
    refer: ReferId,
    status: StatusCode,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.refer_progress(refer, status, now)?)
}

/// [`UserAgent::reject_refer`].
pub fn reject_refer(
    refer: ReferId,
    refusal: Refusal,
) -> impl FnOnce(&mut UserAgent, Timestamp) -> Outcome<()> + Send {
    move |agent, now| Ok(agent.reject_refer(refer, refusal, now)?)
}
