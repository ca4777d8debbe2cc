//! What the reader takes and what it refuses, line by line (RFC 8866).

use sip_sdp::{
    Description, Direction, MOST_BYTES, MOST_FORMATS, MOST_LINES, MOST_STREAMS, Problem,
};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 4000 RTP/AVP 0\r\n";

/// One line for each stream: kind, port, address, direction, codecs.
fn streams(text: &[u8]) -> Vec<String> {
    let description = Description::read(text).expect("legal");
    let media = description.media.iter();
    let lines = media.map(|media| {
        let codecs: Vec<_> = media.codecs().iter().map(ToString::to_string).collect();
        let address = description.address(media).unwrap_or("none");
        let direction = description.direction(media);
        let (kind, port) = (media.kind, media.port);
        format!(
            "{kind} {port} {address} {direction} [{}]",
            codecs.join(", ")
        )
    });
    lines.collect()
}

/// Descriptions that are odd and legal, or odd and seen in the wild, and what they say.
#[test]
fn rfc8866_odd_descriptions_are_read() {
    let plain = ["audio 4000 192.0.2.1 sendrecv [0 PCMU/8000]"];
    let with_lf = format!("{HEAD}{AUDIO}").replace("\r\n", "\n");
    let without_end = format!("{HEAD}{}", AUDIO.trim_end());
    for text in [
        format!("{HEAD}{AUDIO}"),
        with_lf,
        without_end,
        // Blank lines, before, between and behind.
        format!("\r\n{HEAD}\r\n{AUDIO}\r\n\r\n"),
        // Spaces at the end of lines, tabs in values, and more than one space.
        format!("{HEAD}i=a\ttab\r\n{AUDIO}").replace("\r\n", " \r\n"),
        format!("{HEAD}m=audio  4000 RTP/AVP  0\r\n"),
        // Every type of line that offer and answer do not need, and one that RFC 8866 does not know.
        format!(
            "{HEAD}i=x\r\nu=http://x/\r\ne=x\r\np=1\r\nb=AS:1\r\nr=1 1 0\r\nz=0 0\r\nk=clear:x\r\ny=1\r\n{AUDIO}i=x\r\nb=TIAS:1\r\n"
        ),
        // Lines in another order, repeated ones, none that is required but for `v=` and `m=`.
        format!(
            "v=0\r\nt=0 0\r\nt=1 2\r\nc=IN IP4 192.0.2.1\r\ns=-\r\no=- 1 1 IN IP4 x\r\no=2\r\n{AUDIO}"
        ),
        format!("v=0\r\n{AUDIO}c=IN IP4 192.0.2.1\r\n"),
        // An empty session name, attributes without a value, with an empty one, with colons and equals signs.
        format!("{HEAD}a=x\r\na=y:\r\na=z:a=b:c\r\n{AUDIO}").replace("s=-", "s="),
        // Names of attributes and directions are case-sensitive (section 5).
        format!("{HEAD}{AUDIO}a=SendOnly\r\na=RTPMAP:0 opus/48000/2\r\n"),
        // The first `c=` of a stream and its first direction count.
        format!(
            "{HEAD}{AUDIO}c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\na=sendrecv\r\na=sendonly\r\n"
        ),
        // Numbers beyond 64 bits, a session id that is none (section 5.2 allows digits of any length).
        format!(
            "v=0\r\no=x 99999999999999999999 88888888888888888888 IN IP6 ::1\r\nc=IN IP4 192.0.2.1\r\n{AUDIO}"
        ),
        // Formats without a meaning here: a dynamic one without a map, one above 127, a repeated one, no number.
        format!("{HEAD}m=audio 4000 RTP/AVP 0 96 200 0 x +8\r\n"),
    ] {
        assert_eq!(streams(text.as_bytes()), plain, "{text}");
    }
    let not_utf8 = [
        HEAD.as_bytes(),
        b"i=\xff\r\n",
        AUDIO.as_bytes(),
        b"a=label:\xff\r\n",
    ]
    .concat();
    assert_eq!(streams(&not_utf8), plain);
}

/// Addresses, ports, directions and formats in all their places.
#[test]
fn rfc8866_streams_say_what_their_lines_and_the_session_say() {
    for (media, expected) in [
        (
            "m=audio 4000/2 RTP/AVP 0\r\n",
            "audio 4000 192.0.2.1 sendrecv [0 PCMU/8000]",
        ),
        (
            "m=audio 65535 RTP/AVP 18 9\r\n",
            "audio 65535 192.0.2.1 sendrecv [18 G729/8000, 9 G722/8000]",
        ),
        // A static payload type with a map of its own, a map with one channel, parameters in any order.
        (
            "m=audio 1 RTP/AVP 0 96\r\na=fmtp:96 x\r\na=rtpmap:96 L16/8000/1\r\na=rtpmap:0 opus/48000/2\r\n",
            "audio 1 192.0.2.1 sendrecv [0 opus/48000/2, 96 L16/8000/1]",
        ),
        // The first map counts; a malformed one leaves the format out.
        (
            "m=audio 1 RTP/AVP 96 97 98\r\na=rtpmap:96 a/1\r\na=rtpmap:96 b/1\r\na=rtpmap:97 c\r\na=rtpmap:98 d/0\r\n",
            "audio 1 192.0.2.1 sendrecv [96 a/1]",
        ),
        (
            "m=audio 1 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n",
            "audio 1 2001:db8::1 inactive [0 PCMU/8000]",
        ),
        // The hold of RFC 2543, but not of a browser that has no candidate yet (RFC 3264 section 8.4).
        (
            "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
            "audio 1 0.0.0.0 sendonly [0 PCMU/8000]",
        ),
        (
            "m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n",
            "audio 1 0.0.0.0 inactive [0 PCMU/8000]",
        ),
        (
            "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:x\r\n",
            "audio 9 0.0.0.0 sendrecv [0 PCMU/8000]",
        ),
        (
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
            "application 9 192.0.2.1 sendrecv []",
        ),
    ] {
        assert_eq!(
            streams(format!("{HEAD}{media}").as_bytes()),
            [expected],
            "{media}"
        );
    }
    let of_session = format!("{HEAD}a=recvonly\r\n{AUDIO}{AUDIO}a=sendonly\r\n");
    let description = Description::read(of_session.as_bytes()).unwrap();
    let directions = description
        .media
        .iter()
        .map(|media| description.direction(media));
    assert!(directions.eq([Direction::RecvOnly, Direction::SendOnly]));
    let origin = description.origin.expect("it has one");
    assert_eq!(
        (origin.user_name, origin.session, origin.version),
        ("-", "1", "1")
    );
    assert_eq!(
        (origin.connection.network, origin.connection.address_type),
        ("IN", "IP4")
    );
}

/// Every refusal names its line.
#[test]
fn rfc8866_what_cannot_be_read_is_refused_with_its_line() {
    for (text, line, problem) in [
        ("", 1, Problem::NotSdp),
        ("\r\n\r\n", 1, Problem::NotSdp),
        ("\nv=1\n", 2, Problem::NotSdp),
        ("v=0 0\n", 1, Problem::NotSdp),
        ("INVITE sip:a@b SIP/2.0\r\n", 1, Problem::NotSdp),
        ("v=0\nhello\n", 2, Problem::NoType),
        ("v=0\n=x\n", 2, Problem::NoType),
        ("v=0\n a=x\n", 2, Problem::NoType),
        ("v=0\n?=x\n", 2, Problem::NoType),
        ("v=0\ns=a\rb\n", 2, Problem::ControlCharacter),
        ("v=0\ns=-\na=x\0y\n", 3, Problem::ControlCharacter),
        ("v=0\ns=\x7f\n", 2, Problem::ControlCharacter),
        ("v=0\no=- 1 1 IN IP4\n", 2, Problem::Origin),
        ("v=0\nc=IN IP4\n", 2, Problem::Connection),
        ("v=0\nm=audio 1 RTP/AVP 0\nc=\n", 3, Problem::Connection),
        ("v=0\nm=audio 1 RTP/AVP\n", 2, Problem::Media),
        ("v=0\nm=\n", 2, Problem::Media),
        ("v=0\n\n\nm=audio x RTP/AVP 0\n", 4, Problem::Port),
        ("v=0\nm=audio 70000 RTP/AVP 0\n", 2, Problem::Port),
        ("v=0\nm=audio -1 RTP/AVP 0\n", 2, Problem::Port),
        ("v=0\nm=audio 1/x RTP/AVP 0\n", 2, Problem::Port),
        ("v=0\nm=audio / RTP/AVP 0\n", 2, Problem::Port),
    ] {
        let error = Description::read(text.as_bytes()).expect_err(text);
        assert_eq!((error.line, error.problem), (line, problem), "{text:?}");
    }
    for line in [
        "m=audio 1 RTP/AVP 0 \u{ff}",
        "c=IN IP4 \u{ff}",
        "o=\u{ff} 1 1 IN IP4 x",
        "t=\u{ff}",
    ] {
        let text: Vec<u8> = format!("v=0\n{line}")
            .chars()
            .map(|character| character as u8)
            .collect();
        let error = Description::read(&text).expect_err(line);
        assert_eq!((error.line, error.problem), (2, Problem::NotUtf8), "{line}");
    }
}

/// Each bound is reached, and one more is refused.
#[test]
fn fault_what_a_peer_can_make_grow_is_bounded() {
    let description = |lines: usize, line: &str| format!("v=0\n{}", line.repeat(lines));
    let refused = |text: &str| Description::read(text.as_bytes()).unwrap_err().problem;
    let accepted = |text: &str| assert!(Description::read(text.as_bytes()).is_ok());
    accepted(&description(MOST_STREAMS, "m=a 1 b 0\n"));
    assert_eq!(
        refused(&description(MOST_STREAMS + 1, "m=a 1 b 0\n")),
        Problem::TooManyStreams
    );
    accepted(&description(MOST_LINES - 1, "a=x\n"));
    assert_eq!(
        refused(&description(MOST_LINES, "a=x\n")),
        Problem::TooManyLines
    );
    accepted(&format!("v=0\nm=a 1 b{}", " 0".repeat(MOST_FORMATS)));
    assert_eq!(
        refused(&format!("v=0\nm=a 1 b{}", " 0".repeat(MOST_FORMATS + 1))),
        Problem::TooManyFormats
    );
    accepted(&format!("v=0\n{}", "\n".repeat(MOST_BYTES - 4)));
    assert_eq!(
        refused(&format!("v=0\n{}", "\n".repeat(MOST_BYTES - 3))),
        Problem::TooLong
    );
}
