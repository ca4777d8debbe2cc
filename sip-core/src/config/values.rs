//! The types of parameters that are neither a number, nor a duration, nor a text; and the checks
//! that the builder and the file form share.

use alloc::{borrow::ToOwned, string::String};
use core::{fmt, time::Duration};

use super::{json::Json, server::is_host};
use crate::auth::Algorithm;

/// The longest text a parameter takes, in bytes.
pub(crate) const TEXT_LIMIT: usize = 1024;

/// An enum whose values are words in the file form.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$value_meta:meta])* $value:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        pub enum $name {
            $($(#[$value_meta])* $value,)*
        }

        impl $name {
            /// All values, in order.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$value,)*];

            pub(crate) const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word of the file form.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl Json for $name {
            fn json(&self) -> String {
                self.as_str().json()
            }
        }
    };
}

choice! {
    /// How a user agent uses an extension: `rel100` (RFC 3262), `replaces` (RFC 3891).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Support {
        /// Neither offered nor used.
        #[default]
        None = "none",
        /// The option tag is in `Supported`; the peer decides whether the extension is used.
        Supported = "supported",
        /// The option tag is in `Require` of an INVITE too; a peer without the extension refuses the call.
        Required = "required",
    }
}

/// The host in Contact and in Via's sent-by (`hackIpInContact`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpInContact {
    /// A random name below `.invalid` (RFC 7118 section 5).
    #[default]
    No,
    /// A random address of 192.0.2.0/24 (RFC 5737), for registrars that refuse names.
    Random,
    /// This host: a name, an IPv4 address, or an IPv6 address in brackets.
    Host(String),
}

impl From<bool> for IpInContact {
    fn from(random: bool) -> Self {
        if random { Self::Random } else { Self::No }
    }
}

impl From<&str> for IpInContact {
    fn from(host: &str) -> Self {
        Self::Host(host.to_owned())
    }
}

impl From<String> for IpInContact {
    fn from(host: String) -> Self {
        Self::Host(host)
    }
}

/// The party that answers a 401 or 407 (`authenticationFactory`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// The core, by digest (RFC 7616, RFC 8760), with the configured secret.
    #[default]
    Digest,
    /// The application: each challenge is an event, and the application answers with a header value.
    Application,
}

#[cfg(feature = "sha512")]
choice! {
    /// The weakest hash function of a digest that is answered (RFC 8760 section 2.1), with or without `-sess`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum WeakestAlgorithm {
        /// MD5: any.
        Md5 = "MD5",
        /// SHA-256.
        Sha256 = "SHA-256",
        /// SHA-512/256.
        Sha512_256 = "SHA-512-256",
    }
}

#[cfg(not(feature = "sha512"))]
choice! {
    /// The weakest hash function of a digest that is answered (RFC 8760 section 2.1), with or without `-sess`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum WeakestAlgorithm {
        /// MD5: any.
        Md5 = "MD5",
        /// SHA-256.
        Sha256 = "SHA-256",
    }
}

impl WeakestAlgorithm {
    /// The algorithm.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Md5 => Algorithm::Md5,
            Self::Sha256 => Algorithm::Sha256,
            #[cfg(feature = "sha512")]
            Self::Sha512_256 => Algorithm::Sha512_256,
        }
    }
}

choice! {
    /// How the user agent sends DTMF (`dtmfType` of SIP.js 0.10).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum DtmfType {
        /// In an INFO request (`application/dtmf-relay`).
        #[default]
        Info = "info",
        /// In the media stream (RFC 4733), by the session description handler.
        Rtp = "rtp",
    }
}

choice! {
    /// How commands that send a request behave without a connection (`offlineRequests`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum OfflineRequests {
        /// The command fails at once.
        #[default]
        Fail = "fail",
        /// The request waits for the connection and the registration on it, at most 64 T1.
        Queue = "queue",
    }
}

choice! {
    /// The side that refreshes a call with a session timer (RFC 4028 section 4), where this side has the choice.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum SessionRefresher {
        /// The peer chooses in calls of this side; in calls of the peer the side refreshes that asked for the timer.
        #[default]
        Auto = "auto",
        /// The caller.
        Uac = "uac",
        /// The callee.
        Uas = "uas",
    }
}

choice! {
    /// How much is logged: each level includes those before it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
    #[repr(u8)]
    pub enum LogLevel {
        /// Failures.
        Error = "error",
        /// Unexpected events that the user agent handled.
        Warn = "warn",
        /// Normal events.
        #[default]
        Log = "log",
        /// Everything, with the label that names the transaction or session.
        Debug = "debug",
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The parameter `log`; its third part, `connector`, is a closure and belongs to the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// Whether the adapter prints records itself (through `tracing`).
    pub builtin_enabled: bool,
    /// Which records become actions.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            builtin_enabled: true,
            level: LogLevel::default(),
        }
    }
}

/// The option tags that IANA has registered; others need `hackAllowUnregisteredOptionTags`.
const OPTION_TAGS: [&str; 35] = [
    "100rel",
    "199",
    "answermode",
    "early-session",
    "eventlist",
    "explicitsub",
    "from-change",
    "geolocation-http",
    "geolocation-sip",
    "gin",
    "gruu",
    "histinfo",
    "ice",
    "join",
    "multiple-refer",
    "norefersub",
    "nosub",
    "outbound",
    "path",
    "policy",
    "precondition",
    "pref",
    "privacy",
    "recipient-list-invite",
    "recipient-list-message",
    "recipient-list-subscribe",
    "record-aware",
    "replaces",
    "resource-priority",
    "sdp-anat",
    "sec-agree",
    "siprec",
    "tdialog",
    "timer",
    "trickle-ice",
];

/// Whether IANA has registered `tag`; option tags compare without case (RFC 3261 section 7.3.1).
pub(crate) fn is_registered_option_tag(tag: &str) -> bool {
    OPTION_TAGS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(tag))
}

/// A token (RFC 3261 section 25.1) of at most [`TEXT_LIMIT`] bytes.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() <= TEXT_LIMIT && sip_parse::is_token(text.as_bytes())
}

/// Whether `text` fits into a quoted-string once escaped: no controls, at most [`TEXT_LIMIT`] bytes.
pub(crate) fn is_text(text: &str) -> bool {
    text.len() <= TEXT_LIMIT && !text.chars().any(char::is_control)
}

/// The accepted text; the error is the expected form.
type Checked<'a> = Result<&'a str, &'static str>;

pub(crate) fn text(text: &str) -> Checked<'_> {
    let expected = "text without control characters, at most 1024 bytes";
    is_text(text).then_some(text).ok_or(expected)
}

pub(crate) fn some_text(text: &str) -> Checked<'_> {
    let fits = !text.is_empty() && is_text(text);
    let expected = "text without control characters, 1 to 1024 bytes";
    fits.then_some(text).ok_or(expected)
}

pub(crate) fn trimmed_text(text: &str) -> Checked<'_> {
    some_text(text).and_then(|text| some_text(text.trim()))
}

pub(crate) fn transport(text: &str) -> Checked<'_> {
    is_token(text)
        .then_some(text)
        .ok_or("a transport like ws or wss")
}

/// RFC 6086 section 7: the name of an info package. `nil` is reserved.
pub(crate) fn info_package(text: &str) -> Checked<'_> {
    let fits = is_token(text) && !text.eq_ignore_ascii_case("nil");
    fits.then_some(text)
        .ok_or("an info package like g.3gpp.ussd")
}

/// An event package (RFC 6665 section 8.4), which may have templates, such as presence.winfo. The core itself is the notifier
/// of `refer`.
pub(crate) fn event_package(text: &str) -> Checked<'_> {
    let fits = is_token(text) && text != "refer";
    fits.then_some(text)
        .ok_or("an event package like message-summary, and not refer")
}

/// A method that the core does not answer itself.
pub(crate) fn extra_method(text: &str) -> Checked<'_> {
    let is_other = matches!(
        sip_parse::Method::parse(text.as_bytes()),
        Ok(sip_parse::Method::Other(_))
    );
    let fits = is_token(text) && is_other;
    fits.then_some(text)
        .ok_or("a method of an extension, which the core does not know")
}

/// RFC 3261 section 25.1 `m-type SLASH m-subtype`.
pub(crate) fn media_type(text: &str) -> Checked<'_> {
    let parts = text.split_once('/');
    let fits = parts.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let fits = fits && !text.contains('*');
    fits.then_some(text)
        .ok_or("a media type like application/pidf+xml, without parameters")
}

pub(crate) fn user(text: &str) -> Checked<'_> {
    let expected = "the user part of a SIP URI, other characters as %XX";
    is_user(text).then_some(text).ok_or(expected)
}

/// More than 0, and at most what fits into an Expires header field (RFC 3261 section 20.19).
pub(crate) fn time(time: Duration) -> Result<(), &'static str> {
    let fits = !time.is_zero() && time <= Duration::from_secs(u32::MAX.into());
    let expected = "a number of seconds above 0, at most 4294967295";
    fits.then_some(()).ok_or(expected)
}

/// As [`time`], without a fraction.
pub(crate) fn whole_seconds(time: Duration) -> Result<(), &'static str> {
    let fits = time.subsec_nanos() == 0 && self::time(time).is_ok();
    let expected = "a whole number of seconds from 1 to 4294967295";
    fits.then_some(()).ok_or(expected)
}

/// The shortest session interval that RFC 4028 section 5 allows.
const SHORTEST_SESSION: Duration = Duration::from_secs(90);

/// As [`whole_seconds`], and at least the 90 s of RFC 4028 section 5.
pub(crate) fn session_interval(time: Duration) -> Result<(), &'static str> {
    let fits = time >= SHORTEST_SESSION && whole_seconds(time).is_ok();
    let expected = "a whole number of seconds from 90 to 4294967295";
    fits.then_some(()).ok_or(expected)
}

/// As [`whole_seconds`], and at most the hour of RFC 6665 section 4.2.1.1.
pub(crate) fn subscription(time: Duration) -> Result<(), &'static str> {
    let fits = time <= Duration::from_secs(3_600) && whole_seconds(time).is_ok();
    let expected = "a whole number of seconds up to 3600";
    fits.then_some(()).ok_or(expected)
}

/// RFC 3261 section 25.1 `user`, escapes included.
pub(crate) fn is_user(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let mut hex = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                hex() && hex()
            }
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => true,
            b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !fits {
            return false;
        }
    }
    (1..=TEXT_LIMIT).contains(&text.len())
}

/// The 36 characters of a UUID (RFC 9562 section 4), a leading `uuid:` taken off.
pub(crate) fn uuid(text: &str) -> Checked<'_> {
    let bare = match text.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("uuid:") => &text[5..],
        _ => text,
    };
    let fits = bare.len() == 36
        && bare.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let expected = "a UUID like 8f1fa16a-1165-4a96-8341-785b1ef24f12, with uuid: before it or not";
    fits.then_some(bare).ok_or(expected)
}

/// Whether `hackIpInContact` takes `host`.
pub(crate) fn is_contact_host(host: &str) -> bool {
    // RFC 3261 section 25.1 knows no underscore, and a `toplabel` begins with a letter.
    let name = host.strip_suffix('.').unwrap_or(host);
    let top = name.rsplit('.').next().unwrap_or_default();
    let is_address = host.starts_with('[') || host.parse::<core::net::Ipv4Addr>().is_ok();
    is_host(host)
        && !host.contains('_')
        && (is_address || top.starts_with(|first: char| first.is_ascii_alphabetic()))
}

/// The expected form of `ha1`.
pub(crate) const HA1: &str = "32 hexadecimal digits of MD5, or 64 of SHA-256";

/// The digits of an HA1 in lower case: MD5 or SHA-256.
pub(crate) fn ha1_digits(text: &str) -> Option<String> {
    let fits = matches!(text.len(), 32 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_25_1_user_takes_escapes_but_no_at() {
        for good in ["alice", "a.b-c_d!~*'()", "1;phone=x?/$,&=+", "%41%7e"] {
            assert!(is_user(good), "{good}");
        }
        for bad in ["", "a@b", "a b", "a:b", "%4", "%zz", "é", "a\"", "<a>"] {
            assert!(!is_user(bad), "{bad}");
        }
    }

    #[test]
    fn rfc9562_4_uuid_layout() {
        let id = "8f1fa16A-1165-4a96-8341-785b1ef24f12";
        assert_eq!(uuid(id), Ok(id));
        assert_eq!(uuid("UUID:8f1fa16A-1165-4a96-8341-785b1ef24f12"), Ok(id));
        for bad in [
            "",
            "uuid:",
            "urn:uuid:8f1fa16a-1165-4a96-8341-785b1ef24f12",
            "8f1fa16a11654a968341785b1ef24f12",
            "8f1fa16a-1165-4a96-8341-785b1ef24f1",
            "8f1fa16a-1165-4a96-8341-785b1ef24f1g",
            "8f1fa16a-1165-4a96-8341_785b1ef24f12",
            "ééééééééééééééééé",
        ] {
            assert!(uuid(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn option_tags_compare_without_case() {
        assert!(is_registered_option_tag("Timer"));
        assert!(!is_registered_option_tag("room-signaling"));
    }
}
