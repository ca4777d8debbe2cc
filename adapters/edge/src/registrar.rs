//! The registrar (RFC 3261 section 10.3), and the authentication that it shares with the proxy.

use std::time::Duration;

use sip_core::auth::{Secret, Verdict};
use sip_core::{ConnectionId, Timestamp};
use sip_parse::{Contact, HeaderName, Method, NameAddr, Request, Scheme, StatusCode};

use crate::edge::{Edge, Refusal};
use crate::location::{Source, Update, UpdateError};

/// The expiry of a binding whose REGISTER has none, or an unreadable one (RFC 3261 sections 10.2.1.1 and
/// 20.10): an hour.
const DEFAULT_EXPIRES: u32 = 3600;

/// Extensions that a REGISTER may require.
const EXTENSIONS: [&[u8]; 1] = [b"outbound"];

impl Edge {
    /// Carries out a REGISTER; returns the header fields of its 200.
    pub(crate) fn register(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName<'static>, String)>, Refusal> {
        refuse_unknown(request, HeaderName::Require, &EXTENSIONS)?;
        let username = self.authenticate(connection, request, false, now)?;
        // RFC 3261 section 10.3 steps 4 and 5: a user changes its own bindings only.
        let to = request.to()?;
        let user = self
            .domain
            .user(to.uri())
            .filter(|user| self.config.password(user).is_some());
        let user = user.ok_or(StatusCode::NOT_FOUND)?;
        if user != username {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let sequence = request.cseq()?.number;
        let source = Source {
            call_id: request.call_id()?,
            sequence,
            connection,
        };
        let changes = match self.wanted(request)? {
            Wanted::Nothing => Vec::new(),
            Wanted::RemoveAll => self.location.clear(&user, source).map_err(refuse_update)?,
            Wanted::Updates(updates) => {
                let limit = self.config.limits.bindings_per_user;
                self.location
                    .update(&user, source, updates, limit, now)
                    .map_err(refuse_update)?
            }
        };
        self.report(changes);
        let mut headers = Vec::new();
        let mut outbound = false;
        for binding in self.location.bindings(&user) {
            let mut value = Vec::with_capacity(64);
            value.push(b'<');
            value.extend_from_slice(binding.contact.as_bytes());
            value.push(b'>');
            value.extend_from_slice(&binding.parameters);
            value.extend_from_slice(format!(";expires={}", binding.remaining(now)).as_bytes());
            outbound |= binding.flow_number.is_some() && binding.connection == connection;
            // Contact URIs and parameters were checked to be text when the REGISTER arrived.
            let value = String::from_utf8(value).map_err(|_| StatusCode::BAD_REQUEST)?;
            headers.push((HeaderName::Contact, value));
        }
        if outbound {
            // RFC 5626 section 6: tells the user agent that the edge keeps its flow.
            headers.push((HeaderName::Require, "outbound".to_owned()));
        }
        Ok(headers)
    }

    /// Reads the Contact header field values of a REGISTER (RFC 3261 section 10.3 steps 6 and 7).
    fn wanted(&self, request: &Request) -> Result<Wanted, Refusal> {
        let general = request
            .header(HeaderName::Expires)
            .map(|_| request.expires().ok().flatten().unwrap_or(DEFAULT_EXPIRES));
        let outbound = request
            .values(HeaderName::Supported)
            .any(|tag| tag == b"outbound");
        let (mut updates, mut star, mut count) = (Vec::new(), false, 0_usize);
        for contact in request.contacts() {
            count += 1;
            match contact? {
                Contact::Star => star = true,
                Contact::Addr(address) => {
                    updates.push(self.update_of(&address, general, outbound)?)
                }
            }
        }
        match (count, star) {
            (0, _) => Ok(Wanted::Nothing),
            (1, true) if general == Some(0) => Ok(Wanted::RemoveAll),
            (_, true) => Err(StatusCode::BAD_REQUEST.into()),
            (_, false) => Ok(Wanted::Updates(updates)),
        }
    }

    fn update_of(
        &self,
        address: &NameAddr<'_>,
        general: Option<u32>,
        outbound: bool,
    ) -> Result<Update, Refusal> {
        let uri = address.uri();
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
            // The edge reaches contacts over their connection only, so another scheme cannot be reached.
            return Err(StatusCode::BAD_REQUEST.into());
        }
        let (mut own, mut instance, mut flow_number) = (None, None, None);
        let mut parameters = Vec::new();
        for (name, value) in address.params().iter() {
            if name.eq_ignore_ascii_case(b"expires") {
                own = Some(value.and_then(seconds).unwrap_or(DEFAULT_EXPIRES));
                continue;
            }
            if name.eq_ignore_ascii_case(b"+sip.instance") {
                instance = value.map(Box::from);
            } else if name.eq_ignore_ascii_case(b"reg-id") {
                flow_number = value.and_then(seconds).filter(|&number| number > 0);
            }
            parameters.push(b';');
            parameters.extend_from_slice(name);
            if let Some(value) = value {
                parameters.push(b'=');
                // A quoted string may be folded; without its line ends it has the same value.
                parameters.extend(value.iter().filter(|byte| !b"\r\n".contains(byte)));
            }
        }
        if !parameters.is_ascii() && std::str::from_utf8(&parameters).is_err() {
            return Err(StatusCode::BAD_REQUEST.into());
        }
        let expires = self.granted(own.or(general).unwrap_or(DEFAULT_EXPIRES))?;
        // RFC 5626 section 6: both or none, and only if the user agent supports outbound.
        let flow = outbound && instance.is_some() && flow_number.is_some();
        Ok(Update {
            contact: uri.to_request_uri(),
            parameters: parameters.into(),
            instance: instance.filter(|_| flow),
            flow_number: flow_number.filter(|_| flow),
            expires,
        })
    }

    /// RFC 3261 section 10.3 step 7: an interval that is too short is refused, one that is too long is
    /// shortened.
    fn granted(&self, seconds: u32) -> Result<Duration, Refusal> {
        let asked = Duration::from_secs(seconds.into());
        if !asked.is_zero() && asked < self.config.min_expires {
            let seconds = self.config.min_expires.as_secs();
            return Err(Refusal {
                status: StatusCode::INTERVAL_TOO_BRIEF,
                headers: vec![(HeaderName::MinExpires, seconds.to_string())],
            });
        }
        Ok(asked.min(self.config.max_expires))
    }

    /// The user that sends this request, proven by digest (RFC 3261 section 22). The refusal is 401, or 407
    /// with `proxy`, or 400 for credentials that cannot be read.
    pub(crate) fn authenticate(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        proxy: bool,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let config = &self.config;
        let lookup = |user: &str, _realm: &str| config.password(user).map(Secret::password);
        let stale = match self.digest.verify(request, proxy, lookup, now) {
            Verdict::Ok { username } => {
                if let Some(peer) = self.peers.get_mut(&connection.to_bits()) {
                    peer.user = Some(username.clone());
                }
                return Ok(username);
            }
            Verdict::Stale | Verdict::Replayed => true,
            Verdict::Missing => false,
            Verdict::Wrong => {
                self.counters.wrong_credentials += 1;
                if !proxy && request.method() == Method::Register {
                    self.registration_refused(connection, request, StatusCode::UNAUTHORIZED);
                }
                false
            }
            _ => return Err(StatusCode::BAD_REQUEST.into()),
        };
        let status = if proxy {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED
        } else {
            StatusCode::UNAUTHORIZED
        };
        let headers = self.digest.challenge(proxy, stale, now, self.layer.rng());
        Err(Refusal { status, headers })
    }
}

/// The request of a REGISTER.
enum Wanted {
    /// The list of bindings only.
    Nothing,
    /// `Contact: *` with `Expires: 0`.
    RemoveAll,
    Updates(Vec<Update>),
}

fn refuse_update(error: UpdateError) -> Refusal {
    match error {
        // RFC 3261 section 10.3 steps 6 and 7 let it fail, and section 12.2.2 has the status for an
        // out-of-order CSeq.
        UpdateError::OutOfOrder => StatusCode::SERVER_INTERNAL_ERROR.into(),
        UpdateError::TooMany => StatusCode::FORBIDDEN.into(),
    }
}

/// RFC 3261 section 8.2.2.3: 420 and the list of unsupported extensions.
pub(crate) fn refuse_unknown(
    request: &Request,
    name: HeaderName<'static>,
    known: &[&[u8]],
) -> Result<(), Refusal> {
    let mut headers = Vec::new();
    for tag in request.values(name) {
        if !known.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
            headers.push((
                HeaderName::Unsupported,
                String::from_utf8_lossy(tag).into_owned(),
            ));
        }
    }
    if headers.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::BAD_EXTENSION,
        headers,
    })
}

/// Reads delta-seconds. A number that does not fit is the largest one; `None` for anything but digits.
fn seconds(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}
