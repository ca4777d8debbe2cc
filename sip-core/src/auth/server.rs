//! The server's side of digest authentication: makes challenges and checks credentials (RFC 3261 section
//! 22, RFC 7616, RFC 8760).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write as _;
use core::str;
use core::time::Duration;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use sip_parse::{Credentials, HeaderName, Request, Uri};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::digest::{self, Algorithm, Protection, Qop};
use super::policy::push_escaped;
use super::secret::Secret;
use crate::rand::{push_base32, read_base32};
use crate::time::Timestamp;

/// How many nonces in use the server remembers against replays by default.
const REPLAY_ENTRIES: usize = 10_000;

/// The longest client nonce that is remembered for a `-sess` algorithm, in bytes.
const CNONCE_LENGTH: usize = 128;

/// The result of the check of a request's credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The request is from this user.
    Ok {
        /// The user name in clear.
        username: String,
    },
    /// There are no digest credentials for our realm: challenge.
    Missing,
    /// The secret is right, but the nonce is too old or not ours: challenge with `stale=true`
    /// (RFC 7616 section 3.3).
    Stale,
    /// The secret is right, but nonce and nonce count were used before (RFC 7616 section 3.4):
    /// challenge with `stale=true`, or refuse.
    Replayed,
    /// The user is unknown or the secret is wrong: challenge, or answer 403.
    Wrong,
    /// The credentials lack a parameter, or are for another Request-URI (RFC 7616 section 3.4.6):
    /// answer 400.
    Malformed,
}

/// How credentials name their user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Username<'a> {
    /// In clear.
    Clear(&'a str),
    /// By [`digest::userhash`] with this algorithm, in hexadecimal digits (RFC 7616 section 3.4.4).
    Hashed(Algorithm, &'a str),
}

impl Username<'_> {
    /// Whether it names this user of a realm; hashes are compared in constant time.
    #[must_use]
    pub fn is(self, name: &str, realm: &str) -> bool {
        match self {
            Self::Clear(clear) => clear == name,
            Self::Hashed(algorithm, digits) => {
                digest::userhash(algorithm, name.as_bytes(), realm.as_bytes())
                    .matches(digits.as_bytes())
            }
        }
    }
}

/// Why a server cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DigestServerError {
    /// There is no algorithm to offer.
    #[error("there is no algorithm to offer")]
    NoAlgorithm,
    /// The realm holds a control character.
    #[error("the realm holds a control character")]
    Realm,
}

/// A nonce's time and salt; ordered by time.
type NonceId = (Timestamp, u64);

/// Which nonce counts were used with a nonce.
#[derive(Debug)]
struct Used {
    highest: u32,
    /// Bit i: `highest - i` was used.
    window: u64,
    /// The client nonce to which a `-sess` key is bound (RFC 7616 section 3.4.2).
    first_cnonce: Option<Vec<u8>>,
}

impl Used {
    /// Notes a count; false if it was used before, or is older than the window and may have been used.
    fn note(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count - self.highest;
            self.window = self.window.checked_shl(step).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let bit = 1_u64.checked_shl(self.highest - count).unwrap_or(0);
        let fresh = bit != 0 && self.window & bit == 0;
        self.window |= bit;
        fresh
    }
}

/// Challenges requests and checks their credentials, for one realm.
///
/// A nonce carries its own time under a keyed hash, so that a challenge costs no memory. The server
/// remembers only nonces that were used with the right secret, up to a bound. Beyond it the server forgets
/// the oldest, and every nonce of that age or older is stale, so that no replay is accepted as new.
///
/// Every call takes the time. If the clock goes back, nonces from the future are stale.
///
/// Clients send user names in clear; [`with_userhash`](Self::with_userhash) requests hashed ones (RFC 7616
/// section 3.4.4).
pub struct DigestServer {
    realm: String,
    algorithms: SmallVec<[Algorithm; 3]>,
    nonce_lifetime: Duration,
    key: Zeroizing<[u8; 32]>,
    offer_auth_int: bool,
    offer_userhash: bool,
    replay_entries: usize,
    used: BTreeMap<NonceId, Used>,
    /// Nonces up to this one are stale unless remembered.
    floor: Option<NonceId>,
}

impl DigestServer {
    /// A server for `realm` that offers `algorithms` in this order, the preferred first (RFC 8760
    /// section 2.4), whose nonces last for `nonce_lifetime`. `key` protects the nonces. Draw a random one
    /// at each start, because the used nonces are in memory only: with the old key, requests from before
    /// the start could be replayed.
    ///
    /// # Errors
    /// [`DigestServerError`] if there is no algorithm or the realm cannot be sent.
    pub fn new(
        realm: impl Into<String>,
        algorithms: &[Algorithm],
        nonce_lifetime: Duration,
        key: [u8; 32],
    ) -> Result<Self, DigestServerError> {
        let realm = realm.into();
        if algorithms.is_empty() {
            return Err(DigestServerError::NoAlgorithm);
        }
        if realm.chars().any(char::is_control) {
            return Err(DigestServerError::Realm);
        }
        Ok(Self {
            realm,
            algorithms: SmallVec::from_slice(algorithms),
            nonce_lifetime,
            key: Zeroizing::new(key),
            offer_auth_int: false,
            offer_userhash: false,
            replay_entries: REPLAY_ENTRIES,
            used: BTreeMap::new(),
            floor: None,
        })
    }

    /// Offers the quality of protection `auth-int` beside `auth`.
    #[must_use]
    pub fn with_auth_int(mut self) -> Self {
        self.offer_auth_int = true;
        self
    }

    /// Requests hashed user names, so that an observer does not see them. Check with
    /// [`verify_user`](Self::verify_user) then; clients without `userhash` still send the name in clear.
    #[must_use]
    pub fn with_userhash(mut self) -> Self {
        self.offer_userhash = true;
        self
    }

    /// Remembers at most so many nonces in use, at least one; 10,000 otherwise.
    #[must_use]
    pub fn with_replay_entries(mut self, entries: usize) -> Self {
        self.replay_entries = entries.max(1);
        self
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// How many nonces in use are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.used.len()
    }

    /// The header fields of a challenge, one per algorithm: WWW-Authenticate for a 401, or
    /// Proxy-Authenticate for a 407 if `proxy`. With `stale` the client tries again with the new nonce,
    /// without a prompt to its user.
    pub fn challenge(
        &self,
        proxy: bool,
        stale: bool,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Vec<(HeaderName<'static>, String)> {
        let nonce = self.mint((now, rng.next_u64()));
        let mut realm = String::with_capacity(self.realm.len());
        push_escaped(&mut realm, &self.realm);
        let name = if proxy {
            HeaderName::ProxyAuthenticate
        } else {
            HeaderName::WwwAuthenticate
        };
        let qop = if self.offer_auth_int {
            "auth,auth-int"
        } else {
            "auth"
        };
        let stale = if stale { ", stale=true" } else { "" };
        let userhash = if self.offer_userhash {
            ", userhash=true"
        } else {
            ""
        };
        let value = |algorithm: &Algorithm| {
            let mut value = String::with_capacity(160);
            let written = write!(
                value,
                "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}, qop=\"{qop}\"{stale}{userhash}"
            );
            debug_assert!(written.is_ok(), "a String takes all text");
            (name, value)
        };
        self.algorithms.iter().map(value).collect()
    }

    /// Checks a request's credentials for our realm: those in Proxy-Authorization if `proxy`, else
    /// those in Authorization.
    ///
    /// `lookup` takes a user name and the realm and returns that user's secret. Do not call it for ACK and
    /// CANCEL, which must not be challenged (RFC 3261 section 22.1).
    pub fn verify(
        &mut self,
        request: &Request,
        proxy: bool,
        lookup: impl FnOnce(&str, &str) -> Option<Secret>,
        now: Timestamp,
    ) -> Verdict {
        let by_name = |user: Username<'_>, realm: &str| match user {
            Username::Clear(name) => Some((String::from(name), lookup(name, realm)?)),
            Username::Hashed(..) => None,
        };
        self.verify_user(request, proxy, by_name, now)
    }

    /// As [`verify`](Self::verify), for names in clear and hashed ones: `lookup` takes how the credentials
    /// name the user, and the realm, and returns the name in clear, of which A1 is made (RFC 7616 section
    /// 3.4.4), with the secret. Keep an index by [`digest::userhash`], or try each name with
    /// [`Username::is`].
    pub fn verify_user(
        &mut self,
        request: &Request,
        proxy: bool,
        lookup: impl FnOnce(Username<'_>, &str) -> Option<(String, Secret)>,
        now: Timestamp,
    ) -> Verdict {
        let mut unreadable = false;
        for row in request.credentials() {
            match row {
                Ok(row) if row.proxy == proxy && row.is_digest() => {
                    if row
                        .realm()
                        .is_some_and(|realm| *realm == *self.realm.as_bytes())
                    {
                        return self
                            .check(&row, request, lookup, now)
                            .unwrap_or(Verdict::Malformed);
                    }
                }
                Ok(_) => {}
                Err(_) => unreadable = true,
            }
        }
        if unreadable {
            Verdict::Malformed
        } else {
            Verdict::Missing
        }
    }

    /// `None` if a parameter is missing or malformed.
    fn check(
        &mut self,
        row: &Credentials<'_>,
        request: &Request,
        lookup: impl FnOnce(Username<'_>, &str) -> Option<(String, Secret)>,
        now: Timestamp,
    ) -> Option<Verdict> {
        let (name, nonce, uri, response) =
            (row.username()?, row.nonce()?, row.uri()?, row.response()?);
        let name = str::from_utf8(&name).ok()?;
        let algorithm = match row.algorithm() {
            None => Algorithm::Md5,
            Some(name) => Algorithm::parse(&name)?,
        };
        let (nc, cnonce) = (row.value(b"nc"), row.cnonce());
        let protection = match row.qop().next() {
            None => None,
            Some(qop) => {
                row.nonce_count()?;
                Some(Protection {
                    nc: nc.as_deref()?,
                    cnonce: cnonce.as_deref()?,
                    qop: Qop::parse(qop)?,
                })
            }
        };
        if !same_uri(&uri, request) {
            return None;
        }
        if algorithm.is_session() && protection.is_none() {
            return None;
        }
        // Only offered algorithms, so that an attacker cannot choose a weaker one.
        let hashed = row
            .userhash()
            .is_some_and(|flag| flag.eq_ignore_ascii_case(b"true"));
        if !self.algorithms.contains(&algorithm) || hashed && !self.offer_userhash {
            return Some(Verdict::Wrong);
        }

        let id = self.read(&nonce);
        let user = if hashed {
            Username::Hashed(algorithm, name)
        } else {
            Username::Clear(name)
        };
        let found = lookup(user, &self.realm).and_then(|(username, secret)| {
            let ha1 = secret.ha1_for(algorithm, &username, &self.realm)?;
            Some((username, ha1))
        });
        let known = found.is_some();
        // The check takes the same time for a user who is unknown or has no hash of this kind, so that an
        // attacker cannot probe for users.
        let (username, ha1) = found.unwrap_or_else(|| {
            let (name_bytes, realm) = (name.as_bytes(), self.realm.as_bytes());
            let ha1 = digest::ha1(algorithm, name_bytes, realm, b"");
            (String::from(name), ha1)
        });
        let body = protection.is_some_and(|protection| protection.qop == Qop::AuthInt);
        let body = body.then(|| request.body());
        let a2 = digest::ha2(algorithm, request.method().as_bytes(), &uri, body);
        let right = |cnonce: &[u8]| {
            let session;
            let key = if algorithm.is_session() {
                session = digest::session_ha1(algorithm, &ha1, &nonce, cnonce);
                &session
            } else {
                &ha1
            };
            digest::response(algorithm, key, &nonce, protection, &a2).matches(&response)
        };
        let cnonce = cnonce.as_deref().unwrap_or_default();
        let first = id.and_then(|id| self.used.get(&id)?.first_cnonce.as_deref());
        if !(right(first.unwrap_or(cnonce)) || first.is_some() && right(cnonce)) || !known {
            return Some(Verdict::Wrong);
        }

        let Some(id) = id else {
            return Some(Verdict::Stale);
        };
        let expired = id.0 > now || now.saturating_since(id.0) > self.nonce_lifetime;
        let forgotten = self.floor.is_some_and(|floor| id <= floor) && !self.used.contains_key(&id);
        if expired || forgotten {
            return Some(Verdict::Stale);
        }
        // Without qop there is no count, so that such a nonce serves one request.
        let count = if protection.is_some() {
            row.nonce_count()?
        } else {
            u32::MAX
        };
        let bound =
            (algorithm.is_session() && cnonce.len() <= CNONCE_LENGTH).then(|| cnonce.into());
        if !self.note(id, count, bound, now) {
            return Some(Verdict::Replayed);
        }
        Some(Verdict::Ok { username })
    }

    /// Remembers the use of a nonce; false if it is a replay.
    fn note(&mut self, id: NonceId, count: u32, cnonce: Option<Vec<u8>>, now: Timestamp) -> bool {
        // The first one is 1 (RFC 7616 section 3.4).
        if count == 0 {
            return false;
        }
        if let Some(used) = self.used.get_mut(&id) {
            return used.note(count);
        }
        while let Some((&oldest, _)) = self.used.first_key_value() {
            let expired = now.saturating_since(oldest.0) > self.nonce_lifetime;
            if !expired && self.used.len() < self.replay_entries {
                break;
            }
            self.used.remove(&oldest);
            self.floor = self.floor.max(Some(oldest));
        }
        let mut used = Used::new(cnonce);
        used.note(count);
        self.used.insert(id, used);
        true
    }

    fn mint(&self, (time, salt): NonceId) -> String {
        let mut nonce = String::with_capacity(52);
        let (left, right) = self.seal((time, salt));
        for part in [time.as_micros(), salt, left, right] {
            push_base32(part, &mut nonce);
        }
        nonce
    }

    /// `None` unless this server made the nonce.
    fn read(&self, nonce: &[u8]) -> Option<NonceId> {
        if nonce.len() != 52 {
            return None;
        }
        let mut parts = nonce.chunks_exact(13).map(read_base32);
        let id = (Timestamp::from_micros(parts.next()??), parts.next()??);
        let mut sealed = String::with_capacity(26);
        let (left, right) = self.seal(id);
        push_base32(left, &mut sealed);
        push_base32(right, &mut sealed);
        bool::from(sealed.as_bytes().ct_eq(nonce.get(26..)?)).then_some(id)
    }

    /// 128 bits that only the key can make, for this time, salt and realm.
    fn seal(&self, (time, salt): NonceId) -> (u64, u64) {
        let (time, salt) = (time.as_micros().to_le_bytes(), salt.to_le_bytes());
        let code = hmac_sha256(&self.key, &[&time, &salt, self.realm.as_bytes()]);
        let half = |part: &[u8]| {
            part.iter()
                .fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
        };
        (half(&code[..8]), half(&code[8..16]))
    }
}

impl Used {
    fn new(first_cnonce: Option<Vec<u8>>) -> Self {
        Self {
            highest: 0,
            window: 0,
            first_cnonce,
        }
    }
}

impl fmt::Debug for DigestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestServer")
            .field("realm", &self.realm)
            .field("algorithms", &self.algorithms)
            .field("nonce_lifetime", &self.nonce_lifetime)
            .field("remembered", &self.used.len())
            .finish_non_exhaustive()
    }
}

/// RFC 7616 section 3.4: the URIs are compared by meaning, since a proxy may respell one.
fn same_uri(presented: &[u8], request: &Request) -> bool {
    if presented == request.uri_bytes() {
        return true;
    }
    match (Uri::parse(presented), request.uri()) {
        (Ok(presented), Ok(uri)) => presented.equivalent(&uri),
        _ => false,
    }
}

/// HMAC-SHA-256 (RFC 2104) with a key shorter than a block.
fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let keyed = |pad: u8| {
        let mut block = [pad; 64];
        for (slot, byte) in block.iter_mut().zip(key) {
            *slot ^= byte;
        }
        let mut hasher = Sha256::new();
        hasher.update(block);
        block.zeroize();
        hasher
    };
    let mut inner = keyed(0x36);
    for part in parts {
        inner.update(part);
    }
    let mut outer = keyed(0x5c);
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests;
