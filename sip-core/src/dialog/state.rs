//! The state of one dialog (RFC 3261 section 12).

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{
    Builder, Contact, HeaderName, HeaderValue, Message, Method, NameAddr, Request, Response,
    Scheme, Uri, Value,
};

use super::error::DialogError;

/// One dialog: what RFC 3261 section 12 calls its state, as copies of the few strings it needs.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub(super) fork: u32,
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
}

impl Dialog {
    /// RFC 3261 section 12.1.2. Without a Contact the Request-URI stands in for the remote target.
    pub(super) fn of_caller(
        fork: u32,
        request: &Request,
        response: &Response,
        routes: usize,
    ) -> Result<Self, DialogError> {
        let to = response.to()?;
        let mut dialog = Self {
            fork,
            confirmed: false,
            secure: is_secure(request),
            local_cseq: request.cseq()?.number,
            remote_cseq: None,
            local: value(request, HeaderName::From),
            remote: value(response, HeaderName::To),
            remote_tag: to.tag().map(Into::into),
            remote_target: request.uri_bytes().into(),
            route_set: Vec::new(),
        };
        dialog.route_set = route_set(response, routes)?;
        dialog.route_set.reverse();
        dialog.refresh_target(response);
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
        let mut local = value(request, HeaderName::To).into_vec();
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(tag.as_bytes());
        let mut dialog = Self {
            fork,
            confirmed: false,
            secure: is_secure(request),
            local_cseq: 0,
            remote_cseq: Some(request.cseq()?.number),
            local: local.into_boxed_slice(),
            remote: value(request, HeaderName::From),
            remote_tag: request.from()?.tag().map(Into::into),
            remote_target: request.from()?.uri().as_bytes().into(),
            route_set: route_set(request, routes)?,
        };
        dialog.refresh_target(request);
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

    pub(super) fn refresh_target(&mut self, message: &Message) {
        if let Some(Ok(Contact::Addr(contact))) = message.contacts().next() {
            self.remote_target = without_headers(contact.uri().as_bytes()).into();
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

    /// RFC 3261 section 12.2.1.1.
    pub(super) fn build<'a>(
        &'a self,
        call_id: &'a [u8],
        method: Method<'a>,
        number: u32,
    ) -> Builder<'a> {
        let strict = self.strict_router();
        let mut builder = Builder::request(method, self.request_uri());
        for route in self.route_set.iter().skip(usize::from(strict.is_some())) {
            builder.append(HeaderName::Route, &route[..]);
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

/// Line folds stand for one space (RFC 3261 section 7.3.1).
fn unfolded(value: &[u8]) -> Box<[u8]> {
    value
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect()
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
