//! SIP, SIPS and other URIs (RFC 3261 section 19.1).

mod build;
mod compare;
mod escape;
mod headers;
mod host;
mod view;

pub use build::UriBuf;
pub use host::Host;
pub(crate) use host::{HostKind, host, port};
pub(crate) use view::Form;
pub use view::{Scheme, Uri};
