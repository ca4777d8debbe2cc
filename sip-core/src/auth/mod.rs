//! Digest access authentication (RFC 3261 section 22, RFC 7616, RFC 8760).
//!
//! [`DigestClient`] answers the challenges of servers and proxies, [`DigestServer`] makes and checks
//! them, [`digest`] is the arithmetic of both.

mod challenge;
mod client;
pub mod digest;
mod secret;
mod server;

pub use challenge::{AuthenticationInfoError, ChallengeError, ChallengeSummary, OfferedChallenge};
pub use client::{Attempts, Authorizations, DigestClient, DigestPolicy, Scope};
pub use digest::{Algorithm, Qop};
pub use secret::{Credentials, Secret, SecretError, UsernameError};
pub use server::{DigestServer, DigestServerError, Verdict};
