//! Publications of event state (RFC 3903).
//!
//! `machine.rs` is the machine of one publication, with its table; `entry.rs` has its data and reads the responses to it;
//! `publishing.rs` carries out what the machine decides; `layer.rs` has the commands, and everything that the endpoint passes on.

#[cfg(test)]
#[path = "../../exploration/publication/broken.rs"]
pub(crate) mod broken;
mod entry;
mod layer;
mod machine;
mod options;
mod publishing;
#[cfg(test)]
#[path = "../../exploration/publication/snapshot.rs"]
mod snapshot;
#[cfg(test)]
mod tables;

pub use self::layer::PublicationLayer;
pub use self::options::PublishOptions;
