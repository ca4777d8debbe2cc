//! Decimal numbers: read and written.

use crate::error::{ErrorKind, ParseError};

/// Reads `1*DIGIT` at `at`, up to `max`; returns the number and its end.
#[inline]
pub(crate) fn digits(input: &[u8], at: usize, max: u64) -> Result<(u64, usize), ParseError> {
    let mut end = at;
    let mut number = 0u64;
    while let Some(digit) = input.get(end).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        // Ten times this and one digit more are below 2^64; a longer number is over every limit but the highest.
        number = if number < u64::MAX / 10 {
            number * 10 + u64::from(digit)
        } else {
            u64::MAX
        };
        end += 1;
    }
    if end == at || number > max {
        return Err(ParseError::at(ErrorKind::Number, at));
    }
    Ok((number, end))
}

/// Writes the decimal digits of `number` at the end of `buffer`; returns them.
#[inline]
pub(crate) fn decimal(number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    let mut rest = number;
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    &buffer[at..]
}
