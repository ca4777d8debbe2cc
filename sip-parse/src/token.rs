//! Methods and header field names read from text: one token and nothing else.

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::method::Method;
use crate::name::{self, HeaderName};

impl<'a> Method<'a> {
    /// Reads a method: one token and nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::Method`] when `bytes` is no token, at the first wrong byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let end = class::run(bytes, 0, class::TOKEN);
        if end != bytes.len() || end == 0 {
            return Err(ParseError::at(ErrorKind::Method, end));
        }
        Ok(Method::from_token(bytes))
    }
}

impl<'a> HeaderName<'a> {
    /// Reads a name, long or compact.
    ///
    /// # Errors
    /// [`ErrorKind::Character`] when `bytes` is no token (RFC 3261 section 7.3.1).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let end = class::run(bytes, 0, class::TOKEN);
        if end != bytes.len() || end == 0 {
            return Err(ParseError::at(ErrorKind::Character, end));
        }
        Ok(HeaderName::of(name::lookup(bytes), bytes))
    }
}
