//! Comparison of texts with `%HH` escapes (RFC 3261 section 19.1.4).

use crate::params::unescaped_at;

/// Whether two texts are equal once escapes are undone; an escaped reserved character differs from the plain one.
pub(super) fn same_escaped(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    let (mut i, mut j) = (0, 0);
    loop {
        match (unescaped_at(a, i), unescaped_at(b, j)) {
            (None, None) => return true,
            (Some((x, next_i)), Some((y, next_j))) => {
                let same = if ignore_case {
                    x.eq_ignore_ascii_case(&y)
                } else {
                    x == y
                };
                let both_alike = (next_i - i == next_j - j) || is_unreserved(x);
                if !same || !both_alike {
                    return false;
                }
                i = next_i;
                j = next_j;
            }
            _ => return false,
        }
    }
}

/// Characters that mean the same escaped and plain: all but the reserved ones (RFC 3261 section 19.1.4).
fn is_unreserved(byte: u8) -> bool {
    !matches!(
        byte,
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b','
    )
}
