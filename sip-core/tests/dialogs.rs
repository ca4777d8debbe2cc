//! `DialogLayer` alone, rule by rule: RFC 3261 section 12 and RFC 5057.

use rand_chacha::ChaCha20Rng;
use sip_core::LimitKind;
use sip_core::dialog::{DialogError, DialogId, DialogLayer, DialogSetId, FailureScope};
use sip_parse::{Builder, HeaderName, Message, Method, Request, Response, StatusCode};
use sip_testing::{parse, random, value};

fn request(text: &str) -> Request {
    parse(text).into_request().expect("a request")
}

fn response(text: &str) -> Response {
    parse(text).into_response().expect("a response")
}

/// The values of a header field, each for itself.
fn values(message: &Message, name: HeaderName<'_>) -> Vec<String> {
    let values = message.values(name);
    values
        .map(|value| String::from_utf8(value.to_vec()).expect("text"))
        .collect()
}

fn layer() -> (DialogLayer<()>, ChaCha20Rng) {
    let mut rng = *random(5);
    (DialogLayer::new(4, 4, &mut rng), rng)
}

/// Alice's INVITE, as sent.
fn invite(uri: &str, tag: &str) -> Request {
    request(&format!(
        "INVITE {uri} SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nMax-Forwards: 70\n\
         Route: <sip:preloaded.example;lr>\nFrom: <sip:alice@a>;tag={tag}\nTo: <sip:bob@b>\n\
         Call-ID: c1\nCSeq: 7 INVITE\nContact: <sip:alice@192.0.2.1>\nContent-Length: 0\n\n"
    ))
}

fn answer(status: u16, tag: &str, from_tag: &str, more: &str) -> Response {
    response(&format!(
        "SIP/2.0 {status} X\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nFrom: <sip:alice@a>;tag={from_tag}\n\
         To: <sip:bob@b>;tag={tag}\nCall-ID: c1\nCSeq: 7 INVITE\n{more}Content-Length: 0\n\n"
    ))
}

/// The caller's half, its INVITE and its tag.
fn caller(layer: &mut DialogLayer<()>, rng: &mut ChaCha20Rng) -> (DialogSetId, Request, String) {
    let set = layer.open(b"c1", (), rng);
    let tag = layer.tag(set).expect("open").to_owned();
    (set, invite("sip:bob@b", &tag), tag)
}

fn next(layer: &mut DialogLayer<()>, dialog: DialogId, method: Method<'static>) -> Message {
    built(layer.request(dialog, method).expect("alive"))
}

/// Adds the header fields that a dialog does not have.
fn built(mut request: Builder<'_>) -> Message {
    request.prepend(HeaderName::Via, "SIP/2.0/UDP a;branch=z9hG4bK2");
    request.append(HeaderName::MaxForwards, 70);
    request.build().expect("sound")
}

const ROUTES: &str = "Record-Route: <sip:p2.example;lr>\nRecord-Route: <sip:p1.example;lr>, <sip:p0.example;lr>\n\
                      Contact: <sip:bob@192.0.2.9>\n";

/// 3261-12.1.2-A: the route set is Record-Route reversed, and replaces a pre-loaded one even when empty.
#[test]
fn rfc3261_12_1_2_the_callers_route_set() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let made = layer.establish(set, &invite, &answer(200, "b1", &tag, ROUTES));
    let made = made.expect("a dialog");
    assert!(made.new && made.has_target);
    let bye = next(&mut layer, made.dialog, Method::Bye);
    let routes = [
        "<sip:p0.example;lr>",
        "<sip:p1.example;lr>",
        "<sip:p2.example;lr>",
    ];
    assert_eq!(values(&bye, HeaderName::Route), routes);
    let plain = answer(200, "b2", &tag, "Contact: <sip:bob@192.0.2.9>\n");
    let made = layer.establish(set, &invite, &plain).expect("a dialog");
    let bye = next(&mut layer, made.dialog, Method::Bye);
    assert!(!bye.has(HeaderName::Route));
}

/// 3261-12.1.2-A, 3261-12.3-A: each To tag of a fork is a dialog of its own; one can go and the rest stays.
#[test]
fn rfc3261_12_1_2_each_tag_is_a_dialog() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let make = |layer: &mut DialogLayer<()>, status, remote: &str| {
        let response = answer(status, remote, &tag, ROUTES);
        layer
            .establish(set, &invite, &response)
            .map(|made| (made.dialog, made.new))
    };
    let (one, new) = make(&mut layer, 180, "b1").expect("a dialog");
    assert!(new);
    let (two, new) = make(&mut layer, 180, "b2").expect("a dialog");
    assert!(new && one != two && one.set() == two.set());
    assert_eq!(make(&mut layer, 183, "b1"), Ok((one, false)));
    assert!(!layer.dialog(one).expect("early").is_confirmed());
    assert_eq!(make(&mut layer, 200, "b2"), Ok((two, false)));
    assert!(layer.dialog(two).expect("alive").is_confirmed());
    layer.remove(one);
    assert!(layer.dialog(one).is_none() && layer.dialog(two).is_some());
    for more in ["b3", "b4", "b5"] {
        make(&mut layer, 180, more).expect("room");
    }
    assert_eq!(
        make(&mut layer, 180, "b6"),
        Err(DialogError::Limit(LimitKind::Forks))
    );
    layer.close(set);
    assert!(layer.dialog(two).is_none() && layer.is_empty());
}

/// 3261-13.2.2.4-A: the 2xx computes route set and target anew; CSeq numbers stay.
#[test]
fn rfc3261_13_2_2_4_the_2xx_computes_the_route_set_anew() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let early = answer(183, "b1", &tag, ROUTES);
    let dialog = layer.establish(set, &invite, &early).expect("early").dialog;
    assert_eq!(
        value(&next(&mut layer, dialog, Method::Prack), HeaderName::CSeq),
        "8 PRACK"
    );
    let more = "Record-Route: <sip:other.example;lr>\nContact: <sip:bob@192.0.2.10>\n";
    layer
        .establish(set, &invite, &answer(200, "b1", &tag, more))
        .expect("confirmed");
    let bye = next(&mut layer, dialog, Method::Bye);
    assert_eq!(values(&bye, HeaderName::Route), ["<sip:other.example;lr>"]);
    assert_eq!(
        bye.as_request().expect("BYE").uri_bytes(),
        b"sip:bob@192.0.2.10"
    );
    assert_eq!(value(&bye, HeaderName::CSeq), "9 BYE");
}

/// 3261-12.1-B: without Contact there is a dialog, but no target: the Request-URI stands in.
#[test]
fn rfc3261_12_1_a_response_without_contact() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let made = layer
        .establish(set, &invite, &answer(200, "b1", &tag, ""))
        .expect("a dialog");
    assert!(!made.has_target);
    assert_eq!(
        layer.dialog(made.dialog).expect("alive").remote_target(),
        b"sip:bob@b"
    );
}

/// 3261-12.2.1.1-A: To, From, Call-ID from the dialog, CSeq one higher; ACK has the INVITE's number.
#[test]
fn rfc3261_12_2_1_1_requests_within_a_dialog() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let made = layer
        .establish(set, &invite, &answer(200, "b1", &tag, ROUTES))
        .expect("a dialog");
    let ack = built(layer.ack(made.dialog, 7).expect("alive"));
    assert_eq!(value(&ack, HeaderName::CSeq), "7 ACK");
    let info = next(&mut layer, made.dialog, Method::Info);
    assert_eq!(value(&info, HeaderName::CSeq), "8 INFO");
    assert_eq!(value(&info, HeaderName::To), "<sip:bob@b>;tag=b1");
    assert_eq!(
        value(&info, HeaderName::From),
        format!("<sip:alice@a>;tag={tag}")
    );
    assert_eq!(value(&info, HeaderName::CallId), "c1");
    assert_eq!(
        info.as_request().expect("INFO").uri_bytes(),
        b"sip:bob@192.0.2.9"
    );
    assert_eq!(
        value(
            &next(&mut layer, made.dialog, Method::Bye),
            HeaderName::CSeq
        ),
        "9 BYE"
    );
    assert_eq!(layer.dialog(made.dialog).expect("alive").local_cseq(), 9);
}

/// 3261-12.2.1.1-A: a strict router gets its URI as Request-URI, and the target is the last Route.
#[test]
fn rfc3261_12_2_1_1_a_strict_router() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let strict = "Record-Route: <sip:p1.example;lr>\nRecord-Route: <sip:old.example?Subject=x>\n\
                  Contact: <sip:bob@192.0.2.9>\n";
    let made = layer
        .establish(set, &invite, &answer(200, "b1", &tag, strict))
        .expect("a dialog");
    let bye = next(&mut layer, made.dialog, Method::Bye);
    assert_eq!(
        bye.as_request().expect("BYE").uri_bytes(),
        b"sip:old.example"
    );
    let routes = ["<sip:p1.example;lr>", "<sip:bob@192.0.2.9>"];
    assert_eq!(values(&bye, HeaderName::Route), routes);
}

/// 3261-12.2.1.1-B: a dialog of a SIPS request is secure.
#[test]
fn rfc3261_12_1_1_the_secure_flag() {
    let (mut layer, mut rng) = layer();
    for (uri, secure) in [("sips:bob@b", true), ("sip:bob@b", false)] {
        let set = layer.open(b"c1", (), &mut rng);
        let tag = layer.tag(set).expect("open").to_owned();
        let invite = invite(uri, &tag);
        let made = layer.establish(set, &invite, &answer(200, "b1", &tag, ROUTES));
        let dialog = made.expect("a dialog").dialog;
        assert_eq!(layer.dialog(dialog).expect("alive").is_secure(), secure);
        let set = layer.open(b"c1", (), &mut rng);
        let dialog = layer.accept(set, &invite).expect("a dialog");
        assert_eq!(layer.dialog(dialog).expect("alive").is_secure(), secure);
    }
}

/// Bob's side of an INVITE by way of two proxies.
fn callee() -> (DialogLayer<()>, DialogId, String) {
    let (mut layer, mut rng) = layer();
    let set = layer.open(b"c1", (), &mut rng);
    let tag = layer.tag(set).expect("open").to_owned();
    let came = request(
        "INVITE sip:bob@b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nMax-Forwards: 70\n\
         Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\nFrom: <sip:alice@a>;tag=a1\n\
         To: <sip:bob@b>\nCall-ID: c1\nCSeq: 7 INVITE\nContact: <sip:alice@192.0.2.1>\nContent-Length: 0\n\n",
    );
    let dialog = layer.accept(set, &came).expect("a dialog");
    (layer, dialog, tag)
}

fn within(method: &str, cseq: u32, to_tag: &str, more: &str) -> Request {
    request(&format!(
        "{method} sip:bob@192.0.2.9 SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK{cseq}\nMax-Forwards: 70\n\
         From: <sip:alice@a>;tag=a1\nTo: <sip:bob@b>;tag={to_tag}\nCall-ID: c1\nCSeq: {cseq} {method}\n\
         {more}Content-Length: 0\n\n"
    ))
}

/// 3261-12.1.1-A: the callee's route set is Record-Route in order, its target the Contact, its own CSeq empty.
#[test]
fn rfc3261_12_1_1_the_callees_dialog() {
    let (mut layer, dialog, tag) = callee();
    let state = layer.dialog(dialog).expect("alive");
    assert_eq!(state.remote_cseq(), Some(7));
    assert_eq!(state.local_cseq(), 0);
    assert!(!state.is_confirmed());
    layer.confirm(dialog);
    assert!(layer.dialog(dialog).expect("alive").is_confirmed());
    let bye = next(&mut layer, dialog, Method::Bye);
    assert_eq!(
        values(&bye, HeaderName::Route),
        ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    );
    assert_eq!(
        bye.as_request().expect("BYE").uri_bytes(),
        b"sip:alice@192.0.2.1"
    );
    assert_eq!(
        value(&bye, HeaderName::From),
        format!("<sip:bob@b>;tag={tag}")
    );
    assert_eq!(value(&bye, HeaderName::To), "<sip:alice@a>;tag=a1");
    assert_eq!(value(&bye, HeaderName::CSeq), "1 BYE");
}

/// 3261-12.2.2-A: exactly both tags and the Call-ID identify a dialog.
#[test]
fn rfc3261_12_2_2_what_finds_a_dialog() {
    let (layer, dialog, tag) = callee();
    assert_eq!(layer.find(&within("BYE", 8, &tag, "")), Some(dialog));
    let bye = String::from_utf8(within("BYE", 8, &tag, "").bytes().to_vec()).expect("text");
    let last = if tag.ends_with('0') { '1' } else { '0' };
    let guessed = format!("{}{last}", &tag[..tag.len() - 1]);
    for (from, to) in [
        (tag.as_str(), guessed.as_str()),
        (tag.as_str(), "x"),
        ("tag=a1", "tag=a2"),
        ("Call-ID: c1", "Call-ID: c2"),
    ] {
        assert_eq!(
            layer.find(&request(&bye.replace("\r\n", "\n").replace(from, to))),
            None,
            "{from}"
        );
    }
}

/// 3261-12.2.2-B: a number that is not higher than the last is out of order; a gap is not.
#[test]
fn rfc3261_12_2_2_the_order_of_requests() {
    let (mut layer, dialog, tag) = callee();
    for (number, outcome) in [
        (8, Ok(())),
        (20, Ok(())),
        (20, Err(DialogError::OutOfOrder)),
        (9, Err(DialogError::OutOfOrder)),
        (21, Ok(())),
    ] {
        let info = within("INFO", number, &tag, "");
        assert_eq!(layer.order(dialog, &info), outcome, "{number}");
    }
}

/// 3261-12.2.2-C, 3261-12.2.1.2-A: a refresh takes the Contact when it is accepted, and the route set stays.
#[test]
fn rfc3261_12_2_2_target_refresh() {
    let (mut layer, dialog, tag) = callee();
    let moved = "Contact: <sip:alice@192.0.2.77>\nRecord-Route: <sip:other.example;lr>\n";
    let reinvite = within("INVITE", 8, &tag, moved);
    layer.order(dialog, &reinvite).expect("in order");
    let target = |layer: &DialogLayer<()>| {
        layer
            .dialog(dialog)
            .expect("alive")
            .remote_target()
            .to_vec()
    };
    assert_eq!(
        target(&layer),
        b"sip:alice@192.0.2.1",
        "not before it is accepted"
    );
    layer.refresh_target(dialog, &reinvite);
    assert_eq!(target(&layer), b"sip:alice@192.0.2.77");
    let bye = next(&mut layer, dialog, Method::Bye);
    assert_eq!(
        values(&bye, HeaderName::Route),
        ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    );
    layer.refresh_target(dialog, &within("INFO", 9, &tag, ""));
    assert_eq!(
        target(&layer),
        b"sip:alice@192.0.2.77",
        "no Contact, no change"
    );
}

/// LIM-A, 3261-12.1.1-A: a route set above the limit makes no dialog.
#[test]
fn rfc3261_12_1_1_a_route_set_has_a_limit() {
    let (mut layer, mut rng) = layer();
    let (set, invite, tag) = caller(&mut layer, &mut rng);
    let long = "Record-Route: <sip:p.example;lr>\n".repeat(5);
    let refused = layer.establish(set, &invite, &answer(200, "b1", &tag, &long));
    assert_eq!(refused, Err(DialogError::Limit(LimitKind::Routes)));
}

/// 3261-12.2.1.2-B: the usages that a failure ends (RFC 5057 sections 5.1 and 5.2).
#[test]
fn rfc5057_5_1_what_a_failure_ends() {
    let ends = |code| FailureScope::of(StatusCode::new(code).expect("a status"));
    for code in [404, 410, 416, 482, 483, 484, 485, 502, 604] {
        assert_eq!(ends(code), FailureScope::Dialog, "{code}");
    }
    for code in [405, 408, 480, 481, 489, 501] {
        assert_eq!(ends(code), FailureScope::Usage, "{code}");
    }
    for code in [
        301, 400, 401, 403, 407, 415, 420, 422, 486, 488, 491, 500, 503, 600, 603, 606,
    ] {
        assert_eq!(ends(code), FailureScope::Transaction, "{code}");
    }
}

/// RFC 5057 4 (6665-4.5-A): a confirmed dialog outlives its main usage while others share it, whether or not the rest has a name
/// of its own; an early one, and one without further usages, is over at once.
#[test]
fn rfc5057_4_a_dialog_lives_until_its_last_usage_ends() {
    let (main, rest) = (1, 2);
    for (confirmed, shares, named) in [
        (true, 2, main),
        (true, 2, rest),
        (true, 0, main),
        (false, 2, main),
    ] {
        let mut rng = *random(5);
        let mut layer = DialogLayer::<u8>::new(4, 4, &mut rng);
        let set = layer.open(b"c1", main, &mut rng);
        let dialog = layer.accept(set, &invite("sip:bob@b", "a")).expect("room");
        if confirmed {
            layer.confirm(dialog);
        }
        for _ in 0..shares {
            layer.share(dialog);
        }
        layer.release(set, main, named);
        if !confirmed || shares == 0 {
            assert!(layer.is_empty());
            continue;
        }
        assert_eq!(layer.usage_of(dialog), Some(named));
        layer.unshare(dialog);
        assert_eq!(layer.usage_of(dialog), Some(named));
        layer.unshare(dialog);
        assert!(layer.is_empty());
    }
}
