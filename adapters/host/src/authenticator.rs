//! Challenges answered by the application's own code: the parameter `authenticationFactory`.

use alloc::string::String;

use sip_core::AuthorizationFailed;
use sip_parse::{Request, Response};

/// Answers challenges in the place of the core: tokens (RFC 8898), or digests whose secret is elsewhere.
///
/// For configurations with [`Authentication::Application`](sip_core::config::Authentication::Application);
/// with others it is never asked.
pub trait Authenticator: Send {
    /// The whole value of Authorization (after a 401) or Proxy-Authorization (after a 407) with which
    /// `request` is to be sent again: `response` has the challenges, of any scheme.
    ///
    /// Called where the user agent runs, so it must not wait. Whoever has to ask somebody else leaves
    /// `Options::authenticator` out and answers
    /// [`Event::Challenged`](sip_core::Event::Challenged).
    ///
    /// # Errors
    /// [`AuthorizationFailed`] if there is no answer: the 401 or 407 is final then.
    fn authenticate(
        &mut self,
        request: &Request,
        response: &Response,
    ) -> Result<String, AuthorizationFailed>;
}
