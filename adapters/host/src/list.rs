//! The list of the commands, from which each adapter makes the methods of its handle.

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

            /// The counters since the agent was made ([`UserAgent::counters`](::sip_core::UserAgent::counters)): messages,
            /// connections, registrations, calls and requests by their outcome.
            ///
            /// # Errors
            /// The agent is gone.
            fn counters() -> ::sip_core::Counters;

            /// The counters, and what is up now: calls, transactions, flows. `Display` writes them as text for Prometheus.
            ///
            /// # Errors
            /// The agent is gone.
            fn metrics() -> $crate::Metrics;

            /// [`UserAgent::network_changed`](::sip_core::UserAgent::network_changed): the operating system reports another
            /// network. Open connections are pinged and replaced if they do not answer within 3 s; waits for a connection end
            /// (RFC 5626 sections 4.4 and 4.5).
            ///
            /// # Errors
            /// The core refuses the command, or the agent is gone.
            fn network_changed() -> ();

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

            /// Sends a MESSAGE with header fields and a body of any type
            /// ([`UserAgent::message_with`](::sip_core::UserAgent::message_with)).
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn message_with(
                target: impl Into<String>,
                options: ::sip_core::MessageOptions
            ) -> ::sip_core::RequestId;

            /// Cancels a request that still waits for a connection
            /// ([`UserAgent::cancel_request`](::sip_core::UserAgent::cancel_request)).
            ///
            /// # Errors
            /// The request is sent or has its outcome, or the agent is gone.
            fn cancel_request(request: ::sip_core::RequestId) -> ();

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

            /// Answers [`Event::IncomingRequest`](::sip_core::Event::IncomingRequest) with header fields and a body
            /// ([`UserAgent::respond_with`](::sip_core::UserAgent::respond_with)).
            ///
            /// # Errors
            /// The request has been answered before, the response cannot have the header fields, or the agent is gone.
            fn respond_with(
                incoming: ::sip_core::IncomingRequestId,
                status: ::sip_parse::StatusCode,
                options: ::sip_core::MessageOptions
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

            /// Sends a request of any other method outside calls, such as an INFO or one of an extension; `method` is its name ([`UserAgent::request`](::sip_core::UserAgent::request)).
            ///
            /// # Errors
            /// The core refuses the command, such as for a method that has a command of its own, or the agent is gone.
            fn request(
                method: impl Into<String>,
                target: impl Into<String>,
                options: ::sip_core::MessageOptions
            ) -> ::sip_core::RequestId;

            /// Subscribes to an event package of `target`
            /// ([`UserAgent::subscribe`](::sip_core::UserAgent::subscribe), RFC 6665).
            /// [`Event::Notified`](::sip_core::Event::Notified) reports each state.
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn subscribe(
                target: impl Into<String>,
                package: impl Into<String>,
                options: ::sip_core::SubscribeOptions
            ) -> ::sip_core::SubscriptionId;

            /// Refreshes a subscription now: the notifier sends the state of the resource
            /// ([`UserAgent::refresh_subscription`](::sip_core::UserAgent::refresh_subscription)).
            ///
            /// # Errors
            /// The subscription is over, or the agent is gone.
            fn refresh_subscription(subscription: ::sip_core::SubscriptionId) -> ();

            /// Ends a subscription of this side ([`UserAgent::unsubscribe`](::sip_core::UserAgent::unsubscribe)).
            /// [`Event::SubscriptionEnded`](::sip_core::Event::SubscriptionEnded) follows.
            ///
            /// # Errors
            /// The subscription is over, or the agent is gone.
            fn unsubscribe(subscription: ::sip_core::SubscriptionId) -> ();

            /// Accepts [`Event::IncomingSubscription`](::sip_core::Event::IncomingSubscription) and sends the state in the first
            /// NOTIFY ([`UserAgent::accept_subscription`](::sip_core::UserAgent::accept_subscription)).
            ///
            /// # Errors
            /// The SUBSCRIBE has been answered before, or the agent is gone.
            fn accept_subscription(
                subscription: ::sip_core::IncomingSubscriptionId,
                state: ::sip_core::Notification,
                options: ::sip_core::MessageOptions
            ) -> ();

            /// Refuses [`Event::IncomingSubscription`](::sip_core::Event::IncomingSubscription)
            /// ([`UserAgent::reject_subscription`](::sip_core::UserAgent::reject_subscription)).
            ///
            /// # Errors
            /// The SUBSCRIBE has been answered before, or the agent is gone.
            fn reject_subscription(
                subscription: ::sip_core::IncomingSubscriptionId,
                refusal: impl Into<::sip_core::Refusal>
            ) -> ();

            /// Reports a state to the subscriber of an accepted subscription
            /// ([`UserAgent::notify`](::sip_core::UserAgent::notify)). A terminated one ends it.
            ///
            /// # Errors
            /// The subscription is over or not accepted, or the agent is gone.
            fn notify(
                subscription: ::sip_core::IncomingSubscriptionId,
                state: ::sip_core::Notification
            ) -> ();

            /// Publishes a state of the own address ([`UserAgent::publish`](::sip_core::UserAgent::publish), RFC 3903).
            /// [`Event::Published`](::sip_core::Event::Published) reports each success.
            ///
            /// # Errors
            /// The core refuses the command, or the agent is gone.
            fn publish(
                package: impl Into<String>,
                state: ::sip_core::Body,
                options: ::sip_core::PublishOptions
            ) -> ::sip_core::PublicationId;

            /// Publishes a state of another resource ([`UserAgent::publish_for`](::sip_core::UserAgent::publish_for)).
            ///
            /// # Errors
            /// The core refuses the command, such as for a target that is no URI, or the agent is gone.
            fn publish_for(
                target: impl Into<String>,
                package: impl Into<String>,
                state: ::sip_core::Body,
                options: ::sip_core::PublishOptions
            ) -> ::sip_core::PublicationId;

            /// Publishes another state in place of the last one
            /// ([`UserAgent::modify_publication`](::sip_core::UserAgent::modify_publication)).
            ///
            /// # Errors
            /// The publication is over or being removed, or the agent is gone.
            fn modify_publication(
                publication: ::sip_core::PublicationId,
                state: ::sip_core::Body
            ) -> ();

            /// Removes a publication ([`UserAgent::unpublish`](::sip_core::UserAgent::unpublish)).
            /// [`Event::PublicationEnded`](::sip_core::Event::PublicationEnded) follows.
            ///
            /// # Errors
            /// The publication is over, or the agent is gone.
            fn unpublish(publication: ::sip_core::PublicationId) -> ();
        }
    };
}
