//! Bodies: multipart, dispositions and encodings (RFC 5621). Each body goes through every message that can carry a
//! session description.

use sip_core::{Body, Cause, Event, InviteOptions, SessionId};
use sip_parse::{
    Bytes, ContentDisposition, HeaderName, MediaType, Method, NewPart, Request, Response,
    write_multipart,
};
use sip_testing::{Bench, OFFER, alice, remote_description, response, value};

const BOB: &str = "<sip:bob@192.0.2.9>";
const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// Parts of bodies: header lines, a blank line, the body.
const SDP: &str = "Content-Type: application/sdp\n\nv=0";
const SECOND_SDP: &str = "Content-Type: application/sdp\nContent-ID: <2@x>\n\nv=0 second";
const EARLY: &str =
    "Content-Type: application/sdp\nContent-Disposition: early-session\n\nv=0 early";
const OPTIONAL_EARLY: &str = "Content-Type: application/sdp\nContent-Disposition: early-session;handling=optional\n\nv=0 early";
const ODD: &str =
    "Content-Type: application/x-odd\nContent-Disposition: x;handling=required\n\nodd";
const OPTIONAL: &str =
    "Content-Type: application/x-odd\nContent-Disposition: x ; handling = Optional\n\nodd";
const TEXT: &str = "Content-Type: text/plain\n\nhello";
const ZIPPED: &str = "Content-Type: application/sdp\nContent-Encoding: gzip\n\nv=0";
const ENCODED: &str = "Content-Type: application/sdp\nContent-Transfer-Encoding: base64\n\ndj0w";

/// A body as its header fields, a blank line and the bytes, in other words: a message without its own head.
fn several(subtype: &str, boundary: &str, parts: &[&str]) -> String {
    let parts: String = parts
        .iter()
        .map(|part| format!("--{boundary}\n{part}\n"))
        .collect();
    format!("Content-Type: multipart/{subtype};boundary={boundary}\n\n{parts}--{boundary}--\n")
}

fn mixed(parts: &[&str]) -> String {
    several("mixed", "m", parts)
}

/// The fields and the bytes of a body, with Content-Length, as they follow the other fields of a message.
fn content(body: &str) -> String {
    let (fields, bytes) = body.split_once("\n\n").expect("a blank line");
    let fields = fields.replace('\n', "\r\n");
    format!("{fields}\r\nContent-Length: {}\r\n\r\n{bytes}", bytes.len())
}

/// Bob sends a request, in the dialog that a response of the agent made, or outside any dialog.
fn from_bob(bench: &mut Bench, method: &str, cseq: u32, ours: Option<&Response>, body: &str) {
    let user = bench.contact_user();
    let to = ours.map_or("<sip:alice@example.com>".to_owned(), |ours| {
        value(ours, HeaderName::To)
    });
    let head = format!(
        "{method} sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{method}{cseq}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: bodies\n\
         CSeq: {cseq} {method}\nContact: <sip:bob@bob.invalid;transport=ws>\n"
    );
    bench.feed_bytes(head.replace('\n', "\r\n") + &content(body));
}

/// The far end answers a request of the agent with a body.
fn reply(bench: &mut Bench, request: &Request, status: u16, body: &str) {
    let plain = response(request, status, "bobtag", &[("Contact", BOB)], None);
    let plain = String::from_utf8(plain.to_vec()).expect("text");
    let end = plain.find("Content-Length").expect("Content-Length");
    bench.feed_bytes(plain[..end].to_owned() + &content(body));
}

/// The description that the application gets. The message around it has every part.
fn description(bench: &mut Bench) -> Option<String> {
    let event = bench
        .events
        .iter()
        .find(|event| remote_description(event).is_some());
    let Event::RemoteDescription { body, message, .. } = event? else {
        unreachable!();
    };
    assert_eq!(&*body.content_type, "application/sdp");
    assert_eq!(Body::description_in(message).as_ref(), Some(&**body));
    let bytes = String::from_utf8(body.bytes.to_vec()).expect("text");
    Some(bytes)
}

fn session(bench: &mut Bench) -> SessionId {
    bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    })
}

/// What an INVITE with this body offers, or the status that refuses it.
fn invite(body: &str) -> Result<Option<String>, u16> {
    let mut bench = Bench::new(&alice());
    from_bob(&mut bench, "INVITE", 7, None, body);
    if let Some(refusal) = bench.sent.pop_front() {
        let refusal = refusal.into_response().expect("a response");
        bench.no_events();
        return Err(refusal.status().as_u16());
    }
    let id = session(&mut bench);
    bench.accept(id);
    let offer = description(&mut bench);
    let ok = {
        bench.describe(id, OFFER);
        bench.next_response()
    };
    assert_eq!(ok.status().as_u16(), 200);
    Ok(offer)
}

/// A call of bob's that is up, and the response that made its dialog.
fn from_bob_answered() -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(&alice());
    from_bob(&mut bench, "INVITE", 7, None, SDP);
    let id = session(&mut bench);
    let ok = bench.answer(id, OFFER);
    from_bob(&mut bench, "ACK", 7, Some(&ok), "Subject: none\n\n");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    (bench, id, ok)
}

/// What a re-INVITE with this body offers, or the status that refuses it; the call goes on.
fn reinvite(body: &str) -> Result<Option<String>, u16> {
    let (mut bench, id, ok) = from_bob_answered();
    from_bob(&mut bench, "INVITE", 8, Some(&ok), body);
    if let Some(refusal) = bench.sent.pop_front() {
        let refusal = refusal.into_response().expect("a response");
        bench.no_events();
        return Err(refusal.status().as_u16());
    }
    let offer = description(&mut bench);
    bench.describe(id, OFFER);
    assert_eq!(bench.next_response().status().as_u16(), 200);
    Ok(offer)
}

/// The agent acknowledged a 2xx: the call is up with an answer, or it is ended by BYE.
fn outcome(bench: &mut Bench) -> Option<String> {
    assert_eq!(bench.next_request().method(), Method::Ack);
    established_or_ended(bench)
}

fn established_or_ended(bench: &mut Bench) -> Option<String> {
    let answer = description(bench);
    let up = |event: &Event| matches!(event, Event::Established { .. });
    assert_eq!(bench.events.iter().any(up), answer.is_some());
    if answer.is_none() {
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        bench.reply(&bye, 200, &[]);
        let cause = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some(reason.cause),
            _ => None,
        });
        assert_eq!(cause, Cause::BadDescription);
    }
    bench.silence();
    answer
}

/// The answer in a 2xx.
fn success(body: &str) -> Option<String> {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    reply(&mut bench, &invite, 200, body);
    outcome(&mut bench)
}

/// The answer in a 183, whose 2xx has none.
fn progress(body: &str) -> Option<String> {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    reply(&mut bench, &invite, 183, body);
    let seen = bench.expect(|event| match event {
        Event::Progress { response, .. } => Some(Body::description_in(response)),
        _ => None,
    });
    bench.reply_tagged(&invite, 200, "bobtag", &[("Contact", BOB)], None);
    let answer = outcome(&mut bench);
    let seen = seen.map(|body| String::from_utf8(body.bytes.to_vec()).expect("text"));
    assert_eq!(seen, answer, "what the application reads itself");
    answer
}

/// The offer in the 2xx to an INVITE without one.
fn late_offer(body: &str) -> Option<String> {
    let mut bench = Bench::new(&alice());
    let mut options = InviteOptions::new();
    options.late_offer = true;
    let target = "sip:bob@example.com";
    let id = bench
        .agent
        .invite(target, options, bench.now)
        .expect("invite");
    bench.pump();
    let invite = bench.next_request();
    reply(&mut bench, &invite, 200, body);
    if description(&mut bench).is_some() {
        bench.describe(id, OFFER);
    }
    outcome(&mut bench)
}

/// The answer in an ACK.
fn ack(body: &str) -> Option<String> {
    let mut bench = Bench::new(&alice());
    from_bob(&mut bench, "INVITE", 7, None, "Subject: none\n\n");
    let id = session(&mut bench);
    let ok = bench.answer(id, OFFER);
    from_bob(&mut bench, "ACK", 7, Some(&ok), body);
    established_or_ended(&mut bench)
}

/// The answer in the 2xx to a re-INVITE; without one the call goes on as it was.
fn reinvite_success(body: &str) -> Option<String> {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    reply(&mut bench, &invite, 200, body);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let answer = description(&mut bench);
    match answer {
        Some(_) => bench.renegotiated(id),
        None => assert_eq!(bench.renegotiation_failed().cause, Cause::BadDescription),
    }
    bench.silence();
    answer
}

/// A body, the offer of an INVITE with it or the status that refuses it, and the description in a message that cannot be
/// refused.
type Case = (
    String,
    Result<Option<&'static str>, u16>,
    Option<&'static str>,
);

#[track_caller]
fn every_message_reads(cases: &[Case]) {
    for (body, asked, told) in cases {
        let own = |text: &Option<&str>| text.map(str::to_owned);
        let (asked, told) = (asked.as_ref().map(own).map_err(|status| *status), own(told));
        assert_eq!(invite(body), asked, "INVITE: {body:.300}");
        assert_eq!(reinvite(body), asked, "re-INVITE: {body:.300}");
        assert_eq!(success(body), told, "2xx: {body:.300}");
        assert_eq!(progress(body), told, "183: {body:.300}");
        assert_eq!(late_offer(body), told, "2xx with the offer: {body:.300}");
        assert_eq!(ack(body), told, "ACK: {body:.300}");
        assert_eq!(
            reinvite_success(body),
            told,
            "2xx to a re-INVITE: {body:.300}"
        );
    }
}

const V0: Option<&str> = Some("v=0");

/// `5621-3.1-B`: RFC 3261 8.2.3, RFC 5621 section 8: a part that is required and not supported refuses a request by 415, a
/// part that is optional does not, and nothing can be refused in a response or an ACK.
#[test]
fn rfc5621_3_1_required_parts_refuse_a_request_and_optional_ones_do_not() {
    every_message_reads(&[
        (SDP.to_owned(), Ok(V0), V0),
        (mixed(&[SDP]), Ok(V0), V0),
        (mixed(&[SDP, OPTIONAL]), Ok(V0), V0),
        (mixed(&[OPTIONAL, SDP]), Ok(V0), V0),
        (mixed(&[SDP, ODD]), Err(415), V0),
        (mixed(&[TEXT, SDP]), Err(415), V0),
        (mixed(&[OPTIONAL]), Ok(None), None),
        (OPTIONAL.to_owned(), Ok(None), None),
        (TEXT.to_owned(), Err(415), None),
        // An unknown type of multipart is read like multipart/mixed (RFC 2046 section 5.1.3).
        (several("x-unknown", "u", &[SDP, OPTIONAL]), Ok(V0), V0),
        (several("x-unknown", "u", &[SDP, ODD]), Err(415), V0),
    ]);
}

/// `5621-5-A`: RFC 2046 5.1.4, RFC 2387 3.2: the last alternative that is understood, the root of related parts, at any
/// depth.
#[test]
fn rfc5621_5_the_description_is_found_in_every_type_of_multipart() {
    let alternative = |parts: &[&str]| several("alternative", "a", parts);
    let related = |start: &str, parts: &[&str]| {
        several("related", "r", parts).replacen("boundary=r", &format!("boundary=r{start}"), 1)
    };
    let second = Some("v=0 second");
    let start = ";start=\"<2@x>\"";
    every_message_reads(&[
        (alternative(&[SDP, SECOND_SDP]), Ok(second), second),
        (alternative(&[SDP, ODD]), Ok(V0), V0),
        (alternative(&[TEXT, SDP, ODD]), Ok(V0), V0),
        (
            alternative(&[SDP, &mixed(&[SECOND_SDP, OPTIONAL])]),
            Ok(second),
            second,
        ),
        (alternative(&[SDP, &mixed(&[SECOND_SDP, ODD])]), Ok(V0), V0),
        (alternative(&[TEXT, ODD]), Err(415), None),
        (related("", &[SDP, ODD, TEXT]), Ok(V0), V0),
        (related(start, &[ODD, TEXT, SECOND_SDP]), Ok(second), second),
        (related(start, &[SDP, SECOND_SDP]), Ok(second), second),
        (related("", &[ODD, SDP]), Err(415), None),
        (
            mixed(&[OPTIONAL, &alternative(&[SDP, SECOND_SDP])]),
            Ok(second),
            second,
        ),
        (
            mixed(&[&related(start, &[TEXT, SECOND_SDP]), OPTIONAL]),
            Ok(second),
            second,
        ),
        (alternative(&[&related("", &[SDP, ODD]), ODD]), Ok(V0), V0),
    ]);
}

/// RFC 2046 section 5.1.1: preamble, epilogue, line ends and a missing end do not matter; without usable boundaries a
/// request gets 400, and a response has no description. The number and the depth of parts have a limit.
#[test]
fn fault_d3_malformed_multipart_bodies() {
    let crlf = mixed(&[SDP, OPTIONAL]).replacen("\n\n", "\0", 1);
    let crlf = crlf.replace('\n', "\r\n").replace('\0', "\n\n");
    let head = "Content-Type: multipart/mixed;boundary=m\n\n";
    let sdp = "--m\nContent-Type: application/sdp\n\nv=0";
    let mut bomb = SDP.to_owned();
    for depth in 0..40 {
        bomb = several("mixed", &format!("n{depth}"), &[&bomb]);
    }
    every_message_reads(&[
        (crlf, Ok(V0), V0),
        (
            format!("{head}preamble --m\n{sdp}\n--m--\nepilogue\n--m\n"),
            Ok(V0),
            V0,
        ),
        (format!("{head}{sdp}"), Ok(V0), V0),
        (format!("{head}{sdp}\n--m\n"), Ok(V0), V0),
        (format!("{head}{sdp}\n--m-"), Ok(V0), V0),
        (format!("{head}{sdp}\n--m-\n"), Ok(V0), V0),
        (
            mixed(&[SDP]).replace(";boundary=m", " ; x=1 ; BOUNDARY = \"m\""),
            Ok(V0),
            V0,
        ),
        (mixed(&[SDP]).replace(";boundary=m", ""), Err(400), None),
        (
            mixed(&[SDP]).replace(";boundary=m", ";boundary=other"),
            Err(400),
            None,
        ),
        (format!("{head}--m--\n"), Err(400), None),
        (format!("{head}v=0"), Err(400), None),
        // A fault in one part costs a response nothing if the description is in another.
        (mixed(&[SDP, "no colon\n\nodd"]), Err(400), V0),
        (mixed(&[SDP, "Content-Type: odd\n\nodd"]), Err(400), V0),
        (mixed(&["Content-Type: sdp\n\nv=0"]), Err(400), None),
        (
            mixed(&[SDP, &OPTIONAL.replace("application/x-odd", "/")]),
            Ok(V0),
            V0,
        ),
        (mixed(&[SDP; 64]), Ok(V0), V0),
        (mixed(&[SDP; 65]), Err(400), None),
        (
            format!("{head}{}", "--m\n\n".repeat(10_000)),
            Err(400),
            None,
        ),
        (bomb, Err(400), None),
    ]);
}

/// RFC 3261 20.11, RFC 3959, RFC 5621 section 9: a description with another disposition than `session` is neither offer nor
/// answer.
#[test]
fn fault_d4_the_disposition_says_what_a_description_is_for() {
    let written = |disposition: &str| format!("Content-Disposition: {disposition}\n{SDP}");
    let around = |disposition: &str| {
        let body = mixed(&[SDP]);
        format!("Content-Disposition: {disposition}\n{body}")
    };
    every_message_reads(&[
        (written("session"), Ok(V0), V0),
        (written("session;handling=optional"), Ok(V0), V0),
        (EARLY.to_owned(), Err(415), None),
        (OPTIONAL_EARLY.to_owned(), Ok(None), None),
        (written("by-reference"), Ok(None), None),
        (written("x-unknown"), Err(415), None),
        (mixed(&[SDP, OPTIONAL_EARLY]), Ok(V0), V0),
        (mixed(&[OPTIONAL_EARLY, SDP]), Ok(V0), V0),
        (mixed(&[EARLY, SDP]), Err(415), V0),
        (mixed(&[OPTIONAL_EARLY]), Ok(None), None),
        (several("alternative", "a", &[SDP, EARLY]), Ok(V0), V0),
        (around("session"), Ok(V0), V0),
        (around("render;handling=required"), Ok(V0), V0),
        (around("early-session"), Err(415), None),
        (around("early-session;handling=optional"), Ok(None), None),
    ]);
}

/// RFC 3261 20.12 and 8.2.3, RFC 2045 section 6: the core undoes base64 and quoted-printable, and takes no other encoding.
#[test]
fn fault_d4_an_encoded_description_is_undone_or_not_taken() {
    let coding = |coding: &str, sdp: &str| {
        format!("Content-Type: application/sdp\nContent-Transfer-Encoding: {coding}\n\n{sdp}")
    };
    let optional = format!("Content-Disposition: session;handling=optional\n{ZIPPED}");
    let identity = format!("Content-Encoding: identity\n{SDP}");
    every_message_reads(&[
        (ZIPPED.to_owned(), Err(415), None),
        (optional.clone(), Ok(None), None),
        (identity, Ok(V0), V0),
        (mixed(&[ZIPPED]), Err(415), None),
        (mixed(&[&optional, OPTIONAL]), Ok(None), None),
        (several("alternative", "a", &[SDP, ZIPPED]), Ok(V0), V0),
        (
            format!("Content-Encoding: gzip\n{}", mixed(&[SDP])),
            Err(415),
            None,
        ),
        (ENCODED.to_owned(), Ok(V0), V0),
        (mixed(&[ENCODED]), Ok(V0), V0),
        (mixed(&[&coding("quoted-printable", "v=3D0")]), Ok(V0), V0),
        (mixed(&[&coding("binary", "v=0")]), Ok(V0), V0),
        (mixed(&[&coding("8bit", "v=0")]), Ok(V0), V0),
        (mixed(&[&coding("base64", "*")]), Err(415), None),
        (mixed(&[&coding("x-other", "v=0")]), Err(415), None),
        (
            format!("Content-Transfer-Encoding: base64\n{}", mixed(&[SDP])),
            Err(415),
            None,
        ),
    ]);
}

/// RFC 3261 8.2.3, 11.2, 21.4.13: a refusal for a type names all types that the core reads, as does the 200 to OPTIONS; one
/// for an encoding names the encodings.
#[test]
fn fault_d3_refusals_say_what_is_taken() {
    let refusal = |method: &str, body: &str| {
        let mut bench = Bench::new(&alice());
        from_bob(&mut bench, method, 1, None, body);
        bench.no_events();
        bench.next_response()
    };
    for body in [mixed(&[SDP, ODD]), TEXT.to_owned(), EARLY.to_owned()] {
        let refused = refusal("INVITE", &body);
        assert_eq!(refused.status().as_u16(), 415);
        assert_eq!(value(&refused, HeaderName::Accept), ACCEPT);
        assert!(!refused.has(HeaderName::AcceptEncoding));
    }
    for (method, body) in [
        ("INVITE", mixed(&[SDP, ZIPPED])),
        ("INVITE", ZIPPED.to_owned()),
        ("MESSAGE", ZIPPED.to_owned()),
    ] {
        let refused = refusal(method, &body);
        assert_eq!(refused.status().as_u16(), 415);
        assert_eq!(value(&refused, HeaderName::AcceptEncoding), "identity");
    }
    let options = refusal("OPTIONS", SDP);
    assert_eq!(options.status().as_u16(), 200);
    assert_eq!(value(&options, HeaderName::Accept), ACCEPT);
}

/// RFC 3428 section 7, RFC 6086 section 4: the application reads the parts of a MESSAGE or INFO, and answers.
#[test]
fn fault_d3_the_application_sees_the_parts_of_other_requests() {
    let body = mixed(&[TEXT, ODD, SECOND_SDP]);
    for method in ["MESSAGE", "INFO"] {
        let (mut bench, _, ok) = from_bob_answered();
        let ours = (method == "INFO").then_some(&ok);
        from_bob(&mut bench, method, 9, ours, &body);
        let request = bench.expect(|event| match event {
            Event::IncomingRequest { request, .. } => Some(request.clone()),
            _ => None,
        });
        let parts = request.parts().expect("parts");
        let seen: Vec<_> = parts
            .iter()
            .map(|part| (part.disposition(), part.is_optional(), part.body))
            .collect();
        let expected = [
            (&b"render"[..], false, &b"hello"[..]),
            (b"x", false, b"odd"),
            (b"session", false, b"v=0 second"),
        ];
        assert_eq!(seen, expected, "{method}");
        let last = parts.iter().last().expect("a part");
        assert_eq!(last.content_id(), Some(&b"2@x"[..]));
        bench.silence();
    }
}

/// The application sees every part of each message that carries a description.
#[test]
fn fault_d3_the_application_sees_the_parts_beside_the_description() {
    let body = mixed(&[OPTIONAL, SECOND_SDP, OPTIONAL_EARLY]);
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    reply(&mut bench, &invite, 200, &body);
    let (chosen, message) = bench.expect(|event| match event {
        Event::RemoteDescription { body, message, .. } => Some((body.clone(), message.clone())),
        _ => None,
    });
    assert_eq!(chosen.bytes, &b"v=0 second"[..]);
    assert_eq!(
        message.response_status().map(|status| status.as_u16()),
        Some(200)
    );
    let parts = message.parts().expect("parts");
    let bodies: Vec<_> = parts.iter().map(|part| part.body).collect();
    assert_eq!(bodies, [&b"odd"[..], b"v=0 second", b"v=0 early"]);
}

/// A body of several parts goes out as the application wrote it, and a peer that runs the core finds the description.
#[test]
fn fault_d3_an_offer_of_several_parts_can_be_sent() {
    let part = |media, disposition: Option<&'static str>, body| NewPart {
        content_type: MediaType::parse(media).expect("type"),
        content_disposition: disposition
            .map(|text| ContentDisposition::parse(text.as_bytes()).expect("disposition")),
        body,
    };
    let parts = [
        part(b"application/sdp", None, b"v=0"),
        part(
            b"application/pidf+xml",
            Some("render;handling=optional"),
            b"<presence/>",
        ),
    ];
    let bytes = write_multipart(b"b7", &parts).expect("a boundary that no part has");
    let offer = Body::new("multipart/mixed;boundary=b7", Bytes::from(bytes));

    let mut bench = Bench::new(&alice());
    let target = "sip:bob@example.com";
    let id = bench
        .agent
        .invite(target, Default::default(), bench.now)
        .expect("invite");
    bench.try_describe(id, Ok(offer.clone())).expect("describe");
    let sent = bench.next_request();
    assert_eq!(value(&sent, HeaderName::ContentType), &*offer.content_type);
    assert_eq!(sent.body(), &offer.bytes);
    assert!(
        !sent.has(HeaderName::ContentDisposition),
        "its parts have their own"
    );

    let text = String::from_utf8(sent.body().to_vec()).expect("text");
    let received = format!("Content-Type: {}\n\n{text}", offer.content_type);
    assert_eq!(self::invite(&received), Ok(Some("v=0".to_owned())));
}
