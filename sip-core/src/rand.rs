//! Tokens from the injected generator, and the two keyed functions of wall 7 in the house plan:
//! a permutation that hides handles inside branches and tags, and a hash for what peers name.

use alloc::string::String;

use rand_core::CryptoRng;

const BASE32: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// `chars` random characters of `0-9a-v`: 5 random bits each.
///
/// Takes the host's generator; calls it once for every 12 characters.
pub(crate) fn token(rng: &mut dyn CryptoRng, chars: usize) -> String {
    let mut text = String::with_capacity(chars);
    let (mut bits, mut left) = (0_u64, 0);
    while text.len() < chars {
        if left < 5 {
            (bits, left) = (rng.next_u64(), 60);
        }
        text.push(char::from(BASE32[(bits & 31) as usize]));
        bits >>= 5;
        left -= 5;
    }
    text
}

/// A uniform number in `0..bound`; 0 when `bound` is 0.
pub(crate) fn below(rng: &mut dyn CryptoRng, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // Widening multiply; the bias is below 2^-32 for every bound used here (micro- or milliseconds).
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// Writes `value` as 13 characters of `0-9a-v`, lowest bits first.
pub(crate) fn push_base32(value: u64, text: &mut String) {
    let mut value = value;
    for _ in 0..13 {
        text.push(char::from(BASE32[(value & 31) as usize]));
        value >>= 5;
    }
}

/// Reads what [`push_base32`] wrote.
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

/// Speck64/128: a keyed permutation of 64-bit values.
///
/// It makes tokens that carry a handle unlinkable; it is not what keeps them unguessable (their
/// random half does that).
#[derive(Clone, Copy)]
pub(crate) struct Permutation {
    key: [u32; 4],
}

impl Permutation {
    pub(crate) fn new(rng: &mut dyn CryptoRng) -> Self {
        let (low, high) = (rng.next_u64(), rng.next_u64());
        Self::with_key([
            low as u32,
            (low >> 32) as u32,
            high as u32,
            (high >> 32) as u32,
        ])
    }

    fn with_key(key: [u32; 4]) -> Self {
        Self { key }
    }

    /// The key schedule; cheap enough to be made anew each time, so that an agent carries 16 bytes.
    fn round_keys(&self) -> [u32; 27] {
        let [mut a, rest @ ..] = self.key;
        let mut rest: [u32; 3] = rest;
        core::array::from_fn(|round| {
            let key = a;
            let b = &mut rest[round % 3];
            *b = key.wrapping_add(b.rotate_right(8)) ^ round as u32;
            a = key.rotate_left(3) ^ *b;
            key
        })
    }

    pub(crate) fn conceal(&self, value: u64) -> u64 {
        let (mut x, mut y) = ((value >> 32) as u32, value as u32);
        for key in self.round_keys() {
            x = x.rotate_right(8).wrapping_add(y) ^ key;
            y = y.rotate_left(3) ^ x;
        }
        u64::from(x) << 32 | u64::from(y)
    }

    pub(crate) fn reveal(&self, value: u64) -> u64 {
        let (mut x, mut y) = ((value >> 32) as u32, value as u32);
        for key in self.round_keys().into_iter().rev() {
            y = (y ^ x).rotate_right(3);
            x = (x ^ key).wrapping_sub(y).rotate_left(8);
        }
        u64::from(x) << 32 | u64::from(y)
    }
}

/// SipHash-2-4: a keyed hash for identifiers that peers choose, so that no peer can aim for collisions.
///
/// Only the key is kept, because an agent carries several of these.
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Test vector of the paper "The SIMON and SPECK families", appendix C, Speck64/128.
    #[test]
    fn the_permutation_is_speck64_128() {
        let speck = Permutation::with_key([0x0302_0100, 0x0b0a_0908, 0x1312_1110, 0x1b1a_1918]);
        let plain = 0x3b72_6574_7475_432d;
        let cipher = 0x8c6f_a548_454e_028b;
        assert_eq!(speck.conceal(plain), cipher);
        assert_eq!(speck.reveal(cipher), plain);
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
