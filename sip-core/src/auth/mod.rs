//! Digest access authentication (RFC 3261 section 22, RFC 7616, RFC 8760).
//!
//! [`DigestClient`] answers the challenges of servers and proxies, [`DigestServer`] makes and checks
//! them, [`digest`] is the arithmetic of both.
//!
//! ```
//! use rand_core::CryptoRng;
//! use sip_core::auth::{Attempts, ChallengeError, Credentials, DigestClient, Scope};
//! use sip_parse::{Builder, HeaderName, Request, Response};
//!
//! /// Makes the retry of `request`, which got `response`; `attempts` lives as long as the request.
//! fn retry<'a>(
//!     client: &mut DigestClient,
//!     credentials: &Credentials,
//!     attempts: &mut Attempts,
//!     request: &'a Request,
//!     response: &Response,
//!     rng: &mut dyn CryptoRng,
//! ) -> Result<Builder<'a>, ChallengeError> {
//!     client.challenged(response, credentials, attempts, rng)?;
//!     let fields = client.authorize(
//!         request.method(),
//!         request.uri_bytes(),
//!         request.body(),
//!         credentials,
//!         Scope::Challenged(attempts),
//!     );
//!     let mut again = Builder::from_message(request);
//!     again.remove(HeaderName::Authorization).remove(HeaderName::ProxyAuthorization);
//!     for (name, value) in fields {
//!         again.append(name, value);
//!     }
//!     Ok(again)
//! }
//! ```

mod application;
mod challenge;
mod client;
pub mod digest;
mod policy;
mod secret;
mod server;

pub use application::AuthorizationFailed;
pub use challenge::{AuthenticationInfoError, ChallengeError, ChallengeSummary, OfferedChallenge};
pub use client::{Attempts, Authorizations, DigestClient, Scope};
pub use digest::{Algorithm, Qop};
pub use policy::DigestPolicy;
pub use secret::{Credentials, Secret, SecretError, UsernameError};
pub use server::{DigestServer, DigestServerError, Username, Verdict};
