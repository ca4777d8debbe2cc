//! The client's side of digest authentication: learns challenges, keeps credentials in their protection space,
//! counts nonces and bounds the retries (RFC 3261 section 22, RFC 7616, RFC 8760).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;

use rand_core::CryptoRng;
use sip_parse::{HeaderName, Method, Request, Response};
use smallvec::SmallVec;

use super::challenge::{AuthenticationInfoError, ChallengeError, ChallengeSummary, Offer, Text};
use super::digest::{self, HexDigest, Protection, Qop};
use super::policy::{DigestPolicy, push_escaped};
use super::secret::Credentials;
use super::space::{Asker, RequestContext};
use super::trust::{RegistrarRealms, may_answer};
use crate::share::share;
use crate::time::Timestamp;

/// How often the application may answer the challenges of one request: enough for a server and a few
/// proxies or a stale nonce, but bounded, because a server could challenge forever.
const APPLICATION_ANSWERS: u8 = 4;

/// How many requests a space may refuse with another nonce after it has accepted the same credentials, until they count as wrong.
const DOUBTS: u8 = 8;

/// How many challenges of one response are looked at.
const MOST_OFFERS: usize = 32;

/// The spaces that challenged one request or whose credentials it carries, and how often the client answered them.
///
/// Keep one from the first sending of a request to its last retry.
#[derive(Clone, Default, Debug)]
pub struct Attempts {
    entries: SmallVec<[Attempt; 2]>,
    /// How often the application answered a challenge of this request.
    by_application: u8,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    space: u32,
    /// The nonce of the credentials that were sent last.
    sent: Option<u32>,
    /// The client answered a challenge of this request; before that, credentials are only sent in advance.
    answered: bool,
    stale: u8,
    rejected: bool,
}

impl Attempt {
    const fn new(space: u32, answered: bool) -> Self {
        Self {
            space,
            sent: None,
            answered,
            stale: 0,
            rejected: false,
        }
    }
}

impl Attempts {
    /// No credentials sent, and no challenge received.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an answer of the application; false once the limit is reached.
    pub(crate) fn application_answers(&mut self) -> bool {
        let goes_on = self.by_application < APPLICATION_ANSWERS;
        self.by_application = self.by_application.saturating_add(1);
        goes_on
    }

    /// Whether nothing challenged the request and no credentials were sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn knows(&self, space: u32) -> bool {
        self.entries.iter().any(|attempt| attempt.space == space)
    }
}

/// Header fields that carry credentials: Authorization for servers, Proxy-Authorization for proxies.
pub type Authorizations = SmallVec<[(HeaderName<'static>, String); 2]>;

/// The last challenge of a protection space, and the use of its nonce since.
#[derive(Clone, Debug)]
struct Space {
    /// Never used for another space of this client.
    serial: u32,
    asker: Asker,
    /// When it asked last.
    asked: Timestamp,
    /// Never used for another nonce of this space.
    nonce_serial: u32,
    offer: Offer,
    cnonce: Box<str>,
    /// The nonce of the challenge if it is another one than that of `offer`: `-sess` stays bound to it when `nextnonce` brings
    /// others.
    first_nonce: Option<Box<str>>,
    /// Requests sent with the nonce.
    count: u32,
    /// The space has not refused the nonce, and its count is not exhausted.
    fresh: bool,
    /// How many refusals with another nonce are no proof against the credentials, because the space has accepted them.
    trust: u8,
}

/// Answers digest challenges for one user agent.
#[derive(Clone, Default, Debug)]
pub struct DigestClient {
    policy: Arc<DigestPolicy>,
    /// The oldest challenge first.
    spaces: Vec<Space>,
    registrar: RegistrarRealms,
    last_serial: u32,
}

impl DigestClient {
    /// A client that knows no space yet.
    #[must_use]
    pub fn new(policy: DigestPolicy) -> Self {
        Self {
            policy: Arc::new(policy),
            ..Self::default()
        }
    }

    /// Uses no nonce again unless it is offered again, for example because the password has changed. A request under
    /// way may be challenged anew.
    pub fn forget(&mut self) {
        for space in &mut self.spaces {
            space.fresh = false;
            space.trust = 0;
            self.last_serial = self.last_serial.wrapping_add(1);
            space.serial = self.last_serial;
        }
    }

    /// A 2xx arrived to a request that was sent with `attempts`: the credentials in it are right.
    pub fn accepted(&mut self, attempts: &Attempts) {
        for attempt in attempts.entries.iter().filter(|it| it.sent.is_some()) {
            let mut spaces = self.spaces.iter_mut();
            if let Some(space) = spaces.find(|space| space.serial == attempt.space) {
                space.trust = DOUBTS;
            }
        }
    }

    /// Shares the policy of another client, if both are equal; returns whether they are.
    pub(crate) fn share_settings(&mut self, other: &Self) -> bool {
        share(&mut self.policy, &other.policy)
    }

    /// How many spaces are remembered.
    #[must_use]
    pub fn spaces(&self) -> usize {
        self.spaces.len()
    }

    /// How many bytes of challenges all spaces hold.
    #[must_use]
    pub fn space_bytes(&self) -> usize {
        self.spaces.iter().map(Space::bytes).sum()
    }

    /// Learns the challenges of a 401 or 407 to `request`, those for servers and for proxies alike, since a
    /// forking proxy mixes them (RFC 3261 section 22.3). Of each realm the strongest one that may be
    /// answered counts; among equals the first, as the server prefers it (RFC 8760 section 2.4).
    ///
    /// After `Ok` at least one more realm can be answered: send the request again, with a new CSeq
    /// number and branch, carrying what [`authorize`](Self::authorize) makes.
    ///
    /// # Errors
    /// [`ChallengeError`] if another attempt is pointless or not allowed. Report the response.
    pub fn challenged(
        &mut self,
        response: &Response,
        request: &RequestContext<'_>,
        credentials: &Credentials,
        attempts: &mut Attempts,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ChallengeError> {
        if !matches!(response.status().as_u16(), 401 | 407) {
            return Err(ChallengeError::Missing);
        }
        self.expire(now);
        let (offers, not_allowed) = self.offers(response, request, credentials);
        let mut refused = None;
        let mut too_many = None;
        let mut progress = false;
        for offer in offers {
            let asker = Asker::of(request, offer.proxy);
            let known = self.place_of(&asker, &offer);
            let attempt = self.attempt_of(&offer, attempts);
            if let Some((attempt, place)) = attempt {
                let space = &mut self.spaces[place];
                let attempt = &mut attempts.entries[attempt];
                // Another request may have brought the nonce in the meantime.
                let with_its_nonce = attempt.sent == Some(space.nonce_serial);
                let same_nonce = space.offer.nonce.value == offer.nonce.value;
                // A refusal of credentials that were sent in advance proves nothing: a registrar with one nonce for ever may
                // challenge each request anew.
                let in_advance = !attempt.answered;
                let stale_again = offer.stale && attempt.stale < self.policy.stale_retries;
                if attempt.rejected || !(in_advance || stale_again) {
                    let realm = offer.realm.value.into();
                    // RFC 7616 section 3.3: without stale=true the user name or the password is invalid. Where the same ones were
                    // accepted before, another nonce may come from another server of a cluster, which does not know the first one.
                    let is_wrong = same_nonce || space.trust == 0;
                    let error = if with_its_nonce && !offer.stale && is_wrong {
                        ChallengeError::Rejected { realm }
                    } else {
                        ChallengeError::Unsettled { realm }
                    };
                    if !attempt.rejected {
                        space.trust = space.trust.saturating_sub(1);
                    }
                    attempt.rejected = true;
                    space.fresh = false;
                    refused = refused.or(Some(error));
                    continue;
                }
                if !in_advance {
                    attempt.stale += 1;
                }
                attempt.answered = true;
                if known != Some(place) {
                    // The proxies of the server taught this nonce, and the party that asks now is unknown.
                    space.fresh = false;
                    let serial = space.serial;
                    attempts.entries.retain(|attempt| attempt.space != serial);
                }
            } else if attempts.entries.len() >= self.policy.realms {
                too_many = Some(ChallengeError::TooManyRealms);
                continue;
            }
            let spent = self.request_bytes(attempts, request, credentials, &offer);
            if spent + answer_bytes(&offer, request, credentials) > self.policy.request_bytes {
                too_many = Some(ChallengeError::TooLarge);
                continue;
            }
            let serial = self.learn(offer, asker, attempts, now, rng);
            if !attempts.knows(serial) {
                attempts.entries.push(Attempt::new(serial, true));
            }
            progress = true;
        }
        match refused.or(too_many).or(not_allowed) {
            _ if progress => Ok(()),
            Some(error) => Err(error),
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

    /// The best challenge of each realm that may be answered, in the order of the response; and the error for those
    /// that could be answered and may not.
    fn offers(
        &mut self,
        response: &Response,
        request: &RequestContext<'_>,
        credentials: &Credentials,
    ) -> (SmallVec<[Offer; 2]>, Option<ChallengeError>) {
        let readable = response.challenges().flatten();
        let readable = readable.filter_map(|challenge| Offer::read(&challenge, &self.policy));
        let covers = |offer: &Offer| {
            let secret = credentials.secret();
            secret.covers(offer.algorithm(), &offer.realm.value)
        };
        let readable: SmallVec<[Offer; 2]> = readable.filter(covers).take(MOST_OFFERS).collect();
        if request.method == Method::Register {
            self.registrar.learn(&readable, self.policy.realms);
        }
        let mut offers: SmallVec<[Offer; 2]> = SmallVec::new();
        let mut not_allowed = None;
        for offer in readable {
            let before = self.place_of(&Asker::Call(request.call_id.into()), &offer);
            let before = before.map(|place| self.spaces[place].offer.strength());
            if !may_answer(
                &self.policy,
                &self.registrar,
                request,
                &offer,
                credentials,
                before,
            ) {
                let realm = offer.realm.value.into();
                not_allowed = not_allowed.or(Some(ChallengeError::NotAllowed { realm }));
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
        (offers, not_allowed)
    }

    fn place_of(&self, asker: &Asker, offer: &Offer) -> Option<usize> {
        let mut spaces = self.spaces.iter();
        spaces.position(|space| space.asker == *asker && space.is_of(offer))
    }

    /// The attempt of a request at the realm of `offer`, and the place of its space.
    fn attempt_of(&self, offer: &Offer, attempts: &Attempts) -> Option<(usize, usize)> {
        attempts
            .entries
            .iter()
            .enumerate()
            .find_map(|(at, attempt)| {
                let mut spaces = self.spaces.iter();
                let place = spaces.position(|space| space.serial == attempt.space)?;
                self.spaces[place].is_of(offer).then_some((at, place))
            })
    }

    /// Remembers a challenge as the youngest; returns the serial of its space.
    fn learn(
        &mut self,
        offer: Offer,
        asker: Asker,
        attempts: &Attempts,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> u32 {
        let before = self.place_of(&asker, &offer);
        let before = before.map(|place| self.spaces.remove(place));
        let space = match before {
            Some(mut space)
                if space.offer.nonce.value == offer.nonce.value
                    && space.offer.algorithm == offer.algorithm =>
            {
                // The nonce count goes on for as long as the nonce is the same.
                space.offer = offer;
                space.asked = now;
                space.fresh = space.count < u32::MAX;
                space
            }
            Some(space) => Space {
                nonce_serial: space.nonce_serial.wrapping_add(1),
                trust: space.trust,
                ..Space::new(space.serial, asker, offer, now, rng)
            },
            None => {
                self.last_serial = self.last_serial.wrapping_add(1);
                Space::new(self.last_serial, asker, offer, now, rng)
            }
        };
        self.make_room(space.bytes(), attempts);
        let serial = space.serial;
        // Most agents have one registrar.
        self.spaces.reserve_exact(1);
        self.spaces.push(space);
        serial
    }

    /// Forgets old spaces until one with `bytes` fits in: first those of calls, and those of `attempts` last.
    fn make_room(&mut self, bytes: usize, attempts: &Attempts) {
        while !self.spaces.is_empty()
            && (self.spaces.len() >= self.policy.spaces
                || self.space_bytes() + bytes > self.policy.space_bytes)
        {
            let unused = |space: &Space| !attempts.knows(space.serial);
            let mut spaces = self.spaces.iter();
            let call = spaces.position(|space| unused(space) && space.asker.is_call());
            let place = call.or_else(|| self.spaces.iter().position(unused));
            self.spaces.remove(place.unwrap_or(0));
        }
    }

    /// Forgets the spaces that have not asked for their lifetime.
    fn expire(&mut self, now: Timestamp) {
        let policy = &self.policy;
        self.spaces.retain(|space| {
            let lifetime = if space.asker.is_call() {
                policy.call_lifetime
            } else {
                policy.lifetime
            };
            now.saturating_since(space.asked) < lifetime
        });
    }

    /// The most bytes that the credentials of a request can have, without those for the realm of `except`.
    fn request_bytes(
        &self,
        attempts: &Attempts,
        request: &RequestContext<'_>,
        credentials: &Credentials,
        except: &Offer,
    ) -> usize {
        let entries = attempts.entries.iter().filter(|attempt| !attempt.rejected);
        let spaces = entries.filter_map(|attempt| {
            let mut spaces = self.spaces.iter();
            spaces.find(|space| space.serial == attempt.space)
        });
        let others = spaces.filter(|space| !space.is_of(except));
        others
            .map(|space| answer_bytes(&space.offer, request, credentials))
            .sum()
    }

    /// Adds the spaces whose credentials a request carries before it is challenged. A space of its Call-ID precedes
    /// one of the server with the same realm.
    fn add_unasked(
        &self,
        request: &RequestContext<'_>,
        credentials: &Credentials,
        attempts: &mut Attempts,
    ) {
        for is_call in [true, false] {
            let fits = |space: &&Space| {
                space.fresh
                    && space.asker.is_call() == is_call
                    && space.asker.takes_unasked(request)
            };
            for space in self.spaces.iter().filter(fits) {
                let offer = &space.offer;
                let spent = self.request_bytes(attempts, request, credentials, offer);
                let size = spent + answer_bytes(offer, request, credentials);
                if self.attempt_of(offer, attempts).is_none()
                    && attempts.entries.len() < self.policy.realms
                    && size <= self.policy.request_bytes
                {
                    attempts.entries.push(Attempt::new(space.serial, false));
                }
            }
        }
    }

    /// Makes the header fields for one sending of a request, and counts it: for the spaces that have challenged it,
    /// and for those whose credentials it carries unasked, to save the round trip. A realm that `credentials` do not
    /// cover gets none.
    pub fn authorize(
        &mut self,
        request: &RequestContext<'_>,
        credentials: &Credentials,
        attempts: &mut Attempts,
        now: Timestamp,
    ) -> Authorizations {
        self.expire(now);
        self.add_unasked(request, credentials, attempts);
        let uri = String::from_utf8_lossy(request.uri);
        let mut fields = Authorizations::new();
        for attempt in attempts
            .entries
            .iter_mut()
            .filter(|attempt| !attempt.rejected)
        {
            let space = self
                .spaces
                .iter_mut()
                .find(|space| space.serial == attempt.space && space.fresh);
            let Some(space) = space else { continue };
            let method = request.method.as_bytes();
            if let Some(value) = space.authorize(method, &uri, request.body, credentials) {
                let name = if space.offer.proxy {
                    HeaderName::ProxyAuthorization
                } else {
                    HeaderName::Authorization
                };
                attempt.sent = Some(space.nonce_serial);
                fields.push((name, value));
            }
        }
        fields
    }

    /// Reads the Authentication-Info of the response to `sent`, the request as it was sent with `attempts`: adopts
    /// `nextnonce` for the space whose credentials the request carried, and checks that the server knows the secret
    /// too (RFC 7616 section 3.5).
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
        attempts: &Attempts,
        credentials: &Credentials,
        now: Timestamp,
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
        let is_carried = |space: &&mut Space| {
            let realm = space.offer.realm.value.as_bytes();
            let mut entries = attempts.entries.iter();
            !space.offer.proxy
                && carried.realm().is_some_and(|carried| *carried == *realm)
                && entries.any(|sent| sent.space == space.serial && sent.sent.is_some())
        };
        let Some(space) = self.spaces.iter_mut().find(is_carried) else {
            return Ok(());
        };
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
            let algorithm = space.offer.algorithm();
            let key = space
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
            && (1..=self.policy.nonce_length).contains(&next.value.len())
            && next.value != space.offer.nonce.value
        {
            let first = space.first_nonce().into();
            space.first_nonce.get_or_insert(first);
            space.offer.nonce = next;
            space.nonce_serial = space.nonce_serial.wrapping_add(1);
            space.asked = now;
            space.count = 0;
            space.fresh = true;
        }
        Ok(())
    }
}

impl Space {
    fn new(
        serial: u32,
        asker: Asker,
        offer: Offer,
        asked: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Self {
        Self {
            serial,
            asker,
            asked,
            nonce_serial: 0,
            first_nonce: None,
            offer,
            cnonce: crate::rand::token(rng, 26).into(),
            count: 0,
            fresh: true,
            trust: 0,
        }
    }

    fn first_nonce(&self) -> &str {
        let first = self.first_nonce.as_deref();
        first.unwrap_or(&self.offer.nonce.value)
    }

    /// Whether the offer is one of this realm, for the same header field.
    fn is_of(&self, offer: &Offer) -> bool {
        self.offer.proxy == offer.proxy && self.offer.realm.value == offer.realm.value
    }

    fn bytes(&self) -> usize {
        self.offer.bytes() + self.asker.bytes()
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
                self.first_nonce().as_bytes(),
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
        push(
            &mut value,
            format_args!(", realm=\"{}\"", offer.realm.wire()),
        );
        push(
            &mut value,
            format_args!(", nonce=\"{}\", uri=\"", offer.nonce.wire()),
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
            push(&mut value, format_args!(", opaque=\"{}\"", opaque.wire()));
        }
        Some(value)
    }
}

/// The most bytes that the credentials for an offer can have: those of our own, and those that they repeat.
fn answer_bytes(offer: &Offer, request: &RequestContext<'_>, credentials: &Credentials) -> usize {
    // Names, quotes, commas, a digest of 64 digits, 26 characters of cnonce; a name of %XX, an escaped URI.
    let name = (credentials.username().len() * 3).max(64);
    320 + name + request.uri.len() * 2 + offer.bytes()
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
