//! The final responses by which the application refuses a call or request, complete by construction: RFC 3261 section 21
//! and its extensions require some statuses to carry a header field, without which the peer cannot act on them.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use sip_parse::{HeaderName, StatusCode, UriBuf};

use super::options::MessageOptions;
use crate::body::Body;
use crate::error::{RefusalError, RefusalPart};
use crate::header::{ExtraHeader, Reason};

/// A status that refuses a call or request: 300 to 699 (RFC 3261 section 21), and complete without further header
/// fields. [`Refusal`] has the others, such as a redirection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailureStatus(StatusCode);

impl FailureStatus {
    /// 480 Temporarily Unavailable, the default refusal of SIP.js.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(StatusCode::TEMPORARILY_UNAVAILABLE);
    /// 486 Busy Here.
    pub const BUSY_HERE: Self = Self(StatusCode::BUSY_HERE);
    /// 491 Request Pending: refuses a re-INVITE that meets another one (RFC 3261 section 14.2).
    pub const REQUEST_PENDING: Self = Self(StatusCode::REQUEST_PENDING);
    /// 603 Decline.
    pub const DECLINE: Self = Self(StatusCode::DECLINE);

    /// Takes the number of a status, 300 to 699.
    ///
    /// # Errors
    /// [`RefusalError::Range`] outside 300 to 699, [`RefusalError::Incomplete`] for a status that requires a header field
    /// of the application, such as 302, 401 or 423.
    pub fn new(number: u16) -> Result<Self, RefusalError> {
        let status = in_range(number)?;
        match required(number) {
            None => Ok(Self(status)),
            Some(needs) => Err(RefusalError::Incomplete {
                status: number,
                needs,
            }),
        }
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.0
    }
}

/// A final response of 300 to 699 with header fields and a body of the application.
///
/// ```
/// use sip_core::{RedirectTarget, Refusal};
/// use sip_parse::UriBuf;
///
/// let mobile = UriBuf::parse(b"sip:bob@mobile.example.com")?;
/// let office = UriBuf::parse(b"sip:bob@office.example.com")?;
/// let targets = [RedirectTarget::new(mobile), RedirectTarget::new(office).q(500)];
/// let moved = Refusal::redirect(302, &targets)?;
/// assert!(Refusal::redirect(302, &[]).is_err(), "RFC 3261 section 21.3.3: a redirection names a target");
/// # let _ = moved;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    status: StatusCode,
    contacts: Vec<Box<str>>,
    headers: Vec<ExtraHeader>,
    body: Option<Body>,
}

/// A target of a redirection (RFC 3261 section 20.10), of any scheme.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedirectTarget {
    uri: UriBuf,
    q: Option<u16>,
}

impl RedirectTarget {
    /// Takes the URI.
    #[must_use]
    pub const fn new(uri: UriBuf) -> Self {
        Self { uri, q: None }
    }

    /// Sets the preference among the targets, in thousandths: 1,000 is the highest, and higher values count as 1,000.
    #[must_use]
    pub fn q(mut self, thousandths: u16) -> Self {
        self.q = Some(thousandths.min(1_000));
        self
    }

    fn contact(&self) -> Box<str> {
        let uri = &self.uri;
        match self.q {
            None => format!("<{uri}>").into(),
            Some(q) => format!("<{uri}>;q={}.{:03}", q / 1_000, q % 1_000).into(),
        }
    }
}

impl From<FailureStatus> for Refusal {
    fn from(status: FailureStatus) -> Self {
        Self {
            status: status.status(),
            contacts: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }
}

impl Refusal {
    /// Redirects the peer (RFC 3261 section 21.3): 300 to 399, with at least one target. Not 380, whose alternatives are
    /// in a body: see [`Refusal::with_body`].
    ///
    /// # Errors
    /// [`RefusalError::Range`] outside 300 to 399, [`RefusalError::Incomplete`] without a target and for 380.
    pub fn redirect(number: u16, targets: &[RedirectTarget]) -> Result<Self, RefusalError> {
        if !(300..400).contains(&number) {
            return Err(RefusalError::Range(number));
        }
        let contacts = targets.iter().map(RedirectTarget::contact).collect();
        Self::checked(number, contacts, Vec::new(), None)
    }

    /// Refuses with header fields, such as 401 with `WWW-Authenticate` or 423 with `Min-Expires`.
    ///
    /// # Errors
    /// [`RefusalError::Range`] outside 300 to 699, [`RefusalError::Incomplete`] if the header field that the status requires
    /// is missing.
    pub fn with_headers(number: u16, headers: Vec<ExtraHeader>) -> Result<Self, RefusalError> {
        Self::checked(number, Vec::new(), headers, None)
    }

    /// Refuses with a body, such as 380 with the alternatives (RFC 3261 section 21.3.5) or 488 with the media that would be
    /// acceptable (section 21.4.26).
    ///
    /// # Errors
    /// As [`Refusal::with_headers`].
    pub fn with_body(number: u16, body: Body) -> Result<Self, RefusalError> {
        Self::checked(number, Vec::new(), Vec::new(), Some(body))
    }

    /// Refuses with header fields and a body.
    pub(crate) fn of_message(number: u16, options: &MessageOptions) -> Result<Self, RefusalError> {
        let (headers, body) = (options.headers.clone(), options.body.clone());
        Self::checked(number, Vec::new(), headers, body)
    }

    /// Adds a header field, such as `Retry-After`, `Reason` (RFC 3326) or `Warning`.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Adds a value of Reason (RFC 3326).
    #[must_use]
    pub fn reason(self, reason: Reason) -> Self {
        self.header(reason.into())
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields, in the form that the writer takes.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (HeaderName<'_>, &str)> {
        let contacts = self.contacts.iter();
        let contacts = contacts.map(|contact| (HeaderName::Contact, &**contact));
        let headers = self.headers.iter();
        contacts.chain(headers.map(|header| (header.header_name(), header.value())))
    }

    /// The body.
    pub(crate) const fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }

    fn checked(
        number: u16,
        contacts: Vec<Box<str>>,
        headers: Vec<ExtraHeader>,
        body: Option<Body>,
    ) -> Result<Self, RefusalError> {
        let refusal = Self {
            status: in_range(number)?,
            contacts,
            headers,
            body,
        };
        match required(number) {
            Some(needs) if !refusal.has(needs) => Err(RefusalError::Incomplete {
                status: number,
                needs,
            }),
            _ => Ok(refusal),
        }
    }

    fn has(&self, needs: RefusalPart) -> bool {
        match needs {
            RefusalPart::Body => self.body.is_some(),
            RefusalPart::Header(needed) => self
                .fields()
                .any(|(name, value)| name == needed && !value.is_empty()),
        }
    }
}

fn in_range(number: u16) -> Result<StatusCode, RefusalError> {
    let status = StatusCode::new(number).filter(|status| status.as_u16() >= 300);
    status.ok_or(RefusalError::Range(number))
}

/// The header field without which a status tells the peer nothing that it could act on, or the body. Allow of a 405 and Accept of a
/// 415 are not among them, because the core adds them.
const fn required(status: u16) -> Option<RefusalPart> {
    Some(RefusalPart::Header(match status {
        380 => return Some(RefusalPart::Body),
        // RFC 3261 section 21.3.
        300..=399 => HeaderName::Contact,
        401 => HeaderName::WwwAuthenticate,
        407 => HeaderName::ProxyAuthenticate,
        420 => HeaderName::Unsupported,
        421 => HeaderName::Require,
        // RFC 4028 section 6.
        422 => HeaderName::MinSe,
        423 => HeaderName::MinExpires,
        // RFC 6442 section 4.3.
        424 => HeaderName::Other(b"Geolocation-Error"),
        // RFC 6086 section 4.2.2.
        469 => HeaderName::RecvInfo,
        // RFC 6665 section 8.3.2.
        489 => HeaderName::AllowEvents,
        // RFC 3329 section 2.3.1.
        494 => HeaderName::SecurityServer,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_refuses() {
        for number in [100, 180, 200, 299, 700, 0] {
            assert_eq!(FailureStatus::new(number), Err(RefusalError::Range(number)));
        }
        assert_eq!(FailureStatus::new(486), Ok(FailureStatus::BUSY_HERE));
    }

    #[test]
    fn what_a_status_requires_is_a_header_field_that_completes_it() {
        let header = |name: &str| ExtraHeader::new(name, "1").expect("a header field");
        for number in 400..700 {
            let Some(needs) = required(number) else {
                assert!(FailureStatus::new(number).is_ok(), "{number}");
                continue;
            };
            let incomplete = RefusalError::Incomplete {
                status: number,
                needs,
            };
            let RefusalPart::Header(name) = needs else {
                panic!("{number} needs a body");
            };
            assert_eq!(FailureStatus::new(number), Err(incomplete));
            let other = alloc::vec![header("X-Other")];
            assert_eq!(Refusal::with_headers(number, other), Err(incomplete));
            let complete = alloc::vec![header(&alloc::format!("{name}"))];
            assert!(Refusal::with_headers(number, complete).is_ok(), "{number}");
        }
    }
}
