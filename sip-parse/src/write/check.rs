//! What no message may hold.

use super::{BuildError, BuildErrorKind, refuse};
use crate::class;
use crate::name::HeaderId;
use crate::uri::Uri;
use crate::value::Value;

/// No controls but HT: neither CR nor LF nor NUL can get through.
pub(super) fn check_text(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    match text.iter().position(|&byte| !class::is(byte, class::TEXT)) {
        Some(at) => refuse(BuildErrorKind::Control, header, at),
        None => Ok(()),
    }
}

pub(super) fn check_token(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    check_text(text, header)?;
    let end = class::run(text, 0, class::TOKEN);
    if end != text.len() || end == 0 {
        refuse(BuildErrorKind::Value, header, end)
    } else {
        Ok(())
    }
}

pub(super) fn check_uri(text: &[u8], header: Option<HeaderId>) -> Result<(), BuildError> {
    check_text(text, header)?;
    match Uri::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => refuse(BuildErrorKind::Uri, header, error.offset as usize),
    }
}

/// Checks what the grammar of the field does not: that nothing can end the line or the value early.
pub(super) fn check_value(value: &Value<'_>, id: Option<HeaderId>) -> Result<(), BuildError> {
    match value {
        Value::Bytes(text) => check_text(text, id),
        Value::Owned(text) => check_text(text, id),
        Value::Number(_) => Ok(()),
        Value::Joined(values) => values.iter().try_for_each(|text| check_text(text, id)),
        Value::Via {
            transport,
            sent_by,
            branch,
            ..
        } => {
            check_token(transport, id)?;
            check_text(sent_by, id)?;
            check_token(branch, id)
        }
        Value::CSeq(_, method) => check_token(method.as_bytes(), id),
        Value::NameAddr {
            display,
            uri,
            tag,
            params,
        } => {
            if let Some(display) = display {
                check_text(display.as_bytes(), id)?;
            }
            check_uri(uri, id)?;
            if let Some(tag) = tag {
                check_token(tag, id)?;
            }
            check_text(params, id)
        }
        Value::Typed(value) => {
            let mut result = Ok(());
            value.write(&mut |piece| {
                if result.is_ok() {
                    // A control in a quoted pair is legal, one that ends a line never is.
                    if let Some(at) = memchr::memchr3(b'\r', b'\n', 0, piece) {
                        result = refuse(BuildErrorKind::Control, id, at);
                    }
                }
            });
            result
        }
    }
}
