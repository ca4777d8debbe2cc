//! Checks of values before the builder writes them.

use crate::class;
use crate::headers::cseq::CSEQ_MAX;
use crate::limits::{Limits, Rules};
use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::params::{self, unexpected};
use crate::uri::{self, Form, Uri};
use crate::value::Value;
use crate::write::error::{BuildError, BuildErrorKind, refuse};
use crate::write::plain::{is_plain, is_plain_uri};

/// Rejects every control except HT, and so CR, LF and NUL.
pub(super) fn check_text(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    match text.iter().position(|&byte| !class::is(byte, class::TEXT)) {
        Some(at) => refuse(BuildErrorKind::Control, header, at),
        None => Ok(()),
    }
}

pub(super) fn check_token(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    let end = class::run(text, 0, class::TOKEN);
    if end == text.len() && end > 0 {
        return Ok(());
    }
    // Reports a control first, because it is the graver fault.
    check_text(text, header)?;
    refuse(BuildErrorKind::Value, header, end)
}

pub(super) fn check_uri(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    if is_plain_uri(text, Limits::DEFAULT.parameters) {
        return Ok(());
    }
    // Reports a control first, because it is the graver fault.
    let rules = Rules::written(Limits::DEFAULT.parameters);
    let read = Uri::prefix(text, 0, Form::Full, rules).and_then(|(_, end)| match end {
        end if end == text.len() => Ok(()),
        end => Err(unexpected(text, end)),
    });
    match read {
        Ok(()) => Ok(()),
        Err(error) => {
            check_text(text, header)?;
            refuse(BuildErrorKind::Uri, header, error.offset as usize)
        }
    }
}

/// Rejects CR, LF and NUL, because they end a line or a C string.
fn check_line(text: &[u8], id: HeaderId) -> Result<(), BuildError> {
    match memchr::memchr3(b'\r', b'\n', 0, text) {
        Some(at) => refuse(BuildErrorKind::Control, Some(id), at),
        None => Ok(()),
    }
}

/// Checks that no text can end the line or the value early. The builder also parses the written value, unless
/// [`is_checked`].
fn check_value(value: &Value<'_>, id: HeaderId) -> Result<(), BuildError> {
    let header = Some(id);
    match value {
        Value::Bytes(text) => check_line(text, id),
        Value::Owned(text) => check_line(text, id),
        Value::Number(_) => Ok(()),
        Value::Joined(values) => values.iter().try_for_each(|text| check_line(text, id)),
        Value::Via {
            transport,
            sent_by,
            branch,
            ..
        } => {
            check_token(transport, header)?;
            check_sent_by(sent_by, header)?;
            check_token(branch, header)
        }
        Value::CSeq(_, Method::Other(method)) => check_token(method, header),
        Value::CSeq(..) => Ok(()),
        Value::NameAddr {
            display,
            uri,
            tag,
            params,
        } => {
            if let Some(display) = display {
                check_text(display.as_bytes(), header)?;
            }
            check_uri(uri, header)?;
            if let Some(tag) = tag {
                check_token(tag, header)?;
            }
            if params.is_empty() {
                return Ok(());
            }
            check_line(params, id)?;
            let rules = Rules::written(u16::MAX);
            match params::scan_all(params, 0, rules) {
                Ok(end) if end == params.trim_ascii_end().len() => Ok(()),
                Ok(end) => refuse(BuildErrorKind::Value, header, end),
                Err(error) => refuse(BuildErrorKind::Value, header, error.offset as usize),
            }
        }
        Value::Typed(value) => {
            let mut result = Ok(());
            value.write(&mut |piece| {
                if result.is_ok() {
                    result = check_line(piece, id);
                }
            });
            result
        }
    }
}

/// `host [ ":" port ]` and nothing else.
fn check_sent_by(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    let end = uri::host(text, 0, Rules::DEFAULT).and_then(|(_, end)| uri::port(text, end));
    match end {
        Ok((_, end)) if end == text.len() => Ok(()),
        Ok((_, end)) => refuse(BuildErrorKind::Value, header, end),
        Err(error) => refuse(BuildErrorKind::Value, header, error.offset as usize),
    }
}

/// Checks a new value with its name; `written` is its text on the wire. The second part of the error is whether the value
/// can be written as one line and only its grammar is at fault.
#[inline]
pub(super) fn check_new(
    name: HeaderName<'_>,
    value: &Value<'_>,
    written: &[u8],
    rules: Rules,
    request: bool,
) -> Result<(), (BuildError, bool)> {
    let id = name.id();
    if id == HeaderId::OTHER && HeaderName::parse(name.as_bytes()).is_err() {
        return refuse(BuildErrorKind::Name, Some(id), 0).map_err(|error| (error, false));
    }
    let is_plain = match value {
        Value::Bytes(text) => is_plain(id, text, rules.parameters),
        Value::Owned(text) => is_plain(id, text, rules.parameters),
        _ => false,
    };
    if is_plain {
        return Ok(());
    }
    check_value(value, id).map_err(|error| (error, false))?;
    // Builders write Content-Length themselves.
    if id == HeaderId::CONTENT_LENGTH || is_checked(value, id) {
        return Ok(());
    }
    crate::field::value(id.name(), written, rules, request).map_err(|error| {
        let error = BuildError {
            kind: BuildErrorKind::Value,
            header: Some(id),
            offset: error.offset,
        };
        (error, true)
    })
}

/// Whether [`check_value`] covers the whole grammar of the field.
fn is_checked(value: &Value<'_>, id: HeaderId) -> bool {
    match value {
        Value::Via { .. } => id == HeaderId::VIA,
        Value::CSeq(number, _) => id == HeaderId::CSEQ && u64::from(*number) <= CSEQ_MAX,
        // A Contact also bounds its parameters.
        Value::NameAddr { params, .. } => {
            id == HeaderId::FROM
                || id == HeaderId::TO
                || id == HeaderName::Contact.id() && params.is_empty()
        }
        Value::Number(number) => {
            id == HeaderId::MAX_FORWARDS && *number <= 255 || id == HeaderName::Expires.id()
        }
        _ => false,
    }
}
