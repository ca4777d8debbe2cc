//! Fragments of messages (RFC 3420), such as the body of a NOTIFY about a REFER (RFC 3515 section 2.4.5).

use crate::status::StatusCode;

/// The status of the status line with which a `message/sipfrag` begins: the line alone, with or without line end, or a
/// whole response. `None` if it begins with anything else.
///
/// ```
/// let status = sip_parse::fragment_status(b"SIP/2.0 180 Ringing").map(|status| status.as_u16());
/// assert_eq!(status, Some(180));
/// assert_eq!(sip_parse::fragment_status(b"From: <sip:bob@example.com>"), None);
/// ```
pub fn fragment_status(body: &[u8]) -> Option<StatusCode> {
    let line = body.trim_ascii_start();
    let (version, rest) = line.split_at_checked(b"SIP/2.0 ".len())?;
    if !version.eq_ignore_ascii_case(b"SIP/2.0 ") {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(3)?;
    let ends = rest.first().is_none_or(|byte| byte.is_ascii_whitespace());
    if !ends || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    StatusCode::new(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3420 section 2.1, RFC 3515 section 2.4.5: 3515-2.4.4-B.
    #[test]
    fn rfc3420_2_1_a_fragment_is_a_status_line_or_a_whole_message() {
        let status = |body: &[u8]| fragment_status(body).map(StatusCode::as_u16);
        assert_eq!(status(b"SIP/2.0 100 Trying"), Some(100));
        assert_eq!(status(b"SIP/2.0 200 OK\r\n"), Some(200));
        assert_eq!(status(b"SIP/2.0 200"), Some(200));
        assert_eq!(
            status(b"\r\nSIP/2.0 603 Decline\r\nTo: <sip:a@b>\r\n\r\n"),
            Some(603)
        );
        for other in [
            &b""[..],
            b"SIP/2.0",
            b"SIP/2.0 20",
            b"SIP/2.0 2000 OK",
            b"SIP/2.0 abc",
            b"SIP/2.0 799 No",
            b"SIP/3.0 200 OK",
            b"\xff\xfe",
        ] {
            assert_eq!(status(other), None, "{other:?}");
        }
    }
}
