//! The state of one dialog (RFC 3261 section 12).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{
    Builder, Contact, HeaderName, HeaderValue, Message, Method, NameAddr, Request, Response, Uri,
    Value,
};

use super::error::DialogError;
use super::texts::{Draft, Texts};
use crate::limits::LimitKind;

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
        Target::of(message).kind()
    }
}

/// The Contact of a message, read once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    kind: RemoteTarget,
    /// The first SIP or SIPS URI in it.
    first: Option<Uri<'a>>,
}

impl<'a> Target<'a> {
    /// Reads the Contact of `message`.
    pub(crate) fn of(message: &'a Message) -> Self {
        let mut contacts = message.contacts();
        let sip = |contact| match contact {
            Ok(Contact::Addr(contact)) => Some(*contact.uri()).filter(Uri::is_sip),
            _ => None,
        };
        let Some(contact) = contacts.next() else {
            let kind = match message.has(HeaderName::Contact) {
                true => RemoteTarget::Unusable,
                false => RemoteTarget::Missing,
            };
            return Self { kind, first: None };
        };
        let mut contacts = contacts.peekable();
        let alone = contacts.peek().is_none();
        let first = sip(contact);
        Self {
            kind: match first.is_some() && alone {
                true => RemoteTarget::Usable,
                false => RemoteTarget::Unusable,
            },
            first: first.or_else(|| contacts.find_map(sip)),
        }
    }

    pub(crate) const fn kind(&self) -> RemoteTarget {
        self.kind
    }

    /// The target, if the Contact is usable.
    fn usable(&self) -> Option<&Uri<'a>> {
        let usable = self.kind == RemoteTarget::Usable;
        self.first.as_ref().filter(|_| usable)
    }

    /// The target, or the best guess where the Contact is not usable.
    fn guess(&self) -> Option<&Uri<'a>> {
        self.first.as_ref()
    }

    /// The target, or the text of `from` without one (RFC 2543).
    fn or(&self, from: Uri<'a>) -> Result<Cow<'a, [u8]>, DialogError> {
        match (self.kind, self.usable()) {
            (_, Some(target)) => Ok(target.request_uri_text()),
            (RemoteTarget::Missing, _) => Ok(Cow::Borrowed(from.as_bytes())),
            _ => Err(DialogError::Target),
        }
    }
}

/// One dialog: what RFC 3261 section 12 calls its state, as copies of the few strings it needs.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub(super) fork: u32,
    pub(super) local_cseq: u32,
    pub(super) remote_cseq: Option<u32>,
    /// How many usages it has beside its main one (RFC 5057 section 2).
    pub(super) shares: u32,
    texts: Texts,
    caller: bool,
    confirmed: bool,
    secure: bool,
    /// Whether its main usage is over.
    pub(super) is_left: bool,
}

impl Dialog {
    /// RFC 3261 section 12.1.2. Without a SIP or SIPS URI in the Contact the Request-URI stands in for the remote target.
    pub(super) fn of_caller(
        fork: u32,
        request: &Request,
        response: &Response,
        target: &Target<'_>,
        routes: usize,
    ) -> Result<Self, DialogError> {
        let to = response.to()?;
        let own = request.uri_bytes();
        let target = target.guess().map(|uri| uri.request_uri_text());
        let routes = callers_route_set(response, routes)?;
        let texts = Texts::new(
            |draft| put_own_address(request, HeaderName::From, draft),
            |draft| put_address(response, HeaderName::To, Some(&to), draft),
            to.tag(),
            target.as_deref().unwrap_or(own),
            routes.iter().map(|route| &**route),
        );
        Ok(Self {
            fork,
            local_cseq: request.sequence()?,
            remote_cseq: None,
            shares: 0,
            texts,
            caller: true,
            confirmed: response.status().is_success(),
            secure: is_secure(own),
            is_left: false,
        })
    }

    /// RFC 3261 section 12.1.1.
    pub(super) fn of_callee(
        fork: u32,
        request: &Request,
        target: &Target<'_>,
        tag: &[u8],
        routes: usize,
    ) -> Result<Self, DialogError> {
        let from = request.from()?;
        let target = target.or(*from.uri())?;
        let number = request.sequence()?;
        let routes = route_set(request, routes)?;
        let to = request.to().ok();
        let texts = Texts::new(
            |draft| {
                put_address(request, HeaderName::To, to.as_ref(), draft);
                draft.extend_from_slice(b";tag=");
                draft.extend_from_slice(tag);
            },
            |draft| put_address(request, HeaderName::From, Some(&from), draft),
            from.tag(),
            &target,
            routes.iter().map(|route| &**route),
        );
        Ok(Self {
            fork,
            local_cseq: 0,
            remote_cseq: Some(number),
            shares: 0,
            texts,
            caller: false,
            confirmed: false,
            secure: is_secure(request.uri_bytes()),
            is_left: false,
        })
    }

    /// RFC 6665 section 4.4.1: a NOTIFY makes the dialog of a subscriber, as its 2xx would.
    pub(super) fn of_notify(
        fork: u32,
        notify: &Request,
        routes: usize,
    ) -> Result<Self, DialogError> {
        let from = notify.from()?;
        let target = Target::of(notify);
        let target = target.or(*from.uri())?;
        let routes = route_set(notify, routes)?;
        let to = notify.to().ok();
        let texts = Texts::new(
            |draft| put_address(notify, HeaderName::To, to.as_ref(), draft),
            |draft| put_address(notify, HeaderName::From, Some(&from), draft),
            from.tag(),
            &target,
            routes.iter().map(|route| &**route),
        );
        Ok(Self {
            fork,
            local_cseq: 0,
            remote_cseq: None,
            shares: 0,
            texts,
            caller: true,
            confirmed: true,
            secure: is_secure(notify.uri_bytes()),
            is_left: false,
        })
    }

    /// RFC 3261 section 13.2.2.4: a 2xx for an early dialog computes the route set anew.
    pub(super) fn confirm(
        &mut self,
        request: &Request,
        response: &Response,
        target: &Target<'_>,
        routes: usize,
    ) -> Result<(), DialogError> {
        if !self.confirmed {
            // The INVITE may have been sent again with credentials since the early dialog was made.
            self.local_cseq = self.local_cseq.max(request.sequence()?);
            let routes = callers_route_set(response, routes)?;
            let routes = routes.iter().map(|route| &**route);
            self.confirmed = true;
            let target = target.usable().map(|uri| uri.request_uri_text());
            let target = target.as_deref().unwrap_or(self.texts.target());
            if target != self.texts.target() || !self.texts.routes().eq(routes.clone()) {
                self.texts = self.texts.with(target, routes);
            }
        }
        Ok(())
    }

    pub(super) fn set_confirmed(&mut self) {
        self.confirmed = true;
    }

    pub(super) fn has_remote_tag(&self, tag: Option<&[u8]>) -> bool {
        self.texts.tag() == tag
    }

    /// The dialog of a 2xx that its call does not use, for one ACK and one BYE. It is not kept, so that no limit
    /// applies, and what cannot be read is left out.
    pub(crate) fn of_branch(request: &Request, response: &Response) -> Self {
        let routes: Vec<Box<[u8]>> = response
            .record_routes()
            .flatten()
            .map(|route| unfolded(&route.to_bytes()))
            .collect();
        let to = response.to().ok();
        let own = request.uri_bytes();
        let target = Target::of(response);
        let target = target.guess().map(|uri| uri.request_uri_text());
        let texts = Texts::new(
            |draft| put_own_address(request, HeaderName::From, draft),
            |draft| match &to {
                Some(to) => put_address(response, HeaderName::To, Some(to), draft),
                // What cannot be read cannot be written either; the request has the address without the tag.
                None => put_own_address(request, HeaderName::To, draft),
            },
            to.and_then(|to| to.tag()),
            target.as_deref().unwrap_or(own),
            routes.iter().rev().map(|route| &**route),
        );
        Self {
            fork: 0,
            local_cseq: request.sequence().unwrap_or(1),
            remote_cseq: None,
            shares: 0,
            texts,
            caller: true,
            confirmed: true,
            secure: is_secure(own),
            is_left: false,
        }
    }

    /// Takes the target that a message names, if its Contact is usable.
    pub(super) fn refresh_target(&mut self, message: &Message) {
        if let Some(target) = Target::of(message).usable() {
            self.set_target(&target.request_uri_text());
        }
    }

    /// Replaces the target.
    pub(crate) fn set_target(&mut self, target: &[u8]) {
        if target != self.texts.target() {
            self.texts = self.texts.with(target, self.texts.routes());
        }
    }

    /// Lets requests go where the INVITE went, because the target that its 2xx names cannot be reached. The route set stays,
    /// unless it begins with a strict router that is a SIPS URI itself.
    pub(crate) fn follow(&mut self, invite: &Request) {
        self.set_target(invite.uri_bytes());
        if is_sips(self.request_uri()) {
            let routes: Vec<Box<[u8]>> = invite.values(HeaderName::Route).map(unfolded).collect();
            let routes = routes.iter().map(|route| &**route);
            self.texts = self.texts.with(self.texts.target(), routes);
        }
    }

    /// The Request-URI of requests within the dialog (RFC 3261 section 12.2.1.1). A strict router wants its own URI there, and
    /// the target as the last Route.
    #[must_use]
    pub fn request_uri(&self) -> &[u8] {
        let strict = self.texts.strict_router();
        strict.unwrap_or_else(|| self.texts.target())
    }

    /// The URI by which another user agent reaches the peer: the remote target, unless that has a host of `.invalid` and is no
    /// GRUU, as the Contact of a WebSocket client has (RFC 7118 section 5, RFC 5589 section 7.5). The peer's address of record
    /// stands in for it then.
    pub(crate) fn reachable_target(&self) -> &[u8] {
        let target = Uri::parse(self.remote_target()).ok();
        let unreachable = target.is_some_and(|target| {
            let labels = target.host_bytes().rsplit(|&byte| byte == b'.');
            let last = labels
                .take(1)
                .any(|label| label.eq_ignore_ascii_case(b"invalid"));
            last && !target.has_param(b"gr")
        });
        let peer = NameAddr::parse(self.texts.remote()).ok();
        match peer.filter(|_| unreachable) {
            Some(peer) => peer.uri().without_headers(),
            None => self.remote_target(),
        }
    }

    /// Whether the Request-URI or the top Route of requests within the dialog is a SIPS URI, so that Contact has to be one
    /// (RFC 3261 section 8.1.1.8).
    pub(crate) fn goes_to_sips(&self) -> bool {
        let first = usize::from(self.texts.strict_router().is_some());
        let route = self.texts.routes().nth(first);
        is_sips(self.request_uri()) || is_sips(route.unwrap_or_else(|| self.texts.target()))
    }

    /// RFC 3261 section 12.2.1.1.
    pub(crate) fn build<'a>(
        &'a self,
        call_id: &'a [u8],
        method: Method<'a>,
        number: u32,
    ) -> Builder<'a> {
        let strict = self.texts.strict_router().is_some();
        let mut builder = Builder::request(method, self.request_uri());
        let routes = self.texts.routes().skip(usize::from(strict));
        if routes.clone().nth(MOST_ROUTE_ROWS).is_none() {
            for route in routes {
                builder.append(HeaderName::Route, route);
            }
        } else {
            for row in joined(routes) {
                builder.append(HeaderName::Route, row);
            }
        }
        if strict {
            builder.append(
                HeaderName::Route,
                Value::NameAddr {
                    display: None,
                    uri: self.remote_target(),
                    tag: None,
                    params: b"",
                },
            );
        }
        builder
            .append(HeaderName::From, self.texts.local())
            .append(HeaderName::To, self.texts.remote())
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
        uri_of(self.texts.local()).unwrap_or_default()
    }

    /// Whether this side sent the request that made it.
    #[must_use]
    pub fn is_caller(&self) -> bool {
        self.caller
    }

    /// The URI by which we know the peer (RFC 3261 section 12.1): that of To in our requests.
    #[must_use]
    pub fn remote_uri(&self) -> &[u8] {
        uri_of(self.texts.remote()).unwrap_or_default()
    }

    /// The URI that requests within the dialog are for, from the peer's last Contact.
    #[must_use]
    pub fn remote_target(&self) -> &[u8] {
        self.texts.target()
    }

    /// The peer's tag; `None` for a peer of RFC 2543.
    #[must_use]
    pub fn remote_tag(&self) -> Option<&[u8]> {
        self.texts.tag()
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

/// Writes From or To of a peer as the core writes it: in the form that the grammar defines, because the peer's is read leniently.
/// `read` is the address in it.
fn put_address(
    message: &Message,
    name: HeaderName<'_>,
    read: Option<&NameAddr<'_>>,
    draft: &mut Draft,
) {
    let header = message.header(name);
    let value = header.map(|header| header.unfolded()).unwrap_or_default();
    match (value, read) {
        (Cow::Borrowed(value), Some(address)) if address.is_written_as(value) => {
            draft.extend_from_slice(value);
        }
        (Cow::Borrowed(_), Some(address)) => {
            address.write(&mut |piece| draft.extend_from_slice(piece))
        }
        (value, _) => match NameAddr::parse(&value) {
            Ok(address) => address.write(&mut |piece| draft.extend_from_slice(piece)),
            Err(_) => draft.extend_from_slice(&value),
        },
    }
}

/// Writes From or To of a request of this side, which the core has built in the form that the grammar defines.
fn put_own_address(request: &Request, name: HeaderName<'_>, draft: &mut Draft) {
    if let Some(header) = request.header(name) {
        draft.extend_from_slice(header.value);
    }
}

fn route_set(message: &Message, limit: usize) -> Result<Vec<Box<[u8]>>, DialogError> {
    let mut routes = Vec::new();
    for route in message.record_routes() {
        let route = route?.to_bytes();
        if routes.len() == limit {
            return Err(DialogError::Limit(LimitKind::Routes));
        }
        routes.push(unfolded(&route));
    }
    Ok(routes)
}

/// The route set of the caller is that of the response in reverse (RFC 3261 section 12.1.2).
fn callers_route_set(response: &Response, limit: usize) -> Result<Vec<Box<[u8]>>, DialogError> {
    let mut routes = route_set(response, limit)?;
    routes.reverse();
    Ok(routes)
}

/// Values in rows of bounded length, with the order kept (RFC 3261 section 7.3.1).
fn joined<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
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
pub(crate) fn first_target(message: &Message) -> Option<Cow<'_, [u8]>> {
    Some(Target::of(message).guess()?.request_uri_text())
}

/// Whether a URI, or that of a value of Route, Record-Route or Contact, is a SIPS URI.
pub(crate) fn is_sips(value: &[u8]) -> bool {
    let uri = match value.contains(&b'<') {
        true => uri_of(value).unwrap_or(value),
        false => value,
    };
    is_secure(uri)
}

/// The URI of an address.
fn uri_of(address: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = address.strip_prefix(b"<") {
        // No URI contains the bracket that ends it.
        let end = rest.iter().position(|byte| *byte == b'>')?;
        return Some(&rest[..end]);
    }
    Some(NameAddr::parse(address).ok()?.uri_text())
}

fn is_secure(uri: &[u8]) -> bool {
    let scheme = uri.get(..5);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}
