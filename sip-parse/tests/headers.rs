//! Every known header field: parsed, written from the typed value, and parsed back equal, in long and compact form.

use sip_parse::{
    AuthenticationInfo, Builder, Bytes, CSeq, Challenge, Contact, ContentDisposition, Credentials,
    Date, DialogReference, Event, HeaderName, HeaderValue, Identity, Limits, MediaType, Message,
    MimeVersion, NameAddr, ParamList, Params, RAck, Reason, Refresher, Replaces, RetryAfter,
    SessionExpires, SessionIdentifier, SubscriptionState, TargetDialog, TextParams, Timestamp,
    TokenParams, Value, Via, Warning,
};

fn message(line: &str) -> Message {
    // Only a REGISTER may have `*` as its Contact.
    let method = if line.ends_with(": *") && !line.contains(';') {
        "REGISTER"
    } else {
        "OPTIONS"
    };
    let text = format!(
        "{method} sip:b@example.com SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: <sip:a@example.com>;tag=1\nTo: <sip:b@example.com>\nCall-ID: 1@a\nCSeq: 1 {method}\n{line}\n\n"
    );
    let message =
        Message::parse(Bytes::from(text.replace('\n', "\r\n")), &Limits::default()).unwrap();
    message
        .validate_strict()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    message
}

/// One field: a header line, and the text that each of its typed values writes.
struct Field {
    line: &'static str,
    written: Vec<String>,
}

fn written(value: &dyn HeaderValue) -> String {
    String::from_utf8(value.to_bytes()).unwrap()
}

macro_rules! fields {
    ($($line:literal $kind:tt $method:ident;)*) => {
        fn fields() -> Vec<Field> {
            vec![$(Field { line: $line, written: fields!(@$kind $method $line) },)*]
        }
    };
    (@list $method:ident $line:literal) => {
        message($line).$method().map(|value| written(&value.unwrap())).collect()
    };
    (@one $method:ident $line:literal) => {
        vec![written(&message($line).$method().unwrap().unwrap())]
    };
    (@tokens $method:ident $line:literal) => {
        message($line).$method().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    };
    (@number $method:ident $line:literal) => {
        vec![message($line).$method().unwrap().unwrap().to_string()]
    };
    (@text $method:ident $line:literal) => {
        vec![String::from_utf8(message($line).$method().unwrap().to_vec()).unwrap()]
    };
    (@methods $method:ident $line:literal) => {
        message($line).$method().map(|value| value.to_string()).collect()
    };
}

// RFC 3261, 3262, 6665, 3323, 3325, 3326, 3327, 3515, 3608, 3841, 3891, 3892, 3903, 3911, 4028, 4412, 4488, 4538, 5626, 6086,
// 6809, 7044, 7315, 7616, 7989, 8224, 8898 and their companions, compact forms included.
fields! {
    "m: \"Mr. Watson\" <sip:watson@worcester.bell-telephone.com>;q=0.7;expires=3600, <mailto:watson@bell-telephone.com>;q=0.1" list contacts;
    "Contact: *" list contacts;
    "Contact: <sip:user@192.0.2.1;transport=ws>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1;audio;methods=\"INVITE,ACK\"" list contacts;
    "Contact: <sip:u@h;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>;pub-gruu=\"sip:u@h;gr=x\";temp-gruu=\"sip:t@h;gr\"" list contacts;
    "Route: <sip:a.example.com;lr>, <sip:b.example.com;lr>" list routes;
    "Record-Route: <sip:a.example.com;lr>" list record_routes;
    "Path: <sip:p1.example.com;lr>,<sip:p2.example.com;lr>" list paths;
    "Service-Route: <sip:hsp.example.com;lr>" list service_routes;
    "Accept: application/sdp;level=1, application/x-private, text/*, */*" list accept;
    "Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0" list accept_encoding;
    "Accept-Language: da, en-gb;q=0.8, en;q=0.7" list accept_language;
    "Alert-Info: <http://www.example.com/sounds/moo.wav>;x=1" list alert_info;
    "Call-Info: <http://www.example.com/alice/photo.jpg> ;purpose=icon, <http://www.example.com/alice/>;purpose=info" list call_info;
    "Error-Info: <sip:not-in-service-recording@atlanta.com>" list error_info;
    "Allow: INVITE, ACK, OPTIONS, CANCEL, BYE, NEWMETHOD" methods allow;
    "Authentication-Info: nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, nc=00000001" one authentication_info;
    "Authorization: Digest username=\"Alice\", realm=\"atlanta.com\", nonce=\"84a4cc6f3082121f32b42a2187831a9e\", response=\"7587245234b3434cc3412213e5f113a5432\", algorithm=SHA-256" list credentials;
    "Authorization: Bearer mF_9.B5f-4.1JqM==" list credentials;
    "Proxy-Authorization: Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm=\"a\", nonce=\"n\", response=\"r\", userhash=false, nc=0000000f" list credentials;
    "WWW-Authenticate: Digest realm=\"atlanta.com\", domain=\"sip:boxesbybob.com\", qop=\"auth,auth-int\", nonce=\"f8\", opaque=\"\", stale=FALSE, algorithm=MD5" list challenges;
    "Proxy-Authenticate: Bearer authz_server=\"https://as.example.com\", scope=\"sip\"" list challenges;
    "c: text/html; charset=ISO-8859-4" one content_type;
    "Content-Disposition: session;handling=optional" one content_disposition;
    "e: gzip, deflate" tokens content_encoding;
    "Content-Language: fr, en-gb" tokens content_language;
    "l: 0" number content_length;
    "Date: Sat, 13 Nov 2010 23:29:00 GMT" one date;
    "Expires: 5" number expires;
    "Min-Expires: 60" number min_expires;
    "Flow-Timer: 120" number flow_timer;
    "Max-Breadth: 60" number max_breadth;
    "In-Reply-To: 70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com" tokens in_reply_to;
    "MIME-Version: 1.0" one mime_version;
    "Organization: Boxes by Bob" text organization;
    "Priority: emergency" text priority;
    "Proxy-Require: foo, bar" tokens proxy_require;
    "Require: 100rel" tokens require;
    "k: 100rel, timer" tokens supported;
    "Unsupported: foo" tokens unsupported;
    "Reply-To: Bob <sip:bob@biloxi.com>" one reply_to;
    "Retry-After: 18000;duration=3600" one retry_after;
    "Retry-After: 120 (I'm in a (short) meeting)" one retry_after;
    "Server: HomeServer v2" text server;
    "User-Agent: Softphone Beta1.5 (x)" text user_agent;
    "s: Need more boxes" text subject;
    "Timestamp: 54.25 0.5" one timestamp;
    "Timestamp: 54" one timestamp;
    "Warning: 307 isi.edu \"Session parameter 'foo' not understood\", 301 [::1]:5060 \"x \\\" y\"" list warnings;
    "RAck: 776656 1 INVITE" one rack;
    "RSeq: 988789" number rseq;
    "o: refer;id=93809824" one event;
    "u: presence, message-summary, presence.winfo" tokens allow_events;
    "Subscription-State: terminated;reason=timeout;retry-after=10;expires=0;x=y" one subscription_state;
    "Privacy: id;header ; critical" tokens privacy;
    "P-Asserted-Identity: \"Cullen Jennings\" <sip:fluffy@cisco.com>, <tel:+14085264000>" list asserted_identities;
    "P-Preferred-Identity: \"Cullen Jennings\" <sip:fluffy@cisco.com>" list preferred_identities;
    "Reason: Q.850 ;cause=16 ;text=\"Terminated\", SIP;cause=200" list reason_headers;
    "Security-Client: ipsec-3gpp;alg=hmac-md5-96;spi-c=1111" list security_client;
    "Security-Server: tls;q=0.2" list security_server;
    "Security-Verify: tls;q=0.2" list security_verify;
    "r: <sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>" one refer_to;
    "b: <sip:referror@referror.example>;cid=\"20398823.2UWQFN309shb3@referror.example\"" one referred_by;
    "Refer-Sub: false" number refer_sub;
    "Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only" one replaces;
    "Join: 12adf2f34456gs5;to-tag=12345;from-tag=54321" one join;
    "Target-Dialog: fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544" one target_dialog;
    "a: *;audio;video;require;explicit, *;methods=\"INVITE\"" list accept_contact;
    "j: *;actor=\"msg-taker\";video" list reject_contact;
    "d: proxy, recurse, parallel, queue" tokens request_disposition;
    "SIP-ETag: dx200xyz" text sip_etag;
    "SIP-If-Match: dx200xyz" text sip_if_match;
    "x: 4000;refresher=uac" one session_expires;
    "Session-Expires: 1800;x;refresher=uas" one session_expires;
    "Min-SE: 60" number min_se;
    "Resource-Priority: dsn.flash, wps.3" tokens resource_priority;
    "Accept-Resource-Priority: dsn.flash-override, dsn.flash" tokens accept_resource_priority;
    "Info-Package: foo;bar=1" one info_package;
    "Recv-Info: P, R;x" list recv_info;
    "Recv-Info:" list recv_info;
    "Feature-Caps: *;+g.3gpp.feature=\"x\";+sip.607" list feature_caps;
    "History-Info: <sip:bob@biloxi.example.com?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, <sip:c@d>;index=1.2;rc=1.1" list history_info;
    "Diversion: <sip:a@b>;reason=user-busy;counter=1" list diversion;
    "P-Access-Network-Info: 3GPP-UTRAN-TDD;utran-cell-id-3gpp=234151D0FCE11" list access_network_info;
    "P-Associated-URI: <sip:u@example.com>, <tel:+1>" list associated_uris;
    "P-Called-Party-ID: <sip:user1-business@example.com>" one called_party_id;
    "P-Charging-Function-Addresses: ccf=192.1.1.1; ecf=192.1.1.3;x=\"y\"" list charging_addresses;
    "P-Charging-Vector: icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net" one charging_vector;
    "P-Visited-Network-ID: other.net, \"Visited network number 1\";x" list visited_networks;
    "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2" one session_id;
    "Session-ID: ab30317f1a784dc48ff824d0d3715d86" one session_id;
    "y: eyJhbGciOi.eyJvcmlnIj.rq3pjT;info=<https://biloxi.example.org/b.cer>;alg=ES256;ppt=shaken" list identities;
    "Identity: \"r5mwre/+Lu=\"" list identities;
    "Answer-Mode: Manual;require" one answer_mode;
    "User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=foo" list user_to_user;
    "Geolocation: <cid:target123@atlanta.example.com>, <http://l.example.com/x>" list geolocation;
}

/// Removes blanks around separators, because typed values drop them.
fn without_blanks(text: &str) -> String {
    let mut quoted = false;
    let keep = |character: &char| {
        quoted ^= *character == '"';
        quoted || *character != ' '
    };
    text.chars().filter(keep).collect()
}

#[test]
fn every_field_reads_and_is_written_whole() {
    let fields = fields();
    for field in &fields {
        let (_, value) = field.line.split_once(':').unwrap();
        let separator = if field.line.starts_with("Privacy") {
            ";"
        } else {
            ","
        };
        assert_eq!(
            without_blanks(&field.written.join(separator)),
            without_blanks(value.trim()),
            "{}",
            field.line
        );
    }
    assert!(fields.len() > 85);
}

/// The builder accepts the text of typed values, and a strict reader accepts the message.
#[test]
fn every_field_is_built_from_its_values() {
    for field in fields() {
        let (name, _) = field.line.split_once(':').unwrap();
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        assert!(!matches!(name, HeaderName::Other(_)), "{}", field.line);
        if name == HeaderName::ContentLength {
            continue;
        }
        let separator = if name == HeaderName::Privacy {
            ";"
        } else {
            ", "
        };
        let value = field.written.join(separator);
        let base = message(if value == "*" { "X-Y: *" } else { "X-Y: z" });
        let built = Builder::from_message(&base)
            .append(name, value.as_str())
            .build_strict();
        let built = built.unwrap_or_else(|error| panic!("{}: {error}", field.line));
        assert_eq!(
            built.header(name).unwrap().value,
            value.as_bytes(),
            "{}",
            field.line
        );
    }
}

/// The builder rejects a malformed value of a known field.
#[test]
fn malformed_values_cannot_be_built() {
    let base = message("X-Y: z");
    for (name, value) in [
        ("Via", "SIP/2.0/UDP"),
        ("Contact", "<sip:a@b"),
        ("Contact", "sip:a@b;;"),
        ("Contact", "*, <sip:a>"),
        ("Route", "<sip:a;lr>,"),
        ("Expires", "soon"),
        ("Content-Type", "text"),
        ("Event", "a b"),
        ("RAck", "1 INVITE"),
        ("Replaces", "1;to-tag=2"),
        ("Target-Dialog", "1;to-tag=2;from-tag=3"),
        ("Session-Expires", ";refresher=uac"),
        ("Date", "Sun, 13 Nov 2010 23:29:00 GMT"),
        ("Date", "Sat, 13 Nov 2010 24:29:00 GMT"),
        ("Date", "Wed, 30 Feb 2011 00:00:00 GMT"),
        ("Warning", "30 a \"x\""),
        ("Session-ID", "AB30317f1a784dc48ff824d0d3715d86"),
        ("Identity", ";info=<x>"),
        ("Allow", "INVITE ACK"),
        ("Supported", "a,,b"),
        ("WWW-Authenticate", "Digest realm=\"x"),
        ("Authorization", "Digest realm"),
        ("Retry-After", "5 (open"),
        ("MIME-Version", "1"),
        ("Timestamp", "x"),
        ("P-Charging-Vector", ";x"),
    ] {
        let name = HeaderName::parse(name.as_bytes()).unwrap();
        let error = Builder::from_message(&base)
            .append(name, value)
            .build()
            .unwrap_err();
        assert_eq!(error.header, Some(name.id()), "{value}");
    }
}

fn same<T: HeaderValue>(value: &T, text: &str, read: Result<T, sip_parse::ParseError>) {
    assert_eq!(written(value), text);
    assert_eq!(written(&read.unwrap()), text);
}

/// Typed values from scratch write all their fields, and the reader returns the same fields.
#[test]
fn values_from_scratch_are_written() {
    let none = Params::NONE;
    let more = Params::parse(b";a=\"x;y\";b").unwrap();
    let cseq = CSeq {
        number: 7,
        method: sip_parse::Method::Invite,
    };
    same(&cseq, "7 INVITE", CSeq::parse(b"7 INVITE"));
    let rack = RAck {
        rseq: 1,
        cseq: 2,
        method: sip_parse::Method::Other(b"X"),
    };
    same(&rack, "1 2 X", RAck::parse(b"1 2 X"));
    let event = Event {
        package: b"dialog",
        id: Some(b"4"),
        params: more,
    };
    same(
        &event,
        "dialog;a=\"x;y\";b;id=4",
        Event::parse(&event.to_bytes()),
    );
    assert_eq!(Event::parse(&event.to_bytes()).unwrap().id, Some(&b"4"[..]));
    let state = SubscriptionState {
        state: b"active",
        expires: Some(60),
        reason: None,
        retry_after: None,
        params: none,
    };
    same(
        &state,
        "active;expires=60",
        SubscriptionState::parse(b"active;expires=60"),
    );
    let disposition = ContentDisposition {
        disposition: b"icon",
        optional: true,
        params: none,
    };
    same(
        &disposition,
        "icon;handling=optional",
        ContentDisposition::parse(&disposition.to_bytes()),
    );
    let media = MediaType {
        type_: b"a",
        subtype: b"b",
        params: more,
    };
    same(
        &media,
        "a/b;a=\"x;y\";b",
        MediaType::parse(&media.to_bytes()),
    );
    let token = TokenParams {
        token: b"t",
        params: none,
    };
    same(&token, "t", TokenParams::parse(b"t"));
    let text = TextParams {
        text: b"\"a b\"",
        params: more,
    };
    same(
        &text,
        "\"a b\";a=\"x;y\";b",
        TextParams::parse(&text.to_bytes()),
    );
    let expires = SessionExpires {
        seconds: 90,
        refresher: Some(Refresher::Uas),
        params: none,
    };
    same(
        &expires,
        "90;refresher=uas",
        SessionExpires::parse(&expires.to_bytes()),
    );
    let reason = Reason {
        protocol: b"SIP",
        cause: Some(200),
        params: Params::parse(b";text=\"Call \\\" x\"").unwrap(),
    };
    same(
        &reason,
        "SIP;text=\"Call \\\" x\";cause=200",
        Reason::parse(&reason.to_bytes()),
    );
    assert_eq!(
        Reason::parse(&reason.to_bytes())
            .unwrap()
            .text()
            .unwrap()
            .as_ref(),
        b"Call \" x"
    );
    let after = RetryAfter {
        seconds: 5,
        comment: Some(b"(x)"),
        params: none,
    };
    same(&after, "5 (x)", RetryAfter::parse(b"5 (x)"));
    let replaces = Replaces {
        call_id: b"1@a",
        to_tag: b"t",
        from_tag: b"f",
        early_only: true,
        params: none,
    };
    same(
        &replaces,
        "1@a;to-tag=t;from-tag=f;early-only",
        DialogReference::parse(&replaces.to_bytes()),
    );
    let target = TargetDialog {
        call_id: b"1@a",
        local_tag: b"l",
        remote_tag: b"r",
        params: none,
    };
    same(
        &target,
        "1@a;local-tag=l;remote-tag=r",
        TargetDialog::parse(&target.to_bytes()),
    );
    let warning = Warning {
        code: 399,
        agent: b"a.example",
        quoted_text: b"\"x\"",
    };
    same(
        &warning,
        "399 a.example \"x\"",
        Warning::parse(&warning.to_bytes()),
    );
    let identity = Identity {
        digest: b"a.b.c",
        info: Some(b"https://x/y"),
        alg: Some(b"ES256"),
        ppt: None,
    };
    same(
        &identity,
        "a.b.c;info=<https://x/y>;alg=ES256",
        Identity::parse(&identity.to_bytes()),
    );
    let session = SessionIdentifier {
        local: b"ab30317f1a784dc48ff824d0d3715d86",
        remote: None,
    };
    same(
        &session,
        "ab30317f1a784dc48ff824d0d3715d86",
        SessionIdentifier::parse(&session.to_bytes()),
    );
    let version = MimeVersion { major: 1, minor: 0 };
    same(&version, "1.0", MimeVersion::parse(b"1.0"));
    let stamp = Timestamp {
        sent: b"5.1",
        delay: Some(b"2"),
    };
    same(&stamp, "5.1 2", Timestamp::parse(b"5.1 2"));
    let list = ParamList {
        params: Params::parse(b";a=1;b").unwrap(),
    };
    assert_eq!(written(&list), "a=1;b");
    let date = Date {
        unix_seconds: 1_289_690_940,
    };
    same(
        &date,
        "Sat, 13 Nov 2010 23:29:00 GMT",
        Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT"),
    );
    let challenge = Challenge {
        proxy: false,
        scheme: b"Digest",
        params: sip_parse::AuthParams::parse(b"realm=\"a\",nonce = \"b\"").unwrap(),
        token68: b"",
    };
    same(
        &challenge,
        "Digest realm=\"a\", nonce=\"b\"",
        Challenge::parse(&challenge.to_bytes(), false),
    );
    let credentials = Credentials {
        proxy: true,
        scheme: b"Bearer",
        params: sip_parse::AuthParams::NONE,
        token68: b"x=",
    };
    same(
        &credentials,
        "Bearer x=",
        Credentials::parse(b"Bearer x=", true),
    );
    let info = AuthenticationInfo {
        params: sip_parse::AuthParams::parse(b"nextnonce=\"n\"").unwrap(),
    };
    same(
        &info,
        "nextnonce=\"n\"",
        AuthenticationInfo::parse(b"nextnonce=\"n\""),
    );
}

/// The builder takes a typed value directly, and rejects a line end in it.
#[test]
fn typed_values_are_built_and_checked() {
    let base = message("X-Y: z");
    let event = Event {
        package: b"dialog",
        id: None,
        params: Params::NONE,
    };
    let built = Builder::from_message(&base)
        .append(HeaderName::Event, &event)
        .build()
        .unwrap();
    assert_eq!(built.event().unwrap().unwrap().package, b"dialog");
    for package in [&b"a\r\nX: y"[..], b"a\0", b"a b", b""] {
        let evil = Event { package, ..event };
        assert!(
            Builder::from_message(&base)
                .append(HeaderName::Event, Value::Typed(&evil))
                .build()
                .is_err()
        );
    }
    let folded = NameAddr::parse(b"\"a\r\n b\" <sip:a@b>\r\n ;x\r\n =\r\n y").unwrap();
    let built = Builder::from_message(&base)
        .append(HeaderName::ReplyTo, &folded)
        .build()
        .unwrap();
    assert_eq!(
        built.header(HeaderName::ReplyTo).unwrap().value,
        b"\"a b\" <sip:a@b>;x=y"
    );
    let via = Via::parse(b"SIP / 2.0 / UDP  h : 5 ; branch = b").unwrap();
    assert_eq!(written(&via), "SIP/2.0/UDP h:5;branch=b");
    let star = Contact::parse(b"*").unwrap();
    assert_eq!(written(&star), "*");
}

/// RFC 7616 3.3, 3.4: the parameters of digest, quoted or not.
#[test]
fn digest_parameters_are_read() {
    let value = b"Digest realm=\"a \\\"b\\\"\", nonce=n/1==, qop=\"auth , auth-int\", stale=TRUE, algorithm=SHA-512-256,nc=000000Ff";
    let challenge = Challenge::parse(value, false).unwrap();
    assert!(challenge.is_digest() && challenge.stale());
    assert_eq!(challenge.realm().unwrap().as_ref(), b"a \"b\"");
    assert_eq!(
        challenge.params.raw(b"REALM"),
        Some(&b"\"a \\\"b\\\"\""[..])
    );
    assert_eq!(challenge.nonce().unwrap().as_ref(), b"n/1==");
    assert_eq!(
        challenge.qop().collect::<Vec<_>>(),
        [&b"auth"[..], b"auth-int"]
    );
    assert_eq!(challenge.algorithm().unwrap().as_ref(), b"SHA-512-256");
    assert_eq!(challenge.nonce_count(), Some(255));
    assert_eq!(challenge.opaque(), None);
}

/// 8898-A: the parameters of a Bearer challenge have accessors; the scheme and their names ignore case.
#[test]
fn rfc8898_4_a_bearer_challenge_is_read() {
    let value = b"BEARER realm=\"example.com\", Scope=\"a b\", authz_server=\"https://as.example.com/?x=1,2\", error=\"invalid_token\"";
    let challenge = Challenge::parse(value, true).unwrap();
    assert!(challenge.is_bearer() && !challenge.is_digest());
    assert_eq!(challenge.realm().unwrap(), &b"example.com"[..]);
    assert_eq!(challenge.scope().unwrap(), &b"a b"[..]);
    assert_eq!(
        challenge.authz_server().unwrap(),
        &b"https://as.example.com/?x=1,2"[..]
    );
    assert_eq!(challenge.error().unwrap(), &b"invalid_token"[..]);
    let credentials = Credentials::parse(b"bearer mF_9.B5f-4.1JqM", false).unwrap();
    assert!(credentials.is_bearer());
    assert_eq!(credentials.scope(), None);
    assert!(
        !Challenge::parse(b"Digest realm=\"a\"", false)
            .unwrap()
            .is_bearer()
    );
}

/// 3261-10.2.4-A: a malformed Contact of another agent leaves a response to REGISTER valid, and the reader still
/// returns the others; it makes a request that depends on it invalid.
#[test]
fn rfc3261_10_3_a_broken_binding_is_no_fault() {
    let message = |start: &str, method: &str| {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=a\r\n\
             To: <sip:a@b>;tag=b\r\nCall-ID: a\r\nCSeq: 1 {method}\r\nContact: <sip:broken\r\n\
             Contact: <sip:a@b>\r\nContent-Length: 0\r\n\r\n"
        );
        sip_parse::Message::parse(text.into(), &sip_parse::Limits::default()).unwrap()
    };
    let response = message("SIP/2.0 200 OK", "REGISTER");
    assert!(response.validate().is_ok());
    assert!(response.validate_strict().is_err());
    let read: Vec<bool> = response.contacts().map(|contact| contact.is_ok()).collect();
    assert_eq!(read, [false, true]);
    for method in ["REGISTER", "INVITE"] {
        let request = message(&format!("{method} sip:b SIP/2.0"), method);
        assert!(request.validate().is_err(), "{method}");
    }
}

/// RFC 9110 5.6.1.2: lenient reading skips empty elements of a challenge; strict reading refuses them.
#[test]
fn fault_b6_empty_elements_of_a_challenge_are_skipped() {
    for value in [
        "Digest realm=\"x\", nonce=\"y\",",
        "Digest realm=\"x\", nonce=\"y\" ,\t, ",
        "Digest realm=\"x\",,nonce=\"y\"",
        "Digest , ,realm=\"x\", nonce=\"y\"",
    ] {
        let challenge = Challenge::parse(value.as_bytes(), false).expect(value);
        let pairs: Vec<_> = challenge.params.iter().collect();
        let expected = [
            (&b"realm"[..], Some(&b"\"x\""[..])),
            (b"nonce", Some(b"\"y\"")),
        ];
        assert_eq!(pairs, expected, "{value}");
        let text = format!(
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/WS a.example;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: {value}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let message = Message::parse(Bytes::from(text), &Limits::default()).expect(value);
        assert!(message.validate().is_ok(), "{value}");
        assert!(message.validate_strict().is_err(), "{value}");
    }
    for value in ["Digest ,", "Digest ,,,", "Digest realm=\"x\" nonce=\"y\""] {
        assert!(
            Challenge::parse(value.as_bytes(), false).is_err(),
            "{value}"
        );
    }
}
