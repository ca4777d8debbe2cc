//! What both sides of digest authentication share beside its arithmetic: the bounds of a client, and the
//! writing of quoted strings.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::digest::Algorithm;

/// What a client accepts of servers and peers. Each bound keeps a peer from growing our state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DigestPolicy {
    /// How many protection spaces are remembered. Beyond it the oldest goes, one that ends with a call first.
    pub spaces: usize,
    /// How many bytes of challenges all remembered spaces hold.
    pub space_bytes: usize,
    /// How many realms may challenge one request.
    pub realms: usize,
    /// How many bytes the credentials of one request may have, header names not counted.
    pub request_bytes: usize,
    /// The longest realm, in bytes.
    pub realm_length: usize,
    /// The longest nonce, in bytes.
    pub nonce_length: usize,
    /// The longest opaque value, in bytes.
    pub opaque_length: usize,
    /// How long a space of the registrar or its proxies is remembered after it asked.
    pub lifetime: Duration,
    /// How long a space of one Call-ID is remembered after it asked: a call can be long, and its last request is
    /// a BYE.
    pub call_lifetime: Duration,
    /// How often in one request's life a realm may say `stale=true` to credentials that answered
    /// its challenge (RFC 3261 section 22.4, RFC 7616 section 3.3).
    pub stale_retries: u8,
    /// Challenges with a weaker hash function than this one's are skipped.
    pub weakest: Algorithm,
    /// Protect the body where the server offers both qualities of protection.
    pub prefer_auth_int: bool,
    /// The own realms, such as the domain of the account; hosts in such a domain are own realms too.
    pub own_realms: Vec<Box<str>>,
    /// The realms of peers that are answered, compared exactly.
    pub peer_realms: Vec<Box<str>>,
    /// The weakest hash function that a peer may ask for; a peer must offer qop besides.
    pub weakest_of_peers: Algorithm,
}

impl Default for DigestPolicy {
    /// 16 spaces of 16,384 bytes together, 8 realms and 4,096 bytes of credentials in a request, 256 bytes for a
    /// realm, 1024 for a nonce and for an opaque value, an hour, a day for a call, one stale nonce, any algorithm,
    /// `auth` before `auth-int`, no own realms, no realms of peers, SHA-256 for peers.
    fn default() -> Self {
        Self {
            spaces: 16,
            space_bytes: 16_384,
            realms: 8,
            request_bytes: 4_096,
            realm_length: 256,
            nonce_length: 1_024,
            opaque_length: 1_024,
            lifetime: Duration::from_secs(3_600),
            call_lifetime: Duration::from_secs(86_400),
            stale_retries: 1,
            weakest: Algorithm::Md5,
            prefer_auth_int: false,
            own_realms: Vec::new(),
            peer_realms: Vec::new(),
            weakest_of_peers: Algorithm::Sha256,
        }
    }
}

impl DigestPolicy {
    /// Whether a realm is one of the own realms, or a host in one.
    pub(super) fn is_own_realm(&self, realm: &str) -> bool {
        self.own_realms.iter().any(|own| {
            let host = realm.strip_suffix(&**own);
            host.is_some_and(|host| host.is_empty() || host.ends_with('.'))
        })
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
