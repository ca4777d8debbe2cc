//! Random tokens; a keyed hash for identifiers that peers choose; and tokens that hide a handle inside the
//! branches and tags of the core.

use alloc::string::String;

use rand_core::CryptoRng;

use crate::slab::Handle;

const BASE32: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// `chars` random characters of `0-9a-v`: 5 random bits each.
pub(crate) fn token(rng: &mut dyn CryptoRng, chars: usize) -> String {
    let mut text = String::with_capacity(chars);
    push_token(rng, chars, |digit| text.push(char::from(digit)));
    text
}

/// Passes the characters of a [`token`] to `push`, one after the other.
///
/// Takes the host's generator, and calls it once for every 12 characters.
pub(crate) fn push_token(rng: &mut dyn CryptoRng, chars: usize, mut push: impl FnMut(u8)) {
    let (mut bits, mut left) = (0_u64, 0);
    for _ in 0..chars {
        if left < 5 {
            (bits, left) = (rng.next_u64(), 60);
        }
        push(BASE32[(bits & 31) as usize]);
        bits >>= 5;
        left -= 5;
    }
}

/// A uniform number in `0..bound`; 0 when `bound` is 0.
pub(crate) fn below(rng: &mut dyn CryptoRng, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // Widening multiply; the bias is below 2^-32 for every bound used here (micro- or milliseconds).
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// `value` as 13 characters of `0-9a-v`, lowest bits first.
fn base32(value: u64) -> [u8; 13] {
    let mut value = value;
    [0; 13].map(|_: u8| {
        let digit = BASE32[(value & 31) as usize];
        value >>= 5;
        digit
    })
}

/// Writes `value` as 13 characters of `0-9a-v`, lowest bits first.
pub(crate) fn push_base32(value: u64, text: &mut String) {
    text.extend(base32(value).map(char::from));
}

/// Reads the output of [`push_base32`]; `None` for any other text.
pub(crate) fn read_base32(text: &[u8]) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    let mut value = 0_u64;
    for (place, &byte) in text.iter().enumerate() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'v' => byte - b'a' + 10,
            _ => return None,
        };
        // The 13th character holds the top 4 bits only.
        if place == 12 && digit > 15 {
            return None;
        }
        value |= u64::from(digit) << (5 * place);
    }
    Some(value)
}

/// SipHash-2-4: a keyed hash for identifiers that peers choose, so that no peer can aim for collisions.
///
/// Stores the key alone, because an agent contains several of these.
#[derive(Clone, Copy)]
pub(crate) struct KeyedHash {
    key: (u64, u64),
}

impl KeyedHash {
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Self {
        Self {
            key: (rng.next_u64(), rng.next_u64()),
        }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        siphasher::sip::SipHasher24::new_with_keys(self.key.0, self.key.1).hash(bytes)
    }

    /// 128 bits: a peer that does not know the key cannot find two inputs with the same hash.
    pub(crate) fn hash128(&self, bytes: &[u8]) -> (u64, u64) {
        siphasher::sip128::SipHasher24::new_with_keys(self.key.0, self.key.1)
            .hash(bytes)
            .as_u64()
    }
}

/// Characters of a token that [`HandleTokens`] makes.
pub(crate) const TOKEN_LENGTH: usize = 26;

/// Branches and tags that the core mints: a handle, hidden, and a random 64-bit nonce.
///
/// The handle is XORed with SipHash-2-4 of the nonce. Without the key a peer cannot recognise two tokens of
/// one handle, because each nonce makes a different pad. A peer that changes bits of the hidden half reaches
/// another handle, but its token has a different nonce; the caller compares the nonce or the whole token.
#[derive(Clone, Copy)]
pub(crate) struct HandleTokens {
    hash: KeyedHash,
}

impl HandleTokens {
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Self {
        Self {
            hash: KeyedHash::new(rng),
        }
    }

    /// The token of `handle` in two halves; the caller draws a new random `nonce` for each.
    pub(crate) fn token(&self, handle: Handle, nonce: u64) -> [[u8; TOKEN_LENGTH / 2]; 2] {
        [base32(handle.to_bits() ^ self.pad(nonce)), base32(nonce)]
    }

    /// Appends the token of `handle`; the caller draws a new random `nonce` for each.
    pub(crate) fn push(&self, handle: Handle, nonce: u64, text: &mut String) {
        text.reserve(TOKEN_LENGTH);
        let token = self.token(handle, nonce);
        text.extend(token.as_flattened().iter().copied().map(char::from));
    }

    /// The handle and the nonce of a [`token`](Self::token); `None` for any other text.
    pub(crate) fn read(&self, token: &[u8]) -> Option<(Handle, u64)> {
        let (hidden, nonce) = token.split_at_checked(TOKEN_LENGTH / 2)?;
        let (hidden, nonce) = (read_base32(hidden)?, read_base32(nonce)?);
        Some((Handle::from_bits(hidden ^ self.pad(nonce)), nonce))
    }

    fn pad(&self, nonce: u64) -> u64 {
        self.hash.hash(&nonce.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use rand_core::SeedableRng;

    #[test]
    fn a_token_hides_its_handle_and_gives_it_back() {
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
        let (ours, others) = (HandleTokens::new(&mut rng), HandleTokens::new(&mut rng));
        let handle = Handle::from_bits(1 << 32 | 5);
        let tokens: Vec<String> = [3, 4]
            .into_iter()
            .map(|nonce| {
                let mut text = String::new();
                ours.push(handle, nonce, &mut text);
                assert_eq!(text.len(), 26);
                assert_eq!(ours.read(text.as_bytes()), Some((handle, nonce)));
                assert_ne!(others.read(text.as_bytes()), Some((handle, nonce)));
                text
            })
            .collect();
        assert_ne!(tokens[0][..13], tokens[1][..13]);
        for foreign in [
            "",
            "0",
            &tokens[0][..25],
            "0123456789abcdefghijklmnopqrstuvw",
        ] {
            assert_eq!(ours.read(foreign.as_bytes()), None, "{foreign}");
        }
        // A changed handle half keeps the nonce, which no other token of this key has.
        let mut changed = tokens[0].clone().into_bytes();
        changed[0] = if changed[0] == b'0' { b'1' } else { b'0' };
        let (other, nonce) = ours.read(&changed).unwrap();
        assert_ne!(other, handle);
        assert_eq!(nonce, 3);
    }

    /// Test vector of the SipHash paper, appendix A: key 00..0f, input 00..0e.
    #[test]
    fn the_hash_is_siphash_2_4() {
        let hash = KeyedHash {
            key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908),
        };
        let input: Vec<u8> = (0..15).collect();
        assert_eq!(hash.hash(&input), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn base32_reads_back_and_refuses_what_it_never_writes() {
        for value in [0, 1, 31, 32, u64::MAX, 0x0123_4567_89ab_cdef] {
            let mut text = String::new();
            push_base32(value, &mut text);
            assert_eq!(read_base32(text.as_bytes()), Some(value));
        }
        assert_eq!(read_base32(b"000000000000g"), None);
        assert_eq!(read_base32(b"00000000000W0"), None);
        assert_eq!(read_base32(b"0"), None);
    }
}
