//! The bodies of event packages in plain text: message-summary and refer.

use std::time::Duration;

use proptest::prelude::*;
use sip_core::Body;
use sip_core::package::{
    ContextClass, MOST_BYTES, MessageCounts, MessageDetail, MessageSummary, Package, PackageError,
    Position, ReferStatus,
};
use sip_parse::{Bytes, Limits, Message, StatusCode};

fn summary(text: &str) -> Result<MessageSummary, PackageError> {
    MessageSummary::from_body(&Body::new(MessageSummary::CONTENT_TYPE, text.to_string()))
}

fn written(body: &Body) -> &str {
    std::str::from_utf8(&body.bytes).expect("text")
}

/// RFC 3842 sections 3.4 and 5.1, RFC 3856 section 6.4, RFC 4235 section 3.4, RFC 3680 section 4.4, RFC 3515 section 2.4.4.
#[test]
fn the_packages_have_their_names_types_and_durations() {
    let seconds = |package: Package| package.expires.map(|duration| duration.as_secs());
    for (name, content_type, expires) in [
        ("presence", "application/pidf+xml", Some(3_600)),
        (
            "message-summary",
            "application/simple-message-summary",
            Some(3_600),
        ),
        ("dialog", "application/dialog-info+xml", Some(3_600)),
        ("reg", "application/reginfo+xml", Some(3_761)),
        ("refer", "message/sipfrag", None),
    ] {
        let package = Package::named(name).expect("a package");
        assert_eq!(package.content_type, content_type);
        assert_eq!(seconds(package), expires, "{name}");
    }
    assert_eq!(Package::REG.expires, Some(Duration::from_secs(3_761)));
    assert_eq!(
        Package::named("Presence"),
        None,
        "RFC 6665 section 8.2.1: case counts"
    );
    assert_eq!(Package::ALL.len(), 5);
}

/// RFC 3842 section 5.2: a NOTIFY of a PBX.
#[test]
fn rfc3842_5_2_the_body_of_a_pbx_is_read() {
    let wire: &[u8] = include_bytes!("../../benches/messages/i_notify_mwi.sip");
    let message = Message::parse(Bytes::from_static(wire), &Limits::default()).expect("a NOTIFY");
    let body = Body::new(MessageSummary::CONTENT_TYPE, message.body_bytes());
    let summary = MessageSummary::from_body(&body).expect("a summary");
    assert!(summary.waiting);
    assert_eq!(summary.account.as_deref(), Some("sip:vm@pbx.example.org"));
    let voice = MessageCounts {
        new: 3,
        old: 11,
        urgent: Some((1, 0)),
    };
    assert_eq!(summary.counts(ContextClass::Voice), Some(voice));
    assert_eq!(summary.counts(ContextClass::Fax), None);
    assert_eq!(
        summary.to_string(),
        "3 new (1 urgent), 11 old voice messages"
    );
    let text = written(&summary.to_body()).to_string();
    assert_eq!(text.as_bytes().trim_ascii(), body.bytes.trim_ascii());
}

/// RFC 3842 section 4: header fields of single messages follow an empty line, and an empty line is between two messages.
#[test]
fn rfc3842_4_single_messages_have_header_fields() {
    let text = "Messages-Waiting: yes\r\n\
        Message-Account: sip:alice@vmail.example.com\r\n\
        Voice-Message: 4/8 (1/2)\r\n\
        \r\n\
        To: <alice@atlanta.example.com>\r\n\
        From: <bob@biloxi.example.com>\r\n\
        Subject: carpool tomorrow?\r\n\
        Date: Sun, 21 Apr 2002 23:45:12 -0700\r\n\
        Priority: normal\r\n\
        Message-ID: 13784434989@vmail.example.com\r\n\
        \r\n\
        To: <alice@example.com>\r\n\
        From: <cathy-the-bob@example.com>\r\n\
        Subject: HELP! at home ill, present for me please\r\n\
        Date: Sun, 21 Apr 2002 23:25:12 -0700\r\n\
        Priority: urgent\r\n\
        Message-ID: 13684434990@vmail.example.com\r\n";
    let summary = summary(text).expect("a summary");
    assert_eq!(summary.details.len(), 2);
    assert_eq!(summary.details[0].fields.len(), 6);
    assert_eq!(summary.details[1].field("priority"), Some("urgent"));
    assert_eq!(
        summary.details[0].field("Subject"),
        Some("carpool tomorrow?")
    );
    assert_eq!(written(&summary.to_body()), text);
}

/// RFC 3842 section 5.2: every class of RFC 3458 has its line, and HCOLON and SLASH may have white space around them.
#[test]
fn rfc3842_5_2_every_class_is_read_in_all_its_forms() {
    let text = "\r\nmessages-waiting : YES\r\nVOICE-MESSAGE:1 / 2 ( 3 / 4 )\r\nvideo-message: 5/6\r\nFax-Message: 7/8(9/10)\r\n\
        Pager-Message: 11/12\r\nMultimedia-Message: 13/14\r\nText-Message: 15/16\r\nNone: 17/18\r\nX-Vendor: what\r\nno colon\r\n";
    let summary = summary(text).expect("a summary");
    let counts: Vec<_> = summary
        .classes()
        .map(|(_, counts)| (counts.new, counts.old, counts.urgent))
        .collect();
    assert_eq!(
        counts,
        [
            (1, 2, Some((3, 4))),
            (5, 6, None),
            (7, 8, Some((9, 10))),
            (11, 12, None),
            (13, 14, None),
            (15, 16, None),
            (17, 18, None)
        ]
    );
    assert!(summary.to_string().starts_with(
        "1 new (3 urgent), 2 old voice messages; 5 new, 6 old video messages; 7 new (9 urgent), 8 old fax messages"
    ));
    for (class, (_, counts)) in ContextClass::ALL.into_iter().zip(summary.classes()) {
        let line = format!("{}: {}/{}", class.name(), counts.new, counts.old);
        assert!(written(&summary.to_body()).contains(&line), "{line}");
    }
}

#[test]
fn bodies_of_the_field_are_read() {
    // LF alone, CR alone, no line end at all, a count of new messages alone, no status line.
    for (text, waiting, counts) in [
        (
            "Messages-Waiting: no\nVoice-Message: 0/3\n",
            false,
            Some((0, 3)),
        ),
        (
            "Messages-Waiting: yes\rVoice-Message: 2/0\r",
            true,
            Some((2, 0)),
        ),
        ("Messages-Waiting:yes", true, None),
        (
            "Messages-Waiting: yes\r\nVoice-Message: 4\r\n",
            true,
            Some((4, 0)),
        ),
        ("Voice-Message: 1/0 (0/0)\r\n", true, Some((1, 0))),
        ("Voice-Message: 0/7 (0/0)\r\n", false, Some((0, 7))),
        ("\u{feff}Messages-Waiting: no\r\n\r\n\r\n\r\n", false, None),
    ] {
        let summary = summary(text).expect(text);
        assert_eq!(summary.waiting, waiting, "{text:?}");
        let voice = summary.counts(ContextClass::Voice);
        assert_eq!(voice.map(|voice| (voice.new, voice.old)), counts);
        assert!(summary.details.is_empty());
    }
    let folded = summary("Messages-Waiting: yes\r\n\r\nSubject: one\r\n two\r\n").expect("a fold");
    assert_eq!(folded.details[0].field("subject"), Some("one two"));
    // A fold of an empty value, and one of space alone.
    let odd = summary("Messages-Waiting: yes\n\nA:\n b\nC: d\n \u{1}\n").expect("folds");
    assert_eq!(
        (odd.details[0].field("a"), odd.details[0].field("c")),
        (Some("b"), Some("d"))
    );
    assert_eq!(MessageSummary::from_body(&odd.to_body()), Ok(odd));
    assert_eq!(
        summary("Messages-Waiting: yes").unwrap().to_string(),
        "messages waiting"
    );
    assert_eq!(
        summary("Messages-Waiting: no").unwrap().to_string(),
        "no messages waiting"
    );
}

#[test]
fn a_refused_summary_says_what_and_where() {
    let malformed = |what, line, column| PackageError::Malformed {
        what,
        at: Position { line, column },
    };
    for (text, error) in [
        (
            "Messages-Waiting: perhaps\r\n",
            malformed("Messages-Waiting", 1, 19),
        ),
        (
            "Messages-Waiting: yes\r\nVoice-Message: many/0\r\n",
            malformed("Voice-Message", 2, 16),
        ),
        // RFC 3842 section 5.2: a count does not exceed 2^32 - 1.
        (
            "Messages-Waiting: yes\r\nFax-Message: 4294967296/0\r\n",
            malformed("Fax-Message", 2, 14),
        ),
        (
            "Messages-Waiting: yes\r\nFax-Message: 1/2 (3/4\r\n",
            malformed("Fax-Message", 2, 14),
        ),
        (
            "Messages-Waiting: yes\r\nFax-Message: +1/2\r\n",
            malformed("Fax-Message", 2, 14),
        ),
        (
            "Hello: world\r\n",
            PackageError::Missing {
                what: "Messages-Waiting",
                at: Position { line: 2, column: 1 },
            },
        ),
    ] {
        assert_eq!(summary(text), Err(error), "{text:?}");
    }
    assert_eq!(
        summary("Messages-Waiting: x").unwrap_err().to_string(),
        "Messages-Waiting is malformed at line 1, column 19"
    );
    let largest = summary("Messages-Waiting: yes\r\nFax-Message: 4294967295/0\r\n");
    let fax = largest.unwrap().counts(ContextClass::Fax).unwrap();
    assert_eq!(fax.new, u32::MAX);
}

#[test]
fn types_encodings_and_sizes_are_bounded() {
    let read = |content_type: &str, bytes: Vec<u8>| {
        MessageSummary::from_body(&Body::new(content_type, bytes)).map(|_| ())
    };
    let good = b"Messages-Waiting: yes\r\n".to_vec();
    let same = "Application/Simple-Message-Summary;charset=\"utf-8\"";
    assert_eq!(read(same, good.clone()), Ok(()));
    for other in ["text/plain", "", "application"] {
        let error = PackageError::ContentType {
            expected: MessageSummary::CONTENT_TYPE,
            found: other.into(),
        };
        assert_eq!(read(other, good.clone()), Err(error));
    }
    assert_eq!(
        read(
            "application/simple-message-summary;charset=ISO-8859-1",
            good.clone()
        ),
        Err(PackageError::Encoding("ISO-8859-1".into()))
    );
    let mut invalid = good.clone();
    invalid.extend(b"X: \xff\r\n");
    let at = good.len() + 3;
    assert_eq!(
        read(MessageSummary::CONTENT_TYPE, invalid),
        Err(PackageError::Utf8(at))
    );
    let mut long = good;
    long.resize(MOST_BYTES, b' ');
    assert_eq!(read(MessageSummary::CONTENT_TYPE, long.clone()), Ok(()));
    long.push(b' ');
    assert_eq!(
        read(MessageSummary::CONTENT_TYPE, long),
        Err(PackageError::TooLong)
    );
    let fields = "a:b\n".repeat(1_025);
    assert_eq!(
        summary(&format!("Messages-Waiting: no\n\n{fields}")),
        Err(PackageError::TooMany {
            what: "header fields",
            limit: 1_024
        })
    );
}

/// A value of the application cannot begin another line.
#[test]
fn what_is_written_has_no_line_ends_of_the_application() {
    let detail = MessageDetail {
        fields: vec![(
            "Sub\nject".to_string(),
            "a\r\nVoice-Message: 9/9".to_string(),
        )],
    };
    let summary = MessageSummary::new(false)
        .account("sip:a@b\r\nVoice-Message: 9/9")
        .detail(detail);
    assert_eq!(
        written(&summary.to_body()),
        "Messages-Waiting: no\r\nMessage-Account: sip:a@b  Voice-Message: 9/9\r\n\r\nSub ject: a  Voice-Message: 9/9\r\n"
    );
}

/// RFC 3515 section 2.4.5: the body of each NOTIFY begins with a status line.
#[test]
fn rfc3515_2_4_5_the_status_of_a_refer_is_read_and_written() {
    let read = |text: &str| {
        ReferStatus::from_body(&Body::new("message/sipfrag;version=2.0", text.to_string()))
    };
    for (text, code, reason, shown, is_final) in [
        ("SIP/2.0 100 Trying\r\n", 100, "Trying", "100 Trying", false),
        (
            "SIP/2.0 603 Decline\r\nTo: <sip:a@b>\r\n\r\n",
            603,
            "Decline",
            "603 Decline",
            true,
        ),
        ("\r\nsip/2.0 200", 200, "", "200", true),
    ] {
        let status = read(text).expect(text);
        assert_eq!(
            (status.status.as_u16(), &*status.reason),
            (code, reason),
            "{text:?}"
        );
        assert_eq!(status.to_string(), shown);
        assert_eq!(status.is_final(), is_final);
        assert_eq!(ReferStatus::from_body(&status.to_body()), Ok(status));
    }
    let ok = ReferStatus::new(StatusCode::new(200).expect("a status"));
    assert_eq!(written(&ok.to_body()), "SIP/2.0 200 OK\r\n");
    for other in ["", "SIP/2.0 20 OK", "INVITE sip:a@b SIP/2.0\r\n"] {
        let error = read(other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the status line is malformed at line 1, column 1"
        );
    }
    let injected = ReferStatus {
        reason: "OK\r\nTo: x".into(),
        ..ok
    };
    assert_eq!(written(&injected.to_body()), "SIP/2.0 200 OKTo: x\r\n");
}

fn counts() -> impl Strategy<Value = MessageCounts> {
    let urgent = proptest::option::of(any::<(u32, u32)>());
    (any::<u32>(), any::<u32>(), urgent).prop_map(|(new, old, urgent)| MessageCounts {
        new,
        old,
        urgent,
    })
}

fn detail() -> impl Strategy<Value = MessageDetail> {
    let field = ("[A-Za-z][A-Za-z-]{0,9}", "([!-~]([ -~]{0,20}[!-~])?)?");
    proptest::collection::vec(field, 1..5).prop_map(|fields| MessageDetail { fields })
}

fn summaries() -> impl Strategy<Value = MessageSummary> {
    let classes = proptest::collection::vec((0..7_usize, counts()), 0..7);
    let account = proptest::option::of("sips?:[a-z0-9]{1,10}@[a-z.ü]{1,10}[a-z]");
    let details = proptest::collection::vec(detail(), 0..4);
    (any::<bool>(), account, classes, details).prop_map(|(waiting, account, classes, details)| {
        let mut summary = MessageSummary::new(waiting);
        summary.account = account;
        summary.details = details;
        classes
            .into_iter()
            .fold(summary, |summary, (class, counts)| {
                summary.with(ContextClass::ALL[class], counts)
            })
    })
}

proptest! {
    #[test]
    fn a_summary_reads_back_as_it_was_written(summary in summaries()) {
        prop_assert_eq!(MessageSummary::from_body(&summary.to_body()), Ok(summary));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(Messages-Waiting: (yes|no)\r\n)?\\PC{0,60}(Voice-Message: \\PC{0,9})?(\r\n){0,2}\\PC{0,60}") {
        if let Ok(read) = summary(&text) {
            prop_assert_eq!(MessageSummary::from_body(&read.to_body()).map(|again| again.to_string()), Ok(read.to_string()));
        }
    }
}
