//! What proves the account's identity: wiped when dropped, never printed.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

use super::error::REDACTED;

/// A password, or what is made of it for one realm.
///
/// `Debug` prints `[redacted]`; the text is overwritten when the last copy is dropped.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Secret {
    /// The password in clear: answers every realm and every algorithm.
    Password(Zeroizing<String>),
    /// H(username ":" realm ":" password), RFC 7616 section 3.4.2: answers one realm only, and
    /// only with the algorithm it was made with.
    Ha1 {
        /// The realm that the hash was made for, as the server's challenge spells it.
        realm: String,
        /// Lower-case hexadecimal digits: 32 are MD5, 64 are SHA-256.
        hash: Zeroizing<String>,
    },
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}
