//! Search in sixteen bytes, read as two 64-bit words.

/// The two little-endian words of sixteen bytes.
#[inline(always)]
pub(crate) fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*chunk);
    (word as u64, (word >> 64) as u64)
}

/// The index of the first `byte` in `chunk`; 16 when `chunk` has none.
#[inline(always)]
pub(crate) fn position(chunk: &[u8; 16], byte: u8) -> usize {
    let (low, high) = halves(chunk);
    first(equal(low, byte), equal(high, byte))
}

/// The index of the first byte below 16 in `chunk`: CR, LF, tab or another control; 16 when `chunk` has none.
#[inline(always)]
pub(crate) fn control(chunk: &[u8; 16]) -> usize {
    let (low, high) = halves(chunk);
    first(below_16(low), below_16(high))
}

/// The index of the first marked byte of two words; 16 when none is marked.
#[inline(always)]
fn first(low: u64, high: u64) -> usize {
    match (low, high) {
        (0, 0) => 16,
        (0, high) => 8 + (high.trailing_zeros() / 8) as usize,
        (low, _) => (low.trailing_zeros() / 8) as usize,
    }
}

const LOW: u64 = 0x0101_0101_0101_0101;

/// Sets the high bit of the first byte below 16. Bits above it may be false hits, because the subtraction borrows.
#[inline(always)]
fn below_16(word: u64) -> u64 {
    word.wrapping_sub(LOW << 4) & !word & (LOW << 7)
}

/// Sets the high bit of the first byte that equals `byte`, as [`below_16`] does.
#[inline(always)]
fn equal(word: u64, byte: u8) -> u64 {
    let differs = word ^ (u64::from(byte) * LOW);
    differs.wrapping_sub(LOW) & !differs & (LOW << 7)
}
