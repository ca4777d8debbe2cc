//! Header fields about the message itself: Date, Timestamp, MIME-Version, Warning, and the parameter lists of RFC 7315
//! (RFC 3261 sections 20.17, 20.24, 20.38, 20.43).

use alloc::borrow::Cow;

use super::{Element, HeaderValue, alone, put_all, put_number, put_params, put_plain};
use crate::class::{self, skip_lws};
use crate::error::{ErrorKind, ParseError};
use crate::limits::Rules;
use crate::number::digits;
use crate::params::{self, Params, unexpected, unquote};

/// A Date value: an RFC 1123 date in GMT (RFC 3261 section 20.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Seconds since 1970-01-01 00:00:00 GMT, leap seconds not counted; 0 to 253,402,300,799 (the end of the year 9999).
    pub unix_seconds: u64,
}

const WEEKDAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAY: u64 = 86_400;

impl Date {
    /// Reads a Date value.
    ///
    /// # Errors
    /// Anything but an RFC 1123 date from 1970 on with its right weekday, in `GMT` (RFC 4475 section 3.1.2.12).
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

/// Days from 1970-01-01 to the first day of a year.
fn days_before(year: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn month_lengths(year: u64) -> [u64; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ]
}

impl<'a> Element<'a> for Date {
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        // "Sat, 13 Nov 2010 23:29:00 GMT" has one shape and one length.
        let text: &[u8; 29] = input
            .get(start..)
            .and_then(|rest| rest.first_chunk())
            .ok_or_else(|| unexpected(input, input.len()))?;
        for (offset, expected) in [
            (3, b','),
            (4, b' '),
            (7, b' '),
            (11, b' '),
            (16, b' '),
            (19, b':'),
            (22, b':'),
        ] {
            if text[offset] != expected {
                return Err(ParseError::at(
                    ErrorKind::Expected(expected),
                    start + offset,
                ));
            }
        }
        if &text[25..] != b" GMT" {
            return Err(ParseError::at(ErrorKind::Value, start + 25));
        }
        let number = |from: usize, to: usize| match digits(&text[from..to], 0, u64::MAX) {
            Ok((number, end)) if end == to - from => Ok(number),
            _ => Err(ParseError::at(ErrorKind::Number, start + from)),
        };
        let wrong = |offset: usize| ParseError::at(ErrorKind::Value, start + offset);
        let (day, year) = (number(5, 7)?, number(12, 16)?);
        let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
        let month = MONTHS
            .iter()
            .position(|name| *name == &text[8..11])
            .ok_or_else(|| wrong(8))?;
        if year < 1970 || hour > 23 || minute > 59 || second > 59 {
            return Err(wrong(12));
        }
        let lengths = month_lengths(year);
        if day < 1 || day > lengths[month] {
            return Err(wrong(5));
        }
        let days = days_before(year) + lengths[..month].iter().sum::<u64>() + day - 1;
        if WEEKDAYS[(days % 7) as usize] != &text[..3] {
            return Err(wrong(0));
        }
        let unix_seconds = days * DAY + hour * 3600 + minute * 60 + second;
        Ok((Date { unix_seconds }, start + text.len()))
    }
}

impl HeaderValue for Date {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        let days = self.unix_seconds / DAY;
        // At most one year too high, because a leap year has more than 365 days.
        let mut year = 1970 + days / 365;
        while days_before(year) > days {
            year -= 1;
        }
        let mut rest = days - days_before(year);
        let mut month = 0;
        for length in month_lengths(year) {
            if rest < length {
                break;
            }
            rest -= length;
            month += 1;
        }
        let two = |number: u64| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        let (century, tail) = (two(year / 100 % 100), two(year % 100));
        let time = self.unix_seconds % DAY;
        put_all(
            &[
                WEEKDAYS[(days % 7) as usize],
                b", ",
                &two(rest + 1),
                b" ",
                MONTHS[month],
                b" ",
            ],
            put,
        );
        put_all(
            &[
                &century,
                &tail,
                b" ",
                &two(time / 3600),
                b":",
                &two(time / 60 % 60),
                b":",
            ],
            put,
        );
        put_all(&[&two(time % 60), b" GMT"], put);
    }
}

/// A Timestamp value (RFC 3261 section 20.38).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// The time of sending in seconds of the sender's clock: digits with an optional fraction.
    pub sent: &'a [u8],
    /// The server's processing time in seconds: digits with an optional fraction.
    pub delay: Option<&'a [u8]>,
}

impl<'a> Timestamp<'a> {
    /// Reads a Timestamp value.
    ///
    /// # Errors
    /// The first fault against `Timestamp` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

/// `*DIGIT [ "." *DIGIT ]` at `at`; returns its end.
fn decimal(input: &[u8], at: usize) -> usize {
    let whole = class::run(input, at, class::DIGIT);
    if input.get(whole) == Some(&b'.') {
        class::run(input, whole + 1, class::DIGIT)
    } else {
        whole
    }
}

impl<'a> Element<'a> for Timestamp<'a> {
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        if !class::at(input, start, class::DIGIT) {
            return Err(unexpected(input, start));
        }
        let end = decimal(input, start);
        let delay_start = skip_lws(input, end);
        let delay_end = decimal(input, delay_start);
        let delay =
            (delay_start > end && delay_end > delay_start).then(|| &input[delay_start..delay_end]);
        Ok((
            Timestamp {
                sent: &input[start..end],
                delay,
            },
            if delay.is_some() { delay_end } else { end },
        ))
    }
}

impl HeaderValue for Timestamp<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put(self.sent);
        if let Some(delay) = self.delay {
            put_all(&[b" ", delay], put);
        }
    }
}

/// A MIME-Version value (RFC 3261 section 20.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MimeVersion {
    /// The number in front of the dot.
    pub major: u32,
    /// The number behind the dot.
    pub minor: u32,
}

impl MimeVersion {
    /// Reads a MIME-Version value.
    ///
    /// # Errors
    /// Anything but two numbers with a dot between them.
    pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for MimeVersion {
    fn element(input: &'a [u8], at: usize, _: Rules) -> Result<(Self, usize), ParseError> {
        let (major, dot) = digits(input, skip_lws(input, at), u64::from(u32::MAX))?;
        if input.get(dot) != Some(&b'.') {
            return Err(ParseError::at(ErrorKind::Expected(b'.'), dot));
        }
        let (minor, end) = digits(input, dot + 1, u64::from(u32::MAX))?;
        Ok((
            MimeVersion {
                major: major as u32,
                minor: minor as u32,
            },
            end,
        ))
    }
}

impl HeaderValue for MimeVersion {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_number(u64::from(self.major), put);
        put(b".");
        put_number(u64::from(self.minor), put);
    }
}

/// A Warning value (RFC 3261 section 20.43).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits, such as 399.
    pub code: u16,
    /// The host or pseudonym of the warning server.
    pub agent: &'a [u8],
    /// The text as received, with its quotes.
    pub quoted_text: &'a [u8],
}

impl<'a> Warning<'a> {
    /// Reads one Warning value.
    ///
    /// # Errors
    /// The first fault against `warning-value` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The text without quotes, escapes undone.
    pub fn text(&self) -> Cow<'a, [u8]> {
        unquote(self.quoted_text)
    }
}

impl<'a> Element<'a> for Warning<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let (code, code_end) = digits(input, start, 999)?;
        if code_end - start != 3 {
            return Err(ParseError::at(ErrorKind::Number, start));
        }
        let agent_start = skip_lws(input, code_end);
        let agent_end = class::run(input, agent_start, class::STRICT_VALUE);
        let text_start = skip_lws(input, agent_end);
        if agent_start == code_end || agent_end == agent_start || text_start == agent_end {
            return Err(unexpected(input, agent_end.max(agent_start)));
        }
        for (from, to) in [(code_end, agent_start), (agent_end, text_start)] {
            if rules.strict && &input[from..to] != b" " {
                return Err(unexpected(input, from));
            }
        }
        let end = params::quoted(input, text_start)?;
        let agent = &input[agent_start..agent_end];
        Ok((
            Warning {
                code: code as u16,
                agent,
                quoted_text: &input[text_start..end],
            },
            end,
        ))
    }
}

impl HeaderValue for Warning<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        // warn-code = 3DIGIT: leading zeros belong to it.
        let digit = |value: u16| b'0' + (value % 10) as u8;
        let code = [
            digit(self.code / 100),
            digit(self.code / 10),
            digit(self.code),
        ];
        put_all(&[&code, b" ", self.agent, b" "], put);
        put_plain(self.quoted_text, put);
    }
}

/// A value that consists of parameters only: P-Charging-Vector, P-Charging-Function-Addresses (RFC 7315 sections 5.5,
/// 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamList<'a> {
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> ParamList<'a> {
    /// Reads a list of parameters.
    ///
    /// # Errors
    /// The first fault against `generic-param *( SEMI generic-param )` (RFC 3261 section 25.1).
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }
}

impl<'a> Element<'a> for ParamList<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let end = params::scan_first(input, start, rules)?;
        Ok((
            ParamList {
                params: Params::new(&input[start..end], b';'),
            },
            end,
        ))
    }
}

impl HeaderValue for ParamList<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        // The first parameter has no separator in front of it.
        let mut first = true;
        put_params(self.params, &[], &mut |piece| {
            if first && piece == b";" {
                first = false;
            } else {
                put(piece);
            }
        });
    }
}

/// A token or quoted string with parameters: P-Visited-Network-ID, User-to-User (RFC 7315 section 5.3, RFC 7433).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextParams<'a> {
    /// The token, or the string with its quotes.
    pub text: &'a [u8],
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> TextParams<'a> {
    /// Reads a token or quoted string with parameters.
    ///
    /// # Errors
    /// The first fault against `( token / quoted-string ) *( SEMI generic-param )`.
    pub fn parse(value: &'a [u8]) -> Result<Self, ParseError> {
        alone(value)
    }

    /// The text without quotes, escapes undone.
    pub fn unquoted(&self) -> Cow<'a, [u8]> {
        unquote(self.text)
    }
}

impl<'a> Element<'a> for TextParams<'a> {
    fn element(input: &'a [u8], at: usize, rules: Rules) -> Result<(Self, usize), ParseError> {
        let start = skip_lws(input, at);
        let text_end = if input.get(start) == Some(&b'"') {
            params::quoted(input, start)?
        } else {
            class::run(input, start, class::TOKEN)
        };
        if text_end == start {
            return Err(unexpected(input, start));
        }
        let end = params::scan_all(input, text_end, rules)?;
        let params = Params::new(&input[text_end..end], b';');
        Ok((
            TextParams {
                text: &input[start..text_end],
                params,
            },
            end,
        ))
    }
}

impl HeaderValue for TextParams<'_> {
    fn write(&self, put: &mut dyn FnMut(&[u8])) {
        put_plain(self.text, put);
        put_params(self.params, &[], put);
    }
}
