//! Offers and answers between sides that chance has made, and descriptions that chance has written. `sdp-types` reads them too, because
//! a reader and a writer of one hand could share a mistake.

use proptest::prelude::*;
use sip_sdp::{Audio, Codec, Description, Direction, Media, Negotiation, NegotiationError};

fn codec() -> impl Strategy<Value = Codec> {
    let name = prop::sample::select(vec![
        "opus/48000/2",
        "PCMU/8000",
        "pcmu/8000/1",
        "G722/8000",
        "L16/44100/2",
        "telephone-event/8000",
    ]);
    (0_u8..128, name).prop_map(|(payload, name)| Codec::new(payload, name).expect("valid"))
}

/// Codecs under payload types of their own.
fn codecs() -> impl Strategy<Value = Vec<Codec>> {
    prop::collection::vec(codec(), 1..8).prop_map(|mut codecs| {
        codecs.sort_by_key(Codec::payload);
        codecs.dedup_by_key(|codec| codec.payload());
        codecs
    })
}

/// A side with media, or one without.
fn audio() -> impl Strategy<Value = Audio> {
    let socket = (any::<std::net::IpAddr>(), 1_u16..).prop_map(Into::into);
    let rtp = (socket, codecs()).prop_map(|(socket, codecs)| Audio::rtp(socket, codecs));
    prop_oneof![rtp, Just(Audio::signalling_only())]
}

/// One line of a description of a peer.
fn line() -> impl Strategy<Value = String> {
    let direction = "a=(sendrecv|sendonly|recvonly|inactive)";
    let media = "m=(audio|video|image|application) (0|9|4000|4000/2) (RTP/AVP|RTP/AVPF|RTP/SAVP|UDP/TLS/RTP/SAVPF|udptl|TCP/MSRP)( (0|8|9|96|97|111|t38)){1,4}";
    prop_oneof![
        3 => media,
        2 => direction,
        2 => "a=rtpmap:(0|96|97|111) (opus/48000/2|OPUS/48000/2|PCMA/8000|telephone-event/8000|x)",
        1 => "c=IN (IP4 (192.0.2.1|0.0.0.0)|IP6 ::1)",
        1 => "a=(mid:[0-9]|bundle-only|rtcp-mux|ice-ufrag:[a-z]{4}|ice-pwd:[a-z]{22}|setup:(active|passive|actpass)|fingerprint:sha-256 AA|group:BUNDLE( [0-9]){0,4})",
        1 => "[a-z]=[ -~]{0,12}",
    ]
}

fn offer() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(), 0..24);
    let version = (
        any::<u64>(),
        prop::sample::select(vec!["0 0", "3034423619 3042462419", "x"]),
    );
    (lines, version).prop_map(|(lines, (version, time))| {
        let head = format!("v=0\r\no=- 1 {version} IN IP4 192.0.2.1\r\ns=-\r\nt={time}\r\n");
        lines
            .iter()
            .fold(head, |text, line| format!("{text}{line}\r\n"))
    })
}

fn read(text: &str) -> Description<'_> {
    Description::read(text.as_bytes()).expect("our own")
}

fn version(text: &str) -> u64 {
    let origin = read(text).origin.expect("ours has one");
    origin.version.parse().expect("ours is a number")
}

fn behind_origin(text: &str) -> &str {
    text.splitn(3, "\r\n").nth(2).expect("three lines and more")
}

/// Our description reads the same with a reader of another hand.
fn is_read_alike(text: &str) -> Result<(), TestCaseError> {
    let ours = read(text);
    let theirs = sdp_types::Session::parse(text.as_bytes()).expect("legal for sdp-types");
    prop_assert_eq!(ours.media.len(), theirs.medias.len());
    for (ours, theirs) in ours.media.iter().zip(&theirs.medias) {
        prop_assert_eq!(ours.kind, &theirs.media);
        prop_assert_eq!(ours.port, theirs.port);
        prop_assert_eq!(ours.protocol, &theirs.proto);
        prop_assert_eq!(ours.formats.join(" "), theirs.fmt.as_str());
        let attributes = theirs.attributes.iter();
        let attributes = attributes.map(|its| {
            (
                its.attribute.as_str(),
                its.value.as_deref().unwrap_or_default(),
            )
        });
        prop_assert!(ours.attributes.iter().eq(attributes));
    }
    Ok(())
}

/// RFC 3264 section 6: what an answer owes to its offer.
fn is_answer_to(offer: &str, answer: &str, hold: bool) -> Result<(), TestCaseError> {
    let (asked, answered) = (
        Description::read(offer.as_bytes()).expect("it was accepted"),
        read(answer),
    );
    prop_assert_eq!(asked.media.len(), answered.media.len());
    let is_time = asked.time.is_some_and(|time| time != "x");
    prop_assert!(!is_time || asked.time == answered.time);
    let mut live = 0;
    for (offered, media) in asked.media.iter().zip(&answered.media) {
        prop_assert_eq!(
            (media.kind, media.protocol),
            (offered.kind, offered.protocol)
        );
        prop_assert_eq!(
            media.attributes.value("mid"),
            offered.attributes.value("mid")
        );
        let (theirs, ours) = (asked.direction(offered), answered.direction(media));
        if media.port == 0 {
            prop_assert_eq!(ours, Direction::Inactive);
            continue;
        }
        live += 1;
        prop_assert!(!offered.is_off());
        prop_assert!(!ours.sends() || theirs.receives(), "{ours} to {theirs}");
        prop_assert!(
            !ours.receives() || (theirs.sends() && !hold),
            "{ours} to {theirs}"
        );
        // Common codecs, under the payload types and in the order of the offer.
        let (theirs, ours) = (offered.codecs(), media.codecs());
        let mut theirs = theirs.iter();
        for codec in &ours {
            let same =
                |its: &&Codec| its.payload() == codec.payload() && its.is_same_encoding(codec);
            prop_assert!(theirs.by_ref().any(|its| same(&its)), "{codec} in {answer}");
        }
        prop_assert!(ours.iter().any(Codec::is_sound));
    }
    prop_assert!(live <= 1, "one audio stream");
    Ok(())
}

fn live<'a, 'b>(description: &'b Description<'a>) -> Option<&'b Media<'a>> {
    description.media.iter().find(|media| media.port != 0)
}

proptest! {
    /// No text makes the reader or the answering side panic.
    #[test]
    fn any_text_is_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..300), begins in any::<bool>()) {
        let head: &[u8] = if begins { b"v=0\n" } else { b"" };
        let text = [head, &text].concat();
        let lines = text.split(|&byte| byte == b'\n').count();
        if let Err(error) = Description::read(&text) {
            prop_assert!((1..=lines).contains(&error.line));
        }
        let mut call = Negotiation::new(1, Audio::signalling_only());
        if call.accept_offer(&text).is_ok() {
            call.answer(false).expect("an offer waits");
        }
        call.offer(false);
        let _ = call.accept_answer(&text);
    }

    /// RFC 3264 section 6: an answer fits its offer; an offer without usable audio is refused, and the session in force stays.
    #[test]
    fn rfc3264_6_an_answer_fits_its_offer(side in audio(), offers in prop::collection::vec((offer(), any::<bool>()), 1..5)) {
        let mut call = Negotiation::new(1, side);
        let mut last: Option<String> = None;
        for (offer, hold) in offers {
            match call.accept_offer(offer.as_bytes()) {
                Ok(()) => {
                    let answer = call.answer(hold).expect("an offer waits");
                    is_answer_to(&offer, &answer, hold)?;
                    is_read_alike(&answer)?;
                    // Section 8: one more if it says something else, the same if not.
                    let (before, same) = last.as_ref().map_or((0, false), |last| {
                        (version(last), behind_origin(last) == behind_origin(&answer))
                    });
                    prop_assert_eq!(version(&answer), before + u64::from(!same));
                    last = Some(answer);
                }
                Err(NegotiationError::Read(_) | NegotiationError::NoUsableAudio) => {}
                Err(other) => prop_assert!(false, "{other}"),
            }
            prop_assert_eq!(call.answer(hold), Err(NegotiationError::NoOffer));
        }
    }

    /// Two sides that have a codec in common come to an agreement, hold and resume it from either end.
    #[test]
    fn rfc3264_8_4_two_sides_agree_hold_and_resume(
        (alice, bob) in (codecs(), codecs()),
        steps in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 1..8),
    ) {
        let socket = |port| std::net::SocketAddr::from(([192, 0, 2, 1], port));
        let mut sides = [Negotiation::new(1, Audio::rtp(socket(1), alice)), Negotiation::new(2, Audio::rtp(socket(2), bob))];
        for (from, offer_holds, answer_holds) in steps {
            let [alice, bob] = &mut sides;
            let (from, to) = if from { (alice, bob) } else { (bob, alice) };
            let offer = from.offer(offer_holds);
            is_read_alike(&offer)?;
            if to.accept_offer(offer.as_bytes()).is_err() {
                from.roll_back();
                to.roll_back();
                return Ok(());
            }
            let answer = to.answer(answer_holds).expect("an offer waits");
            prop_assert_eq!(from.accept_answer(answer.as_bytes()), Ok(()));
            let (offer, answer) = (read(&offer), read(&answer));
            if let (Some(offered), Some(answered)) = (live(&offer), live(&answer)) {
                let (offered, answered) = (offer.direction(offered), answer.direction(answered));
                prop_assert!(!offer_holds || !offered.receives());
                prop_assert!(!answer_holds || !answered.receives());
                if !offer_holds && !answer_holds {
                    prop_assert_eq!((offered, answered), (Direction::SendRecv, Direction::SendRecv));
                }
            }
        }
    }
}
