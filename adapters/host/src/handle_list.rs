//! The list of the handles, from which each adapter makes its types.

/// Calls the macro `$callback` with every handle of an application: documentation, name and methods, in the form
///
/// ```text
/// #[doc = "..."]
/// type Name {
///     #[doc = "..."]
///     kind name(argument: Type, ...) -> Result;
/// }
/// ```
///
/// | kind | in `os::handle` | with async | without |
/// |---|---|---|---|
/// | `wait("...") name / name_timeout` | `async fn(&self)` | a future; the text says what its drop does | a function, and one that waits for a limited time |
/// | `take_wait("...") name / name_timeout` | `async fn(self)` | the same | the same |
/// | `soon name` | `fn(&self)` | a future that is ready at once | a function |
/// | `take_soon name` | `fn(self)` | the same | the same |
/// | `now name` | `fn(&self)` | a function | a function |
/// | `take_now name` | `fn(self)` | a function | a function |
///
/// Arguments are passed on after `Into::into`. The calling crate depends on `sip-core` and `sip-parse`.
#[macro_export]
macro_rules! for_each_handle {
    ($callback:ident) => {
        $callback! {
            /// A running user agent. A clone is cheap and is the same agent.
            ///
            /// When the application has dropped the last `Agent` and the handles made from it, such as a [`Call`], the agent hangs up,
            /// unregisters and disconnects by itself, within 2 s, and the [`Events`] end; [`Agent::stop`] does the same and waits for it.
            /// If the configuration has `autostop` off, the agent goes on as long as the application keeps the [`Events`].
            type Agent {
                /// Waits until the registrar has accepted the binding of this agent (RFC 3261 section 10.2), and returns it at once if the
                /// registrar holds one. It waits through failures after which the agent tries again, such as a lost connection or a 503.
                ///
                /// # Errors
                /// [`RegistrationError`] if no further attempt follows by itself: the registrar has rejected the password, the application
                /// does not want to be registered, or the agent is stopped.
                wait("Dropping the future changes nothing: the registration goes on.")
                registered / registered_timeout() -> Result<::sip_core::Registration, RegistrationError>;

                /// Waits until a connection is open; returns at once if one is.
                ///
                /// # Errors
                /// [`NotConnected::Failed`] as soon as an attempt to open one has failed. The agent tries again by itself, so that the
                /// application may wait again. [`NotConnected::Stopped`] if the agent is not running.
                wait("Dropping the future changes nothing: the agent connects all the same.")
                connected / connected_timeout() -> Result<(), NotConnected>;

                /// Calls `target`, a URI or a user name in the domain of the account (RFC 3261 section 13.2). It waits for a connection that
                /// is being opened, and returns as soon as the INVITE is on its way; [`Call::established`] waits for the answer.
                ///
                /// # Errors
                /// There is no connection ([`Agent::connected`]), or the core refuses the command, such as for a target that is no URI.
                wait("Dropping the future makes no call: one that has begun ends.")
                call / call_timeout(target: impl Into<String>) -> Result<Call, CallError>;

                /// As [`Agent::call`], with header fields and other options.
                ///
                /// # Errors
                /// As [`Agent::call`].
                wait("Dropping the future makes no call: one that has begun ends.")
                call_with / call_with_timeout(
                    target: impl Into<String>,
                    options: ::sip_core::InviteOptions
                ) -> Result<Call, CallError>;

                /// The calls of peers, in their order, the ones that ring already first. Several may exist: each call goes to one of them.
                ///
                /// A call becomes a handle when this hands it out. One that ends before, or that the application answers by its id, is
                /// not handed out.
                now incoming() -> IncomingCalls;

                /// Sends a MESSAGE with plain text (RFC 3428). It waits for a connection that is being opened;
                /// [`PendingRequest::response`] waits for the response.
                ///
                /// # Errors
                /// There is no connection ([`Agent::connected`]), or the core refuses the command, such as for a target that is no URI.
                wait("If the future is dropped, the message may have been sent.")
                message / message_timeout(
                    target: impl Into<String>,
                    text: impl Into<String>
                ) -> Result<PendingRequest, CallError>;

                /// As [`Agent::message`], with header fields and a body of any type.
                ///
                /// # Errors
                /// As [`Agent::message`].
                wait("If the future is dropped, the message may have been sent.")
                message_with / message_with_timeout(
                    target: impl Into<String>,
                    options: ::sip_core::MessageOptions
                ) -> Result<PendingRequest, CallError>;

                /// Asks for the capabilities of `target` (RFC 3261 section 11), as [`Agent::message`] sends a MESSAGE.
                ///
                /// # Errors
                /// As [`Agent::message`].
                wait("If the future is dropped, the request may have been sent.")
                options / options_timeout(target: impl Into<String>) -> Result<PendingRequest, CallError>;

                /// Sends a request of any other method outside calls; `method` is its name.
                ///
                /// # Errors
                /// As [`Agent::message`]; and if the method has a command of its own.
                wait("If the future is dropped, the request may have been sent.")
                request / request_timeout(
                    method: impl Into<String>,
                    target: impl Into<String>,
                    options: ::sip_core::MessageOptions
                ) -> Result<PendingRequest, CallError>;

                /// The MESSAGE requests of peers (RFC 3428), in their order, from the first call of this method on: those before are events
                /// alone. At most 256 wait; the oldest one of more is left to the core, which refuses it by 480 after 10 s.
                now messages() -> IncomingMessages;

                /// Subscribes to an event package of `target`, such as `presence` (RFC 6665). It waits for a connection that is being
                /// opened; the [`Subscription`] hands out the notifications.
                ///
                /// # Errors
                /// There is no connection ([`Agent::connected`]), or the core refuses the command.
                wait("Dropping the future makes no subscription: one that has begun ends.")
                subscribe / subscribe_timeout(
                    target: impl Into<String>,
                    package: impl Into<String>
                ) -> Result<Subscription, CallError>;

                /// As [`Agent::subscribe`], with options.
                ///
                /// # Errors
                /// As [`Agent::subscribe`].
                wait("Dropping the future makes no subscription: one that has begun ends.")
                subscribe_with / subscribe_with_timeout(
                    target: impl Into<String>,
                    package: impl Into<String>,
                    options: ::sip_core::SubscribeOptions
                ) -> Result<Subscription, CallError>;

                /// The subscriptions of peers to the packages of the parameter `eventPackages` (RFC 6665), in their order, from the first call of this method on: those before are events
                /// alone. At most 256 wait; the core refuses one that the application does not accept within 10 s.
                now subscriptions() -> IncomingSubscriptions;

                /// Publishes a state of the own address (RFC 3903). It waits for a connection that is being opened;
                /// [`Publication::published`] waits until the server holds the state.
                ///
                /// # Errors
                /// There is no connection ([`Agent::connected`]), or the core refuses the command.
                wait("Dropping the future publishes nothing: a publication that has begun is removed.")
                publish / publish_timeout(
                    package: impl Into<String>,
                    state: ::sip_core::Body
                ) -> Result<Publication, CallError>;

                /// As [`Agent::publish`], with options.
                ///
                /// # Errors
                /// As [`Agent::publish`].
                wait("Dropping the future publishes nothing: a publication that has begun is removed.")
                publish_with / publish_with_timeout(
                    package: impl Into<String>,
                    state: ::sip_core::Body,
                    options: ::sip_core::PublishOptions
                ) -> Result<Publication, CallError>;

                /// The REFERs of peers (RFC 3515), in their order, from the first call of this method on: those before are events alone. At
                /// most 256 wait; the core refuses one that the application does not answer within 10 s.
                now transfers() -> IncomingTransfers;

                /// The operating system reports another network: the agent checks its connections at once, and connects anew where one is
                /// dead ([`UserAgent::network_changed`](::sip_core::UserAgent::network_changed)).
                ///
                /// # Errors
                /// The agent is not running.
                wait("If the future is dropped, the agent may check its connections all the same.")
                network_changed / network_changed_timeout() -> Result<(), CallError>;

                /// The counters of the agent since its start.
                ///
                /// # Errors
                /// The agent has ended.
                wait("Dropping the future changes nothing.")
                counters / counters_timeout() -> Result<::sip_core::Counters, CallError>;

                /// Hangs up, unregisters and disconnects, and waits until that is done, at most 2 s. The calls end, and
                /// [`Agent::incoming`] and its like end, too. `commands().start()` begins again.
                wait("If the future is dropped, the agent stops all the same once it has begun to.")
                stop / stop_timeout() -> ();
            }

            /// A call of this agent, from the command or the answer of the application to its end.
            ///
            /// Dropping it ends the call, as [`Call::hang_up`] does, without waiting; [`Call::detach`] keeps the call. It keeps its
            /// agent running.
            type Call {
                /// The id of the call in events and commands.
                now id() -> ::sip_core::SessionId;

                /// Why the call ended; `None` while it goes on.
                now end() -> Option<::sip_core::EndReason>;

                /// Gives the handle up and keeps the call: from now on events and commands are about its id.
                take_now detach() -> ::sip_core::SessionId;

                /// Waits until the call is up: the peer has answered it, or has acknowledged the answer of this side. `Ok` also for a
                /// call that came up and has ended since.
                ///
                /// # Errors
                /// Why the call ended before it came up, such as the refusal of the peer.
                wait("Dropping the future changes nothing: the call goes on.")
                established / established_timeout() -> Result<(), ::sip_core::EndReason>;

                /// Waits until the call is over, and returns why. A call whose agent has ended is over: [`Cause::Stopped`](::sip_core::Cause::Stopped).
                wait("Dropping the future changes nothing: the call goes on.")
                ended / ended_timeout() -> ::sip_core::EndReason;

                /// Ends the call as its state requires: by CANCEL, by a refusal or by BYE, and waits until it is over. On a call that has
                /// ended it returns why.
                wait("If the future is dropped after its first poll, the call ends all the same.")
                hang_up / hang_up_timeout() -> ::sip_core::EndReason;

                /// As [`Call::hang_up`], with header fields and a body of the application, such as a `Reason`.
                ///
                /// # Errors
                /// The core refuses the options.
                wait("If the future is dropped, the call may end all the same.")
                hang_up_with / hang_up_with_timeout(
                    options: ::sip_core::MessageOptions
                ) -> Result<::sip_core::EndReason, CallError>;

                /// Puts the peer on hold (RFC 3264 section 8.4), and waits until the peer has accepted that.
                ///
                /// # Errors
                /// The call is not up, is being changed already, or has ended; or the peer refuses.
                wait("If the future is dropped, the agent may put the peer on hold all the same.")
                hold / hold_timeout() -> Result<(), CallError>;

                /// Ends the hold, and waits until the peer has accepted that.
                ///
                /// # Errors
                /// As [`Call::hold`].
                wait("If the future is dropped, the agent may end the hold all the same.")
                resume / resume_timeout() -> Result<(), CallError>;

                /// Transfers the peer to `target` by REFER (RFC 3515): to a URI or a user name, or to the peer of another call
                /// ([`TransferTarget`](::sip_core::TransferTarget)). It waits until the peer reports the outcome. The call goes on: the
                /// application hangs up after a successful transfer.
                ///
                /// # Errors
                /// The call is not up or has ended, or the transfer does not succeed.
                wait("If the future is dropped, the transfer may go on.")
                transfer / transfer_timeout(
                    target: impl Into<::sip_core::TransferTarget>
                ) -> Result<(), CallError>;

                /// Transfers the peer to the peer of `other`, whose call the new one replaces: the attended transfer (RFC 5589 section 7).
                ///
                /// # Errors
                /// As [`Call::transfer`].
                wait("If the future is dropped, the transfer may go on.")
                transfer_to / transfer_to_timeout(other: &Call) -> Result<(), CallError>;

                /// As [`Call::transfer`], with header fields and other options.
                ///
                /// # Errors
                /// As [`Call::transfer`].
                wait("If the future is dropped, the transfer may go on.")
                transfer_with / transfer_with_timeout(
                    target: impl Into<::sip_core::TransferTarget>,
                    options: ::sip_core::TransferOptions
                ) -> Result<(), CallError>;

                /// Sends tones, one after the other: 0-9, A-D, * and #; a comma is a pause. It waits until the last one is sent.
                ///
                /// # Errors
                /// The tones are not valid, the call is not up or has ended, or the peer refuses a tone.
                wait("If the future is dropped, the tones may be sent all the same.")
                dtmf / dtmf_timeout(tones: impl Into<String>) -> Result<(), CallError>;

                /// As [`Call::dtmf`], with durations.
                ///
                /// # Errors
                /// As [`Call::dtmf`].
                wait("If the future is dropped, the tones may be sent all the same.")
                send_tones / send_tones_timeout(tones: ::sip_core::Tones) -> Result<(), CallError>;

                /// Waits for a further branch of a forked call, if [`InviteOptions::forks`](::sip_core::InviteOptions::forks) claims them: it
                /// is a call of its own. `None` once this call has ended. Dropping this handle ends the branches that have none.
                wait("A dropped future loses no branch.")
                branch / branch_timeout() -> Option<Call>;
            }

            /// The call of a peer that rings.
            ///
            /// Dropping it without an answer refuses the call by 480 (Temporarily Unavailable).
            type IncomingCall {
                /// The id of the call in events and commands.
                now id() -> ::sip_core::SessionId;

                /// The address of the caller: the URI of From (RFC 3261 section 20.20), to call or to answer by a message. It proves nothing, because
                /// the caller writes it; `request()` has the display name.
                now from() -> String;

                /// The INVITE.
                now request() -> &::sip_parse::Request;

                /// The call that this one replaces if it is answered (RFC 3891), only with the parameter `replaces`.
                now replaces() -> Option<::sip_core::SessionId>;

                /// Why the call ended; `None` while it rings.
                now end() -> Option<::sip_core::EndReason>;

                /// Waits until the call is over without an answer, as when the caller gives up.
                wait("Dropping the future changes nothing: the call goes on.")
                ended / ended_timeout() -> ::sip_core::EndReason;

                /// Sends 180 Ringing, and repeats it. On a call that has ended it does nothing.
                soon ring() -> ();

                /// Answers the call (RFC 3261 section 13.3.1.4). [`Call::established`] says whether it came up: it did not if the caller
                /// gave up a moment ago.
                take_soon answer() -> Call;

                /// As [`IncomingCall::answer`], with header fields for the 2xx.
                ///
                /// # Errors
                /// The core refuses the options, as it does if they have a body. The call is then refused by 480.
                take_wait("If the future is dropped, the call ends: by 480, or by BYE if the answer has gone out.")
                answer_with / answer_with_timeout(options: ::sip_core::MessageOptions) -> Result<Call, CallError>;

                /// Refuses the call (RFC 3261 section 13.3.1.3) by a [`FailureStatus`](::sip_core::FailureStatus), or by a
                /// [`Refusal`](::sip_core::Refusal) with header fields, and waits until it is over. It returns why the call ended: not by
                /// this refusal if the caller gave up before.
                take_wait("If the future is dropped, the call is refused all the same.")
                reject / reject_timeout(refusal: impl Into<::sip_core::Refusal>) -> ::sip_core::EndReason;

                /// Gives the handle up and keeps the call: from now on events and commands are about its id.
                take_now detach() -> ::sip_core::SessionId;
            }

            /// The calls of peers: [`Agent::incoming`].
            type IncomingCalls {}

            /// A request of the application that has been sent or waits for a connection. Dropping it gives the outcome up; the request
            /// goes on.
            type PendingRequest {
                /// The id of the request in events and commands.
                now id() -> ::sip_core::RequestId;

                /// Waits for the final response and returns it, of whatever status: `response.status().is_success()` says whether the peer
                /// accepted the request.
                ///
                /// # Errors
                /// Why no final response came.
                wait("Dropping the future changes nothing: the request goes on.")
                response / response_timeout() -> Result<::sip_parse::Response, ::sip_core::EndReason>;
            }

            /// A MESSAGE of a peer (RFC 3428). Dropping it without an answer refuses it by 480 (Temporarily Unavailable).
            type IncomingMessage {
                /// The id of the request in events and commands.
                now id() -> ::sip_core::IncomingRequestId;

                /// The call that the MESSAGE belongs to, if any.
                now session() -> Option<::sip_core::SessionId>;

                /// The body as text; bytes that are not UTF-8 are replaced.
                now text() -> String;

                /// The address of the sender: the URI of From (RFC 3261 section 20.20), to call or to answer by a message. It proves nothing, because
                /// the sender writes it; `request()` has the display name.
                now from() -> String;

                /// The MESSAGE.
                now request() -> &::sip_parse::Request;

                /// Answers 200.
                take_soon accept() -> ();

                /// Refuses the message with `status`; with 480 instead of one that takes more than a number, such as 302, or is
                /// not final.
                take_soon reject(status: ::sip_parse::StatusCode) -> ();

                /// Answers with header fields and a body.
                ///
                /// # Errors
                /// The message has been answered, or the core refuses the options; it is then refused by 480.
                take_wait("If the future is dropped, the answer may have been sent; else the message is refused by 480.")
                respond_with / respond_with_timeout(
                    status: ::sip_parse::StatusCode,
                    options: ::sip_core::MessageOptions
                ) -> Result<(), CallError>;
            }

            /// The MESSAGE requests of peers: [`Agent::messages`].
            type IncomingMessages {}

            /// A subscription of the application (RFC 6665). It hands out the notifications; the newest 16 wait, and
            /// [`Notice::missed`] says how many went before.
            ///
            /// Dropping it ends the subscription without waiting; [`Subscription::detach`] keeps it.
            type Subscription {
                /// The id of the subscription in events and commands.
                now id() -> ::sip_core::SubscriptionId;

                /// Waits until the subscription is over, and returns why. An interruption after which the core subscribes anew does not
                /// end it.
                wait("Dropping the future changes nothing: the subscription goes on.")
                ended / ended_timeout() -> ::sip_core::SubscriptionEnd;

                /// Ends the subscription, and waits until it is over. It returns why it ended.
                wait("If the future is dropped after its first poll, the subscription ends all the same.")
                unsubscribe / unsubscribe_timeout() -> ::sip_core::SubscriptionEnd;

                /// Refreshes the subscription now: the notifier sends the state of the resource.
                ///
                /// # Errors
                /// The subscription is over.
                wait("If the future is dropped, the agent may refresh the subscription all the same.")
                refresh / refresh_timeout() -> Result<(), CallError>;

                /// Gives the handle up and keeps the subscription: from now on events and commands are about its id.
                take_now detach() -> ::sip_core::SubscriptionId;
            }

            /// A subscription of a peer (RFC 6665).
            ///
            /// Dropping it refuses a subscription that is not accepted by 480 (Temporarily Unavailable), and terminates one that is.
            type IncomingSubscription {
                /// The id of the subscription in events and commands.
                now id() -> ::sip_core::IncomingSubscriptionId;

                /// The call in whose dialog the peer subscribes; `None` as a rule.
                now session() -> Option<::sip_core::SessionId>;

                /// The event package, such as `presence`.
                now package() -> &str;

                /// How long the subscription lasts if it is accepted; zero: the peer asks for the state once.
                now expires() -> ::core::time::Duration;

                /// The address of the subscriber: the URI of From (RFC 3261 section 20.20), to call or to answer by a message. It proves nothing, because
                /// the subscriber writes it; `request()` has the display name.
                now from() -> String;

                /// The SUBSCRIBE.
                now request() -> &::sip_parse::Request;

                /// Accepts the subscription and sends `state` in the first NOTIFY. Whom it authorises is up to the application.
                ///
                /// # Errors
                /// The subscription is over or accepted already, or the core refuses the state.
                wait("If the future is dropped, the subscription may be accepted all the same.")
                accept / accept_timeout(state: ::sip_core::Notification) -> Result<(), CallError>;

                /// Reports a state. A terminated one ends the subscription.
                ///
                /// # Errors
                /// The subscription is over or not accepted, or the core refuses the state.
                wait("If the future is dropped, the state may be reported all the same.")
                notify / notify_timeout(state: ::sip_core::Notification) -> Result<(), CallError>;

                /// Refuses the subscription.
                take_soon reject(refusal: impl Into<::sip_core::Refusal>) -> ();

                /// Waits until the subscription is over, and returns why.
                wait("Dropping the future changes nothing: the subscription goes on.")
                ended / ended_timeout() -> ::sip_core::IncomingSubscriptionEnd;
            }

            /// The subscriptions of peers: [`Agent::subscriptions`].
            type IncomingSubscriptions {}

            /// A publication of the application (RFC 3903). The core refreshes it.
            ///
            /// Dropping it removes the publication without waiting; [`Publication::detach`] keeps it.
            type Publication {
                /// The id of the publication in events and commands.
                now id() -> ::sip_core::PublicationId;

                /// Waits until the server holds the last state; returns at once if it does. It waits through failures after which the core
                /// tries again.
                ///
                /// # Errors
                /// Why the publication ended before.
                wait("Dropping the future changes nothing: the publication goes on.")
                published / published_timeout() -> Result<(), ::sip_core::EndReason>;

                /// Publishes another state in place of the last one.
                ///
                /// # Errors
                /// The publication is over or being removed.
                wait("If the future is dropped, the state may be published all the same.")
                modify / modify_timeout(state: ::sip_core::Body) -> Result<(), CallError>;

                /// Removes the publication, and waits until that is done.
                ///
                /// # Errors
                /// The server may still hold the state, because it did not accept the removal.
                wait("If the future is dropped after its first poll, the publication is removed all the same.")
                remove / remove_timeout() -> Result<(), ::sip_core::EndReason>;

                /// Waits until the publication is over: `Ok` if the application removed it.
                ///
                /// # Errors
                /// Why it ended otherwise.
                wait("Dropping the future changes nothing: the publication goes on.")
                ended / ended_timeout() -> Result<(), ::sip_core::EndReason>;

                /// Gives the handle up and keeps the publication: from now on events and commands are about its id.
                take_now detach() -> ::sip_core::PublicationId;
            }

            /// A REFER of a peer (RFC 3515), as a rule within a call: the peer asks this side to call another target.
            ///
            /// Dropping it without an answer refuses it by 480 (Temporarily Unavailable).
            type IncomingTransfer {
                /// The id of the REFER in events and commands.
                now id() -> ::sip_core::ReferId;

                /// The call in which the peer asks; `None` outside calls.
                now session() -> Option<::sip_core::SessionId>;

                /// The address of the peer: the URI of From (RFC 3261 section 20.20), to call or to answer by a message. It proves nothing, because
                /// the peer writes it; `request()` has the display name.
                now from() -> String;

                /// The URI to call.
                now target() -> String;

                /// What the peer asks for, with the REFER.
                now referral() -> &::sip_core::Referral;

                /// Accepts the REFER and calls its target. The core reports the progress to the peer.
                ///
                /// # Errors
                /// The REFER is over, or the call cannot be made; it is then refused by 480.
                take_wait("If the future is dropped, the call ends or is not made.")
                follow / follow_timeout() -> Result<Call, CallError>;

                /// As [`IncomingTransfer::follow`], with header fields and other options.
                ///
                /// # Errors
                /// As [`IncomingTransfer::follow`].
                take_wait("If the future is dropped, the call ends or is not made.")
                follow_with / follow_with_timeout(options: ::sip_core::InviteOptions) -> Result<Call, CallError>;

                /// Accepts the REFER; the application does what it asks for, and reports by [`IncomingTransfer::progress`].
                ///
                /// # Errors
                /// The REFER is over.
                wait("If the future is dropped, the REFER may be accepted all the same.")
                accept / accept_timeout() -> Result<(), CallError>;

                /// Reports the status of what an accepted REFER asked for; a final one ends the reports.
                ///
                /// # Errors
                /// The REFER is not accepted, or the reports are over.
                wait("If the future is dropped, the status may be reported all the same.")
                progress / progress_timeout(status: ::sip_parse::StatusCode) -> Result<(), CallError>;

                /// Refuses the REFER.
                take_soon reject(refusal: impl Into<::sip_core::Refusal>) -> ();
            }

            /// The REFERs of peers: [`Agent::transfers`].
            type IncomingTransfers {}
        }
    };
}

/// Makes the trait by which an adapter turns what a handle of `os::handle` returns into its own types: `Outward`, with an
/// implementation for each type that stays as it is.
#[macro_export]
macro_rules! outward {
    () => {
        /// Turns the results of shared handles into those of this adapter.
        trait Outward {
            type Out;
            fn outward(self) -> Self::Out;
        }

        macro_rules! unchanged {
            ($type:ty) => {
                impl Outward for $type {
                    type Out = Self;
                    fn outward(self) -> Self {
                        self
                    }
                }
            };
        }

        unchanged!(());
        unchanged!(String);
        unchanged!(::sip_core::EndReason);
        unchanged!(::sip_core::SessionId);
        unchanged!(::sip_core::RequestId);
        unchanged!(::sip_core::IncomingRequestId);
        unchanged!(::sip_core::SubscriptionId);
        unchanged!(::sip_core::IncomingSubscriptionId);
        unchanged!(::sip_core::PublicationId);
        unchanged!(::sip_core::ReferId);
        unchanged!(::sip_core::SubscriptionEnd);
        unchanged!(::sip_core::IncomingSubscriptionEnd);
        unchanged!(::sip_core::Counters);
        unchanged!(::core::time::Duration);
        unchanged!(&str);
        unchanged!(&::sip_core::Referral);
        unchanged!(::sip_core::Registration);
        unchanged!(::sip_parse::Response);
        unchanged!(&::sip_parse::Request);

        impl<T: Outward> Outward for Option<T> {
            type Out = Option<T::Out>;
            fn outward(self) -> Self::Out {
                self.map(T::outward)
            }
        }

        impl<T: Outward, E> Outward for Result<T, E> {
            type Out = Result<T::Out, E>;
            fn outward(self) -> Self::Out {
                self.map(T::outward)
            }
        }
    };
}
