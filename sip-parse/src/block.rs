//! Sixteen bytes at a time, as two words.

/// The two little-endian words of sixteen bytes.
#[inline(always)]
pub(crate) fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*chunk);
    (word as u64, (word >> 64) as u64)
}

/// The first byte of `chunk` that is `byte`; 16 when there is none.
#[inline(always)]
pub(crate) fn position(chunk: &[u8; 16], byte: u8) -> usize {
    let (low, high) = halves(chunk);
    match (marks(low, byte), marks(high, byte)) {
        (0, 0) => 16,
        (0, high) => 8 + (high.trailing_zeros() / 8) as usize,
        (low, _) => (low.trailing_zeros() / 8) as usize,
    }
}

/// The high bit of the first byte that is `byte`; bits above it may be set without cause.
#[inline(always)]
fn marks(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let differs = word ^ (u64::from(byte) * LOW);
    differs.wrapping_sub(LOW) & !differs & (LOW << 7)
}
