//! The types of parameters that are neither a number, nor a duration, nor a text; and the checks
//! that the builder and the file form share.

use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use super::server::is_host;

/// The longest text a parameter takes, in bytes.
pub(crate) const TEXT_LIMIT: usize = 1024;

/// What a user agent does with an extension: `rel100` (RFC 3262), `replaces` (RFC 3891).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// Neither offered nor used.
    #[default]
    None,
    /// The option tag is in `Supported`: used when the peer wants it.
    Supported,
    /// The option tag is in `Require` of an INVITE too: a peer without it is refused.
    Required,
}

impl Support {
    /// The value of the SIP.js constant: `none`, `supported`, `required`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Supported => "supported",
            Self::Required => "required",
        }
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

/// Who answers a 401 or 407 (`authenticationFactory`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authentication {
    /// The core, by digest (RFC 7616, RFC 8760), with the configured secret.
    #[default]
    Digest,
    /// The application: each challenge is an event, to be answered with a header value.
    Application,
}

/// How DTMF leaves (`dtmfType` of SIP.js 0.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DtmfType {
    /// In an INFO request (`application/dtmf-relay`).
    #[default]
    Info,
    /// In the media stream (RFC 4733), which is the session description handler's.
    Rtp,
}

impl DtmfType {
    /// The value of the SIP.js constant: `info`, `rtp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Rtp => "rtp",
        }
    }
}

/// What becomes of a request that is asked for while there is no connection (`offlineRequests`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfflineRequests {
    /// The command fails at once.
    #[default]
    Fail,
    /// It waits for the connection and for the registration on it, for 64 T1 at most.
    Queue,
}

impl OfflineRequests {
    /// The value as it is written: `fail`, `queue`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Queue => "queue",
        }
    }
}

/// How much is logged: each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What is odd, but was coped with.
    Warn,
    /// The course of things.
    #[default]
    Log,
    /// Everything, with the label that names the transaction or session.
    Debug,
}

impl LogLevel {
    /// All levels; the place of each is its number in SIP.js.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Log, Self::Debug];

    /// The name in SIP.js: `error`, `warn`, `log`, `debug`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Log => "log",
            Self::Debug => "debug",
        }
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

/// The option tags that IANA knows; others need `hackAllowUnregisteredOptionTags`.
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

/// RFC 3261 section 25.1 `token`.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=TEXT_LIMIT).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
                )
        })
}

/// Text that fits into a quoted-string once escaped: no controls, at most [`TEXT_LIMIT`] bytes.
pub(crate) fn is_text(text: &str) -> bool {
    text.len() <= TEXT_LIMIT && !text.chars().any(char::is_control)
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
pub(crate) fn uuid(text: &str) -> Option<&str> {
    let bare = match text.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("uuid:") => &text[5..],
        _ => text,
    };
    let fits = bare.len() == 36
        && bare.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    fits.then_some(bare)
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
        assert_eq!(uuid(id), Some(id));
        assert_eq!(uuid("UUID:8f1fa16A-1165-4a96-8341-785b1ef24f12"), Some(id));
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
            assert_eq!(uuid(bad), None, "{bad}");
        }
    }

    #[test]
    fn option_tags_compare_without_case() {
        assert!(is_registered_option_tag("Timer"));
        assert!(!is_registered_option_tag("room-signaling"));
    }
}
