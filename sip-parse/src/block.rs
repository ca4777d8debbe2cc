//! Sixty-four bytes at a time: where a byte value occurs, as a bit mask. SSE2 where every processor has it, words elsewhere.

/// Sixty-four bytes of input.
pub(crate) type Block = [u8; 64];

/// Bit `i` is set where byte `i` is `byte`.
#[inline(always)]
pub(crate) fn mask(block: &Block, byte: u8) -> u64 {
    let mut mask = 0;
    let (chunks, _) = block.as_chunks::<16>();
    for (i, chunk) in chunks.iter().enumerate() {
        mask |= u64::from(mask16(chunk, byte)) << (16 * i);
    }
    mask
}

/// Bit `i` is set where byte `i` of sixteen is `byte`.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(crate) fn mask16(chunk: &[u8; 16], byte: u8) -> u16 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let (low, high) = halves(chunk);
    let vector = _mm_set_epi64x(high as i64, low as i64);
    _mm_movemask_epi8(_mm_cmpeq_epi8(vector, _mm_set1_epi8(byte as i8))) as u16
}

/// Bit `i` is set where byte `i` of sixteen is `byte`.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(crate) fn mask16(chunk: &[u8; 16], byte: u8) -> u16 {
    let (low, high) = halves(chunk);
    u16::from(mask8(low, byte)) | u16::from(mask8(high, byte)) << 8
}

/// Bit `i` is set where byte `i` of a little-endian word is `byte`.
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline(always)]
fn mask8(word: u64, byte: u8) -> u8 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let differs = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    // The high bit of each byte that is zero, without a carry into its neighbour.
    let equal = !(((differs & LOW) + LOW) | differs | LOW);
    // Gathers the eight high bits into one byte.
    ((equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The two little-endian words of sixteen bytes.
#[inline(always)]
pub(crate) fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*chunk);
    (word as u64, (word >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways give the same bits, for every value at every place.
    #[test]
    fn masks_agree_with_a_plain_search() {
        for value in 0..=255u8 {
            let mut block = [value.wrapping_add(1); 64];
            for i in (0..64).step_by(usize::from(value % 7) + 1) {
                block[i] = value;
            }
            block[5] = value ^ 0x80;
            let plain = (0..64).fold(0u64, |bits, i| bits | u64::from(block[i] == value) << i);
            assert_eq!(mask(&block, value), plain);
            let words = (0..8).fold(0u64, |bits, i| {
                let word = u64::from_le_bytes(*block[8 * i..].first_chunk().unwrap());
                bits | u64::from(mask8(word, value)) << (8 * i)
            });
            assert_eq!(words, plain);
        }
    }
}
