//! SIP over WebSocket (RFC 7118): the parts that the core decides.

use std::collections::BTreeSet;

use sip_core::connection::DisconnectReason;
use sip_core::{Action, Body, ConnectionInfo, Event, Timestamp, Transport, UserAgent};
use sip_parse::{HeaderName, Message, Method, Request};
use sip_testing::{Bench, SECOND, alice, crlf, random, value};

/// 7118-5-A: without Content-Length the body is the rest of the WebSocket message. The agent ignores bytes beyond
/// Content-Length, answers a shorter request with 400 (413 above the limit), and drops a shorter response.
#[test]
fn rfc7118_5_content_length_is_optional() {
    let cases = [
        ("", Ok("hello")),
        ("Content-Length: 5\n", Ok("hello")),
        ("Content-Length: 2\n", Ok("he")),
        ("l: 0\n", Ok("")),
        ("Content-Length: 6\n", Err(400)),
        ("Content-Length: 4294967295\n", Err(413)),
    ];
    for (number, (length, expected)) in cases.into_iter().enumerate() {
        let mut bench = Bench::new(&alice());
        let user = bench.contact_user();
        bench.feed(&format!(
            "MESSAGE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\n\
             Call-ID: length{number}\nCSeq: 1 MESSAGE\nContent-Type: text/plain\n{length}\nhello"
        ));
        match expected {
            Ok(body) => bench.expect(|event| match event {
                Event::IncomingRequest { request, .. } => {
                    assert_eq!(request.body(), body.as_bytes(), "{length}");
                    Some(())
                }
                _ => None,
            }),
            Err(status) => {
                assert_eq!(bench.next_response().status().as_u16(), status, "{length}");
                bench.no_events();
            }
        }

        let body = Body::new("text/plain", "x");
        bench.agent.message("bob", body, bench.now).unwrap();
        bench.pump();
        let request = bench.sent.pop_back().unwrap().into_request().unwrap();
        let fields = [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::CallId,
            HeaderName::CSeq,
        ];
        let [via, from, call_id, cseq] = fields.map(|name| value(&request, name));
        bench.feed(&format!(
            "SIP/2.0 200 OK\nVia: {via}\nFrom: {from}\nTo: <sip:bob@example.com>;tag=b\nCall-ID: {call_id}\n\
             CSeq: {cseq}\n{length}\nhello"
        ));
        let outcome = bench.events.iter().find_map(|event| match event {
            Event::RequestCompleted {
                outcome: Ok(response),
                ..
            } => Some(response.body().to_vec()),
            _ => None,
        });
        assert_eq!(
            outcome,
            expected.ok().map(|body| body.as_bytes().to_vec()),
            "{length}"
        );
        assert!(bench.agent.is_connected());
    }
}

fn transport_of_via(request: &Request) -> String {
    sip_parse::text(request.top_via().unwrap().transport()).to_string()
}

/// 7118-5.2.1-A: Via has the transport of the connection, WS or WSS. The URIs of Contact and of the preloaded Route
/// have `transport=ws` on both (RFC 7118 section 5.2.2 and 5.4).
#[test]
fn rfc7118_5_2_1_via_says_ws_or_wss_and_uris_say_ws() {
    for (transport, token, url) in [
        (Transport::Ws, "WS", "ws://edge.example.com"),
        (Transport::Wss, "WSS", "wss://edge.example.com"),
    ] {
        let mut config = alice();
        config
            .servers([(url, 0)])
            .register(true)
            .use_preloaded_route(true);
        let mut bench = Bench::over(&config, transport);
        let register = bench.next_request();
        bench.events.clear();
        let (call, invite) = bench.call();
        bench.reply(&invite, 180, &[]);
        bench.hang_up(call);
        let cancel = bench.next_request();
        assert_eq!(cancel.method(), Method::Cancel);
        for request in [&register, &invite, &cancel] {
            assert_eq!(transport_of_via(request), token);
            let route = request.routes().next().unwrap().unwrap();
            assert_eq!(route.uri().transport(), Some(&b"ws"[..]));
        }
        for request in [&register, &invite] {
            let contact = request.contacts().next().unwrap().unwrap();
            let uri = *contact.addr().unwrap().uri();
            assert_eq!(uri.transport(), Some(&b"ws"[..]));
        }
    }
}

/// 7118-5.2.3-A: the response goes out on the connection of its request, with the Via unchanged. `received` and
/// `rport` have no effect, neither in a request nor in a response.
#[test]
fn rfc7118_5_2_3_received_and_rport_decide_nothing() {
    let parameters = [
        "",
        ";rport",
        ";received=192.0.2.1;rport=5060",
        ";received=[2001:db8::9]",
        ";rport=0",
        ";received=nowhere.invalid",
    ];
    for (number, parameters) in parameters.into_iter().enumerate() {
        let mut bench = Bench::new(&alice());
        let user = bench.contact_user();
        let via = format!("SIP/2.0/WS b.invalid;branch=z9hG4bKv{number}{parameters}");
        let request = format!(
            "OPTIONS sip:{user}@x.invalid SIP/2.0\nVia: {via}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: v{number}\n\
             CSeq: 1 OPTIONS\nContent-Length: 0\n\n"
        );
        let bytes = crlf(&request);
        bench
            .agent
            .receive(bench.connection, bytes, bench.now)
            .unwrap();
        let Some(Action::Transmit { connection, bytes }) = bench.agent.poll_action() else {
            panic!("no answer");
        };
        assert_eq!(connection, bench.connection);
        let response = Message::parse(bytes, &Default::default()).unwrap();
        assert_eq!(response.as_response().unwrap().status().as_u16(), 200);
        assert_eq!(value(&response, HeaderName::Via), via);

        bench.agent.options("bob", bench.now).unwrap();
        bench.pump();
        let ours = bench.next_request();
        let fields = [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::CallId,
            HeaderName::CSeq,
        ];
        let [via, from, call_id, cseq] = fields.map(|name| value(&ours, name));
        bench.feed(&format!(
            "SIP/2.0 200 OK\nVia: {via}{parameters}\nFrom: {from}\nTo: <sip:bob@example.com>;tag=b\n\
             Call-ID: {call_id}\nCSeq: {cseq}\nContent-Length: 0\n\n"
        ));
        bench.expect(|event| {
            matches!(event, Event::RequestCompleted { outcome: Ok(_), .. }).then_some(())
        });
    }
}

/// The first messages of an agent with this seed: on its first connection, and on the next one.
fn first_of_each_connection(seed: u8) -> [Request; 2] {
    let config = alice().register(true).build().unwrap();
    let mut now = Timestamp::from_millis(1_000);
    let mut agent = UserAgent::new(config, random(seed), now).unwrap();
    let info = ConnectionInfo {
        transport: Transport::Wss,
        remote: None,
    };
    let mut sent = Vec::new();
    let mut used = None;
    while sent.len() < 2 {
        while let Some(action) = agent.poll_action() {
            match action {
                Action::Connect { connection, .. } => {
                    agent.connection_opened(connection, info, now);
                    used = Some(connection);
                }
                Action::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Default::default()).unwrap();
                    sent.push(message.into_request().unwrap());
                    agent.connection_closed(used.unwrap(), DisconnectReason::Lost, now);
                }
                _ => {}
            }
        }
        now = now + SECOND;
        agent.tick(now).unwrap();
    }
    sent.try_into().unwrap()
}

/// 7118-B.1-A: one random host below `.invalid`, in Via and Contact alike; another agent draws another one; the
/// agent keeps its own over connections, so that a new binding replaces the old one.
#[test]
fn rfc7118_b_1_one_invalid_host_for_the_life_of_an_agent() {
    let mut hosts = BTreeSet::new();
    for seed in 0..20 {
        let [first, second] = first_of_each_connection(seed);
        let host = |request: &Request| {
            let contact = request.contacts().next().unwrap().unwrap();
            let uri = *contact.addr().unwrap().uri();
            let sent_by = request.top_via().unwrap();
            assert_eq!(sent_by.host_bytes(), uri.host_bytes());
            assert_eq!((sent_by.port(), uri.port()), (None, None));
            String::from_utf8(uri.host_bytes().to_vec()).unwrap()
        };
        let drawn = host(&first);
        let (name, domain) = drawn.split_once('.').unwrap();
        assert_eq!(domain, "invalid");
        assert!(
            name.len() >= 12 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{name}"
        );
        assert_eq!(host(&second), drawn);
        let contact = |request: &Request| value(request, HeaderName::Contact);
        assert_eq!(contact(&second), contact(&first));
        assert!(hosts.insert(drawn), "drawn twice");
    }
}
