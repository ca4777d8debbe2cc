#![no_main]
//! A session description of the peer: no input panics; the answer to it can be read and fits it (RFC 3264 section 6); its version grows
//! by one if it says something else (section 8); as an answer to our offer it is taken or refused.

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sip_core::sdp;
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_sdp::{Audio, Codec, Description, Direction, Negotiation};

fuzz_target!(|data: &[u8]| -> Corpus {
    let read = Description::read(data);
    tally::count(read.is_ok());
    let offer = match read {
        Ok(offer) => offer,
        Err(error) => {
            let lines = data.split(|&byte| byte == b'\n').count();
            assert!((1..=lines).contains(&error.line), "{error}");
            assert!(error.to_string().len() < 200, "{error}");
            return Corpus::Reject;
        }
    };
    let rtp = Audio::rtp(
        ([192, 0, 2, 1], 4000).into(),
        vec![Codec::pcma(), Codec::telephone_event()],
    );
    for side in [Audio::signalling_only(), rtp] {
        let mut call = Negotiation::new(1, side.clone());
        if call.accept_offer(data).is_ok() {
            let answer = call.answer(false).expect("an offer waits");
            fits(&offer, &answer);
            tally::reached("answers", 1);
            call.accept_offer(data).expect("as before");
            assert_eq!(
                call.answer(false).expect("as before"),
                answer,
                "it says the same"
            );
            call.accept_offer(data).expect("as before");
            let held = call.answer(true).expect("an offer waits");
            let changed = Ok(Some(Direction::SendOnly)) == sdp::direction(held.as_bytes());
            tally::reached("answers that hold", u64::from(changed));
            let ours = call.offer(false);
            assert!(Description::read(ours.as_bytes()).is_ok(), "{ours}");
            sdp::with_direction(ours.as_bytes(), Direction::Inactive).expect("ours");
        }
        let mut call = Negotiation::new(1, side);
        let ours = call.offer(false);
        if call.accept_answer(data).is_ok() {
            tally::reached("answers taken", 1);
            let again = call.offer(true);
            assert!(Description::read(again.as_bytes()).is_ok(), "{again}");
            call.roll_back();
            let before = call.offer(false);
            assert!(Description::read(before.as_bytes()).is_ok(), "{before}");
        }
    }
    Corpus::Keep
});

fn fits(offer: &Description<'_>, text: &str) {
    let answer = Description::read(text.as_bytes()).expect("our own");
    assert_eq!(offer.media.len(), answer.media.len(), "{text}");
    for (offered, answered) in offer.media.iter().zip(&answer.media) {
        assert_eq!(
            (offered.kind, offered.protocol),
            (answered.kind, answered.protocol)
        );
        if answered.port > 0 {
            let (theirs, ours) = (offer.direction(offered), answer.direction(answered));
            assert_eq!(ours, theirs.reversed(), "{text}");
            let theirs = offered.codecs();
            for codec in answered.codecs() {
                assert!(
                    theirs.iter().any(|its| its.payload() == codec.payload()),
                    "{text}"
                );
            }
        }
    }
}

/// Lines that a description may have.
const LINES: &[&str] = &[
    "m=audio 4000 RTP/AVP 0 8 96 101\r\n",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 9\r\n",
    "m=audio 0 RTP/AVP 0\n",
    "m=video 4002/2 RTP/AVP 96 97\r\n",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    "a=rtpmap:96 OPUS/48000/2\r\n",
    "a=rtpmap:101 telephone-event/8000\r\n",
    "a=rtpmap:111 opus/48000/2\r\n",
    "a=fmtp:96 useinbandfec=1\r\n",
    "a=sendonly\r\n",
    "a=recvonly\n",
    "a=inactive\r\n",
    "a=mid:1\r\n",
    "a=group:BUNDLE 0 1\r\n",
    "a=bundle-only\r\n",
    "a=ice-ufrag:abcd\r\n",
    "a=ice-pwd:abcdefghijklmnopqrstuv\r\n",
    "a=fingerprint:sha-256 AA\r\n",
    "a=setup:passive\r\n",
    "a=rtcp-mux\r\n",
    "c=IN IP4 0.0.0.0\r\n",
    "c=IN IP6 2001:db8::1\r\n",
    "t=3034423619 3042462419\r\n",
    "i=\u{e4}\r\n",
    "\r\n",
];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice::new(seed);
    if dice.roll(12) == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let mut lines: Vec<&[u8]> = data[..size]
        .split_inclusive(|&byte| byte == b'\n')
        .collect();
    let at = dice.roll(lines.len() + 1);
    match dice.roll(4) {
        0 if at < lines.len() => drop(lines.remove(at)),
        1 if at < lines.len() => {
            let line = lines[dice.roll(lines.len())];
            lines.insert(at, line);
        }
        _ => lines.insert(at, LINES[dice.roll(LINES.len())].as_bytes()),
    }
    let mut bytes = lines.concat();
    bytes.truncate(max_size);
    mutate::give_back(&bytes, data)
});
