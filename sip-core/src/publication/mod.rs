//! Publications of event state (RFC 3903).

mod layer;
mod options;

pub use self::layer::PublicationLayer;
pub use self::options::PublishOptions;
