//! PIDF (RFC 3863) with RPID (RFC 4480).

use sip_core::package::presence::{Activity, Basic, Note, Person, PresenceContact, Tuple};
use sip_core::package::{PackageError, Position, Presence};

use super::{presence, written};

/// RFC 3863 section 4.3.1.
const RFC3863: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
     xmlns:im="urn:ietf:params:xml:ns:pidf:im"
     xmlns:myex="http://id.example.com/presence/"
     entity="pres:someone@example.com">
  <tuple id="bs35r9">
    <status>
      <basic>open</basic>
      <im:im>busy</im:im>
      <myex:location>home</myex:location>
    </status>
    <contact priority="0.8">im:someone@mobilecarrier.net</contact>
    <note xml:lang="en">Don't Disturb Please!</note>
    <note xml:lang="fr">Ne derangez pas, s'il vous plait</note>
    <timestamp>2001-10-27T16:49:29Z</timestamp>
  </tuple>
  <tuple id="eg92n8">
    <status>
      <basic>open</basic>
    </status>
    <contact priority="1.0">mailto:someone@example.com</contact>
  </tuple>
  <note>I'll be in Tokyo next week</note>
</presence>
"#;

#[test]
fn rfc3863_4_3_1_the_example_is_read() {
    let read = presence(RFC3863).expect("a document");
    let note = |language: Option<&str>, text: &str| Note {
        language: language.map(String::from),
        text: text.to_string(),
    };
    let first = Tuple {
        id: "bs35r9".to_string(),
        basic: Some(Basic::Open),
        activities: Vec::new(),
        contact: Some(PresenceContact {
            uri: "im:someone@mobilecarrier.net".to_string(),
            priority: Some(800),
        }),
        notes: vec![
            note(Some("en"), "Don't Disturb Please!"),
            note(Some("fr"), "Ne derangez pas, s'il vous plait"),
        ],
        timestamp: Some("2001-10-27T16:49:29Z".to_string()),
    };
    let second = Tuple {
        id: "eg92n8".to_string(),
        basic: Some(Basic::Open),
        contact: Some(PresenceContact {
            uri: "mailto:someone@example.com".to_string(),
            priority: Some(1_000),
        }),
        ..Tuple::default()
    };
    let expected = Presence {
        entity: "pres:someone@example.com".to_string(),
        tuples: vec![first, second],
        persons: Vec::new(),
        notes: vec![note(None, "I'll be in Tokyo next week")],
    };
    assert_eq!(read, expected);
    assert_eq!(
        read.to_string(),
        "open: I'll be in Tokyo next week, Don't Disturb Please!, Ne derangez pas, s'il vous plait"
    );
    assert_eq!(presence(written(&read.to_body())), Ok(expected));
}

/// RFC 4480 section 4 (shortened): a person with activities, and much that this helper ignores.
#[test]
fn rfc4480_4_the_example_is_read() {
    let read = presence(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
     xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
     xmlns:lt="urn:ietf:params:xml:ns:location-type"
     xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"
     entity="pres:someone@example.com">
  <tuple id="bs35r9">
    <status><basic>open</basic></status>
    <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
    <rpid:relationship><rpid:self/></rpid:relationship>
    <rpid:service-class><rpid:electronic/></rpid:service-class>
    <contact priority="0.8">im:someone@mobile.example.net</contact>
    <note xml:lang="en">Don't Disturb Please!</note>
    <timestamp>2005-10-27T16:49:29Z</timestamp>
  </tuple>
  <note>I'll be in Tokyo next week</note>
  <dm:device id="pc147">
    <rpid:user-input idle-threshold="600" last-input="2004-10-21T13:20:00-05:00">idle</rpid:user-input>
    <dm:deviceID>urn:device:0003ba4811e3</dm:deviceID>
    <dm:note>PC</dm:note>
  </dm:device>
  <dm:person id="p1">
    <rpid:activities from="2005-05-30T12:00:00+05:00" until="2005-05-30T17:00:00+05:00">
      <rpid:note>Far away</rpid:note>
      <rpid:away/>
    </rpid:activities>
    <rpid:class>calendar</rpid:class>
    <rpid:mood><rpid:angry/><rpid:other>brooding</rpid:other></rpid:mood>
    <rpid:place-type><lt:residence/></rpid:place-type>
    <rpid:sphere>bowling league</rpid:sphere>
    <rpid:time-offset>-240</rpid:time-offset>
    <dm:note>Scoring 120</dm:note>
    <dm:timestamp>2005-05-30T16:09:44+05:00</dm:timestamp>
  </dm:person>
</presence>"#,
    )
    .expect("a document");
    let person = Person {
        id: "p1".to_string(),
        activities: vec![Activity::Away],
        notes: vec![Note::new("Far away"), Note::new("Scoring 120")],
        timestamp: Some("2005-05-30T16:09:44+05:00".to_string()),
    };
    assert_eq!(read.persons, [person]);
    assert_eq!(
        read.to_string(),
        "open: away, I'll be in Tokyo next week, Far away, Scoring 120, Don't Disturb Please!"
    );
}

/// RFC 4480 section 3.2: each activity has an element.
#[test]
fn rfc4480_3_2_every_activity_is_read_and_written() {
    let names = "appointment away breakfast busy dinner holiday in-transit looking-for-work lunch meal meeting on-the-phone \
        performance permanent-absence playing presentation shopping sleeping spectator steering travel tv unknown vacation \
        working worship";
    for name in names.split_whitespace() {
        let text = format!(
            "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns:d='urn:ietf:params:xml:ns:pidf:data-model' \
             xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:a@b'><d:person id='x'><r:activities><r:{name}/>\
             </r:activities></d:person></p:presence>"
        );
        let read = presence(text).expect(name);
        let activities: Vec<_> = read.activities().collect();
        assert!(
            !matches!(activities[..], [Activity::Other(_)]),
            "{name} is known"
        );
        assert_eq!(
            read.to_string(),
            format!("unknown: {}", name.replace('-', " "))
        );
        let element = format!("<rpid:{name}/>");
        assert!(written(&read.to_body()).contains(&element), "{element}");
    }
}

/// What Asterisk writes for a hint in use: a person without identifier, the priority as a whole number.
#[test]
fn a_body_of_asterisk_is_read() {
    let read = presence(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <presence entity=\"sip:bob@192.0.2.1:5060\" xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\">\n \
         <note>On the phone</note>\n <tuple id=\"bob\">\n  <status>\n   <basic>open</basic>\n  </status>\n  \
         <contact priority=\"1\">sip:bob@192.0.2.1:5060</contact>\n </tuple>\n <dm:person>\n  <rpid:activities>\n   \
         <rpid:on-the-phone />\n  </rpid:activities>\n </dm:person>\n</presence>\n",
    )
    .expect("a document");
    assert_eq!(read.to_string(), "open: on the phone, On the phone");
    let contact = read.tuples[0].contact.as_ref().expect("a contact");
    assert_eq!(contact.priority, Some(1_000));
    assert_eq!(read.persons[0].id, "");
    // RFC 4479 section 3.2: every person has an identifier.
    assert!(written(&read.to_body()).contains("<dm:person id=\"p1\">"));
}

/// What older servers of Asterisk and draft implementations write: a person of the drafts, with the activities in its status.
#[test]
fn bodies_of_the_drafts_are_read() {
    for person in [
        "<pp:person xmlns:pp='urn:ietf:params:xml:ns:pidf:person' xmlns:ep='urn:ietf:params:xml:ns:pidf:rpid:rpid-person'>\
         <status><ep:activities><ep:onThePhone/></ep:activities></status></pp:person>",
        "<pp:person xmlns:pp='urn:ietf:params:xml:ns:pidf:person' xmlns:es='urn:ietf:params:xml:ns:pidf:rpid:status:rpid-status'>\
         <pp:status><es:activities><es:activity>on-the-phone</es:activity></es:activities></pp:status></pp:person>",
    ] {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b'>{person}\
             <tuple id='1'><status><basic> Closed </basic></status></tuple></presence>"
        );
        let read = presence(text).expect("a document");
        assert_eq!(read.to_string(), "closed: on the phone");
    }
}

/// What Kamailio sends on after it has read a PUBLISH, indented anew.
#[test]
fn a_body_of_kamailio_is_read() {
    let read = presence(
        "<?xml version=\"1.0\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@lab.test\">\n  \
         <tuple id=\"t\">\n    <status>\n      <basic>open</basic>\n    </status>\n  </tuple>\n</presence>\n",
    )
    .expect("a document");
    assert_eq!(read, {
        let mut expected = Presence::new("sip:bob@lab.test", Basic::Open);
        expected.tuples[0].id = "t".to_string();
        expected
    });
    assert_eq!(read.to_string(), "open");
}

/// RFC 3863 section 4.1.3: a tuple may leave its basic status out. Any open service makes the resource open.
#[test]
fn rfc3863_4_1_4_any_open_service_counts() {
    let of = |values: &[&str]| {
        let tuples: String = values
            .iter()
            .map(|value| format!("<tuple id='a'><status>{value}</status></tuple>"))
            .collect();
        let text = format!("<presence xmlns='urn:ietf:params:xml:ns:pidf'>{tuples}</presence>");
        presence(text).expect("a document").basic()
    };
    let (open, closed) = ("<basic>open</basic>", "<basic>closed</basic>");
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[""]), None);
    assert_eq!(of(&[closed, ""]), Some(Basic::Closed));
    assert_eq!(of(&[closed, open, closed]), Some(Basic::Open));
}

#[test]
fn a_malformed_status_is_refused_and_a_malformed_priority_ignored() {
    let error = presence(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf'>\n<tuple id='a'><status>\n  <basic>ajar</basic></status></tuple></presence>",
    );
    let at = Position { line: 3, column: 3 };
    assert_eq!(error, Err(PackageError::Malformed { what: "basic", at }));
    for (priority, read) in [
        ("0", Some(0)),
        ("0.05", Some(50)),
        (".5", Some(500)),
        ("0.12345", Some(123)),
        ("1.000", Some(1_000)),
        ("1.1", None),
        ("2", None),
        ("-1", None),
        ("", None),
        (".", None),
        ("high", None),
    ] {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status/><contact priority='{priority}'>sip:a@b\
             </contact></tuple></presence>"
        );
        let document = presence(text).expect("a document");
        let contact = document.tuples[0].contact.as_ref().expect("a contact");
        assert_eq!(contact.priority, read, "{priority:?}");
    }
}

/// Elements of other namespaces are ignored, and so are those of this one in other places.
#[test]
fn names_count_with_their_namespace() {
    let read = presence(
        "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' xmlns='urn:other' entity='sip:a@b'>\
         <tuple id='no'/><note>no</note><p:tuple id='yes'><status><basic>closed</basic></status>\
         <p:status><p:basic>open</p:basic></p:status></p:tuple><!-- a comment --><?a processing instruction?></p:presence>",
    )
    .expect("a document");
    assert_eq!(read.tuples.len(), 1);
    assert_eq!(read.tuples[0].id, "yes");
    assert_eq!(read.to_string(), "open");
    for other in [
        "<presence/>",
        "<presence xmlns='urn:other'/>",
        "<Presence xmlns='urn:ietf:params:xml:ns:pidf'/>",
    ] {
        assert!(
            matches!(
                presence(other),
                Err(PackageError::Root {
                    expected: "presence",
                    ..
                })
            ),
            "{other}"
        );
    }
    assert_eq!(
        presence("<a xmlns='urn:other'/>").unwrap_err().to_string(),
        "the root element is {urn:other}a, not presence"
    );
}

#[test]
fn text_is_what_is_left_without_marks() {
    let read = presence(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a&amp;b'><note>\n  a &lt;b&gt; <!-- no --><![CDATA[<&>]]>&#xe4;\n\
         </note><note/></presence>",
    )
    .expect("a document");
    assert_eq!(read.entity, "sip:a&b");
    assert_eq!(read.notes, [Note::new("a <b> <&>ä")]);
    assert_eq!(read.to_string(), "unknown: a <b> <&>ä");
}

#[test]
fn what_is_written_is_escaped() {
    let hostile = Presence::new("sip:a\"<&>'\n@b", Basic::Open).note("</note><note>&\u{0}\r\n\t");
    let body = hostile.to_body();
    let text = written(&body);
    assert!(
        text.contains("entity=\"sip:a&quot;&lt;&amp;&gt;'&#10;@b\""),
        "{text}"
    );
    assert!(
        text.contains("<note>&lt;/note&gt;&lt;note&gt;&amp;\u{fffd}&#13;\n\t</note>"),
        "{text}"
    );
    let read = presence(text).expect("a document");
    assert_eq!(read.notes.len(), 1);
    assert_eq!(read.entity, hostile.entity);
}
