//! The floor: the least that finding lines and names can cost with `memchr`.

/// One pass over a head that finds each line's first colon and each line end; returns a sum of the offsets,
/// so that nothing can be left out.
#[must_use]
#[inline]
pub fn floor(message: &[u8]) -> usize {
    let mut at = 0;
    let mut sum = 0;
    while let Some(found) = memchr::memchr2(b':', b'\n', &message[at..]) {
        let mut end = at + found;
        sum += end;
        if message[end] == b':' {
            match memchr::memchr(b'\n', &message[end..]) {
                Some(found) => end += found,
                None => break,
            }
            sum += end;
        } else if found <= 1 {
            break;
        }
        at = end + 1;
    }
    sum
}
