//! Functions that several tests share.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use sip_parse::{Bytes, HeaderName, Kind, Limits, Message, ParseError, Role};

/// The everyday and the hard messages, in order.
pub(crate) fn message_files() -> Vec<PathBuf> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let mut files = Vec::new();
    for folder in [base.clone(), base.join("torture")] {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files.extend(
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "sip")),
        );
    }
    files.sort();
    assert_eq!(files.len(), 28);
    files
}

/// The bytes of [`message_files`].
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    message_files()
        .iter()
        .map(|path| fs::read(path).unwrap())
        .collect()
}

/// Fails unless an identified message is refused as any other is, and returns for each kept value what the header field
/// reads as. Returns whether a user agent takes the message.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn identify(plain: &Message) -> bool {
    for role in [Role::UserAgent, Role::Proxy] {
        let mut identified = plain.clone();
        assert_eq!(identified.identify(role), plain.validate_for(role));
        for message in [plain, &identified] {
            assert_eq!(message.branch(), plain.top_via().map(|via| via.branch()));
            assert_eq!(
                message.top_sent_by(),
                plain.top_via().map(|via| via.sent_by())
            );
            assert_eq!(message.from_tag(), plain.from().map(|from| from.tag()));
            assert_eq!(message.to_tag(), plain.to().map(|to| to.tag()));
            assert_eq!(message.sequence(), plain.cseq().map(|cseq| cseq.number));
        }
    }
    plain.validate().is_ok()
}

macro_rules! walk_values {
    ($message:ident, $values:ident: $($one:ident)*; $lists:ident: $($list:ident)*; $texts:ident: $($text:ident)*) => {
        $(if $message.$one().is_ok() { $values += 1; })*
        $($values += $message.$list().filter(Result::is_ok).count();)*
        $($values += $message.$text().into_iter().count();)*
    };
}

/// Calls every accessor of a message; returns the number of values.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn walk(message: &Message) -> usize {
    let mut values = 0;
    walk_values! {
        message,
        values: top_via from to call_id cseq max_forwards expires min_expires flow_timer content_length content_type
            content_disposition authentication_info event subscription_state retry_after rack refer_to referred_by
            reply_to replaces join target_dialog session_expires date timestamp mime_version session_id info_package
            answer_mode called_party_id charging_vector rseq min_se max_breadth refer_sub;
        values: vias contacts routes record_routes paths service_routes accept challenges credentials reason_headers
            warnings alert_info call_info error_info accept_encoding accept_language accept_contact reject_contact
            recv_info feature_caps history_info diversion asserted_identities preferred_identities associated_uris
            visited_networks access_network_info charging_addresses user_to_user geolocation identities security_client
            security_server security_verify;
        values: supported require proxy_require unsupported allow allow_events content_encoding content_language
            in_reply_to request_disposition resource_priority accept_resource_priority privacy user_agent server
            subject organization priority sip_etag sip_if_match
    }
    for header in message.headers() {
        values += usize::from(!header.line.is_empty());
    }
    // Bounded, because a search for each of a thousand names would make the walk itself quadratic.
    for header in message.headers().take(8) {
        black_box(message.values(header.name).count());
        black_box(message.header(header.name).is_some());
    }
    for via in message.vias().flatten() {
        black_box((
            via.host(),
            via.rport(),
            via.received_ip(),
            via.maddr(),
            via.ttl(),
            via.params().iter().count(),
        ));
    }
    for contact in message.contacts().flatten() {
        if let Some(addr) = contact.addr() {
            let uri = addr.uri();
            black_box((
                addr.q(),
                addr.expires(),
                uri.host(),
                uri.is_lr(),
                uri.headers().count(),
                uri.method(),
            ));
            black_box((
                uri.equivalent(uri),
                uri.user(),
                uri.password(),
                uri.port(),
                uri.tel_number(),
            ));
        }
    }
    black_box(message.has_token(HeaderName::Supported, b"100rel"));
    values
}

/// Like [`walk`], with the accessors that may allocate.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn walk_all(message: &Message) -> usize {
    let values = walk(message);
    black_box(message.validate().is_ok());
    black_box(message.validate_strict().is_ok());
    black_box(
        message
            .parts()
            .map(|parts| parts.session().is_some())
            .is_ok(),
    );
    for header in message.headers() {
        black_box(header.unfolded());
    }
    match message.clone().kind() {
        Kind::Request(request) => {
            black_box((
                request.method().to_string(),
                request.uri().is_ok(),
                request.sip_uri().is_ok(),
            ));
        }
        Kind::Response(response) => {
            black_box((response.status(), response.reason().len()));
        }
    }
    values
}

/// Parses a message that has LF in place of CRLF.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn parse_within(text: &str, limits: &Limits) -> Result<Message, ParseError> {
    Message::parse(Bytes::from(text.replace('\n', "\r\n").into_bytes()), limits)
}

/// Like [`parse_within`], with the default limits.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn parse(text: &str) -> Result<Message, ParseError> {
    parse_within(text, &Limits::default())
}

/// An OPTIONS request with `extra` header lines and `body`.
#[allow(dead_code)] // Only some of the tests that share this module use it.
pub(crate) fn request_text(extra: &str, body: &str) -> String {
    format!(
        "OPTIONS sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\nMax-Forwards: 70\n\
         From: <sip:alice@example.com>;tag=1\nTo: <sip:bob@example.com>\nCall-ID: 1@a\nCSeq: 1 OPTIONS\n{extra}\n{body}"
    )
}
