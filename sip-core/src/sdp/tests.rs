//! Tests of the direction helper: RFC 3264 and properties.

extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const ALL: [Direction; 4] = [
    Direction::SendRecv,
    Direction::SendOnly,
    Direction::RecvOnly,
    Direction::Inactive,
];

const BASE: &str = "v=0\r\no=alice 7 41 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

fn with(rest: &str) -> Vec<u8> {
    format!("{BASE}{rest}").into_bytes()
}

fn text(description: Vec<u8>) -> String {
    String::from_utf8(description).expect("text")
}

/// 3264-5.1-A, RFC 3264 section 6.1: the answer to each offered direction, for each wish of the answerer.
#[test]
fn rfc3264_6_1_the_direction_of_an_answer() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    // Rows: offered; columns: wanted, in the order of `ALL`.
    let table = [
        (SendRecv, [SendRecv, SendOnly, RecvOnly, Inactive]),
        (SendOnly, [RecvOnly, Inactive, RecvOnly, Inactive]),
        (RecvOnly, [SendOnly, SendOnly, Inactive, Inactive]),
        (Inactive, [Inactive, Inactive, Inactive, Inactive]),
    ];
    for (offered, answers) in table {
        for (wanted, answer) in ALL.into_iter().zip(answers) {
            assert_eq!(offered.answer(wanted), answer, "{offered} for {wanted}");
            let offer = with_direction(&with("m=audio 4 RTP/AVP 0\r\n"), offered).unwrap();
            assert_eq!(answer_direction(&offer, wanted), Ok(Some(answer)));
        }
        assert_eq!(offered.reversed().reversed(), offered);
    }
    assert_eq!(SendOnly.reversed(), RecvOnly);
}

/// 3264-8-A, RFC 3264 sections 8 and 8.4: hold rewrites each live stream, and the version grows by one. Streams with port 0 and
/// all other lines stay, in their order.
#[test]
fn rfc3264_8_4_hold_rewrites_the_live_streams() {
    let streams = "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=ptime:20\r\n\
                   m=video 0 RTP/AVP 96\r\na=sendrecv\r\nm=audio 4002/2 RTP/AVP 0\r\na=recvonly\r\na=sendrecv\r\nm=text 9 x y";
    let held = text(with_direction(&with(streams), Direction::SendOnly).unwrap());
    let expected = "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\na=ptime:20\r\n\
                    m=video 0 RTP/AVP 96\r\na=sendrecv\r\nm=audio 4002/2 RTP/AVP 0\r\na=sendonly\r\nm=text 9 x y\r\na=sendonly\r\n";
    assert_eq!(held, format!("{}{expected}", BASE.replace(" 41 ", " 42 ")));
    let resumed = text(with_direction(held.as_bytes(), Direction::SendRecv).unwrap());
    assert!(resumed.starts_with("v=0\r\no=alice 7 43 IN IP4 192.0.2.1\r\ns=-\r\n"));
    assert_eq!(resumed.matches("m=").count(), 4, "no stream is dropped");
}

/// RFC 3264 section 8: a description that does not change keeps its version, and its bytes.
#[test]
fn rfc3264_8_an_unchanged_description_keeps_its_version() {
    for (rest, direction) in [
        ("m=audio 4 RTP/AVP 0\r\n", Direction::SendRecv),
        ("m=audio 4 RTP/AVP 0\r\na=inactive\r\n", Direction::Inactive),
        ("a=sendonly\r\nm=audio 4 RTP/AVP 0\r\n", Direction::SendOnly),
        ("m=audio 0 RTP/AVP 0\r\n", Direction::SendOnly),
        ("", Direction::SendOnly),
    ] {
        let same = with(rest);
        assert_eq!(with_direction(&same, direction).unwrap(), same);
    }
}

/// RFC 8866 section 6.7: a direction of the session level is that of the streams that name none; both levels are rewritten.
#[test]
fn rfc8866_6_7_the_session_level() {
    let description =
        with("a=recvonly\r\nm=audio 4 RTP/AVP 0\r\nm=video 5 RTP/AVP 9\r\na=inactive\r\n");
    assert_eq!(direction(&description), Ok(Some(Direction::RecvOnly)));
    let sent = text(with_direction(&description, Direction::SendOnly).unwrap());
    let end =
        "a=sendonly\r\nm=audio 4 RTP/AVP 0\r\na=sendonly\r\nm=video 5 RTP/AVP 9\r\na=sendonly\r\n";
    assert!(sent.ends_with(end), "{sent}");
}

/// RFC 3264 section 8.4: the address 0.0.0.0 is the hold of RFC 2543, at either level.
#[test]
fn rfc3264_8_4_the_hold_of_rfc2543_is_read() {
    let old = with("m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n");
    assert_eq!(direction(&old), Ok(Some(Direction::SendOnly)));
    let answer = answer_direction(&old, Direction::SendRecv);
    assert_eq!(answer, Ok(Some(Direction::RecvOnly)));
    let session = text(old.clone()).replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0/127");
    let session = session.replace(
        "m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0",
        "m=audio 4 RTP/AVP 0",
    );
    assert_eq!(direction(session.as_bytes()), Ok(Some(Direction::SendOnly)));
    let both = with("m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n");
    assert_eq!(direction(&both), Ok(Some(Direction::Inactive)));
    let one = with("m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\nm=audio 6 RTP/AVP 0\r\n");
    assert_eq!(direction(&one), Ok(Some(Direction::SendRecv)));
}

/// RFC 8829 section 5.2.1: a browser that has no candidates yet writes 0.0.0.0, which holds nothing.
#[test]
fn rfc8829_5_2_1_an_address_to_come_is_no_hold() {
    let address = "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n";
    for (fields, expected) in [
        ("a=ice-ufrag:x\r\n", Direction::SendRecv),
        ("a=ice-ufrag:x\r\na=sendonly\r\n", Direction::SendOnly),
        ("", Direction::SendOnly),
    ] {
        let offer = with(&format!("{address}{fields}"));
        assert_eq!(direction(&offer), Ok(Some(expected)), "{fields}");
    }
    let session = text(with(address)).replace("m=audio", "a=ice-ufrag:x\r\nm=audio");
    let read = direction(session.as_bytes());
    assert_eq!(read, Ok(Some(Direction::SendRecv)));
}

/// RFC 8866 section 5: lines end with CRLF or LF; each end stays as it is.
#[test]
fn rfc8866_5_line_ends_stay() {
    let unix = with("m=audio 4 RTP/AVP 0\r\n");
    let unix: Vec<u8> = unix.into_iter().filter(|&byte| byte != b'\r').collect();
    let held = text(with_direction(&unix, Direction::Inactive).unwrap());
    assert!(!held.contains('\r') && held.ends_with("RTP/AVP 0\na=inactive\n"));
}

#[test]
fn what_is_no_description_or_too_large_is_an_error() {
    let hold = |description: &[u8]| with_direction(description, Direction::SendOnly);
    for bad in [
        &b""[..],
        b"v=1\r\n",
        b"o=- 1 1 IN IP4 x\r\nv=0\r\n",
        b"hello",
    ] {
        assert_eq!(hold(bad), Err(SdpError::NotSdp));
        assert_eq!(direction(bad), Err(SdpError::NotSdp));
    }
    let audio = "m=audio 4 RTP/AVP 0\r\n";
    for origin in [
        "",
        "o=\r\n",
        "o=- 1\r\n",
        "o=- 1 x IN IP4 h\r\n",
        "o=- 1  IN IP4 h\r\n",
    ] {
        let bad = format!("v=0\r\n{origin}{audio}");
        assert_eq!(hold(bad.as_bytes()), Err(SdpError::Origin), "{origin:?}");
    }
    // An o= line of a stream is none.
    assert_eq!(
        hold(format!("v=0\r\n{audio}o=- 1 1 IN IP4 h\r\n").as_bytes()),
        Err(SdpError::Origin)
    );
    for version in [format!("{}", u64::MAX), "9".repeat(99)] {
        let bad = format!("v=0\r\no=- 1 {version} IN IP4 h\r\n{audio}");
        assert_eq!(hold(bad.as_bytes()), Err(SdpError::Version));
    }
    assert_eq!(hold(&with(&"x".repeat(MOST_BYTES))), Err(SdpError::TooLong));
    let many = with(&"m=a 1 b c\n".repeat(MOST_STREAMS + 1));
    assert_eq!(hold(&many), Err(SdpError::TooManyStreams));
    assert!(hold(&with(&"m=a 1 b c\n".repeat(MOST_STREAMS))).is_ok());
}

fn directions() -> impl Strategy<Value = Direction> {
    proptest::sample::select(&ALL[..])
}

fn media_lines() -> impl Strategy<Value = String> {
    let lines = [
        "m=audio 4000 RTP/AVP 0",
        "m=video 0 RTP/AVP 96",
        "m=audio",
        "a=sendrecv",
        "a=sendonly",
        "a=recvonly",
        "a=inactive",
        "a=inactive ",
        "a=SENDONLY",
        "c=IN IP4 192.0.2.9",
        "c=",
        "a=rtpmap:0 PCMU/8000",
        "o=- 1 1 IN IP4 h",
        "",
        "junk",
    ];
    let ends = ["\r\n", "\n", "\r\n", "\r\n"];
    let line = (
        proptest::sample::select(lines.to_vec()),
        proptest::sample::select(ends.to_vec()),
    );
    let line = line.prop_map(|(line, end)| format!("{line}{end}"));
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    /// No input makes the helper panic, and its output is not longer than the input allows.
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), to in directions()) {
        let mut description = b"v=0\r\no=- 1 1 IN IP4 h\r\n".to_vec();
        description.extend_from_slice(&bytes);
        for description in [&bytes, &description] {
            let _ = direction(description);
            if let Ok(changed) = with_direction(description, to) {
                let streams = 1 + description.iter().filter(|&&byte| byte == b'=').count();
                prop_assert!(changed.len() <= description.len() + 20 * streams);
            }
        }
    }

    /// After the rewriting every live stream has the direction, the version is one more if and only if something changed, and a
    /// second rewriting changes nothing.
    #[test]
    fn a_rewritten_description_has_the_direction(rest in media_lines(), to in directions()) {
        let before = with(&rest);
        let after = with_direction(&before, to).expect("a description");
        let now = direction(&after).expect("a description");
        prop_assert!(now.is_none_or(|now| now == to), "{:?}", now);
        prop_assert_eq!(now.is_none(), direction(&before).unwrap().is_none());
        let version = if after == before { " 41 " } else { " 42 " };
        let start = BASE.replace(" 41 ", version);
        prop_assert!(after.starts_with(&start.as_bytes()[..40]));
        let again = with_direction(&after, to).expect("a description");
        prop_assert_eq!(&again, &after);
        // Everything but the directions and the version is unchanged.
        let kept = |description: &[u8]| -> Vec<Vec<u8>> {
            let kept = lines(description).map(|line| line.text.to_vec());
            kept.filter(|line| Direction::of_line(line).is_none() && !line.starts_with(b"o=alice")).collect()
        };
        prop_assert_eq!(kept(&before), kept(&after));
    }
}
