//! dialog-info (RFC 4235).

use sip_core::package::dialog_info::{
    Dialog, DialogDirection, DialogEvent, DialogPhase, Identity, Participant, Target,
};
use sip_core::package::{
    DialogInfo, DocumentState, PackageError, Position, UpdateError, UpdateOutcome,
};

use super::{dialog_info, written};

fn document(version: u32, state: &str, dialogs: &str) -> DialogInfo {
    let text = format!(
        "<?xml version=\"1.0\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
         state=\"{state}\" entity=\"sip:alice@example.com\">{dialogs}</dialog-info>"
    );
    dialog_info(text).expect("a document")
}

const TRYING: &str = "<dialog id=\"as7d900as8\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" direction=\"initiator\">\
    <state>trying</state></dialog>";
const EARLY: &str = "<dialog id=\"as7d900as8\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" \
    remote-tag=\"456887766\" direction=\"initiator\"><state code=\"180\">early</state></dialog>";
const FORKED: &str = "<dialog id=\"zxcnm3\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" \
    remote-tag=\"hh76a\" direction=\"initiator\"><state code=\"180\">early</state></dialog>";
const ANSWERED: &str = "<dialog id=\"zxcnm3\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" remote-tag=\"hh76a\" \
    direction=\"initiator\"><state code=\"200\">confirmed</state></dialog>";
const CANCELLED: &str = "<dialog id=\"as7d900as8\" call-id=\"a84b4c76e66710\" local-tag=\"1928301774\" \
    remote-tag=\"456887766\" direction=\"initiator\"><state code=\"487\" event=\"cancelled\">terminated</state></dialog>";

/// RFC 4235 section 6.1: the documents of a call that forks, one after the other.
#[test]
fn rfc4235_6_1_the_documents_of_a_forked_call_make_one_state() {
    let mut known = document(0, "full", TRYING);
    assert_eq!(known.to_string(), "1 trying");
    for (version, dialogs, shown, count) in [
        (1, EARLY.to_string(), "1 early", 1),
        (2, FORKED.to_string(), "2 early", 2),
        (3, format!("{ANSWERED}{CANCELLED}"), "1 confirmed", 2),
        (4, String::new(), "1 confirmed", 1),
    ] {
        let outcome = known.apply(document(version, "partial", &dialogs));
        assert_eq!(outcome, Ok(UpdateOutcome::Applied), "version {version}");
        assert_eq!(known.to_string(), shown, "version {version}");
        assert_eq!(known.dialogs.len(), count, "version {version}");
        assert_eq!(known.version, version);
    }
    let answered = &known.dialogs[0];
    assert_eq!(answered.remote_tag.as_deref(), Some("hh76a"));
    assert_eq!(answered.code, Some(200));
    assert_eq!(answered.direction, Some(DialogDirection::Initiator));
    assert_eq!(known.state, DocumentState::Full, "it has all dialogs");
}

/// RFC 4235 section 4.3: an old document is discarded, a gap asks for a refresh, a full document replaces.
#[test]
fn rfc4235_4_3_the_version_rule() {
    let start = document(5, "partial", EARLY);
    let mut known = start.clone();
    for (version, state) in [(5, "partial"), (5, "full"), (4, "partial"), (0, "full")] {
        let outcome = known.apply(document(version, state, ""));
        assert_eq!(outcome, Ok(UpdateOutcome::Outdated), "{version} {state}");
        assert_eq!(known, start);
    }
    for version in [7, u32::MAX] {
        let gap = UpdateError::Gap {
            known: 5,
            received: version,
        };
        assert_eq!(
            known.apply(document(version, "partial", ANSWERED)),
            Err(gap)
        );
        assert_eq!(known, start, "a gap changes nothing");
    }
    assert_eq!(
        known
            .apply(document(7, "partial", ""))
            .unwrap_err()
            .to_string(),
        "version 7 does not follow version 5: a refresh of the subscription brings the whole state"
    );
    let outcome = known.apply(document(9, "full", FORKED));
    assert_eq!(outcome, Ok(UpdateOutcome::Applied));
    assert_eq!(
        known,
        document(9, "full", FORKED),
        "a full one needs no predecessor"
    );
    let mut other = document(10, "full", "");
    other.entity = "sip:bob@example.com".to_string();
    assert_eq!(known.apply(other), Err(UpdateError::OtherEntity));
    let mut last = document(u32::MAX, "full", EARLY);
    assert_eq!(
        last.apply(document(0, "partial", "")),
        Ok(UpdateOutcome::Outdated)
    );
}

/// RFC 4235 section 4.1: everything that a dialog has.
#[test]
fn rfc4235_4_1_a_whole_dialog_is_read_and_written() {
    let read = document(
        17,
        "partial",
        "<dialog id=\"1\" call-id=\"c\" local-tag=\"l\" remote-tag=\"r\" direction=\"recipient\">\
         <state event=\"remote-bye\" code=\"200\">terminated</state><duration>274</duration>\
         <replaces call-id=\"x\" local-tag=\"y\" remote-tag=\"z\"/>\
         <local><identity display=\"Alice &amp; co\">sip:alice@example.com</identity>\
         <target uri=\"sip:alice@pc33.example.com\"><param pname=\"isfocus\" pval=\"true\"/>\
         <param pname=\"+sip.rendering\" pval=\"no\"/></target></local>\
         <remote><identity>sip:bob@example.net</identity></remote></dialog>",
    );
    let local = Participant {
        identity: Some(Identity {
            uri: "sip:alice@example.com".to_string(),
            display: Some("Alice & co".to_string()),
        }),
        target: Some(Target {
            uri: "sip:alice@pc33.example.com".to_string(),
            parameters: vec![
                ("isfocus".to_string(), "true".to_string()),
                ("+sip.rendering".to_string(), "no".to_string()),
            ],
        }),
    };
    let remote = Participant {
        identity: Some(Identity {
            uri: "sip:bob@example.net".to_string(),
            display: None,
        }),
        target: None,
    };
    let expected = Dialog {
        call_id: Some("c".to_string()),
        local_tag: Some("l".to_string()),
        remote_tag: Some("r".to_string()),
        direction: Some(DialogDirection::Recipient),
        event: Some(DialogEvent::RemoteBye),
        code: Some(200),
        duration: Some(274),
        local: Some(local),
        remote: Some(remote),
        ..Dialog::new("1", DialogPhase::Terminated)
    };
    assert_eq!(read.dialogs, [expected]);
    assert_eq!(read.to_string(), "idle");
    assert_eq!(dialog_info(written(&read.to_body())), Ok(read));
}

/// What PBXs write for a lamp: little but the state, with the version from 0 and the address as the identifier.
#[test]
fn bodies_of_the_field_are_read() {
    let read = dialog_info(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" state=\"full\" entity=\"sip:%23300@192.0.2.1\">\n \
         <dialog id=\"sip:%23300@192.0.2.1\">\n  <state>early</state>\n </dialog>\n</dialog-info>\n",
    )
    .expect("a document");
    assert_eq!(read.to_string(), "1 early");
    let idle = dialog_info(
        "\r\n<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\"\r\n\
         state=\"full\" entity=\"sip:sip%3btest1@example.com\"/>",
    );
    assert_eq!(idle.expect("a document").to_string(), "idle");
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    let read = |root: &str, dialogs: &str| {
        dialog_info(format!(
            "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' {root}>\n{dialogs}</dialog-info>"
        ))
    };
    let (first, second) = (
        Position { line: 1, column: 1 },
        Position { line: 2, column: 1 },
    );
    let missing = |what, at| Err(PackageError::Missing { what, at });
    let malformed = |what, at| Err(PackageError::Malformed { what, at });
    let good = "version='1' state='full'";
    assert_eq!(read("state='full'", ""), missing("version", first));
    assert_eq!(read("version='1'", ""), missing("state", first));
    for version in ["", "-1", "4294967296", "1.0"] {
        let root = format!("version='{version}' state='full'");
        assert_eq!(read(&root, ""), malformed("version", first), "{version:?}");
    }
    assert_eq!(
        read("version='1' state='half'", ""),
        malformed("state", first)
    );
    assert_eq!(
        read(good, "<dialog id='a'/>"),
        missing("the state of a dialog", second)
    );
    assert_eq!(
        read(good, "<dialog><state>early</state></dialog>"),
        missing("the identifier of a dialog", second)
    );
    let at = Position {
        line: 2,
        column: 16,
    };
    assert_eq!(
        read(good, "<dialog id='a'><state>ringing</state></dialog>"),
        malformed("the state of a dialog", at)
    );
    let lenient = "<dialog id='a' direction='up'><state code='x' event='y'>Early</state><duration>-1</duration></dialog>";
    let read = read(good, lenient).expect("a document");
    assert_eq!(read.dialogs, [Dialog::new("a", DialogPhase::Early)]);
}

#[test]
fn the_dialogs_of_a_resource_are_bounded() {
    let many = |from: usize, count: usize| -> String {
        let dialog = |id| format!("<dialog id='{id}'><state>early</state></dialog>");
        (from..from + count).map(dialog).collect()
    };
    let mut known = document(0, "full", &many(0, 1_024));
    let error = dialog_info(written(&{
        let mut more = known.clone();
        more.dialogs.push(Dialog::new("more", DialogPhase::Early));
        more.to_body()
    }));
    let (what, limit) = ("dialogs", 1_024);
    assert_eq!(error, Err(PackageError::TooMany { what, limit }));
    let before = known.clone();
    assert_eq!(
        known.apply(document(1, "partial", &many(2_000, 1))),
        Err(UpdateError::TooMany { what, limit })
    );
    assert_eq!(known, before);
    assert_eq!(
        known.apply(document(1, "partial", &many(0, 1_024))),
        Ok(UpdateOutcome::Applied)
    );
    assert_eq!(known.dialogs.len(), 1_024);
}
