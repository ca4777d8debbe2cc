//! Dialogs (RFC 3261 section 12): their state, route sets, CSeq order and target refresh.
//!
//! [`DialogLayer`] is public and usable alone. A dialog is named by Call-ID, local tag and remote tag; all
//! dialogs that share the first two (an INVITE that forked) are one [`DialogSetId`]. The local tag
//! carries the handle of the set, hidden by a keyed pad, and the 64 random bits that the pad follows from.

mod error;
mod failure;
mod layer;
mod state;
mod texts;

pub use error::DialogError;
pub use failure::FailureScope;
pub use layer::{DialogId, DialogLayer, DialogSetId, Established};
pub use state::{Dialog, RemoteTarget};
pub(crate) use state::{Target, first_target, is_sips};
