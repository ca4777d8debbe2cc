//! The flags of a call, for scripts.

mod common;

use common::{Background, Run, run, serve, serve_three};
use serde_json::Value;
use sip_testing::sockets::registrar::{Registrar, answer, header};
use sip_testing::sockets::request::request;

/// `sip answer` for a minute, with further arguments.
fn answering(user: &str, url: &str, further: &[&str]) -> Background {
    let (uri, password) = (
        format!("sip:{user}@localhost"),
        format!("{}-secret", &user[..1]),
    );
    let account = ["--server", url, "--uri", &uri, "--password", &password];
    let command = ["answer", "--for", "60"];
    let mut phone = Background::start(&[&command[..], &account, further].concat());
    phone.line("registered");
    phone
}

fn bob(url: &str, further: &[&str]) -> Background {
    answering("bob", url, further)
}

/// `sip call bob` as alice, with further arguments, to its end.
fn alice(url: &str, further: &[&str]) -> Run {
    let account = ["--server", url, "--uri", "sip:alice@localhost"];
    let command = ["call", "bob", "--password", "a-secret"];
    run(&[&command[..], &account, further].concat())
}

/// The requests of this method that a trace shows as sent, in order.
fn sent<'a>(run: &'a Run, method: &str) -> Vec<&'a str> {
    let messages = run.err.split("\n>>> ").skip(1);
    let messages = messages.filter_map(|message| Some(message.split_once('\n')?.1));
    messages
        .filter(|message| message.starts_with(&format!("{method} ")))
        .collect()
}

/// The events of this name in the output of `--json`.
fn events<'a>(run: &'a Run, name: &'a str) -> impl Iterator<Item = Value> + 'a {
    let events = run
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    events.filter(move |event: &Value| event["event"] == name)
}

#[test]
fn tones_go_out_one_after_the_other() {
    for (adapter, format) in [("tokio", "relay"), ("blocking", "plain")] {
        let (_server, url) = serve();
        let mut bob = bob(&url, &["--adapter", adapter]);
        let tones = ["--dtmf", "1#d", "--dtmf-format", format];
        let flags = [
            &tones[..],
            &["--hangup-after", "2", "--adapter", adapter, "--trace"],
        ]
        .concat();
        let alice = alice(&url, &flags);
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        for tone in ["1", "#", "D"] {
            assert_eq!(bob.line("tone "), format!("tone {tone}"));
        }
        bob.line("call ended: hung up, by the peer");
        let infos = sent(&alice, "INFO");
        let relay = infos.iter().filter(|info| info.contains("\r\nSignal="));
        assert_eq!(relay.count(), if format == "relay" { 3 } else { 0 });
        assert_eq!(infos.len(), 3, "{}", alice.err);
    }
}

/// What the script could not finish is a failure: the call ends while tones are still to be sent.
#[test]
fn tones_that_do_not_go_out_are_a_failure() {
    let (_server, url) = serve();
    let _bob = bob(&url, &[]);
    let alice = alice(&url, &["--dtmf", "1,2", "--hangup-after", "0"]);
    assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
    assert!(alice.err.contains("tones 1,2 not taken: "), "{}", alice.err);
}

/// RFC 3261 section 13.2.1: the INVITE has no offer, and the ACK answers that of the 2xx.
#[test]
fn a_late_offer_and_a_header_field() {
    let (_server, url) = serve();
    let _bob = bob(&url, &[]);
    let flags = [
        "--late-offer",
        "--header",
        "X-Room: 12",
        "--header",
        "Subject:lunch",
        "--from",
        "sip:desk@other.example.com",
        "--hangup-after",
        "0",
        "--trace",
    ];
    let alice = alice(&url, &flags);
    assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
    assert!(alice.out.contains("offer received"), "{}", alice.out);
    let invites = sent(&alice, "INVITE");
    // The edge lets callers of other domains call without credentials.
    assert_eq!(invites.len(), 1, "{}", alice.err);
    for invite in invites {
        assert!(invite.contains("\r\nX-Room: 12\r\n"), "{invite}");
        assert!(
            invite.contains("\r\nFrom: <sip:desk@other.example.com>;tag="),
            "{invite}"
        );
        assert!(invite.contains("\r\nSubject: lunch\r\n"), "{invite}");
        assert!(invite.contains("\r\nContent-Length: 0\r\n"), "{invite}");
    }
    let acks = sent(&alice, "ACK");
    assert!(
        acks.last().is_some_and(|ack| ack.contains("\r\nv=0\r\n")),
        "{}",
        alice.err
    );
}

/// RFC 3264 section 8.4: the offers of hold and resume; the peer answers by what they leave to it.
#[test]
fn hold_and_resume_by_either_side() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve();
        let hold = ["--hold-after", "0", "--resume-after", "1"];
        let mut answering = bob(&url, &[]);
        let flags = [&hold[..], &["--hangup-after", "2", "--adapter", adapter]].concat();
        let held = alice(&url, &flags);
        assert_eq!(held.code, 0, "{}\n{}", held.out, held.err);
        let place = |what: &str| {
            held.out
                .find(what)
                .unwrap_or_else(|| panic!("{}", held.out))
        };
        assert!(place("call on hold") < place("call resumed"));
        assert!(answering.line("offer received").ends_with("sendrecv"));
        assert!(answering.line("offer received").ends_with("sendonly"));
        assert!(answering.line("offer received").ends_with("sendrecv"));
        drop(answering);
        let mut answering = bob(&url, &[&hold[..], &["--adapter", adapter]].concat());
        let held = alice(&url, &["--hangup-after", "2", "--json"]);
        assert_eq!(held.code, 0, "{}\n{}", held.out, held.err);
        answering.line("call on hold");
        answering.line("call resumed");
        let directions: Vec<String> = events(&held, "remote_description")
            .map(|event| event["direction"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(directions, ["sendrecv", "sendonly", "sendrecv"]);
    }
}

/// RFC 3261 section 13.3.1.1: 183 has a description while the call rings.
#[test]
fn early_media_while_the_call_rings() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve();
        let _bob = bob(&url, &["--progress", "--ring", "1", "--adapter", adapter]);
        let alice = alice(&url, &["--hangup-after", "0", "--trace"]);
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        let place = |what: &str| {
            alice
                .out
                .find(what)
                .unwrap_or_else(|| panic!("{}", alice.out))
        };
        assert!(place("183 Session Progress, with early media") < place("call established"));
        let progress = alice.err.split("SIP/2.0 183 ").nth(1).unwrap();
        let progress = progress.split("<<< ").next().unwrap();
        assert!(progress.contains("\r\nm=audio "), "{progress}");
    }
}

fn carol(url: &str, further: &[&str]) -> Background {
    answering("carol", url, further)
}

/// RFC 5589 section 6: bob follows alice's REFER, and alice hangs up after his report.
#[test]
fn rfc5589_6_a_blind_transfer_by_flags() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve_three();
        let mut carol = carol(&url, &["--adapter", adapter]);
        let mut bob = bob(&url, &["--follow-refer", "--adapter", adapter]);
        let flags = [
            "--transfer",
            "carol",
            "--transfer-after",
            "0",
            "--adapter",
            adapter,
        ];
        let alice = alice(&url, &flags);
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        assert!(
            alice.out.contains("the transfer succeeded"),
            "{}",
            alice.out
        );
        bob.line("REFER from sip:alice@localhost to sip:carol@localhost");
        carol.line("call from sip:bob@localhost");
        carol.line("call established");
        bob.line("call ended: hung up, by the peer");
        bob.signal("INT");
        carol.line("call ended: hung up, by the peer");
    }
}

/// RFC 5589 section 7: alice calls carol first; bob's call replaces hers at carol (RFC 3891).
#[test]
fn rfc5589_7_an_attended_transfer_by_flags() {
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve_three();
        let mut carol = carol(&url, &["--replaces", "--adapter", adapter]);
        let bob = bob(&url, &["--follow-refer", "--adapter", adapter]);
        let flags = ["--transfer", "carol", "--attended", "--adapter", adapter];
        let alice = alice(&url, &flags);
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        assert!(
            alice.out.contains("the transfer succeeded"),
            "{}",
            alice.out
        );
        // A call has its number while there is another one.
        for line in [
            "call established",
            "call 1: call on hold",
            "call 2: call established",
        ] {
            let is_there = alice.out.lines().any(|its| its == line);
            assert!(is_there, "{line}: {}", alice.out);
        }
        let first = carol.line_with("call from sip:alice@localhost");
        assert_eq!(first, "call from sip:alice@localhost");
        let second = carol.line_with("call from sip:bob@localhost");
        assert!(second.starts_with("call 2: call from "), "{second}");
        assert!(second.contains(", in place of"), "{second}");
        carol.line("call replaced");
        bob.signal("INT");
        carol.line("call ended: hung up, by the peer");
    }
}

/// A REFER behind a re-INVITE that is under way is lost at some peers, such as SIP.js 0.11: it waits for the end of that exchange.
#[test]
fn the_refer_of_an_attended_transfer_waits_for_the_end_of_the_hold() {
    for adapter in ["tokio", "blocking"] {
        let registrar = Registrar::start(600);
        registrar.leave_unanswered("INVITE");
        let url = format!("ws://127.0.0.1:{}", registrar.port);
        let account = ["--server", &url, "--uri", "sip:alice@example.com"];
        let flags = ["--transfer", "carol", "--attended", "--adapter", adapter];
        let mut alice = Background::start(&[&["call", "bob"][..], &flags, &account].concat());
        let accept = |invite: &str, user: &str| {
            let contact = format!(
                "Contact: <sip:{user}@{user}.invalid;transport=ws>\r\nSupported: replaces\r\nContent-Type: application/sdp\r\n"
            );
            registrar.send(0, &answer(invite, &contact, ANSWER));
        };
        accept(&registrar.hear(0, "INVITE sip:bob@example.com "), "bob");
        let hold = registrar.hear(0, "INVITE sip:bob@bob.invalid");
        accept(&registrar.hear(0, "INVITE sip:carol@example.com "), "carol");
        registrar.hear(0, "ACK sip:carol@carol.invalid");
        alice.line("call established");
        alice.line("call established");
        // The program answers this after it has done what follows from the call to carol.
        registrar.send(0, &request("MESSAGE", 1, "Hello"));
        registrar.hear(0, "SIP/2.0 200 ");
        assert_eq!(registrar.heard(0, "REFER "), [""; 0], "{adapter}");
        accept(&hold, "bob");
        let refer = registrar.hear(0, "REFER sip:bob@bob.invalid");
        assert!(header(&refer, "Refer-To").is_some_and(|target| target.contains("Replaces=")));
        registrar.end();
    }
}

const ANSWER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// A transfer that comes to nothing is a failure: the transferee refuses it, or its target cannot be reached.
#[test]
fn a_transfer_that_fails_ends_the_call_of_a_script() {
    let (_server, url) = serve_three();
    for (bobs, target, attended, why) in [
        (&[][..], "carol", false, "603 Decline"),
        (&["--follow-refer"], "nobody", false, "404"),
        (&["--follow-refer"], "carol", true, "480"),
    ] {
        let mut bob = bob(&url, bobs);
        let flags: &[&str] = if attended { &["--attended"] } else { &[] };
        let alice = alice(&url, &[&["--transfer", target][..], flags].concat());
        assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
        assert!(alice.err.contains("transfer"), "{}", alice.err);
        assert!(alice.err.contains(why), "{why}: {}", alice.err);
        bob.line("call ended: hung up, by the peer");
    }
}

/// RFC 3515: the caller follows the REFER of the side that answers. Its command goes on with the new call, to the end of that.
#[test]
fn a_caller_that_follows_goes_on_with_the_new_call() {
    for (adapter, attended) in [("tokio", false), ("blocking", true)] {
        let (_server, url) = serve_three();
        let mut carol = carol(&url, &["--replaces", "--hangup-after", "2"]);
        let transfer = ["--transfer", "carol", "--adapter", adapter];
        let attended: &[&str] = if attended { &["--attended"] } else { &[] };
        let mut bob = bob(&url, &[&transfer[..], attended].concat());
        let alice = alice(&url, &["--follow-refer", "--json", "--adapter", adapter]);
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        assert_eq!(events(&alice, "refer").count(), 1, "{}", alice.out);
        assert_eq!(events(&alice, "established").count(), 2, "{}", alice.out);
        assert_eq!(events(&alice, "ended").count(), 2, "{}", alice.out);
        bob.line("the transfer succeeded");
        carol.line("call from sip:alice@localhost");
    }
}

/// RFC 3261 section 13.2.1: the caller gives up when the invitation expires.
#[test]
fn a_call_that_nobody_answers_expires() {
    let (_server, url) = serve();
    let mut bob = bob(&url, &["--ring", "60"]);
    let alice = alice(&url, &["--expires", "1", "--trace"]);
    assert_eq!(alice.code, 1, "{}\n{}", alice.out, alice.err);
    assert!(
        alice.err.contains("call not answered by bob"),
        "{}",
        alice.err
    );
    assert!(sent(&alice, "INVITE")[0].contains("\r\nExpires: 1\r\n"));
    assert_eq!(sent(&alice, "CANCEL").len(), 1, "{}", alice.err);
    bob.line("call ended: ");
}

/// RFC 3262: with `rel100` on both sides 183 is acknowledged, and its description is the answer.
#[test]
fn early_media_is_acknowledged() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rel100.json5");
    std::fs::write(&path, "{rel100: 'supported'}").unwrap();
    let config = ["--config", path.to_str().unwrap()];
    for adapter in ["tokio", "blocking"] {
        let (_server, url) = serve();
        let ringing = ["--progress", "--ring", "1", "--adapter", adapter];
        let _bob = bob(&url, &[&ringing[..], &config].concat());
        let flags = ["--hangup-after", "0", "--trace", "--adapter", adapter];
        let alice = alice(&url, &[&flags[..], &config].concat());
        assert_eq!(alice.code, 0, "{}\n{}", alice.out, alice.err);
        assert_eq!(sent(&alice, "PRACK").len(), 1, "{}", alice.err);
        let place = |what: &str| {
            alice
                .out
                .find(what)
                .unwrap_or_else(|| panic!("{}", alice.out))
        };
        assert!(place("answer received") < place("call established"));
    }
}
