//! What keeps an agent reachable, against registrars, proxies, networks and applications that hate it.

mod net;

use std::time::Duration;

use sip_core::config::OfflineRequests;
use sip_core::connection::DisconnectReason;
use sip_core::{Event, Transport};
use sip_parse::{Bytes, HeaderName, Method, Request};

use net::{Net, config, response};

const SECOND: Duration = Duration::from_secs(1);

fn routes(request: &Request) -> Vec<String> {
    let values = request.values(HeaderName::Route);
    values
        .map(|value| sip_parse::text(value).to_string())
        .collect()
}

/// RFC 5626 11.6: a request waits for the binding to be made anew; while it is being given back nothing
/// will be made anew, and neither that request nor a later one may wait for it.
#[test]
fn rfc5626_11_6_430_while_unregistering_stops_nothing() {
    let mut net = Net::new(config(1).offline_requests(OfflineRequests::Queue));
    let (_, connection, options) = net.options().expect("OPTIONS");
    net.answers = [0; 3];
    net.agent.unregister(net.now).unwrap();
    net.pump();
    net.reply(connection, &options, 430, &[]);
    net.pump();
    net.answer_register(200);
    net.pump();
    assert!(!net.agent.is_registered());
    assert!(net.options().is_some(), "the connection is up");
}
