//! Branches that the caller chooses: for a stateless proxy, and for loop detection.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sip_parse::{HeaderName, ParseError, Request};

use super::layer::TransactionLayer;
use super::matching::{MAGIC_COOKIE, read_branch};
use super::outbox::Outbox;
use crate::rand::push_base32;

/// The longest branch that a caller may choose, in bytes.
const LONGEST: usize = 256;

/// A branch parameter of the caller's choice (RFC 3261 section 8.1.1.7).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Branch(Box<str>);

/// Why a text is no branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError {
    /// It does not start with `z9hG4bK`, or nothing follows (RFC 3261 section 8.1.1.7).
    #[error("a branch starts with z9hG4bK, and more follows")]
    Cookie,
    /// The byte at this offset is not of a token (RFC 3261 section 25.1).
    #[error("the byte at {0} is not of a token")]
    Character(usize),
    /// It is longer than 256 bytes.
    #[error("the branch is longer than {LONGEST} bytes")]
    TooLong,
}

impl Branch {
    /// Checks a text: the magic cookie, then at least one more byte, all of a token.
    ///
    /// # Errors
    /// [`BranchError`] if it is no branch.
    pub fn new(text: &str) -> Result<Self, BranchError> {
        let rest = text.as_bytes().strip_prefix(MAGIC_COOKIE);
        if rest.is_none_or(<[u8]>::is_empty) {
            return Err(BranchError::Cookie);
        }
        if text.len() > LONGEST {
            return Err(BranchError::TooLong);
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
        match text.bytes().position(|byte| !is_token(byte)) {
            Some(at) => Err(BranchError::Character(at)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// A branch for the forwarded copy of `request` that detects loops (RFC 3261 section 16.6 step 8, RFC 5393 section
    /// 4.2.1): a random part, and a keyed hash of the fields that decide the route.
    ///
    /// # Errors
    /// A field that cannot be read: answer with [`ParseError::status`].
    pub fn loop_branch(&mut self, request: &Request) -> Result<Branch, ParseError> {
        let mut text = String::from("z9hG4bK");
        push_base32(self.rng.next_u64(), &mut text);
        text.push('.');
        text.push_str(&self.loop_hash(request)?);
        Ok(Branch(text.into()))
    }

    /// Whether this element has forwarded the request before with the same fields that decide the route: a Via of this
    /// element has a branch of [`loop_branch`](Self::loop_branch) with the same hash (RFC 3261 section 16.3 step 4). Answer
    /// 482 (Loop Detected) then. A request that comes back with another Request-URI spirals, which is allowed.
    ///
    /// # Errors
    /// A field that cannot be read: answer with [`ParseError::status`].
    pub fn is_loop(&self, request: &Request) -> Result<bool, ParseError> {
        let hash = self.loop_hash(request)?;
        for via in request.vias() {
            let via = via?;
            let branch = via.branch().unwrap_or_default();
            let own = branch.rsplit(|&byte| byte == b'.').next();
            if self.is_own_sent_by(via.sent_by()) && own == Some(hash.as_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a branch may be one that the caller chose: it has the cookie, and is none of the layer's own.
    pub(super) fn is_chosen_branch(&self, branch: &[u8]) -> bool {
        branch.starts_with(MAGIC_COOKIE) && read_branch(&self.tokens, branch).is_none()
    }

    /// The hash of the fields that decide the route, and of those that name the request. The Via values are not among
    /// them, because a loop adds one.
    fn loop_hash(&self, request: &Request) -> Result<String, ParseError> {
        let mut fields: Vec<u8> = Vec::with_capacity(256);
        let mut push = |field: &[u8]| {
            fields.extend_from_slice(&(field.len() as u64).to_be_bytes());
            fields.extend_from_slice(field);
        };
        push(request.uri_bytes());
        push(request.from()?.tag().unwrap_or_default());
        push(request.to()?.tag().unwrap_or_default());
        push(request.call_id()?);
        push(&request.cseq()?.number.to_be_bytes());
        for name in [
            HeaderName::Route,
            HeaderName::ProxyRequire,
            HeaderName::ProxyAuthorization,
        ] {
            for row in request.headers_named(name) {
                push(row.value);
            }
            push(&[]);
        }
        let (low, high) = self.hash.hash128(&fields);
        let mut text = String::new();
        push_base32(low, &mut text);
        push_base32(high, &mut text);
        Ok(text)
    }
}
