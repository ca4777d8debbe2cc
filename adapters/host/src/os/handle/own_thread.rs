//! What a wait returns that would wait for itself: inside a connector or a description handler of `sip-blocking`.

use sip_core::{EndReason, IncomingSubscriptionEnd, SubscriptionEnd};

use crate::handles::error::{CallError, NotConnected, RegistrationError};
use crate::handles::stopped;

/// The result of a wait on the thread that drives the agents, which does not wait.
pub trait OwnThread {
    /// The result.
    fn own_thread() -> Self;
}

impl OwnThread for () {
    fn own_thread() -> Self {}
}

impl OwnThread for EndReason {
    fn own_thread() -> Self {
        stopped()
    }
}

impl OwnThread for SubscriptionEnd {
    fn own_thread() -> Self {
        Self::Failed(Box::new(stopped()))
    }
}

impl OwnThread for IncomingSubscriptionEnd {
    fn own_thread() -> Self {
        Self::DialogEnded
    }
}

impl OwnThread for CallError {
    fn own_thread() -> Self {
        Self::OwnThread
    }
}

impl OwnThread for NotConnected {
    fn own_thread() -> Self {
        Self::OwnThread
    }
}

impl OwnThread for RegistrationError {
    fn own_thread() -> Self {
        Self::OwnThread
    }
}

impl<T, E: OwnThread> OwnThread for Result<T, E> {
    fn own_thread() -> Self {
        Err(E::own_thread())
    }
}

impl<T> OwnThread for Option<T> {
    fn own_thread() -> Self {
        None
    }
}
