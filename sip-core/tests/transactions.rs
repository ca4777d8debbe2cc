//! The transaction layer alone, rule by rule: RFC 3261 sections 8, 9, 16.3, 17 and 18, RFC 3581, 4320, 6026.

use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_core::transaction::{
    ClientTransactionId, Output, SendError, ServerTransactionId, TransactionError,
    TransactionLayer, TransactionSettings, forwards_left,
};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Message, Method, Request, StatusCode, Value};

/// A layer, its one connection and its clock.
struct Bench {
    layer: TransactionLayer<&'static str>,
    connection: ConnectionId,
    now: Timestamp,
    start: Timestamp,
    sent: Vec<(Timestamp, Message)>,
    outputs: Vec<Output<&'static str>>,
}

impl Bench {
    fn new(transport: Transport) -> Self {
        Self::with(transport, Limits::default(), None)
    }

    fn with(transport: Transport, limits: Limits, remote: Option<&str>) -> Self {
        let mut layer = TransactionLayer::new(
            TransactionSettings {
                timers: Default::default(),
                limits,
                sent_by: "192.0.2.1:5060".into(),
                via_transport: None,
                rport: false,
                forwards: false,
            },
            Box::new(ChaCha20Rng::from_seed([3; 32])),
        );
        let connection = layer.accept(ConnectionInfo {
            transport,
            remote: remote.map(|remote| remote.parse().expect("an address")),
        });
        let now = Timestamp::from_millis(1_000);
        Self {
            layer,
            connection,
            now,
            start: now,
            sent: Vec::new(),
            outputs: Vec::new(),
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.layer.poll() {
            match output {
                Output::Transmit { bytes, .. } => {
                    let message = Message::parse(bytes, &Limits::default().message).expect("ours");
                    self.sent.push((self.now, message));
                }
                other => self.outputs.push(other),
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(next) = self.layer.next_tick().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.layer.tick(self.now);
            self.pump();
        }
        self.now = end;
    }

    fn send(&mut self, method: Method<'static>) -> ClientTransactionId {
        let mut request = Builder::request(method, b"sip:bob@192.0.2.2");
        request
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::Route, "<sip:192.0.2.3;lr>")
            .append(HeaderName::From, "<sip:alice@192.0.2.1>;tag=a")
            .append(HeaderName::To, "<sip:bob@192.0.2.2>")
            .append(HeaderName::CallId, "call")
            .append(HeaderName::CSeq, Value::CSeq(7, method))
            .append(HeaderName::Require, "100rel")
            .append(HeaderName::Contact, "<sip:alice@192.0.2.1>");
        let sent = self
            .layer
            .send_request(self.connection, request, "user", self.now)
            .expect("sent");
        self.pump();
        sent
    }

    fn feed(&mut self, bytes: impl Into<Bytes>) {
        self.layer.receive(self.connection, bytes.into(), self.now);
        self.pump();
    }

    fn feed_text(&mut self, text: &str) {
        self.feed(text.replace('\n', "\r\n").into_bytes());
    }

    fn reply(&mut self, request: &Message, status: u16, tag: &str) {
        let request = request.clone().into_request().expect("a request");
        let status = StatusCode::new(status).expect("a status");
        let tag = (status != StatusCode::TRYING).then_some(tag.as_bytes());
        let response = Builder::response_to(&request, status, tag).build();
        self.feed(response.expect("sound").bytes().clone());
    }

    /// When the messages sent since were sent, in milliseconds from the start.
    fn times(&self, method: &str) -> Vec<u64> {
        let fits = |message: &Message| {
            message
                .as_request()
                .is_some_and(|request| request.method().as_bytes() == method.as_bytes())
        };
        self.times_of(fits)
    }

    fn statuses(&self, status: u16) -> Vec<u64> {
        self.times_of(|message| {
            message
                .as_response()
                .is_some_and(|response| response.status().as_u16() == status)
        })
    }

    fn times_of(&self, fits: impl Fn(&Message) -> bool) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(_, message)| fits(message));
        sent.map(|(at, _)| at.saturating_since(self.start).as_millis() as u64)
            .collect()
    }

    fn requests(&mut self) -> Vec<(ServerTransactionId, Request, bool)> {
        let outputs = std::mem::take(&mut self.outputs);
        let requests = outputs.into_iter().filter_map(|output| match output {
            Output::Request {
                transaction,
                request,
                merged,
                ..
            } => Some((transaction, *request, merged)),
            _ => None,
        });
        requests.collect()
    }

    fn finals(&self) -> Vec<u16> {
        let finals = self.outputs.iter().filter_map(|output| match output {
            Output::Response { response, .. } => Some(response.status().as_u16()),
            _ => None,
        });
        finals.filter(|status| *status >= 200).collect()
    }

    fn failures(&self) -> Vec<TransactionError> {
        let failures = self.outputs.iter().filter_map(|output| match output {
            Output::Failed { error, .. } => Some(*error),
            _ => None,
        });
        failures.collect()
    }

    fn respond(&mut self, transaction: ServerTransactionId, status: u16) -> Result<(), SendError> {
        let request = self.layer.request(transaction).ok_or(SendError::Stale)?;
        let status = StatusCode::new(status).expect("a status");
        let response = Builder::response_to(&request, status, Some(b"us"));
        let outcome = self.layer.respond(transaction, response, self.now);
        self.pump();
        outcome
    }
}

fn request(method: &str, via: &str, more: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {via}\nMax-Forwards: 70\n\
         From: <sip:bob@192.0.2.2>;tag=b\nTo: <sip:alice@192.0.2.1>\nCall-ID: c1\n\
         CSeq: 1 {method}\nContact: <sip:bob@192.0.2.2>\n{more}Content-Length: 0\n\n"
    )
}

fn value(message: &Message, name: HeaderName<'_>) -> String {
    let header = message.header(name).expect("the header field");
    String::from_utf8(header.value.to_vec()).expect("text")
}

const VIA: &str = "192.0.2.2:5060;branch=z9hG4bKone";

/// 3261-17.1.1.2-A, 3261-17.1.1.2-B: timer A doubles without a cap, timer B ends it after 64 T1.
#[test]
fn rfc3261_17_1_1_2_timers_a_and_b_on_datagrams() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    bench.wait(31_999);
    let expected = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
    assert_eq!(bench.times("INVITE"), expected);
    assert!(bench.failures().is_empty());
    bench.wait(1);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// 3261-17.1.1.2-A, 7118-5.2.4-A: no timer A on a reliable transport.
#[test]
fn rfc3261_17_1_1_2_no_timer_a_on_a_stream() {
    let mut bench = Bench::new(Transport::Ws);
    bench.send(Method::Invite);
    bench.wait(32_000);
    assert_eq!(bench.times("INVITE"), [0]);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.1.2-B: a provisional response stops both timers.
#[test]
fn rfc3261_17_1_1_2_a_provisional_stops_a_and_b() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 180, "t");
    bench.wait(300_000);
    assert_eq!(bench.times("INVITE"), [0]);
    assert!(bench.failures().is_empty());
    assert_eq!(bench.layer.client_transactions(), 1);
}

/// 3261-17.1.1.2-C, 3261-17.1.1.2-D: each repeated refusal gets the same ACK, the user hears one; timer D.
#[test]
fn rfc3261_17_1_1_2_repeated_refusals_get_the_same_ack() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    for _ in 0..3 {
        bench.reply(&invite, 486, "t");
    }
    assert_eq!(bench.finals(), [486]);
    let acks: Vec<_> = bench.sent[1..].iter().map(|sent| sent.1.bytes()).collect();
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| *ack == acks[0]));
    bench.wait(31_999);
    assert_eq!(bench.layer.client_transactions(), 1);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
}

/// 3261-17.1.1.3-A, 3261-8.1.1.7-A: the ACK to a refusal is made of the INVITE and the response's To.
#[test]
fn rfc3261_17_1_1_3_the_ack_is_made_of_the_invite() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 486, "theirs");
    let ack = &bench.sent[1].1;
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::Route,
    ] {
        assert_eq!(value(ack, name), value(&invite, name), "{name:?}");
    }
    assert_eq!(
        ack.as_request().expect("ACK").uri_bytes(),
        b"sip:bob@192.0.2.2"
    );
    assert_eq!(value(ack, HeaderName::To), "<sip:bob@192.0.2.2>;tag=theirs");
    assert_eq!(value(ack, HeaderName::CSeq), "7 ACK");
    assert_eq!(ack.vias().count(), 1);
    assert!(!ack.has(HeaderName::Require));
}

/// 6026-7.2-A: further 2xx of any tag go to the user for 64 T1; refusals are ignored.
#[test]
fn rfc6026_7_2_further_2xx_are_delivered() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 200, "one");
    bench.reply(&invite, 200, "two");
    bench.reply(&invite, 486, "three");
    bench.wait(31_999);
    bench.reply(&invite, 200, "one");
    assert_eq!(bench.finals(), [200, 200, 200]);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
}

/// 6026-7.2-B: a 2xx that matches nothing is handed to the user, who decides.
#[test]
fn rfc6026_7_2_a_stray_2xx_is_handed_up() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 200, "one");
    bench.wait(32_000);
    bench.outputs.clear();
    bench.reply(&invite, 200, "one");
    assert!(matches!(bench.outputs[..], [Output::StrayResponse { .. }]));
    bench.outputs.clear();
    bench.reply(&invite, 486, "one");
    assert!(matches!(bench.outputs[..], [Output::Ignored { .. }]));
}

/// 3261-17.1.2.2-A, 3261-17.1.2.2-B: timer E doubles up to T2, timer F ends it after 64 T1.
#[test]
fn rfc3261_17_1_2_2_timers_e_and_f() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    bench.wait(32_000);
    let expected = [
        0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.times("OPTIONS"), expected);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.2.2-A, 3261-17.1.2.2-B: after a provisional response every T2, and still timer F.
#[test]
fn rfc3261_17_1_2_2_a_provisional_slows_it_down() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let options = bench.sent[0].1.clone();
    bench.reply(&options, 100, "");
    bench.wait(32_000);
    let expected = [0, 500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500];
    assert_eq!(bench.times("OPTIONS"), expected);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.2.2-C: repeated final responses are swallowed for T4, on a stream not at all.
#[test]
fn rfc3261_17_1_2_2_timer_k() {
    for (transport, linger) in [(Transport::Udp, 5_000), (Transport::Ws, 0)] {
        let mut bench = Bench::new(transport);
        bench.send(Method::Options);
        let options = bench.sent[0].1.clone();
        bench.reply(&options, 200, "t");
        bench.reply(&options, 200, "t");
        assert_eq!(bench.finals(), [200]);
        assert_eq!(bench.layer.client_transactions(), usize::from(linger > 0));
        bench.wait(linger.max(1) - 1);
        assert_eq!(bench.layer.client_transactions(), usize::from(linger > 0));
        bench.wait(1);
        assert_eq!(bench.layer.client_transactions(), 0);
    }
}

/// 3261-17.1.3-A: branch and CSeq method together; the INVITE's responses are never the CANCEL's.
#[test]
fn rfc3261_17_1_3_branch_and_method_match() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench.reply(&sent, 180, "t");
    bench
        .layer
        .cancel(invite, None, "cancel", bench.now)
        .expect("pending");
    bench.pump();
    let cancel = bench.sent[1].1.clone();
    assert_eq!(
        value(&cancel, HeaderName::Via),
        value(&sent, HeaderName::Via)
    );
    bench.outputs.clear();
    bench.reply(&cancel, 200, "t");
    assert!(
        matches!(bench.outputs[..], [Output::Response { user: "cancel", .. }]),
        "{:?}",
        bench.outputs
    );
    bench.outputs.clear();
    bench.reply(&sent, 487, "t");
    assert!(matches!(
        bench.outputs[..],
        [Output::Response { user: "user", .. }]
    ));
    // The branch of another method's transaction is nobody's.
    bench.outputs.clear();
    let text = String::from_utf8(sent.bytes().to_vec()).expect("text");
    let other = text.replace("INVITE", "OPTIONS");
    let other = Message::parse(other.into_bytes().into(), &Limits::default().message);
    bench.reply(&other.expect("sound"), 200, "t");
    assert!(matches!(bench.outputs[..], [Output::Ignored { .. }]));
}

/// 3261-17.1.4-A, 3261-8.1.3.1-A, CONN-A: a broken connection is told at once, and nothing is sent.
#[test]
fn rfc3261_17_1_4_a_broken_connection_is_told() {
    for method in [Method::Invite, Method::Options] {
        let mut bench = Bench::new(Transport::Ws);
        bench.send(method);
        bench.layer.closed(bench.connection, bench.now);
        bench.pump();
        assert_eq!(bench.failures(), [TransactionError::ConnectionLost]);
        assert_eq!(bench.sent.len(), 1);
        bench.outputs.clear();
        assert!(bench.layer.is_idle());
    }
}

/// 3261-9.1-A, 3261-9.1-B: CANCEL waits for a provisional response, and is made of the INVITE.
#[test]
fn rfc3261_9_1_cancel_waits_and_is_made_of_the_invite() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    let reason = Some("SIP;cause=200");
    bench
        .layer
        .cancel(invite, reason, "c", bench.now)
        .expect("pending");
    bench.pump();
    assert!(bench.times("CANCEL").is_empty());
    bench.reply(&sent, 100, "");
    let cancel = &bench.sent[1].1;
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::Route,
    ] {
        assert_eq!(value(cancel, name), value(&sent, name), "{name:?}");
    }
    assert_eq!(value(cancel, HeaderName::CSeq), "7 CANCEL");
    assert_eq!(value(cancel, HeaderName::Reason), "SIP;cause=200");
    assert!(!cancel.has(HeaderName::Require));
    let again = bench.layer.cancel(invite, None, "c", bench.now);
    assert_eq!(again, Err(SendError::Stale));
}

/// 3261-9.1-A: a final response comes first: no CANCEL at all.
#[test]
fn rfc3261_9_1_no_cancel_after_a_final_response() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench
        .layer
        .cancel(invite, None, "c", bench.now)
        .expect("pending");
    bench.reply(&sent, 200, "t");
    bench.wait(100_000);
    assert!(bench.times("CANCEL").is_empty());
}

/// 3261-9.1-C: 64 T1 after the CANCEL an INVITE without a final response is over.
#[test]
fn rfc3261_9_1_a_cancelled_invite_ends_after_64_t1() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench.reply(&sent, 180, "t");
    bench
        .layer
        .cancel(invite, None, "c", bench.now)
        .expect("pending");
    bench.pump();
    bench.wait(31_999);
    assert_eq!(bench.layer.client_transactions(), 2);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
    assert_eq!(bench.failures().len(), 2);
}

/// 3261-9.1-E: only an INVITE can be cancelled.
#[test]
fn rfc3261_9_1_only_an_invite_is_cancelled() {
    let mut bench = Bench::new(Transport::Udp);
    let options = bench.send(Method::Options);
    let refused = bench.layer.cancel(options, None, "c", bench.now);
    assert_eq!(refused, Err(SendError::Stale));
}

/// 3261-17.2.1-A, 3261-8.2.6.1-A: 100 after 200 ms; an INVITE that comes again gets the last response.
#[test]
fn rfc3261_17_2_1_trying_and_the_last_provisional() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = request("INVITE", VIA, "Timestamp: 54\n");
    bench.feed_text(&invite);
    bench.wait(199);
    assert!(bench.sent.is_empty());
    bench.wait(1);
    assert_eq!(bench.statuses(100), [200]);
    assert_eq!(value(&bench.sent[0].1, HeaderName::Timestamp), "54");
    assert_eq!(
        value(&bench.sent[0].1, HeaderName::To),
        "<sip:alice@192.0.2.1>"
    );
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 180).expect("pending");
    bench.feed_text(&invite);
    assert_eq!(bench.statuses(180).len(), 2);
    assert!(bench.requests().is_empty(), "the user is not told again");
}

/// 3261-17.2.1-B, 3261-17.2.1-C: timer G doubles up to T2; H fires without ACK.
#[test]
fn rfc3261_17_2_1_timers_g_and_h() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 486).expect("pending");
    bench.wait(32_000);
    let expected = [
        0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.statuses(486), expected);
    let timeout = TransactionError::Timeout;
    assert!(matches!(bench.outputs[..], [Output::ServerFailed { error, .. }] if error == timeout));
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// 3261-17.2.1-C: the ACK stops it, is not handed up, and timer I absorbs more of them.
#[test]
fn rfc3261_17_2_1_the_ack_ends_it() {
    for (transport, linger) in [(Transport::Udp, 5_000), (Transport::Ws, 0)] {
        let mut bench = Bench::new(transport);
        bench.feed_text(&request("INVITE", VIA, ""));
        let (transaction, ..) = bench.requests().remove(0);
        bench.respond(transaction, 486).expect("pending");
        bench.feed_text(&request("ACK", VIA, ""));
        assert!(bench.outputs.is_empty(), "{:?}", bench.outputs);
        assert_eq!(bench.layer.server_transactions(), usize::from(linger > 0));
        bench.wait(linger.max(1) - 1);
        assert_eq!(bench.layer.server_transactions(), usize::from(linger > 0));
        bench.wait(1);
        assert_eq!(bench.statuses(486), [0]);
        assert!(bench.layer.is_idle());
    }
}

/// 6026-7.1-A: after a 2xx the INVITE is absorbed without answer for 64 T1; 2xx of the user go out.
#[test]
fn rfc6026_7_1_an_accepted_invite_is_absorbed() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = request("INVITE", VIA, "");
    bench.feed_text(&invite);
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 200).expect("pending");
    bench.feed_text(&invite);
    bench.wait(31_999);
    assert_eq!(bench.statuses(200), [0]);
    bench.layer.repeat_response(transaction).expect("accepted");
    bench.pump();
    assert_eq!(bench.statuses(200).len(), 2);
    bench.wait(1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// 3261-17.2.2-A: the last response again on demand for 64 T1; later final responses are refused.
#[test]
fn rfc3261_17_2_2_a_final_response_is_repeated_on_demand() {
    let mut bench = Bench::new(Transport::Udp);
    let options = request("OPTIONS", VIA, "");
    bench.feed_text(&options);
    bench.feed_text(&options);
    let (transaction, ..) = bench.requests().remove(0);
    assert!(bench.sent.is_empty(), "nothing before there is an answer");
    bench.respond(transaction, 200).expect("pending");
    assert_eq!(bench.respond(transaction, 500), Err(SendError::Stale));
    bench.wait(31_999);
    bench.feed_text(&options);
    assert_eq!(bench.statuses(200), [0, 31_999]);
    bench.wait(1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// 4320-4.1-A: no provisional response to a non-INVITE but a 100, and that not before 3.5 s.
#[test]
fn rfc4320_4_1_a_100_after_3_5_s_and_no_other_provisional() {
    for transport in [Transport::Udp, Transport::Ws] {
        let mut bench = Bench::new(transport);
        bench.feed_text(&request("OPTIONS", VIA, ""));
        let (transaction, ..) = bench.requests().remove(0);
        let refused = bench.respond(transaction, 183);
        assert!(matches!(refused, Err(SendError::Forbidden(_))));
        bench.wait(3_499);
        assert!(bench.sent.is_empty());
        bench.wait(1);
        assert_eq!(bench.statuses(100), [3_500]);
    }
}

/// 4320-4.2-A: no 408 to a non-INVITE; after 64 T1 nothing is sent, and a late copy is no new request.
#[test]
fn rfc4320_4_2_no_408_and_nothing_after_64_t1() {
    let mut bench = Bench::new(Transport::Udp);
    let options = request("OPTIONS", VIA, "");
    bench.feed_text(&options);
    let (transaction, ..) = bench.requests().remove(0);
    let refused = bench.respond(transaction, 408);
    assert!(matches!(refused, Err(SendError::Forbidden(_))));
    bench.wait(32_000);
    bench.sent.clear();
    assert_eq!(bench.respond(transaction, 200), Err(SendError::Stale));
    bench.wait(4_000);
    bench.feed_text(&options);
    assert!(bench.requests().is_empty());
    bench.wait(1_000);
    assert!(bench.layer.is_idle());
}

/// 3261-17.2.3-A: branch, sent-by (host and port) and method name a transaction.
#[test]
fn rfc3261_17_2_3_what_names_a_server_transaction() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    for other in [
        "192.0.2.2:5062;branch=z9hG4bKone",
        "192.0.2.9:5060;branch=z9hG4bKone",
        "192.0.2.2:5060;branch=z9hG4bKtwo",
    ] {
        bench.feed_text(&request("OPTIONS", other, ""));
    }
    bench.feed_text(&request("MESSAGE", VIA, ""));
    assert_eq!(bench.layer.server_transactions(), 5);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    assert_eq!(bench.layer.server_transactions(), 5);
}

/// 3261-17.2.3-B: without the magic cookie Request-URI, tags, Call-ID, CSeq and top Via name it.
#[test]
fn rfc3261_17_2_3_the_rules_of_rfc2543() {
    let mut bench = Bench::new(Transport::Udp);
    let old = request("INVITE", "192.0.2.2:5060;branch=1", "");
    bench.feed_text(&old);
    bench.feed_text(&old);
    assert_eq!(bench.layer.server_transactions(), 1);
    for (from, to) in [
        ("Call-ID: c1", "Call-ID: c2"),
        ("tag=b", "tag=d"),
        ("CSeq: 1", "CSeq: 2"),
    ] {
        bench.feed_text(&old.replace(from, to));
    }
    assert_eq!(bench.layer.server_transactions(), 4);
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 486).expect("pending");
    // Its ACK carries the tag of our response.
    let ack = old.replace("INVITE", "ACK");
    bench.feed_text(&ack);
    assert!(matches!(bench.outputs[..], [Output::Ack { .. }]));
    bench.outputs.clear();
    bench.feed_text(&ack.replace(
        "To: <sip:alice@192.0.2.1>",
        "To: <sip:alice@192.0.2.1>;tag=us",
    ));
    assert!(bench.outputs.is_empty());
}

/// 3261-17.2.4-A: the user is told that its response cannot go out any more.
#[test]
fn rfc3261_17_2_4_a_broken_connection_is_told_to_the_server() {
    let mut bench = Bench::new(Transport::Ws);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (transaction, ..) = bench.requests().remove(0);
    bench.layer.closed(bench.connection, bench.now);
    bench.pump();
    let lost = TransactionError::ConnectionLost;
    assert!(matches!(bench.outputs[..], [Output::ServerFailed { error, .. }] if error == lost));
    assert_eq!(bench.respond(transaction, 200), Err(SendError::Stale));
}

/// 3261-9.2-A, 3261-9.2-B: a CANCEL names the INVITE of the same branch, or none.
#[test]
fn rfc3261_9_2_a_cancel_finds_its_invite() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (invite, ..) = bench.requests().remove(0);
    bench.feed_text(&request("CANCEL", VIA, ""));
    let found = |bench: &Bench| match bench.outputs[..] {
        [Output::Request { cancels, .. }] => cancels,
        _ => panic!("{:?}", bench.outputs),
    };
    assert_eq!(found(&bench), Some(invite));
    bench.outputs.clear();
    bench.feed_text(&request("CANCEL", "192.0.2.2:5060;branch=z9hG4bKnone", ""));
    assert_eq!(found(&bench), None);
}

/// 3261-8.2.2.2-A, 5393-A: the same From tag, Call-ID and CSeq by another way is merged; with a To tag not.
#[test]
fn rfc3261_8_2_2_2_a_request_by_two_ways_is_merged() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let other = request("INVITE", "192.0.2.3;branch=z9hG4bKtwo", "");
    bench.feed_text(&other);
    let within = other.replace(
        "To: <sip:alice@192.0.2.1>",
        "To: <sip:alice@192.0.2.1>;tag=x",
    );
    bench.feed_text(&within.replace("bKtwo", "bKthree"));
    let merged: Vec<_> = bench.requests().into_iter().map(|found| found.2).collect();
    assert_eq!(merged, [false, true, false]);
}

/// 3261-8.2.6.2-A: Via, From, Call-ID and CSeq as they came; To with a tag of ours.
#[test]
fn rfc3261_8_2_6_2_what_a_response_copies() {
    let mut bench = Bench::new(Transport::Udp);
    let vias = "192.0.2.2:5060;branch=z9hG4bKone\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKtwo";
    bench.feed_text(&request("OPTIONS", vias, ""));
    let (transaction, came, _) = bench.requests().remove(0);
    bench.respond(transaction, 200).expect("pending");
    let response = &bench.sent[0].1;
    let ours: Vec<_> = response.values(HeaderName::Via).collect();
    assert_eq!(ours, came.values(HeaderName::Via).collect::<Vec<_>>());
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        assert_eq!(value(response, name), value(&came, name));
    }
    assert_eq!(
        value(response, HeaderName::To),
        "<sip:alice@192.0.2.1>;tag=us"
    );
}

/// 3261-8.2.7-A, TX-CAP: over the limit 503 with Retry-After, without state, with the same tag each time.
#[test]
fn tx_cap_over_the_limit_requests_are_refused_without_state() {
    let mut limits = Limits::default();
    limits.server_transactions = 1;
    limits.client_transactions = 1;
    let mut bench = Bench::with(Transport::Udp, limits, None);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (first, ..) = bench.requests().remove(0);
    let more = request("INVITE", "192.0.2.2:5060;branch=z9hG4bKtwo", "");
    for _ in 0..2 {
        bench.feed_text(&more.replace("Call-ID: c1", "Call-ID: c2"));
    }
    assert_eq!(bench.statuses(503).len(), 2);
    assert_eq!(bench.layer.server_transactions(), 1);
    let [(_, one), (_, two)] = &bench.sent[..] else {
        panic!()
    };
    assert_eq!(one.bytes(), two.bytes());
    assert!(one.has(HeaderName::RetryAfter));
    assert!(bench.requests().is_empty());
    bench
        .respond(first, 180)
        .expect("what is under way goes on");
    bench.send(Method::Options);
    let mut more = Builder::request(Method::Options, b"sip:bob@192.0.2.2");
    more.append(HeaderName::MaxForwards, 70)
        .append(HeaderName::From, "<sip:a@b>;tag=1")
        .append(HeaderName::To, "<sip:b@b>")
        .append(HeaderName::CallId, "x")
        .append(HeaderName::CSeq, "1 OPTIONS");
    let refused = bench
        .layer
        .send_request(bench.connection, more, "u", bench.now);
    assert_eq!(refused, Err(SendError::TooManyTransactions));
}

/// LIM-A, 3261-7.1-A: a request above the limits is answered 513, another version 505.
#[test]
fn lim_a_too_large_513_and_another_version_505() {
    let mut limits = Limits::default();
    limits.message.headers = 20;
    let mut bench = Bench::with(Transport::Udp, limits, None);
    bench.feed_text(&request("OPTIONS", VIA, &"X: y\n".repeat(20)));
    assert_eq!(bench.statuses(513).len(), 1);
    bench.feed_text(&request("OPTIONS", VIA, "").replace("192.0.2.1 SIP/2.0", "192.0.2.1 SIP/3.0"));
    assert_eq!(bench.statuses(505).len(), 1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// TX-TIME: firing late fires every timer once; a clock that goes back is harmless.
#[test]
fn tx_time_late_and_backward_ticks() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    bench.layer.tick(Timestamp::ZERO);
    bench.pump();
    assert_eq!(bench.sent.len(), 1);
    let late = bench.now + Duration::from_secs(3_600);
    for _ in 0..40 {
        bench.layer.tick(late);
    }
    bench.pump();
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// TX-DET, NF-REPLAY: the same seed and inputs give the same bytes at the same times.
#[test]
fn tx_det_the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut bench = Bench::new(Transport::Udp);
        bench.send(Method::Invite);
        bench.feed_text(&request("OPTIONS", VIA, ""));
        bench.wait(10_000);
        let sent = bench.sent.iter();
        sent.map(|(at, message)| (*at, message.bytes().clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
    assert!(run().len() > 5);
}

/// 3581-3-A: an empty rport on datagrams.
#[test]
fn rfc3581_3_via_asks_for_rport() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let via = bench.sent[0].1.top_via().expect("Via").rport();
    assert_eq!(via, Some(None));
    let mut bench = Bench::new(Transport::Tcp);
    bench.send(Method::Options);
    assert_eq!(bench.sent[0].1.top_via().expect("Via").rport(), None);
}

/// 3581-4-A: rport is filled and received added, even where the host is right.
#[test]
fn rfc3581_4_rport_is_filled() {
    let mut bench = Bench::with(Transport::Udp, Limits::default(), Some("192.0.2.2:40000"));
    bench.feed_text(&request(
        "OPTIONS",
        "192.0.2.2:5060;rport;branch=z9hG4bKone",
        "",
    ));
    let (transaction, came, _) = bench.requests().remove(0);
    let via = came.top_via().expect("Via");
    assert_eq!(via.rport(), Some(Some(40_000)));
    assert_eq!(via.received(), Some(&b"192.0.2.2"[..]));
    bench.respond(transaction, 200).expect("pending");
    let via = value(&bench.sent[0].1, HeaderName::Via);
    assert!(
        via.contains("rport=40000") && via.contains("received=192.0.2.2"),
        "{via}"
    );
}

/// 3261-18.2.1-A: received where the host is a name or another address, and nowhere else.
#[test]
fn rfc3261_18_2_1_received_is_added() {
    let remote = Some("192.0.2.2:5060");
    for (host, added) in [
        ("192.0.2.2", false),
        ("192.0.2.9", true),
        ("bob.example", true),
    ] {
        let mut bench = Bench::with(Transport::Udp, Limits::default(), remote);
        bench.feed_text(&request(
            "OPTIONS",
            &format!("{host};branch=z9hG4bKone"),
            "",
        ));
        let (_, came, _) = bench.requests().remove(0);
        assert_eq!(
            came.top_via().expect("Via").received().is_some(),
            added,
            "{host}"
        );
    }
}

/// 3261-8.1.3.3-A, 3261-18.1.2-A: a response with a second Via, or not with our sent-by, is dropped.
#[test]
fn rfc3261_8_1_3_3_foreign_responses_are_dropped() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let sent = String::from_utf8(bench.sent[0].1.bytes().to_vec()).expect("text");
    let second = sent.replacen(
        "Max-Forwards",
        "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKx\r\nMax-Forwards",
        1,
    );
    let foreign = sent.replacen("192.0.2.1:5060", "192.0.2.8:5060", 1);
    for text in [second, foreign] {
        let message = Message::parse(text.into_bytes().into(), &Limits::default().message);
        bench.reply(&message.expect("sound"), 200, "t");
        assert!(bench.finals().is_empty());
    }
    assert_eq!(bench.layer.client_transactions(), 1);
}

/// 3261-16.3-A: Max-Forwards counts down, and at 0 the answer is 483.
#[test]
fn rfc3261_16_3_max_forwards() {
    let parse = |text: String| {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        let message = Message::parse(bytes.into(), &Limits::default().message).expect("sound");
        message.into_request().expect("a request")
    };
    let seventy = request("OPTIONS", VIA, "");
    assert_eq!(forwards_left(&parse(seventy.clone())), Ok(69));
    let none = seventy.replace("Max-Forwards: 70\n", "");
    assert_eq!(forwards_left(&parse(none)), Ok(70));
    let zero = seventy.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(forwards_left(&parse(zero)), Err(StatusCode::TOO_MANY_HOPS));
    let bad = seventy.replace("Max-Forwards: 70", "Max-Forwards: x");
    assert_eq!(forwards_left(&parse(bad)), Err(StatusCode::BAD_REQUEST));
}

/// 5393-A, 3261-16.3-A: a request that was here before carries our Via.
#[test]
fn rfc3261_16_3_a_loop_is_seen_in_the_vias() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    let here = "192.0.2.2;branch=z9hG4bKtwo\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx";
    bench.feed_text(&request("OPTIONS", here, ""));
    let requests = bench.requests();
    let times = |place: usize| bench.layer.times_forwarded(&requests[place].1);
    assert_eq!((times(0), times(1)), (Ok(0), Ok(1)));
}
