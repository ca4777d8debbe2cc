#![no_main]
//! A message rebuilt by the builder, each header field from its typed value, is written and read as the same message; and
//! no edit lets a line end into a value.

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_fuzz::typed::written;
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, StatusCode};

fuzz_target!(|data: &[u8]| {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(data), &Limits::default()) else {
        tally::count(false);
        return;
    };
    let rebuilt = rebuild(&message);
    tally::count(rebuilt);
    edit(&message);
});

/// Each value of the message as its type writes it, or as it came where it has no type or is malformed.
fn values(message: &Message) -> Vec<(HeaderName<'_>, Vec<u8>)> {
    let mut values = Vec::new();
    for header in message.headers() {
        if header.name == HeaderName::ContentLength {
            continue;
        }
        let plain = header.unfolded();
        let text = match written(header.name, &plain) {
            Some(Ok(text)) => text,
            _ => plain.into_owned(),
        };
        values.push((header.name, text));
    }
    values
}

fn rebuild(message: &Message) -> bool {
    let values = values(message);
    let types = message.headers_named(HeaderName::ContentType).count();
    if types > 1 {
        // A body has one type; the builder writes one.
        return false;
    }
    let (request, response) = (message.as_request(), message.as_response());
    let mut builder = match (&request, &response) {
        (Some(request), _) => Builder::request(request.method(), request.uri_bytes()),
        (_, Some(response)) => {
            let mut builder = Builder::response(response.status());
            builder.reason(response.reason());
            builder
        }
        _ => unreachable!("a message is one of the two"),
    };
    for (name, value) in &values {
        builder.append(*name, value.as_slice());
    }
    if !message.body().is_empty() {
        let kind = values
            .iter()
            .find(|(name, _)| *name == HeaderName::ContentType)
            .map_or(&b"text/plain"[..], |(_, value)| value);
        builder.body(kind, message.body());
    }
    let Ok(built) = builder.build() else {
        return false;
    };
    let read = Message::parse(built.bytes().clone(), &Limits::default()).expect("reads again");
    assert_eq!(read.bytes(), built.bytes(), "nothing is cut off");
    assert_eq!(read.body(), message.body(), "the body is the same");
    assert_eq!(
        read.headers().count(),
        built.headers().count(),
        "records made by the writer are those that a reader makes"
    );
    for (ours, theirs) in built.headers().zip(read.headers()) {
        assert_eq!(ours.name, theirs.name);
        assert_eq!(ours.value, theirs.value, "{}", ours.name);
        assert_eq!(ours.offset, theirs.offset);
        assert_eq!(ours.line, theirs.line);
    }
    let mut expected = values.iter();
    for (name, value) in self::values(&read) {
        match expected.next() {
            Some((wanted, text)) if *wanted == name => {
                assert_eq!(value, trimmed(text), "{name} reads as it was written");
            }
            // A body without Content-Type was given one.
            _ => assert_eq!(name, HeaderName::ContentType),
        }
    }
    tally::reached("header fields rebuilt", values.len() as u64);
    true
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Edits that a proxy and a user agent make, and one that an attacker would like.
fn edit(message: &Message) {
    let untouched = Builder::from_message(message).build();
    if let Ok(untouched) = &untouched {
        tally::reached("copied", 1);
        assert_eq!(untouched.body(), message.body());
        let again = Builder::from_message(untouched).build();
        assert_eq!(again.as_ref(), Ok(untouched), "a copy of a copy is the same");
    }
    let mut builder = Builder::from_message(message);
    builder
        .prepend(HeaderName::Via, "SIP/2.0/UDP h;branch=z9hG4bKx")
        .set(HeaderName::MaxForwards, 69);
    if let Ok(forwarded) = builder.build() {
        tally::reached("forwarded", 1);
        let mut back = Builder::from_message(&forwarded);
        back.remove_first_value(HeaderName::Via);
        if let Ok(back) = back.build() {
            let vias = |message: &Message| -> Vec<Vec<u8>> {
                message.values(HeaderName::Via).map(<[u8]>::to_vec).collect()
            };
            assert_eq!(vias(&back), vias(message), "the Via of our own is gone, no other");
        }
    }
    let tail = &message.bytes()[message.bytes().len().saturating_sub(40)..];
    let mut builder = Builder::from_message(message);
    builder.set(HeaderName::Subject, tail);
    let safe = !tail.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if let Ok(built) = builder.build() {
        assert!(safe, "a line end or NUL got into a value");
        let read = Message::parse(built.bytes().clone(), &Limits::default()).expect("reads again");
        assert_eq!(read.headers().count(), built.headers().count(), "no line was added");
    }
    if let Some(request) = message.as_request() {
        if let Ok(response) = Builder::response_to(&request, StatusCode::BUSY_HERE, Some(b"t")).build() {
            tally::reached("answered", 1);
            let read = Message::parse(response.bytes().clone(), &Limits::default());
            assert_eq!(read.as_ref(), Ok(&response));
        }
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut bytes = data[..size].to_vec();
    mutate::message(&mut bytes, max_size, &mut Dice::new(seed));
    mutate::give_back(&bytes, data)
});
