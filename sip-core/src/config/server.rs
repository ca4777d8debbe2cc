//! The WebSocket servers of an account (RFC 6455 section 3, RFC 7118).

use alloc::{format, string::String};
use core::{fmt, net::Ipv6Addr, ops::Range};

use fluent_uri::Uri;
use zeroize::Zeroizing;

use super::error::{ConfigError, REDACTED};

/// The longest accepted URL, in bytes.
pub const SERVER_URL_LIMIT: usize = 2048;

/// A `ws:` or `wss:` URL (RFC 6455 section 3).
///
/// The query is a secret, because services put their tokens there: `Display` and `Debug` show it as
/// `[redacted]`; [`as_str`](Self::as_str) returns the whole URL.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: Zeroizing<String>,
    secure: bool,
    host: Range<u16>,
    /// Host and explicit port.
    authority: Range<u16>,
    port: u16,
}

impl ServerUrl {
    /// Reads `ws://host[:port][/path][?query]`, or the same with `wss`; the scheme in any case.
    ///
    /// # Errors
    /// Another scheme, a missing or malformed host, port 0, user information, a fragment (RFC 6455
    /// section 3 forbids it), characters that RFC 3986 does not allow, more than
    /// [`SERVER_URL_LIMIT`] bytes.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        if text.len() > SERVER_URL_LIMIT {
            return Err(ServerUrlError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ServerUrlError::Scheme)?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("ws") => false,
            _ if scheme.eq_ignore_ascii_case("wss") => true,
            _ => return Err(ServerUrlError::Scheme),
        };
        let start = scheme.len() + 3;
        let uri = Uri::parse(text).map_err(|error| fault_at(text, start, error.index()))?;
        if uri.has_fragment() {
            return Err(ServerUrlError::Fragment);
        }
        let authority = uri.authority().ok_or(ServerUrlError::Host)?;
        if authority.has_userinfo() {
            return Err(ServerUrlError::UserInformation);
        }
        let port = match authority.port() {
            Some(digits) => {
                let number = digits.as_str().parse().ok();
                number
                    .filter(|&port| port > 0)
                    .ok_or(ServerUrlError::Port)?
            }
            None if secure => 443,
            None => 80,
        };
        let host = authority.host();
        if !is_host(host) {
            return Err(ServerUrlError::Host);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let bare_start = start + usize::from(bare.len() != host.len());
        // SERVER_URL_LIMIT keeps every offset far below 65,536.
        let range = |start: usize, length: usize| start as u16..(start + length) as u16;
        Ok(Self {
            text: Zeroizing::new(format!("{}://{rest}", scheme.to_ascii_lowercase())),
            secure,
            host: range(bare_start, bare.len()),
            authority: range(start, authority.as_str().len()),
            port,
        })
    }

    /// True for `wss`: TLS under the WebSocket.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to resolve, and to check the certificate against; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        self.slice(&self.host)
    }

    /// The port, 80 or 443 unless the URL names one (RFC 6455 section 3).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host[:port]` as the URL has it, brackets and explicit port included: for the `Host` header
    /// of the handshake and for the preloaded Route (`usePreloadedRoute`).
    pub fn route_host(&self) -> &str {
        self.slice(&self.authority)
    }

    /// The handshake's request target: path and query, `/` when there is no path.
    pub fn path_and_query(&self) -> Zeroizing<String> {
        let target = &self.text[usize::from(self.authority.end)..];
        Zeroizing::new(if target.starts_with('/') {
            target.into()
        } else {
            format!("/{target}")
        })
    }

    /// The whole URL, query included, scheme in lower case. Not for logs.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn slice(&self, range: &Range<u16>) -> &str {
        &self.text[usize::from(range.start)..usize::from(range.end)]
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.split_once('?') {
            Some((shown, _)) => write!(f, "{shown}?{REDACTED}"),
            None => f.write_str(&self.text),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl core::str::FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A server of the account and its rank among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where to connect.
    pub url: ServerUrl,
    /// Servers of higher weight are tried first; equal ones in random order. May be negative.
    pub weight: i64,
}

/// Why a text is not a server URL; `Display` is the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUrlError {
    /// Not `ws://` or `wss://`.
    #[error("a URL that begins with ws:// or wss://")]
    Scheme,
    /// No host, or not a name, an IPv4 address or an IPv6 address in brackets.
    #[error(
        "a ws:// or wss:// URL with a host: a name, an IPv4 address, or an IPv6 address in brackets"
    )]
    Host,
    /// Not a number from 1 to 65535.
    #[error("a ws:// or wss:// URL whose port is a number from 1 to 65535")]
    Port,
    /// A user name or password, which a WebSocket URL cannot carry.
    #[error("a ws:// or wss:// URL without a user name or password")]
    UserInformation,
    /// A fragment, which RFC 6455 section 3 forbids.
    #[error("a ws:// or wss:// URL without a fragment (#)")]
    Fragment,
    /// A character that RFC 3986 does not allow there, such as a space or one beyond ASCII.
    #[error(
        "a ws:// or wss:// URL of visible ASCII characters: others percent-encoded, an international name as xn--"
    )]
    Character,
    /// More than [`SERVER_URL_LIMIT`] bytes.
    #[error("a ws:// or wss:// URL of at most 2048 bytes")]
    TooLong,
}

/// `text` as errors quote it: without query and user information, because both may be secrets.
pub(crate) fn excerpt_of_url(text: &str) -> String {
    let (shown, query) = match text.find('?') {
        Some(mark) => (&text[..mark], "?[redacted]"),
        None => (text, ""),
    };
    let start = shown.find("://").map_or(0, |colon| colon + 3);
    let end = shown[start..]
        .find('/')
        .map_or(shown.len(), |slash| start + slash);
    match shown[start..end].rfind('@') {
        Some(at) => ConfigError::excerpt(&format!(
            "{}{REDACTED}{}{query}",
            &shown[..start],
            &shown[start + at..]
        )),
        None => ConfigError::excerpt(&format!("{shown}{query}")),
    }
}

/// The fault of a `text` in which the URI parser stopped at `index`; the authority begins at `start`.
fn fault_at(text: &str, start: usize, index: usize) -> ServerUrlError {
    let (before, rest) = text.split_at_checked(index).unwrap_or((text, ""));
    let is_visible = rest.starts_with(|first: char| first.is_ascii_graphic());
    let authority = before.get(start..).unwrap_or_default();
    if !rest.is_empty() && !is_visible || authority.contains(['/', '?']) {
        return ServerUrlError::Character;
    }
    let after_address = match authority.strip_prefix('[') {
        Some(inside) => inside.split_once(']').map_or("", |(_, after)| after),
        None => authority,
    };
    match after_address.contains(':') {
        true => ServerUrlError::Port,
        false => ServerUrlError::Host,
    }
}

/// RFC 3261 section 25.1 `host`, but labels may hold `_`, because internal names do.
pub(crate) fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<core::net::Ipv4Addr>().is_ok();
    }
    text.len() <= 254
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn rfc6455_3_scheme_host_port_path_and_query() {
        for (text, secure, host, port, route_host, target) in [
            ("ws://a", false, "a", 80, "a", "/"),
            (
                "WSS://Edge.Example.com",
                true,
                "Edge.Example.com",
                443,
                "Edge.Example.com",
                "/",
            ),
            ("wss://a:8443/ws", true, "a", 8443, "a:8443", "/ws"),
            ("ws://a:80", false, "a", 80, "a:80", "/"),
            (
                "ws://192.0.2.1?t=1",
                false,
                "192.0.2.1",
                80,
                "192.0.2.1",
                "/?t=1",
            ),
            (
                "wss://[2001:db8::1]/x?a=/?b",
                true,
                "2001:db8::1",
                443,
                "[2001:db8::1]",
                "/x?a=/?b",
            ),
            ("wss://[::1]:7/", true, "::1", 7, "[::1]:7", "/"),
            (
                "ws://under_score.local./",
                false,
                "under_score.local.",
                80,
                "under_score.local.",
                "/",
            ),
        ] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!(url.is_secure(), secure, "{text}");
            assert_eq!(url.host(), host, "{text}");
            assert_eq!(url.port(), port, "{text}");
            assert_eq!(url.route_host(), route_host, "{text}");
            assert_eq!(&*url.path_and_query(), target, "{text}");
        }
    }

    #[test]
    fn rfc6455_3_what_is_not_a_websocket_url() {
        for (text, error) in [
            ("", ServerUrlError::Scheme),
            ("edge.example.com", ServerUrlError::Scheme),
            ("http://a", ServerUrlError::Scheme),
            ("ws:/a", ServerUrlError::Scheme),
            ("ws://", ServerUrlError::Host),
            ("ws:///path", ServerUrlError::Host),
            ("ws://:80", ServerUrlError::Host),
            ("ws://a..b", ServerUrlError::Host),
            ("ws://-a", ServerUrlError::Host),
            ("ws://256.1.1.1", ServerUrlError::Host),
            ("ws://1.2.3", ServerUrlError::Host),
            ("ws://[::1", ServerUrlError::Host),
            ("ws://[::1]x", ServerUrlError::Host),
            ("ws://[::g]", ServerUrlError::Host),
            ("ws://[192.0.2.1]", ServerUrlError::Host),
            ("ws://a%41", ServerUrlError::Host),
            ("ws://a:", ServerUrlError::Port),
            ("ws://a:0", ServerUrlError::Port),
            ("ws://a:+80", ServerUrlError::Port),
            ("ws://a:65536", ServerUrlError::Port),
            ("ws://u:p@a", ServerUrlError::UserInformation),
            ("ws://a/#x", ServerUrlError::Fragment),
            ("ws://a/ b", ServerUrlError::Character),
            ("ws://a/\r\nX: y", ServerUrlError::Character),
            ("ws://münchen.example", ServerUrlError::Character),
            ("ws://a/%zz", ServerUrlError::Character),
            ("ws://a?x=\"1\"", ServerUrlError::Character),
            ("ws://[::1]:x", ServerUrlError::Port),
            ("ws://[v1.a]", ServerUrlError::Host),
            ("http://a b", ServerUrlError::Scheme),
        ] {
            assert_eq!(ServerUrl::parse(text), Err(error), "{text}");
        }
        let long = format!("ws://a/{}", "x".repeat(SERVER_URL_LIMIT));
        assert_eq!(ServerUrl::parse(&long), Err(ServerUrlError::TooLong));
    }

    #[test]
    fn the_query_is_a_secret() {
        let url = ServerUrl::parse("wss://a/ws?token=hunter2").unwrap();
        assert_eq!(url.to_string(), "wss://a/ws?[redacted]");
        assert_eq!(format!("{url:?}"), "\"wss://a/ws?[redacted]\"");
        assert_eq!(url.as_str(), "wss://a/ws?token=hunter2");
        assert_eq!(
            excerpt_of_url("x://u:p@a/b?c"),
            "\"x://[redacted]@a/b?[redacted]\""
        );
        assert_eq!(excerpt_of_url("x/y@z"), "\"x/y@z\"");
    }
}
