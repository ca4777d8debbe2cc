#![no_main]
//! A stream cut into chunks anywhere gives the same messages, pings and fault as the whole stream at once. Pongs may
//! differ: CR LF alone is one, and becomes the first half of a ping when another CR LF follows (RFC 5626
//! section 4.4.1).
//!
//! The first two bytes choose where to cut, the rest is the stream.

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_parse::{ErrorKind, Frame, Framer, Limits, Message};

fuzz_target!(|data: &[u8]| {
    let Some((cuts, stream)) = data.split_first_chunk::<2>() else {
        return;
    };
    let whole = frames(std::iter::once(stream));
    let mut dice = Dice::new(u32::from(u16::from_le_bytes(*cuts)));
    let widest = 1 + dice.roll(64);
    let chunks = std::iter::repeat_with(|| 1 + dice.roll(widest));
    compare(&whole, &frames(cut(stream, chunks)));
    if stream.len() < 2048 {
        compare(&whole, &frames(cut(stream, std::iter::repeat(1))));
    }
    let mut messages = 0;
    for frame in &whole.0 {
        if let Framed::Message(bytes) = frame {
            messages += 1;
            let read = Message::parse(bytes.clone().into(), &Limits::default());
            // What was framed is one whole message, even if it is no good one.
            assert!(
                !matches!(
                    read.map_err(|error| error.kind),
                    Err(ErrorKind::BodyTooShort { .. })
                ),
                "a frame is whole"
            );
        }
    }
    tally::count(messages > 0);
    tally::reached("messages", messages);
    tally::reached("keep-alives", whole.0.len() as u64 - messages);
    tally::reached("streams that failed", u64::from(whole.1.is_some()));
});

fn compare(whole: &Outcome, cut: &Outcome) {
    let sure = |outcome: &Outcome| -> Vec<_> {
        let frames = outcome.0.iter();
        frames
            .filter(|frame| **frame != Framed::Pong)
            .map(|frame| format!("{frame:?}"))
            .collect()
    };
    assert_eq!(sure(whole), sure(cut), "frames");
    assert_eq!(whole.1, cut.1, "fault");
}

/// Frames, and the fault that ended them.
type Outcome = (Vec<Framed>, Option<ErrorKind>);

/// What a framer gave.
#[derive(PartialEq)]
enum Framed {
    Message(Vec<u8>),
    Ping,
    Pong,
}

impl std::fmt::Debug for Framed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Framed::Message(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Framed::Ping => f.write_str("ping"),
            Framed::Pong => f.write_str("pong"),
        }
    }
}

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut framer = Framer::new(Limits::default());
    let mut found = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Message(bytes))) => found.push(Framed::Message(bytes.to_vec())),
                Ok(Some(Frame::Ping)) => found.push(Framed::Ping),
                Ok(Some(Frame::Pong)) => found.push(Framed::Pong),
                Err(fault) => {
                    framer.push(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n");
                    assert!(framer.next().is_err(), "a failed framer stays failed");
                    return (found, Some(fault.error.kind));
                }
            }
        }
    }
    (found, None)
}

fn cut(stream: &[u8], sizes: impl Iterator<Item = usize>) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    sizes.map_while(move |size| {
        let (chunk, tail) = rest.split_at(size.min(rest.len()));
        rest = tail;
        (!chunk.is_empty()).then_some(chunk)
    })
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice::new(seed);
    let mut bytes = data[..size].to_vec();
    if bytes.len() < 2 {
        bytes.resize(2, 0);
    }
    let mut stream = bytes.split_off(2);
    match dice.roll(4) {
        0 => bytes[0] = dice.roll(256) as u8,
        1 => bytes[1] = dice.roll(256) as u8,
        2 if stream.len() < max_size / 4 => stream.extend_from_within(..),
        _ => mutate::message(&mut stream, max_size - 2, &mut dice),
    }
    bytes.append(&mut stream);
    mutate::give_back(&bytes, data)
});
