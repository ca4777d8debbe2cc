extern crate std;

use std::format;
use std::string::ToString;

use super::*;

/// What Chromium 156 offers for audio, video and a data channel.
const AUDIO_VIDEO_DATA: &str = include_str!("chromium_audio_video_data.sdp");

const ID: u64 = 7;

fn new_call() -> Negotiation {
    Negotiation::new(ID, Audio::signalling_only())
}

fn answer_to(offer: &str) -> String {
    let mut call = new_call();
    answer(&mut call, offer)
}

fn answer(call: &mut Negotiation, offer: &str) -> String {
    call.accept_offer(offer.as_bytes()).expect("a usable offer");
    call.answer(false).expect("an answer")
}

/// The lines of a description that begin with one of these.
fn lines<'a>(description: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
    let lines = description.lines();
    lines
        .filter(|line| {
            beginnings
                .iter()
                .any(|beginning| line.starts_with(beginning))
        })
        .collect()
}

fn version(description: &str) -> u32 {
    let origin = lines(description, &["o="])[0];
    let words: Vec<&str> = origin.split(' ').collect();
    assert_eq!(words[1], ID.to_string(), "{origin}");
    words[2].parse().unwrap()
}

/// An audio offer of a browser with this direction.
fn audio_offer(direction: &str) -> String {
    let (audio, _) = AUDIO_VIDEO_DATA.split_once("m=video").unwrap();
    let audio = audio.replace("BUNDLE 0 1 2", "BUNDLE 0");
    audio.replace("a=sendrecv", &format!("a={direction}"))
}

/// RFC 3264 section 6: as many m-lines as the offer, in its order; RFC 9143 section 7.3.3: a rejected one is not in
/// the BUNDLE group.
#[test]
fn fault_f1_rfc3264_6_video_and_data_are_rejected_in_their_places() {
    let answer = answer_to(AUDIO_VIDEO_DATA);
    assert_eq!(
        lines(
            &answer,
            &["m=", "a=mid", "a=group", "a=sendrecv", "a=inactive"]
        ),
        [
            "a=group:BUNDLE 0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 9 0 8",
            "a=mid:0",
            "a=sendrecv",
            "m=video 0 UDP/TLS/RTP/SAVPF 96 97 102 103 104 107 108 109 114 115 116 117 39 40 45 46 98 99 100 101 118 119 120",
            "a=mid:1",
            "a=inactive",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
            "a=mid:2",
            "a=inactive",
        ]
    );
    // RFC 8829 section 5.3.1: what a browser requires of the accepted line, once.
    for required in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=rtcp-mux"] {
        assert_eq!(lines(&answer, &[required]).len(), 1, "{required}");
    }
    assert_eq!(lines(&answer, &["a=setup"]), ["a=setup:active"]);
    assert_eq!(lines(&answer, &["t="]), ["t=0 0"]);
    assert!(answer.lines().all(|line| !line.is_empty()));
    assert!(answer.ends_with("\r\n"));
}

/// RFC 3264 section 6: the audio line keeps its place behind a rejected one.
#[test]
fn fault_f1_rfc3264_6_audio_may_come_second() {
    let (session, media) = AUDIO_VIDEO_DATA.split_at(AUDIO_VIDEO_DATA.find("m=audio").unwrap());
    let (audio, others) = media.split_at(media.find("m=video").unwrap());
    let answer = answer_to(&format!("{session}{others}{audio}"));
    let media: Vec<&str> = lines(&answer, &["m="])
        .iter()
        .map(|line| &line[2..9])
        .collect();
    assert_eq!(media, ["video 0", "applica", "audio 9"]);
    assert_eq!(lines(&answer, &["a=group"]), ["a=group:BUNDLE 0"]);
}

/// RFC 3264 section 8.4: the side that holds the call receives nothing, and sends nothing if the peer holds it too. The version
/// grows with each change (section 8).
#[test]
fn rfc3264_8_4_hold_and_resume_by_this_side() {
    let mut call = new_call();
    let directions = ["a=send", "a=recv", "a=inactive"];
    let mut versions = Vec::new();
    let mut offers = |call: &mut Negotiation, hold, expected: &str| {
        let offer = call.offer(hold);
        assert_eq!(lines(&offer, &directions), [expected]);
        let answer = answer_to(&offer);
        call.accept_answer(answer.as_bytes())
            .expect("a usable answer");
        versions.push(version(&offer));
    };
    offers(&mut call, false, "a=sendrecv");
    offers(&mut call, true, "a=sendonly");
    offers(&mut call, true, "a=sendonly");
    offers(&mut call, false, "a=sendrecv");
    for (offered, answered) in [
        ("sendrecv", "a=sendonly"),
        ("recvonly", "a=sendonly"),
        ("sendonly", "a=inactive"),
        ("inactive", "a=inactive"),
    ] {
        call.accept_offer(audio_offer(offered).as_bytes())
            .expect("usable");
        let answer = call.answer(true).expect("an answer");
        assert_eq!(lines(&answer, &directions), [answered], "{offered}");
    }
    offers(&mut call, true, "a=inactive");
    offers(&mut call, false, "a=sendrecv");
    assert_eq!(versions[..4], [1, 2, 2, 3]);
    assert!(versions.is_sorted());
}

/// RFC 3264 section 6.1: the answer mirrors the direction. Hold and resume are offers that say something else,
/// so the version grows each time and the session id stays (section 8).
#[test]
fn fault_f1_rfc3264_6_1_directions_are_mirrored_by_hold_and_resume() {
    let mut call = new_call();
    for (index, (offered, answered)) in [
        ("sendrecv", "a=sendrecv"),
        ("sendonly", "a=recvonly"),
        ("inactive", "a=inactive"),
        ("recvonly", "a=sendonly"),
        ("sendrecv", "a=sendrecv"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = answer(&mut call, &audio_offer(offered));
        assert_eq!(
            lines(&answer, &["a=send", "a=recv", "a=inactive"]),
            [answered],
            "{offered}"
        );
        assert_eq!(version(&answer) as usize, index + 1);
        assert_eq!(lines(&answer, &["a=setup"]), ["a=setup:active"]);
    }
    // RFC 3264 section 8: the same version if it says the same.
    let again = answer(&mut call, &audio_offer("sendrecv"));
    assert_eq!(version(&again), 5);
}

/// RFC 8866 section 6.7: a direction of the session counts where the line has none, and no direction is both.
#[test]
fn fault_f1_a_direction_of_the_session_is_mirrored_too() {
    let of_session = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=sendonly\nm=audio 4000 RTP/AVP 0\n";
    assert!(answer_to(of_session).contains("\r\na=recvonly\r\n"));
    let of_line = format!("{of_session}a=inactive\n");
    assert!(answer_to(&of_line).contains("\r\na=inactive\r\n"));
    let none = of_session.replace("a=sendonly\n", "");
    assert!(answer_to(&none).contains("\r\na=sendrecv\r\n"));
}

/// RFC 3264 section 6.1: the payload types are those of the offer; unknown formats are left out, and formats with a
/// payload type of their own need no map (RFC 3551 section 6).
#[test]
fn fault_f1_rfc3264_6_1_payload_types_are_those_of_the_offer() {
    let offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 41730 RTP/AVP 18 96 9 8 101\r\na=rtpmap:96 OPUS/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n";
    let answer = answer_to(offer);
    assert_eq!(
        lines(&answer, &["m=", "a=rtpmap", "a=fmtp"]),
        [
            "m=audio 9 RTP/AVP 96 9 8",
            "a=rtpmap:96 opus/48000/2",
            "a=fmtp:96 minptime=10;useinbandfec=1",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:8 PCMA/8000",
        ]
    );
    // A phone that offered no ICE, no DTLS and no BUNDLE gets none; 0.0.0.0 would put it on hold.
    assert!(
        lines(
            &answer,
            &["a=ice", "a=fingerprint", "a=setup", "a=group", "a=mid"]
        )
        .is_empty()
    );
    assert_eq!(lines(&answer, &["c="]), ["c=IN IP4 127.0.0.1"]);
}

/// Offers of which nothing can be accepted are refused, and the session in force stays.
#[test]
fn fault_f1_an_offer_without_usable_audio_is_refused() {
    let (session, _) = AUDIO_VIDEO_DATA.split_at(AUDIO_VIDEO_DATA.find("m=audio").unwrap());
    let (_, video) = AUDIO_VIDEO_DATA.split_at(AUDIO_VIDEO_DATA.find("m=video").unwrap());
    let plain = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nm=audio 4000 ";
    for unusable in [
        String::new(),
        "hello".to_owned(),
        "v=1\n".to_owned(),
        format!("{session}{video}"),
        // Formats and profiles that are not there.
        format!("{plain}RTP/AVP 18 101\na=rtpmap:101 telephone-event/8000\n"),
        format!("{plain}RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n"),
        format!("{plain}udptl t38\n"),
        // Malformed lines.
        format!("{plain}RTP/AVP\n"),
        format!("{plain}RTP/AVP 0\nm=audio x RTP/AVP 0\n"),
        format!("{plain}RTP/AVP 0\nm=audio 70000 RTP/AVP 0\n"),
        format!("{plain}RTP/AVP 0\nnonsense\n"),
        format!("{plain}RTP/AVP 0\na=mid:0\ra=mid:1\n"),
    ] {
        let mut call = new_call();
        let before = answer(&mut call, &audio_offer("sendrecv"));
        assert!(
            call.accept_offer(unusable.as_bytes()).is_err(),
            "{unusable}"
        );
        assert!(call.answer(false).is_err());
        let offer = call.offer(false);
        assert_eq!(lines(&offer, &["m="]), lines(&before, &["m="]));
    }
}

/// RFC 3264 section 8: a re-INVITE without offer and the repair of a call ask for an offer in the middle of the call.
/// It has the lines of the session, with the rejected ones in their places.
#[test]
fn fault_f1_rfc3264_8_a_later_offer_keeps_the_lines_of_the_session() {
    let mut call = new_call();
    let answer = answer(&mut call, AUDIO_VIDEO_DATA);
    let offer = call.offer(false);
    let kept = [
        "m=",
        "a=mid",
        "a=group",
        "a=rtpmap",
        "a=ice",
        "a=fingerprint",
    ];
    assert_eq!(lines(&offer, &kept), lines(&answer, &kept));
    assert_eq!(lines(&offer, &["a=setup"]), ["a=setup:actpass"]);
    assert_eq!(version(&offer), 2);
    // Refused by 491, it is made again: it says the same, so its version stays.
    assert_eq!(call.offer(false), offer);
    // Held meanwhile, it is another one.
    let held = self::answer(&mut call, &AUDIO_VIDEO_DATA.replace("sendrecv", "sendonly"));
    assert_eq!(version(&held), 3);
    assert_eq!(version(&call.offer(false)), 4);
}

/// RFC 3264 section 6: an answer has the lines of the offer. Its formats count for later offers.
#[test]
fn fault_f1_rfc3264_6_the_answer_of_the_peer_is_checked() {
    let mut call = new_call();
    let offer = call.offer(false);
    assert_eq!(
        lines(&offer, &["m=", "a=mid", "a=group", "a=sendrecv", "a=setup"]),
        [
            "a=group:BUNDLE 0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 9",
            "a=setup:actpass",
            "a=mid:0",
            "a=sendrecv",
        ]
    );
    assert_eq!(
        call.accept_answer(b"v=0\n").unwrap_err(),
        NegotiationError::StreamCount {
            offered: 1,
            answered: 0
        }
    );
    assert!(call.accept_answer(AUDIO_VIDEO_DATA.as_bytes()).is_err());
    let media = "m=audio 4000 UDP/TLS/RTP/SAVPF";
    assert!(
        call.accept_answer(format!("v=0\n{media} 18\n").as_bytes())
            .is_err()
    );
    // The payload type of the answer may be another one.
    let answer = format!("v=0\n{media} 96 8\na=rtpmap:96 opus/48000/2\na=setup:active\n");
    assert_eq!(call.accept_answer(answer.as_bytes()), Ok(()));
    let again = call.offer(false);
    assert_eq!(
        lines(&again, &["m="]),
        ["m=audio 9 UDP/TLS/RTP/SAVPF 111 8"]
    );
    // RFC 8842 section 5.3: the peer is the client of DTLS, and stays it.
    let held = self::answer(&mut call, &audio_offer("sendonly"));
    assert_eq!(lines(&held, &["a=setup"]), ["a=setup:passive"]);
    // A stream that the peer rejects is off from then on.
    let _ = call.offer(false);
    assert_eq!(
        call.accept_answer(b"v=0\nm=audio 0 UDP/TLS/RTP/SAVPF 111\n"),
        Ok(())
    );
    assert_eq!(
        lines(&call.offer(false), &["m="])[0].split(' ').nth(1),
        Some("0")
    );
}

/// RFC 8839 section 4.4.1: new credentials of the peer restart ICE, and the answer has new ones then.
#[test]
fn fault_f1_a_restart_of_ice_is_answered_with_new_credentials() {
    let mut call = new_call();
    let first = answer(&mut call, &audio_offer("sendrecv"));
    let ice = ["a=ice-ufrag", "a=ice-pwd"];
    let held = answer(&mut call, &audio_offer("sendonly"));
    assert_eq!(lines(&held, &ice), lines(&first, &ice));
    let restart = audio_offer("sendrecv").replace("a=ice-ufrag:", "a=ice-ufrag:new");
    let restarted = answer(&mut call, &restart);
    assert_ne!(lines(&restarted, &ice)[0], lines(&first, &ice)[0]);
    assert_ne!(lines(&restarted, &ice)[1], lines(&first, &ice)[1]);
}

/// RFC 9143 section 6: port 0 with `bundle-only` is no rejection. RFC 3264 section 8.2: without it the stream is
/// off, and an offer may have no stream at all.
#[test]
fn fault_f1_a_stream_with_port_0_is_off_unless_it_is_bundle_only() {
    let off = audio_offer("sendrecv").replace("m=audio 9", "m=audio 0");
    let mut call = new_call();
    answer(&mut call, &audio_offer("sendrecv"));
    let answered = answer(&mut call, &off);
    assert!(answered.contains("\r\nm=audio 0 "), "{answered}");
    assert!(lines(&answered, &["a=group"]).is_empty());
    let bundled = off.replace("a=mid:0", "a=mid:0\na=bundle-only");
    assert!(answer_to(&bundled).contains("\r\nm=audio 9 "));
    let none = answer_to("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n");
    assert!(lines(&none, &["m="]).is_empty());
}

/// Two agents of this kind understand each other.
#[test]
fn fault_f1_our_own_offer_and_answer_fit() {
    let (mut alice, mut bob) = (new_call(), new_call());
    for _ in 0..3 {
        let offer = alice.offer(false);
        let answer = answer(&mut bob, &offer);
        assert_eq!(alice.accept_answer(answer.as_bytes()), Ok(()));
        mem::swap(&mut alice, &mut bob);
    }
}

/// RFC 6141 section 4: after an exchange that failed the session before it is in force, and the next description has a version that the
/// peer has not seen.
#[test]
fn rfc6141_4_an_exchange_that_fails_leaves_the_session_before_it() {
    let mut call = new_call();
    let before = answer(&mut call, &audio_offer("sendrecv"));
    // An offer with video behind it was answered, and the re-INVITE failed.
    answer(&mut call, &AUDIO_VIDEO_DATA.replace("sendrecv", "sendonly"));
    call.roll_back();
    let offer = call.offer(false);
    assert_eq!(lines(&offer, &["m="]), lines(&before, &["m="]));
    assert_eq!(lines(&offer, &["a=sendrecv"]).len(), 1);
    assert_eq!(version(&offer), 3);
    // Our hold was refused: it is not in force, and nothing of it stays.
    call.offer(true);
    call.roll_back();
    assert_eq!(
        call.accept_answer(before.as_bytes()),
        Err(NegotiationError::NoOwnOffer)
    );
    let again = call.offer(false);
    assert_eq!(
        again.split_once("\r\ns=").unwrap().1,
        offer.split_once("\r\ns=").unwrap().1
    );
    assert_eq!(version(&again), 5);
}

/// RFC 3261 section 13.2.2.4: each branch of a fork answers the one offer, whatever another branch has taken of it.
#[test]
fn rfc3264_6_each_branch_of_a_fork_answers_the_whole_offer() {
    let mut call = new_call();
    call.offer(false);
    let branch = |format| format!("v=0\nm=audio 4000 UDP/TLS/RTP/SAVPF {format}\n");
    assert_eq!(call.accept_answer(branch(0).as_bytes()), Ok(()));
    assert_eq!(call.accept_answer(branch(8).as_bytes()), Ok(()));
    assert_eq!(
        lines(&call.offer(false), &["m="]),
        ["m=audio 9 UDP/TLS/RTP/SAVPF 8"]
    );
    assert_eq!(
        call.accept_answer(b"v=0\nm=video 4000 UDP/TLS/RTP/SAVPF 8\n"),
        Err(NegotiationError::StreamKind { stream: 1 })
    );
}

/// A side with a socket has no DTLS and no ICE: it offers plain RTP and refuses what is more.
#[test]
fn audio_over_rtp_is_offered_and_answered_plainly() {
    let socket = "[2001:db8::1]:4000".parse().unwrap();
    let audio = Audio::rtp(socket, Vec::from([Codec::pcma(), Codec::telephone_event()]));
    let mut call = Negotiation::new(ID, audio);
    assert_eq!(
        call.offer(false),
        "v=0\r\no=- 7 1 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\nc=IN IP6 2001:db8::1\r\n\
         a=sendrecv\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    );
    assert_eq!(
        call.accept_offer(audio_offer("sendrecv").as_bytes()),
        Err(NegotiationError::NoUsableAudio)
    );
    let plain = "v=0\r\nt=1 2\r\nm=audio 4000 RTP/AVP 97 8\r\na=rtpmap:97 telephone-event/8000\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\na=rtcp-mux\r\n";
    let answer = answer(&mut call, plain);
    assert_eq!(
        lines(&answer, &["m=", "t="]),
        ["t=1 2", "m=audio 4000 RTP/AVP 97 8"]
    );
    assert!(lines(&answer, &["a=ice", "a=rtcp"]).is_empty(), "{answer}");
}
