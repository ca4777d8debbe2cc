//! Strict reading is RFC 3261 section 25 to the letter: each rule with what it allows and what it refuses.

use sip_parse::{Bytes, ErrorKind, HeaderName, Limits, Message, Method};

use super::{parse, refused_strictly, response, text, with};

/// RFC 3261 25.1: the parameters that the grammar defines have the form that it gives them.
#[test]
fn fault_d5_parameters_have_their_forms() {
    refused_strictly(
        "INVITE",
        &[
            "From: <sip:a@h>;tag=a.b*c;x;y=[::1];z=\"q\"",
            "Via: SIP/2.0/UDP h:5060;ttl=16;maddr=239.0.0.1;received=192.0.2.1;branch=z9hG4bK1;rport",
            "Via: SIP/2.0/UDP h;received=2001:db8::1;rport=5060;branch=a;maddr=[::1]",
            "Via: SIP/2.0/UDP h;received=[2001:db8::1]",
            "Contact: <sip:a@h>;q=0.123;expires=4294967295, <sip:b@h>;q=1.000",
            "Retry-After: 18000;duration=3600",
            "Content-Disposition: session;handling=optional",
            "Content-Type: text/plain;charset=utf-8;x=\"y\"",
            "Accept: text/plain;q=0.5;level=1",
            "Subscription-State: active;expires=60;retry-after=1;reason=x",
            "Session-Expires: 90;refresher=uas",
            "Reason: Q.850;cause=16;text=\"Terminated\"",
            "Replaces: a@b;to-tag=1;from-tag=2;early-only",
        ],
        &[
            "From: <sip:a@h>;tag=[3",
            "From: <sip:a@h>;tag=a:b",
            "From: <sip:a@h>;tag=\"a\"",
            "From: <sip:a@h>;tag",
            "To: <sip:a@h>;tag=[::1]",
            "To: <sip:a@h>;x=[3",
            "To: <sip:a@h>;x=a:b",
            "To: <sip:a@h>;x=[]",
            "To: <sip:a@h>;received=1:2",
            "Via: SIP/2.0/UDP h;branch=z9hG4b::K1",
            "Via: SIP/2.0/UDP h;branch=\"z9hG4bK1\"",
            "Via: SIP/2.0/UDP h;branch",
            "Via: SIP/2.0/UDP h;received=D0:d:9",
            "Via: SIP/2.0/UDP h;received=example.com",
            "Via: SIP/2.0/UDP h;received=1.2.3",
            "Via: SIP/2.0/UDP h;received",
            "Via: SIP/2.0/UDP h;ttl=256",
            "Via: SIP/2.0/UDP h;ttl=x",
            "Via: SIP/2.0/UDP h;ttl",
            "Via: SIP/2.0/UDP h;maddr=a_b",
            "Via: SIP/2.0/UDP h;maddr=-a",
            "Via: SIP/2.0/UDP h;rport=65536",
            "Via: SIP/2.0/UDP h;rport=x",
            "Via: SIP/2.0/UDP a_b;branch=1",
            "Contact: <sip:a@h>;q=2",
            "Contact: <sip:a@h>;q",
            "Contact: <sip:a@h>;q=0.1234",
            "Contact: <sip:a@h>;expires=soon",
            "Contact: <sip:a@h>;expires=\"60\"",
            "Contact: <sip:a@h>;expires=4294967296",
            "Contact: <sip:a@h>;expires",
            "Retry-After: 1;duration=x",
            "Content-Disposition: session;handling=\"optional\"",
            "Content-Type: text/plain;charset",
            "Content-Type: text/plain;charset=[::1]",
            "Accept: text/plain;q=1.1",
            "Accept-Encoding: gzip;q=x",
            "Accept-Language: en;q=1.5",
            "Subscription-State: active;reason=\"x\"",
            "Session-Expires: 90;refresher=me",
            "Min-SE: 90;refresher=me",
            "Reason: SIP;cause=\"200\"",
            "Reason: SIP;cause=200;text=ok",
            "Event: presence;id=\"1\"",
            "Call-Info: <http://h>;purpose=\"icon\"",
            "Replaces: a@b;to-tag=1;from-tag=2;early-only=x",
            "Replaces: a@b;to-tag=\"1\";from-tag=2",
            "Target-Dialog: a@b;local-tag=[::1];remote-tag=2",
        ],
    );
}

/// RFC 3261 25.1 and 22.4, RFC 7616 3.3 to 3.5: what is quoted and what is not.
#[test]
fn fault_d5_credentials_have_their_forms() {
    refused_strictly(
        "REGISTER",
        &[
            "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"00\", algorithm=MD5, \
             cnonce=\"c\", opaque=\"o\", qop=auth, nc=0000000f",
            "Authorization: Bearer a.b_c=",
            "WWW-Authenticate: Digest realm=\"r\", domain=\"sip:h\", nonce=\"n\", opaque=\"o\", stale=FALSE, algorithm=SHA-256, \
             qop=\"auth,auth-int\", x=y, z=\"q\"",
            "Authentication-Info: nextnonce=\"n\", qop=auth, rspauth=\"0\", cnonce=\"c\", nc=00000001",
        ],
        &[
            "Authorization: Digest realm=r",
            "Authorization: Digest username=\"a\", algorithm=\"MD5\"",
            "Authorization: Digest username=\"a\", qop=\"auth\"",
            "Authorization: Digest username=\"a\", nc=1",
            "Authorization: Digest username=\"a\", nc=0000000F",
            "Authorization: Digest username=\"a\",",
            "Authorization: Digest",
            "Proxy-Authorization: Digest response=0",
            "WWW-Authenticate: Digest realm=r",
            "WWW-Authenticate: Digest realm=\"r\", stale=\"true\"",
            "WWW-Authenticate: Digest realm=\"r\", stale=maybe",
            "WWW-Authenticate: Digest realm=\"r\", qop=auth",
            "Proxy-Authenticate: Digest realm=\"r\", nonce=n",
            "Authentication-Info: nextnonce=n",
            "Authentication-Info: nc=\"00000001\"",
        ],
    );
}

/// RFC 3261 25.1: lists that must have an element, and none that is empty.
#[test]
fn fault_d5_lists_are_not_empty() {
    refused_strictly(
        "OPTIONS",
        &[
            "Supported:",
            "Allow:",
            "Accept:",
            "Accept-Encoding:",
            "Accept-Language:",
            "Subject:",
            "Organization:",
            "Recv-Info:",
            "X-Y:",
        ],
        &[
            "Require:",
            "Proxy-Require:",
            "Unsupported:",
            "Via:",
            "Contact:",
            "Route:",
            "Record-Route:",
            "Allow-Events:",
            "Content-Encoding:",
            "Content-Language:",
            "In-Reply-To:",
            "Alert-Info:",
            "Call-Info:",
            "Error-Info:",
            "Warning:",
            "Reason:",
            "Path:",
            "Service-Route:",
            "Server:",
            "User-Agent:",
            "Date:",
            "Priority:",
            "Resource-Priority:",
            "Require: a,",
            "Require: ,a",
            "Require: a,,b",
            "Supported: a,",
            "Allow: INVITE, ACK,",
            "Via: SIP/2.0/UDP h,",
            "Contact: <sip:a@h>,",
            "Route: <sip:a@h>,,<sip:b@h>",
            "In-Reply-To: a,",
            "Accept: text/plain,",
            "Warning: ,",
        ],
    );
    let message = with("OPTIONS", "Supported: ,replaces, ,timer,");
    assert_eq!(
        message.supported().collect::<Vec<_>>(),
        [&b"replaces"[..], b"timer"]
    );
    let message = with("OPTIONS", "Allow: INVITE, ACK,");
    assert_eq!(
        message.allow().collect::<Vec<_>>(),
        [Method::Invite, Method::Ack]
    );
    let message = with("OPTIONS", "Contact: , <sip:a@h>,, <sip:b@h> ,");
    assert_eq!(message.contacts().filter(Result::is_ok).count(), 2);
    assert_eq!(message.contacts().count(), 2);
}

/// RFC 3261 7.3, 20.10, 20.14: what occurs once, and where `*` may stand.
#[test]
fn fault_d5_fields_that_occur_once() {
    refused_strictly(
        "INVITE",
        &["Contact: <sip:a@h>"],
        &[
            "Content-Length: 0\r\nContent-Length: 0",
            "Content-Length: 0\r\nl: 0",
            "Contact: *",
            "Contact: *, <sip:a@h>",
            "Contact: <sip:a@h>, *",
            "Contact: <sip:a@h>\r\nContact: *",
            "Date: Thu, 21 Feb 2002 13:02:03 GMT\r\nDate: Thu, 21 Feb 2002 13:02:03 GMT",
        ],
    );
    refused_strictly(
        "REGISTER",
        &["Contact: *"],
        &[
            "Contact: *\r\nContact: *",
            "Contact: *, *",
            "Contact: *;expires=0",
        ],
    );
    assert!(
        response("REGISTER", "Contact: *")
            .validate_strict()
            .is_err()
    );
    assert!(
        with("INVITE", "Contact: *").validate().is_err(),
        "an INVITE needs a target"
    );
}

/// RFC 3261 8.1.1 and 20.15.
#[test]
fn fault_d5_mandatory_fields_are_needed_strictly() {
    let none = text("OPTIONS", "X-Y: z").replace("Max-Forwards: 70\r\n", "");
    let body = text("OPTIONS", "Content-Length: 1") + "b";
    for (text, name) in [
        (none, HeaderName::MaxForwards),
        (body, HeaderName::ContentType),
    ] {
        let message = parse(&text);
        message.validate().unwrap();
        let error = message.validate_strict().unwrap_err();
        assert_eq!(
            (error.kind, error.header),
            (ErrorKind::Missing, Some(name.id()))
        );
    }
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let text = text("OPTIONS", &format!("{name}: \u{2}"));
        let text = text.replace(&format!("{name}: \u{2}\r\n"), "");
        assert!(parse(&text).validate().is_err(), "{name}");
        assert!(parse(&text).validate_strict().is_err(), "{name}");
    }
}

/// RFC 3261 25.1, `Request-Line` and `Status-Line`.
#[test]
fn fault_d5_start_lines_are_exact() {
    let start = |line: &str| {
        let text = text("OPTIONS", "X-Y: z");
        let (_, rest) = text.split_once("\r\n").unwrap();
        parse(&format!("{line}\r\n{rest}"))
    };
    for good in [
        "SIP/2.0 180 ",
        "SIP/2.0 200 OK",
        "SIP/2.0 200 = 2**3 * 5**2 \u{43d}\u{43e} %41",
        "OPTIONS tel:+1-2 SIP/2.0",
        "OPTIONS http://[::1]/ SIP/2.0",
    ] {
        start(good)
            .validate_strict()
            .unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for bad in [
        "SIP/2.0 180",
        "SIP/2.0 200 \"OK\"",
        "SIP/2.0 200 a<b>",
        "SIP/2.0 200 100%",
        "SIP/2.0 200 [x]",
        "SIP/2.0 200 a\u{1}",
        "OPTIONS sip:bob@example.com?a=b SIP/2.0",
        "OPTIONS sip:bob@example.com;x; SIP/2.0",
        "OPTIONS sip:b#@example.com SIP/2.0",
        "OPTIONS http://h/#x SIP/2.0",
        "OPTIONS sip:bob@exa_mple.com SIP/2.0",
    ] {
        let message = start(bad);
        if !bad.contains('\u{1}') {
            message
                .validate()
                .unwrap_or_else(|error| panic!("{bad}: {error}"));
        }
        let error = message.validate_strict().expect_err(bad);
        assert_eq!(error.header, None, "{bad}");
    }
}

/// RFC 3261 19.1.1, 20 and 25.1.
#[test]
fn fault_d5_uris_are_exact() {
    refused_strictly(
        "INVITE",
        &[
            "To: <sip:a?b;c,d@h.example.com:5060;transport=tcp;ttl=1;maddr=h;user=phone;method=INVITE;lr;x=[]:/&+$>",
            "To: <http://[2001:db8::1]:80/a;b?c=d>",
            "To: isbn:2983792873",
            "Route: <sip:h;lr>;x=y",
            "Call-Info: <http://h/a>;purpose=icon, <cid:1@h>",
            "Reply-To: sip:a@h;x=y",
            "P-Asserted-Identity: \"A\" <sip:a@h>, tel:+1",
        ],
        &[
            "To: <sip:a@h;transport=a/b>",
            "To: <sip:a@h;transport>",
            "To: <sip:a@h;ttl=256>",
            "To: <sip:a@h;ttl=x>",
            "To: <sip:a@h;maddr=-a>",
            "To: <sip:a@h;method=a:b>",
            "To: <sip:a@h;user=[]>",
            "To: <sip:a@h;x=y;>",
            "To: <sip:a#b@h>",
            "To: <sip:a@h..i>",
            "To: <sip:a@1.2.3>",
            "To: <sip:a@h->",
            "To: <http://h/#a>",
            "To: <http://h/[a]>",
            "To: <http://h/a[::1]>",
            "Route: sip:h;lr",
            "Record-Route: sip:h",
            "Path: sip:h;lr",
            "Service-Route: sip:h;lr",
            "Call-Info: http://h/a",
            "Alert-Info: \"x\" <http://h/a>",
            "Error-Info: sip:h",
            "Geolocation: http://h",
            "History-Info: sip:h",
            "Diversion: sip:h",
            "P-Called-Party-ID: sip:h",
        ],
    );
}

/// RFC 3261 25.1 (`warning-value`, `delta-seconds`), RFC 3325 9 with 8217, 3486 5, 3892 2.1, 4028 4, 4412 3.1, 4488 4, 5049 9.1, 5626 10,
/// 5627 8.1, 7044 5.
#[test]
fn fault_d5_extensions_have_their_forms() {
    refused_strictly(
        "INVITE",
        &[
            "Via: SIP/2.0/UDP h;branch=1;comp=sigcomp;sigcomp-id=\"<urn:uuid:x>\"",
            "Contact: <sip:a@h>;reg-id=1;+sip.instance=\"<urn:uuid:x>\";pub-gruu=\"sip:a@h;gr=x\"",
            "Warning: 399 - \"\", 307 [::1]:5060 \"x\"",
            "Referred-By: <sip:a@h>;cid=\"1@h\"",
            "Session-Expires: 4294967295",
            "Resource-Priority: dsn.flash, q735.3",
            "History-Info: <sip:a@h>;index=1, <sip:b@h>;index=1.10.2;rc=1",
            "P-Asserted-Identity: \"A\" <sip:a@h;user=phone>",
            "Refer-Sub: FALSE;x=y",
        ],
        &[
            "Via: SIP/2.0/UDP h;branch=1;comp",
            "Via: SIP/2.0/UDP h;branch=1;sigcomp-id=x",
            "Contact: <sip:a@h>;reg-id=x",
            "Contact: <sip:a@h>;reg-id=\"1\"",
            "Contact: <sip:a@h>;+sip.instance=abc",
            "Contact: <sip:a@h>;pub-gruu=abc",
            "Contact: <sip:a@h>;temp-gruu=abc",
            "Warning: 399  h \"x\"",
            "Warning: 399 h\t\"x\"",
            "Referred-By: <sip:a@h>;cid=x",
            "Session-Expires: 4294967296",
            "Min-SE: 4294967296",
            "Resource-Priority: dsn",
            "Resource-Priority: a.b.c",
            "Accept-Resource-Priority: .a",
            "Accept-Resource-Priority: a.",
            "History-Info: <sip:a@h>;index=a",
            "History-Info: <sip:a@h>;index=1..1",
            "History-Info: <sip:a@h>;index=1.",
            "History-Info: <sip:a@h>;index",
            "P-Asserted-Identity: <sip:a@h>;x=y",
            "P-Preferred-Identity: sip:a@h;user=phone",
            "Refer-Sub: maybe",
        ],
    );
}

/// RFC 3261 25.1: language tags, event types, products, values without parameters.
#[test]
fn fault_d5_tokens_have_their_forms() {
    refused_strictly(
        "SUBSCRIBE",
        &[
            "Content-Language: en-US, sl-IT-nedis, de-1996",
            "Accept-Language: da, en-gb;q=0.8, *",
            "Event: presence.winfo;id=1",
            "Allow-Events: a.b, c",
            "Server: HomeServer v2",
            "User-Agent: A/1.0 (a (b) c) B / 2",
            "Priority: urgent",
            "Privacy: id;user;critical",
            "Warning: 399 h.example.com:5060 \"x\", 370 pseudo \"y\"",
            "SIP-ETag: a",
            "Supported: a.b-c",
            "MIME-Version: 1.0",
        ],
        &[
            "Content-Language: en_US",
            "Content-Language: 1en",
            "Content-Language: englishlanguage",
            "Content-Language: en-",
            "Accept-Language: en_US",
            "Event: presence..winfo",
            "Event: .presence",
            "Event: presence.",
            "Allow-Events: a..b",
            "Server: a/",
            "Server: [x]",
            "User-Agent: A/1.0(x",
            "User-Agent: A/1.0 <b>",
            "Priority: urgent;x",
            "Privacy: id;x=y",
            "Warning: 399 [x \"y\"",
            "Warning: 399 a:b \"y\"",
            "Warning: 39 a \"y\"",
            "SIP-ETag: a;b",
            "SIP-If-Match: a;b=c",
            "Supported: a b",
            "Supported: a;b",
            "MIME-Version: 1",
            "Max-Forwards: 256",
            "Expires: 4294967296",
            "Timestamp: x",
            "Retry-After: soon",
            "CSeq: 2147483648 SUBSCRIBE",
            "Call-ID: a@",
            "Call-ID: a@b@c",
            "In-Reply-To: a b",
        ],
    );
}

/// RFC 3261 25.1, `TEXT-UTF8-TRIM` and `quoted-pair`.
#[test]
fn fault_d5_text_is_exact() {
    refused_strictly(
        "OPTIONS",
        &[
            "To: \"\u{e9} \\\" \\\\ \" <sip:a@h>",
            "Subject: \u{e9}\\\u{e9}",
            "To: \"a\\\u{7}\" <sip:a@h>",
        ],
        &[
            "To: \"\\\u{e9}\" <sip:a@h>",
            "To: \u{e9} <sip:a@h>",
            "Subject: a\u{1}",
            "X-Y: a\u{7f}",
        ],
    );
    let latin = [
        text("OPTIONS", "X-Y: z").trim_end().as_bytes(),
        b"\r\nSubject: \xff\r\n\r\n",
    ]
    .concat();
    let message = Message::parse(Bytes::from(latin), &Limits::default()).unwrap();
    message.validate().unwrap();
    assert!(message.validate_strict().is_err());
}
