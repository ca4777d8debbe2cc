//! ezk-sip-types: its pull parser, message line and headers, put together as its own stack does.

use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, Contact, FromTo, MaxForwards, Via};
use ezk_sip_types::host::{Host, HostPort};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::uri::{SipUri, SipUriUserPart};
use ezk_sip_types::{Headers, Name};
use sip_benches::typed::Sink;

pub struct Message {
    line: MessageLine,
    headers: Headers,
    body: Bytes,
}

pub fn frame(bytes: &Bytes) -> Option<Message> {
    let mut parser = PullParser::new(bytes, 0);
    let first = std::str::from_utf8(parser.next()?.ok()?).ok()?;
    let (_, line) = MessageLine::parse(bytes)(first).ok()?;
    let mut headers = Headers::new();
    for row in parser.by_ref() {
        let row = std::str::from_utf8(row.ok()?).ok()?;
        let (_, row) = Line::parse(bytes, row).ok()?;
        headers.insert(row.name, row.value);
    }
    let body = bytes.slice(parser.head_end()..);
    Some(Message {
        line,
        headers,
        body,
    })
}

pub fn typed(bytes: &Bytes, sink: &mut impl Sink) -> Option<Message> {
    let message = frame(bytes)?;
    match &message.line {
        MessageLine::Request(line) => {
            sink.shown("method", &line.method);
            uri(&line.uri, sink, ["ruri.user", "ruri.host", "ruri.port"]);
        }
        MessageLine::Response(line) => sink.number("status", line.code.into_u16().into()),
    }
    let headers = &message.headers;
    let via: Via = headers.get_named().ok()?;
    sink.text("via.transport", via.transport.as_str().as_bytes());
    host_port(&via.sent_by, sink, ["via.host", "via.port"]);
    if let Some(branch) = via.params.get_val("branch") {
        sink.text("via.branch", branch.as_str().as_bytes());
    }
    let from: FromTo = headers.get(Name::FROM).ok()?;
    uri(&from.uri.uri, sink, ["from.user", "from.host", "from.port"]);
    if let Some(tag) = &from.tag {
        sink.text("from.tag", tag.as_str().as_bytes());
    }
    let to: FromTo = headers.get(Name::TO).ok()?;
    uri(&to.uri.uri, sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = &to.tag {
        sink.text("to.tag", tag.as_str().as_bytes());
    }
    let call_id: CallID = headers.get_named().ok()?;
    sink.text("callid", call_id.0.as_str().as_bytes());
    let cseq: CSeq = headers.get_named().ok()?;
    sink.number("cseq.num", cseq.cseq.into());
    sink.shown("cseq.method", &cseq.method);
    if let Some(contact) = headers.try_get::<Contact>(Name::CONTACT) {
        uri(
            &contact.ok()?.uri.uri,
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Some(hops) = headers.try_get_named::<MaxForwards>() {
        sink.number("maxfwd", hops.ok()?.0.into());
    }
    sink.number("body", message.body.len() as u64);
    Some(message)
}

fn uri(uri: &SipUri, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    match &uri.user_part {
        SipUriUserPart::Empty => {}
        SipUriUserPart::User(value) => sink.text(user, value.as_str().as_bytes()),
        SipUriUserPart::UserPw(both) => sink.text(user, both.user.as_str().as_bytes()),
    }
    host_port(&uri.host_port, sink, [host, port]);
}

fn host_port(place: &HostPort, sink: &mut impl Sink, [host, port]: [&'static str; 2]) {
    match &place.host {
        Host::Name(name) => sink.text(host, name.as_str().as_bytes()),
        Host::IP4(address) => sink.shown(host, address),
        Host::IP6(address) => sink.shown(host, address),
    }
    if let Some(value) = place.port {
        sink.number(port, value.into());
    }
}
