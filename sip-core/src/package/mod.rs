//! Bodies of event packages (RFC 6665 section 5): typed helpers for applications. The core itself reads none of these bodies.
//!
//! [`MessageSummary`] (RFC 3842) and [`ReferStatus`] (RFC 3515) are plain text and always here. With the feature `xml` there are also
//! `presence` (PIDF, RFC 3863), `dialog_info` (RFC 4235) and `reginfo` (RFC 3680). Each type has `CONTENT_TYPE`, `from_body` and
//! `to_body`, and displays as one line for people. Reading is lenient where peers are, and bounded; it refuses a body by a
//! [`PackageError`], which names the fault and its place. What is written reads back as the same.
//!
//! ```
//! use sip_core::Body;
//! use sip_core::package::{ContextClass, MessageSummary, Package};
//!
//! let text = "Messages-Waiting: yes\r\nVoice-Message: 2/5 (0/1)\r\n";
//! let summary = MessageSummary::from_body(&Body::new(MessageSummary::CONTENT_TYPE, text))?;
//! assert_eq!(summary.counts(ContextClass::Voice).map(|counts| counts.new), Some(2));
//! assert_eq!(summary.to_string(), "2 new, 5 old voice messages");
//! assert_eq!(&summary.to_body().bytes[..], text.as_bytes());
//! assert_eq!(Package::named("message-summary"), Some(Package::MESSAGE_SUMMARY));
//! # Ok::<(), sip_core::package::PackageError>(())
//! ```

#[cfg(feature = "xml")]
mod decimal;
#[cfg(feature = "xml")]
pub mod dialog_info;
mod error;
mod message_summary;
mod names;
#[cfg(feature = "xml")]
mod partial;
#[cfg(feature = "xml")]
pub mod presence;
mod refer;
#[cfg(feature = "xml")]
pub mod reginfo;
#[cfg(feature = "xml")]
mod xml;

#[cfg(feature = "xml")]
pub use dialog_info::DialogInfo;
pub use error::{PackageError, Position};
pub use message_summary::{ContextClass, MessageCounts, MessageDetail, MessageSummary};
pub use names::Package;
#[cfg(feature = "xml")]
pub use partial::{DocumentState, UpdateError, UpdateOutcome};
#[cfg(feature = "xml")]
pub use presence::Presence;
pub use refer::ReferStatus;
#[cfg(feature = "xml")]
pub use reginfo::RegInfo;

/// The longest body that these helpers read, in bytes.
pub const MOST_BYTES: usize = 256 * 1_024;
