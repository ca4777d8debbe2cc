//! The layer alone on an endpoint with several connections, as a server has them.

use sip_core::endpoint::{Endpoint, EndpointSettings};
use sip_core::notifier::NotifierLayer;
use sip_core::{
    Action, ConnectionId, ConnectionInfo, Event, IncomingSubscriptionId, MessageOptions, Timestamp,
    Transport,
};
use sip_parse::{Limits, Message, Method, UriBuf};
use sip_testing::seeded;

use crate::peer::state;

const NOW: Timestamp = Timestamp::from_millis(1_000);

struct Server {
    endpoint: Endpoint,
    layer: NotifierLayer,
    sent: Vec<(ConnectionId, Message)>,
    incoming: Option<IncomingSubscriptionId>,
}

impl Server {
    fn new() -> Self {
        let own = UriBuf::parse(b"sip:alice@192.0.2.1").expect("a URI");
        let mut settings = EndpointSettings::new(own);
        settings.behaviour.takes_any_user = true;
        settings.behaviour.extensions.event_packages = vec!["presence".into()];
        settings.identity.host = Some("192.0.2.1".into());
        Self {
            endpoint: Endpoint::new(settings, seeded(7, 0), NOW),
            layer: NotifierLayer::new(),
            sent: Vec::new(),
            incoming: None,
        }
    }

    fn accept(&mut self) -> ConnectionId {
        let transport = Transport::Tcp;
        let remote = None;
        self.endpoint.accept(ConnectionInfo { transport, remote })
    }

    fn pump(&mut self) {
        self.layer.settle(&mut self.endpoint);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { connection, bytes } => {
                    let message = Message::parse(bytes, &Limits::default()).expect("ours");
                    self.sent.push((connection, message));
                }
                Action::Event(Event::IncomingSubscription { subscription, .. }) => {
                    self.incoming = Some(subscription);
                }
                _ => {}
            }
        }
    }

    fn subscribes(&mut self, connection: ConnectionId, number: u32, to: &str) {
        let text = format!(
            "SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@192.0.2.2>;tag=bob\r\nTo: {to}\r\nCall-ID: 1\r\n\
             CSeq: {number} SUBSCRIBE\r\nContact: <sip:bob@192.0.2.2>\r\nEvent: presence\r\nExpires: 600\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let taken = self.endpoint.receive(connection, text.into(), NOW);
        taken.expect("room");
        self.pump();
    }
}

/// RFC 6665 4.2.1.4, 4.2.2: the subscriber comes back on a new connection before the loss of the last one shows. The NOTIFY that
/// was in flight on that goes out at once on the connection of the refresh.
#[test]
fn rfc6665_4_2_2_a_notify_follows_a_refresh_to_its_connection() {
    let mut server = Server::new();
    let first = server.accept();
    server.subscribes(first, 1, "<sip:alice@192.0.2.1>");
    let id = server.incoming.expect("a subscription");
    let options = MessageOptions::new();
    let accepted = server
        .layer
        .accept(&mut server.endpoint, id, state("one"), &options);
    accepted.expect("accepted");
    server.pump();
    let [(_, answer), (on, notify)] = &server.sent[..] else {
        panic!("a 200 and a NOTIFY");
    };
    assert_eq!(*on, first);
    assert_eq!(notify.cseq().expect("a CSeq").method, Method::Notify);
    let tag = answer.to().expect("To").tag().expect("a tag").to_vec();
    let to = format!(
        "<sip:alice@192.0.2.1>;tag={}",
        String::from_utf8_lossy(&tag)
    );
    server.sent.clear();

    let second = server.accept();
    server.subscribes(second, 2, &to);
    let [(on, answer)] = &server.sent[..] else {
        panic!("a 200 alone, because a NOTIFY is in flight");
    };
    assert_eq!(*on, second);
    assert_eq!(answer.cseq().expect("a CSeq").method, Method::Subscribe);
    server.sent.clear();

    server.endpoint.closed(first, NOW);
    server.pump();
    let [(on, notify)] = &server.sent[..] else {
        panic!("a NOTIFY");
    };
    assert_eq!(*on, second);
    assert_eq!(notify.cseq().expect("a CSeq").method, Method::Notify);
    assert_eq!(notify.body(), b"one");
    assert_eq!(server.layer.len(), 1);
}
