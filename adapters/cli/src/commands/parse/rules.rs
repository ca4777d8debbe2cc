//! Which rule a fault breaks, and what would be right.

use sip_parse::{CSeq, ErrorKind, HeaderName, Message, ParseError};

use super::reading::{Finding, Reading, What};

/// Where RFC 3261 or its extension defines a header field, and a value that is well formed.
const HEADERS: &[(HeaderName<'static>, &str, &str)] = &[
    (
        HeaderName::Accept,
        "RFC 3261 section 20.1",
        "application/sdp",
    ),
    (
        HeaderName::AcceptEncoding,
        "RFC 3261 section 20.2",
        "identity",
    ),
    (
        HeaderName::AcceptLanguage,
        "RFC 3261 section 20.3",
        "en;q=0.8",
    ),
    (
        HeaderName::AlertInfo,
        "RFC 3261 section 20.4",
        "<http://www.example.com/sounds/moo.wav>",
    ),
    (
        HeaderName::Allow,
        "RFC 3261 section 20.5",
        "INVITE, ACK, BYE, CANCEL, OPTIONS",
    ),
    (
        HeaderName::AuthenticationInfo,
        "RFC 3261 section 20.6",
        "nextnonce=\"47364c23432d2e131a5fb210812c\"",
    ),
    (
        HeaderName::Authorization,
        "RFC 3261 section 20.7",
        "Digest username=\"alice\", realm=\"example.com\", nonce=\"84a4cc6f\", uri=\"sip:example.com\", response=\"7587245234b3434cc3412213e5f113a5\"",
    ),
    (
        HeaderName::CallId,
        "RFC 3261 section 20.8",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@example.com",
    ),
    (
        HeaderName::CallInfo,
        "RFC 3261 section 20.9",
        "<http://www.example.com/alice/>;purpose=info",
    ),
    (
        HeaderName::Contact,
        "RFC 3261 section 20.10",
        "<sip:alice@192.0.2.4>;expires=3600",
    ),
    (
        HeaderName::ContentDisposition,
        "RFC 3261 section 20.11",
        "session;handling=optional",
    ),
    (
        HeaderName::ContentEncoding,
        "RFC 3261 section 20.12",
        "gzip",
    ),
    (HeaderName::ContentLanguage, "RFC 3261 section 20.13", "en"),
    (HeaderName::ContentLength, "RFC 3261 section 20.14", "0"),
    (
        HeaderName::ContentType,
        "RFC 3261 section 20.15",
        "application/sdp",
    ),
    (HeaderName::CSeq, "RFC 3261 section 20.16", "4711 INVITE"),
    (
        HeaderName::Date,
        "RFC 3261 section 20.17",
        "Sat, 13 Nov 2010 23:29:00 GMT",
    ),
    (
        HeaderName::ErrorInfo,
        "RFC 3261 section 20.18",
        "<sip:not-in-service-recording@example.com>",
    ),
    (HeaderName::Expires, "RFC 3261 section 20.19", "3600"),
    (
        HeaderName::From,
        "RFC 3261 section 20.20",
        "\"Alice\" <sip:alice@example.com>;tag=1928301774",
    ),
    (
        HeaderName::InReplyTo,
        "RFC 3261 section 20.21",
        "70710@example.com, 17320@example.com",
    ),
    (HeaderName::MaxForwards, "RFC 3261 section 20.22", "70"),
    (HeaderName::MinExpires, "RFC 3261 section 20.23", "60"),
    (HeaderName::MimeVersion, "RFC 3261 section 20.24", "1.0"),
    (
        HeaderName::Organization,
        "RFC 3261 section 20.25",
        "Boxes by Bob",
    ),
    (HeaderName::Priority, "RFC 3261 section 20.26", "normal"),
    (
        HeaderName::ProxyAuthenticate,
        "RFC 3261 section 20.27",
        "Digest realm=\"example.com\", nonce=\"f84f1cec\", qop=\"auth\", algorithm=MD5",
    ),
    (
        HeaderName::ProxyAuthorization,
        "RFC 3261 section 20.28",
        "Digest username=\"alice\", realm=\"example.com\", nonce=\"c60f3082\", uri=\"sip:bob@example.com\", response=\"245f23415f11432b3434341c022\"",
    ),
    (
        HeaderName::ProxyRequire,
        "RFC 3261 section 20.29",
        "sec-agree",
    ),
    (
        HeaderName::RecordRoute,
        "RFC 3261 section 20.30",
        "<sip:proxy.example.com;lr>",
    ),
    (
        HeaderName::ReplyTo,
        "RFC 3261 section 20.31",
        "\"Bob\" <sip:bob@example.com>",
    ),
    (HeaderName::Require, "RFC 3261 section 20.32", "100rel"),
    (HeaderName::RetryAfter, "RFC 3261 section 20.33", "120"),
    (
        HeaderName::Route,
        "RFC 3261 section 20.34",
        "<sip:proxy.example.com;lr>",
    ),
    (
        HeaderName::Server,
        "RFC 3261 section 20.35",
        "HomeServer v2",
    ),
    (
        HeaderName::Subject,
        "RFC 3261 section 20.36",
        "Need more boxes",
    ),
    (
        HeaderName::Supported,
        "RFC 3261 section 20.37",
        "100rel, timer",
    ),
    (HeaderName::Timestamp, "RFC 3261 section 20.38", "54.21"),
    (
        HeaderName::To,
        "RFC 3261 section 20.39",
        "<sip:bob@example.com>;tag=287447",
    ),
    (HeaderName::Unsupported, "RFC 3261 section 20.40", "foo"),
    (
        HeaderName::UserAgent,
        "RFC 3261 section 20.41",
        "Softphone/1.5",
    ),
    (
        HeaderName::Via,
        "RFC 3261 section 20.42",
        "SIP/2.0/WSS client.example.com;branch=z9hG4bK776asdhds",
    ),
    (
        HeaderName::Warning,
        "RFC 3261 section 20.43",
        "307 isi.edu \"Session parameter 'foo' not understood\"",
    ),
    (
        HeaderName::WwwAuthenticate,
        "RFC 3261 section 20.44",
        "Digest realm=\"example.com\", nonce=\"f84f1cec\", qop=\"auth\", algorithm=MD5",
    ),
    (HeaderName::RSeq, "RFC 3262 section 7.1", "988789"),
    (HeaderName::RAck, "RFC 3262 section 7.2", "776656 1 INVITE"),
    (HeaderName::Event, "RFC 6665 section 8.2.1", "presence"),
    (
        HeaderName::AllowEvents,
        "RFC 6665 section 8.2.2",
        "presence, message-summary",
    ),
    (
        HeaderName::SubscriptionState,
        "RFC 6665 section 8.2.3",
        "active;expires=3600",
    ),
    (HeaderName::Privacy, "RFC 3323 section 4.2", "id"),
    (
        HeaderName::PAssertedIdentity,
        "RFC 3325 section 9.1",
        "<sip:alice@example.com>",
    ),
    (
        HeaderName::PPreferredIdentity,
        "RFC 3325 section 9.2",
        "<sip:alice@example.com>",
    ),
    (
        HeaderName::Reason,
        "RFC 3326 section 2",
        "SIP;cause=200;text=\"Call completed elsewhere\"",
    ),
    (
        HeaderName::Path,
        "RFC 3327 section 4",
        "<sip:proxy.example.com;lr>",
    ),
    (
        HeaderName::ReferTo,
        "RFC 3515 section 2.1",
        "<sip:carol@example.com>",
    ),
    (
        HeaderName::ServiceRoute,
        "RFC 3608 section 5",
        "<sip:proxy.example.com;lr>",
    ),
    (
        HeaderName::Replaces,
        "RFC 3891 section 6.1",
        "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
    ),
    (
        HeaderName::ReferredBy,
        "RFC 3892 section 3",
        "<sip:alice@example.com>",
    ),
    (HeaderName::SipEtag, "RFC 3903 section 11.3.1", "dx200xyz"),
    (
        HeaderName::SipIfMatch,
        "RFC 3903 section 11.3.2",
        "dx200xyz",
    ),
    (
        HeaderName::Join,
        "RFC 3911 section 7.1",
        "12adf2f34456gs5;to-tag=12345;from-tag=54321",
    ),
    (
        HeaderName::SessionExpires,
        "RFC 4028 section 4",
        "1800;refresher=uac",
    ),
    (HeaderName::MinSe, "RFC 4028 section 5", "90"),
    (HeaderName::ReferSub, "RFC 4488 section 4", "false"),
    (
        HeaderName::TargetDialog,
        "RFC 4538 section 7",
        "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544",
    ),
    (HeaderName::FlowTimer, "RFC 5626 section 10", "120"),
    (HeaderName::InfoPackage, "RFC 6086 section 5", "dtmf"),
    (HeaderName::RecvInfo, "RFC 6086 section 5", "dtmf"),
    (
        HeaderName::SessionId,
        "RFC 7989 section 5",
        "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
    ),
    (
        HeaderName::Identity,
        "RFC 8224 section 4",
        "eyJhbGciOiJFUzI1NiJ9.eyJvcmlnIjp7fX0.c2ln;info=<https://biloxi.example.org/biloxi.cer>;alg=ES256",
    ),
];

fn entry(
    name: HeaderName<'_>,
) -> Option<&'static (HeaderName<'static>, &'static str, &'static str)> {
    HEADERS.iter().find(|(known, ..)| known.id() == name.id())
}

/// The sentence of a finding, without its place.
pub(super) fn sentence(finding: &Finding) -> String {
    match finding.what {
        What::Fault(error) => error.kind.to_string(),
        What::LinesInFront(bytes) => format!("{bytes} bytes of empty lines before the message"),
        What::BytesBehind(bytes) => {
            format!("{bytes} bytes behind the end that Content-Length names")
        }
        What::BareLineFeeds(1) => "one line ends in LF without CR".to_owned(),
        What::BareLineFeeds(lines) => format!("{lines} lines end in LF without CR"),
        What::ConvertedLineEnds => {
            "line ends were changed on the way: Content-Length counts CRLF, the file has LF"
                .to_owned()
        }
    }
}

/// The rule that a finding breaks.
pub(super) fn rule(finding: &Finding) -> String {
    let error = match finding.what {
        What::Fault(error) => error,
        What::LinesInFront(_) => return "RFC 3261 section 7.5".to_owned(),
        What::BytesBehind(_) | What::ConvertedLineEnds => {
            return "RFC 3261 section 18.3".to_owned();
        }
        What::BareLineFeeds(_) => return "RFC 3261 section 7".to_owned(),
    };
    if error.is_limit() {
        return "a limit of this program, not of an RFC".to_owned();
    }
    let fixed = match error.kind {
        ErrorKind::StartLine | ErrorKind::Version => Some("RFC 3261 sections 7.1 and 7.2"),
        ErrorKind::StatusCode => Some("RFC 3261 section 7.2"),
        ErrorKind::Method => Some("RFC 3261 section 7.1"),
        ErrorKind::MissingColon => Some("RFC 3261 section 7.3.1"),
        ErrorKind::Missing => Some("RFC 3261 section 8.1.1"),
        ErrorKind::MethodMismatch => Some("RFC 3261 section 8.1.1.5"),
        ErrorKind::UnknownScheme => Some("RFC 3261 section 8.2.2.1"),
        ErrorKind::BodyTooShort { .. } | ErrorKind::MissingContentLength => {
            Some("RFC 3261 section 18.3")
        }
        ErrorKind::SecondMessage => Some("RFC 7118 section 4.2"),
        _ => None,
    };
    if let Some(rule) = fixed {
        return rule.to_owned();
    }
    match finding.header {
        Some(name) => {
            let section = entry(name).map_or("RFC 3261 section 7.3", |(_, section, _)| section);
            let once = if error.kind == ErrorKind::Repeated {
                " and RFC 3261 section 7.3.1"
            } else {
                ""
            };
            format!("{section}{once}")
        }
        None if is_header_line(finding) => "RFC 3261 section 7.3.1".to_owned(),
        None => "RFC 3261 section 25.1".to_owned(),
    }
}

/// Whether the fault is in a line that should be a header field.
fn is_header_line(finding: &Finding) -> bool {
    let of_line = matches!(
        finding.what,
        What::Fault(ParseError {
            kind: ErrorKind::Character | ErrorKind::MissingColon,
            ..
        })
    );
    of_line && finding.header.is_none() && !finding.in_start_line
}

/// What would be right, where it is clear.
pub(super) fn right(finding: &Finding, reading: &Reading) -> Option<String> {
    let error = match finding.what {
        What::Fault(error) => error,
        What::BytesBehind(_) => {
            return Some("nothing behind the body, or a larger Content-Length".to_owned());
        }
        What::BareLineFeeds(_) => return Some("every line of a head ends in CRLF".to_owned()),
        What::LinesInFront(_) | What::ConvertedLineEnds => return None,
    };
    let message = reading.message.as_ref();
    match (error.kind, finding.header) {
        (ErrorKind::BodyTooShort { .. }, _) => {
            let body = message.map(|message| message.body().len())?;
            Some(format!("Content-Length: {body}"))
        }
        (ErrorKind::Version, _) => Some("SIP/2.0".to_owned()),
        (ErrorKind::StartLine, _) => Some(start_line_like(&reading.bytes)),
        _ if is_header_line(finding) => Some("Name: value".to_owned()),
        (ErrorKind::Repeated, Some(name)) => Some(format!("one {name}")),
        (_, Some(HeaderName::CSeq)) => message
            .and_then(cseq_of_request)
            .or_else(|| example(HeaderName::CSeq)),
        (_, Some(name)) if !error.is_limit() => example(name),
        _ => None,
    }
}

fn example(name: HeaderName<'_>) -> Option<String> {
    entry(name).map(|(name, _, value)| format!("{name}: {value}"))
}

/// A start line of the same kind.
fn start_line_like(bytes: &[u8]) -> String {
    if bytes.len() >= 3 && bytes[..3].eq_ignore_ascii_case(b"SIP") {
        "SIP/2.0 200 OK".to_owned()
    } else {
        "INVITE sip:bob@example.com SIP/2.0".to_owned()
    }
}

/// The CSeq with the method of the request.
fn cseq_of_request(message: &Message) -> Option<String> {
    let request = message.as_request()?;
    let row = message.values(HeaderName::CSeq).next();
    let number = row.and_then(|value| CSeq::parse(value).ok());
    let number = number.map_or(1, |cseq| cseq.number);
    Some(format!("CSeq: {number} {}", request.method()))
}

/// The status code with which a server refuses a request for the first of these faults.
pub(super) fn status(error: &ParseError) -> u16 {
    error.status().as_u16()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// Every example that the program gives as right is well formed, by the strict reader.
    #[test]
    fn the_examples_are_well_formed() {
        for (name, section, value) in HEADERS {
            let own = |other: HeaderName<'_>| other.id() == name.id();
            let mut text = String::from("INVITE sip:bob@example.com SIP/2.0\r\n");
            for (mandatory, line) in [
                (HeaderName::Via, "SIP/2.0/TCP h.example.com;branch=z9hG4bK1"),
                (HeaderName::MaxForwards, "70"),
                (HeaderName::From, "<sip:a@example.com>;tag=1"),
                (HeaderName::To, "<sip:b@example.com>"),
                (HeaderName::CallId, "1"),
                (HeaderName::CSeq, "1 INVITE"),
            ] {
                if !own(mandatory) {
                    text.push_str(&format!("{mandatory}: {line}\r\n"));
                }
            }
            text.push_str(&format!("{name}: {value}\r\n\r\n"));
            let message = Message::parse(Bytes::from(text), &Default::default()).unwrap();
            assert_eq!(message.validate_strict(), Ok(()), "{name} of {section}");
        }
    }
}
