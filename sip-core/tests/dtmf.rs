//! DTMF by INFO: tones in both directions, and sequences of them.

use std::time::Duration;

use sip_core::config::DtmfType;
use sip_core::{
    Cause, CommandError, Event, RequestId, Session, SessionId, Tone, ToneFormat, Tones, TonesError,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, alice, value};

const MS: Duration = Duration::from_millis(1);

fn send(bench: &mut Bench, id: SessionId, tones: Tones) -> RequestId {
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    let request = call.send_tones(tones, bench.now).expect("tones");
    bench.pump();
    request
}

fn tones(symbols: &str) -> Tones {
    Tones::new(symbols).expect("tones")
}

/// The next message of the agent, which must be an INFO; its body.
#[track_caller]
fn tone(bench: &mut Bench) -> (Request, String) {
    let info = bench.next_request();
    assert_eq!(info.method(), Method::Info);
    let body = String::from_utf8(info.body().to_vec()).expect("text");
    (info, body)
}

/// The outcome of the next request that is complete: its status, or the cause of its failure.
#[track_caller]
fn completed(bench: &mut Bench) -> (RequestId, Result<u16, Cause>) {
    bench.expect(|event| match event {
        Event::RequestCompleted { request, outcome } => Some((
            *request,
            match outcome {
                Ok(response) => Ok(response.status().as_u16()),
                Err(reason) => Err(reason.cause),
            },
        )),
        _ => None,
    })
}

/// A sequence is one request: each tone waits for the response to the one before, its duration and the gap.
#[test]
fn a_sequence_is_paced_and_has_one_outcome() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let sequence = tones("1#,2").duration(200 * MS).unwrap().gap(300 * MS);
    let request = send(&mut bench, id, sequence.unwrap());
    let (first, body) = tone(&mut bench);
    assert_eq!(body, "Signal=1\r\nDuration=200\r\n");
    bench.wait(5_000 * MS);
    bench.silence();
    bench.reply(&first, 200, &[]);
    // The time is over already.
    let (second, body) = tone(&mut bench);
    assert_eq!(body, "Signal=#\r\nDuration=200\r\n");
    bench.reply(&second, 200, &[]);
    bench.no_events();
    // Duration, gap, and 2 s for the comma.
    bench.wait(2_499 * MS);
    bench.silence();
    bench.wait(MS);
    let (third, body) = tone(&mut bench);
    assert_eq!(body, "Signal=2\r\nDuration=200\r\n");
    assert!(third.cseq().unwrap().number > second.cseq().unwrap().number);
    bench.reply(&third, 200, &[]);
    assert_eq!(completed(&mut bench), (request, Ok(200)));
    bench.wait(10_000 * MS);
    bench.silence();
    bench.no_events();
    bench.hang_up(id);
    let bye = bench.next_request();
    bench.reply(&bye, 200, &[]);
    bench.wait(40_000 * MS);
    bench.assert_nothing_left();
}

/// Tones of one call are sent one after the other, whatever the number of commands; another call does not wait.
#[test]
fn one_tone_is_in_flight_at_a_time() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let (other, _) = bench.established_call();
    let one = send(&mut bench, id, tones("12"));
    let two = send(&mut bench, id, tones("3").format(ToneFormat::Plain));
    let three = send(&mut bench, other, tones("4"));
    let (first, body) = tone(&mut bench);
    assert!(body.starts_with("Signal=1"));
    let (elsewhere, body) = tone(&mut bench);
    assert!(body.starts_with("Signal=4"));
    bench.silence();
    bench.reply(&elsewhere, 200, &[]);
    assert_eq!(completed(&mut bench), (three, Ok(200)));
    bench.reply(&first, 200, &[]);
    bench.wait(600 * MS);
    let (second, body) = tone(&mut bench);
    assert!(body.starts_with("Signal=2"));
    bench.reply(&second, 200, &[]);
    assert_eq!(completed(&mut bench), (one, Ok(200)));
    let (third, body) = tone(&mut bench);
    assert_eq!(body, "3");
    assert_eq!(value(&third, HeaderName::ContentType), "application/dtmf");
    bench.reply(&third, 200, &[]);
    assert_eq!(completed(&mut bench), (two, Ok(200)));
}

/// The first failure ends the sequence, and the next one begins.
#[test]
fn a_refused_tone_ends_its_sequence() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let one = send(&mut bench, id, tones("12"));
    let two = send(&mut bench, id, tones("3"));
    let (first, _) = tone(&mut bench);
    bench.reply(&first, 415, &[]);
    assert_eq!(completed(&mut bench), (one, Ok(415)));
    let (third, body) = tone(&mut bench);
    assert!(body.starts_with("Signal=3"));
    // No response at all: timer F.
    bench.wait(40_000 * MS);
    assert_eq!(completed(&mut bench), (two, Err(Cause::Timeout)));
    drop(third);
}

/// The end of the call ends its sequences: by this side, and by the peer.
#[test]
fn the_end_of_the_call_ends_the_tones() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    let one = send(&mut bench, id, tones("12"));
    let two = send(&mut bench, id, tones("3"));
    let (first, _) = tone(&mut bench);
    bench.reply(&first, 200, &[]);
    bench.hang_up(id);
    for request in [one, two] {
        assert_eq!(completed(&mut bench), (request, Err(Cause::DialogGone)));
    }
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    bench.reply(&bye, 200, &[]);
    bench.wait(40_000 * MS);
    bench.silence();
    bench.assert_nothing_left();

    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    let one = send(&mut bench, id, tones("12"));
    let (first, _) = tone(&mut bench);
    bench.in_dialog("BYE", 8, "bye", &answer, "");
    assert_eq!(bench.next_response().status().as_u16(), 200);
    // The tone in flight keeps its outcome, and no further one follows.
    bench.reply(&first, 200, &[]);
    assert_eq!(completed(&mut bench), (one, Err(Cause::DialogGone)));
    bench.wait(40_000 * MS);
    bench.silence();
    bench.assert_nothing_left();
}

/// `dtmfType` `rtp`: the media side takes the tones, leaves them, or does not answer.
#[test]
fn the_media_side_may_take_the_tones() {
    let mut bench = Bench::new(alice().dtmf_type(DtmfType::Rtp));
    let (id, _) = bench.established_call();
    let offered = |bench: &mut Bench| {
        bench.expect(|event| match event {
            Event::TonesOffered { request, tones, .. } => Some((*request, (**tones).clone())),
            _ => None,
        })
    };
    let one = send(&mut bench, id, tones("12"));
    let two = send(&mut bench, id, tones("3"));
    let three = send(&mut bench, id, tones("4"));
    assert_eq!(offered(&mut bench), (one, tones("12")));
    bench.no_events();
    bench.agent.tones_taken(one, true, bench.now).unwrap();
    bench.pump();
    let stale = bench.agent.tones_taken(one, true, bench.now);
    assert_eq!(stale, Err(CommandError::Stale));
    assert_eq!(offered(&mut bench), (two, tones("3")));
    bench.silence();
    bench.agent.tones_taken(two, false, bench.now).unwrap();
    bench.pump();
    let (info, body) = tone(&mut bench);
    assert!(body.starts_with("Signal=3"));
    let stale = bench.agent.tones_taken(two, true, bench.now);
    assert_eq!(stale, Err(CommandError::Stale));
    bench.reply(&info, 200, &[]);
    assert_eq!(completed(&mut bench), (two, Ok(200)));
    assert_eq!(offered(&mut bench), (three, tones("4")));
    bench.wait(9_999 * MS);
    bench.silence();
    bench.wait(MS);
    let (info, _) = tone(&mut bench);
    bench.reply(&info, 200, &[]);
    assert_eq!(completed(&mut bench), (three, Ok(200)));
}

/// A tone of the peer is an event, in each form of its body; the core answers it.
#[test]
fn tones_of_the_peer_are_events() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    bench.events.clear();
    let to = value(&answer, HeaderName::To);
    let user = bench.contact_user();
    let mut cseq = 10;
    let mut info = |bench: &mut Bench, kind: &str, body: &str| {
        cseq += 1;
        bench.feed_bytes(format!(
            "INFO sip:{user}@x.invalid SIP/2.0\r\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKi{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\nTo: {to}\r\nCall-ID: from-bob-1\r\n\
             CSeq: {cseq} INFO\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        bench.next_response().status().as_u16()
    };
    for (kind, body, symbol, milliseconds) in [
        (
            "application/dtmf-relay",
            "Signal=5\r\nDuration=160\r\n",
            '5',
            Some(160),
        ),
        (
            "application/dtmf-relay",
            "Signal= *\nDuration= 100\n",
            '*',
            Some(100),
        ),
        ("Application/DTMF-Relay;x=y", "Signal=d", 'D', None),
        ("application/dtmf", "#", '#', None),
        (
            "application/dtmf",
            "Signal=11\r\nDuration=70",
            '#',
            Some(70),
        ),
    ] {
        assert_eq!(info(&mut bench, kind, body), 200, "{body}");
        let found = bench.expect(|event| match event {
            Event::Dtmf {
                session,
                tone,
                duration,
            } => Some((*session, *tone, *duration)),
            _ => None,
        });
        let duration = milliseconds.map(Duration::from_millis);
        assert_eq!(found, (id, Tone::new(symbol).unwrap(), duration));
    }
    for body in ["", "Signal=", "Signal=x", "16", "Signal=1\r\nDuration=x"] {
        assert_eq!(
            info(&mut bench, "application/dtmf-relay", body),
            400,
            "{body}"
        );
    }
    bench.no_events();
}

/// RFC 3261 8.2.3: an encoded body is refused.
#[test]
fn rfc3261_8_2_3_an_encoded_tone_is_refused() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    let to = value(&answer, HeaderName::To);
    bench.feed(&format!(
        "INFO sip:{}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKenc\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: {to}\nCall-ID: from-bob-1\n\
         CSeq: 9 INFO\nContent-Type: application/dtmf-relay\nContent-Encoding: gzip\nContent-Length: 8\n\nSignal=1",
        bench.contact_user()
    ));
    assert_eq!(bench.next_response().status().as_u16(), 415);
}

/// The commands refuse what cannot be sent, with a type.
#[test]
fn wrong_tones_are_typed_errors() {
    let mut bench = Bench::new(&alice());
    let (id, _) = bench.established_call();
    for (tone, duration, error) in [
        ('x', 100 * MS, TonesError::Symbol(0)),
        (',', 100 * MS, TonesError::Symbol(0)),
        ('1', 69 * MS, TonesError::Duration),
    ] {
        let Ok(Session::Established(call)) = bench.agent.session(id) else {
            panic!("the call is up");
        };
        let sent = call.send_dtmf(tone, duration, bench.now);
        assert_eq!(sent, Err(CommandError::Tones(error)));
    }
}
