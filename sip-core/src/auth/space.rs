//! Protection spaces: for whom credentials are (RFC 3261 sections 22.2 and 22.3, RFC 7616 section 5.11).
//!
//! The key of a space is the realm, compared exactly; whether the challenge came in WWW-Authenticate or
//! Proxy-Authenticate; and who asked, as far as a client can tell:
//!
//! | challenge | to | asked by | goes unasked into |
//! |---|---|---|---|
//! | 401 | REGISTER | the registrar, through this server | REGISTERs to the same Request-URI through the same server |
//! | 407 | REGISTER | the proxies of this server | requests through the same server, unless they are anonymous |
//! | 401, 407 | another request | unknown: a proxy, or the peer | requests with the same Call-ID, except REGISTER |
//!
//! Only the way to the own registrar has no peer on it. Hence only a REGISTER teaches credentials that outlive a
//! Call-ID, because a 407 to any other request can come from the peer as well as from the own proxy.

use alloc::boxed::Box;

use sip_parse::Method;

/// A request that is sent, as far as its credentials are concerned.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The method.
    pub method: Method<'a>,
    /// The Request-URI exactly as it is sent (RFC 7616 section 3.4), also when a strict router swapped it.
    pub uri: &'a [u8],
    /// The body, which counts with `auth-int`.
    pub body: &'a [u8],
    /// The value of Call-ID.
    pub call_id: &'a [u8],
    /// A name of the server that the request goes through: equal names are one server.
    pub server: &'a str,
    /// Whether the request is addressed to the domain of the account, so that its servers may challenge it: by
    /// its Request-URI or, within a dialog that this side has opened, by the URI that it called.
    pub own_domain: bool,
    /// Whether the request is within a dialog.
    pub within_dialog: bool,
    /// Whether the request hides its user (RFC 3323).
    pub anonymous: bool,
}

/// Who asked for credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// The registrar behind a server, which challenged a REGISTER with this Request-URI.
    Registrar { server: Box<str>, uri: Box<[u8]> },
    /// The proxies of a server, which challenged a REGISTER.
    Proxies { server: Box<str> },
    /// Unknown: the requests with this Call-ID were challenged.
    Call(Box<[u8]>),
}

impl Asker {
    /// The party that challenged a request.
    pub(super) fn of(request: &RequestContext<'_>, proxy: bool) -> Self {
        let server = request.server.into();
        match (request.method, proxy) {
            (Method::Register, true) => Self::Proxies { server },
            (Method::Register, false) => Self::Registrar {
                server,
                uri: request.uri.into(),
            },
            _ => Self::Call(request.call_id.into()),
        }
    }

    /// Whether a request carries credentials for this party before it is challenged.
    pub(super) fn takes_unasked(&self, request: &RequestContext<'_>) -> bool {
        let registers = request.method == Method::Register;
        match self {
            Self::Registrar { server, uri } => {
                registers && **server == *request.server && **uri == *request.uri
            }
            Self::Proxies { server } => !request.anonymous && **server == *request.server,
            Self::Call(call_id) => !registers && **call_id == *request.call_id,
        }
    }

    /// Whether the space ends with its call.
    pub(super) const fn is_call(&self) -> bool {
        matches!(self, Self::Call(_))
    }

    /// How many bytes it keeps.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Registrar { server, uri } => server.len() + uri.len(),
            Self::Proxies { server } => server.len(),
            Self::Call(call_id) => call_id.len(),
        }
    }
}
