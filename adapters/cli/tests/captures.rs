//! `sip parse` on files with several messages: in a row, captures as text, captures of packets.

mod common;

use std::path::PathBuf;

use common::packets::{CLIENT, SERVER, pcap, tcp, udp};
use common::{Run, run};
use serde_json::Value;
use tungstenite::protocol::{Role, WebSocket};

fn request(method: &str, body: &str) -> String {
    format!(
        "{method} sip:bob@biloxi.example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@atlanta.example.com>;tag=asdyka899\r\n\
         To: <sip:bob@biloxi.example.com>\r\n\
         Call-ID: asidkj3ss\r\n\
         CSeq: 1 {method}\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn objects(run: &Run) -> Vec<Value> {
    run.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// The methods of the messages of a file; each is without fault.
#[track_caller]
fn methods(name: &str, bytes: &[u8]) -> Vec<(String, Value)> {
    let path = file(name, bytes);
    let run = run(&["parse", "--json", path.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{} {}", run.out, run.err);
    objects(&run)
        .into_iter()
        .map(|object| {
            let method = object["method"].as_str().unwrap_or_default().to_owned();
            (method, object)
        })
        .collect()
}

#[track_caller]
fn names(found: &[(String, Value)]) -> Vec<&str> {
    found.iter().map(|(method, _)| method.as_str()).collect()
}

#[test]
fn messages_in_a_row_are_each_shown() {
    let text = format!(
        "{}{}\r\n\r\n{}",
        request("INVITE", SDP),
        request("BYE", ""),
        request("INFO", "")
    );
    let found = methods("row.sip", text.as_bytes());
    assert_eq!(names(&found), ["INVITE", "BYE", "INFO"]);
    assert_eq!(found[0].1["body"]["text"], SDP);
    // A fault of the second message has its place in the file.
    let text = text.replacen("CSeq: 1 BYE", "CSeq: x BYE", 1);
    let path = file("row-fault.sip", text.as_bytes());
    let run = run(&["parse", "--json", path.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    let objects = objects(&run);
    assert_eq!(objects.len(), 3);
    let offset = text.find("x BYE").unwrap();
    assert_eq!(objects[1]["faults"][0]["offset"], offset);
    let line = text[..offset].matches('\n').count() + 1;
    assert_eq!(objects[1]["faults"][0]["line"], line);
}

/// A `message/sipfrag` body (RFC 3420) begins as a message does, and is none.
#[test]
fn a_body_that_looks_like_a_message_stays_a_body() {
    let fragment = "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\r\n";
    let found = methods("fragment.sip", request("NOTIFY", fragment).as_bytes());
    assert_eq!(names(&found), ["NOTIFY"]);
    assert_eq!(found[0].1["body"]["text"], fragment);
}

#[test]
fn captures_as_text_are_read() {
    let lf = |text: String| text.replace("\r\n", "\n");
    let (invite, bye) = (lf(request("INVITE", SDP)), lf(request("BYE", "")));
    let indented =
        |text: &str| -> String { text.lines().map(|line| format!("   {line}\n")).collect() };
    let rule = "-".repeat(72);
    let captures = [
        // `sip call --trace`.
        ("trace", format!(">>> alice 1.250 ms\n{invite}\n<<< alice 7.000 ms\n{bye}\n"), "alice 1.250 ms"),
        // sngrep, saved as text.
        (
            "sngrep",
            format!(
                "2026/11/28 08:00:00.000001 192.0.2.1:5060 -> 192.0.2.2:5060\n{invite}\n\n\
                 2026/11/28 08:00:01.000001 192.0.2.2:5060 -> 192.0.2.1:5060\n{bye}\n"
            ),
            "192.0.2.1:5060 -> 192.0.2.2:5060",
        ),
        // The module sipdump of Kamailio.
        (
            "sipdump",
            [("rcv", &invite), ("snd", &bye)]
                .map(|(tag, message)| {
                    format!(
                        "====================\ntag: {tag}\npid: 1\nproto: ws ipv4\nsrcip: 192.0.2.1\n\
                         ~~~~~~~~~~~~~~~~~~~~\n{message}||||||||||||||||||||\n"
                    )
                })
                .concat(),
            "srcip: 192.0.2.1",
        ),
        // Asterisk's `sip set debug on` and `pjsip set logger on`.
        (
            "asterisk",
            format!(
                "<--- Received SIP request (500 bytes) from WS:192.0.2.1:5060 --->\n{invite}\n\n\
                 <--- Transmitting SIP request (400 bytes) to WS:192.0.2.1:5060 --->\n{bye}\n\n"
            ),
            "<--- Received SIP request",
        ),
        // FreeSWITCH indents.
        (
            "freeswitch",
            format!(
                "recv 500 bytes from ws/[192.0.2.1]:5060 at 08:00:00.000001:\n   {rule}\n{}   {rule}\n\
                 send 400 bytes to ws/[192.0.2.1]:5060 at 08:00:00.000002:\n   {rule}\n{}   {rule}\n",
                indented(&invite),
                indented(&bye),
            ),
            "recv 500 bytes",
        ),
    ];
    for (name, text, label) in captures {
        let found = methods(&format!("{name}.txt"), text.as_bytes());
        assert_eq!(names(&found), ["INVITE", "BYE"], "{name}");
        assert_eq!(found[0].1["body"]["text"], SDP, "{name}");
        let shown = found[0].1["capture"].as_str().unwrap();
        assert!(shown.contains(label), "{name}: {shown}");
        let bad = text.replacen("CSeq: 1 BYE", "CSeq: x BYE", 1);
        let path = file(&format!("{name}-fault.txt"), bad.as_bytes());
        let run = run(&["parse", "--json", path.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{name}");
        let fault = &objects(&run)[1]["faults"][0];
        let offset = bad.find("x BYE").unwrap();
        assert_eq!(fault["offset"], offset, "{name}");
        let line = bad[..offset].matches('\n').count() + 1;
        assert_eq!(fault["line"], line, "{name}");
        let column = offset - bad[..offset].rfind('\n').unwrap();
        assert_eq!(fault["column"], column, "{name}");
    }
}

#[test]
fn a_capture_shows_a_faulty_message_with_its_rule() {
    let text = ">>> alice 0.1 ms\nINVITE sip:bob@h SIP/2.0\nVia: x\nFrom: <sip:a@h>;tag=1\n\n";
    let path = file("faulty.txt", text.as_bytes());
    let run = run(&["parse", path.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("  3 | Via: x\n"), "{}", run.out);
    assert!(
        run.out.contains("rule: RFC 3261 section 20.42"),
        "{}",
        run.out
    );
    assert!(run.out.contains("sip:a@h"), "{}", run.out);
}

/// A capture in the format pcapng with these packets.
fn pcapng(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, content: &[u8]| {
        let padded = content.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).unwrap();
        file.extend(kind.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(content);
        file.resize(file.len() + padded - content.len(), 0);
        file.extend(length.to_le_bytes());
    };
    let mut header = Vec::new();
    header.extend(0x1a2b_3c4du32.to_le_bytes());
    header.extend([1, 0, 0, 0]);
    header.extend([0xff; 8]);
    block(0x0a0d_0d0a, &header);
    block(1, &[1, 0, 0, 0, 0xff, 0xff, 0, 0]);
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap();
        let mut content = Vec::new();
        for number in [0, 0, 0, length, length] {
            content.extend(number.to_le_bytes());
        }
        content.extend(packet);
        block(6, &content);
    }
    file
}

#[test]
fn datagrams_of_a_capture_are_read() {
    let packets = [
        udp(CLIENT, SERVER, request("INVITE", SDP).as_bytes()),
        udp(SERVER, CLIENT, &[0x80, 0, 1, 2, 3]),
        udp(SERVER, CLIENT, b"\r\n\r\n"),
        udp(SERVER, CLIENT, request("BYE", "").as_bytes()),
    ];
    for (name, capture) in [("u.pcap", pcap(&packets)), ("u.pcapng", pcapng(&packets))] {
        let found = methods(name, &capture);
        assert_eq!(names(&found), ["INVITE", "BYE"], "{name}");
        let label = found[1].1["capture"].as_str().unwrap();
        assert!(label.starts_with("packet 4, "), "{label}");
        assert!(
            label.ends_with("192.0.2.2:5060 -> 192.0.2.1:5060, UDP"),
            "{label}"
        );
    }
}

#[test]
fn a_fragmented_datagram_is_put_together() {
    let whole = udp(
        CLIENT,
        SERVER,
        request("INVITE", &SDP.repeat(60)).as_bytes(),
    );
    let (link, rest) = whole.split_at(14);
    let payload = &rest[20..];
    let cut = 1024;
    let fragment = |part: &[u8], offset: usize, more: bool| {
        let mut header = etherparse::Ipv4Header::new(
            u16::try_from(part.len()).unwrap(),
            64,
            etherparse::IpNumber::UDP,
            CLIENT,
            SERVER,
        )
        .unwrap();
        header.identification = 7;
        header.dont_fragment = false;
        header.more_fragments = more;
        header.fragment_offset = u16::try_from(offset / 8).unwrap().try_into().unwrap();
        header.header_checksum = header.calc_header_checksum();
        let mut packet = link.to_vec();
        header.write(&mut packet).unwrap();
        packet.extend(part);
        packet
    };
    let (first, second) = (
        fragment(&payload[..cut], 0, true),
        fragment(&payload[cut..], cut, false),
    );
    let other = udp(CLIENT, SERVER, b"no message");
    let between = |count: usize| {
        let others = vec![other.clone(); count];
        pcap(&[vec![first.clone()], others, vec![second.clone()]].concat())
    };
    for count in [0, 1_000] {
        let found = methods("fragments.pcap", &between(count));
        assert_eq!(names(&found), ["INVITE"]);
        assert_eq!(found[0].1["body"]["text"], SDP.repeat(60));
    }
    // Fragments without the others of their datagram are not kept for the whole of a capture.
    let file = file("far_fragments.pcap", &between(9_000));
    let late = run(&["parse", file.to_str().unwrap()]);
    assert_eq!(late.code, 1, "{}", late.out);
    assert!(late.err.contains("no SIP message"), "{}", late.err);
}

/// A head that does not say where its message ends is the last of its stream.
#[test]
fn a_stream_ends_with_a_message_that_has_no_end() {
    let broken = request("INVITE", "").replace("Length: 0", "Length: x");
    let long =
        request("INVITE", "").replace("Call-ID: ", &format!("X: {}\r\n", "x".repeat(1 << 17)));
    for (head, fault) in [(broken, "Content-Length"), (long, "ends too early")] {
        let packets: Vec<_> = [head.as_bytes(), request("BYE", "").as_bytes()]
            .concat()
            .chunks(1_000)
            .enumerate()
            .map(|(at, part)| tcp(CLIENT, SERVER, 7 + 1_000 * u32::try_from(at).unwrap(), part))
            .collect();
        let path = file("endless.pcap", &pcap(&packets));
        let run = run(&["parse", "--json", path.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{} {}", run.out, run.err);
        let found = objects(&run);
        assert_eq!(found.len(), 1, "{}", run.out);
        assert!(run.out.contains(fault), "{}", run.out);
    }
}

/// Segments out of order, one sent twice; two messages in one segment.
#[test]
fn streams_of_a_capture_are_put_together() {
    let (invite, bye) = (request("INVITE", SDP), request("BYE", ""));
    let (first, second) = invite.as_bytes().split_at(100);
    let rest = [second, bye.as_bytes()].concat();
    let start = u32::MAX - 49;
    let packets = [
        tcp(CLIENT, SERVER, start, first),
        tcp(CLIENT, SERVER, start.wrapping_add(100), &rest),
        tcp(CLIENT, SERVER, start, first),
    ];
    let found = methods("t.pcap", &pcap(&packets));
    assert_eq!(names(&found), ["INVITE", "BYE"]);
    let late = [packets[0].clone(), packets[2].clone(), packets[1].clone()];
    assert_eq!(
        names(&methods("late.pcap", &pcap(&late))),
        ["INVITE", "BYE"]
    );
}

/// RFC 7118: each message of the WebSocket is a SIP message; the client masks.
#[test]
fn web_sockets_of_a_capture_are_read() {
    let frames = |role, messages: &[&str]| {
        let mut socket = WebSocket::from_raw_socket(std::io::Cursor::new(Vec::new()), role, None);
        for message in messages {
            socket.send((*message).into()).unwrap();
        }
        socket.get_ref().get_ref().clone()
    };
    let head = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
    let (invite, bye) = (request("INVITE", SDP), request("BYE", ""));
    let sent = frames(Role::Client, &[&invite, "\r\n\r\n"]);
    let received = frames(Role::Server, &[&bye]);
    let after = 1 + u32::try_from(head.len()).unwrap();
    let packets = [
        tcp(CLIENT, SERVER, 1, head),
        tcp(
            SERVER,
            CLIENT,
            1,
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ),
        tcp(CLIENT, SERVER, after, &sent[..40]),
        tcp(CLIENT, SERVER, after + 40, &sent[40..]),
        tcp(SERVER, CLIENT, 37, &received),
    ];
    let found = methods("w.pcap", &pcap(&packets));
    assert_eq!(names(&found), ["INVITE", "BYE"]);
    let label = found[0].1["capture"].as_str().unwrap();
    assert!(
        label.starts_with("packet 4, 3.000000 s") && label.ends_with("WebSocket"),
        "{label}"
    );
}

#[test]
fn a_capture_that_cannot_be_read_says_why() {
    let hello = [0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5];
    for (name, capture, words) in [
        (
            "tls.pcap",
            pcap(&[tcp(CLIENT, SERVER, 1, &hello)]),
            "TLS, which cannot be read",
        ),
        (
            "cut.pcap",
            {
                let mut capture = pcap(&[udp(CLIENT, SERVER, request("BYE", "").as_bytes())]);
                capture.truncate(60);
                capture
            },
            "packet 1: the capture is cut off or damaged",
        ),
    ] {
        let path = file(name, &capture);
        let run = run(&["parse", path.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{name}");
        assert!(run.err.contains(words), "{name}: {}", run.err);
    }
}

/// The time is in proportion to the file, and the place of a fault far down is right.
#[test]
fn fault_d9_a_long_row_of_messages_is_read_in_one_pass() {
    let mut text = request("INFO", SDP).repeat(3_000);
    let offset = text.len();
    text += &request("BYE", "").replacen("CSeq: 1 BYE", "CSeq: x BYE", 1);
    let path = file("long-row.sip", text.as_bytes());
    let run = run(&["parse", "--json", path.to_str().unwrap()]);
    let objects = objects(&run);
    assert_eq!(objects.len(), 3_001);
    let fault = offset + request("BYE", "").find("1 BYE").unwrap();
    assert_eq!(objects[3_000]["offset"], fault);
}

/// A program that is stopped while it captures leaves half a packet: the messages in front of it are shown.
#[test]
fn fault_d9_a_capture_that_is_cut_off_shows_what_it_has() {
    let packet = |method| udp(CLIENT, SERVER, request(method, "").as_bytes());
    for (name, mut capture) in [
        ("half.pcap", pcap(&[packet("INFO"), packet("BYE")])),
        ("half.pcapng", pcapng(&[packet("INFO"), packet("BYE")])),
    ] {
        capture.truncate(capture.len() - 50);
        let path = file(name, &capture);
        let run = run(&["parse", "--json", path.to_str().unwrap()]);
        assert_eq!(run.code, 1);
        let objects = objects(&run);
        assert_eq!(objects.len(), 1, "{name}");
        assert_eq!(objects[0]["method"], "INFO");
        assert!(
            run.err.contains("packet 2: the capture is cut off"),
            "{}",
            run.err
        );
    }
}

/// `ngrep -W byline` shows each CR as a dot. A text whose lines end in dots for another reason stays as it is.
#[test]
fn fault_d9_the_dots_of_ngrep_are_line_ends() {
    let dotted = |method, body| request(method, body).replace("\r\n", ".\n");
    let text = format!(
        "interface: eth0\n#\nU 192.0.2.1:5060 -> 192.0.2.2:5060\n{}\n#\nU 192.0.2.2:5060 -> 192.0.2.1:5060\n{}\n",
        dotted("INVITE", SDP),
        dotted("BYE", "")
    );
    let found = methods("byline.txt", text.as_bytes());
    assert_eq!(names(&found), ["INVITE", "BYE"]);
    assert_eq!(found[0].1["body"]["text"], SDP);
    let plain = request("INFO", "a.\n.\n").replacen("Max-Forwards: 70", "Subject: x.", 1);
    let found = methods("no-byline.sip", plain.as_bytes());
    assert_eq!(found[0].1["body"]["text"], "a.\n.\n");
}
