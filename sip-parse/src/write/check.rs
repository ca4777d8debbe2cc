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

/// Whether a text is `sip:` or `sips:`, a user without escapes or none, a host name or IPv4 address, and a port or none. A
/// quick look at the usual URI; [`Uri`] reads all others.
fn is_plain_uri(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"sip") else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(b"s").unwrap_or(rest).strip_prefix(b":") else {
        return false;
    };
    let user = class::run(rest, 0, class::BARE_USER);
    let start = match rest.get(user) {
        Some(b'@') if user > 0 => user + 1,
        _ => 0,
    };
    let end = class::run(rest, start, class::HOST);
    end > start
        && rest.len() < LONGEST_PLAIN
        && (end == rest.len() || uri::port(rest, end).is_ok_and(|(_, end)| end == rest.len()))
}

/// [`is_plain_uri`] leaves longer ones to the reader, which knows the greatest length.
const LONGEST_PLAIN: usize = 1_024;

pub(super) fn check_uri(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    if is_plain_uri(text) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The quick look accepts nothing that the reader of URIs refuses, over all short texts of these pieces.
    #[test]
    fn a_plain_uri_is_a_uri() {
        const PIECES: [&[u8]; 14] = [
            b"sip:", b"sips:", b"a", b"1", b"@", b":", b".", b"65535", b"65536", b"_", b"%", b";",
            b"?", b"[::1]",
        ];
        let mut plain = 0;
        let mut texts = alloc::vec![alloc::vec::Vec::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text: &alloc::vec::Vec<u8>| PIECES.map(|piece| [text, piece].concat()))
                .collect();
            for text in &texts {
                let accepted = is_plain_uri(text);
                plain += usize::from(accepted);
                let rules = Rules::written(Limits::DEFAULT.parameters);
                let read = Uri::prefix(text, 0, Form::Full, rules);
                let whole = read.is_ok_and(|(_, end)| end == text.len());
                assert!(whole || !accepted, "{}", crate::text::text(text));
            }
        }
        assert!(plain > 1_000, "{plain}");
    }
}
