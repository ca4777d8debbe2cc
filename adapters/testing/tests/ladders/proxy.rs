//! A proxy of the figures: it forwards, challenges, records its route and answers hop by hop. It is no more than the flows need.

use std::collections::VecDeque;

use sip_parse::{Builder, HeaderName, Message, Method, Request, Response, StatusCode, Value};

/// A stateful proxy (RFC 3261 section 16) that never sends anything again.
#[derive(Default)]
pub(crate) struct Proxy {
    pub(crate) host: &'static str,
    realm: Option<&'static str>,
    records_route: bool,
    diverts: bool,
    locations: Vec<(&'static str, String)>,
    invites: Vec<Relayed>,
    branches: u32,
}

/// An INVITE as it came and as it went on.
struct Relayed {
    came: Request,
    /// One for each contact that was tried; the last one is under way.
    went: Vec<Request>,
    /// Contacts that are left.
    left: VecDeque<String>,
    done: bool,
}

impl Relayed {
    /// Whether a CANCEL or an ACK belongs to this INVITE (RFC 3261 section 9.2 and 17.2.3).
    fn has_branch_of(&self, request: &Request) -> bool {
        branch(&self.came) == branch(request)
    }
}

pub(crate) fn branch(message: &Message) -> Vec<u8> {
    let via = message.top_via().expect("a Via");
    via.branch().expect("a branch").to_vec()
}

fn to_bytes(builder: &Builder<'_>) -> Message {
    builder.build().expect("a message")
}

fn reply(request: &Request, status: u16, headers: &[(HeaderName<'_>, &str)]) -> Message {
    let status = StatusCode::new(status).expect("a status");
    let tag = (status != StatusCode::TRYING).then_some(&b"proxy"[..]);
    let mut response = Builder::response_to(request, status, tag);
    for (name, value) in headers {
        response.append(*name, *value);
    }
    to_bytes(&response)
}

/// A CANCEL, or the ACK of a refusal, for an INVITE that this proxy sent (RFC 3261 sections 9.1 and 17.1.1.3).
fn follow(invite: &Request, method: Method<'static>, to: &Message) -> Message {
    let number = invite.cseq().expect("CSeq").number;
    let copy = |message: &Message, name| {
        let value = message.header(name).expect("a header field").value;
        String::from_utf8(value.to_vec()).expect("text")
    };
    let mut request = Builder::request(method, invite.uri_bytes());
    request
        .append(HeaderName::Via, copy(invite, HeaderName::Via))
        .append(HeaderName::MaxForwards, 70)
        .append(HeaderName::From, copy(invite, HeaderName::From))
        .append(HeaderName::To, copy(to, HeaderName::To))
        .append(HeaderName::CallId, copy(invite, HeaderName::CallId))
        .append(HeaderName::CSeq, Value::CSeq(number, method));
    to_bytes(&request)
}

impl Proxy {
    /// A proxy that only forwards.
    pub(crate) fn at(host: &'static str) -> Self {
        Self {
            host,
            ..Self::default()
        }
    }

    /// It challenges each INVITE outside a dialog that has no credentials for this realm.
    pub(crate) fn challenges(mut self, realm: Option<&'static str>) -> Self {
        self.realm = realm;
        self
    }

    /// It stays in the route of the dialogs (RFC 3261 section 16.6).
    pub(crate) fn records_route(mut self) -> Self {
        self.records_route = true;
        self
    }

    /// It says that it diverts the call, by 181 in place of 100 (RFC 3261 section 21.1.3).
    pub(crate) fn diverts(mut self) -> Self {
        self.diverts = true;
        self
    }

    /// Its location service has this contact for an address-of-record. It tries several in their order.
    pub(crate) fn locates(mut self, name: &'static str, contact: String) -> Self {
        self.locations.push((name, contact));
        self
    }

    /// The messages that follow from one that arrives, in their order.
    pub(crate) fn receive(&mut self, message: Message) -> Vec<Message> {
        match message.into_request() {
            Ok(request) => self.on_request(request),
            Err(message) => self.on_response(message.into_response().expect("a response")),
        }
    }

    /// The INVITE that has no final response, as it went on.
    pub(crate) fn unanswered(&self) -> Option<Message> {
        let invite = self.invites.iter().find(|invite| !invite.done)?;
        invite.went.last().cloned().map(Request::into_message)
    }

    /// Cancels the INVITE that has no final response, so that the next contact has its turn.
    pub(crate) fn cancel(&self) -> Message {
        let invite = self.invites.iter().find(|invite| !invite.done);
        let went = invite
            .and_then(|invite| invite.went.last())
            .expect("an INVITE");
        follow(went, Method::Cancel, went)
    }

    /// Answers the INVITE that has no final response.
    pub(crate) fn give_up(&mut self, status: u16) -> Message {
        let invite = self
            .invites
            .iter_mut()
            .find(|invite| !invite.done)
            .expect("an INVITE");
        invite.done = true;
        reply(&invite.came, status, &[])
    }

    fn on_request(&mut self, request: Request) -> Vec<Message> {
        match request.method() {
            Method::Invite => self.on_invite(request),
            Method::Cancel => self.on_cancel(&request),
            // The ACK of a refusal ends at the next hop.
            Method::Ack
                if self
                    .invites
                    .iter()
                    .any(|invite| invite.has_branch_of(&request)) =>
            {
                Vec::new()
            }
            _ => vec![self.forward(&request, None).into_message()],
        }
    }

    fn on_invite(&mut self, request: Request) -> Vec<Message> {
        let again = |known: &Relayed| known.has_branch_of(&request);
        if self.invites.iter().any(again) {
            return Vec::new();
        }
        let within = request.to().is_ok_and(|to| to.tag().is_some());
        if let Some(realm) = self
            .realm
            .filter(|realm| !within && !authorized(&request, realm))
        {
            let challenge = format!(
                "Digest realm=\"{realm}\", nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", qop=\"auth\", algorithm=SHA-256"
            );
            let refusal = reply(
                &request,
                407,
                &[(HeaderName::ProxyAuthenticate, &challenge)],
            );
            self.invites.push(Relayed {
                came: request,
                went: Vec::new(),
                left: VecDeque::new(),
                done: true,
            });
            return vec![refusal];
        }
        let uri = String::from_utf8(request.uri_bytes().to_vec()).expect("a URI");
        let found = self.locations.iter().filter(|(name, _)| *name == uri);
        let mut left: VecDeque<String> = found.map(|(_, contact)| contact.clone()).collect();
        let went = self.forward(&request, left.pop_front().as_deref());
        let mut sent = vec![went.clone().into_message()];
        if !within {
            sent.push(reply(&request, if self.diverts { 181 } else { 100 }, &[]));
        }
        self.invites.push(Relayed {
            came: request,
            went: vec![went],
            left,
            done: false,
        });
        sent
    }

    fn on_cancel(&mut self, request: &Request) -> Vec<Message> {
        let known = self
            .invites
            .iter()
            .find(|invite| invite.has_branch_of(request));
        let Some(known) = known else {
            return vec![reply(request, 481, &[])];
        };
        let mut sent = vec![reply(request, 200, &[])];
        if let Some(went) = known.went.last().filter(|_| !known.done) {
            sent.push(follow(went, Method::Cancel, went));
        }
        sent
    }

    fn on_response(&mut self, response: Response) -> Vec<Message> {
        let (status, method) = (
            response.status().as_u16(),
            response.cseq().expect("CSeq").method,
        );
        if status == 100 || method == Method::Cancel {
            return Vec::new();
        }
        let mut sent = Vec::new();
        if method == Method::Invite && status >= 200 {
            let went_with = branch(&response);
            let is_it = |went: &&Request| branch(went) == went_with;
            let known = self.invites.iter_mut().find_map(|invite| {
                let went = invite.went.iter().find(is_it)?.clone();
                Some((invite, went))
            });
            let (known, went) = known.expect("an INVITE");
            if status >= 300 {
                sent.push(follow(&went, Method::Ack, &response));
            }
            if let Some(next) = known.left.pop_front().filter(|_| status >= 300) {
                let came = known.came.clone();
                let went = self.forward(&came, Some(&next));
                let place = self
                    .invites
                    .iter()
                    .position(|invite| branch(&invite.came) == branch(&came));
                self.invites[place.expect("the same")]
                    .went
                    .push(went.clone());
                sent.extend([reply(&came, 181, &[]), went.into_message()]);
                return sent;
            }
            known.done = true;
        }
        let mut up = Builder::from_message(&response);
        up.remove_first_value(HeaderName::Via);
        sent.push(to_bytes(&up));
        sent
    }

    fn forward(&mut self, request: &Request, contact: Option<&str>) -> Request {
        self.branches += 1;
        let host = self.host;
        let via = format!(
            "SIP/2.0/UDP {host};branch=z9hG4bK{}{}",
            host.replace('.', ""),
            self.branches
        );
        let route = format!("<sip:{host};lr>");
        let mut on = Builder::from_message(request);
        if let Some(contact) = contact {
            on.set_request_uri(contact.as_bytes());
        }
        let top = request.routes().next().and_then(Result::ok);
        if top.is_some_and(|top| top.uri().host_bytes() == host.as_bytes()) {
            on.remove_first_value(HeaderName::Route);
        }
        let hops = request.max_forwards().ok().flatten().unwrap_or(70);
        on.set(HeaderName::MaxForwards, u32::from(hops) - 1);
        on.prepend(HeaderName::Via, via.as_str());
        if self.records_route && request.method() == Method::Invite {
            on.prepend(HeaderName::RecordRoute, route.as_str());
        }
        to_bytes(&on).into_request().expect("a request")
    }
}

fn authorized(request: &Request, realm: &str) -> bool {
    let realm = format!("realm=\"{realm}\"");
    let rows = request.headers_named(HeaderName::ProxyAuthorization);
    rows.into_iter()
        .any(|row| sip_parse::text(row.value).to_string().contains(&realm))
}
