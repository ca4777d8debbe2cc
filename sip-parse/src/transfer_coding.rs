//! The encodings of Content-Transfer-Encoding that change bytes (RFC 2045 section 6).

use alloc::vec::Vec;

use crate::class;

/// Undoes base64 (RFC 2045 section 6.8); `None` for a character outside its alphabet and for wrong padding. Blanks and line
/// ends do not count.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits, mut padding) = (0u32, 0, 0);
    for &byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'=' if padding < 2 => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(digit);
        digits += 1;
        if digits == 4 {
            plain.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => {}
        (2, 2) => plain.push((bits >> 4) as u8),
        (3, 1) => plain.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
        _ => return None,
    }
    Some(plain)
}

/// Undoes quoted-printable (RFC 2045 section 6.7); `None` for a `=` without two hexadecimal digits or a line end.
pub(crate) fn quoted_printable(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            [high, low, rest @ ..] => {
                plain.push(class::hex(*high)? << 4 | class::hex(*low)?);
                rest
            }
            _ => return None,
        };
    }
    plain.extend_from_slice(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648 section 10.
    #[test]
    fn rfc4648_10_base64() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9v\r\nYmE=\r\n", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text.as_bytes()).as_deref(), Some(plain.as_bytes()));
        }
        for text in [
            "Z", "Zg", "Zg=", "Zg===", "Zm9v=", "Zg==Zg==", "Zm9*", "====",
        ] {
            assert_eq!(base64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn rfc2045_6_7_quoted_printable() {
        for (text, plain) in [
            (&b"v=3D0=0D=0a"[..], &b"v=0\r\n"[..]),
            (b"a=\r\nb=\nc", b"abc"),
            (b"=FF", b"\xFF"),
        ] {
            assert_eq!(quoted_printable(text).as_deref(), Some(plain));
        }
        for text in [&b"v=0"[..], b"=", b"=4", b"=\r4"] {
            assert_eq!(quoted_printable(text), None);
        }
    }
}
