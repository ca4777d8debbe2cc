//! The `?headers` of a URI (RFC 3261 section 19.1.1).

use crate::name::HeaderName;

/// Whether a request must not copy this header field from a URI, because it identifies the sender or its session, routes the
/// request, claims the sender's rights or abilities, or describes a body that the URI does not bring (RFC 3261 section
/// 19.1.5). A name that cannot be read is unsafe.
pub(super) fn is_unsafe(name: &[u8]) -> bool {
    const UNSAFE: &[HeaderName<'static>] = &[
        // The sender, and who sent it.
        HeaderName::From,
        HeaderName::Contact,
        HeaderName::Organization,
        HeaderName::UserAgent,
        HeaderName::Authorization,
        HeaderName::ProxyAuthorization,
        HeaderName::Identity,
        HeaderName::IdentityInfo,
        HeaderName::Privacy,
        HeaderName::ReferredBy,
        HeaderName::Diversion,
        HeaderName::HistoryInfo,
        HeaderName::Geolocation,
        HeaderName::SecurityClient,
        HeaderName::SecurityServer,
        HeaderName::SecurityVerify,
        // The route and the transaction.
        HeaderName::To,
        HeaderName::Via,
        HeaderName::Route,
        HeaderName::RecordRoute,
        HeaderName::Path,
        HeaderName::ServiceRoute,
        HeaderName::MaxForwards,
        HeaderName::MaxBreadth,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::RAck,
        HeaderName::RSeq,
        HeaderName::SessionId,
        HeaderName::SessionExpires,
        HeaderName::MinSe,
        HeaderName::Date,
        HeaderName::Timestamp,
        // Other usages than the request has.
        HeaderName::Event,
        HeaderName::SubscriptionState,
        HeaderName::ReferTo,
        HeaderName::ReferSub,
        // Rights of the sender: RFC 4412 section 11, RFC 5373 section 7.
        HeaderName::ResourcePriority,
        HeaderName::AnswerMode,
        HeaderName::PrivAnswerMode,
        // Abilities of the sender.
        HeaderName::Accept,
        HeaderName::AcceptEncoding,
        HeaderName::AcceptLanguage,
        HeaderName::Allow,
        HeaderName::AllowEvents,
        HeaderName::RecvInfo,
        HeaderName::Supported,
        // The body.
        HeaderName::ContentType,
        HeaderName::ContentLength,
        HeaderName::ContentDisposition,
        HeaderName::ContentEncoding,
        HeaderName::ContentLanguage,
        HeaderName::ContentId,
        HeaderName::MimeVersion,
    ];
    // Identities and charges within a domain of trust (RFC 3325, RFC 7315), and what came before P-Asserted-Identity.
    let is_private = name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"P-"))
        || name.eq_ignore_ascii_case(b"Remote-Party-ID");
    let known = HeaderName::parse(name).map(|name| name.id());
    is_private || known.map_or(true, |id| UNSAFE.iter().any(|name| name.id() == id))
}
