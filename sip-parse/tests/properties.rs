//! Properties that hold for every input: the parser never panics, the writer restores each accepted message, and the
//! reader returns what the builder wrote.

mod common;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use sip_parse::{
    Builder, Bytes, CSeq, Challenge, Contact, ContentDisposition, Credentials, Event, Frame,
    Framer, HeaderName, HeaderValue, Limits, MediaType, Message, Method, NameAddr, Params, Part,
    Parts, Reason, Replaces, RetryAfter, SessionExpires, SubscriptionState, Uri, UriBuf, Value,
    Via, quote_into, unquote,
};

fn parse(bytes: &[u8]) -> Option<Message> {
    Message::parse(Bytes::copy_from_slice(bytes), &Limits::default()).ok()
}

/// Structure-aware noise: SIP fragments and single bytes.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => any::<u8>().prop_map(|byte| vec![byte]),
        6 => select(vec![
            "\r\n", "\n", "\r", "\r\n ", "\r\n\r\n", ":", ";", ",", "\"", "\\", "<", ">", "=", "%41", "%", "sip:", "[::1]", "@",
            "Via: ", "From: ", "To: ", "Contact: ", "CSeq: ", "Content-Length: ", "SIP/2.0", " ", "\t", "1", "-1", "(", ")",
            "INVITE sip:a@b SIP/2.0\r\n", "SIP/2.0 200 OK\r\n", "tag=", "Digest ", "realm=\"a\"", "--b\r\n",
            "Content-Type: multipart/mixed;boundary=b\r\n",
        ]).prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// A known message with a few bytes replaced, removed or inserted.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<prop::sample::Index>(), 0..4usize, noise()), 0..4);
    (select(common::messages()), edits).prop_map(|(mut bytes, edits)| {
        for (place, cut, put) in edits {
            let at = place.index(bytes.len() + 1);
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, put.into_iter().take(12));
        }
        bytes
    })
}

fn never_panics(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(message) = parse(bytes) {
        common::walk_all(&message);
        // The builder writes an accepted message back, and the reader returns the same.
        let again = parse(message.bytes()).unwrap();
        prop_assert_eq!(again.bytes(), message.bytes());
        let lines = |message: &Message| {
            message
                .headers()
                .map(|header| header.line.to_vec())
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(lines(&again), lines(&message));
        if let Ok(copy) = Builder::from_message(&message).build() {
            let reread = parse(copy.bytes()).unwrap();
            prop_assert_eq!(reread.bytes(), copy.bytes());
            prop_assert_eq!(reread.body(), message.body());
            if message
                .content_length()
                .is_ok_and(|length| length.is_some())
            {
                prop_assert_eq!(lines(&copy), lines(&message));
            }
        }
    }
    let salvaged = Message::salvage(Bytes::copy_from_slice(bytes), &Limits::default());
    if let Some(request) = salvaged {
        common::walk_all(&request);
        let answer =
            Builder::response_to(&request, sip_parse::StatusCode::BAD_REQUEST, Some(b"t")).build();
        if let Ok(answer) = answer {
            prop_assert!(parse(answer.bytes()).is_some());
        }
    }
    Ok(())
}

fn frames(stream: &[u8], sizes: &[usize]) -> (Vec<Bytes>, bool) {
    let mut framer = Framer::lenient(Limits::default());
    let (mut found, mut rest, mut sizes) = (Vec::new(), stream, sizes.iter().cycle());
    loop {
        loop {
            match framer.next() {
                Ok(Some(Frame::Message(message))) => found.push(message),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
        if rest.is_empty() {
            return (found, false);
        }
        let size = sizes.next().copied().unwrap_or(1).min(rest.len());
        framer.push(&rest[..size]);
        rest = &rest[size..];
    }
}

const TOKEN: &str = "[A-Za-z0-9.!%*_+`'~-]{1,12}";
const QUOTED: &str = "\"([ !#-\\[\\]-~é]|\\\\[ -~]){0,12}\"";

/// `;name=value` parameters, values quoted or not.
fn params() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(String::new()),
        TOKEN.prop_map(|t| format!("={t}")),
        QUOTED.prop_map(|q| format!("={q}"))
    ];
    vec((TOKEN, value), 0..4).prop_map(|params| {
        params
            .into_iter()
            .enumerate()
            .map(|(i, (name, value))| format!(";p{i}{name}{value}"))
            .collect()
    })
}

fn uri() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-z]([a-z0-9-]{0,5}[a-z0-9])?(\\.[a-z][a-z0-9]{0,5}){0,2}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ];
    let user = prop_oneof![
        Just(String::new()),
        "[a-z0-9;?/&=+$,.!~*'()_-]{1,8}(%[0-9A-F]{2})?(:[a-z&=+$,]{0,4})?@"
    ];
    (
        select(vec!["sip", "sips", "SIP"]),
        user,
        host,
        prop::option::of(any::<u16>()),
        "(;[a-z]{1,5}(=[a-z0-9/:&+$\\[\\]]{1,6})?){0,3}",
        "(\\?[a-z]{1,4}=[a-z0-9+$:]{0,5}(&[a-z]{1,4}=[a-z]{0,4}){0,2})?",
    )
        .prop_map(|(scheme, user, host, port, params, headers)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}:{user}{host}{port}{params}{headers}")
        })
}

/// A fold or blanks, for each place of LWS.
fn lws() -> impl Strategy<Value = &'static str> {
    select(vec!["", " ", "\t ", "\r\n ", " \r\n\t"])
}

fn address() -> impl Strategy<Value = String> {
    let display = prop_oneof![
        Just(String::new()),
        QUOTED.prop_map(|q| q),
        "[A-Za-z0-9-]{1,6}( [A-Za-z]{1,4})?"
    ];
    (display, uri(), params(), lws(), lws())
        .prop_map(|(display, uri, params, a, b)| format!("{display}{a}<{uri}>{b}{params}"))
}

/// The text of a parsed value parses as the same value, which writes the same text.
macro_rules! reads_back {
    ($text:expr, $parse:path $(, $more:expr)?) => {{
        let text = $text;
        let value = $parse(text.as_bytes() $(, $more)?)
            .map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        let written = value.to_bytes();
        let again = $parse(&written $(, $more)?)
            .map_err(|error| TestCaseError::fail(format!("{}: {error}", written.escape_ascii())))?;
        prop_assert_eq!(again.to_bytes(), written.clone());
        written
    }};
}

fn list(params: Params<'_>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    params
        .iter()
        .map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)))
        .collect()
}

/// Multipart bodies in pieces: boundaries of two levels, header lines, line ends and noise.
fn multipart() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => select(vec![
            "--b\r\n", "--b\n", "--b--\r\n", "--n\r\n", "--n--\r\n", "--", "\r\n", "\n", "v=0\r\n",
            "Content-Type: application/sdp\r\n\r\n", "Content-Type: text/plain\r\n", "Content-ID: <1@x>\r\n",
            "Content-Type: multipart/alternative;boundary=n\r\n\r\n", "Content-Type: multipart/mixed;boundary=b\r\n\r\n",
            "Content-Type: multipart/related;boundary=n;start=\"<1@x>\"\r\n\r\n",
            "Content-Disposition: early-session\r\n", "Content-Disposition: render;handling=optional\r\n",
            "Content-Transfer-Encoding: base64\r\n", "Content-Encoding: gzip\r\n",
        ]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => noise(),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(if cfg!(debug_assertions) { 512 } else { 4096 }) })]

    /// `LIM-B` for bytes of every kind.
    #[test]
    fn req_lim_b_noise_never_panics(bytes in noise()) {
        never_panics(&bytes)?;
        let with_start = [b"INVITE sip:a@b SIP/2.0\r\n", &bytes[..], b"\r\n\r\n"].concat();
        never_panics(&with_start)?;
    }

    /// `LIM-B` and `LIM-C` near real messages.
    #[test]
    fn req_lim_c_mutated_messages_are_written_back(bytes in mutated()) {
        never_panics(&bytes)?;
    }

    /// What an identified message keeps is what its header fields read as.
    #[test]
    fn mutated_messages_are_identified_as_they_read(bytes in mutated()) {
        if let Some(message) = parse(&bytes) {
            common::identify(&message);
        }
    }

    /// `LIM-B` for values alone.
    #[test]
    fn req_lim_b_values_never_panic(bytes in noise()) {
        let _ = (Uri::parse(&bytes), Via::parse(&bytes), NameAddr::parse(&bytes), Contact::parse(&bytes));
        let _ = (CSeq::parse(&bytes), MediaType::parse(&bytes), Event::parse(&bytes), Reason::parse(&bytes));
        let _ = (Challenge::parse(&bytes, false), Credentials::parse(&bytes, true), Params::parse(&bytes));
        let _ = (Replaces::parse(&bytes), RetryAfter::parse(&bytes), SubscriptionState::parse(&bytes));
        let _ = (HeaderName::parse(&bytes), Method::parse(&bytes), unquote(&bytes), sip_parse::unescape(&bytes));
        let _ = (sip_parse::Date::parse(&bytes), sip_parse::Warning::parse(&bytes), sip_parse::Identity::parse(&bytes));
        let _ = (sip_parse::Timestamp::parse(&bytes), sip_parse::Host::parse(&bytes), sip_parse::text(&bytes).to_string());
    }

    /// RFC 2046 5.1, RFC 5621: for any body, parts are pieces of it, in order and apart, at most as many as the limit
    /// allows. What a recipient uses are parts that it understands, and it refuses only what it has to process.
    #[test]
    fn fault_d3_parts_are_pieces_of_the_body_in_order(
        body in multipart(),
        media in select(vec!["multipart/mixed;boundary=b", "multipart/alternative;boundary=b", "multipart/related;boundary=b", "text/plain"]),
    ) {
        let Ok(parts) = Parts::parse(MediaType::parse(media.as_bytes()).ok(), &body) else {
            return Ok(());
        };
        let place = |part: &Part<'_>| {
            let start = part.body.as_ptr() as usize - body.as_ptr() as usize;
            (start, start + part.body.len())
        };
        let mut end = 0;
        for part in parts.iter() {
            let (start, next) = place(part);
            prop_assert!(end <= start && next <= body.len());
            prop_assert!(part.depth <= 4);
            end = next;
            let _ = (part.decoded(), part.content_id(), part.is_session_description());
        }
        prop_assert!(parts.iter().count() <= 64);
        let selection = parts.select(Part::is_session_description);
        for part in selection.used() {
            prop_assert!(part.is_session_description());
        }
        if let Some(part) = selection.refused() {
            prop_assert!(part.fault.is_some() || part.is_multipart() || !part.is_session_description());
        }
        let all = parts.select(|_| true);
        prop_assert!(all.used().count() >= selection.used().count().min(1));
    }

    /// `3261-18.3`: the framer returns the same messages for any chunks.
    #[test]
    fn rfc3261_18_3_chunks_frame_like_the_whole(
        parts in vec(prop_oneof![mutated(), noise()], 1..4),
        sizes in vec(1..200usize, 1..8),
    ) {
        let stream = parts.concat();
        prop_assert_eq!(frames(&stream, &sizes), frames(&stream, &[stream.len().max(1)]));
    }

    /// `unquote` restores any text that `quote_into` wrote.
    #[test]
    fn quoting_is_undone(text in vec(any::<u8>(), 0..40)) {
        let mut quoted = Vec::new();
        quote_into(&text, &mut quoted);
        let kept: Vec<u8> = text.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect();
        prop_assert_eq!(unquote(&quoted).into_owned(), kept);
    }

    #[test]
    fn uris_keep_their_parts(text in uri()) {
        let uri = Uri::parse(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(uri.as_bytes(), text.as_bytes());
        prop_assert!(uri.equivalent(&uri));
        let whole = uri.to_request_uri();
        prop_assert_eq!(&*uri.request_uri_text(), whole.as_bytes());
        prop_assert_eq!(&UriBuf::from(uri).into_request_uri(), &whole);
        if let Ok(strict) = UriBuf::strict(&text) {
            prop_assert_eq!(strict, uri.tidied());
        }
        let user = uri.user().map(|user| {
            let password = uri.password().map(|password| [b":", password].concat()).unwrap_or_default();
            [user, &password, b"@"].concat()
        });
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let headers = uri.headers_bytes();
        let question = if headers.is_empty() { &b""[..] } else { b"?" };
        let scheme = &text.as_bytes()[..text.find(':').unwrap() + 1];
        let rebuilt = [
            scheme, &user.unwrap_or_default(), uri.host_bytes(), port.as_bytes(), uri.params().as_bytes(), question, headers,
        ].concat();
        // The strategy writes ports without leading zeros; a peer may send them.
        prop_assert_eq!(rebuilt, text.as_bytes());
    }

    #[test]
    fn addresses_read_back(text in address()) {
        let written = reads_back!(text.clone(), NameAddr::parse);
        let (one, two) = (NameAddr::parse(text.as_bytes()).unwrap(), NameAddr::parse(&written).unwrap());
        prop_assert_eq!(one.uri_text(), two.uri_text());
        for text in [text.as_bytes(), &one.to_bytes()] {
            let address = NameAddr::parse(text).unwrap();
            prop_assert!(!address.is_written_as(text) || address.to_bytes() == text);
        }
        prop_assert_eq!(one.display(), two.display());
        prop_assert_eq!(list(one.params()), list(two.params()));
    }

    #[test]
    fn vias_read_back(
        transport in TOKEN, host in "[a-z][a-z0-9.]{0,6}[a-z]", port in prop::option::of(any::<u16>()), params in params(),
        a in lws(), b in lws(),
    ) {
        let port = port.map(|port| format!("{b}:{a}{port}")).unwrap_or_default();
        let text = format!("SIP{a}/{b}2.0{b}/{a}{transport} {a}{host}{port}{b}{params};branch=z9hG4bK1");
        let written = reads_back!(text.clone(), Via::parse);
        let (one, two) = (Via::parse(text.as_bytes()).unwrap(), Via::parse(&written).unwrap());
        prop_assert_eq!((one.transport(), one.host_bytes(), one.port()), (two.transport(), two.host_bytes(), two.port()));
        prop_assert_eq!(list(one.params()), list(two.params()));
        prop_assert_eq!(two.branch(), Some(&b"z9hG4bK1"[..]));
    }

    #[test]
    fn parameter_values_read_back(token in TOKEN, params in params(), seconds in any::<u32>(), code in any::<u16>()) {
        reads_back!(format!("{token}{params};id=7"), Event::parse);
        let state = format!("{token} ; expires={seconds}{params};reason=x;retry-after=0");
        reads_back!(state, SubscriptionState::parse);
        let disposition = format!("{token}{params};handling=optional");
        reads_back!(disposition, ContentDisposition::parse);
        reads_back!(format!("{token} / {token}{params}"), MediaType::parse);
        reads_back!(format!("Q.850;cause={code}{params}"), Reason::parse);
        let expires = format!("{seconds};refresher=uac{params}");
        reads_back!(expires, SessionExpires::parse);
        let after = format!("{seconds} (a (b) \\) c){params}");
        reads_back!(after, RetryAfter::parse);
        let replaces = format!("{token}@x;to-tag=1;from-tag={token}{params};early-only");
        reads_back!(replaces, Replaces::parse);
        reads_back!(format!("{} {token}", seconds >> 1), CSeq::parse);
    }

    #[test]
    fn credentials_read_back(scheme in TOKEN, pairs in vec((TOKEN, prop_oneof![TOKEN, QUOTED]), 1..6), a in lws()) {
        let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}{a}={value}")).collect();
        let text = format!("{scheme} {}", pairs.join(&format!("{a},")));
        let written = reads_back!(text.clone(), Credentials::parse, false);
        let (one, two) = (Credentials::parse(text.as_bytes(), false).unwrap(), Credentials::parse(&written, false).unwrap());
        prop_assert_eq!(one.params.iter().collect::<Vec<_>>(), two.params.iter().collect::<Vec<_>>());
        reads_back!(text, Challenge::parse, true);
    }

    /// The reader restores any date from 1970 to 9999 that the writer wrote (RFC 3261 section 20.17).
    #[test]
    fn dates_read_back(unix_seconds in 0..=253_402_300_799u64) {
        let date = sip_parse::Date { unix_seconds };
        let text = date.to_bytes();
        prop_assert_eq!(sip_parse::Date::parse(&text).ok(), Some(date), "{}", text.escape_ascii());
    }

    /// For any text, the builder either rejects it or writes a message that the reader returns equal.
    #[test]
    fn built_messages_read_back(
        display in ".{0,12}", tag in noise(), uri in prop_oneof![uri().prop_map(String::into_bytes), noise()],
        name in noise(), value in noise(), body in noise(), number in 0..0x8000_0000u32,
    ) {
        let mut builder = Builder::request(Method::Message, &uri);
        builder
            .append(HeaderName::Via, Value::Via { transport: b"WSS", sent_by: b"x.invalid", branch: b"z9hG4bK1", rport: true })
            .append(HeaderName::From, Value::NameAddr { display: Some(&display), uri: &uri, tag: Some(b"f"), params: b"" })
            .append(HeaderName::To, Value::NameAddr { display: None, uri: b"sip:b@c", tag: Some(&tag), params: b"" })
            .append(HeaderName::CallId, "1@x")
            .append(HeaderName::CSeq, Value::CSeq(number, Method::Message))
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::Other(&name), &value)
            .body(b"application/octet-stream", &body);
        let Ok(message) = builder.build() else {
            return Ok(());
        };
        let again = parse(message.bytes()).unwrap();
        again.validate().unwrap();
        prop_assert_eq!(again.headers().count(), 9);
        prop_assert_eq!(again.body(), &body[..]);
        prop_assert_eq!(again.from().unwrap().display().unwrap().into_owned(), display.as_bytes());
        prop_assert_eq!(again.to().unwrap().tag(), Some(&tag[..]));
        prop_assert_eq!(again.cseq().unwrap().number, number);
        let plain: Vec<_> = message.headers().map(|header| (header.name.id(), header.value.to_vec(), header.offset)).collect();
        let reread: Vec<_> = again.headers().map(|header| (header.name.id(), header.value.to_vec(), header.offset)).collect();
        prop_assert_eq!(plain, reread);
    }
}

/// Each of the everyday and of the hard messages can be identified.
#[test]
fn identified_messages_read_as_others_do() {
    for bytes in common::messages() {
        assert!(common::identify(&parse(&bytes).unwrap()));
    }
}

/// The generators above produce accepted messages, because the properties would otherwise hold trivially.
#[test]
fn mutations_are_often_accepted() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..400)
        .filter(|_| {
            let bytes = mutated().new_tree(&mut runner).unwrap().current();
            parse(&bytes).is_some_and(|message| message.validate().is_ok())
        })
        .count();
    assert!(accepted > 120, "{accepted} of 400");
}
