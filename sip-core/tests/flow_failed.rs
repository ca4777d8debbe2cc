//! 430 (Flow Failed): the agent registers anew, and resends the request once (RFC 5626 section 11.6).

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{Body, Event, Session};
use sip_parse::{HeaderName, Method, Request};

use sip_testing::{Bench, OFFER, alice, value, values};

/// A registered agent with one flow.
fn registered() -> Bench {
    let mut bench = Bench::new(alice().register(true));
    accept_register(&mut bench);
    assert!(bench.agent.is_registered());
    bench.events.clear();
    bench
}

fn accept_register(bench: &mut Bench) {
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Register);
    let contact = value(&request, HeaderName::Contact);
    let route = ("Service-Route", "<sip:home.example.com;lr>");
    bench.reply(&request, 200, &[("Contact", &contact), route]);
}

/// RFC 5626 11.6: 430 to a request makes our binding anew, and then the request goes once more: a new
/// transaction, the same Call-ID and From tag, the next CSeq number (RFC 3261 8.1.3.5 has the form).
#[test]
fn rfc5626_11_6_a_request_goes_again_after_430() {
    let mut bench = registered();
    let body = Body::new("text/plain", "hello");
    let id = bench.agent.message("bob", body, bench.now).unwrap();
    bench.pump();
    let first = bench.next_request();
    bench.reply(&first, 430, &[]);
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    bench.silence();
    bench.no_events();
    let contact = value(&register, HeaderName::Contact);
    let route = ("Service-Route", "<sip:other.example.com;lr>");
    bench.reply(&register, 200, &[("Contact", &contact), route]);
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Message);
    assert_eq!(again.body(), b"hello");
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        assert_eq!(value(&again, name), value(&first, name));
    }
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&again), number(&first) + 1);
    assert_ne!(
        value(&again, HeaderName::Via),
        value(&first, HeaderName::Via)
    );
    assert_eq!(
        values(&again, HeaderName::Route),
        ["<sip:other.example.com;lr>"]
    );
    // The agent retries once only, because otherwise a server could keep it in a loop.
    bench.events.clear();
    bench.reply(&again, 430, &[]);
    bench.silence();
    let status = bench.expect(|event| match event {
        Event::RequestCompleted {
            request,
            outcome: Ok(response),
        } if *request == id => Some(response.status().as_u16()),
        _ => None,
    });
    assert_eq!(status, 430);
    bench.agent.stop(None, bench.now);
}

/// The same for an INVITE; its Contact is that of the new binding.
#[test]
fn rfc5626_11_6_an_invite_goes_again_after_430() {
    let mut bench = registered();
    let (id, first) = bench.call();
    bench.reply(&first, 430, &[]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let register = bench.next_request();
    let gruu = "sip:alice@example.com;gr=new";
    let contact = value(&register, HeaderName::Contact);
    let contact = format!("{contact};pub-gruu=\"{gruu}\"");
    bench.reply(&register, 200, &[("Contact", &contact)]);
    let again = bench.next_request();
    assert_eq!(again.method(), Method::Invite);
    assert_eq!(value(&again, HeaderName::Contact), format!("<{gruu}>"));
    assert_eq!(
        again.cseq().unwrap().number,
        first.cseq().unwrap().number + 1
    );
    assert_eq!(again.body(), first.body());
    assert!(!again.has(HeaderName::Route), "no Service-Route any more");
    bench.reply_tagged(
        &again,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.expect(|event| {
        matches!(event, Event::Established { session } if *session == id).then_some(())
    });
}

/// A registrar that refuses does not hold the request up, and one that is silent not for longer than the
/// request itself would have waited; hanging up ends the wait.
#[test]
fn rfc5626_11_6_the_wait_for_a_new_binding_ends() {
    for way in ["refused", "silent", "hung up", "cut"] {
        let mut bench = registered();
        let (id, first) = bench.call();
        bench.reply(&first, 430, &[]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        let register = bench.next_request();
        let ended = |event: &Event| match event {
            Event::Ended { session, reason } if *session == id => Some(reason.cause),
            _ => None,
        };
        match way {
            "refused" => {
                bench.reply(&register, 503, &[]);
                let again = bench.next_request();
                assert_eq!(again.method(), Method::Invite);
                bench.reply(&again, 430, &[]);
                assert_eq!(bench.expect(ended), sip_core::Cause::Refused);
            }
            "silent" => {
                bench.wait(Duration::from_secs(31));
                assert!(bench.events.iter().all(|event| ended(event).is_none()));
                bench.wait(Duration::from_secs(34));
                assert_eq!(bench.expect(ended), sip_core::Cause::Timeout);
            }
            "hung up" => {
                bench.hang_up(id);
                assert_eq!(bench.expect(ended), sip_core::Cause::Requested);
                bench.silence();
            }
            _ => {
                let lost = DisconnectReason::Lost;
                let connection = bench.connection;
                bench.agent.connection_closed(connection, lost, bench.now);
                bench.wait(Duration::from_secs(33));
                assert_eq!(bench.expect(ended), sip_core::Cause::Timeout);
            }
        }
    }
}

/// Within a dialog the route is fixed, and without a registration there is no binding to renew: 430 is final
/// then.
#[test]
fn rfc5626_11_6_430_is_final_where_nothing_can_be_made_anew() {
    let mut bench = Bench::new(&alice());
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let options = bench.next_request();
    bench.reply(&options, 430, &[]);
    bench.expect(|event| {
        matches!(event, Event::RequestCompleted { outcome: Ok(_), .. }).then_some(())
    });
    bench.silence();
    let mut bench = registered();
    let (id, _) = bench.established_call();
    let Ok(Session::Established(call)) = bench.agent.session(id) else {
        panic!("the call is up");
    };
    call.info(&Body::new("application/dtmf-relay", "Signal=1"), bench.now)
        .unwrap();
    bench.pump();
    let info = bench.next_request();
    bench.reply(&info, 430, &[]);
    bench.expect(|event| {
        matches!(event, Event::RequestCompleted { outcome: Ok(_), .. }).then_some(())
    });
    bench.silence();
    assert!(matches!(
        bench.agent.session(id),
        Ok(Session::Established(_))
    ));
}
