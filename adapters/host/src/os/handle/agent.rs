//! The agent, and what it hands out.

use std::fmt;
use std::task::{Context, Poll};

use sip_core::{
    Body, CommandError, Counters, InviteOptions, MessageOptions, PublishOptions, Registration,
    RequestId, SubscribeOptions, Timestamp, UserAgent,
};

use super::call::{Call, IncomingCall};
use super::request::{IncomingMessage, PendingRequest};
use super::shared::{Port, Shared, Watcher};
use super::subscription::{IncomingSubscription, Publication, Subscription};
use super::transfer::IncomingTransfer;
use crate::command::{self, CommandFailure};
use crate::handles::error::{CallError, NotConnected, RegistrationError};
use crate::handles::{Handles, Seen, Topic};

/// A running user agent. See the list of handles.
#[derive(Clone)]
pub struct Agent<P: Port>(P);

impl<P: Port> fmt::Debug for Agent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}

/// What a command finds that needs a connection.
enum Attempt<T> {
    Done(T),
    /// No connection is open; the command is tried again when one is.
    Offline(Seen),
}

impl<P: Port> Agent<P> {
    /// The handle of the agent behind `port`.
    pub fn new(port: P) -> Self {
        Self(port)
    }

    /// How the handle reaches its agent.
    #[must_use]
    pub fn port(&self) -> &P {
        &self.0
    }

    fn shared(&self) -> &Shared {
        self.0.shared()
    }

    /// See the list.
    ///
    /// # Errors
    /// [`RegistrationError`]: the agent will not register by itself.
    pub async fn registered(&self) -> Result<Registration, RegistrationError> {
        let shared = self.shared().clone();
        let look = move |agent: &mut UserAgent, _| {
            let handles = shared.lock();
            match handles.registration() {
                Some(registration) if agent.is_registered() => Err(Ok(registration.clone())),
                _ if agent.is_idle() => Err(Err(RegistrationError::Stopped)),
                _ if !agent.is_registration_wanted() => Err(Err(handles.refused())),
                _ => Ok(handles.seen_registration()),
            }
        };
        let seen = match self.0.with(look).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(known)) => return known,
            Err(CommandFailure::OwnThread | CommandFailure::Deadlock) => {
                return Err(RegistrationError::OwnThread);
            }
            Err(_) => return Err(RegistrationError::Stopped),
        };
        let question = move |handles: &mut Handles| handles.registered(seen);
        self.shared().wait(Topic::Registration, question).await
    }

    /// See the list.
    ///
    /// # Errors
    /// [`NotConnected`]: an attempt failed, or the agent is not running.
    pub async fn connected(&self) -> Result<(), NotConnected> {
        let shared = self.shared().clone();
        let look = move |agent: &mut UserAgent, _| {
            if agent.is_connected() {
                Some(Ok(()))
            } else if agent.is_idle() {
                Some(Err(NotConnected::Stopped))
            } else {
                None
            }
            .ok_or_else(|| shared.lock().seen_connection())
        };
        match self.0.with(look).await {
            Ok(Ok(known)) => known,
            Ok(Err(seen)) => self.connected_since(seen).await,
            Err(CommandFailure::OwnThread | CommandFailure::Deadlock) => {
                Err(NotConnected::OwnThread)
            }
            Err(_) => Err(NotConnected::Stopped),
        }
    }

    async fn connected_since(&self, seen: Seen) -> Result<(), NotConnected> {
        let question = move |handles: &mut Handles| handles.connected(seen);
        self.shared().wait(Topic::Connection, question).await
    }

    /// Runs a command as soon as a connection is open.
    async fn online<T, F>(&self, ask: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Fn(&mut UserAgent, Timestamp) -> Result<T, CommandError> + Clone + Send + 'static,
    {
        loop {
            let shared = self.shared().clone();
            let ask = ask.clone();
            let attempt = move |agent: &mut UserAgent, now| match ask(agent, now) {
                Ok(made) => Ok(Attempt::Done(made)),
                Err(CommandError::NotConnected) => {
                    Ok(Attempt::Offline(shared.lock().seen_connection()))
                }
                Err(CommandError::NotRunning) => Err(NotConnected::Stopped.into()),
                Err(error) => Err(CallError::Refused(error)),
            };
            match self.0.with(attempt).await?? {
                Attempt::Done(made) => return Ok(made),
                Attempt::Offline(seen) => self.connected_since(seen).await?,
            }
        }
    }

    /// See the list.
    ///
    /// # Errors
    /// There is no connection, or the core refuses the command.
    pub async fn call(&self, target: String) -> Result<Call<P>, CallError> {
        self.call_with(target, InviteOptions::new()).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::call`].
    pub async fn call_with(
        &self,
        target: String,
        options: InviteOptions,
    ) -> Result<Call<P>, CallError> {
        let port = self.0.clone();
        let invite = move |agent: &mut UserAgent, now| {
            let session = agent.invite(&target, options.clone(), now)?;
            Ok(Call::place(port.clone(), session))
        };
        self.online(invite).await
    }

    /// See the list.
    #[must_use]
    pub fn incoming(&self) -> IncomingCalls<P> {
        IncomingCalls {
            watcher: Watcher::new(self.shared().clone(), Topic::IncomingCall),
            port: self.0.clone(),
        }
    }

    /// Runs a command that makes a request.
    async fn send<F>(&self, ask: F) -> Result<PendingRequest<P>, CallError>
    where
        F: Fn(&mut UserAgent, Timestamp) -> Result<RequestId, CommandError>
            + Clone
            + Send
            + 'static,
    {
        let port = self.0.clone();
        let send = move |agent: &mut UserAgent, now| {
            let request = ask(agent, now)?;
            Ok(PendingRequest::expect(port.clone(), request))
        };
        self.online(send).await
    }

    /// See the list.
    ///
    /// # Errors
    /// There is no connection, or the core refuses the command.
    pub async fn message(
        &self,
        target: String,
        text: String,
    ) -> Result<PendingRequest<P>, CallError> {
        let body = Body::new("text/plain", text);
        let options = MessageOptions::new().body(body);
        self.message_with(target, options).await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::message`].
    pub async fn message_with(
        &self,
        target: String,
        options: MessageOptions,
    ) -> Result<PendingRequest<P>, CallError> {
        self.send(move |agent, now| agent.message_with(&target, options.clone(), now))
            .await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::message`].
    pub async fn options(&self, target: String) -> Result<PendingRequest<P>, CallError> {
        self.send(move |agent, now| agent.options(&target, now))
            .await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::message`].
    pub async fn request(
        &self,
        method: String,
        target: String,
        options: MessageOptions,
    ) -> Result<PendingRequest<P>, CallError> {
        self.send(move |agent, now| {
            let MessageOptions { headers, body, .. } = options.clone();
            agent.request(command::named(&method)?, &target, body, &headers, now)
        })
        .await
    }

    /// See the list.
    #[must_use]
    pub fn messages(&self) -> IncomingMessages<P> {
        self.shared().lock().want_messages();
        IncomingMessages {
            watcher: Watcher::new(self.shared().clone(), Topic::IncomingMessage),
            port: self.0.clone(),
        }
    }

    /// See the list.
    #[must_use]
    pub fn transfers(&self) -> IncomingTransfers<P> {
        self.shared().lock().want_transfers();
        IncomingTransfers {
            watcher: Watcher::new(self.shared().clone(), Topic::IncomingTransfer),
            port: self.0.clone(),
        }
    }

    /// See the list.
    #[must_use]
    pub fn subscriptions(&self) -> IncomingSubscriptions<P> {
        self.shared().lock().want_subscriptions();
        IncomingSubscriptions {
            watcher: Watcher::new(self.shared().clone(), Topic::IncomingSubscription),
            port: self.0.clone(),
        }
    }

    /// See the list.
    ///
    /// # Errors
    /// There is no connection, or the core refuses the command.
    pub async fn subscribe(
        &self,
        target: String,
        package: String,
    ) -> Result<Subscription<P>, CallError> {
        self.subscribe_with(target, package, SubscribeOptions::default())
            .await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::subscribe`].
    pub async fn subscribe_with(
        &self,
        target: String,
        package: String,
        options: SubscribeOptions,
    ) -> Result<Subscription<P>, CallError> {
        let port = self.0.clone();
        let subscribe = move |agent: &mut UserAgent, now| {
            let subscription = agent.subscribe(&target, &package, options.clone(), now)?;
            Ok(Subscription::place(port.clone(), subscription))
        };
        self.online(subscribe).await
    }

    /// See the list.
    ///
    /// # Errors
    /// There is no connection, or the core refuses the command.
    pub async fn publish(&self, package: String, state: Body) -> Result<Publication<P>, CallError> {
        self.publish_with(package, state, PublishOptions::default())
            .await
    }

    /// See the list.
    ///
    /// # Errors
    /// As [`Agent::publish`].
    pub async fn publish_with(
        &self,
        package: String,
        state: Body,
        options: PublishOptions,
    ) -> Result<Publication<P>, CallError> {
        let port = self.0.clone();
        let publish = move |agent: &mut UserAgent, now| {
            let publication = agent.publish(&package, state.clone(), options.clone(), now)?;
            Ok(Publication::place(port.clone(), publication))
        };
        self.online(publish).await
    }

    /// See the list.
    ///
    /// # Errors
    /// The agent is not running.
    pub async fn network_changed(&self) -> Result<(), CallError> {
        Ok(self.0.with(command::network_changed()).await??)
    }

    /// See the list.
    ///
    /// # Errors
    /// The agent has ended.
    pub async fn counters(&self) -> Result<Counters, CallError> {
        Ok(self.0.with(|agent, _| agent.counters()).await?)
    }

    /// See the list.
    pub async fn stop(&self) {
        let shared = self.shared().clone();
        let stop = move |agent: &mut UserAgent, now| {
            if agent.is_idle() {
                return None;
            }
            let (is_first, seen) = {
                let mut handles = shared.lock();
                (handles.begin_stop(), handles.seen_connection())
            };
            if is_first {
                agent.stop(None, now);
            }
            Some(seen)
        };
        if let Ok(Some(seen)) = self.0.with(stop).await {
            let question = move |handles: &mut Handles| handles.stopped(seen);
            self.shared().wait(Topic::Stop, question).await;
        }
    }
}

/// Makes the handles that hand out others: the name, what it hands out, and the question.
macro_rules! streams {
    ($($(#[$doc:meta])* $stream:ident of $item:ident by $question:ident;)*) => {
        $(
            $(#[$doc])*
            pub struct $stream<P: Port> {
                port: P,
                watcher: Watcher,
            }

            impl<P: Port> fmt::Debug for $stream<P> {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($stream)).finish_non_exhaustive()
                }
            }

            impl<P: Port> $stream<P> {
                /// How the handle reaches its agent.
                #[must_use]
                pub fn port(&self) -> &P {
                    &self.port
                }

                /// The next one; `None` once the agent has ended.
                pub fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<$item<P>>> {
                    let port = &self.port;
                    let claimed = self.watcher.poll(cx, Handles::$question);
                    claimed.map(|claimed| claimed.map(|offer| $item::new(port.clone(), offer)))
                }
            }
        )*
    };
}

streams! {
    /// The calls of peers. See the list of handles.
    IncomingCalls of IncomingCall by claim_call;
    /// The MESSAGE requests of peers. See the list of handles.
    IncomingMessages of IncomingMessage by claim_message;
    /// The REFERs of peers. See the list of handles.
    IncomingTransfers of IncomingTransfer by claim_transfer;
    /// The subscriptions of peers. See the list of handles.
    IncomingSubscriptions of IncomingSubscription by claim_subscription;
}
