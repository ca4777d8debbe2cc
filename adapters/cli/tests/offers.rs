//! Offers and answers of the program over the wire, on both adapters.

mod common;

use common::{Background, answering};
use sip_testing::sockets::registrar::{Registrar, ack, header, invite};

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const VIDEO: &str = "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";

fn audio(direction: &str) -> String {
    format!("m=audio 4000 RTP/AVP 0 8\r\na={direction}\r\n")
}

/// The request with this description.
fn with_body(request: &str, body: &str) -> String {
    let (head, _) = request.split_once("Content-Length").unwrap();
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Bob's INVITE of that number, within the dialog (Call-ID and To) if there is one.
fn next_invite(first: &str, number: u32, dialog: Option<(&str, &str)>, body: &str) -> String {
    let request = first
        .replace("CSeq: 1 ", &format!("CSeq: {number} "))
        .replace("z9hG4bKinvite", &format!("z9hG4bKinvite{number}"));
    let request = match dialog {
        Some((call, to)) => request
            .replace("bobs-call", call)
            .replace("To: <sip:alice@example.com>", &format!("To: {to}")),
        None => request.replace("bobs-call", &format!("bobs-call-{number}")),
    };
    with_body(&request, body)
}

/// Waits for the final response to an INVITE of that number.
fn final_response(registrar: &Registrar, number: u32) -> String {
    let is_final = |response: &String| {
        header(response, "CSeq") == Some(&*format!("{number} INVITE"))
            && !response.starts_with("SIP/2.0 1")
    };
    let response = |registrar: &Registrar| {
        let responses = registrar.heard(0, "SIP/2.0 ");
        responses.into_iter().find(is_final)
    };
    registrar.until("a final response", |registrar| {
        response(registrar).is_some()
    });
    response(registrar).expect("it has come")
}

/// A browser holds and resumes, and calls with video (RFC 3264 section 6). Calls and re-INVITEs without usable audio
/// are refused (RFC 3261 section 13.3.1.3); a re-INVITE without an offer gets one (section 14.2).
fn a_peer_holds_resumes_and_offers_video(adapter: &str) {
    let registrar = Registrar::start(600);
    let mut alice: Background = answering(&registrar, adapter, &[]);
    alice.line("registered for 600 s");
    let register = registrar.hear(0, "REGISTER ");
    let contact = header(&register, "Contact").unwrap();
    let first = invite(contact.split(['<', '>']).nth(1).unwrap());
    let send = |number, dialog: Option<(&str, &str)>, body: &str| {
        registrar.send(0, &next_invite(&first, number, dialog, body));
        let response = final_response(&registrar, number);
        if response.starts_with("SIP/2.0 200 ") {
            let ack = ack(&response).replace("1 ACK", &format!("{number} ACK"));
            registrar.send(0, &ack);
        }
        response
    };
    let refused = send(1, None, &format!("{SESSION}{VIDEO}"));
    assert!(refused.starts_with("SIP/2.0 488 "), "{refused}");
    let accepted = send(2, None, &format!("{SESSION}{VIDEO}{}", audio("sendrecv")));
    assert!(accepted.starts_with("SIP/2.0 200 "), "{accepted}");
    assert!(
        accepted.contains("\r\nm=video 0 RTP/AVP 96\r\n"),
        "{accepted}"
    );
    assert!(
        accepted.contains("\r\nm=audio 9 RTP/AVP 0 8\r\n"),
        "{accepted}"
    );
    assert!(accepted.contains("\r\na=sendrecv\r\n"), "{accepted}");
    alice.line("call established");
    let field = |name| header(&accepted, name).unwrap();
    let dialog = Some((field("Call-ID"), field("To")));
    let again = |number, body: &str| send(number, dialog, body);
    let origin = |response: &str| {
        let (_, origin) = response.split_once("\r\no=").unwrap();
        origin.lines().next().unwrap().to_owned()
    };
    let held = again(3, &format!("{SESSION}{VIDEO}{}", audio("sendonly")));
    assert!(held.contains("\r\na=recvonly\r\n"), "{held}");
    let (before, after) = (origin(&accepted), origin(&held));
    assert_eq!(before.replace(" 1 IN", " 2 IN"), after);
    let refused = again(4, &format!("{SESSION}{VIDEO}"));
    assert!(refused.starts_with("SIP/2.0 488 "), "{refused}");
    let resumed = again(5, &format!("{SESSION}{VIDEO}{}", audio("sendrecv")));
    assert!(resumed.contains("\r\na=sendrecv\r\n"), "{resumed}");
    let bye = with_body(&ack(&accepted).replace("1 ACK", "6 BYE"), "")
        .replace("ACK ", "BYE ")
        .replace("z9hG4bKack", "z9hG4bKbye");
    registrar.send(0, &bye);
    alice.line("call ended: hung up, by the peer");
    registrar.end();
}

#[test]
fn fault_f1_rfc3264_6_a_peer_holds_resumes_and_offers_video_with_tokio() {
    a_peer_holds_resumes_and_offers_video("tokio");
}

#[test]
fn fault_f1_rfc3264_6_a_peer_holds_resumes_and_offers_video_with_blocking() {
    a_peer_holds_resumes_and_offers_video("blocking");
}
