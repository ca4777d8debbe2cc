//! The `?headers` of a URI that a request must not copy.

use crate::name::{HeaderId, HeaderName};

/// Whether a request must not copy this header field from a URI, because it identifies the sender, routes the request,
/// or describes the sender's agent (RFC 3261 section 19.1.5).
pub(super) fn is_unsafe(id: HeaderId) -> bool {
    const UNSAFE: &[HeaderName<'static>] = &[
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::Via,
        HeaderName::RecordRoute,
        HeaderName::Route,
        HeaderName::Accept,
        HeaderName::AcceptEncoding,
        HeaderName::AcceptLanguage,
        HeaderName::Allow,
        HeaderName::Contact,
        HeaderName::Organization,
        HeaderName::Supported,
        HeaderName::UserAgent,
        HeaderName::To,
        HeaderName::MaxForwards,
        HeaderName::ContentLength,
        HeaderName::Authorization,
        HeaderName::ProxyAuthorization,
        HeaderName::Path,
        HeaderName::ServiceRoute,
        HeaderName::PAssertedIdentity,
        HeaderName::PPreferredIdentity,
        HeaderName::Identity,
        HeaderName::Date,
    ];
    UNSAFE.iter().any(|name| name.id() == id)
}
