//! Which type reads the value of which header field.

use sip_parse::{
    AuthenticationInfo, CSeq, Challenge, Contact, ContentDisposition, Credentials, Date,
    DialogReference, Event, HeaderName, HeaderValue, Identity, MediaType, MimeVersion, NameAddr,
    ParamList, ParseError, RAck, Reason, Replaces, RetryAfter, SessionExpires, SessionIdentifier,
    SubscriptionState, TargetDialog, TextParams, Timestamp, TokenParams, Via, Warning,
};

/// The fields with a typed value; [`written`] knows each.
pub const FIELDS: [HeaderName<'static>; 51] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::Contact,
    HeaderName::CSeq,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Path,
    HeaderName::ServiceRoute,
    HeaderName::ContentType,
    HeaderName::ContentDisposition,
    HeaderName::Accept,
    HeaderName::AcceptEncoding,
    HeaderName::AcceptLanguage,
    HeaderName::AcceptContact,
    HeaderName::RejectContact,
    HeaderName::WwwAuthenticate,
    HeaderName::ProxyAuthenticate,
    HeaderName::Authorization,
    HeaderName::ProxyAuthorization,
    HeaderName::AuthenticationInfo,
    HeaderName::Event,
    HeaderName::SubscriptionState,
    HeaderName::RetryAfter,
    HeaderName::RAck,
    HeaderName::ReferTo,
    HeaderName::ReferredBy,
    HeaderName::ReplyTo,
    HeaderName::Replaces,
    HeaderName::Join,
    HeaderName::TargetDialog,
    HeaderName::SessionExpires,
    HeaderName::Date,
    HeaderName::Timestamp,
    HeaderName::MimeVersion,
    HeaderName::SessionId,
    HeaderName::InfoPackage,
    HeaderName::RecvInfo,
    HeaderName::FeatureCaps,
    HeaderName::Reason,
    HeaderName::Warning,
    HeaderName::AlertInfo,
    HeaderName::HistoryInfo,
    HeaderName::PAssertedIdentity,
    HeaderName::PCalledPartyId,
    HeaderName::PChargingVector,
    HeaderName::PVisitedNetworkId,
    HeaderName::PAccessNetworkInfo,
    HeaderName::UserToUser,
    HeaderName::Identity,
    HeaderName::SecurityClient,
];

/// Reads one value of `name` and writes it again; `None` for fields without a typed value.
#[must_use]
pub fn written(name: HeaderName<'_>, value: &[u8]) -> Option<Result<Vec<u8>, ParseError>> {
    use HeaderName as H;
    fn text<T: HeaderValue>(value: Result<T, ParseError>) -> Option<Result<Vec<u8>, ParseError>> {
        Some(value.map(|value| value.to_bytes()))
    }
    match name {
        H::Via => text(Via::parse(value)),
        H::From
        | H::To
        | H::Route
        | H::RecordRoute
        | H::Path
        | H::ServiceRoute
        | H::ReferTo
        | H::ReferredBy
        | H::ReplyTo
        | H::AlertInfo
        | H::HistoryInfo
        | H::PAssertedIdentity
        | H::PCalledPartyId => text(NameAddr::parse(value)),
        H::Contact => text(Contact::parse(value)),
        H::CSeq => text(CSeq::parse(value)),
        H::ContentType | H::Accept => text(MediaType::parse(value)),
        H::ContentDisposition => text(ContentDisposition::parse(value)),
        H::AcceptEncoding
        | H::AcceptLanguage
        | H::AcceptContact
        | H::RejectContact
        | H::InfoPackage
        | H::RecvInfo
        | H::FeatureCaps
        | H::PAccessNetworkInfo
        | H::SecurityClient => text(TokenParams::parse(value)),
        H::WwwAuthenticate => text(Challenge::parse(value, false)),
        H::ProxyAuthenticate => text(Challenge::parse(value, true)),
        H::Authorization => text(Credentials::parse(value, false)),
        H::ProxyAuthorization => text(Credentials::parse(value, true)),
        H::AuthenticationInfo => text(AuthenticationInfo::parse(value)),
        H::Event => text(Event::parse(value)),
        H::SubscriptionState => text(SubscriptionState::parse(value)),
        H::RetryAfter => text(RetryAfter::parse(value)),
        H::RAck => text(RAck::parse(value)),
        H::Replaces => text(Replaces::parse(value)),
        H::Join => text(DialogReference::parse(value)),
        H::TargetDialog => text(TargetDialog::parse(value)),
        H::SessionExpires => text(SessionExpires::parse(value)),
        H::Date => text(Date::parse(value)),
        H::Timestamp => text(Timestamp::parse(value)),
        H::MimeVersion => text(MimeVersion::parse(value)),
        H::SessionId => text(SessionIdentifier::parse(value)),
        H::Reason => text(Reason::parse(value)),
        H::Warning => text(Warning::parse(value)),
        H::PChargingVector => text(ParamList::parse(value)),
        H::PVisitedNetworkId | H::UserToUser => text(TextParams::parse(value)),
        H::Identity => text(Identity::parse(value)),
        _ => None,
    }
}
