//! The state of one dialog (RFC 3261 section 12).

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{
    Builder, Contact, HeaderName, HeaderValue, Message, Method, NameAddr, Request, Response,
    Scheme, Uri, Value,
};

use super::error::DialogError;

/// Above this number the routes share rows, because a peer may put more routes into one row than a message may have rows.
const MOST_ROUTE_ROWS: usize = 32;

/// The length of such a row, in bytes.
const LONGEST_ROW: usize = 4_096;

/// What the Contact of a request or response says that makes a dialog or refreshes its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteTarget {
    /// Exactly one SIP or SIPS URI, as RFC 3261 section 8.1.1.8 requires.
    Usable,
    /// There is no Contact.
    Missing,
    /// `*`, a URI of another scheme, several values, or one that cannot be read.
    Unusable,
}

impl RemoteTarget {
    /// What the Contact of `message` says.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message.values(HeaderName::Contact).count() {
            0 if message.has(HeaderName::Contact) => Self::Unusable,
            0 => Self::Missing,
            1 if first_target(message).is_some() => Self::Usable,
            _ => Self::Unusable,
        }
    }
}

/// One dialog: what RFC 3261 section 12 calls its state, as copies of the few strings it needs.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub(super) fork: u32,
    caller: bool,
    confirmed: bool,
    secure: bool,
    pub(super) local_cseq: u32,
    pub(super) remote_cseq: Option<u32>,
    /// From of our requests, with tag.
    local: Box<[u8]>,
    /// To of our requests, with tag.
    remote: Box<[u8]>,
    remote_tag: Option<Box<[u8]>>,
    remote_target: Box<[u8]>,
    route_set: Vec<Box<[u8]>>,
    /// How many usages it has beside its main one (RFC 5057 section 2).
    pub(super) shares: usize,
    /// Whether its main usage is over.
    pub(super) is_left: bool,
}

impl Dialog {
    /// RFC 3261 section 12.1.2. Without a SIP or SIPS URI in the Contact the Request-URI stands in for the remote target.
    pub(super) fn of_caller(
        fork: u32,
        request: &Request,
        response: &Response,
        routes: usize,
    ) -> Result<Self, DialogError> {
        let to = response.to()?;
        let mut dialog = Self {
            fork,
            caller: true,
            confirmed: false,
            secure: is_secure(request),
            local_cseq: request.cseq()?.number,
            remote_cseq: None,
            local: value(request, HeaderName::From),
            remote: value(response, HeaderName::To),
            remote_tag: to.tag().map(Into::into),
            remote_target: first_target(response).unwrap_or_else(|| request.uri_bytes().into()),
            route_set: Vec::new(),
            shares: 0,
            is_left: false,
        };
        dialog.route_set = route_set(response, routes)?;
        dialog.route_set.reverse();
        dialog.confirmed = response.status().is_success();
        Ok(dialog)
    }

    /// RFC 3261 section 12.1.1.
    pub(super) fn of_callee(
        fork: u32,
        request: &Request,
        tag: &str,
        routes: usize,
    ) -> Result<Self, DialogError> {
        if RemoteTarget::of(request) == RemoteTarget::Unusable {
            return Err(DialogError::Target);
        }
        let mut local = value(request, HeaderName::To).into_vec();
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(tag.as_bytes());
        let mut dialog = Self {
            fork,
            caller: false,
            confirmed: false,
            secure: is_secure(request),
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            local: local.into_boxed_slice(),
            remote: value(request, HeaderName::From),
            remote_tag: request.from()?.tag().map(Into::into),
            remote_target: request.from()?.uri().as_bytes().into(),
            route_set: route_set(request, routes)?,
            shares: 0,
            is_left: false,
        };
        dialog.refresh_target(request);
        Ok(dialog)
    }

    /// RFC 6665 section 4.4.1: a NOTIFY makes the dialog of a subscriber, as its 2xx would.
    pub(super) fn of_notify(
        fork: u32,
        notify: &Request,
        routes: usize,
    ) -> Result<Self, DialogError> {
        if RemoteTarget::of(notify) == RemoteTarget::Unusable {
            return Err(DialogError::Target);
        }
        let mut dialog = Self {
            fork,
            caller: true,
            confirmed: true,
            secure: is_secure(notify),
            local_cseq: 0,
            remote_cseq: None,
            local: value(notify, HeaderName::To),
            remote: value(notify, HeaderName::From),
            remote_tag: notify.from()?.tag().map(Into::into),
            remote_target: notify.from()?.uri().as_bytes().into(),
            route_set: route_set(notify, routes)?,
            shares: 0,
            is_left: false,
        };
        dialog.refresh_target(notify);
        Ok(dialog)
    }

    /// RFC 3261 section 13.2.2.4: a 2xx for an early dialog computes the route set anew.
    pub(super) fn confirm(
        &mut self,
        request: &Request,
        response: &Response,
        routes: usize,
    ) -> Result<(), DialogError> {
        if !self.confirmed {
            // The INVITE may have been sent again with credentials since the early dialog was made.
            self.local_cseq = self.local_cseq.max(request.cseq()?.number);
            self.route_set = route_set(response, routes)?;
            self.route_set.reverse();
            self.confirmed = true;
            self.refresh_target(response);
        }
        Ok(())
    }

    pub(super) fn set_confirmed(&mut self) {
        self.confirmed = true;
    }

    pub(super) fn has_remote_tag(&self, tag: Option<&[u8]>) -> bool {
        self.remote_tag.as_deref() == tag
    }

    /// The dialog of a 2xx that its call does not use, for one ACK and one BYE. It is not kept, so that no limit
    /// applies, and what cannot be read is left out.
    pub(crate) fn of_branch(request: &Request, response: &Response) -> Self {
        let mut routes: Vec<Box<[u8]>> = response
            .record_routes()
            .flatten()
            .map(|route| unfolded(&route.to_bytes()))
            .collect();
        routes.reverse();
        let to = response.to().ok();
        Self {
            fork: 0,
            caller: true,
            confirmed: true,
            secure: is_secure(request),
            local_cseq: request.cseq().map_or(1, |cseq| cseq.number),
            remote_cseq: None,
            local: value(request, HeaderName::From),
            // What cannot be read cannot be written either; the request has the address without the tag.
            remote: value(to.map_or(request, |_| response), HeaderName::To),
            remote_tag: to.and_then(|to| to.tag().map(Into::into)),
            remote_target: first_target(response).unwrap_or_else(|| request.uri_bytes().into()),
            route_set: routes,
            shares: 0,
            is_left: false,
        }
    }

    /// Takes the target that a message names, if its Contact is usable.
    pub(super) fn refresh_target(&mut self, message: &Message) {
        if RemoteTarget::of(message) == RemoteTarget::Usable
            && let Some(target) = first_target(message)
        {
            self.remote_target = target;
        }
    }

    /// Replaces the target.
    pub(crate) fn set_target(&mut self, target: &[u8]) {
        self.remote_target = target.into();
    }

    /// Lets requests go where the INVITE went, because the target that its 2xx names cannot be reached. The route set stays,
    /// unless it begins with a strict router that is a SIPS URI itself.
    pub(crate) fn follow(&mut self, invite: &Request) {
        self.set_target(invite.uri_bytes());
        if is_sips(self.request_uri()) {
            self.route_set = invite.values(HeaderName::Route).map(unfolded).collect();
        }
    }

    /// The URI of the first route if it is a strict router (RFC 3261 section 12.2.1.1): it wants its own
    /// URI as Request-URI, and the target as the last Route.
    fn strict_router(&self) -> Option<&[u8]> {
        let first = NameAddr::parse(self.route_set.first()?).ok()?;
        (!first.uri().is_lr()).then(|| first.uri().without_headers())
    }

    /// The Request-URI of requests within the dialog (RFC 3261 section 12.2.1.1).
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        self.strict_router().unwrap_or(&self.remote_target)
    }

    /// The URI by which another user agent reaches the peer: the remote target, unless that has a host of `.invalid` and is no
    /// GRUU, as the Contact of a WebSocket client has (RFC 7118 section 5, RFC 5589 section 7.5). The peer's address of record
    /// stands in for it then.
    pub(crate) fn reachable_target(&self) -> &[u8] {
        let target = Uri::parse(&self.remote_target).ok();
        let unreachable = target.is_some_and(|target| {
            let labels = target.host_bytes().rsplit(|&byte| byte == b'.');
            let last = labels
                .take(1)
                .any(|label| label.eq_ignore_ascii_case(b"invalid"));
            last && !target.has_param(b"gr")
        });
        let peer = NameAddr::parse(&self.remote).ok();
        match peer.filter(|_| unreachable) {
            Some(peer) => peer.uri().without_headers(),
            None => &self.remote_target,
        }
    }

    /// Whether the Request-URI or the top Route of requests within the dialog is a SIPS URI, so that Contact has to be one
    /// (RFC 3261 section 8.1.1.8).
    pub(crate) fn goes_to_sips(&self) -> bool {
        let first = usize::from(self.strict_router().is_some());
        let target = Some(&self.remote_target);
        let route = self.route_set.get(first).or(target);
        is_sips(self.request_uri()) || route.is_some_and(|route| is_sips(route))
    }

    /// RFC 3261 section 12.2.1.1.
    pub(crate) fn build<'a>(
        &'a self,
        call_id: &'a [u8],
        method: Method<'a>,
        number: u32,
    ) -> Builder<'a> {
        let strict = self.strict_router();
        let mut builder = Builder::request(method, self.request_uri());
        let routes = &self.route_set[usize::from(strict.is_some())..];
        if routes.len() <= MOST_ROUTE_ROWS {
            for route in routes {
                builder.append(HeaderName::Route, &route[..]);
            }
        } else {
            for row in joined(routes) {
                builder.append(HeaderName::Route, row);
            }
        }
        if strict.is_some() {
            builder.append(
                HeaderName::Route,
                Value::NameAddr {
                    display: None,
                    uri: &self.remote_target,
                    tag: None,
                    params: b"",
                },
            );
        }
        builder
            .append(HeaderName::From, &self.local[..])
            .append(HeaderName::To, &self.remote[..])
            .append(HeaderName::CallId, call_id)
            .append(HeaderName::CSeq, Value::CSeq(number, method));
        builder
    }

    /// Whether a 2xx confirmed it; else it is early.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// Whether it was made with a SIPS Request-URI (RFC 3261 section 12.1.1).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The URI by which the peer knows us (RFC 3261 section 12.1): that of From in our requests.
    #[must_use]
    pub fn local_uri(&self) -> &[u8] {
        NameAddr::parse(&self.local).map_or(b"", |local| local.uri().as_bytes())
    }

    /// Whether this side sent the request that made it.
    #[must_use]
    pub fn is_caller(&self) -> bool {
        self.caller
    }

    /// The URI by which we know the peer (RFC 3261 section 12.1): that of To in our requests.
    #[must_use]
    pub fn remote_uri(&self) -> &[u8] {
        NameAddr::parse(&self.remote).map_or(b"", |remote| remote.uri().as_bytes())
    }

    /// The URI that requests within the dialog are for, from the peer's last Contact.
    #[must_use]
    pub fn remote_target(&self) -> &[u8] {
        &self.remote_target
    }

    /// The peer's tag; `None` for a peer of RFC 2543.
    #[must_use]
    pub fn remote_tag(&self) -> Option<&[u8]> {
        self.remote_tag.as_deref()
    }

    /// The CSeq number of our last request, 0 before the first.
    #[must_use]
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The CSeq number of the peer's last request.
    #[must_use]
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }
}

/// The value of From or To as the core writes it: in the form that the grammar defines, because the peer's is read
/// leniently.
fn value(message: &Message, name: HeaderName<'_>) -> Box<[u8]> {
    let value = message
        .header(name)
        .map(|header| header.unfolded().into_owned())
        .unwrap_or_default();
    NameAddr::parse(&value)
        .map_or_else(|_| value.clone(), |address| address.to_bytes())
        .into()
}

fn route_set(message: &Message, limit: usize) -> Result<Vec<Box<[u8]>>, DialogError> {
    let mut routes = Vec::new();
    for route in message.record_routes() {
        let route = route?.to_bytes();
        if routes.len() == limit {
            return Err(DialogError::Limit("routes"));
        }
        routes.push(unfolded(&route));
    }
    Ok(routes)
}

/// Values in rows of bounded length, with the order kept (RFC 3261 section 7.3.1).
fn joined(values: &[Box<[u8]>]) -> Vec<Vec<u8>> {
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for value in values {
        match rows.last_mut() {
            Some(row) if row.len() + value.len() < LONGEST_ROW => {
                row.extend_from_slice(b", ");
                row.extend_from_slice(value);
            }
            _ => rows.push(value.to_vec()),
        }
    }
    rows
}

/// Line folds stand for one space (RFC 3261 section 7.3.1).
fn unfolded(value: &[u8]) -> Box<[u8]> {
    value
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect()
}

/// The first SIP or SIPS URI in the Contact: the target, or the best guess where the Contact is not usable.
pub(crate) fn first_target(message: &Message) -> Option<Box<[u8]>> {
    message.contacts().find_map(|contact| match contact {
        Ok(Contact::Addr(contact)) if is_sip(contact.uri().scheme()) => {
            Some(without_headers(contact.uri().as_bytes()).into())
        }
        _ => None,
    })
}

/// Whether a URI, or that of a value of Route, Record-Route or Contact, is a SIPS URI.
pub(crate) fn is_sips(value: &[u8]) -> bool {
    // The usual value; a display name comes in front of no other.
    let start = value.strip_prefix(b"<").unwrap_or(value);
    if start.starts_with(b"sip:") {
        return false;
    }
    let uri = match NameAddr::parse(value) {
        Ok(address) if value.contains(&b'<') => address.uri().as_bytes(),
        _ => value,
    };
    let scheme = uri.get(..5);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}

fn is_sip(scheme: Scheme<'_>) -> bool {
    matches!(scheme, Scheme::Sip | Scheme::Sips)
}

fn is_secure(request: &Request) -> bool {
    request.uri().is_ok_and(|uri| uri.scheme() == Scheme::Sips)
}

/// The Request-URI of requests to a Contact: without `?headers` and `method` (RFC 3261 sections 12.2.1.1 and 19.1.1), and
/// in the form that the grammar defines, because the peer's is read leniently.
fn without_headers(uri: &[u8]) -> Vec<u8> {
    match Uri::parse(uri) {
        Ok(uri) => uri.to_request_uri().as_bytes().into(),
        Err(_) => uri.into(),
    }
}
