//! URIs and addresses: parts, comparison, building, and faults of other parsers; the names of tests contain requirement
//! ids.

use sip_parse::{Host, Method, NameAddr, Uri, UriBuf, Via};

#[test]
fn req_3261_25_1_a_unknown_parameters_are_no_fault() {
    let via = Via::parse(
        b"SIP/2.0/WSS [2001:db8::1] : 5061 ; x ;y=\"a;b=c\\\"\" ; z = [::1];branch=z9;rport",
    )
    .unwrap();
    assert_eq!(
        (via.branch(), via.port(), via.rport()),
        (Some(&b"z9"[..]), Some(5061), Some(None))
    );
    assert_eq!(via.params().value(b"y"), Some(&b"\"a;b=c\\\"\""[..]));
    assert_eq!(via.params().value(b"Z"), Some(&b"[::1]"[..]));
    let address =
        NameAddr::parse(b"<sip:u@[::1]:5070;x;y=1>;+sip.instance=\"<urn:uuid:1>\";ob;expires=7")
            .unwrap();
    assert!(address.uri().has_param(b"X") && address.params().has(b"ob"));
    assert_eq!(address.expires(), Some(7));
    assert_eq!(
        address.param(b"+SIP.instance"),
        Some(&b"\"<urn:uuid:1>\""[..])
    );
}

fn same(a: &str, b: &str) -> bool {
    let (a, b) = (
        Uri::parse(a.as_bytes()).unwrap(),
        Uri::parse(b.as_bytes()).unwrap(),
    );
    assert_eq!(a.equivalent(&b), b.equivalent(&a), "not symmetric: {a} {b}");
    a.equivalent(&b)
}

/// The examples of RFC 3261 section 19.1.4 itself come first.
#[test]
fn req_3261_19_1_4_a_uri_comparison() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("sip:a:p%61ss@b", "sip:a:pass@b"),
        ("SIP:a@b", "sip:a@b"),
    ] {
        assert!(same(a, b), "{a} {b}");
    }
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:a@b", "sips:a@b"),
        ("sip:a@b", "sip:b"),
        ("sip:a@b", "sip:a:@b"),
        ("sip:a%3Bb@c", "sip:a;b@c"),
        ("sip:a@b;user=phone", "sip:a@b"),
        ("sip:a@b;ttl=1", "sip:a@b"),
        ("sip:a@b;method=INVITE", "sip:a@b"),
        ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
        ("sip:a@b?x=1&x=1", "sip:a@b?x=1&y=1"),
    ] {
        assert!(!same(a, b), "{a} {b}");
    }
    assert!(same("tel:+1-201-555-0123", "TEL:+12015550123"));
    assert!(same(
        "tel:7042;phone-context=Example.com",
        "tel:7042;phone-context=example.com"
    ));
    assert!(!same("tel:7042;phone-context=example.com", "tel:7042"));
    assert!(!same("tel:7042", "tel:7043"));
}

#[test]
fn req_3261_19_1_5_a_only_safe_headers_leave_a_uri() {
    let text = b"sip:a@b;method=SUBSCRIBE?Subject=hi%20there&From=x&v=1&Call-ID=2&CSeq=3&record-route=4&%52oute=5\
        &Replaces=6%3bto-tag%3d7%3bfrom-tag%3d8&Content-Length=9&body=one%0D%0Atwo&i=10";
    let uri = Uri::parse(text).unwrap();
    let safe: Vec<_> = uri
        .safe_headers()
        .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
        .collect();
    assert_eq!(safe, ["Subject", "Replaces"]);
    for forged in [
        "P-Asserted-Identity",
        "p-unheard-of",
        "Remote-Party-ID",
        "remote%2Dparty-id",
        "b",
        "e",
        "Privacy",
        "Session-ID",
        "Content-Disposition",
        "Priv-Answer-Mode",
        "%00",
    ] {
        let text = format!("sip:a@b?{forged}=1");
        let uri = Uri::parse(text.as_bytes()).unwrap();
        assert_eq!(uri.safe_headers().next(), None, "{forged}");
    }
    assert_eq!(uri.method(), Some(Method::Subscribe));
    assert_eq!(uri.body().unwrap().as_ref(), b"one\r\ntwo");
}

#[test]
fn req_5954_a_ipv6_is_compared_by_value_and_written_without_a_zone() {
    let host = |text: &'static str| Host::parse(text.as_bytes()).unwrap();
    assert_eq!(host("[2001:db8::1]"), host("[2001:0DB8:0:0::0001]"));
    assert_ne!(host("[2001:db8::1]"), host("[2001:db8::2]"));
    assert!(same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"));
    assert!(!same("sip:a@[::ffff:192.0.2.1]", "sip:a@192.0.2.1"));
    for bad in [
        "[fe80::1%eth0]",
        "[2001:db8]",
        "[::1",
        "[]",
        "2001:db8::1",
        "[::1]x",
        "[1::2::3]",
    ] {
        assert!(Host::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(host("[2001:DB8:0:0::1]").to_string(), "[2001:db8::1]");
}

#[test]
fn rfc3261_19_1_uris_are_made_from_parts() {
    let uri = UriBuf::sip(Some(b"J. User;x@y"), b"[2001:db8::1]", Some(5061)).unwrap();
    assert_eq!(uri.to_string(), "sip:J.%20User;x%40y@[2001:db8::1]:5061");
    assert_eq!(
        uri.as_uri().user_unescaped().unwrap().as_ref(),
        b"J. User;x@y"
    );
    let uri = uri
        .with_param(b"transport", Some(b"ws"))
        .unwrap()
        .with_param(b"lr", None)
        .unwrap();
    let uri = uri.with_header(b"Subject", b"a&b=c").unwrap();
    assert!(uri.as_uri().is_lr());
    assert_eq!(
        uri.as_uri().headers().collect::<Vec<_>>(),
        [(&b"Subject"[..], &b"a%26b%3Dc"[..])]
    );
    assert_eq!(
        uri.without_param(b"LR")
            .without_param(b"transport")
            .to_string(),
        "sip:J.%20User;x%40y@[2001:db8::1]:5061?Subject=a%26b%3Dc"
    );
    for bad in [&b"a b"[..], b"", b"[::1", b"a\r\nb", b"a@b"] {
        assert!(UriBuf::sip(None, bad, None).is_err());
    }
    assert!(UriBuf::sip(Some(b""), b"a", None).is_err());
}

/// Inputs that other parsers read wrong.
#[test]
fn known_traps_of_addresses() {
    let address = |text: &'static str| NameAddr::parse(text.as_bytes()).unwrap();
    let spaced = address("<sip:a@b> ; tag = 7");
    assert_eq!(spaced.tag(), Some(&b"7"[..]));
    let semicolon = address("<sip:a;b=c@d;e>");
    assert_eq!(
        (semicolon.uri().user(), semicolon.uri().host_bytes()),
        (Some(&b"a;b=c"[..]), &b"d"[..])
    );
    assert_eq!(address("\"x;tag=1\" <sip:a@b>").tag(), None);
    assert_eq!(address("<sip:a.b.@c>").uri().user(), Some(&b"a.b."[..]));
    let gruu = address("<sip:a@b;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>");
    assert_eq!(
        gruu.uri().param(b"gr"),
        Some(&b"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"[..])
    );
    let bare = address("sip:a@b;tag=9");
    assert_eq!(
        (bare.tag(), bare.uri_text()),
        (Some(&b"9"[..]), &b"sip:a@b"[..])
    );
    assert_eq!(address("<sip:+1234@b>").uri_text(), b"sip:+1234@b");
    assert_eq!(
        Via::parse(b"SIP/2.0/UDP a ; branch = z ; rport = 5")
            .unwrap()
            .branch(),
        Some(&b"z"[..])
    );
}
