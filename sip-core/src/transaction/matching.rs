//! How messages find their transaction (RFC 3261 sections 17.1.3 and 17.2.3).
//!
//! A response finds its client transaction by the branch, which the layer made: the handle, hidden by a
//! keyed pad, and the 64 random bits that the pad follows from. A request finds its server transaction by
//! values that the peer chose, of any length. The layer keeps 128 bits of their keyed hash; without the key
//! no peer can find two values with the same hash.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use sip_parse::{Method, ParseError, Request, Via};

use crate::rand::{HandleTokens, KeyedHash};
use crate::slab::Handle;

/// RFC 3261 section 8.1.1.7.
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// Writes the branch of a client transaction, or of a stateless ACK.
pub(super) fn push_branch(
    tokens: &HandleTokens,
    handle: Handle,
    branch_nonce: u64,
    text: &mut String,
) {
    text.push_str("z9hG4bK");
    tokens.push(handle, branch_nonce, text);
}

/// The handle and the nonce of a branch that [`push_branch`] may have made.
pub(super) fn read_branch(tokens: &HandleTokens, branch: &[u8]) -> Option<(Handle, u64)> {
    tokens.read(branch.strip_prefix(MAGIC_COOKIE)?)
}

/// Identifies a server transaction; equal for a request, its retransmissions and, for an INVITE, its ACK to
/// a non-2xx.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64, u64);

impl Key {
    /// RFC 3261 section 17.2.3: branch, sent-by and method; without the magic cookie the rules of RFC
    /// 2543 (Request-URI, tags, Call-ID, CSeq and top Via). `method` is that of the transaction to find:
    /// INVITE for an ACK, and INVITE for the target of a CANCEL.
    pub(super) fn of(
        request: &Request,
        method: Method<'_>,
        hash: KeyedHash,
    ) -> Result<Self, ParseError> {
        let via = request.top_via()?;
        let mut bytes = Vec::with_capacity(96);
        push(&mut bytes, method.as_bytes());
        push_sent_by(&mut bytes, &via);
        match via.branch().filter(|branch| has_cookie(branch)) {
            Some(branch) => push(&mut bytes, branch),
            None => {
                let cseq = request.cseq()?;
                push(&mut bytes, request.uri_bytes());
                push(&mut bytes, request.from()?.tag().unwrap_or_default());
                push(&mut bytes, request.call_id()?);
                bytes.extend_from_slice(&cseq.number.to_be_bytes());
                push(&mut bytes, via.branch().unwrap_or_default());
                if !matches!(method, Method::Invite) {
                    push(&mut bytes, request.to()?.tag().unwrap_or_default());
                }
            }
        }
        Ok(Self::digest(&bytes, hash))
    }

    /// RFC 3261 section 8.2.2.2: From tag, Call-ID and CSeq. `None` if the request has a To tag.
    pub(super) fn of_merge(request: &Request, hash: KeyedHash) -> Result<Option<Self>, ParseError> {
        if request.to()?.tag().is_some() {
            return Ok(None);
        }
        let cseq = request.cseq()?;
        let mut bytes = Vec::with_capacity(64);
        push(&mut bytes, cseq.method.as_bytes());
        bytes.extend_from_slice(&cseq.number.to_be_bytes());
        push(&mut bytes, request.from()?.tag().unwrap_or_default());
        push(&mut bytes, request.call_id()?);
        Ok(Some(Self::digest(&bytes, hash)))
    }

    /// Of a branch that the caller of the layer chose.
    pub(super) fn of_branch(branch: &[u8], hash: KeyedHash) -> Self {
        Self::digest(branch, hash)
    }

    fn digest(bytes: &[u8], hash: KeyedHash) -> Self {
        let (low, high) = hash.hash128(bytes);
        Self(low, high)
    }
}

fn has_cookie(branch: &[u8]) -> bool {
    branch.len() > MAGIC_COOKIE.len()
        && branch[..MAGIC_COOKIE.len()].eq_ignore_ascii_case(MAGIC_COOKIE)
}

/// Fields are separated by a byte that no field can hold.
fn push(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(field);
    bytes.push(0);
}

fn push_sent_by(bytes: &mut Vec<u8>, via: &Via<'_>) {
    bytes.extend(via.host_bytes().iter().map(u8::to_ascii_lowercase));
    bytes.extend_from_slice(&via.port().unwrap_or_default().to_be_bytes());
    bytes.push(0);
}

/// Handles by key.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Index {
    entries: BTreeMap<Key, Handle>,
}

impl Index {
    pub(super) const fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Handle> {
        self.entries.get(key).copied()
    }

    pub(super) fn insert(&mut self, key: Key, handle: Handle) {
        self.entries.insert(key, handle);
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.entries.remove(&key);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
