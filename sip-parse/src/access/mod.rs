//! Typed access to a message's header fields, on demand and without allocation: the fields of RFC 3261 that most
//! messages carry. [`extensions`] has the others.

mod extensions;
mod identified;

use core::marker::PhantomData;

use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::headers::auth::{Authentication, AuthenticationInfo, Challenge, Credentials};
use crate::headers::call::call_id;
use crate::headers::cseq::CSeq;
use crate::headers::media::{ContentDisposition, MediaType};
use crate::headers::name_addr::{Contact, NameAddr};
use crate::headers::via::Via;
use crate::headers::{Element, single};
use crate::message::{Header, Message};
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::number::digits;

/// The values of a list field over all its rows, in order (RFC 3261 section 7.3.1). It skips empty values, and goes on
/// behind a malformed one, because a fault in one value says nothing about the others.
pub struct Values<'a, T> {
    message: &'a Message,
    id: HeaderId,
    row: usize,
    /// Offset in the row's value; 0 at its start.
    at: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Values<'_, T> {
    fn clone(&self) -> Self {
        Values {
            message: self.message,
            id: self.id,
            row: self.row,
            at: self.at,
            kind: PhantomData,
        }
    }
}

impl<T> core::fmt::Debug for Values<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Values({} from row {})", self.id, self.row)
    }
}

impl<'a, T> Values<'a, T> {
    pub(crate) fn new(message: &'a Message, name: HeaderName<'_>) -> Self {
        let row = message
            .head
            .find(name.id())
            .unwrap_or(message.head.records.len());
        Values {
            message,
            id: name.id(),
            row,
            at: 0,
            kind: PhantomData,
        }
    }

    /// Skips the value that cannot be read; false if it is empty.
    #[cold]
    fn skip_value(&mut self, value: &[u8]) -> bool {
        let rest = &value[self.at.min(value.len())..];
        let end = first_value_end(rest);
        let empty = crate::class::trim(&rest[..end]).is_empty();
        if end < rest.len() {
            self.at += end + 1;
        } else {
            self.next_row();
        }
        !empty
    }

    fn next_row(&mut self) {
        self.at = 0;
        let records = self.message.head.records.get(self.row + 1..).unwrap_or(&[]);
        self.row += 1;
        self.row += records
            .iter()
            .position(|record| record.id == self.id)
            .unwrap_or(records.len());
    }
}

#[allow(private_bounds)] // `Element` is internal: callers name `Values`, and only this crate constructs it.
impl<'a, T: Element<'a>> Iterator for Values<'a, T> {
    type Item = Result<T, ParseError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = self.message.head.records.get(self.row)?;
            let value = self.message.value_of(record);
            // An empty row is an empty list (Supported, Allow, Accept may be empty).
            if value.is_empty() {
                self.next_row();
                continue;
            }
            let rules = self.message.rules.for_route(self.id.is_route());
            let read = T::element(value, self.at, rules).and_then(|(found, end)| {
                let end = skip_lws(value, end);
                match value.get(end) {
                    None | Some(b',') => Ok((found, end)),
                    Some(_) => Err(ParseError::at(ErrorKind::Character, end)),
                }
            });
            match read {
                Ok((found, end)) => {
                    match value.get(end) {
                        None => self.next_row(),
                        Some(_) => self.at = end + 1,
                    }
                    return Some(Ok(found));
                }
                Err(error) => {
                    if self.skip_value(value) {
                        let base = usize::from(record.value_start);
                        return Some(Err(error.within(self.id, base)));
                    }
                }
            }
        }
    }
}

impl Message {
    #[cold]
    pub(crate) fn missing(&self, name: HeaderName<'_>) -> ParseError {
        ParseError {
            kind: ErrorKind::Missing,
            offset: u32::from(self.head.end),
            header: Some(name.id()),
        }
    }

    /// The one value of a field that is not a list; `None` when absent.
    #[inline(always)]
    pub(crate) fn one<'a, T: Element<'a>>(
        &'a self,
        name: HeaderName<'_>,
    ) -> Result<Option<T>, ParseError> {
        let Some(row) = self.head.find(name.id()) else {
            return Ok(None);
        };
        self.value_in(row).map(Some)
    }

    #[inline(always)]
    pub(crate) fn value_in<'a, T: Element<'a>>(&'a self, row: usize) -> Result<T, ParseError> {
        let record = &self.head.records[row];
        single(self.value_of(record), self.rules)
            .map_err(|error| error.within(record.id, usize::from(record.value_start)))
    }

    #[inline(always)]
    pub(crate) fn mandatory<'a, T: Element<'a>>(
        &'a self,
        name: HeaderName<'_>,
    ) -> Result<T, ParseError> {
        self.one(name)?.ok_or_else(|| self.missing(name))
    }

    #[inline(always)]
    pub(crate) fn number(&self, name: HeaderName<'_>, max: u64) -> Result<Option<u64>, ParseError> {
        let Some(row) = self.head.find(name.id()) else {
            return Ok(None);
        };
        let record = &self.head.records[row];
        let value = self.value_of(record);
        let place = |error: ParseError| error.within(record.id, usize::from(record.value_start));
        let (number, end) = digits(value, 0, max).map_err(place)?;
        if end != value.len() {
            return Err(place(ParseError::at(ErrorKind::Character, end)));
        }
        Ok(Some(number))
    }

    /// A number of seconds: more than 32 bits is a fault in a request and `u32::MAX` in a response (RFC 4475 section
    /// 3.1.2.4).
    pub(crate) fn seconds(&self, name: HeaderName<'_>) -> Result<Option<u32>, ParseError> {
        let max = if self.is_request() {
            u64::from(u32::MAX)
        } else {
            u64::MAX
        };
        Ok(self
            .number(name, max)?
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    }

    pub(crate) fn text_of(&self, name: HeaderName<'_>) -> Option<&[u8]> {
        self.head
            .find(name.id())
            .map(|row| self.value_of(&self.head.records[row]))
    }

    /// The values of a field over all rows, in order: comma-separated and not empty for list fields, whole rows for
    /// others (RFC 3261 section 7.3.1). Commas in quotes, angle brackets and escapes belong to the value.
    pub fn values<'a, 'n>(
        &'a self,
        name: HeaderName<'n>,
    ) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        let list = name.is_list();
        let split = move |header: Header<'a>| Split {
            rest: Some(header.value),
            list,
        };
        self.headers_named(name)
            .flat_map(split)
            .filter(move |value| !list || !value.is_empty())
    }

    /// Whether a list field contains `token`, without regard to case, such as an option tag in Supported.
    pub fn has_token(&self, name: HeaderName<'_>, token: &[u8]) -> bool {
        self.rows(name.id())
            .flat_map(|row| Split {
                rest: Some(self.value_of(&self.head.records[row])),
                list: true,
            })
            .any(|value| value.eq_ignore_ascii_case(token))
    }

    /// The topmost Via value.
    ///
    /// # Errors
    /// Absent or malformed (RFC 3261 section 20.42).
    #[inline]
    pub fn top_via(&self) -> Result<Via<'_>, ParseError> {
        self.vias()
            .next()
            .unwrap_or_else(|| Err(self.missing(HeaderName::Via)))
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> Values<'_, Via<'_>> {
        Values::new(self, HeaderName::Via)
    }

    /// From.
    ///
    /// # Errors
    /// Absent or malformed (RFC 3261 section 20.20).
    #[inline]
    pub fn from(&self) -> Result<NameAddr<'_>, ParseError> {
        self.mandatory(HeaderName::From)
    }

    /// To.
    ///
    /// # Errors
    /// Absent or malformed (RFC 3261 section 20.39).
    #[inline]
    pub fn to(&self) -> Result<NameAddr<'_>, ParseError> {
        self.mandatory(HeaderName::To)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// Absent or malformed (RFC 3261 section 20.8).
    #[inline]
    pub fn call_id(&self) -> Result<&[u8], ParseError> {
        let name = HeaderName::CallId;
        let row = self
            .head
            .find(name.id())
            .ok_or_else(|| self.missing(name))?;
        let record = &self.head.records[row];
        let value = self.value_of(record);
        let place = |error: ParseError| error.within(record.id, usize::from(record.value_start));
        let end = call_id(value, 0).map_err(place)?;
        if end != value.len() {
            return Err(place(ParseError::at(ErrorKind::Character, end)));
        }
        Ok(value)
    }

    /// CSeq.
    ///
    /// # Errors
    /// Absent, malformed, or a number of 2^31 or more (RFC 3261 section 20.16).
    #[inline]
    pub fn cseq(&self) -> Result<CSeq<'_>, ParseError> {
        self.mandatory(HeaderName::CSeq)
    }

    /// Max-Forwards; `None` when absent.
    ///
    /// # Errors
    /// Malformed or over 255 (RFC 3261 section 20.22).
    #[inline]
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        Ok(self
            .number(HeaderName::MaxForwards, 255)?
            .map(|hops| hops as u8))
    }

    /// All Contact values.
    pub fn contacts(&self) -> Values<'_, Contact<'_>> {
        Values::new(self, HeaderName::Contact)
    }

    /// All Route values.
    pub fn routes(&self) -> Values<'_, NameAddr<'_>> {
        Values::new(self, HeaderName::Route)
    }

    /// All Record-Route values.
    pub fn record_routes(&self) -> Values<'_, NameAddr<'_>> {
        Values::new(self, HeaderName::RecordRoute)
    }

    /// All Path values (RFC 3327).
    pub fn paths(&self) -> Values<'_, NameAddr<'_>> {
        Values::new(self, HeaderName::Path)
    }

    /// All Service-Route values (RFC 3608).
    pub fn service_routes(&self) -> Values<'_, NameAddr<'_>> {
        Values::new(self, HeaderName::ServiceRoute)
    }

    /// Expires in seconds.
    ///
    /// # Errors
    /// Malformed; in a request also over 32 bits. In a response such a number reads as `u32::MAX`.
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        self.seconds(HeaderName::Expires)
    }

    /// Min-Expires in seconds.
    ///
    /// # Errors
    /// As [`Message::expires`].
    pub fn min_expires(&self) -> Result<Option<u32>, ParseError> {
        self.seconds(HeaderName::MinExpires)
    }

    /// Flow-Timer in seconds (RFC 5626 section 10).
    ///
    /// # Errors
    /// As [`Message::expires`].
    pub fn flow_timer(&self) -> Result<Option<u32>, ParseError> {
        self.seconds(HeaderName::FlowTimer)
    }

    /// The value of Content-Length.
    ///
    /// # Errors
    /// Malformed, or over 32 bits.
    pub fn content_length(&self) -> Result<Option<u32>, ParseError> {
        Ok(self
            .number(HeaderName::ContentLength, u64::from(u32::MAX))?
            .map(|length| length as u32))
    }

    /// Content-Type.
    ///
    /// # Errors
    /// Malformed (RFC 3261 section 20.15).
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, ParseError> {
        self.one(HeaderName::ContentType)
    }

    /// Content-Disposition.
    ///
    /// # Errors
    /// Malformed (RFC 3261 section 20.11).
    pub fn content_disposition(&self) -> Result<Option<ContentDisposition<'_>>, ParseError> {
        self.one(HeaderName::ContentDisposition)
    }

    /// The media ranges of Accept.
    pub fn accept(&self) -> Values<'_, MediaType<'_>> {
        Values::new(self, HeaderName::Accept)
    }

    /// The option tags of Supported; compare without regard to case, or use [`Message::has_token`].
    pub fn supported(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.values(HeaderName::Supported)
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.values(HeaderName::Require)
    }

    /// The option tags of Proxy-Require.
    pub fn proxy_require(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.values(HeaderName::ProxyRequire)
    }

    /// The option tags of Unsupported.
    pub fn unsupported(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.values(HeaderName::Unsupported)
    }

    /// The methods of Allow. Text that is no token is a [`Method::Other`].
    pub fn allow(&self) -> impl Iterator<Item = Method<'_>> + Clone {
        self.values(HeaderName::Allow).map(Method::from_token)
    }

    fn authentication<'a>(
        &'a self,
        names: [HeaderName<'static>; 2],
    ) -> impl Iterator<Item = Result<(bool, Authentication<'a>), ParseError>> + Clone + use<'a>
    {
        let ids = [names[0].id(), names[1].id()];
        let rows = 0..self.head.records.len();
        rows.filter(move |&row| ids.contains(&self.head.records[row].id))
            .map(move |row| {
                let proxy = self.head.records[row].id == ids[1];
                Ok((proxy, self.value_in(row)?))
            })
    }

    /// The challenges of WWW-Authenticate and Proxy-Authenticate rows, in order. A row with several challenges, which
    /// RFC 3261 section 7.3.1 forbids and RFC 9110 section 11.6.1 allows, is read challenge by challenge.
    pub fn challenges(&self) -> impl Iterator<Item = Result<Challenge<'_>, ParseError>> + Clone {
        let names = [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate];
        let ids = names.map(|name| name.id());
        let rows = 0..self.head.records.len();
        rows.filter(move |&row| ids.contains(&self.head.records[row].id))
            .flat_map(move |row| {
                let record = &self.head.records[row];
                let (proxy, value) = (record.id == ids[1], self.value_of(record));
                let whole = single(value, self.rules).is_ok_and(|_: Authentication<'_>| true);
                let place = usize::from(record.value_start);
                Challenges::new(value, !whole).map(move |(at, value)| {
                    let Authentication {
                        scheme,
                        params,
                        token68,
                    } = single(value, self.rules)
                        .map_err(|error| error.within(record.id, place + at))?;
                    Ok(Challenge {
                        proxy,
                        scheme,
                        params,
                        token68,
                    })
                })
            })
    }

    /// The credentials of Authorization and Proxy-Authorization rows, in order.
    pub fn credentials(&self) -> impl Iterator<Item = Result<Credentials<'_>, ParseError>> + Clone {
        self.authentication([HeaderName::Authorization, HeaderName::ProxyAuthorization])
            .map(|row| {
                row.map(
                    |(
                        proxy,
                        Authentication {
                            scheme,
                            params,
                            token68,
                        },
                    )| Credentials {
                        proxy,
                        scheme,
                        params,
                        token68,
                    },
                )
            })
    }

    /// Authentication-Info.
    ///
    /// # Errors
    /// Malformed (RFC 3261 section 20.6).
    pub fn authentication_info(&self) -> Result<Option<AuthenticationInfo<'_>>, ParseError> {
        self.one(HeaderName::AuthenticationInfo)
    }
}

/// The challenges of one row, and where each begins.
#[derive(Clone)]
struct Challenges<'a> {
    row: &'a [u8],
    at: Option<usize>,
    split: bool,
}

impl<'a> Challenges<'a> {
    /// The row as one challenge; with `split`, a new one begins after each comma that a scheme follows.
    const fn new(row: &'a [u8], split: bool) -> Self {
        Challenges {
            row,
            at: Some(0),
            split,
        }
    }
}

impl<'a> Iterator for Challenges<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        let mut at = start;
        while self.split {
            at += first_value_end(&self.row[at..]);
            if at >= self.row.len() {
                break;
            }
            if is_scheme(self.row, at + 1) {
                self.at = Some(at + 1);
                return Some((start, &self.row[start..at]));
            }
            at += 1;
        }
        self.at = None;
        Some((start, &self.row[start..]))
    }
}

/// Whether a scheme begins at `at`, and no parameter: a token that no equals sign follows.
fn is_scheme(row: &[u8], at: usize) -> bool {
    let start = skip_lws(row, at);
    let end = class::run(row, start, class::TOKEN);
    end > start && row.get(skip_lws(row, end)) != Some(&b'=')
}

/// Splits a value at the commas that are outside quotes and angle brackets.
#[derive(Clone)]
pub(crate) struct Split<'a> {
    pub(crate) rest: Option<&'a [u8]>,
    pub(crate) list: bool,
}

/// A list without the empty elements in front of its first value.
pub(crate) fn without_empties(list: &[u8]) -> &[u8] {
    let is_empty = |byte: &u8| matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n');
    let start = list.iter().position(|byte| !is_empty(byte));
    &list[start.unwrap_or(list.len())..]
}

/// The end of the first value of a list: a comma outside quotes and angle brackets, or the end of the list.
pub(crate) fn first_value_end(value: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        match byte {
            b',' => break,
            // A bracket that another one follows was never closed, so that it encloses no comma.
            b'<' => match memchr::memchr2(b'<', b'>', &value[at + 1..]) {
                Some(end) if value[at + 1 + end] == b'>' => at += end + 1,
                _ => {}
            },
            b'"' => match crate::params::quoted(value, at) {
                Ok(end) => {
                    at = end;
                    continue;
                }
                // An unclosed quote extends to the end.
                Err(_) => return value.len(),
            },
            _ => {}
        }
        at += 1;
    }
    at
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let value = self.rest?;
        let end = if self.list {
            first_value_end(value)
        } else {
            value.len()
        };
        self.rest = value.get(end + 1..);
        Some(crate::class::trim(&value[..end]))
    }
}
