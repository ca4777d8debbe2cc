//! A generator of random bytes for hosts that have 32 bytes of entropy and no generator of their own.

use core::convert::Infallible;
use core::fmt;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Random bytes from a seed, by SHA-256: what a host passes to [`UserAgent::new`](crate::UserAgent::new).
///
/// A host seeds it with 32 bytes of the operating system's entropy, because tags, branches and nonces have to be unpredictable. A test
/// seeds it with a constant: the same seed gives the same bytes. Earlier output cannot be computed from its state, because each block
/// replaces the key.
///
/// ```
/// use sip_core::{SeededRng, Timestamp, UserAgent, config::Config};
///
/// let config = Config::builder().uri("sip:alice@example.com").build()?;
/// let agent = UserAgent::new(config, Box::new(SeededRng::new([7; 32])), Timestamp::ZERO)?;
/// # let _ = agent;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SeededRng {
    key: Zeroizing<[u8; 32]>,
    block: Zeroizing<[u8; 32]>,
    /// How many bytes of the block are used.
    used: usize,
}

impl SeededRng {
    /// Takes the seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            key: Zeroizing::new(seed),
            block: Zeroizing::new([0; 32]),
            used: 32,
        }
    }

    /// Makes the next block and the next key.
    fn refill(&mut self) {
        let derive = |label: u8| {
            let hash = Sha256::new().chain_update(*self.key).chain_update([label]);
            Zeroizing::new(hash.finalize().into())
        };
        (self.block, self.key) = (derive(0), derive(1));
        self.used = 0;
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let Ok(()) = self.try_fill_bytes(&mut bytes);
        bytes
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for byte in destination {
            if self.used == self.block.len() {
                self.refill();
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}

impl fmt::Debug for SeededRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRng([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use rand_core::Rng;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_in_pieces_of_any_size() {
        let mut whole = [0; 100];
        SeededRng::new([7; 32]).fill_bytes(&mut whole);
        let mut random = SeededRng::new([7; 32]);
        let mut pieces = [0; 100];
        pieces[..4].copy_from_slice(&random.next_u32().to_le_bytes());
        pieces[4..12].copy_from_slice(&random.next_u64().to_le_bytes());
        random.fill_bytes(&mut pieces[12..77]);
        random.fill_bytes(&mut pieces[77..]);
        assert_eq!(whole, pieces);
        // The first block is SHA-256 of the seed and the label.
        let first: [u8; 32] = Sha256::new()
            .chain_update([7; 32])
            .chain_update([0])
            .finalize()
            .into();
        assert_eq!(whole[..32], first);
    }

    #[test]
    fn no_number_comes_twice() {
        let mut random = SeededRng::new([0; 32]);
        let mut other = SeededRng::new([1; 32]);
        let numbers: BTreeSet<u64> = (0..1_000)
            .flat_map(|_| [random.next_u64(), other.next_u64()])
            .collect();
        assert_eq!(numbers.len(), 2_000);
    }
}
