//! Digest access authentication (RFC 3261 section 22, RFC 7616, RFC 8760).

pub mod digest;
mod secret;

pub use digest::{Algorithm, Qop};
pub use secret::{Credentials, Secret, SecretError, UsernameError};
