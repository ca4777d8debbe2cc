//! Header fields that are checked once and written many times.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::{Limits, Rules};
use crate::name::HeaderName;
use crate::scan::Record;
use crate::text::text;
use crate::value::Value;
use crate::write::check::check_new;
use crate::write::emit::emit_value;
use crate::write::error::{BuildError, BuildErrorKind, refuse};
use crate::write::text::MOST;

/// A header field with a value in its grammar. The type is the proof: it is checked when it is made, and
/// [`Builder::field`](crate::Builder::field) copies it.
///
/// ```
/// use sip_parse::{Field, HeaderName};
///
/// let allow = Field::new(HeaderName::Allow, "INVITE, ACK, BYE")?;
/// assert_eq!(allow.value(), b"INVITE, ACK, BYE");
/// assert!(Field::new(HeaderName::Allow, "INVITE\r\nX: y").is_err());
/// # Ok::<(), sip_parse::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The line with its end.
    line: Box<[u8]>,
    /// Counts from the start of the line.
    record: Record,
}

impl Field {
    /// Checks and writes a header field.
    ///
    /// # Errors
    /// A control character in the name or the value; a name or value against its grammar; a line over 65,535 bytes.
    pub fn new<'a>(name: HeaderName<'_>, value: impl Into<Value<'a>>) -> Result<Field, BuildError> {
        let value = value.into();
        let mut line = Vec::new();
        line.extend_from_slice(name.as_bytes());
        let name_end = line.len();
        line.extend_from_slice(b": ");
        let value_start = line.len();
        emit_value(&mut line, &value);
        let value_end = line.len();
        line.extend_from_slice(b"\r\n");
        // A number that a request may have is right in a response, too.
        let rules = Rules::written(Limits::DEFAULT.parameters);
        check_new(name, &value, &line[value_start..value_end], rules, true)
            .map_err(|(error, _)| error)?;
        if line.len() > MOST {
            return refuse(BuildErrorKind::TooLarge, Some(name.id()), MOST);
        }
        Ok(Field {
            line: line.into(),
            record: Record {
                start: 0,
                name_end: name_end as u16,
                value_start: value_start as u16,
                value_end: value_end as u16,
                id: name.id(),
                folded: false,
            },
        })
    }

    /// The name.
    pub fn name(&self) -> HeaderName<'_> {
        HeaderName::of(
            self.record.id,
            &self.line[..usize::from(self.record.name_end)],
        )
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        &self.line[usize::from(self.record.value_start)..usize::from(self.record.value_end)]
    }

    pub(super) fn line(&self) -> (&[u8], &Record) {
        (&self.line, &self.record)
    }
}

/// Shows the name only, because the value may contain credentials.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", text(self.name().as_bytes()))
    }
}
