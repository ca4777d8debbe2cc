//! Challenges that the application answers in place of the core.

use core::fmt;

/// The application has no credentials for a challenge, or does not want to give them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthorizationFailed;

impl fmt::Display for AuthorizationFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials for the challenge")
    }
}

impl core::error::Error for AuthorizationFailed {}
