//! reginfo (RFC 3680).

use sip_core::package::reginfo::{Binding, BindingEvent, RegInfo, Registration, RegistrationState};
use sip_core::package::{DocumentState, PackageError, Position, UpdateError, UpdateOutcome};

use super::{reginfo, written};

/// RFC 3680 section 5.3.
const RFC3680: &str = r#"<?xml version="1.0"?>
    <reginfo xmlns="urn:ietf:params:xml:ns:reginfo"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                 version="0" state="full">
      <registration aor="sip:user@example.com" id="as9"
                    state="active">
        <contact id="76" state="active" event="registered"
                 duration-registered="7322"
                 q="0.8">
                 <uri>sip:user@pc887.example.com</uri>
        </contact>
        <contact id="77" state="terminated" event="expired"
                 duration-registered="3600"
                 q="0.5">
                 <uri>sip:user@university.edu</uri>
        </contact>
      </registration>
    </reginfo>"#;

fn document(version: u32, state: &str, registrations: &str) -> RegInfo {
    let text = format!(
        "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='{version}' state='{state}'>{registrations}</reginfo>"
    );
    reginfo(text).expect("a document")
}

fn registration(id: &str, state: &str, contacts: &[(&str, &str)]) -> String {
    let contacts: String = contacts
        .iter()
        .map(|(id, event)| {
            let active = ["registered", "created", "refreshed", "shortened"].contains(event);
            let state = if active { "active" } else { "terminated" };
            format!("<contact id='{id}' state='{state}' event='{event}'><uri>sip:{id}@192.0.2.1</uri></contact>")
        })
        .collect();
    format!(
        "<registration aor='sip:{id}@example.com' id='{id}' state='{state}'>{contacts}</registration>"
    )
}

#[test]
fn rfc3680_5_3_the_example_is_read() {
    let read = reginfo(RFC3680).expect("a document");
    let contact = |id, uri, event, duration, q| Binding {
        duration_registered: Some(duration),
        q: Some(q),
        ..Binding::new(id, uri, event)
    };
    let (there, gone) = (BindingEvent::Registered, BindingEvent::Expired);
    let expected = Registration::new("sip:user@example.com", "as9")
        .binding(contact(
            "76",
            "sip:user@pc887.example.com",
            there,
            7_322,
            800,
        ))
        .binding(contact("77", "sip:user@university.edu", gone, 3_600, 500));
    assert_eq!(expected.state, RegistrationState::Active);
    assert_eq!(
        read,
        RegInfo::new(0, DocumentState::Full).registration(expected)
    );
    assert_eq!(read.to_string(), "sip:user@example.com: 1 contact");
    assert_eq!(reginfo(written(&read.to_body())), Ok(read));
}

/// RFC 3680 section 5.1: everything that a contact has. The contact is one of an IMS registrar.
#[test]
fn rfc3680_5_1_a_whole_contact_is_read_and_written() {
    let read = document(
        3,
        "partial",
        "<registration aor='sip:carsten@example.com' id='0xb33fa860' state='active'>\
         <contact id='0xb33fa994' state='active' event='shortened' expires='3600' retry-after='5' duration-registered='0' q='1' \
         callid='a@b' cseq='7'><uri>sip:carsten@192.0.2.36:43582;transport=udp</uri>\
         <display-name xml:lang='de'>Carsten &lt;C&gt;</display-name>\
         <unknown-param name='+g.3gpp.cs-voice'></unknown-param><unknown-param name='language'>en,fr</unknown-param>\
         <unknown-param name='+sip.instance'>\"&lt;urn:uuid:1&gt;\"</unknown-param></contact></registration>",
    );
    let text = |text: &str| text.to_string();
    let expected = Binding {
        duration_registered: Some(0),
        expires: Some(3_600),
        retry_after: Some(5),
        q: Some(1_000),
        call_id: Some(text("a@b")),
        cseq: Some(7),
        display_name: Some(text("Carsten <C>")),
        unknown_params: vec![
            (text("+g.3gpp.cs-voice"), text("")),
            (text("language"), text("en,fr")),
            (text("+sip.instance"), text("\"<urn:uuid:1>\"")),
        ],
        ..Binding::new(
            "0xb33fa994",
            "sip:carsten@192.0.2.36:43582;transport=udp",
            BindingEvent::Shortened,
        )
    };
    assert_eq!(read.registrations[0].bindings, [expected]);
    assert_eq!(reginfo(written(&read.to_body())), Ok(read));
}

/// RFC 3680 section 4.7.1: each event says whether the contact is there after it.
#[test]
fn rfc3680_4_7_1_every_event_is_read_and_written() {
    for (event, active) in [
        ("registered", true),
        ("created", true),
        ("refreshed", true),
        ("shortened", true),
        ("expired", false),
        ("deactivated", false),
        ("probation", false),
        ("unregistered", false),
        ("rejected", false),
    ] {
        let read = document(0, "full", &registration("a", "active", &[("c", event)]));
        let binding = &read.registrations[0].bindings[0];
        assert_eq!(binding.event.name(), event);
        assert_eq!(
            (binding.active, binding.event.is_active()),
            (active, active),
            "{event}"
        );
        assert!(written(&read.to_body()).contains(&format!("event=\"{event}\"")));
    }
}

/// RFC 3680 section 5.2: the version rule, and the state that the documents make.
#[test]
fn rfc3680_5_2_partial_documents_make_one_state() {
    let both = registration("a", "active", &[("1", "registered"), ("2", "registered")])
        + &registration("b", "init", &[]);
    let mut known = document(4, "full", &both);
    let ended = registration("a", "active", &[("1", "unregistered"), ("3", "created")]);
    let outcome = known.apply(document(5, "partial", &ended));
    assert_eq!(outcome, Ok(UpdateOutcome::Applied));
    let ids = |known: &RegInfo| -> Vec<String> {
        let bindings = known.registrations.iter().flat_map(|each| &each.bindings);
        bindings.map(|binding| binding.id.clone()).collect()
    };
    assert_eq!(
        ids(&known),
        ["2", "1", "3"],
        "an ended contact is there once"
    );
    assert_eq!(
        known.to_string(),
        "sip:a@example.com: 2 contacts; sip:b@example.com: 0 contacts"
    );
    let before = known.clone();
    for (version, state) in [(5, "full"), (4, "partial")] {
        assert_eq!(
            known.apply(document(version, state, "")),
            Ok(UpdateOutcome::Outdated)
        );
    }
    let gap = UpdateError::Gap {
        known: 5,
        received: 7,
    };
    assert_eq!(known.apply(document(7, "partial", &both)), Err(gap));
    assert_eq!(known, before);
    let last = registration("a", "terminated", &[("2", "expired"), ("3", "expired")])
        + &registration("b", "active", &[("4", "registered")])
        + &registration("c", "active", &[("5", "registered")]);
    assert_eq!(
        known.apply(document(6, "partial", &last)),
        Ok(UpdateOutcome::Applied)
    );
    assert_eq!(ids(&known), ["2", "3", "4", "5"]);
    assert_eq!(known.registrations[0].state, RegistrationState::Terminated);
    assert_eq!(
        known.apply(document(7, "partial", "")),
        Ok(UpdateOutcome::Applied)
    );
    assert_eq!(
        ids(&known),
        ["4", "5"],
        "an ended registration is there once"
    );
    assert_eq!(known.version, 7);
    assert_eq!(
        known.apply(document(20, "full", "")),
        Ok(UpdateOutcome::Applied)
    );
    assert_eq!(known.to_string(), "no registrations");
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    let read = |registrations: &str| {
        reginfo(format!(
            "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='0' state='full'>\n{registrations}</reginfo>"
        ))
        .map(|_| ())
    };
    let at = Position { line: 2, column: 1 };
    let missing = |what| Err(PackageError::Missing { what, at });
    assert_eq!(
        read("<registration id='a' state='init'/>"),
        missing("the address-of-record of a registration")
    );
    assert_eq!(
        read("<registration aor='a' state='init'/>"),
        missing("the identifier of a registration")
    );
    assert_eq!(
        read("<registration aor='a' id='a'/>"),
        missing("the state of a registration")
    );
    assert_eq!(
        read("<registration aor='a' id='a' state='odd'/>"),
        Err(PackageError::Malformed {
            what: "the state of a registration",
            at
        })
    );
    let contact = |attributes: &str, uri: &str| {
        read(&format!(
            "<registration aor='a' id='a' state='init'>\n<contact {attributes}>{uri}</contact></registration>"
        ))
    };
    let at = Position { line: 3, column: 1 };
    let missing = |what| Err(PackageError::Missing { what, at });
    let (all, uri) = ("id='1' state='active' event='created'", "<uri>sip:a</uri>");
    assert_eq!(contact(all, uri), Ok(()));
    assert_eq!(
        contact(all, "<uri> </uri>"),
        missing("the URI of a contact")
    );
    for (name, what) in [
        ("id", "the identifier of a contact"),
        ("state", "the state of a contact"),
        ("event", "the event of a contact"),
    ] {
        let without = all.replace(&format!("{name}="), "other=");
        assert_eq!(contact(&without, uri), missing(what));
    }
    for (name, what) in [
        ("active", "the state of a contact"),
        ("created", "the event of a contact"),
    ] {
        let odd = all.replace(name, "odd");
        assert_eq!(
            contact(&odd, uri),
            Err(PackageError::Malformed { what, at })
        );
    }
    // Values that a contact may leave out.
    let lenient = format!(
        "{all} expires='soon' q='2' cseq='-1' retry-after='' duration-registered='4294967296'"
    );
    assert_eq!(contact(&lenient, uri), Ok(()));
}

#[test]
fn registrations_and_contacts_are_bounded() {
    let of = |version, from: usize, count: usize| {
        let mut info = RegInfo::new(version, DocumentState::Partial);
        for id in from..from + count {
            let id = id.to_string();
            info.registrations.push(Registration::new("sip:a@b", id));
        }
        info
    };
    let contacts = |version, from: usize, count: usize| {
        let ids = (from..from + count).map(|id| id.to_string());
        let bindings = ids.map(|id| Binding::new(id, "sip:a", BindingEvent::Created));
        let registration = bindings.fold(Registration::new("sip:a@b", "a"), |mut all, binding| {
            all.bindings.push(binding);
            all
        });
        RegInfo::new(version, DocumentState::Partial).registration(registration)
    };
    for (what, limit, document) in [
        (
            "registrations",
            1_024,
            &of as &dyn Fn(u32, usize, usize) -> RegInfo,
        ),
        ("contacts", 2_048, &contacts),
    ] {
        let read = |document: &RegInfo| reginfo(written(&document.to_body())).map(|_| ());
        assert_eq!(read(&document(0, 0, limit)), Ok(()));
        assert_eq!(
            read(&document(0, 0, limit + 1)),
            Err(PackageError::TooMany { what, limit })
        );
        let mut known = document(0, 0, limit);
        let before = known.clone();
        assert_eq!(
            known.apply(document(1, limit, 1)),
            Err(UpdateError::TooMany { what, limit })
        );
        assert_eq!(known, before);
        assert_eq!(
            known.apply(document(1, 0, limit)),
            Ok(UpdateOutcome::Applied)
        );
    }
}
