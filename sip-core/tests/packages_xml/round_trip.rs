//! What is written reads back as the same.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use sip_core::package::dialog_info::{
    Dialog, DialogDirection, DialogEvent, DialogPhase, Identity, Participant, Target,
};
use sip_core::package::presence::{Activity, Basic, Note, Person, PresenceContact, Tuple};
use sip_core::package::reginfo::{Binding, BindingEvent, RegInfo, Registration, RegistrationState};
use sip_core::package::{DialogInfo, DocumentState, Presence};

/// Text that XML can carry, without space around it.
fn text() -> impl Strategy<Value = String> {
    "[!-~äß€🦀][ -~\n\t\räß€🦀]{0,12}[!-~äß€🦀]"
}

fn owned() -> impl Strategy<Value = Option<String>> {
    of(text())
}

fn note() -> impl Strategy<Value = Note> {
    (of("[a-z]{2}"), text()).prop_map(|(language, text)| Note { language, text })
}

fn activity() -> impl Strategy<Value = Activity> {
    prop_oneof![
        Just(Activity::Busy),
        Just(Activity::OnThePhone),
        Just(Activity::InTransit),
        Just(Activity::Unknown),
        text().prop_map(Activity::Other),
    ]
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let contact = (text(), of(0..=1_000_u16));
    let contact = contact.prop_map(|(uri, priority)| PresenceContact { uri, priority });
    (
        text(),
        of(select(vec![Basic::Open, Basic::Closed])),
        vec(activity(), 0..3),
        of(contact),
        vec(note(), 0..3),
        owned(),
    )
        .prop_map(|(id, basic, activities, contact, notes, timestamp)| Tuple {
            id,
            basic,
            activities,
            contact,
            notes,
            timestamp,
        })
}

fn person() -> impl Strategy<Value = Person> {
    (text(), vec(activity(), 0..3), vec(note(), 0..3), owned()).prop_map(
        |(id, activities, notes, timestamp)| Person {
            id,
            activities,
            notes,
            timestamp,
        },
    )
}

fn documents() -> impl Strategy<Value = DocumentState> {
    select(vec![DocumentState::Full, DocumentState::Partial])
}

fn participant() -> impl Strategy<Value = Participant> {
    let identity = (text(), owned()).prop_map(|(uri, display)| Identity { uri, display });
    let target = (text(), vec((text(), text()), 0..3));
    let target = target.prop_map(|(uri, parameters)| Target { uri, parameters });
    (of(identity), of(target)).prop_map(|(identity, target)| Participant { identity, target })
}

fn dialog() -> impl Strategy<Value = Dialog> {
    let phases = vec![
        DialogPhase::Trying,
        DialogPhase::Proceeding,
        DialogPhase::Early,
        DialogPhase::Confirmed,
        DialogPhase::Terminated,
    ];
    let events = vec![
        DialogEvent::Cancelled,
        DialogEvent::Rejected,
        DialogEvent::Replaced,
        DialogEvent::LocalBye,
        DialogEvent::RemoteBye,
        DialogEvent::Error,
        DialogEvent::Timeout,
    ];
    let directions = vec![DialogDirection::Initiator, DialogDirection::Recipient];
    let names = (text(), owned(), owned(), owned());
    let state = (select(phases), of(select(events)), of(any::<u16>()));
    let rest = (
        of(select(directions)),
        of(any::<u32>()),
        of(participant()),
        of(participant()),
    );
    (names, state, rest).prop_map(|(names, state, rest)| Dialog {
        id: names.0,
        call_id: names.1,
        local_tag: names.2,
        remote_tag: names.3,
        direction: rest.0,
        phase: state.0,
        event: state.1,
        code: state.2,
        duration: rest.1,
        local: rest.2,
        remote: rest.3,
    })
}

fn binding() -> impl Strategy<Value = Binding> {
    let events = vec![
        BindingEvent::Registered,
        BindingEvent::Created,
        BindingEvent::Refreshed,
        BindingEvent::Shortened,
        BindingEvent::Expired,
        BindingEvent::Deactivated,
        BindingEvent::Probation,
        BindingEvent::Unregistered,
        BindingEvent::Rejected,
    ];
    let numbers = (
        of(any::<u32>()),
        of(any::<u32>()),
        of(any::<u32>()),
        of(any::<u32>()),
        of(0..=1_000_u16),
    );
    let texts = (
        text(),
        text(),
        owned(),
        owned(),
        vec((text(), text()), 0..3),
    );
    (select(events), any::<bool>(), numbers, texts).prop_map(|(event, active, numbers, texts)| {
        let mut binding = Binding::new(texts.0, texts.1, event);
        binding.active = active;
        binding.duration_registered = numbers.0;
        binding.expires = numbers.1;
        binding.retry_after = numbers.2;
        binding.cseq = numbers.3;
        binding.q = numbers.4;
        binding.call_id = texts.2;
        binding.display_name = texts.3;
        binding.unknown_params = texts.4;
        binding
    })
}

fn registration() -> impl Strategy<Value = Registration> {
    let states = vec![
        RegistrationState::Init,
        RegistrationState::Active,
        RegistrationState::Terminated,
    ];
    (text(), text(), select(states), vec(binding(), 0..3)).prop_map(|(aor, id, state, bindings)| {
        Registration {
            aor,
            id,
            state,
            bindings,
        }
    })
}

proptest! {
    #[test]
    fn presence_reads_back_as_it_was_written(
        entity in text(), tuples in vec(tuple(), 0..3), persons in vec(person(), 0..3), notes in vec(note(), 0..3),
    ) {
        let document = Presence { entity, tuples, persons, notes };
        prop_assert_eq!(Presence::from_body(&document.to_body()), Ok(document));
    }

    #[test]
    fn dialog_info_reads_back_as_it_was_written(
        version in any::<u32>(), state in documents(), entity in text(), dialogs in vec(dialog(), 0..4),
    ) {
        let document = DialogInfo { version, state, entity, dialogs };
        prop_assert_eq!(DialogInfo::from_body(&document.to_body()), Ok(document));
    }

    #[test]
    fn reginfo_reads_back_as_it_was_written(
        version in any::<u32>(), state in documents(), registrations in vec(registration(), 0..3),
    ) {
        let document = RegInfo { version, state, registrations };
        prop_assert_eq!(RegInfo::from_body(&document.to_body()), Ok(document));
    }
}
