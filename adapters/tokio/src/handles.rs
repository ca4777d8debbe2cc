//! The handles of an application, as futures and streams.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use sip_host::handles::Notice;
use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
use sip_host::os::handle;

use crate::commands::Commands;
#[allow(unused_imports, reason = "the documentation of the list names it")]
use crate::events::Events;

sip_host::outward!();

/// Makes one method of a handle from its line of the list.
macro_rules! method {
    ($(#[$doc:meta])* wait($drop:literal) $name:ident / $timeout:ident
        ($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        ///
        /// # Cancel safety
        #[doc = $drop]
        pub async fn $name(&self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).await.outward()
        }
    };
    ($(#[$doc:meta])* take_wait($drop:literal) $name:ident / $timeout:ident
        ($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        ///
        /// # Cancel safety
        #[doc = $drop]
        pub async fn $name(self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).await.outward()
        }
    };
    ($(#[$doc:meta])* soon $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        ///
        /// # Cancel safety
        /// The future is ready at its first poll. One that is dropped before has done nothing.
        pub async fn $name(&self, $($argument: $type),*) -> $result {
            self.0.$name($($argument.into()),*).outward()
        }
    };
    ($(#[$doc:meta])* take_soon $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        ///
        /// # Cancel safety
        /// The future is ready at its first poll. Dropping it before drops the handle.
        pub async fn $name(self, $($argument: $type),*) -> $result {
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
            pub struct $handle(pub(crate) handle::$handle<Commands>);

            impl $handle {
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

/// Makes streams of the handles that hand out others.
macro_rules! streams {
    ($($stream:ident of $item:ident;)*) => {
        $(
            impl $stream {
                /// The next one; `None` once the agent has ended. Cancel safe: a dropped future loses none.
                pub async fn next(&mut self) -> Option<$item> {
                    poll_fn(|cx| self.0.poll_next(cx)).await.outward()
                }
            }

            impl Stream for $stream {
                type Item = $item;

                fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<$item>> {
                    self.0.poll_next(cx).map(Outward::outward)
                }
            }

            /// The first one; `None` if the agent has ended. Cancel safe: a dropped future loses none.
            impl IntoFuture for $stream {
                type Output = Option<$item>;
                type IntoFuture = Pin<Box<dyn Future<Output = Option<$item>> + Send>>;

                fn into_future(mut self) -> Self::IntoFuture {
                    Box::pin(async move { self.next().await })
                }
            }
        )*
    };
}

streams! {
    IncomingCalls of IncomingCall;
    IncomingMessages of IncomingMessage;
    IncomingTransfers of IncomingTransfer;
    IncomingSubscriptions of IncomingSubscription;
}

impl Subscription {
    /// The next notification; `None` once the subscription has ended. Cancel safe: a dropped future loses none.
    pub async fn next(&mut self) -> Option<Notice> {
        poll_fn(|cx| self.0.poll_next(cx)).await
    }
}

impl Stream for Subscription {
    type Item = Notice;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.0.poll_next(cx)
    }
}
