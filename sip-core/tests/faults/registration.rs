//! Bindings, grants and refusals of registrars.

use std::time::Duration;

use sip_core::connection::DisconnectReason;
use sip_core::{Cause, Event};
use sip_parse::{HeaderName, Request};
use sip_testing::{Bench, SECOND, Servers, alice, alice_with_servers, value};

fn registering() -> (Bench, Request) {
    let mut bench = Bench::new(alice().register(true));
    let register = bench.next_request();
    (bench, register)
}

/// The Contact values of a 2xx, with the agent's own URI, instance and user part in place of OURS, INSTANCE and USER.
fn listed(bench: &Bench, text: &str) -> String {
    let instance = format!("\"<urn:uuid:{}>\"", bench.agent.instance_id());
    text.replace("OURS", bench.agent.contact())
        .replace("INSTANCE", &instance)
        .replace("USER", &bench.contact_user())
}

/// A 2xx with these header fields, as text, because no builder writes malformed ones.
fn ok_text(register: &Request, rows: &str) -> String {
    let copied: String = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::CSeq,
    ]
    .into_iter()
    .map(|name| format!("{name}: {}\n", value(register, name)))
    .collect();
    let to = value(register, HeaderName::To);
    format!("SIP/2.0 200 OK\n{copied}To: {to};tag=r\n{rows}Content-Length: 0\n\n")
}

/// The seconds that a first 2xx with these header fields grants; the cause if it is no registration.
fn granted(headers: &[(&str, &str)]) -> Result<u64, Cause> {
    let (mut bench, register) = registering();
    let rows: String = headers
        .iter()
        .map(|(name, text)| format!("{name}: {}\n", listed(&bench, text)))
        .collect();
    bench.feed(&ok_text(&register, &rows));
    let granted = bench.expect(|event| match event {
        Event::Registered(registration) => Some(Ok(registration.expires.as_secs())),
        Event::RegistrationFailed { reason, retry_at } => {
            assert!(retry_at.is_some(), "no retry");
            Some(Err(reason.cause))
        }
        _ => None,
    });
    assert_eq!(bench.agent.is_registered(), granted.is_ok());
    granted
}

/// RFC 3261 10.2.4: an unusable binding of another agent, in the same row or another one, costs this agent nothing.
#[test]
fn fault_c1_an_unusable_binding_of_another_agent_hides_nothing() {
    for other in [
        r#"<sip:192.0.2.7:443;transport=wss;thinfo="VG8=">;expires=30"#,
        "<sip:a b@192.0.2.7>;expires=30",
        "sip:bob at home;expires=30",
        r#""Bob, at "home" <sip:bob@192.0.2.7>;expires=30"#,
        "<>;expires=30",
        "]]>;expires=30",
        "<sip:bob@192.0.2.7>;expires=30;;x",
        "<sip:bob@[::1>;expires=30",
        "",
        "*",
    ] {
        let before = format!("{other}, OURS;expires=600");
        assert_eq!(granted(&[("Contact", &before)]), Ok(600), "{before}");
        let after = format!("OURS;expires=600, {other}");
        assert_eq!(granted(&[("Contact", &after)]), Ok(600), "{after}");
        let rows = [("Contact", other), ("Contact", "OURS;expires=600")];
        assert_eq!(granted(&rows), Ok(600), "{rows:?}");
    }
}

/// RFC 3261 10.2.4: if a value of the list is unreadable, it may be that of this agent; then Expires counts, or what
/// the agent asked for, and never the duration of another binding.
#[test]
fn fault_c2_the_duration_of_another_binding_is_never_taken() {
    for unreadable in [
        "<sip:USER@[x>;expires=600",
        // The quoted string has no end, and hides what follows.
        "\"Alice <sip:USER@x.invalid>;expires=600",
    ] {
        let list = format!("<sip:other@192.0.2.7>;expires=390, {unreadable}");
        assert_eq!(granted(&[("Contact", &list)]), Ok(600), "as asked: {list}");
        let headers = [("Contact", list.as_str()), ("Expires", "120")];
        assert_eq!(granted(&headers), Ok(120), "{list}");
    }
    for others in [
        "<sip:other@192.0.2.7>;expires=390",
        "<sip:other@192.0.2.7>;expires=390, <sip:third@192.0.2.8>;expires=3",
        "<sip:USER@192.0.2.7;transport=ws>;expires=390;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-000000000001>\"",
        "<sip:x@192.0.2.7>;expires=390;+sip.instance=INSTANCE;reg-id=2",
        "*",
    ] {
        for expires in [None, Some(("Expires", "390"))] {
            let headers: Vec<_> = [("Contact", others)].into_iter().chain(expires).collect();
            assert_eq!(granted(&headers), Err(Cause::Malformed), "{others}");
        }
    }
}

/// RFC 3261 10.2.4 and 10.2.7: without its binding in the list the agent is not bound, and tries again with back-off.
#[test]
fn fault_c2_a_registrar_that_never_lists_us_is_tried_with_back_off() {
    let (mut bench, mut register) = registering();
    let mut registers = 1;
    let contact = "<sip:other@192.0.2.7>;expires=390";
    bench.reply(&register, 200, &[("Contact", contact)]);
    for _ in 0..3_600 {
        bench.wait(SECOND);
        if !bench.sent.is_empty() {
            register = bench.next_request();
            registers += 1;
            bench.reply(&register, 200, &[("Contact", contact)]);
        }
    }
    assert!((3..=10).contains(&registers), "{registers} in an hour");
}

/// RFC 3261 10.2.4 and 19.1.4: the URI decides; then instance and reg-id; then the user part, which the core has drawn.
#[test]
fn fault_c3_the_uri_decides_before_the_instance() {
    for (list, expected) in [
        (
            "<sip:old@198.51.100.1>;+sip.instance=INSTANCE;reg-id=1;expires=3, OURS;expires=600",
            600,
        ),
        (
            "<sip:old@198.51.100.1>;+sip.instance=INSTANCE;reg-id=1;expires=3, \
             OURS;+sip.instance=INSTANCE;reg-id=1;expires=500",
            500,
        ),
        (
            "<sip:old@198.51.100.1>;+sip.instance=INSTANCE;expires=3, \
             <sip:new@198.51.100.1>;+sip.instance=INSTANCE;reg-id=1;expires=400",
            400,
        ),
        (
            "<sip:old@198.51.100.1>;+sip.instance=INSTANCE;reg-id=1;expires=3, \
             <sip:USER@198.51.100.1;transport=ws>;+sip.instance=INSTANCE;reg-id=1;expires=300",
            300,
        ),
        (
            "<sip:other@192.0.2.7>;expires=3, <sip:USER@198.51.100.1:5060;transport=ws>;expires=200",
            200,
        ),
        (
            "OURS;expires=3;+sip.instance=INSTANCE;reg-id=2, OURS;expires=600;+sip.instance=INSTANCE;reg-id=1",
            600,
        ),
    ] {
        assert_eq!(granted(&[("Contact", list)]), Ok(expected), "{list}");
    }
}

/// RFC 3261 20.10: a malformed `expires` counts as 3600, and the core bounds a huge one; a 2xx is never dropped.
#[test]
fn fault_c4_a_malformed_expires_is_an_hour_and_a_huge_one_a_day() {
    for (expires, seconds) in [
        ("soon", 3_600),
        ("\"60\"", 3_600),
        ("-1", 3_600),
        ("60s", 3_600),
        ("4294967296", 86_400),
        ("99999999999999999999999999", 86_400),
        ("0060", 60),
    ] {
        let contact = format!("OURS;expires={expires}");
        assert_eq!(granted(&[("Contact", &contact)]), Ok(seconds), "{expires}");
    }
}

/// A registrar whose answers take a while. It grants `seconds`, however long the agent asks for; returns the number of
/// REGISTERs in `minutes`.
fn registered_throughout(asks: u64, seconds: u64, minutes: u64, round_trip: Duration) -> usize {
    let mut config = alice();
    config
        .register(true)
        .register_expires(Duration::from_secs(asks));
    let mut bench = Bench::new(&config);
    let step = Duration::from_millis(50);
    let mut held = None;
    let mut registers = 0;
    let mut registered = false;
    // A registrar drops a binding when its own time is up: the time of the answer, and the seconds that it granted.
    let mut bound_until = bench.now;
    for _ in 0..minutes * 60 * 20 {
        bench.wait(step);
        while let Some(event) = bench.events.pop_front() {
            match event {
                Event::Registered(_) => registered = true,
                Event::Unregistered { .. } => panic!("{seconds} s: unregistered"),
                _ => {}
            }
        }
        if let Some(request) = bench.sent.pop_front() {
            registers += 1;
            held = Some((request.into_request().unwrap(), bench.now + round_trip));
        }
        if registered {
            assert!(bench.now <= bound_until, "{seconds} s: it lapsed there");
        }
        if held.as_ref().is_some_and(|(_, at)| *at <= bench.now) {
            let (request, at) = held.take().unwrap();
            let contact = value(&request, HeaderName::Contact);
            let (head, _) = contact.rsplit_once(";expires=").unwrap();
            bound_until = at + Duration::from_secs(seconds);
            let contact = format!("{head};expires={seconds}");
            bench.reply(&request, 200, &[("Contact", &contact)]);
        }
    }
    assert!(registered && bench.agent.is_registered());
    registers
}

/// RFC 3261 10.2.4: a binding of a few seconds never lapses, also where the registrar answers slowly.
#[test]
fn fault_c6_a_short_grant_is_refreshed_in_time() {
    for (seconds, round_trip, most) in [
        (2, 500, 600),
        (3, 1_000, 600),
        (5, 0, 240),
        (5, 1_500, 240),
        (10, 3_000, 120),
        (30, 5_000, 40),
        (59, 5_000, 25),
        (60, 5_000, 15),
    ] {
        let round_trip = Duration::from_millis(round_trip);
        let registers = registered_throughout(600, seconds, 10, round_trip);
        assert!(registers <= most, "{seconds} s: {registers} REGISTERs");
    }
}

/// `registerExpires` of 6 s: registered all the time.
#[test]
fn fault_f3_a_short_register_expires_never_lapses() {
    let registers = registered_throughout(6, 6, 10, Duration::from_millis(800));
    assert!(registers <= 210, "{registers}");
}

/// A registrar that grants one second causes at most one REGISTER each second, and no report of a loss.
#[test]
fn fault_c6_a_hostile_grant_is_no_flood() {
    let (mut bench, register) = registering();
    bench.reply(
        &register,
        200,
        &[("Contact", &listed(&bench, "OURS;expires=1"))],
    );
    let mut registers = 0;
    for _ in 0..60 * 20 {
        bench.wait(Duration::from_millis(50));
        if !bench.sent.is_empty() {
            registers += 1;
            let request = bench.next_request();
            let contact = listed(&bench, "OURS;expires=1");
            bench.reply(&request, 200, &[("Contact", &contact)]);
        }
    }
    let lost = |event: &Event| matches!(event, Event::Unregistered { .. });
    assert!(!bench.events.iter().any(lost));
    assert!((50..=60).contains(&registers), "{registers} in a minute");
}

/// RFC 3261 10.2.8 and RFC 5626: several flows with short bindings, and a 423 before, stay registered.
#[test]
fn fault_c6_several_flows_stay_registered_on_a_short_grant() {
    let config = alice_with_servers(3, 3);
    let mut bench = Bench::with_servers(&config, 1, |servers| servers.granted = Some(5));
    bench.wait(10 * SECOND);
    bench.events.clear();
    assert_eq!(bench.servers(), [0, 1, 2]);
    bench.wait(Duration::from_secs(600));
    let lost = |event: &Event| matches!(event, Event::Unregistered { .. });
    assert!(!bench.events.iter().any(lost) && bench.registered);
    for server in 0..3 {
        let registers = bench.far.registers.iter();
        let registers = registers.filter(|(other, _)| *other == server).count();
        assert!((180..=260).contains(&registers), "{server}: {registers}");
    }
}

/// RFC 3261 10.2.8: a 423 with a short minimum, and then the short grant.
#[test]
fn fault_c6_interval_too_brief_then_a_short_grant() {
    let mut config = alice();
    config.register(true).register_expires(3 * SECOND);
    let mut bench = Bench::new(&config);
    let first = bench.next_request();
    bench.reply(&first, 423, &[("Min-Expires", "5")]);
    let mut registers = 0;
    for _ in 0..60 * 10 {
        if !bench.sent.is_empty() {
            let request = bench.next_request();
            let contact = value(&request, HeaderName::Contact);
            assert!(contact.ends_with(";expires=5"), "{contact}");
            bench.reply(&request, 200, &[("Contact", &contact)]);
            registers += 1;
        }
        bench.wait(SECOND / 10);
    }
    let lost = |event: &Event| matches!(event, Event::Unregistered { .. });
    assert!(!bench.events.iter().any(lost) && bench.agent.is_registered());
    assert!((20..=26).contains(&registers), "{registers} in a minute");
}

/// The servers of the REGISTERs, and whether the agent is registered, after a time in which the servers answer REGISTER
/// like this; 0: not at all.
fn after(servers: usize, flows: u8, answers: [u16; 3], time: Duration) -> Bench<Servers> {
    let config = alice_with_servers(servers, flows);
    let mut bench = Bench::with_servers(&config, 1, |servers| servers.answers = answers);
    bench.wait(time);
    bench
}

/// RFC 5626 4.5: a server that takes REGISTERs and never answers, or always fails, is left after two of them.
#[test]
fn fault_c5_a_server_that_does_not_register_us_is_left() {
    for answer in [0, 408, 500, 503, 504] {
        let bench = after(3, 1, [answer, 200, 200], 100 * SECOND);
        let servers: Vec<_> = bench.registers.iter().map(|(server, _)| *server).collect();
        assert_eq!(servers, [0, 0, 1], "{answer}");
        assert!(bench.registered && bench.agent.is_registered(), "{answer}");
        let left = bench.disconnects.iter().map(|(_, reason)| *reason);
        assert!(left.eq([DisconnectReason::NotServed]), "{answer}");
    }
    // Another server would refuse as well.
    for answer in [403, 404, 420] {
        let bench = after(3, 1, [answer, 200, 200], 3_600 * SECOND);
        assert!(bench.registers.iter().all(|(server, _)| *server == 0));
    }
}

/// RFC 5626 4.5: the agent does not return every few minutes to a better server that is silent.
#[test]
fn fault_c5_a_silent_server_costs_little_of_the_registration() {
    let mut bench = after(3, 1, [0, 200, 200], 100 * SECOND);
    let mut registered = 0;
    for _ in 0..24 * 360 {
        bench.wait(10 * SECOND);
        registered += u32::from(bench.agent.is_registered());
    }
    assert!(registered > 24 * 360 * 98 / 100, "{registered}");
    // Once it serves again, the agent returns for good.
    bench.answers = [200; 3];
    bench.wait(2 * 86_400 * SECOND);
    assert_eq!(bench.servers(), [0]);
    assert!(bench.registered);
}

/// RFC 5626 4.5: if no server answers, each is tried, with back-off.
#[test]
fn fault_c5_silent_servers_are_tried_with_back_off() {
    for servers in 1..=3 {
        let mut bench = after(servers, 1, [0; 3], 86_400 * SECOND);
        let registers = bench.registers.len();
        assert!((40..=250).contains(&registers), "{registers} in a day");
        for server in 0..servers {
            let mut tried = bench.registers.iter().map(|(server, _)| *server);
            assert!(tried.any(|tried| tried == server), "{server} of {servers}");
        }
        bench.answers = [200; 3];
        bench.wait(3_700 * SECOND);
        assert!(bench.registered);
    }
}

/// RFC 5626 4.5: a server that drops the connection on each REGISTER is left as well.
#[test]
fn fault_c5_a_server_that_hangs_up_on_register_is_left() {
    let mut bench = after(2, 1, [0, 200, 200], SECOND);
    for _ in 0..100 {
        bench.wait(SECOND);
        let held = bench
            .held
            .front()
            .map(|(connection, _, since)| (*connection, *since));
        if let Some((connection, since)) = held
            && bench.now.saturating_since(since) > 10 * SECOND
        {
            bench.cut(connection);
        }
    }
    assert!(bench.registered);
    assert_eq!(bench.servers(), [1]);
}

/// RFC 5626 4.2.1: with a flow to each server there is no other server to go to; the flows that work stay.
#[test]
fn fault_c5_a_silent_server_of_several_flows_disturbs_no_other_flow() {
    let mut bench = after(3, 3, [200; 3], 10 * SECOND);
    assert_eq!(bench.servers(), [0, 1, 2]);
    bench.answers = [200, 0, 200];
    bench.events.clear();
    bench.wait(7_200 * SECOND);
    let lost = |event: &Event| {
        matches!(
            event,
            Event::Unregistered { .. } | Event::Disconnected { .. }
        )
    };
    assert!(!bench.events.iter().any(lost), "{:?}", bench.events);
}

/// Found by the exploration of registrations: a binding of 20 s lapses while its removal waits for an answer, which
/// never comes. The agent emits one `Unregistered`.
#[test]
fn fault_a_lapse_during_a_removal_is_told_once() {
    let (mut bench, first) = registering();
    let granted = listed(&bench, "OURS;expires=20");
    bench.reply(&first, 200, &[("Contact", &granted)]);
    bench.agent.unregister(bench.now).expect("unregister");
    bench.pump();
    bench.wait(Duration::from_secs(60));
    assert!(!bench.agent.is_registered());
    let ends = bench.events.iter();
    let ends = ends.filter(|event| matches!(event, Event::Unregistered { .. }));
    assert_eq!(ends.count(), 1);
}

/// RFC 3261 10.2.4, 20.10, 7.3.1: more forms of the list in a 2xx.
#[test]
fn fault_c2_each_form_of_the_list_is_read() {
    let gruu =
        "pub-gruu=\"sip:alice@example.com;gr=urn:uuid:1\";temp-gruu=\"sip:tgruu.7@example.com;gr\"";
    let with_gruu = format!("OURS;{gruu};+sip.instance=INSTANCE;reg-id=1;expires=500");
    type Case<'a> = (&'a [(&'a str, &'a str)], Result<u64, Cause>);
    let cases: &[Case<'_>] = &[
        (&[("Contact", &with_gruu)], Ok(500)),
        (&[("m", "OURS;expires=500")], Ok(500)),
        (&[("CONTACT", "OURS ; Expires = 500")], Ok(500)),
        (
            &[
                ("m", "<sip:a@b>;expires=3"),
                ("Contact", "OURS;expires=500"),
            ],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                r#""Doe, John <sip:x@y>;expires=7" <sip:a@b>;expires=3, OURS;expires=500"#,
            )],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                r#""Doe, \"J\\" <sip:a@b>;expires=3, "Al, <i>" OURS;expires=500"#,
            )],
            Ok(500),
        ),
        (
            &[("Contact", "Doe, John <sip:a@b>;expires=3, OURS;expires=500")],
            Ok(500),
        ),
        (
            &[("Contact", "sip:a@b;expires=3, OURS;expires=500")],
            Ok(500),
        ),
        (
            &[("Contact", "<sip:a,b@c>;expires=3, OURS;expires=500")],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "OURS;q=0.5;expires=500;received=\"sip:192.0.2.1:5060;transport=ws\"",
            )],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "OURS;+sip.instance=INSTANCE;reg-id=\"1\";expires=500",
            )],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "OURS;+sip.instance=INSTANCE;reg-id=01;expires=500",
            )],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "OURS;+Sip.Instance=INSTANCE;REG-ID=1;expires=500",
            )],
            Ok(500),
        ),
        (&[("Contact", "OURS;+sip.instance;expires=500")], Ok(500)),
        (&[("Contact", "OURS;expires=")], Ok(600)),
        (&[("Contact", "OURS;expires")], Ok(600)),
        (&[("Contact", "OURS;expires=3;expires=500")], Ok(3)),
        (&[("Contact", "OURS"), ("Expires", "77")], Ok(77)),
        (&[("Contact", "OURS"), ("Expires", "soon")], Ok(600)),
        (&[("Contact", "OURS")], Ok(600)),
        (&[("Contact", "OURS;expires=77"), ("Expires", "0")], Ok(77)),
        (&[("Contact", "OURS;expires=0")], Err(Cause::Malformed)),
        (
            &[("Contact", "OURS;expires=0, <sip:a@b>;expires=500")],
            Err(Cause::Malformed),
        ),
        (&[], Err(Cause::Malformed)),
        (&[("Expires", "600")], Err(Cause::Malformed)),
        (
            &[("Contact", "*;expires=5"), ("Contact", "OURS;expires=500")],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "<sip:USER@192.0.2.9:4711;transport=WS;ob>;expires=500",
            )],
            Ok(500),
        ),
        (&[("Contact", "OURS\n ;expires=500")], Ok(500)),
        (
            &[("Contact", "<sip:a@b>;expires=3,\n\tOURS;expires=500")],
            Ok(500),
        ),
        (
            &[(
                "Contact",
                "<tel:+1234>;expires=3, <mailto:a@b>, OURS;expires=500",
            )],
            Ok(500),
        ),
    ];
    for (headers, expected) in cases {
        assert_eq!(granted(headers), *expected, "{headers:?}");
    }
}

/// RFC 3261 10.2.8: a minimum that grows, or one of another server, is obeyed in the end.
#[test]
fn fault_c6_a_minimum_that_grows_is_obeyed() {
    for between in [None, Some(503)] {
        let mut config = alice();
        config.register(true).register_expires(30 * SECOND);
        let mut bench = Bench::new(&config);
        let mut registers = 0;
        for _ in 0..3_600 {
            while let Some(message) = bench.sent.pop_front() {
                let request = message.into_request().unwrap();
                registers += 1;
                let contact = value(&request, HeaderName::Contact);
                let (_, asked) = contact.rsplit_once(";expires=").unwrap();
                match (asked.parse::<u32>().unwrap(), between, registers) {
                    (_, Some(status), 2) => bench.reply(&request, status, &[]),
                    (..60, ..) => bench.reply(&request, 423, &[("Min-Expires", "60")]),
                    (..300, ..) => bench.reply(&request, 423, &[("Min-Expires", "300")]),
                    _ => bench.reply(&request, 200, &[("Contact", &contact)]),
                }
            }
            bench.wait(SECOND);
        }
        assert!(bench.agent.is_registered(), "{between:?} {registers}");
        assert!(registers < 30, "{registers}");
    }
}

/// RFC 3261 10.2.8: a Min-Expires that says nothing, or nonsense, is a refusal with back-off.
#[test]
fn fault_c6_a_423_without_a_usable_minimum_is_tried_with_back_off() {
    for minimum in [
        "",
        "soon",
        "0",
        "1",
        "600",
        "4294967295",
        "99999999999999999",
        "-5",
        "86401",
        "601s",
    ] {
        let (mut bench, mut register) = registering();
        let (mut registers, start) = (0, bench.now);
        loop {
            registers += 1;
            bench.feed(
                &ok_text(&register, &format!("Min-Expires: {minimum}\n"))
                    .replace("200 OK", "423 Brief"),
            );
            while bench.sent.is_empty() {
                bench.wait(SECOND);
            }
            register = bench.next_request();
            if bench.now.saturating_since(start) > 3_600 * SECOND {
                break;
            }
        }
        assert!((3..=12).contains(&registers), "{minimum}: {registers}");
        let contact = value(&register, HeaderName::Contact);
        bench.reply(&register, 200, &[("Contact", &contact)]);
        assert!(bench.agent.is_registered());
    }
}

/// RFC 5626 4.5, RFC 3261 17.1.2: a 100, or a 401 before the silence, is no service either.
#[test]
fn fault_c5_a_server_that_only_begins_to_answer_is_left() {
    for first in [100, 401] {
        for servers in [2, 3] {
            let mut config = alice_with_servers(servers, 1);
            config.password("secret");
            let mut bench = Bench::with_servers(&config, 1, |far| far.answers = [0, 200, 200]);
            for _ in 0..200 {
                let challenge = [(
                    "WWW-Authenticate",
                    r#"Digest realm="r", nonce="n", qop="auth""#,
                )];
                let held: Vec<_> = bench.held.drain(..).collect();
                for (connection, request, _) in held {
                    if first == 100 {
                        bench.reply_to(connection, &request, 100);
                    } else if !request.has(HeaderName::Authorization) {
                        bench.reply(connection, &request, 401, &challenge);
                    }
                }
                bench.wait(SECOND);
            }
            assert!(bench.registered, "{first} {servers}");
        }
    }
}

/// RFC 5626 4.5: a server that falls silent, or fails, after it has registered the agent is left, too.
#[test]
fn fault_c5_a_server_that_falls_silent_later_is_left() {
    for servers in [2, 3] {
        for answer in [0, 408, 503] {
            for granted in [5, 60, 600] {
                let config = alice_with_servers(servers, 1);
                let mut bench = Bench::with_servers(&config, 1, |far| far.granted = Some(granted));
                bench.wait(10 * SECOND);
                assert_eq!(bench.servers(), [0]);
                bench.answers = [answer, 200, 200];
                bench.wait(Duration::from_secs(900));
                assert_eq!(bench.servers(), [1], "{servers} {answer} {granted}");
                assert!(bench.registered && bench.agent.is_registered());
            }
        }
    }
}

/// RFC 5626 4.5: two silent servers do not hide the third one.
#[test]
fn fault_c5_the_last_server_is_found() {
    for [first, second] in [[0, 0], [0, 503], [500, 0], [0, 408]] {
        let bench = after(3, 1, [first, second, 200], 400 * SECOND);
        assert_eq!(bench.servers(), [2], "{first} {second}");
        assert!(bench.registered);
    }
}

/// A `registerExpires` of a few seconds, and a grant that is shorter than asked for, on a slow way.
#[test]
fn fault_f3_a_few_seconds_on_a_slow_way() {
    for (asks, grants, round_trip) in [
        (2, 2, 400),
        (3, 3, 900),
        (4, 4, 1_500),
        (3_600, 4, 1_500),
        (6, 30, 2_000),
    ] {
        let registers = registered_throughout(asks, grants, 5, Duration::from_millis(round_trip));
        assert!(registers <= 310, "{asks} {grants}: {registers}");
    }
}

/// RFC 5626 4.2.1: of three servers and two flows, the flow at the silent server moves to the one that is free.
#[test]
fn fault_c5_a_flow_at_a_silent_server_moves_to_a_free_one() {
    let config = alice_with_servers(3, 2);
    let mut bench = Bench::with_servers(&config, 1, |far| far.answers = [0, 200, 200]);
    bench.wait(Duration::from_secs(400));
    assert!(bench.registered);
    assert_eq!(bench.servers(), [1, 2]);
}

/// RFC 5627 4.2: a GRUU of another device is not taken as ours.
#[test]
fn fault_c3_a_gruu_of_another_device_is_not_ours() {
    let (mut bench, register) = registering();
    let other = "\"<urn:uuid:00000000-0000-0000-0000-000000000009>\"";
    let list = format!(
        "<sip:x@192.0.2.7>;expires=5;+sip.instance={other};pub-gruu=\"sip:alice@example.com;gr=evil\", OURS;expires=600"
    );
    let list = listed(&bench, &list);
    bench.feed(&ok_text(&register, &format!("Contact: {list}\n")));
    let gruu = bench.expect(|event| match event {
        Event::Registered(registration) => Some(registration.gruu.clone()),
        _ => None,
    });
    assert_eq!(gruu, None);
}
