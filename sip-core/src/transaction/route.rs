//! Route preprocessing of a proxy (RFC 3261 section 16.4).

use alloc::vec::Vec;

use sip_parse::{NameAddr, ParseError, Request, Uri};

/// Request-URI and Route of a request without what names this element (RFC 3261 section 16.4).
#[derive(Clone, Debug)]
pub struct RequestRoute<'a> {
    /// The Request-URI. If a strict router had put the Record-Route URI of this element there, it is the last Route value,
    /// where that router has put the target.
    pub uri: &'a [u8],
    /// The Route values that remain, in order; the first is the next hop, if there is one.
    pub routes: Vec<NameAddr<'a>>,
    /// The URIs of this element that were removed, in the order in which they applied: that of the Request-URI first, then
    /// those of Route. The user part of the last one may say where to go (RFC 5626 section 5.3).
    pub own: Vec<Uri<'a>>,
}

impl<'a> RequestRoute<'a> {
    /// Preprocesses a received request. `is_recorded` says whether this element has put a URI into Record-Route;
    /// `is_own` says whether a Route value names this element, which is also true for a preloaded route. All
    /// leading Route values of this element are removed, because an element that has recorded both its sides finds two.
    ///
    /// An element that is responsible for `maddr` values strips these itself.
    ///
    /// # Errors
    /// A Request-URI or a Route value that cannot be read: answer with [`ParseError::status`].
    pub fn of(
        request: &'a Request,
        is_recorded: impl Fn(&Uri<'_>) -> bool,
        is_own: impl Fn(&Uri<'_>) -> bool,
    ) -> Result<Self, ParseError> {
        let mut route = Self {
            uri: request.uri_bytes(),
            routes: request.routes().collect::<Result<_, _>>()?,
            own: Vec::new(),
        };
        let uri = request.uri()?;
        if is_recorded(&uri)
            && let Some(target) = route.routes.pop()
        {
            route.uri = target.uri().as_bytes();
            route.own.push(uri);
        }
        let mut leading = 0;
        for value in &route.routes {
            if !is_own(value.uri()) {
                break;
            }
            leading += 1;
            route.own.push(*value.uri());
        }
        route.routes.drain(..leading);
        Ok(route)
    }

    /// Whether Request-URI and Route differ from those of the request.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.own.is_empty()
    }
}
