//! How the agent reads a registrar's response about its binding, and how it acts on it.

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{
    Body, Cause, ConnectionInfo, Event, InviteOptions, Originator, Registration, Transport,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

const INFO: ConnectionInfo = ConnectionInfo {
    transport: Transport::Ws,
    remote: None,
};

fn registering() -> (Bench, Request) {
    let mut bench = Bench::new(alice().register(true));
    let first = bench.next_request();
    (bench, first)
}

/// Accepts a REGISTER for `expires` seconds with the agent's Contact and `more` header fields.
fn accept(bench: &mut Bench, request: &Request, expires: u32, more: &[(&str, &str)]) {
    let contact = value(request, HeaderName::Contact);
    let (head, _) = contact.rsplit_once(";expires=").expect("expires");
    let contact = format!("{head};expires={expires}");
    let mut fields = vec![("Contact", contact.as_str())];
    fields.extend(more);
    bench.reply(request, 200, &fields);
}

/// A 200 with these header lines, exactly as folded here.
fn accept_raw(bench: &mut Bench, request: &Request, lines: &str) {
    use HeaderName::{CSeq, CallId, From, Via};
    let [via, from, call_id, cseq] = [Via, From, CallId, CSeq].map(|name| value(request, name));
    bench.feed(&format!(
        "SIP/2.0 200 OK\nVia: {via}\nFrom: {from}\nTo: <sip:alice@example.com>;tag=r\nCall-ID: {call_id}\n\
         CSeq: {cseq}\n{lines}Content-Length: 0\n\n"
    ));
}

fn registered(bench: &mut Bench) -> Registration {
    bench.expect(|event| match event {
        Event::Registered(registration) => Some((**registration).clone()),
        _ => None,
    })
}

fn options(bench: &mut Bench) -> Request {
    bench
        .agent
        .options("sip:bob@example.com", bench.now)
        .unwrap();
    bench.pump();
    bench.next_request()
}

/// The Contact of a new INVITE.
fn contact_of_a_call(bench: &mut Bench) -> String {
    let options = InviteOptions::new().late_offer();
    bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    value(&bench.next_request(), HeaderName::Contact)
}

/// The status of the response to an OPTIONS for a Request-URI.
fn status_for(bench: &mut Bench, uri: &str, number: u32) -> u16 {
    bench.feed(&format!(
        "OPTIONS {uri} SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKo{number}\nMax-Forwards: 70\n\
         From: <sip:b@example.com>;tag=b\nTo: <sip:alice@example.com>\nCall-ID: o{number}\n\
         CSeq: 1 OPTIONS\nContent-Length: 0\n\n"
    ));
    bench.next_response().status().as_u16()
}

/// 3327-5-A: every REGISTER lists `path` in Supported. The event `Registered` has the Path of the 200 in its order,
/// one value each; the agent never sends it.
#[test]
fn rfc3327_5_path_is_offered_and_told() {
    let (mut bench, first) = registering();
    assert!(first.has_token(HeaderName::Supported, b"path"));
    assert!(!first.has(HeaderName::Path));
    let contact = value(&first, HeaderName::Contact).replace("expires=600", "expires=100");
    let path = "Path: <sip:p1.example.com;lr>,\n <sip:p2.example.com;lr>;a=\"x,\n y\"\nPath: <sip:p3.example.com;lr>\n";
    accept_raw(&mut bench, &first, &format!("Contact: {contact}\n{path}"));
    let told = registered(&mut bench).path;
    let expected = [
        "<sip:p1.example.com;lr>",
        "<sip:p2.example.com;lr>;a=\"x, y\"",
        "<sip:p3.example.com;lr>",
    ];
    assert_eq!(
        told.iter().map(|path| &**path).collect::<Vec<_>>(),
        expected
    );
    let request = options(&mut bench);
    assert!(!request.has(HeaderName::Path) && !request.has(HeaderName::Route));
    bench.reply(&request, 200, &[]);
    bench.wait(91 * SECOND);
    let refresh = bench.next_request();
    accept(&mut bench, &refresh, 100, &[]);
    assert!(registered(&mut bench).path.is_empty());
    bench.agent.query_bindings(bench.now).unwrap();
    bench.pump();
    let query = bench.next_request();
    bench.reply(&query, 200, &[]);
    bench.agent.unregister(bench.now).unwrap();
    bench.pump();
    let removal = bench.next_request();
    for request in [&refresh, &query, &removal] {
        assert!(request.has_token(HeaderName::Supported, b"path"));
        assert!(!request.has(HeaderName::Path));
    }
}

/// 5626-4.1-A: the instance is a URN between angle brackets in quotes, the configured one through every start; a
/// reg-id stands there exactly when `outbound` is in Supported, also where the host lists it again.
#[test]
fn rfc5626_4_1_the_instance_stays_and_reg_id_needs_outbound() {
    let id = "8f5b6f7e-90f2-4b5a-8f6c-5d3b3a1f0c11";
    let instance = format!("\"<urn:uuid:{id}>\"");
    for start in 0..2 {
        let mut config = alice();
        config
            .register(true)
            .instance_id(id)
            .extra_supported(["outbound"]);
        let mut bench = Bench::new(&config);
        assert_eq!(bench.agent.instance_id(), id);
        let check = |request: &Request, outbound: bool| {
            let contact = request.contacts().next().unwrap().unwrap();
            let contact = contact.addr().unwrap();
            assert_eq!(
                contact.param(b"+sip.instance"),
                Some(instance.as_bytes()),
                "{start}"
            );
            assert_eq!(contact.param(b"reg-id").is_some(), outbound);
            assert_eq!(
                request.has_token(HeaderName::Supported, b"outbound"),
                outbound
            );
        };
        let first = bench.next_request();
        check(&first, true);
        bench.reply(&first, 439, &[]);
        let second = bench.next_request();
        check(&second, false);
        accept(&mut bench, &second, 100, &[]);
        bench.wait(91 * SECOND);
        let refresh = bench.next_request();
        check(&refresh, false);
        accept(&mut bench, &refresh, 100, &[]);
        bench.agent.unregister(bench.now).unwrap();
        bench.pump();
        check(&bench.next_request(), false);
    }
}

/// 3261-10.2.4-A: of several Contacts the agent takes the one whose URI is equal by RFC 3261 section 19.1.4, else the
/// one with its instance and reg-id. `expires` has precedence over Expires, and Expires over the time in the
/// REGISTER.
#[test]
fn rfc3261_10_2_4_which_contact_is_ours() {
    const OTHER: &str = "<sip:desk@192.0.2.7>;expires=3000";
    let cases: [(&[&str], Option<&str>, Option<u64>); 15] = [
        (&["OURS;expires=200", OTHER], Some("400"), Some(200)),
        (&[OTHER, "OURS"], Some("400"), Some(400)),
        (&["OURS", OTHER], None, Some(600)),
        // Hosts and transports compare without regard to case, users do not; escapes do not matter.
        (&[OTHER, "SHOUTED;expires=210"], None, Some(210)),
        (&[OTHER, "ESCAPED;expires=220"], None, Some(220)),
        (&[OTHER, "OTHERUSER;expires=230"], None, None),
        // A URI parameter `transport` must be in both.
        (&[OTHER, "BARE;expires=240"], None, None),
        // Another flow of this instance, and this flow of another one.
        (
            &[
                "<sip:a@192.0.2.1>;+sip.instance=INSTANCE;reg-id=2;expires=1",
                "OURS;expires=250",
            ],
            None,
            Some(250),
        ),
        (
            &[
                "<sip:a@192.0.2.1>;+sip.instance=\"<urn:uuid:other>\";reg-id=1;expires=1",
                "OURS;expires=260",
            ],
            None,
            Some(260),
        ),
        // The URI goes before the instance.
        (
            &[
                "<sip:a@192.0.2.1>;+sip.instance=INSTANCE;reg-id=1;expires=1",
                "OURS;expires=270",
            ],
            None,
            Some(270),
        ),
        // The agent ignores a malformed Contact.
        (&["<sip:broken", "OURS;expires=280"], None, Some(280)),
        (&["\"x <sip:a@b>", "OURS;expires=281"], None, Some(281)),
        (&["<>", "OURS;expires=282"], None, Some(282)),
        (&[OTHER, "OURS;expires=283", ";;;"], None, Some(283)),
        (
            &["<mailto:a@b>", "<sip:a@b>;expires=x", "OURS;expires=284"],
            None,
            Some(284),
        ),
    ];
    for (contacts, expires, granted) in cases {
        let (mut bench, request) = registering();
        let ours = bench.agent.contact().to_owned();
        let (user, host) = ours.trim_start_matches("<sip:").split_once('@').unwrap();
        let host = host.trim_end_matches('>');
        let escaped = format!("%{:02x}{}", user.as_bytes()[0], &user[1..]);
        let instance = format!("\"<urn:uuid:{}>\"", bench.agent.instance_id());
        let replaced = |contact: &&str| {
            contact
                .replace("OURS", &ours)
                .replace("SHOUTED", &format!("<SIP:{user}@{}>", host.to_uppercase()))
                .replace("ESCAPED", &format!("<sip:{escaped}@{host}>"))
                .replace("OTHERUSER", &format!("<sip:{user}x@{host}>"))
                .replace(
                    "BARE",
                    &format!("<sip:{user}@{}>", host.split(';').next().unwrap()),
                )
                .replace("INSTANCE", &instance)
        };
        let mut lines: String = contacts
            .iter()
            .map(|contact| format!("Contact: {}\n", replaced(contact)))
            .collect();
        lines.extend(expires.map(|expires| format!("Expires: {expires}\n")));
        accept_raw(&mut bench, &request, &lines);
        assert_eq!(
            bench.agent.is_registered(),
            granted.is_some(),
            "{contacts:?}"
        );
        if let Some(granted) = granted {
            assert_eq!(
                registered(&mut bench).expires,
                Duration::from_secs(granted),
                "{contacts:?}"
            );
        }
    }
}

/// 3261-10.2.7-A: after 403 and 404 the agent emits `RegistrationFailed` with the cause Refused and tries again by
/// itself, after 150 to 300 s and each time twice that up to an hour, but not before Retry-After.
#[test]
fn rfc3261_10_2_7_a_refusal_is_told_and_tried_again_slowly() {
    for status in [403, 404] {
        let (mut bench, mut request) = registering();
        for (low, high) in [
            (150, 300),
            (300, 600),
            (600, 1_200),
            (1_200, 2_400),
            (1_800, 3_600),
            (1_800, 3_600),
        ] {
            bench.reply(&request, status, &[]);
            let at = bench.now;
            let retry_at = bench.expect(|event| match event {
                Event::RegistrationFailed { reason, retry_at } => {
                    let told = (
                        reason.originator,
                        reason.cause,
                        reason.status.map(|status| status.as_u16()),
                    );
                    assert_eq!(told, (Originator::Peer, Cause::Refused, Some(status)));
                    *retry_at
                }
                _ => None,
            });
            let wait = retry_at.saturating_since(at).as_secs();
            assert!((low..=high).contains(&wait), "{wait} not in {low}..={high}");
            bench.wait(retry_at.saturating_since(at) - Duration::from_millis(1));
            bench.silence();
            bench.wait(Duration::from_millis(1));
            request = bench.next_request();
        }
        accept(&mut bench, &request, 600, &[]);
        assert!(bench.agent.is_registered());
    }
}

/// 3261-10.2.7-A: the agent does not follow the redirection of a REGISTER. Its event has the targets, and the agent
/// tries the same registrar again, slowly.
#[test]
fn rfc3261_10_2_7_a_redirected_register_is_told_and_not_followed() {
    let (mut bench, first) = registering();
    let elsewhere = [
        ("Contact", "<sip:r1.example.net>;q=1, <sip:r2.example.net>"),
        ("Contact", "<sip:r3.example.net>"),
    ];
    bench.reply(&first, 302, &elsewhere);
    bench.silence();
    let at = bench.now;
    let (contacts, retry_at) = bench.expect(|event| match event {
        Event::RegistrationFailed { reason, retry_at } => {
            assert_eq!(reason.status.map(|status| status.as_u16()), Some(302));
            Some((reason.contacts.clone(), retry_at.unwrap()))
        }
        _ => None,
    });
    let contacts: Vec<&str> = contacts.iter().map(|contact| &**contact).collect();
    assert_eq!(
        contacts,
        [
            "<sip:r1.example.net>;q=1",
            "<sip:r2.example.net>",
            "<sip:r3.example.net>"
        ]
    );
    let wait = retry_at.saturating_since(at);
    assert!((150..=300).contains(&wait.as_secs()), "{wait:?}");
    bench.wait(wait);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:example.com");

    // The event of a call has the targets as well; other refusals have none.
    for (status, expected) in [(302, 8), (486, 0)] {
        let mut bench = Bench::new(&alice());
        let (_, invite) = bench.call();
        bench.reply(&invite, status, &[("Contact", "<sip:c@example.net>"); 9]);
        let contacts = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some(reason.contacts.len()),
            _ => None,
        });
        assert_eq!(contacts, expected, "{status}");
    }
}

/// 3608-6-A: the routes of all rows go out in their order on every kind of request outside a dialog, but neither
/// on REGISTER nor within dialogs; another 200 replaces them, a refusal leaves them, a 200 without clears them.
#[test]
fn rfc3608_6_service_route_from_registration_to_registration() {
    let (mut bench, first) = registering();
    assert_eq!(values(&options(&mut bench), HeaderName::Route), [""; 0]);
    let routes = [
        (
            "Service-Route",
            "<sip:s1.example.com;lr>, <sip:s2.example.com;lr>",
        ),
        ("Service-Route", "<sip:s3.example.com;lr>"),
    ];
    accept(&mut bench, &first, 600, &routes);
    let expected = [
        "<sip:s1.example.com;lr>",
        "<sip:s2.example.com;lr>",
        "<sip:s3.example.com;lr>",
    ];
    bench.events.clear();
    let (call, invite) = bench.call();
    let body = Body::new("text/plain", "x");
    bench.agent.message("bob", body, bench.now).unwrap();
    bench.pump();
    let message = bench.next_request();
    assert_eq!(message.method(), Method::Message);
    for request in [&invite, &message, &options(&mut bench)] {
        assert_eq!(values(request, HeaderName::Route), expected);
        assert_eq!(
            request.uri_bytes().split(|&byte| byte == b'@').next_back(),
            Some(&b"example.com"[..])
        );
    }
    bench.reply_tagged(
        &invite,
        200,
        "bob1",
        &[("Contact", "<sip:bob@192.0.2.9>")],
        Some(OFFER),
    );
    assert!(!bench.next_request().has(HeaderName::Route), "the ACK");
    bench.hang_up(call);
    let bye = bench.next_request();
    assert!(!bye.has(HeaderName::Route), "the BYE");
    bench.reply(&bye, 200, &[]);
    let refresh = |bench: &mut Bench| {
        bench.sent.clear();
        while bench.sent.is_empty() {
            bench.wait(SECOND);
        }
        let request = bench.sent.pop_back().unwrap().into_request().unwrap();
        assert_eq!(request.method(), Method::Register);
        assert!(!request.has(HeaderName::Route));
        bench.sent.clear();
        request
    };
    let request = refresh(&mut bench);
    accept(
        &mut bench,
        &request,
        600,
        &[("Service-Route", "<sip:s4.example.com;lr>")],
    );
    assert_eq!(
        values(&options(&mut bench), HeaderName::Route),
        ["<sip:s4.example.com;lr>"]
    );
    let request = refresh(&mut bench);
    bench.reply(
        &request,
        503,
        &[("Service-Route", "<sip:s5.example.com;lr>")],
    );
    assert_eq!(
        values(&options(&mut bench), HeaderName::Route),
        ["<sip:s4.example.com;lr>"]
    );
    bench.wait(31 * SECOND);
    let request = bench.sent.pop_back().unwrap().into_request().unwrap();
    accept(&mut bench, &request, 600, &[]);
    assert_eq!(values(&options(&mut bench), HeaderName::Route), [""; 0]);
}

/// 3608-6-A, 5627-4.2-A: Service-Route and GRUUs end when their binding lapses and when it is removed.
#[test]
fn rfc3608_6_routes_and_gruus_end_with_their_binding() {
    for given_back in [false, true] {
        let (mut bench, first) = registering();
        let contact = value(&first, HeaderName::Contact).replace("expires=600", "expires=60");
        let contact = format!("{contact};pub-gruu=\"sip:alice@example.com;gr=g1\"");
        let route = ("Service-Route", "<sip:s1.example.com;lr>");
        bench.reply(&first, 200, &[("Contact", &contact), route]);
        assert_eq!(
            contact_of_a_call(&mut bench),
            "<sip:alice@example.com;gr=g1>"
        );
        if given_back {
            bench.agent.unregister(bench.now).unwrap();
            bench.pump();
            let removal = bench.next_request();
            bench.reply(&removal, 200, &[]);
        } else {
            bench.wait(61 * SECOND);
        }
        assert!(!bench.agent.is_registered());
        bench.sent.clear();
        assert_eq!(values(&options(&mut bench), HeaderName::Route), [""; 0]);
        assert!(contact_of_a_call(&mut bench).ends_with(";ob>"));
        assert_eq!(
            status_for(&mut bench, "sip:alice@example.com;gr=g2", 1),
            200,
            "we have no GRUU to differ from"
        );
    }
}

/// 5627-4.2-A: the agent takes a GRUU only from the Contact with its instance, even if that is the only
/// Contact. Each refresh replaces both GRUUs, and a refresh without one removes them.
#[test]
fn rfc5627_4_2_gruus_are_those_of_the_last_refresh() {
    let (mut bench, first) = registering();
    // The only Contact has the agent's URI but not its instance, so the GRUU may belong to another device.
    let ours = bench.agent.contact();
    let stranger = format!("{ours};expires=60;pub-gruu=\"sip:alice@example.com;gr=x\"");
    bench.reply(&first, 200, &[("Contact", &stranger)]);
    assert_eq!(registered(&mut bench).gruu, None);
    assert!(contact_of_a_call(&mut bench).ends_with(";ob>"));
    bench.sent.clear();
    for (round, gruus, public) in [
        (
            1,
            ";pub-gruu=\"sip:alice@example.com;gr=g1\";temp-gruu=\"sip:t1@example.com;gr\"",
            Some("sip:alice@example.com;gr=g1"),
        ),
        (
            2,
            ";pub-gruu=\"sip:alice@example.com;gr=g1\";temp-gruu=\"sip:t2@example.com;gr\"",
            Some("sip:alice@example.com;gr=g1"),
        ),
        (
            3,
            ";pub-gruu=\"sip:alice@example.com;gr=g3\";temp-gruu=\"sip:t3@example.com;gr\"",
            Some("sip:alice@example.com;gr=g3"),
        ),
        (4, "", None),
    ] {
        bench.wait(55 * SECOND);
        let refresh = bench.next_request();
        let contact = value(&refresh, HeaderName::Contact).replace("expires=600", "expires=60");
        bench.reply(&refresh, 200, &[("Contact", &format!("{contact}{gruus}"))]);
        assert_eq!(registered(&mut bench).gruu.as_deref(), public);
        for number in 1..=4 {
            let mine = number == round && round < 4;
            let status = status_for(
                &mut bench,
                &format!("sip:t{number}@example.com;gr"),
                round * 10 + number,
            );
            assert_eq!(
                status,
                if mine { 200 } else { 404 },
                "t{number} in round {round}"
            );
        }
    }
    assert!(contact_of_a_call(&mut bench).ends_with(";ob>"));
}

/// 5627-4.4-A: the public GRUU is the Contact of an INVITE, of responses to one and of target refreshes. The agent
/// refuses a request to the GRUU of another instance of its user and takes one to the user alone.
#[test]
fn rfc5627_4_4_the_gruu_in_every_contact() {
    let gruu = "sip:alice@example.com;gr=urn:uuid:ours";
    let (mut bench, first) = registering();
    let contact = format!("{};pub-gruu=\"{gruu}\"", value(&first, HeaderName::Contact));
    bench.reply(&first, 200, &[("Contact", &contact)]);
    bench.events.clear();
    let expected = format!("<{gruu}>");
    let (call, invite) = bench.established_call();
    assert_eq!(value(&invite, HeaderName::Contact), expected);
    bench.reinvite(call);
    bench.describe(call, OFFER);
    assert_eq!(value(&bench.next_request(), HeaderName::Contact), expected);
    bench.events.clear();
    let incoming = bench.invite_from_bob(1);
    bench.accept(incoming);
    bench.describe(incoming, OFFER);
    let ok = bench.sent.pop_back().unwrap().into_response().unwrap();
    assert_eq!(
        (ok.status().as_u16(), value(&ok, HeaderName::Contact)),
        (200, expected)
    );
    bench.sent.clear();
    for (number, uri, status) in [
        (1, gruu, 200),
        (2, "sip:alice@example.com;gr=urn:uuid:theirs", 404),
        (3, "sip:alice@example.com", 200),
    ] {
        assert_eq!(status_for(&mut bench, uri, number), status, "{uri}");
    }
}

/// 5626-4.3-A: `ob` marks the Contact of dialog-forming messages (INVITE and the response to one) and of
/// target refreshes, but never that of REGISTER.
#[test]
fn rfc5626_4_3_ob_is_where_dialogs_are_made() {
    let (mut bench, first) = registering();
    let own = bench.agent.contact().to_owned();
    assert!(!own.contains(";ob"));
    assert!(value(&first, HeaderName::Contact).starts_with(&own));
    accept(&mut bench, &first, 600, &[]);
    bench.events.clear();
    let expected = own.replace('>', ";ob>");
    let (call, invite) = bench.established_call();
    assert_eq!(value(&invite, HeaderName::Contact), expected);
    bench.reinvite(call);
    bench.describe(call, OFFER);
    assert_eq!(value(&bench.next_request(), HeaderName::Contact), expected);
    bench.events.clear();
    let incoming = bench.invite_from_bob(1);
    let Ok(sip_core::Session::Incoming(session)) = bench.agent.session(incoming) else {
        panic!("it rings");
    };
    session.ring(bench.now);
    bench.pump();
    let ringing = bench.sent.pop_back().unwrap().into_response().unwrap();
    assert_eq!(
        (
            ringing.status().as_u16(),
            value(&ringing, HeaderName::Contact)
        ),
        (180, expected)
    );
}

/// 5626-4.3-A: requests within a dialog go out on the connection in use, after a reconnection on the new one.
#[test]
fn rfc5626_4_3_a_dialog_stays_on_its_flow() {
    let (mut bench, first) = registering();
    accept(&mut bench, &first, 600, &[]);
    bench.events.clear();
    let (call, _) = bench.established_call();
    let sent_on = |bench: &mut Bench| {
        let mut connections = Vec::new();
        while let Some(action) = bench.agent.poll_action() {
            if let sip_core::Action::Transmit { connection, bytes } = action {
                connections.push((
                    connection,
                    bytes.split(|&byte| byte == b' ').next().unwrap().to_vec(),
                ));
            }
        }
        connections
    };
    let info = Body::new("application/dtmf-relay", "Signal=1\r\n");
    let send = |bench: &mut Bench| {
        let Ok(sip_core::Session::Established(session)) = bench.agent.session(call) else {
            panic!("the call is up");
        };
        session.info(&info, bench.now).unwrap();
    };
    send(&mut bench);
    let old = bench.connection;
    assert_eq!(sent_on(&mut bench), [(old, b"INFO".to_vec())]);
    bench
        .agent
        .connection_closed(old, DisconnectReason::Lost, bench.now);
    bench.pump();
    bench.wait(SECOND);
    bench.connection = bench.connect_asked();
    assert_ne!(bench.connection, old);
    bench
        .agent
        .connection_opened(bench.connection, INFO, bench.now);
    bench.pump();
    bench.wait(SECOND);
    bench.sent.clear();
    send(&mut bench);
    assert_eq!(sent_on(&mut bench), [(bench.connection, b"INFO".to_vec())]);
}
