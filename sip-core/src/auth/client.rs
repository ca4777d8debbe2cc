//! The client's side of digest authentication: learns challenges, counts nonces and bounds the retries (RFC
//! 3261 section 22, RFC 7616, RFC 8760).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::str;

use rand_core::CryptoRng;
use sip_parse::{HeaderName, Method, Request, Response};
use smallvec::SmallVec;

use super::challenge::{AuthenticationInfoError, ChallengeError, ChallengeSummary, Offer, Text};
use super::digest::{self, HexDigest, Protection, Qop};
use super::policy::{DigestPolicy, push_escaped};
use super::secret::Credentials;

/// How often the application may answer the challenges of one request: enough for a server and a few
/// proxies or a stale nonce, but bounded, because a server could challenge forever.
const APPLICATION_ANSWERS: u8 = 4;

/// The realms that challenged one request, and how often the client answered them.
///
/// Keep one from the first sending of a request to its last retry, and start the next request of
/// the same Call-ID from [`for_next_request`](Self::for_next_request).
#[derive(Clone, Default, Debug)]
pub struct Attempts {
    entries: SmallVec<[Attempt; 2]>,
    /// How often the application answered a challenge of this request.
    by_application: u8,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    realm: u32,
    /// The nonce of the credentials that were sent last.
    sent: Option<u32>,
    /// The client answered a challenge of this request; before that, credentials are only sent in advance.
    answered: bool,
    stale: u8,
    rejected: bool,
}

impl Attempt {
    const fn new(realm: u32, answered: bool) -> Self {
        Self {
            realm,
            sent: None,
            answered,
            stale: 0,
            rejected: false,
        }
    }
}

impl Attempts {
    /// No credentials sent, and no realm known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The attempts of the next request with the same Call-ID. It carries credentials for the realms that
    /// accepted some, because they will challenge again (RFC 3261 section 22.3); the counts start at zero.
    #[must_use]
    pub fn for_next_request(&self) -> Self {
        let accepted = self.entries.iter().filter(|attempt| !attempt.rejected);
        Self {
            entries: accepted
                .map(|attempt| Attempt::new(attempt.realm, false))
                .collect(),
            by_application: 0,
        }
    }

    /// Counts an answer of the application; false once the limit is reached.
    pub(crate) fn application_answers(&mut self) -> bool {
        let goes_on = self.by_application < APPLICATION_ANSWERS;
        self.by_application = self.by_application.saturating_add(1);
        goes_on
    }

    /// Whether no realm challenged the request and no credentials were sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn find(&mut self, realm: u32) -> Option<&mut Attempt> {
        self.entries
            .iter_mut()
            .find(|attempt| attempt.realm == realm)
    }

    fn knows(&self, realm: u32) -> bool {
        self.entries.iter().any(|attempt| attempt.realm == realm)
    }
}

/// The realms for which a request carries credentials.
#[derive(Debug)]
pub enum Scope<'a> {
    /// Those that challenged this request, or accepted credentials of the request before.
    Challenged(&'a mut Attempts),
    /// Also all realms with a fresh nonce, to save the round trip.
    ///
    /// Only for requests to the server that the credentials belong to, such as the registrar or the
    /// configured outbound proxy: RFC 3261 section 22.3 forbids to keep a proxy's challenge across
    /// dialogs otherwise.
    Cached(&'a mut Attempts),
}

/// Header fields that carry credentials: Authorization for servers, Proxy-Authorization for proxies.
pub type Authorizations = SmallVec<[(HeaderName<'static>, String); 2]>;

/// The last challenge of a realm, and the use of its nonce since.
#[derive(Clone, Debug)]
struct Realm {
    /// Never used for another realm of this client.
    serial: u32,
    /// Never used for another nonce of this realm.
    nonce_serial: u32,
    offer: Offer,
    cnonce: String,
    /// The nonce of the challenge: `-sess` stays bound to it when `nextnonce` brings others.
    first_nonce: String,
    /// Requests sent with the nonce.
    count: u32,
    /// The realm has not refused the nonce, and its count is not exhausted.
    fresh: bool,
}

/// Answers digest challenges for one user agent.
#[derive(Clone, Default, Debug)]
pub struct DigestClient {
    policy: DigestPolicy,
    /// The oldest challenge first.
    realms: Vec<Realm>,
    last_serial: u32,
}

impl DigestClient {
    /// A client that knows no realm yet.
    #[must_use]
    pub const fn new(policy: DigestPolicy) -> Self {
        Self {
            policy,
            realms: Vec::new(),
            last_serial: 0,
        }
    }

    /// Forgets every nonce, for example because the password has changed.
    pub fn forget(&mut self) {
        self.realms.clear();
    }

    /// How many realms are remembered.
    #[must_use]
    pub fn realms(&self) -> usize {
        self.realms.len()
    }

    /// Learns the challenges of a 401 or 407, those for servers and for proxies alike, since a
    /// forking proxy mixes them (RFC 3261 section 22.3). Of each realm the strongest one that can be
    /// answered counts; among equals the first, as the server prefers it (RFC 8760 section 2.4).
    ///
    /// After `Ok` at least one more realm can be answered: send the request again, with a new CSeq
    /// number and branch, carrying what [`authorize`](Self::authorize) makes with
    /// [`Scope::Challenged`].
    ///
    /// # Errors
    /// [`ChallengeError`] if another attempt is pointless: the realm refused credentials that answered its
    /// own challenge (RFC 3261 section 22.1), or the client can answer none of the challenges. Report the
    /// response.
    pub fn challenged(
        &mut self,
        response: &Response,
        credentials: &Credentials,
        attempts: &mut Attempts,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ChallengeError> {
        if !matches!(response.status().as_u16(), 401 | 407) {
            return Err(ChallengeError::Missing);
        }
        let offers = self.offers(response, credentials);
        let mut refused = None;
        let mut too_many = false;
        let mut progress = false;
        for offer in offers {
            let known = self.place_of(offer.proxy, &offer.realm.value);
            let serial = known.map(|place| self.realms[place].serial);
            let attempt = serial.and_then(|serial| attempts.find(serial));
            if let (Some(place), Some(attempt)) = (known, attempt) {
                let realm = &mut self.realms[place];
                // Another request may have brought the nonce in the meantime.
                let same_nonce = attempt.sent == Some(realm.nonce_serial)
                    && realm.offer.nonce.value == offer.nonce.value;
                let in_advance = !attempt.answered && (offer.stale || !same_nonce);
                let stale_again = offer.stale && attempt.stale < self.policy.stale_retries;
                if attempt.rejected || !(in_advance || stale_again) {
                    attempt.rejected = true;
                    realm.fresh = false;
                    refused = refused.or(Some(offer.realm.value));
                    continue;
                }
                if !in_advance {
                    attempt.stale += 1;
                }
                attempt.answered = true;
            } else if attempts.entries.len() >= self.policy.realms {
                too_many = true;
                continue;
            }
            let serial = self.learn(offer, known, attempts, rng);
            if !attempts.knows(serial) {
                attempts.entries.push(Attempt::new(serial, true));
            }
            progress = true;
        }
        match refused {
            _ if progress => Ok(()),
            Some(realm) => Err(ChallengeError::Rejected { realm }),
            None if too_many => Err(ChallengeError::TooManyRealms),
            None => {
                let summary = ChallengeSummary::of(response);
                if summary.is_empty() {
                    Err(ChallengeError::Missing)
                } else {
                    Err(ChallengeError::Unsupported(summary))
                }
            }
        }
    }

    /// The best answerable challenge of each realm, in the order of the response.
    fn offers(&self, response: &Response, credentials: &Credentials) -> SmallVec<[Offer; 2]> {
        let mut offers: SmallVec<[Offer; 2]> = SmallVec::new();
        for challenge in response.challenges().flatten() {
            let Some(offer) = Offer::read(&challenge, &self.policy) else {
                continue;
            };
            if !credentials
                .secret()
                .covers(offer.algorithm(), &offer.realm.value)
            {
                continue;
            }
            let room = offers.len() < self.policy.realms;
            let same = offers
                .iter_mut()
                .find(|other| other.proxy == offer.proxy && other.realm.value == offer.realm.value);
            match same {
                Some(other) => {
                    let stale = other.stale || offer.stale;
                    if offer.rank() > other.rank() {
                        *other = offer;
                    }
                    other.stale = stale;
                }
                None if room => offers.push(offer),
                None => {}
            }
        }
        offers
    }

    fn place_of(&self, proxy: bool, realm: &str) -> Option<usize> {
        self.realms
            .iter()
            .position(|known| known.offer.proxy == proxy && known.offer.realm.value == realm)
    }

    /// Remembers a challenge as the youngest; returns the serial of its realm.
    fn learn(
        &mut self,
        offer: Offer,
        known: Option<usize>,
        attempts: &Attempts,
        rng: &mut dyn CryptoRng,
    ) -> u32 {
        let before = known.map(|place| self.realms.remove(place));
        if let Some(mut realm) = before {
            if realm.offer.nonce.value == offer.nonce.value
                && realm.offer.algorithm == offer.algorithm
            {
                // The nonce count goes on for as long as the nonce is the same.
                realm.offer = offer;
                realm.fresh = realm.count < u32::MAX;
            } else {
                let nonce_serial = realm.nonce_serial.wrapping_add(1);
                realm = Realm {
                    nonce_serial,
                    ..Realm::new(realm.serial, offer, rng)
                };
            }
            let serial = realm.serial;
            self.realms.push(realm);
            return serial;
        }
        if self.realms.len() >= self.policy.realms {
            let unused = self
                .realms
                .iter()
                .position(|realm| !attempts.knows(realm.serial));
            self.realms.remove(unused.unwrap_or(0));
        }
        self.last_serial = self.last_serial.wrapping_add(1);
        self.realms.push(Realm::new(self.last_serial, offer, rng));
        self.last_serial
    }

    /// Makes the header fields for one sending of a request, and counts it.
    ///
    /// Takes the request's method, the Request-URI exactly as it is sent (RFC 7616 section 3.4, also
    /// when a strict router swapped it), and the body's bytes, which count with `auth-int`. A realm
    /// that `credentials` do not cover gets none.
    pub fn authorize(
        &mut self,
        method: Method<'_>,
        uri: &[u8],
        body: &[u8],
        credentials: &Credentials,
        scope: Scope<'_>,
    ) -> Authorizations {
        let attempts = match scope {
            Scope::Challenged(attempts) => attempts,
            Scope::Cached(attempts) => {
                for realm in self.realms.iter().filter(|realm| realm.fresh) {
                    if !attempts.knows(realm.serial) && attempts.entries.len() < self.policy.realms
                    {
                        attempts.entries.push(Attempt::new(realm.serial, false));
                    }
                }
                attempts
            }
        };
        let uri = String::from_utf8_lossy(uri);
        let mut fields = Authorizations::new();
        for attempt in attempts
            .entries
            .iter_mut()
            .filter(|attempt| !attempt.rejected)
        {
            let realm = self
                .realms
                .iter_mut()
                .find(|realm| realm.serial == attempt.realm && realm.fresh);
            let Some(realm) = realm else { continue };
            if let Some(value) = realm.authorize(method.as_bytes(), &uri, body, credentials) {
                let name = if realm.offer.proxy {
                    HeaderName::ProxyAuthorization
                } else {
                    HeaderName::Authorization
                };
                attempt.sent = Some(realm.nonce_serial);
                fields.push((name, value));
            }
        }
        fields
    }

    /// Reads the Authentication-Info of the response to `sent`, the request as it was sent: adopts
    /// `nextnonce` and checks that the server knows the secret too (RFC 7616 section 3.5).
    ///
    /// A response without the header field, and one whose request carried no digest credentials for
    /// a server, is fine.
    ///
    /// # Errors
    /// [`AuthenticationInfoError`] if the field is malformed or `rspauth` is wrong; its `nextnonce`
    /// is then not adopted.
    pub fn authentication_info(
        &mut self,
        response: &Response,
        sent: &Request,
        credentials: &Credentials,
    ) -> Result<(), AuthenticationInfoError> {
        let Some(info) = response
            .authentication_info()
            .map_err(AuthenticationInfoError::Malformed)?
        else {
            return Ok(());
        };
        let names = |value: Option<Cow<'_, [u8]>>, wanted: Option<Cow<'_, [u8]>>| {
            wanted.is_none_or(|wanted| value.is_some_and(|value| value == wanted))
        };
        let mut candidates = sent
            .credentials()
            .flatten()
            .filter(|carried| !carried.proxy && carried.is_digest())
            .filter(|carried| names(carried.cnonce(), info.cnonce()))
            .filter(|carried| {
                info.nonce_count()
                    .is_none_or(|nc| carried.nonce_count() == Some(nc))
            });
        let (Some(carried), None) = (candidates.next(), candidates.next()) else {
            // Without the request's cnonce and count an rspauth proves nothing.
            return match info.rspauth() {
                Some(_) => Err(AuthenticationInfoError::Unverified),
                None => Ok(()),
            };
        };
        let place = carried
            .realm()
            .and_then(|realm| self.place_of(false, str::from_utf8(&realm).ok()?));
        let Some(place) = place else { return Ok(()) };
        let realm = &mut self.realms[place];
        if let (Some(rspauth), Some(sent_qop)) = (info.rspauth(), carried.qop().next()) {
            let qop = info.qop().next().unwrap_or(sent_qop);
            let (Some(qop), Some(nonce), Some(nc), Some(cnonce), Some(uri)) = (
                Qop::parse(qop),
                carried.nonce(),
                carried.value(b"nc"),
                carried.cnonce(),
                carried.uri(),
            ) else {
                return Err(AuthenticationInfoError::Unverified);
            };
            let body = (qop == Qop::AuthInt).then(|| response.body());
            let algorithm = realm.offer.algorithm();
            let key = realm
                .key(credentials)
                .ok_or(AuthenticationInfoError::Unverified)?;
            let protection = Protection {
                nc: &nc,
                cnonce: &cnonce,
                qop,
            };
            let a2 = digest::ha2(algorithm, b"", &uri, body);
            let expected = digest::response(algorithm, &key, &nonce, Some(protection), &a2);
            if !expected.matches(&rspauth) {
                return Err(AuthenticationInfoError::Mismatch);
            }
        }
        if let Some(next) = info.raw(b"nextnonce").and_then(Text::read)
            && next.value.len() <= self.policy.nonce_length
            && next.value != realm.offer.nonce.value
        {
            realm.offer.nonce = next;
            realm.nonce_serial = realm.nonce_serial.wrapping_add(1);
            realm.count = 0;
            realm.fresh = true;
        }
        Ok(())
    }
}

impl Realm {
    fn new(serial: u32, offer: Offer, rng: &mut dyn CryptoRng) -> Self {
        Self {
            serial,
            nonce_serial: 0,
            first_nonce: offer.nonce.value.clone(),
            offer,
            cnonce: crate::rand::token(rng, 26),
            count: 0,
            fresh: true,
        }
    }

    /// H(A1), with what `-sess` adds (RFC 7616 section 3.4.2).
    fn key(&self, credentials: &Credentials) -> Option<HexDigest> {
        let algorithm = self.offer.algorithm();
        let realm = &self.offer.realm.value;
        let ha1 = credentials
            .secret()
            .ha1_for(algorithm, credentials.username(), realm)?;
        Some(if algorithm.is_session() {
            digest::session_ha1(
                algorithm,
                &ha1,
                self.first_nonce.as_bytes(),
                self.cnonce.as_bytes(),
            )
        } else {
            ha1
        })
    }

    fn authorize(
        &mut self,
        method: &[u8],
        uri: &str,
        body: &[u8],
        credentials: &Credentials,
    ) -> Option<String> {
        let key = self.key(credentials)?;
        let offer = &self.offer;
        let algorithm = offer.algorithm();
        self.count += 1;
        self.fresh = self.count < u32::MAX;
        let mut nc = String::with_capacity(8);
        push(&mut nc, format_args!("{:08x}", self.count));
        let protection = offer.qop.map(|qop| Protection {
            nc: nc.as_bytes(),
            cnonce: self.cnonce.as_bytes(),
            qop,
        });
        let body = (offer.qop == Some(Qop::AuthInt)).then_some(body);
        let a2 = digest::ha2(algorithm, method, uri.as_bytes(), body);
        let response = digest::response(
            algorithm,
            &key,
            offer.nonce.value.as_bytes(),
            protection,
            &a2,
        );

        let mut value = String::with_capacity(384);
        value.push_str("Digest ");
        push_username(&mut value, offer, credentials.username());
        push(&mut value, format_args!(", realm=\"{}\"", offer.realm.wire));
        push(
            &mut value,
            format_args!(", nonce=\"{}\", uri=\"", offer.nonce.wire),
        );
        push_escaped(&mut value, uri);
        push(
            &mut value,
            format_args!("\", response=\"{}\"", response.as_str()),
        );
        if let Some(algorithm) = offer.algorithm {
            push(&mut value, format_args!(", algorithm={algorithm}"));
        }
        if let Some(qop) = offer.qop {
            let cnonce = &self.cnonce;
            push(
                &mut value,
                format_args!(", cnonce=\"{cnonce}\", qop={}, nc={nc}", qop.as_str()),
            );
        }
        if let Some(opaque) = &offer.opaque {
            push(&mut value, format_args!(", opaque=\"{}\"", opaque.wire));
        }
        Some(value)
    }
}

/// The user name in the form that the server requested (RFC 7616 sections 3.4 and 3.4.4).
fn push_username(value: &mut String, offer: &Offer, username: &str) {
    if offer.userhash {
        let realm = offer.realm.value.as_bytes();
        let hashed = digest::userhash(offer.algorithm(), username.as_bytes(), realm);
        push(
            value,
            format_args!("username=\"{}\", userhash=true", hashed.as_str()),
        );
    } else if offer.utf8 && !username.is_ascii() {
        value.push_str("username*=UTF-8''");
        for byte in username.bytes() {
            // attr-char of RFC 8187 section 3.2.1.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(char::from(byte));
            } else {
                push(value, format_args!("%{byte:02X}"));
            }
        }
    } else {
        value.push_str("username=\"");
        push_escaped(value, username);
        value.push('"');
    }
}

/// Appends formatted text; a `String` takes all of it.
fn push(value: &mut String, text: core::fmt::Arguments<'_>) {
    let written = value.write_fmt(text);
    debug_assert!(written.is_ok(), "a String takes all text");
}

#[cfg(test)]
mod tests;
