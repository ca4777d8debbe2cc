//! Quick looks at values in their usual form: what they accept is within the grammar and has no control character, and the
//! readers look at everything else.

use crate::class;
use crate::name::{HeaderId, HeaderName};
use crate::uri;

/// Longer URIs are left to the reader, which knows the greatest length.
const LONGEST: usize = 1_024;
/// URIs with more parameters are left to the reader, which knows the limit.
const MOST_PARAMETERS: u16 = 4;

/// Whether the value of this header field has its usual form.
#[inline]
pub(super) fn is_plain(id: HeaderId, value: &[u8], parameters: u16) -> bool {
    const SUPPORTED: HeaderId = HeaderName::Supported.id();
    const REQUIRE: HeaderId = HeaderName::Require.id();
    const ALLOW: HeaderId = HeaderName::Allow.id();
    const USER_AGENT: HeaderId = HeaderName::UserAgent.id();
    const CONTENT_TYPE: HeaderId = HeaderName::ContentType.id();
    match id {
        HeaderId::VIA => is_plain_via(value, parameters),
        HeaderId::FROM | HeaderId::TO => is_plain_address(value, true, parameters),
        HeaderId::CONTACT => is_plain_address(value, false, parameters),
        SUPPORTED | REQUIRE | ALLOW => are_tokens(value),
        USER_AGENT | CONTENT_TYPE => is_token_pair(value),
        _ => false,
    }
}

/// `<URI>`, and a tag if the field has tags.
fn is_plain_address(value: &[u8], has_tag: bool, parameters: u16) -> bool {
    let Some(rest) = value.strip_prefix(b"<") else {
        return false;
    };
    let uri_end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
    let (uri, behind) = rest.split_at(uri_end);
    let tag = match behind {
        b">" => None,
        _ => behind.strip_prefix(b">;tag="),
    };
    let ends = behind == b">" || has_tag && parameters > 0 && tag.is_some_and(is_token);
    ends && is_plain_uri(uri, parameters)
}

/// Whether a text is `sip:` or `sips:`, a user without escapes or none, a host name or IPv4 address, a port or none, and a few
/// parameters without escapes.
#[inline]
pub(super) fn is_plain_uri(text: &[u8], parameters: u16) -> bool {
    let Some(rest) = text.strip_prefix(b"sip") else {
        return false;
    };
    let rest = rest.strip_prefix(b"s").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(b":") else {
        return false;
    };
    let user = class::run(rest, 0, class::BARE_USER);
    let start = match rest.get(user) {
        Some(b'@') if user > 0 => user + 1,
        _ => 0,
    };
    let host_end = class::run(rest, start, class::HOST);
    let Ok((_, mut end)) = uri::port(rest, host_end) else {
        return false;
    };
    let mut left = parameters.min(MOST_PARAMETERS);
    while rest.get(end) == Some(&b';') && left > 0 {
        left -= 1;
        let name_end = class::run(rest, end + 1, class::URI_PARAM);
        if name_end == end + 1 {
            return false;
        }
        end = name_end;
        if rest.get(end) == Some(&b'=') {
            end = class::run(rest, name_end + 1, class::URI_PARAM);
            if end == name_end + 1 {
                return false;
            }
        }
    }
    host_end > start && end == rest.len() && end < LONGEST
}

/// `SIP/2.0/`, a transport, a host name or IPv4 address, a port or none, a branch, and `rport` without a value or none.
fn is_plain_via(value: &[u8], parameters: u16) -> bool {
    let Some(rest) = value.strip_prefix(b"SIP/2.0/") else {
        return false;
    };
    let transport = class::run(rest, 0, class::TOKEN);
    if transport == 0 || rest.get(transport) != Some(&b' ') {
        return false;
    }
    let host = transport + 1;
    let host_end = class::run(rest, host, class::HOST);
    let Ok((_, port_end)) = uri::port(rest, host_end) else {
        return false;
    };
    let branch = rest.get(port_end..).unwrap_or_default();
    let Some(branch) = branch.strip_prefix(b";branch=") else {
        return false;
    };
    let branch = branch.strip_suffix(b";rport").unwrap_or(branch);
    host_end > host && parameters >= 2 && is_token(branch)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && class::run(text, 0, class::TOKEN) == text.len()
}

/// Tokens with `, ` between them.
fn are_tokens(value: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let end = class::run(value, at, class::TOKEN);
        if end == at {
            return false;
        }
        match value.get(end..) {
            Some([]) => return true,
            Some([b',', b' ', ..]) => at = end + 2,
            _ => return false,
        }
    }
}

/// Two tokens with a slash between them: a product with its version, or a media type.
fn is_token_pair(value: &[u8]) -> bool {
    let slash = class::run(value, 0, class::TOKEN);
    slash > 0 && value.get(slash) == Some(&b'/') && value.get(slash + 1..).is_some_and(is_token)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::limits::Rules;

    /// Each look accepts only what the reader of the field accepts, over all texts of up to six pieces.
    #[test]
    fn what_looks_plain_is_within_the_grammar() {
        const ADDRESS: &[&[u8]] = &[
            b"<",
            b">",
            b"sip:",
            b"sips:a",
            b"a",
            b"@",
            b":5060",
            b":65536",
            b".",
            b"_",
            b"%",
            b"[::1]",
            b";",
            b"=",
            b";tag=",
            b"?",
            b"<sip:a@b.example.com",
            b"\r\n ",
            b"\0",
            b", ",
        ];
        const TOKENS: &[&[u8]] = &[
            b"a", b"INVITE", b", ", b",", b" ", b"/", b"\r\n ", b";", b"\x80", b"\0", b"1.0",
        ];
        const VIA: &[&[u8]] = &[
            b"SIP/2.0/",
            b"UDP",
            b" ",
            b"a.example.com",
            b"192.0.2.1",
            b":5060",
            b":65536",
            b";branch=z9hG4bK1",
            b";rport",
            b";branch=",
            b"=",
            b"SIP/2.0/TCP a",
            b"[::1]",
            b"\r\n ",
        ];
        let cases: [(HeaderName<'_>, &[&[u8]], u32, usize); 7] = [
            (HeaderName::Via, VIA, 5, 20),
            (HeaderName::From, ADDRESS, 4, 20),
            (HeaderName::To, ADDRESS, 4, 20),
            (HeaderName::Contact, ADDRESS, 4, 20),
            (HeaderName::Allow, TOKENS, 5, 100),
            (HeaderName::UserAgent, TOKENS, 5, 5),
            (HeaderName::ContentType, TOKENS, 5, 5),
        ];
        for (name, pieces, most, least) in cases {
            let mut plain = 0;
            let mut texts: Vec<Vec<u8>> = alloc::vec![Vec::new()];
            for _ in 0..most {
                texts = texts
                    .iter()
                    .flat_map(|text| pieces.iter().map(move |piece| [&text[..], piece].concat()))
                    .collect();
                for (text, parameters) in texts.iter().flat_map(|text| [(text, 1), (text, 64)]) {
                    if !is_plain(name.id(), text, parameters) {
                        continue;
                    }
                    plain += 1;
                    let shown = crate::text::text(text);
                    let read =
                        crate::field::value(Some(name), text, Rules::written(parameters), true);
                    assert_eq!(read, Ok(()), "{name}: {shown}");
                    assert!(
                        text.iter()
                            .all(|byte| byte.is_ascii_graphic() || *byte == b' '),
                        "{shown}"
                    );
                }
            }
            assert!(plain > least, "{name} {plain}");
        }
    }

    /// The look at a URI alone, as the builder takes it for the Request-URI and within addresses.
    #[test]
    fn what_looks_like_a_plain_uri_is_one() {
        const PIECES: [&[u8]; 16] = [
            b"sip:", b"sips:", b"a", b"1", b"@", b":", b".", b"65535", b"65536", b"_", b"%", b";",
            b"=", b"?", b"[::1]", b"%41",
        ];
        let mut plain = 0;
        let mut texts: Vec<Vec<u8>> = alloc::vec![Vec::new()];
        for _ in 0..5 {
            texts = texts
                .iter()
                .flat_map(|text| PIECES.map(|piece| [text, piece].concat()))
                .collect();
            for text in texts.iter().filter(|text| is_plain_uri(text, 2)) {
                plain += 1;
                let rules = Rules::written(2);
                let read = crate::uri::Uri::prefix(text, 0, crate::uri::Form::Full, rules);
                let whole = read.is_ok_and(|(_, end)| end == text.len());
                assert!(whole, "{}", crate::text::text(text));
            }
        }
        assert!(plain > 1_000, "{plain}");
    }
}
