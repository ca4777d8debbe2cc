#![no_main]
//! One message of a datagram or WebSocket. No input panics; an accepted message is kept byte for byte and can
//! be walked; a refusal has an offset inside the input; a malformed request whose mandatory fields can be
//! read can be answered.

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sip_benches::walk::walk;
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_parse::{Builder, Bytes, Limits, Message, Part, StatusCode};

fuzz_target!(|data: &[u8]| -> Corpus {
    let bytes = Bytes::copy_from_slice(data);
    let parsed = Message::parse(bytes.clone(), &Limits::default());
    tally::count(parsed.is_ok());
    match parsed {
        Ok(message) => {
            check(data, &message);
            Corpus::Keep
        }
        Err(error) => {
            assert!(error.offset as usize <= data.len(), "{error}");
            assert!(!error.to_string().is_empty());
            salvage(bytes);
            Corpus::Keep
        }
    }
});

/// The parts of the body are pieces of it, in order, and can be read.
fn check_parts(message: &Message) {
    let Ok(parts) = message.parts() else {
        return;
    };
    let body = message.body();
    let mut end = 0;
    for part in parts.iter() {
        let start = part.body.as_ptr() as usize - body.as_ptr() as usize;
        assert!(start >= end && start + part.body.len() <= body.len());
        end = start + part.body.len();
        let read = (part.disposition(), part.content_id(), part.decoded());
        assert!(read.2.is_none_or(|bytes| bytes.len() <= part.body.len()));
    }
    let selection = parts.select(Part::is_session_description);
    assert!(selection.used().all(Part::is_session_description));
    tally::reached("descriptions", selection.used().count() as u64);
}

fn check(data: &[u8], message: &Message) {
    let line_ends = data
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    assert!(
        data[line_ends..].starts_with(message.bytes()),
        "bytes changed"
    );
    assert_eq!(
        message.head().len() + message.body().len(),
        message.bytes().len(),
        "head and body are the message"
    );
    let again = Message::parse(message.bytes().clone(), &Limits::default());
    assert_eq!(again.as_ref(), Ok(message), "what was taken is taken again");
    let mut end = 0;
    for header in message.headers() {
        assert!(header.offset >= end, "header fields in order");
        end = header.offset + header.value.len();
        assert_eq!(&message.bytes()[header.offset..end], header.value);
        assert!(header.line.starts_with(header.raw_name), "line and name");
        assert!(
            !header
                .unfolded()
                .iter()
                .any(|byte| matches!(byte, b'\r' | b'\n')),
            "no line end is left"
        );
    }
    check_parts(message);
    tally::reached("valid", u64::from(message.validate().is_ok()));
    tally::reached("values read", walk(message) as u64);
    if let (Ok(()), Some(request)) = (message.validate(), message.as_request()) {
        let response = Builder::response_to(&request, StatusCode::OK, Some(b"tag")).build();
        if let Ok(response) = response {
            tally::reached("answered", 1);
            assert_eq!(response.call_id(), request.call_id(), "Call-ID is copied");
            assert_eq!(response.vias().count(), request.vias().count(), "all Via");
        }
    }
}

fn salvage(bytes: Bytes) {
    if let Some(request) = Message::salvage(bytes, &Limits::default()) {
        tally::reached("salvaged", 1);
        let response = Builder::response_to(&request, StatusCode::BAD_REQUEST, None).build();
        if let Ok(response) = response {
            let read = Message::parse(response.bytes().clone(), &Limits::default());
            assert_eq!(read.as_ref(), Ok(&response), "the answer can be read");
        }
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut bytes = data[..size].to_vec();
    mutate::message(&mut bytes, max_size, &mut Dice::new(seed));
    mutate::give_back(&bytes, data)
});
