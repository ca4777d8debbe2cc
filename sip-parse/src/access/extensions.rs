//! Typed access to the fields that [`super`] has no method for: one line for each field.

use super::Values;
use crate::error::ParseError;
use crate::headers::about::{Date, MimeVersion, ParamList, TextParams, Timestamp, Warning};
use crate::headers::call::{
    DialogReference, Reason, Replaces, RetryAfter, SessionExpires, TargetDialog,
};
use crate::headers::cseq::RAck;
use crate::headers::event::{Event, SubscriptionState};
use crate::headers::identity::{Identity, SessionIdentifier};
use crate::headers::media::TokenParams;
use crate::headers::name_addr::NameAddr;
use crate::message::Message;
use crate::name::HeaderName;

/// Fields that occur at most once: a value, `None` when absent, an error when malformed.
macro_rules! single {
    ($($method:ident $type:ident $lifetime:tt $header:ident $doc:literal;)*) => {
        impl Message {$(
            #[doc = concat!($doc, "; `None` when absent.")]
            ///
            /// # Errors
            /// The first fault in the value, with its offset in the message.
            pub fn $method(&self) -> Result<Option<single!(@$type $lifetime)>, ParseError> {
                self.one(HeaderName::$header)
            }
        )*}
    };
    (@$type:ident y) => { $type<'_> };
    (@$type:ident n) => { $type };
}

single! {
    event Event y Event "Event (RFC 6665 section 8.2.1)";
    subscription_state SubscriptionState y SubscriptionState "Subscription-State (RFC 6665 section 8.2.3)";
    retry_after RetryAfter y RetryAfter "Retry-After (RFC 3261 section 20.33)";
    rack RAck y RAck "RAck (RFC 3262 section 7.2)";
    refer_to NameAddr y ReferTo "Refer-To (RFC 3515 section 2.1)";
    referred_by NameAddr y ReferredBy "Referred-By (RFC 3892 section 3)";
    reply_to NameAddr y ReplyTo "Reply-To (RFC 3261 section 20.31)";
    replaces Replaces y Replaces "Replaces (RFC 3891 section 6.1)";
    join DialogReference y Join "Join (RFC 3911 section 7.1)";
    target_dialog TargetDialog y TargetDialog "Target-Dialog (RFC 4538 section 7)";
    session_expires SessionExpires y SessionExpires "Session-Expires (RFC 4028 section 4)";
    date Date n Date "Date (RFC 3261 section 20.17)";
    timestamp Timestamp y Timestamp "Timestamp (RFC 3261 section 20.38)";
    mime_version MimeVersion n MimeVersion "MIME-Version (RFC 3261 section 20.24)";
    session_id SessionIdentifier y SessionId "Session-ID (RFC 7989 section 5)";
    info_package TokenParams y InfoPackage "Info-Package (RFC 6086 section 7.2)";
    answer_mode TokenParams y AnswerMode "Answer-Mode (RFC 5373 section 4)";
    called_party_id NameAddr y PCalledPartyId "P-Called-Party-ID (RFC 7315 section 5.2)";
    charging_vector ParamList y PChargingVector "P-Charging-Vector (RFC 7315 section 5.6)";
}

/// List fields: all values over all rows.
macro_rules! lists {
    ($($method:ident $type:ident $header:ident $doc:literal;)*) => {
        impl Message {$(
            #[doc = concat!($doc, ": all values over all rows, in order.")]
            pub fn $method(&self) -> Values<'_, $type<'_>> {
                Values::new(self, HeaderName::$header)
            }
        )*}
    };
}

lists! {
    reason_headers Reason Reason "Reason (RFC 3326)";
    warnings Warning Warning "Warning (RFC 3261 section 20.43)";
    alert_info NameAddr AlertInfo "Alert-Info (RFC 3261 section 20.4)";
    call_info NameAddr CallInfo "Call-Info (RFC 3261 section 20.9)";
    error_info NameAddr ErrorInfo "Error-Info (RFC 3261 section 20.18)";
    accept_encoding TokenParams AcceptEncoding "Accept-Encoding (RFC 3261 section 20.2)";
    accept_language TokenParams AcceptLanguage "Accept-Language (RFC 3261 section 20.3)";
    accept_contact TokenParams AcceptContact "Accept-Contact, each `*` with feature parameters (RFC 3841 section 9.2)";
    reject_contact TokenParams RejectContact "Reject-Contact, each `*` with feature parameters (RFC 3841 section 9.2)";
    recv_info TokenParams RecvInfo "Recv-Info (RFC 6086 section 7.3)";
    feature_caps TokenParams FeatureCaps "Feature-Caps, each `*` with capability parameters (RFC 6809 section 6.3.2)";
    history_info NameAddr HistoryInfo "History-Info (RFC 7044 section 5)";
    diversion NameAddr Diversion "Diversion (RFC 5806)";
    asserted_identities NameAddr PAssertedIdentity "P-Asserted-Identity (RFC 3325 section 9.1)";
    preferred_identities NameAddr PPreferredIdentity "P-Preferred-Identity (RFC 3325 section 9.2)";
    associated_uris NameAddr PAssociatedUri "P-Associated-URI (RFC 7315 section 5.1)";
    visited_networks TextParams PVisitedNetworkId "P-Visited-Network-ID (RFC 7315 section 5.3)";
    access_network_info TokenParams PAccessNetworkInfo "P-Access-Network-Info (RFC 7315 section 5.4)";
    charging_addresses ParamList PChargingFunctionAddresses "P-Charging-Function-Addresses (RFC 7315 section 5.5)";
    user_to_user TextParams UserToUser "User-to-User (RFC 7433 section 4.1)";
    geolocation NameAddr Geolocation "Geolocation (RFC 6442 section 4.1)";
    identities Identity Identity "Identity (RFC 8224 section 4.1)";
    security_client TokenParams SecurityClient "Security-Client (RFC 3329 section 2.2)";
    security_server TokenParams SecurityServer "Security-Server (RFC 3329 section 2.2)";
    security_verify TokenParams SecurityVerify "Security-Verify (RFC 3329 section 2.2)";
}

/// Lists of plain tokens, without empty values.
macro_rules! tokens {
    ($($method:ident $header:ident $doc:literal;)*) => {
        impl Message {$(
            #[doc = concat!($doc, ", in order, as received.")]
            pub fn $method(&self) -> impl Iterator<Item = &[u8]> + Clone {
                self.values(HeaderName::$header)
            }
        )*}
    };
}

tokens! {
    allow_events AllowEvents "The event packages of Allow-Events (RFC 6665 section 8.2.2)";
    content_encoding ContentEncoding "The codings of Content-Encoding (RFC 3261 section 20.12)";
    content_language ContentLanguage "The languages of Content-Language (RFC 3261 section 20.13)";
    in_reply_to InReplyTo "The Call-IDs of In-Reply-To (RFC 3261 section 20.21)";
    request_disposition RequestDisposition "The directives of Request-Disposition (RFC 3841 section 9.1)";
    resource_priority ResourcePriority "The `namespace.priority` values of Resource-Priority (RFC 4412 section 3.1)";
    accept_resource_priority AcceptResourcePriority "The values of Accept-Resource-Priority (RFC 4412 section 3.2)";
}

/// Text, unchecked.
macro_rules! texts {
    ($($method:ident $header:ident $doc:literal;)*) => {
        impl Message {$(
            #[doc = concat!($doc, ", as received; `None` when absent.")]
            pub fn $method(&self) -> Option<&[u8]> {
                self.text_of(HeaderName::$header)
            }
        )*}
    };
}

texts! {
    user_agent UserAgent "User-Agent (RFC 3261 section 20.41)";
    server Server "Server (RFC 3261 section 20.35)";
    subject Subject "Subject (RFC 3261 section 20.36)";
    organization Organization "Organization (RFC 3261 section 20.25)";
    priority Priority "Priority (RFC 3261 section 20.26)";
    sip_etag SipEtag "SIP-ETag (RFC 3903 section 11.3)";
    sip_if_match SipIfMatch "SIP-If-Match (RFC 3903 section 11.3)";
}

impl Message {
    /// RSeq (RFC 3262 section 7.1); `None` when absent.
    ///
    /// # Errors
    /// Malformed or over 32 bits.
    pub fn rseq(&self) -> Result<Option<u32>, ParseError> {
        Ok(self
            .number(HeaderName::RSeq, u64::from(u32::MAX))?
            .map(|number| number as u32))
    }

    /// Min-SE in seconds (RFC 4028 section 5); `None` when absent.
    ///
    /// # Errors
    /// Malformed.
    pub fn min_se(&self) -> Result<Option<u32>, ParseError> {
        Ok(self
            .one::<SessionExpires<'_>>(HeaderName::MinSe)?
            .map(|value| value.seconds))
    }

    /// Max-Breadth (RFC 5393 section 5.3.3); `None` when absent.
    ///
    /// # Errors
    /// Malformed or over 32 bits.
    pub fn max_breadth(&self) -> Result<Option<u32>, ParseError> {
        Ok(self
            .number(HeaderName::MaxBreadth, u64::from(u32::MAX))?
            .map(|number| number as u32))
    }

    /// Refer-Sub: whether the REFER creates a subscription (RFC 4488 section 4); `None` when absent or neither `true`
    /// nor `false`.
    ///
    /// # Errors
    /// Malformed.
    pub fn refer_sub(&self) -> Result<Option<bool>, ParseError> {
        let value: Option<TokenParams<'_>> = self.one(HeaderName::ReferSub)?;
        Ok(value.and_then(|value| match value.token {
            token if token.eq_ignore_ascii_case(b"true") => Some(true),
            token if token.eq_ignore_ascii_case(b"false") => Some(false),
            _ => None,
        }))
    }

    /// The values of Privacy, which semicolons separate (RFC 3323 section 4.2).
    pub fn privacy(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let value = self.text_of(HeaderName::Privacy).unwrap_or(b"");
        value
            .split(|&byte| byte == b';')
            .map(crate::class::trim)
            .filter(|value| !value.is_empty())
    }
}
