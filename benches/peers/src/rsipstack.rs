//! rsipstack.

use rsipstack::sip::prelude::*;
use rsipstack::sip::{Host, SipMessage, Uri};
use sip_benches::typed::Sink;

pub fn frame(bytes: &[u8]) -> Option<SipMessage> {
    SipMessage::try_from(bytes).ok()
}

pub fn typed(bytes: &[u8], sink: &mut impl Sink) -> Option<SipMessage> {
    let message = frame(bytes)?;
    match &message {
        SipMessage::Request(request) => {
            sink.shown("method", &request.method);
            uri(&request.uri, sink, ["ruri.user", "ruri.host", "ruri.port"]);
            sink.number("body", request.body.len() as u64);
        }
        SipMessage::Response(response) => {
            sink.number("status", response.status_code.code().into());
            sink.number("body", response.body.len() as u64);
        }
    }
    let via = message.via_header().ok()?.typed().ok()?;
    sink.shown("via.transport", &via.transport);
    uri(&via.uri, sink, ["via.user", "via.host", "via.port"]);
    if let Some(branch) = via.branch() {
        sink.text("via.branch", branch.value().as_bytes());
    }
    let from = message.from_header().ok()?.typed().ok()?;
    uri(&from.uri, sink, ["from.user", "from.host", "from.port"]);
    if let Some(tag) = from.tag() {
        sink.text("from.tag", tag.value().as_bytes());
    }
    let to = message.to_header().ok()?.typed().ok()?;
    uri(&to.uri, sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = to.tag() {
        sink.text("to.tag", tag.value().as_bytes());
    }
    sink.text("callid", message.call_id_header().ok()?.value().as_bytes());
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    sink.number("cseq.num", cseq.seq.into());
    sink.shown("cseq.method", &cseq.method);
    if let Ok(contact) = message.contact_header() {
        uri(
            &contact.typed().ok()?.uri,
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Ok(hops) = message.max_forwards_header() {
        sink.number("maxfwd", hops.value().trim().parse().ok()?);
    }
    Some(message)
}

fn uri(uri: &Uri, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let Some(value) = uri.user() {
        sink.text(user, value.as_bytes());
    }
    match uri.host() {
        Host::Domain(name) => sink.text(host, name.0.as_bytes()),
        Host::IpAddr(address) => sink.shown(host, address),
    }
    if let Some(value) = &uri.host_with_port.port {
        sink.shown(port, value);
    }
}

pub fn write(message: &SipMessage) -> Vec<u8> {
    message.clone().into()
}
