//! Digest access authentication (RFC 3261 section 22, RFC 7616, RFC 8760).
//!
//! [`DigestClient`] answers the challenges of servers and proxies, [`DigestServer`] makes and checks
//! them, [`digest`] is the arithmetic of both.
//!
//! ```
//! use rand_core::CryptoRng;
//! use sip_core::Timestamp;
//! use sip_core::auth::{Attempts, ChallengeError, Credentials, DigestClient, RequestContext};
//! use sip_parse::{Builder, HeaderName, Request, Response};
//!
//! /// Makes the retry of `request` to a user of the own domain, which got `response`; `attempts` lives as long as
//! /// the request.
//! fn retry<'a>(
//!     client: &mut DigestClient,
//!     credentials: &Credentials,
//!     attempts: &mut Attempts,
//!     request: &'a Request,
//!     response: &Response,
//!     now: Timestamp,
//!     rng: &mut dyn CryptoRng,
//! ) -> Result<Builder<'a>, ChallengeError> {
//!     let context = RequestContext {
//!         method: request.method(),
//!         uri: request.uri_bytes(),
//!         body: request.body(),
//!         call_id: request.call_id().unwrap_or_default(),
//!         server: "wss://edge.example.com",
//!         own_domain: true,
//!         within_dialog: false,
//!         anonymous: false,
//!     };
//!     client.challenged(response, &context, credentials, attempts, now, rng)?;
//!     let fields = client.authorize(&context, credentials, attempts, now);
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
mod space;
mod trust;

pub use application::AuthorizationFailed;
pub use challenge::{AuthenticationInfoError, ChallengeError, ChallengeSummary, OfferedChallenge};
pub use client::{Attempts, Authorizations, DigestClient};
pub use digest::{Algorithm, Qop};
pub use policy::DigestPolicy;
pub use secret::{Credentials, Secret, SecretError, UsernameError};
pub use server::{DigestServer, DigestServerError, Username, Verdict};
pub use space::RequestContext;
