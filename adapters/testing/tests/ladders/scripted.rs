//! What proxies do on command, and parties whose messages the flow sends one by one.

use std::time::Duration;

use sip_parse::{Builder, HeaderName, Message, Method, Value};

use crate::proxy::Proxy;
use crate::stage::{Party, Role, Stage};

impl Stage {
    fn proxy_at(&mut self, party: Party) -> &mut Proxy {
        match &mut self.members[party].role {
            Role::Proxy(proxy) => proxy,
            _ => panic!("party {party} is no proxy"),
        }
    }

    /// Answers the last request that a scripted party received.
    pub(crate) fn reply(&mut self, party: Party, status: u16, headers: &[(&str, &str)]) {
        self.reply_with(party, status, headers, None);
    }

    /// The same with a session description.
    pub(crate) fn reply_with(
        &mut self,
        party: Party,
        status: u16,
        headers: &[(&str, &str)],
        sdp: Option<&str>,
    ) {
        let tag = self.members[party].name.replace(' ', "-");
        let request = self.script(party).request.as_ref().expect("a request");
        let bytes = sip_testing::response(request, status, &tag, headers, sdp);
        self.send(party, bytes);
        self.run();
    }

    /// A registrar grants the binding of the REGISTER that it received, and lists more bindings.
    pub(crate) fn grant(&mut self, party: Party, more: &[&str]) {
        let request = self.script(party).request.as_ref().expect("a REGISTER");
        let contact = request.header(HeaderName::Contact).expect("a Contact");
        let contact = contact.value;
        let contact = format!("{};expires=3600", sip_parse::text(contact));
        let own = [("Contact", contact.as_str())];
        let contacts: Vec<_> = own
            .into_iter()
            .chain(more.iter().map(|contact| ("Contact", *contact)))
            .collect();
        self.reply(party, 200, &contacts);
    }

    /// A proxy gets no response to its INVITE: it sends the INVITE again after each interval of timer A (RFC 3261 section
    /// 17.1.1.2) and then answers by itself.
    pub(crate) fn give_up(&mut self, party: Party, status: u16) {
        let invite = self.proxy_at(party).unanswered().expect("an INVITE");
        for doublings in 0..6 {
            self.wait(Duration::from_millis(500 << doublings));
            self.send(party, invite.bytes().clone());
            self.run();
        }
        let refusal = self.proxy_at(party).give_up(status);
        self.send(party, refusal.bytes().clone());
        self.run();
    }

    /// A proxy cancels the INVITE that has no final response, because it has waited long enough.
    pub(crate) fn proxy_cancels(&mut self, party: Party) {
        let cancel = self.proxy_at(party).cancel();
        self.send(party, cancel.bytes().clone());
        self.run();
    }

    /// A scripted party sends an INVITE outside a dialog.
    pub(crate) fn send_invite(&mut self, party: Party, target: &str, sdp: Option<&str>) {
        let (name, host) = (self.members[party].name, self.members[party].host);
        let mut invite = Builder::request(Method::Invite, target.as_bytes());
        invite
            .append(
                HeaderName::Via,
                format!("SIP/2.0/UDP {host};branch=z9hG4bK{name}1"),
            )
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, format!("<sip:{name}@{host}>;tag={name}"))
            .append(HeaderName::To, format!("<{target}>"))
            .append(HeaderName::CallId, "flow")
            .append(HeaderName::CSeq, Value::CSeq(1, Method::Invite))
            .append(HeaderName::Contact, format!("<sip:{name}@{host}>"));
        if let Some(sdp) = sdp {
            invite.body(b"application/sdp", sdp.as_bytes());
        }
        let built = invite.build().expect("an INVITE");
        self.script(party).invite = built.as_request();
        self.send(party, built.bytes().clone());
    }

    /// A scripted party sends a request in the dialog of the last response that it received.
    pub(crate) fn send_in_dialog(&mut self, party: Party, method: Method<'static>, cseq: u32) {
        let host = self.members[party].host;
        let script = self.script(party);
        let response = script.response.clone().expect("a response");
        let invite = script.invite.clone().expect("an INVITE");
        let text = |message: &Message, name| {
            let value = message.header(name).expect("a header field").value;
            String::from_utf8(value.to_vec()).expect("text")
        };
        let contact = text(&response, HeaderName::Contact);
        let target = contact
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap_or_default();
        let number = self.happened;
        let mut request = Builder::request(method, target.as_bytes());
        request
            .append(
                HeaderName::Via,
                format!("SIP/2.0/UDP {host};branch=z9hG4bK{number}"),
            )
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, text(&invite, HeaderName::From))
            .append(HeaderName::To, text(&response, HeaderName::To))
            .append(HeaderName::CallId, "flow")
            .append(HeaderName::CSeq, Value::CSeq(cseq, method));
        let bytes = request.build().expect("a request").bytes().clone();
        self.send(party, bytes);
    }
}
