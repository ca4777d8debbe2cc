//! What both sides of digest authentication share beside its arithmetic: the bounds of a client, and the
//! writing of quoted strings.

use alloc::string::String;

use super::digest::Algorithm;

/// What a client accepts of servers. Each bound keeps a peer from growing our state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigestPolicy {
    /// How many realms are remembered, and how many may challenge one request.
    pub realms: usize,
    /// The longest realm, in bytes.
    pub realm_length: usize,
    /// The longest nonce, in bytes.
    pub nonce_length: usize,
    /// The longest opaque value, in bytes.
    pub opaque_length: usize,
    /// How often in one request's life a realm may say `stale=true` to credentials that answered
    /// its challenge (RFC 3261 section 22.4, RFC 7616 section 3.3).
    pub stale_retries: u8,
    /// Challenges with a weaker hash function than this one's are skipped.
    pub weakest: Algorithm,
    /// Protect the body where the server offers both qualities of protection.
    pub prefer_auth_int: bool,
}

impl Default for DigestPolicy {
    /// 8 realms, 256 bytes for a realm, 1024 for a nonce and for an opaque value, one stale nonce,
    /// any algorithm, `auth` before `auth-int`.
    fn default() -> Self {
        Self {
            realms: 8,
            realm_length: 256,
            nonce_length: 1_024,
            opaque_length: 1_024,
            stale_retries: 1,
            weakest: Algorithm::Md5,
            prefer_auth_int: false,
        }
    }
}

/// Appends `text` as the inside of a quoted string (RFC 3261 section 25.1).
pub(super) fn push_escaped(value: &mut String, text: &str) {
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            value.push('\\');
        }
        value.push(character);
    }
}
