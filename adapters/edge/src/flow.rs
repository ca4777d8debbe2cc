//! Flow tokens: the user part of our Record-Route URIs names a connection (RFC 5626 section 5.2).

use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;

/// Bytes of the connection's number and of its authenticator in a token (RFC 5626 section 5.2 takes
/// the same 80 bits of HMAC).
const NUMBER: usize = 8;
const MAC: usize = 10;

/// Makes and checks flow tokens under a key that lives as long as the edge.
#[derive(Clone)]
pub(crate) struct FlowTokens {
    /// One block of the hash, because HMAC pads its key to that.
    key: [u8; 64],
}

/// The content of the user part of one of our Route URIs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FlowToken {
    /// The connection with this number, which may be closed.
    Connection(u64),
    /// A token that the edge has not written (RFC 5626 section 5.3.1: 403).
    Forged,
}

impl FlowTokens {
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Self {
        let mut key = [0; 64];
        rng.fill_bytes(&mut key);
        Self { key }
    }

    /// The token of a connection: 36 hexadecimal digits.
    pub(crate) fn token(&self, connection: u64) -> String {
        let number = connection.to_be_bytes();
        let mut text = String::with_capacity(2 * (NUMBER + MAC));
        for byte in number.iter().chain(&self.mac(number)) {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        text
    }

    /// Reads a token of [`FlowTokens::token`].
    pub(crate) fn read(&self, token: &[u8]) -> FlowToken {
        let mut bytes = [0; NUMBER + MAC];
        if token.len() != 2 * bytes.len() {
            return FlowToken::Forged;
        }
        for (byte, pair) in bytes.iter_mut().zip(token.chunks_exact(2)) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return FlowToken::Forged;
            };
            *byte = high << 4 | low;
        }
        let mut number = [0; NUMBER];
        number.copy_from_slice(&bytes[..NUMBER]);
        let expected = self.mac(number);
        // The comparison has no early exit, so its time does not reveal how many bytes were right.
        let difference = expected
            .iter()
            .zip(&bytes[NUMBER..])
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        if difference == 0 {
            FlowToken::Connection(u64::from_be_bytes(number))
        } else {
            FlowToken::Forged
        }
    }

    fn mac(&self, number: [u8; NUMBER]) -> [u8; MAC] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.key.into());
        mac.update(&number);
        let mut short = [0; MAC];
        short.copy_from_slice(&mac.finalize().into_bytes()[..MAC]);
        short
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;

    fn tokens(seed: u64) -> FlowTokens {
        FlowTokens::new(&mut rand_chacha::ChaCha20Rng::seed_from_u64(seed))
    }

    /// RFC 5626 section 5.2: the edge finds the flow in the token, and no peer can forge one.
    #[test]
    fn rfc5626_5_2_a_token_names_its_connection_and_cannot_be_made_up() {
        let ours = tokens(1);
        let token = ours.token(0x1_0000_0007);
        assert_eq!(
            ours.read(token.as_bytes()),
            FlowToken::Connection(0x1_0000_0007)
        );
        assert_eq!(tokens(2).read(token.as_bytes()), FlowToken::Forged);
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(ours.read(&changed), FlowToken::Forged, "place {place}");
        }
        for bad in [
            &b""[..],
            b"bob",
            &token.as_bytes()[1..],
            token.to_uppercase().as_bytes(),
        ] {
            assert_eq!(ours.read(bad), FlowToken::Forged);
        }
    }
}
