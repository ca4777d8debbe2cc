#![no_main]
//! The body of an event package: no input panics; what is read and written reads back as the same; a state that partial documents
//! make stays within its bounds.
//!
//! The first byte chooses the package, `0` to `4` in the order of `Package::ALL`; the rest is the body.

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sip_core::Body;
use sip_core::package::{
    DialogInfo, DocumentState, MessageSummary, Package, PackageError, Presence, ReferStatus,
    RegInfo, UpdateOutcome,
};
use sip_fuzz::bodies;
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&choice, bytes)) = data.split_first() else {
        return Corpus::Reject;
    };
    let package = Package::ALL[usize::from(choice.wrapping_sub(b'0')) % Package::ALL.len()];
    let body = Body::new(package.content_type, bytes.to_vec());
    let outcome = match package {
        Package::PRESENCE => presence(&body),
        Package::MESSAGE_SUMMARY => message_summary(&body),
        Package::DIALOG => dialog_info(&body),
        Package::REG => reginfo(&body),
        _ => refer(&body),
    };
    tally::count(outcome.is_ok());
    match outcome {
        Ok(()) => Corpus::Keep,
        Err(error) => {
            within(&error, bytes);
            Corpus::Reject
        }
    }
});

/// The place of a fault is in the body, or at its end.
fn within(error: &PackageError, bytes: &[u8]) {
    let lines = 1 + bytes
        .iter()
        .filter(|byte| matches!(byte, b'\n' | b'\r'))
        .count();
    match error {
        PackageError::Utf8(at) => assert!(*at < bytes.len()),
        PackageError::DocumentType(at)
        | PackageError::Xml { at, .. }
        | PackageError::Missing { at, .. }
        | PackageError::Malformed { at, .. } => {
            assert!((1..=lines).contains(&(at.line as usize)), "{error}");
            assert!(
                (1..=bytes.len() + 1).contains(&(at.column as usize)),
                "{error}"
            );
        }
        _ => {}
    }
    assert!(error.to_string().len() < 400, "{error}");
}

fn presence(body: &Body) -> Result<(), PackageError> {
    let read = Presence::from_body(body)?;
    let again = Presence::from_body(&read.to_body()).expect("reads again");
    assert_eq!(read.to_string(), again.to_string());
    assert_eq!(read.activities().count(), again.activities().count());
    // Missing identifiers are written.
    let third = Presence::from_body(&again.to_body()).expect("reads again");
    assert_eq!(again, third);
    tally::reached("activities", read.activities().count() as u64);
    Ok(())
}

fn message_summary(body: &Body) -> Result<(), PackageError> {
    let read = MessageSummary::from_body(body)?;
    let again = MessageSummary::from_body(&read.to_body());
    assert_eq!(again, Ok(read.clone()));
    tally::reached(
        "summaries with details",
        u64::from(!read.details.is_empty()),
    );
    Ok(())
}

fn refer(body: &Body) -> Result<(), PackageError> {
    let read = ReferStatus::from_body(body)?;
    let again = ReferStatus::from_body(&read.to_body()).expect("reads again");
    assert_eq!(again.status, read.status);
    assert_eq!(ReferStatus::from_body(&again.to_body()), Ok(again));
    Ok(())
}

fn dialog_info(body: &Body) -> Result<(), PackageError> {
    let read = DialogInfo::from_body(body)?;
    assert_eq!(DialogInfo::from_body(&read.to_body()), Ok(read.clone()));
    assert!(read.dialogs.len() <= 1_024);
    let mut known = DialogInfo::new(read.entity.clone(), 0, DocumentState::Full);
    let (version, count) = (read.version, read.dialogs.len());
    match known.apply(read.clone()) {
        Ok(UpdateOutcome::Applied) => {
            assert_eq!((known.version, known.dialogs.len()), (version, count));
            let mut next = read;
            (next.version, next.state) = (version.saturating_add(1), DocumentState::Partial);
            let applied = known.apply(next).expect("it is the next one");
            assert_eq!(applied == UpdateOutcome::Outdated, version == u32::MAX);
            assert_eq!(
                known.dialogs.len(),
                count,
                "its own dialogs take their own places"
            );
            tally::reached("dialogs merged", count as u64);
        }
        Ok(UpdateOutcome::Outdated) => assert_eq!(version, 0),
        Err(_) => assert!(version > 1 && read.state == DocumentState::Partial),
    }
    Ok(())
}

fn reginfo(body: &Body) -> Result<(), PackageError> {
    let read = RegInfo::from_body(body)?;
    assert_eq!(RegInfo::from_body(&read.to_body()), Ok(read.clone()));
    let bindings = |info: &RegInfo| -> usize {
        let all = info.registrations.iter();
        all.map(|registration| registration.bindings.len()).sum()
    };
    assert!(read.registrations.len() <= 1_024 && bindings(&read) <= 2_048);
    let mut known = RegInfo::new(0, DocumentState::Full);
    match known.apply(read.clone()) {
        Ok(UpdateOutcome::Applied) => {
            assert_eq!(known.version, read.version);
            let mut next = read.clone();
            (next.version, next.state) = (read.version.saturating_add(1), DocumentState::Partial);
            let applied = known.apply(next).expect("it is the next one");
            assert_eq!(applied == UpdateOutcome::Outdated, read.version == u32::MAX);
            assert!(known.registrations.len() <= read.registrations.len());
            assert!(bindings(&known) <= 2_048);
            tally::reached("contacts merged", bindings(&known) as u64);
        }
        Ok(UpdateOutcome::Outdated) => assert_eq!(read.version, 0),
        Err(_) => assert!(read.version > 1 && read.state == DocumentState::Partial),
    }
    Ok(())
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice::new(seed);
    let mut bytes = data[..size].to_vec();
    if bytes.is_empty() {
        bytes.push(b'0');
    }
    // The seeds fit their package; another one would mostly refuse them.
    if dice.roll(32) == 0 {
        bytes[0] = b'0' + dice.roll(5) as u8;
    }
    let mut body = bytes.split_off(1);
    bodies::mutate(&mut body, max_size - 1, &mut dice);
    bytes.append(&mut body);
    mutate::give_back(&bytes, data)
});
