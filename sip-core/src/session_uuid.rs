//! The identifiers of a communication session (RFC 7989): a UUID of each end, the same in all messages of a call.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use rand_core::CryptoRng;
use sip_parse::{Message, Request, Response};
use smallvec::SmallVec;

/// The UUID of one end of a call (RFC 7989 section 4.1), written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionUuid(u128);

impl SessionUuid {
    /// Reads 32 lower-case hexadecimal digits. `None` for anything else, and for the nil UUID, which means that the UUID of
    /// an end is unknown.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let fits = digits.len() == 32 && digits.bytes().all(is_digit);
        let number = u128::from_str_radix(digits, 16).ok().filter(|_| fits)?;
        (number != 0).then_some(Self(number))
    }

    /// A random UUID of version 4 (RFC 9562 section 5.4).
    pub(crate) fn draw(rng: &mut dyn CryptoRng) -> Self {
        let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let variant = random & !(0xf << 76) & !(0x3 << 62);
        Self(variant | 0x4 << 76 | 0x2 << 62)
    }

    /// The sender's UUID in a message; `None` if it is missing, malformed or nil (RFC 7989 section 6).
    fn of(message: &Message) -> Option<Self> {
        let identifier = message.session_id().ok().flatten()?;
        Self::parse(core::str::from_utf8(identifier.local).ok()?)
    }
}

impl fmt::Display for SessionUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionUuid({self})")
    }
}

/// The UUIDs of both ends of a call (RFC 7989 section 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionIdentifier {
    /// The UUID of this side.
    pub local: SessionUuid,
    /// The UUID of the peer, if it has sent one.
    pub remote: Option<SessionUuid>,
}

/// The value of the header field: an unknown peer has the nil UUID.
impl fmt::Display for SessionIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remote = self.remote.map_or(0, |remote| remote.0);
        write!(f, "{};remote={remote:032x}", self.local)
    }
}

/// The UUIDs of a call: one of this side, and one of each branch of a fork.
#[derive(Clone, Debug)]
pub(crate) struct SessionUuids {
    local: SessionUuid,
    /// By the tag of the peer.
    remotes: SmallVec<[(Box<[u8]>, SessionUuid); 1]>,
}

impl SessionUuids {
    pub(crate) fn new(local: SessionUuid) -> Self {
        Self {
            local,
            remotes: SmallVec::new(),
        }
    }

    /// Takes the UUID of the peer with the tag `tag` from a message of it; keeps those of at most `limit` peers. A message
    /// without one changes nothing (RFC 7989 section 6).
    pub(crate) fn learn(&mut self, tag: Option<&[u8]>, message: &Message, limit: usize) {
        let Some(uuid) = SessionUuid::of(message) else {
            return;
        };
        let tag = tag.unwrap_or_default();
        let mut remotes = self.remotes.iter_mut();
        if let Some((_, known)) = remotes.find(|(known, _)| **known == *tag) {
            *known = uuid;
        } else if self.remotes.len() < limit {
            self.remotes.push((tag.into(), uuid));
        }
    }

    /// The identifier towards the peer with the tag `tag`.
    pub(crate) fn towards(&self, tag: Option<&[u8]>) -> SessionIdentifier {
        let tag = tag.unwrap_or_default();
        let mut remotes = self.remotes.iter();
        let remote = remotes.find(|(known, _)| **known == *tag);
        SessionIdentifier {
            local: self.local,
            remote: remote.map(|(_, uuid)| *uuid),
        }
    }
}

/// The value for the ACK to a response, and for the BYE after it: the UUID of this side from the INVITE, that of the peer from
/// the response. `None` if the INVITE has none.
pub(crate) fn identifier_after(invite: &Request, response: &Response) -> Option<String> {
    let identifier = SessionIdentifier {
        local: SessionUuid::of(invite)?,
        remote: SessionUuid::of(response),
    };
    Some(format!("{identifier}"))
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    /// RFC 7989 4.1, RFC 9562 5.4: version 4, variant 10, in lower case.
    #[test]
    fn rfc7989_4_1_a_uuid_is_of_version_4() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        for _ in 0..100 {
            let text = format!("{}", SessionUuid::draw(&mut rng));
            assert_eq!(
                SessionUuid::parse(&text).map(|uuid| format!("{uuid}")),
                Some(text.clone())
            );
            assert_eq!(text.as_bytes()[12], b'4', "{text}");
            assert!(
                matches!(text.as_bytes()[16], b'8' | b'9' | b'a' | b'b'),
                "{text}"
            );
        }
        for wrong in [
            "",
            "0",
            &"0".repeat(32),
            &"A".repeat(32),
            &"a".repeat(31),
            "+1",
        ] {
            assert_eq!(SessionUuid::parse(wrong), None);
        }
    }
}
