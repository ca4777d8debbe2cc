//! Answers to challenges from code of the application: the parameter `authenticationFactory`.

use alloc::string::String;

use sip_core::AuthorizationFailed;
use sip_parse::{Request, Response};

/// Answers challenges in place of the core: with tokens (RFC 8898), or with digests whose secret the program
/// does not hold.
///
/// The core uses it for configurations with
/// [`Authentication::Application`](sip_core::config::Authentication::Application) only.
pub trait Authenticator: Send {
    /// Returns the whole value of Authorization (after a 401) or Proxy-Authorization (after a 407) for the
    /// retry of `request`. The challenges are in `response`; they may be of any scheme.
    ///
    /// It runs where the user agent runs, so it must not block. An application that has to wait for the answer
    /// leaves `Options::authenticator` out and answers [`Event::Challenged`](sip_core::Event::Challenged).
    ///
    /// # Errors
    /// [`AuthorizationFailed`] if there is no answer. The 401 or 407 is then the final response.
    fn authenticate(
        &mut self,
        request: &Request,
        response: &Response,
    ) -> Result<String, AuthorizationFailed>;
}
