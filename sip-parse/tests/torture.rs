//! Every message of RFC 4475 and RFC 5118 has the outcome that its RFC names, as far as the parser decides it. The
//! parser accepts a message that a user agent rejects later (405, 420, 415, 401, 483, an unknown response).

mod common;
#[path = "torture/messages.rs"]
mod messages;

use messages as m;
use sip_parse::{Builder, Bytes, Limits, Message, Method, ParseError, StatusCode};

/// The outcome of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accept,
    /// The server answers the request with this status.
    Answer(u16),
    /// The client drops the response.
    Drop,
}
use Outcome::{Accept, Answer, Drop};

fn parse(bytes: &[u8]) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(bytes), &Limits::default())
}

/// Processes a datagram as a server does.
fn outcome(bytes: &[u8], strict: bool) -> Outcome {
    let refused = |error: ParseError| {
        match Message::salvage(Bytes::copy_from_slice(bytes), &Limits::default()) {
            Some(request) => {
                // The builder makes the response, with the Via values of the request.
                let answer = Builder::response_to(&request, error.status(), Some(b"tag"))
                    .build()
                    .unwrap();
                assert_eq!(
                    answer
                        .headers()
                        .filter(|header| header.name == sip_parse::HeaderName::Via)
                        .count(),
                    {
                        request
                            .headers()
                            .filter(|header| header.name == sip_parse::HeaderName::Via)
                            .count()
                    }
                );
                Answer(error.status().as_u16())
            }
            None => Drop,
        }
    };
    let message = match parse(bytes) {
        Ok(message) => message,
        Err(error) => return refused(error),
    };
    let checked = if strict {
        message.validate_strict()
    } else {
        message.validate()
    };
    match (checked, message.as_request()) {
        (Err(_), None) => Drop,
        (Err(error), Some(_)) => refused(error),
        (Ok(()), Some(request)) => request.sip_uri().map_or_else(refused, |_| Accept),
        (Ok(()), None) => Accept,
    }
}

type Build = fn() -> Vec<u8>;

/// Message, outcome when read leniently, outcome when read strictly.
const RFC4475: [(&str, Build, Outcome, Outcome); 50] = [
    ("3.1.1.1 wsinv", m::wsinv, Accept, Accept),
    // The parser accepts any token as a method; the user agent answers 405 or 501.
    ("3.1.1.2 intmeth", m::intmeth, Accept, Accept),
    ("3.1.1.3 esc01", m::esc01, Accept, Accept),
    ("3.1.1.4 escnull", m::escnull, Accept, Accept),
    ("3.1.1.5 esc02", m::esc02, Accept, Accept),
    ("3.1.1.6 lwsdisp", m::lwsdisp, Accept, Accept),
    ("3.1.1.7 longreq", m::longreq, Accept, Accept),
    ("3.1.1.8 dblreq", m::dblreq, Accept, Accept),
    ("3.1.1.9 semiuri", m::semiuri, Accept, Accept),
    ("3.1.1.10 transports", m::transports, Accept, Accept),
    ("3.1.1.11 mpart01", m::mpart01, Accept, Accept),
    ("3.1.1.12 unreason", m::unreason, Accept, Accept),
    ("3.1.1.13 noreason", m::noreason, Accept, Accept),
    ("3.1.2.1 badinv01", m::badinv01, Answer(400), Answer(400)),
    ("3.1.2.2 clerr", m::clerr, Answer(400), Answer(400)),
    ("3.1.2.3 ncl", m::ncl, Answer(400), Answer(400)),
    ("3.1.2.4 scalar02", m::scalar02, Answer(400), Answer(400)),
    ("3.1.2.5 scalarlg", m::scalarlg, Drop, Drop),
    ("3.1.2.6 quotbal", m::quotbal, Answer(400), Answer(400)),
    ("3.1.2.7 ltgtruri", m::ltgtruri, Answer(400), Answer(400)),
    ("3.1.2.8 lwsruri", m::lwsruri, Answer(400), Answer(400)),
    ("3.1.2.9 lwsstart", m::lwsstart, Answer(400), Answer(400)),
    ("3.1.2.10 trws", m::trws, Answer(400), Answer(400)),
    // The RFC allows both: 400, or ignoring the headers in the URI.
    ("3.1.2.11 escruri", m::escruri, Accept, Answer(400)),
    // The RFC allows both: 400, or ignoring the Date.
    ("3.1.2.12 baddate", m::baddate, Accept, Answer(400)),
    ("3.1.2.13 regbadct", m::regbadct, Answer(400), Answer(400)),
    ("3.1.2.14 badaspec", m::badaspec, Answer(400), Answer(400)),
    ("3.1.2.15 baddn", m::baddn, Answer(400), Answer(400)),
    ("3.1.2.16 badvers", m::badvers, Answer(505), Answer(505)),
    (
        "3.1.2.17 mismatch01",
        m::mismatch01,
        Answer(400),
        Answer(400),
    ),
    (
        "3.1.2.18 mismatch02",
        m::mismatch02,
        Answer(400),
        Answer(400),
    ),
    ("3.1.2.19 bigcode", m::bigcode, Drop, Drop),
    ("3.2.1 badbranch", m::badbranch, Accept, Accept),
    ("3.3.1 insuf", m::insuf, Answer(400), Answer(400)),
    ("3.3.2 unkscm", m::unkscm, Answer(416), Answer(416)),
    ("3.3.3 novelsc", m::novelsc, Answer(416), Answer(416)),
    ("3.3.4 unksm2", m::unksm2, Accept, Accept),
    ("3.3.5 bext01", m::bext01, Accept, Accept),
    ("3.3.6 invut", m::invut, Accept, Accept),
    ("3.3.7 regaut01", m::regaut01, Accept, Accept),
    ("3.3.8 multi01", m::multi01, Answer(400), Answer(400)),
    ("3.3.9 mcl01", m::mcl01, Answer(400), Answer(400)),
    // The transaction layer drops it, because the top Via matches no transaction.
    ("3.3.10 bcast", m::bcast, Accept, Accept),
    ("3.3.11 zeromf", m::zeromf, Accept, Accept),
    ("3.3.12 cparam01", m::cparam01, Accept, Accept),
    ("3.3.13 cparam02", m::cparam02, Accept, Accept),
    ("3.3.14 regescrt", m::regescrt, Accept, Accept),
    ("3.3.15 sdp01", m::sdp01, Accept, Accept),
    // RFC 2543 has no Max-Forwards.
    ("3.4.1 inv2543", m::inv2543, Accept, Answer(400)),
    // Without Via a response has no destination.
    ("in no section: test", m::test, Drop, Drop),
];

const RFC5118: [(&str, Build, Outcome, Outcome); 12] = [
    ("4.1 ipv6-good", m::ipv6_good, Accept, Accept),
    ("4.2 ipv6-bad", m::ipv6_bad, Answer(400), Answer(400)),
    ("4.3 port-ambiguous", m::port_ambiguous, Accept, Accept),
    ("4.4 port-unambiguous", m::port_unambiguous, Accept, Accept),
    (
        "4.5 via-received-param-with-delim",
        m::via_received_with_delim,
        Accept,
        Accept,
    ),
    (
        "4.5 via-received-param-no-delim",
        m::via_received_no_delim,
        Accept,
        Accept,
    ),
    ("4.6 ipv6-in-sdp", m::ipv6_in_sdp, Accept, Accept),
    (
        "4.7 mult-ip-in-header",
        m::mult_ip_in_header,
        Accept,
        Accept,
    ),
    ("4.8 mult-ip-in-sdp", m::mult_ip_in_sdp, Accept, Accept),
    ("4.9 ipv4-mapped-ipv6", m::ipv4_mapped_ipv6, Accept, Accept),
    (
        "4.10 ipv6-bug-abnf-3-colons",
        m::three_colons,
        Accept,
        Answer(400),
    ),
    // Strict reading finds no end, because the archive omits the blank line.
    (
        "4.10 ipv6-correct-abnf-2-colons",
        m::two_colons,
        Accept,
        Answer(400),
    ),
];

/// `4475-ALL`.
#[test]
fn req_4475_all_outcomes() {
    for (name, build, lenient, strict) in RFC4475 {
        assert_eq!(outcome(&build(), false), lenient, "{name}");
        assert_eq!(outcome(&build(), true), strict, "{name}, strictly");
    }
}

/// `5118-4.x`.
#[test]
fn req_5118_4_x_outcomes() {
    for (name, build, lenient, strict) in RFC5118 {
        assert_eq!(outcome(&build(), false), lenient, "{name}");
        assert_eq!(outcome(&build(), true), strict, "{name}, strictly");
    }
}

/// RFC 3261 18.3 applies to the Content-Length that RFC 5118 section 4.6 prints.
#[test]
fn ipv6_in_sdp_as_printed_is_too_short() {
    let text = String::from_utf8(m::ipv6_in_sdp())
        .unwrap()
        .replace("Content-Length: 251", "Content-Length: 268");
    assert_eq!(outcome(text.as_bytes(), false), Answer(400));
}

/// The offset of each fault, because a fault in another value could give the same status.
#[test]
fn faults_are_named_where_they_lie() {
    let fault = |build: Build| {
        let bytes = build();
        let error = parse(&bytes)
            .and_then(|message| message.validate())
            .unwrap_err();
        let rest = String::from_utf8_lossy(&bytes[error.offset as usize..])
            .chars()
            .take(6)
            .collect::<String>();
        (
            error
                .header
                .map(|header| header.to_string())
                .unwrap_or_default(),
            rest,
        )
    };
    let named = |header: &str, rest: &str| (header.to_owned(), rest.to_owned());
    assert_eq!(fault(m::badinv01), named("Via", ";,;,,\r"));
    assert_eq!(fault(m::ncl), named("Content-Length", "-999\r\n"));
    assert_eq!(fault(m::scalar02), named("CSeq", "368934"));
    assert_eq!(fault(m::quotbal).0, "To");
    assert_eq!(fault(m::ltgtruri), named("", "<sip:u"));
    assert_eq!(fault(m::lwsruri), named("", " lr SI"));
    assert_eq!(fault(m::lwsstart), named("", " sip:u"));
    assert_eq!(fault(m::regbadct), named("Contact", "?Route"));
    assert_eq!(fault(m::badaspec), named("To", " sip:t"));
    assert_eq!(fault(m::baddn), named("From", ", Alex"));
    assert_eq!(fault(m::badvers), named("", "SIP/7."));
    assert_eq!(fault(m::mismatch01), named("CSeq", "8 INVI"));
    assert_eq!(fault(m::insuf).0, "From");
    assert_eq!(fault(m::multi01), named("CSeq", "CSeq: "));
    assert_eq!(fault(m::mcl01), named("Content-Length", "5\r\nCon"));
    assert_eq!(fault(m::ipv6_bad), named("", "db8::1"));
}

/// The accessor rejects a malformed Date.
#[test]
fn baddate_is_a_fault_of_its_field_alone() {
    let message = parse(&m::baddate()).unwrap();
    assert!(message.date().is_err());
    assert!(message.from().is_ok());
}

#[test]
fn intmeth_is_read_whole() {
    let message = parse(&m::intmeth()).unwrap();
    let request = message.as_request().unwrap();
    assert!(matches!(request.method(), Method::Other(_)));
    let uri = request.uri().unwrap();
    assert_eq!(
        uri.user(),
        Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..])
    );
    assert_eq!(
        uri.password(),
        Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..])
    );
    assert_eq!(
        message.to().unwrap().display().unwrap().as_ref(),
        b"BEL:\x07 NUL:\0 DEL:\x7F"
    );
    assert_eq!(
        message.from().unwrap().tag(),
        Some(&b"_token~1'+`*%!-."[..])
    );
}

#[test]
fn esc01_parameters_are_found_through_their_escapes() {
    let message = parse(&m::esc01()).unwrap();
    let contact = message.contacts().next().unwrap().unwrap();
    let uri = contact.addr().unwrap().uri();
    assert!(uri.is_lr());
    assert_eq!(uri.param(b"name"), Some(&b"v%61lue%25%34%31"[..]));
    assert_eq!(
        message
            .to()
            .unwrap()
            .uri()
            .user_unescaped()
            .unwrap()
            .as_ref(),
        b"user"
    );
}

#[test]
fn mpart01_holds_its_binary_part_whole() {
    let message = parse(&m::mpart01()).unwrap();
    let parts = message.parts().unwrap();
    let bodies: Vec<_> = parts.iter().map(|part| part.body.len()).collect();
    assert_eq!(bodies, [5, 342]);
}

/// RFC 5118 4.5: `received` is the same address with and without brackets; 4.9: a mapped address is its value.
#[test]
fn rfc5118_addresses_are_values() {
    let expected = "2001:db8::9:255".parse().ok();
    for build in [m::via_received_with_delim, m::via_received_no_delim] {
        assert_eq!(
            parse(&build()).unwrap().top_via().unwrap().received_ip(),
            expected
        );
    }
    let ambiguous = parse(&m::port_ambiguous()).unwrap().as_request().unwrap();
    assert_eq!(ambiguous.uri().unwrap().port(), None);
    assert_eq!(
        ambiguous.uri().unwrap().host_bytes(),
        b"[2001:db8::10:5070]"
    );
    let unambiguous = parse(&m::port_unambiguous()).unwrap().as_request().unwrap();
    assert_eq!(unambiguous.uri().unwrap().port(), Some(5070));
    let three = parse(&m::three_colons()).unwrap().as_request().unwrap();
    let two = parse(&m::two_colons()).unwrap().as_request().unwrap();
    assert_eq!(three.uri().unwrap().host(), two.uri().unwrap().host());
}

/// LIM-C: the builder writes each accepted message back byte for byte.
#[test]
fn untouched_messages_are_written_back() {
    for (name, build, ..) in RFC4475.into_iter().chain(RFC5118) {
        let Ok(message) = parse(&build()) else {
            continue;
        };
        let again = parse(message.bytes()).unwrap();
        assert_eq!(again.bytes(), message.bytes(), "{name}");
    }
}

/// What an identified message keeps is what its header fields read as.
#[test]
fn identified_messages_read_as_others_do() {
    let parsed = RFC4475
        .into_iter()
        .chain(RFC5118)
        .filter_map(|(_, build, ..)| parse(&build()).ok());
    assert!(parsed.filter(common::identify).count() > 30);
}

/// The response to a salvaged request copies the fields that it has (RFC 4475 section 3.3.1).
#[test]
fn insufficient_requests_can_be_answered() {
    let request = Message::salvage(Bytes::from(m::insuf()), &Limits::default()).unwrap();
    let answer = Builder::response_to(&request, StatusCode::BAD_REQUEST, None)
        .build()
        .unwrap();
    assert!(answer.bytes().starts_with(b"SIP/2.0 400 Bad Request\r\n"));
    assert!(answer.top_via().is_ok() && answer.cseq().is_ok() && answer.from().is_err());
}
