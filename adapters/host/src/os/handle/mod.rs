//! The handles of an application, over the commands of any adapter: what [`for_each_handle!`](crate::for_each_handle) lists, as
//! futures. An adapter makes its types from that list, so that its documentation is there.

mod agent;
mod call;
mod own_thread;
mod request;
mod shared;
mod subscription;
mod transfer;

pub use agent::{Agent, IncomingCalls, IncomingMessages, IncomingSubscriptions, IncomingTransfers};
pub use call::{Call, IncomingCall};
pub use own_thread::OwnThread;
pub use request::{IncomingMessage, PendingRequest};
pub use shared::{Port, Shared, Watcher};
pub use subscription::{IncomingSubscription, Publication, Subscription};
pub use transfer::IncomingTransfer;
