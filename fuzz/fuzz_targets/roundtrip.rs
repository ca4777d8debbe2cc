#![no_main]
//! A message rebuilt by the builder, each header field from its typed value, is written and read as the same
//! message; and no edit lets a line end into a value.

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_fuzz::typed::written;
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Method, StatusCode};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(data), &Limits::default()) else {
        tally::count(false);
        return Corpus::Reject;
    };
    let rebuilt = rebuild(&message);
    tally::count(rebuilt);
    edit(&message);
    // A refused input makes a poor parent.
    if rebuilt {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});

/// Each value of the message as its type writes it, or as it came where it has no type.
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

/// Mends the fields that a builder has to refuse: drops repeated single fields, and adds mandatory ones that
/// are absent or malformed.
fn mend<'a>(message: &'a Message, method: Option<Method<'a>>) -> Vec<(HeaderName<'a>, Vec<u8>)> {
    let mut mended: Vec<(HeaderName<'a>, Vec<u8>)> = Vec::new();
    for (name, value) in values(message) {
        let known = name.is_single() && mended.iter().any(|(known, _)| *known == name);
        let malformed = matches!(written(name, &value), Some(Err(_)));
        if !known && !malformed {
            mended.push((name, value));
        }
    }
    let number = message.cseq().map_or(1, |cseq| cseq.number);
    let method = method.or(message.cseq().ok().map(|cseq| cseq.method));
    let cseq = format!("{number} {}", method.unwrap_or(Method::Options)).into_bytes();
    mended.retain(|(name, _)| *name != HeaderName::CSeq);
    mended.push((HeaderName::CSeq, cseq));
    if message.call_id().is_err() {
        mended.retain(|(name, _)| *name != HeaderName::CallId);
    }
    if message.max_forwards().is_err() {
        mended.retain(|(name, _)| *name != HeaderName::MaxForwards);
    }
    let needed: [(HeaderName<'_>, &[u8]); 5] = [
        (HeaderName::Via, b"SIP/2.0/UDP host;branch=z9hG4bK1"),
        (HeaderName::From, b"<sip:a@host>;tag=1"),
        (HeaderName::To, b"<sip:b@host>"),
        (HeaderName::CallId, b"1@host"),
        (HeaderName::MaxForwards, b"70"),
    ];
    for (name, value) in needed {
        if !mended.iter().any(|(known, _)| *known == name) {
            mended.push((name, value.to_vec()));
        }
    }
    if !message.body().is_empty()
        && !mended
            .iter()
            .any(|(name, _)| *name == HeaderName::ContentType)
    {
        mended.push((HeaderName::ContentType, b"text/plain".to_vec()));
    }
    mended
}

fn rebuild(message: &Message) -> bool {
    let (request, response) = (message.as_request(), message.as_response());
    let values = mend(message, request.as_ref().map(|request| request.method()));
    let mut builder = match (&request, &response) {
        (Some(request), _) => {
            let good = request.uri().is_ok();
            let uri = if good { request.uri_bytes() } else { b"sip:a" };
            Builder::request(request.method(), uri)
        }
        (_, Some(response)) => {
            let mut builder = Builder::response(response.status());
            builder.reason(response.reason());
            builder
        }
        _ => unreachable!("a message is one of the two"),
    };
    let mut body_type = None;
    for (name, value) in &values {
        if *name == HeaderName::ContentType && !message.body().is_empty() {
            body_type = Some(value);
            builder.body(value, message.body());
        } else {
            builder.append(*name, value.as_slice());
        }
    }
    if body_type.is_none() && !message.body().is_empty() {
        return false;
    }
    let built = match builder.build() {
        Ok(built) => built,
        Err(error) => {
            if std::env::var_os("SIP_FUZZ_SHOW").is_some() {
                eprintln!("not built: {error}");
            }
            return false;
        }
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
    let again = self::values(&read);
    assert_eq!(again.len(), values.len(), "no field is lost or added");
    for ((name, value), (wanted, text)) in again.iter().zip(&values) {
        assert_eq!(name, wanted);
        assert_eq!(value, trimmed(text), "{name} reads as it was written");
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
        assert_eq!(
            again.as_ref(),
            Ok(untouched),
            "a copy of a copy is the same"
        );
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
                message
                    .values(HeaderName::Via)
                    .map(<[u8]>::to_vec)
                    .collect()
            };
            assert_eq!(
                vias(&back),
                vias(message),
                "the Via of our own is gone, no other"
            );
        }
    }
    let tail = &message.bytes()[message.bytes().len().saturating_sub(40)..];
    let mut builder = Builder::from_message(message);
    builder.set(HeaderName::Subject, tail);
    let safe = !tail.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if let Ok(built) = builder.build() {
        assert!(safe, "a line end or NUL got into a value");
        let read = Message::parse(built.bytes().clone(), &Limits::default()).expect("reads again");
        assert_eq!(
            read.headers().count(),
            built.headers().count(),
            "no line was added"
        );
    }
    if let Some(request) = message.as_request() {
        if let Ok(response) =
            Builder::response_to(&request, StatusCode::BUSY_HERE, Some(b"t")).build()
        {
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
