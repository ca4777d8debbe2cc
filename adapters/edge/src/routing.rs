//! The destination of a request before the look-up of a user: RFC 3261 sections 16.4 and 16.5, with flow tokens
//! (RFC 5626 section 5.3) in our Route header field values.

use sip_core::transaction::RequestRoute;
use sip_parse::{NameAddr, ParseError, Request, Uri};

use crate::config::Domain;
use crate::flow::{FlowToken, FlowTokens};

/// The content of Route and Request-URI.
#[derive(Debug)]
pub(crate) struct Routing<'a> {
    /// The Request-URI; the rewriting of a strict router is undone.
    pub(crate) uri: &'a [u8],
    /// The Route values without ours, in order.
    pub(crate) routes: Vec<NameAddr<'a>>,
    /// Whether `routes` differs from those of the request.
    pub(crate) changed: bool,
    /// The last of our flow tokens: the flow to take. An earlier one names the flow that the request came on.
    pub(crate) flow: Option<FlowToken>,
}

impl<'a> Routing<'a> {
    /// Reads the Request-URI and the Route header field values of a request.
    pub(crate) fn of(
        request: &'a Request,
        domain: &Domain,
        tokens: &FlowTokens,
    ) -> Result<Self, ParseError> {
        let is_recorded = |uri: &Uri<'_>| {
            let token = token(uri, domain, tokens);
            matches!(token, Some(FlowToken::Connection(_)))
        };
        let route = RequestRoute::of(request, is_recorded, |uri| domain.holds(uri))?;
        // Without a user part it is a preloaded route, which names the edge but no flow.
        let mut flows = route.own.iter().rev();
        Ok(Self {
            flow: flows.find_map(|uri| token(uri, domain, tokens)),
            changed: route.is_changed(),
            uri: route.uri,
            routes: route.routes,
        })
    }
}

/// The flow token in a URI of our domain; `None` for other URIs and without a user part.
fn token(uri: &Uri<'_>, domain: &Domain, tokens: &FlowTokens) -> Option<FlowToken> {
    uri.user()
        .filter(|_| domain.holds(uri))
        .map(|user| tokens.read(user))
}
