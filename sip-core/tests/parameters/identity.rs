//! The agent's identity on the wire: names, hosts, credentials.

use sip_core::auth::{Algorithm, digest};
use sip_core::config::{Config, ConfigBuilder};
use sip_core::{Event, Transport};
use sip_parse::{HeaderName, Request};

use sip_testing::{Bench, alice, value};

const CHALLENGE: &str = r#"Digest realm="example.com", nonce="abc", qop="auth""#;

/// The first REGISTER of alice, with her configuration edited.
fn register(edit: impl FnOnce(&mut ConfigBuilder)) -> (Bench, Request) {
    let mut config = alice();
    config.register(true);
    edit(&mut config);
    let mut bench = Bench::new(&config);
    let request = bench.next_request();
    (bench, request)
}

/// The Authorization with which the first REGISTER is sent again; `None` if it is not.
fn authorization(edit: impl FnOnce(&mut ConfigBuilder)) -> Option<String> {
    let (mut bench, request) = register(edit);
    bench.reply(&request, 401, &[("WWW-Authenticate", CHALLENGE)]);
    let again = bench.sent.pop_front()?;
    Some(value(&again, HeaderName::Authorization))
}

/// The value of a directive, with its quotes.
fn directive<'a>(credentials: &'a str, name: &str) -> &'a str {
    let start = credentials.find(&format!("{name}=")).expect(name) + name.len() + 1;
    let rest = &credentials[start..];
    &rest[..rest.find(", ").unwrap_or(rest.len())]
}

/// CFG-URI: From, To, the registrar and bare targets come from `uri`, port and parameters kept; requests to
/// its user are for the agent. A `sips:` URI gives REGISTER and Contact that scheme. Without `uri` the agent
/// is anonymous.
pub(crate) fn cfg_uri_names_us() {
    let (mut bench, request) = register(|config| {
        config.uri("alice@Example.com:5062;transport=tcp");
    });
    let aor = "<sip:alice@Example.com:5062;transport=tcp>";
    assert_eq!(value(&request, HeaderName::To), aor);
    assert!(value(&request, HeaderName::From).starts_with(aor));
    assert_eq!(request.uri_bytes(), b"sip:Example.com:5062;transport=tcp");
    bench.agent.options("bob", bench.now).unwrap();
    bench.pump();
    let options = bench.next_request();
    assert_eq!(
        options.uri_bytes(),
        b"sip:bob@Example.com:5062;transport=tcp"
    );
    bench.feed(
        "OPTIONS sip:alice@elsewhere SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\n\
         CSeq: 1 OPTIONS\nContent-Length: 0\n\n",
    );
    assert_eq!(bench.next_response().status().as_u16(), 200);

    let mut config = alice();
    config.uri("sips:alice@example.com").register(true);
    let request = Bench::over(&config, Transport::Wss).next_request();
    assert_eq!(request.uri_bytes(), b"sips:example.com");
    assert!(value(&request, HeaderName::Contact).starts_with("<sips:"));

    let mut anonymous = Config::builder();
    anonymous.server("ws://127.0.0.1");
    let mut bench = Bench::new(&anonymous);
    let request = bench.next_request();
    let to = value(&request, HeaderName::To);
    let user = to
        .strip_prefix("<sip:anonymous.")
        .and_then(|rest| rest.strip_suffix("@anonymous.invalid>"));
    assert!(user.is_some_and(|user| user.len() >= 6), "{to}");
    assert_eq!(request.uri_bytes(), b"sip:anonymous.invalid");
}

/// RFC 3261 25.1: a display name is a quoted string; quotes and backslashes are escaped, other text is
/// UTF-8 as it is. Not in To, which names the other side.
pub(crate) fn display_name_is_quoted_and_escaped() {
    for (name, from) in [
        ("Alice", "\"Alice\" <sip:alice@example.com>"),
        (
            r#"Al "the" \ice"#,
            r#""Al \"the\" \\ice" <sip:alice@example.com>"#,
        ),
        ("Ælice ¶€", "\"Ælice ¶€\" <sip:alice@example.com>"),
        ("", "<sip:alice@example.com>"),
    ] {
        let (mut bench, request) = register(|config| {
            config.display_name(name);
        });
        let shown = value(&request, HeaderName::From);
        assert!(shown.starts_with(&format!("{from};tag=")), "{shown}");
        assert_eq!(value(&request, HeaderName::To), "<sip:alice@example.com>");
        let (_, invite) = bench.call();
        assert!(value(&invite, HeaderName::From).starts_with(from));
    }
}

/// RFC 7616 3.4: `username` is `authorizationUser`, else the unescaped user part of `uri`.
pub(crate) fn authorization_user_is_the_digest_username() {
    let username = |edit: &dyn Fn(&mut ConfigBuilder)| {
        let credentials = authorization(edit).expect("an answer");
        directive(&credentials, "username").to_owned()
    };
    assert_eq!(username(&|_| {}), "\"alice\"");
    let escaped = username(&|config| {
        config.uri("sip:al%20ice@example.com");
    });
    assert_eq!(escaped, "\"al ice\"");
    let own = username(&|config| {
        config.authorization_user(r#"1001 "desk""#);
    });
    assert_eq!(own, r#""1001 \"desk\"""#);
}

/// RFC 7616 3.4.1: the response is made of the password; without one nothing is hashed and the
/// challenge is final.
pub(crate) fn password_answers_a_challenge() {
    let credentials = authorization(|_| {}).expect("an answer");
    let text = |name| directive(&credentials, name).trim_matches('"').to_owned();
    let algorithm = Algorithm::Md5;
    let ha1 = digest::ha1(algorithm, b"alice", b"example.com", b"wonderland");
    let ha2 = digest::ha2(algorithm, b"REGISTER", b"sip:example.com", None);
    let (nc, cnonce) = (text("nc"), text("cnonce"));
    assert_eq!(nc, "00000001");
    let whole = format!("{}:abc:{nc}:{cnonce}:auth:{}", ha1.as_str(), ha2.as_str());
    assert_eq!(text("response"), md5(&whole));

    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server("ws://127.0.0.1:5080");
    let mut bench = Bench::new(&config);
    let request = bench.next_request();
    bench.reply(&request, 401, &[("WWW-Authenticate", CHALLENGE)]);
    bench.silence();
    bench.expect(|event| {
        matches!(event, Event::RegistrationFailed { retry_at: None, .. }).then_some(())
    });
}

/// MD5 in hexadecimal digits: H(A1) of three parts is that of the text with colons between them.
fn md5(text: &str) -> String {
    let (first, rest) = text.split_once(':').expect("a colon");
    let (second, third) = rest.split_once(':').expect("two colons");
    let parts = [first, second, third].map(str::as_bytes);
    let hash = digest::ha1(Algorithm::Md5, parts[0], parts[1], parts[2]);
    hash.as_str().to_owned()
}

/// RFC 7616 3.4.2: the hash answers exactly as the password that it was made of.
pub(crate) fn rfc7616_3_4_2_ha1_answers_like_its_password() {
    let ha1 = md5("alice:example.com:wonderland");
    assert_eq!(
        authorization(|config| *config = with_ha1("example.com", &ha1)),
        authorization(|_| {})
    );
}

/// RFC 7616 3.4.2: the hash is bound to its realm, so that another realm's challenge is not answered.
pub(crate) fn rfc7616_3_4_2_ha1_answers_its_realm_alone() {
    let ha1 = md5("alice:example.com:wonderland");
    let other = |config: &mut ConfigBuilder| *config = with_ha1("elsewhere.example", &ha1);
    assert_eq!(authorization(other), None);
}

fn with_ha1(realm: &str, digits: &str) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server("ws://127.0.0.1:5080")
        .ha1(realm, digits);
    config
}

/// CFG-HACKIP: true draws 192.0.2.1 to 254 for Contact and Via; a text is that host; without it a name
/// below `.invalid` (RFC 7118 appendix B.1).
pub(crate) fn cfg_hackip_host_in_contact_and_via() {
    let hosts = |edit: &dyn Fn(&mut ConfigBuilder)| {
        let (_, request) = register(edit);
        let contact = value(&request, HeaderName::Contact);
        let start = contact.find('@').expect("@") + 1;
        let host = &contact[start..start + contact[start..].find(';').expect(";")];
        let via = request.top_via().unwrap();
        assert_eq!(via.host_bytes(), host.as_bytes(), "the same in Via");
        assert_eq!(via.port(), None);
        host.to_owned()
    };
    assert!(hosts(&|_| {}).ends_with(".invalid"));
    let drawn = hosts(&|config| {
        config.hack_ip_in_contact(true);
    });
    let last = drawn.strip_prefix("192.0.2.").map(str::parse::<u8>);
    assert!(matches!(last, Some(Ok(1..=254))), "{drawn}");
    for host in ["198.51.100.7", "[2001:db8::7]", "phone.example.com"] {
        let given = hosts(&|config| {
            config.hack_ip_in_contact(host);
        });
        assert_eq!(given, host);
    }
}

/// CFG-HACKTCP: the token in Via, and nothing else; the answer is still matched.
pub(crate) fn cfg_hacktcp_changes_via_alone() {
    let (_, plain) = register(|_| {});
    let (mut bench, hacked) = register(|config| {
        config.hack_via_tcp(true);
    });
    assert_eq!(plain.top_via().unwrap().transport(), b"WS");
    assert_eq!(hacked.top_via().unwrap().transport(), b"TCP");
    let without_via = |request: &Request| {
        let text = String::from_utf8(request.bytes().to_vec()).unwrap();
        text.lines()
            .filter(|line| !line.starts_with("Via:"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(without_via(&plain), without_via(&hacked));
    bench.reply(&hacked, 403, &[]);
    bench.expect(|event| matches!(event, Event::RegistrationFailed { .. }).then_some(()));
}

/// CFG-HACKWSS: `transport=wss` in Contact; Via and the preloaded Route stay.
pub(crate) fn cfg_hackwss_changes_contact_alone() {
    let (_, request) = register(|config| {
        config.hack_wss_in_transport(true).use_preloaded_route(true);
    });
    assert!(value(&request, HeaderName::Contact).contains(";transport=wss>"));
    assert_eq!(request.top_via().unwrap().transport(), b"WS");
    assert!(value(&request, HeaderName::Route).ends_with(";lr;transport=ws>"));
}

/// The three hacks are independent of each other, in any combination.
#[test]
fn cfg_hack_combinations() {
    for bits in 0..8 {
        let (tcp, address, wss) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        let (_, request) = register(|config| {
            config
                .hack_via_tcp(tcp)
                .hack_ip_in_contact(address)
                .hack_wss_in_transport(wss)
                .contact_transport("ws");
        });
        let via = request.top_via().unwrap();
        let token: &[u8] = if tcp { b"TCP" } else { b"WS" };
        assert_eq!(via.transport(), token, "{bits}");
        assert_eq!(via.host_bytes().starts_with(b"192.0.2."), address, "{bits}");
        let contact = value(&request, HeaderName::Contact);
        assert_eq!(contact.contains("@192.0.2."), address, "{bits}");
        let transport = if wss {
            ";transport=wss>"
        } else {
            ";transport=ws>"
        };
        assert!(contact.contains(transport), "{bits}: {contact}");
    }
}

/// CFG-INSTANCE, RFC 5626 4.1: only the Contact of REGISTER has the instance ID. The agent emits a drawn one once.
pub(crate) fn cfg_instance_is_in_the_contact_of_register() {
    let id = "8f1fa16a-1165-4a96-8341-785b1ef24f12";
    let (mut bench, request) = register(|config| {
        config.instance_id(format!("uuid:{id}"));
    });
    let parameter = format!(";+sip.instance=\"<urn:uuid:{id}>\"");
    assert!(value(&request, HeaderName::Contact).contains(&parameter));
    let (_, invite) = bench.call();
    assert!(!value(&invite, HeaderName::Contact).contains("sip.instance"));

    let mut drawn = Bench::offline(&alice());
    let told = drawn.expect(|event| match event {
        Event::InstanceIdDrawn(id) => Some(id.clone()),
        _ => None,
    });
    assert_eq!(&*told, drawn.agent.instance_id());
    assert_eq!(told.as_bytes()[14], b'4', "RFC 9562 5.4: version 4");
    let mut given = alice();
    let mut given = Bench::offline(given.instance_id(id));
    let told = |event: &Event| matches!(event, Event::InstanceIdDrawn(_));
    assert!(!given.events.iter().any(told));
    assert_eq!(given.agent.instance_id(), id);
    given.pump();
}

/// CFG-UA: the whole value of User-Agent, in requests and responses.
pub(crate) fn cfg_ua_string_is_the_whole_value() {
    let (mut bench, request) = register(|config| {
        config.user_agent_string("Oakwood/2.1 (desk)");
    });
    assert_eq!(value(&request, HeaderName::UserAgent), "Oakwood/2.1 (desk)");
    let user = bench.contact_user();
    bench.feed(&format!(
        "OPTIONS sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\
         Content-Length: 0\n\n"
    ));
    let response = bench.next_response();
    assert_eq!(
        value(&response, HeaderName::UserAgent),
        "Oakwood/2.1 (desk)"
    );
    assert!(!response.has(HeaderName::Server));
    let (_, plain) = register(|_| {});
    assert!(value(&plain, HeaderName::UserAgent).starts_with("sip-core/"));
}

/// The user part of Contact, escapes kept. A request to it is for the agent in every escaped form (RFC 3261
/// 19.1.4).
pub(crate) fn contact_name_is_the_user_of_contact() {
    let (mut bench, request) = register(|config| {
        config.contact_name("desk%207");
    });
    assert!(value(&request, HeaderName::Contact).starts_with("<sip:desk%207@"));
    for (number, (user, status)) in [("desk%207", 200), ("%64esk%207", 200), ("desk7", 404)]
        .into_iter()
        .enumerate()
    {
        bench.feed(&format!(
            "OPTIONS sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{number}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: {number}\n\
             CSeq: 1 OPTIONS\nContent-Length: 0\n\n"
        ));
        assert_eq!(bench.next_response().status().as_u16(), status, "{user}");
    }
    let (_, drawn) = register(|_| {});
    let contact = drawn.contacts().next().unwrap().unwrap();
    let user = contact.addr().unwrap().uri().user().map(<[u8]>::len);
    assert!(user.is_some_and(|length| length >= 13));
}

/// RFC 7118 5.2.3: `ws` by default; hackWssInTransport has precedence.
pub(crate) fn contact_transport_is_in_contact() {
    let contact = |edit: &dyn Fn(&mut ConfigBuilder)| {
        let (_, request) = register(edit);
        value(&request, HeaderName::Contact)
    };
    assert!(contact(&|_| {}).contains(";transport=ws>"));
    let tcp = contact(&|config| {
        config.contact_transport("tcp");
    });
    assert!(tcp.contains(";transport=tcp>"));
    let both = contact(&|config| {
        config.contact_transport("tcp").hack_wss_in_transport(true);
    });
    assert!(both.contains(";transport=wss>"));
}

/// RFC 3261 20.37 and 8.2.2.3: the tags stand in Supported, and a request that requires one is taken.
pub(crate) fn extra_supported_is_offered_and_understood() {
    for (tags, status) in [(&["precondition", "privacy"][..], 200), (&[], 420)] {
        let (mut bench, request) = register(|config| {
            config.extra_supported(tags);
        });
        let (_, invite) = bench.call();
        for tag in tags {
            assert!(request.has_token(HeaderName::Supported, tag.as_bytes()));
            assert!(invite.has_token(HeaderName::Supported, tag.as_bytes()));
        }
        let user = bench.contact_user();
        bench.feed(&format!(
            "OPTIONS sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\n\
             CSeq: 1 OPTIONS\nRequire: precondition\nContent-Length: 0\n\n"
        ));
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), status);
        if status == 200 {
            assert!(response.has_token(HeaderName::Supported, b"precondition"));
        }
    }
    // A tag that the core lists by itself appears once.
    let (_, request) = register(|config| {
        config.extra_supported(["timer"]);
    });
    let timers = request.supported().filter(|tag| *tag == b"timer");
    assert_eq!(timers.count(), 1);
}

/// Tags that IANA does not know go out only by permission.
pub(crate) fn unregistered_option_tags_by_permission() {
    let (_, request) = register(|config| {
        config
            .extra_supported(["room-signaling"])
            .hack_allow_unregistered_option_tags(true);
    });
    assert!(request.has_token(HeaderName::Supported, b"room-signaling"));
    let refused = alice().extra_supported(["room-signaling"]).build();
    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("extraSupported is "), "{error}");
    // The application must not promise what the core itself would have to implement.
    for tag in ["100rel", "replaces"] {
        let error = alice().extra_supported([tag]).build().unwrap_err();
        assert!(
            error.to_string().contains("left to the parameter"),
            "{error}"
        );
    }
}

/// RFC 3581 3: `rport` without a value in the Via of every request.
pub(crate) fn rfc3581_3_force_rport_asks_in_via() {
    for asks in [false, true] {
        let (mut bench, request) = register(|config| {
            config.force_rport(asks);
        });
        let (_, invite) = bench.call();
        for request in [request, invite] {
            let via = value(&request, HeaderName::Via);
            assert_eq!(via.contains(";rport"), asks, "{via}");
            assert!(!via.contains(";rport="), "{via}");
        }
    }
}
