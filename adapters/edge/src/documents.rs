//! The documents of the event packages that the edge serves.

use std::collections::BTreeSet;

use bytes::Bytes;
use sip_core::Body;
use sip_core::package::presence::{Basic, Tuple};
use sip_core::package::reginfo::{Binding, BindingEvent, Registration};
use sip_core::package::{
    ContextClass, DocumentState, MessageCounts, MessageSummary, Presence, RegInfo,
};

/// A binding in a document of the package `reg`.
pub(crate) struct Contact {
    /// Never that of another binding.
    pub(crate) id: u64,
    pub(crate) uri: String,
    /// Seconds.
    pub(crate) expires: u64,
    pub(crate) is_refreshed: bool,
}

/// The address-of-record of a user.
pub(crate) fn address_of_record(user: &str, domain: &str) -> String {
    let mut address = "sip:".to_owned();
    for byte in user.bytes() {
        // RFC 3261 section 25.1: unreserved and user-unreserved.
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address.push('@');
    address.push_str(domain);
    address
}

/// Whether the edge can read a published document.
pub(crate) fn is_presence(document: &Bytes) -> bool {
    read(document).is_some()
}

/// The presence of a user (RFC 3863). `published` has its documents, the newest first. The oldest ones are left out of a composed
/// document that would have more than `longest` bytes, because a NOTIFY that no receiver takes ends the subscription (RFC 6665
/// section 4.2.2).
pub(crate) fn presence(
    address: &str,
    is_registered: bool,
    published: &[&Bytes],
    longest: usize,
) -> Body {
    match published {
        [] if is_registered => Presence::new(address, Basic::Open).to_body(),
        [] => Presence::new(address, Basic::Closed).to_body(),
        // What the edge does not know stays in the document.
        [only] => Body::new(Presence::CONTENT_TYPE, (*only).clone()),
        [newest, ..] => compose(address, published, longest)
            .unwrap_or_else(|| Body::new(Presence::CONTENT_TYPE, (*newest).clone())),
    }
}

/// One document for several, the newest first, as many as fit: all tuples, the persons of the first document that has any, and
/// the notes of the first one. `None` if not even two fit. Each is read once, because a user can publish many that take long.
fn compose(address: &str, published: &[&Bytes], longest: usize) -> Option<Body> {
    let mut all = published.iter().filter_map(|document| read(document));
    let mut composed = all.next()?;
    composed.entity = address.to_owned();
    let mut fits = None;
    for older in all {
        composed.tuples.extend(older.tuples);
        if composed.persons.is_empty() {
            composed.persons = older.persons;
        }
        identify(&mut composed.tuples);
        let body = composed.to_body();
        if body.bytes.len() > longest {
            break;
        }
        fits = Some(body);
    }
    fits
}

/// Gives a tuple whose identifier is taken a new one, because they are unique in a document (RFC 3863 section 4.1.2).
fn identify(tuples: &mut [Tuple]) {
    let mut taken = BTreeSet::new();
    for (number, tuple) in (1..).zip(tuples) {
        if !taken.insert(tuple.id.clone()) {
            let mut free = format!("{}-{number}", tuple.id);
            while !taken.insert(free.clone()) {
                free.push('-');
            }
            tuple.id = free;
        }
    }
}

fn read(document: &Bytes) -> Option<Presence> {
    let body = Body::new(Presence::CONTENT_TYPE, document.clone());
    Presence::from_body(&body).ok()
}

/// The messages that wait for a user (RFC 3842): voice messages, and stored texts if there are any.
pub(crate) fn message_summary(address: &str, new: u32, old: u32, texts: usize) -> Body {
    let texts = u32::try_from(texts).unwrap_or(u32::MAX);
    let summary = MessageSummary::new(new > 0 || texts > 0)
        .account(address)
        .with(ContextClass::Voice, MessageCounts::new(new, old));
    match texts {
        0 => summary,
        texts => summary.with(ContextClass::Text, MessageCounts::new(texts, 0)),
    }
    .to_body()
}

/// The bindings of a user (RFC 3680).
pub(crate) fn reg(address: &str, version: u32, contacts: impl Iterator<Item = Contact>) -> Body {
    let mut registration = Registration::new(address, "r1");
    for contact in contacts {
        let event = match contact.is_refreshed {
            true => BindingEvent::Refreshed,
            false => BindingEvent::Registered,
        };
        let mut binding = Binding::new(format!("c{}", contact.id), contact.uri, event);
        binding.expires = u32::try_from(contact.expires).ok();
        registration = registration.binding(binding);
    }
    RegInfo::new(version, DocumentState::Full)
        .registration(registration)
        .to_body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_core::package::presence::Activity;

    const ALICE: &str = "sip:alice@example.com";

    /// RFC 3863 section 4.1.2: the identifiers of the tuples of a composed document are unique, whatever the devices chose.
    #[test]
    fn rfc3863_4_1_2_several_documents_become_one() {
        let closed = Presence::new("sip:alice@desk.example.com", Basic::Closed).note("not here");
        let phone = Presence::new(ALICE, Basic::Open)
            .activity(Activity::OnThePhone)
            .note("an older note");
        let mut third = Presence::new(ALICE, Basic::Open).activity(Activity::Away);
        third.tuples[0].id = "t1-2".to_owned();
        third.tuples.push(third.tuples[0].clone());
        let documents = [closed, phone, third].map(|each| each.to_body().bytes);
        let newest_first: Vec<&Bytes> = documents.iter().collect();
        let body = presence(ALICE, true, &newest_first, usize::MAX);
        let composed = Presence::from_body(&body).expect("a document");
        assert_eq!(composed.entity, ALICE);
        let said: Vec<_> = composed.tuples.iter().map(|tuple| tuple.basic).collect();
        let open = Some(Basic::Open);
        assert_eq!(said, [Some(Basic::Closed), open, open, open]);
        let ids: BTreeSet<&str> = composed.tuples.iter().map(|tuple| &*tuple.id).collect();
        assert_eq!(ids.len(), 4, "{ids:?}");
        let activities: Vec<_> = composed.activities().collect();
        assert_eq!(activities, [&Activity::OnThePhone]);
        let notes: Vec<_> = composed.notes.iter().map(|note| &*note.text).collect();
        assert_eq!(notes, ["not here"]);
    }

    #[test]
    fn without_a_publication_the_registration_decides_and_one_stays_as_it_is() {
        for (is_registered, basic) in [(true, Basic::Open), (false, Basic::Closed)] {
            let body = presence(ALICE, is_registered, &[], usize::MAX);
            assert_eq!(Presence::from_body(&body), Ok(Presence::new(ALICE, basic)));
        }
        let text = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"pres:a@b\"><x xmlns=\"urn:x\"/></presence>";
        let document = Bytes::from_static(text.as_bytes());
        assert_eq!(presence(ALICE, true, &[&document], 0).bytes, document);
        assert!(is_presence(&document));
        assert!(!is_presence(&Bytes::from_static(b"<presence")));
    }

    #[test]
    fn addresses_are_escaped() {
        let address = address_of_record("a b@\u{fc}", "example.com");
        assert_eq!(address, "sip:a%20b%40%C3%BC@example.com");
    }
}
