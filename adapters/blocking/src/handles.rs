//! The handles of an application, as functions that wait.

use std::time::{Duration, Instant};

use sip_host::handles::Notice;
use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
use sip_host::os::handle::{self, OwnThread};

use crate::commands::Commands;
#[allow(unused_imports, reason = "the documentation of the list names it")]
use crate::events::Events;

sip_host::outward!();

/// When a wait ends that begins now. A time-out that the clock cannot represent counts as none.
fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

/// Makes one method of a handle from its line of the list.
macro_rules! method {
    ($(#[$doc:meta])* wait($drop:literal) $name:ident / $timeout:ident
        ($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub fn $name(&self, $($argument: $type),*) -> $result {
            let waiting = self.0.$name($($argument.into()),*);
            let result = self.port().block_on(waiting, None);
            result.unwrap_or_else(OwnThread::own_thread).outward()
        }

        #[doc = concat!(
            "As [`", stringify!($name), "`](Self::", stringify!($name), "), at most for `timeout`; `None` when that is over. ",
            "Zero does not wait."
        )]
        pub fn $timeout(&self, timeout: Duration, $($argument: $type),*) -> Option<$result> {
            let waiting = self.0.$name($($argument.into()),*);
            self.port().block_on(waiting, after(timeout)).map(Outward::outward)
        }
    };
    ($(#[$doc:meta])* take_wait($drop:literal) $name:ident / $timeout:ident
        ($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub fn $name(self, $($argument: $type),*) -> $result {
            let port = self.port().clone();
            let result = port.block_on(self.0.$name($($argument.into()),*), None);
            result.unwrap_or_else(OwnThread::own_thread).outward()
        }

        #[doc = concat!(
            "As [`", stringify!($name), "`](Self::", stringify!($name), "), at most for `timeout`; `None` when that is over. ",
            "Zero does not wait."
        )]
        pub fn $timeout(self, timeout: Duration, $($argument: $type),*) -> Option<$result> {
            let port = self.port().clone();
            let waiting = self.0.$name($($argument.into()),*);
            port.block_on(waiting, after(timeout)).map(Outward::outward)
        }
    };
    ($(#[$doc:meta])* soon $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub fn $name(&self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).outward()
        }
    };
    ($(#[$doc:meta])* take_soon $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        pub fn $name(self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).outward()
        }
    };
    ($(#[$doc:meta])* now $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).outward()
        }
    };
    ($(#[$doc:meta])* take_now $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).outward()
        }
    };
}

/// Makes the types of the handles from the list.
macro_rules! types {
    ($(
        $(#[$type_doc:meta])*
        type $handle:ident {
            $(
                $(#[$doc:meta])*
                $kind:ident $(($drop:literal))? $name:ident $(/ $timeout:ident)?
                ($($argument:ident: $type:ty),*) -> $result:ty;
            )*
        }
    )*) => {
        $(
            $(#[$type_doc])*
            #[derive(Debug)]
            pub struct $handle(handle::$handle<Commands>);

            impl $handle {
                pub(crate) fn port(&self) -> &Commands {
                    self.0.port()
                }

                $(
                    method! {
                        $(#[$doc])*
                        $kind $(($drop))? $name $(/ $timeout)? ($($argument: $type),*) -> $result
                    }
                )*
            }

            impl Outward for handle::$handle<Commands> {
                type Out = $handle;
                fn outward(self) -> $handle {
                    $handle(self)
                }
            }
        )*
    };
}

sip_host::for_each_handle!(types);

impl Agent {
    /// The handle of the agent that `commands` control.
    pub(crate) fn of(commands: Commands) -> Self {
        Self(handle::Agent::new(commands))
    }
}

impl Clone for Agent {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl From<&Call> for sip_core::TransferTarget {
    fn from(call: &Call) -> Self {
        call.id().into()
    }
}

/// Makes iterators of the handles that hand out others.
macro_rules! iterators {
    ($($iterator:ident of $item:ident;)*) => {
        $(
            impl $iterator {
                /// As [`Iterator::next`], at most for `timeout`; `None` when that is over. `Some(None)` once the agent has ended.
                pub fn next_timeout(&mut self, timeout: Duration) -> Option<Option<$item>> {
                    self.wait(after(timeout))
                }

                fn wait(&mut self, end: Option<Instant>) -> Option<Option<$item>> {
                    let commands = self.port().clone();
                    let next = std::future::poll_fn(|cx| self.0.poll_next(cx));
                    commands.block_on(next, end).map(Outward::outward)
                }
            }

            /// Waits for the next one, and ends when the agent has. Inside a connector or a description handler it does not wait.
            impl Iterator for $iterator {
                type Item = $item;

                fn next(&mut self) -> Option<$item> {
                    self.wait(None).flatten()
                }
            }
        )*
    };
}

iterators! {
    IncomingCalls of IncomingCall;
    IncomingMessages of IncomingMessage;
    IncomingTransfers of IncomingTransfer;
    IncomingSubscriptions of IncomingSubscription;
}

impl Subscription {
    /// As [`Iterator::next`], at most for `timeout`; `None` when that is over. `Some(None)` once the subscription has ended.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Option<Notice>> {
        self.wait(after(timeout))
    }

    fn wait(&mut self, end: Option<Instant>) -> Option<Option<Notice>> {
        let commands = self.port().clone();
        let next = std::future::poll_fn(|cx| self.0.poll_next(cx));
        commands.block_on(next, end)
    }
}

/// Waits for the next notification, and ends when the subscription has. Inside a connector or a description handler it does not
/// wait.
impl Iterator for Subscription {
    type Item = Notice;

    fn next(&mut self) -> Option<Notice> {
        self.wait(None).flatten()
    }
}
