//! The HTTP proxy in front of the servers.

use std::fmt;

use zeroize::Zeroizing;

/// An HTTP proxy that opens a tunnel to each server by CONNECT (RFC 9110 section 9.3.6), for `ws` and `wss` alike (RFC 6455
/// section 4.1). The proxy resolves the name of the server. TLS runs through the tunnel, so the proxy reads nothing of a
/// `wss` connection.
///
/// The adapters read no environment variable: a program that honours `HTTPS_PROXY` passes what it says here.
///
/// ```
/// # use sip_host::os::{Proxy, ProxyError};
/// let proxy = Proxy::new("proxy.example.com", 3128)?.credentials("alice", "secret")?;
/// assert!(!format!("{proxy:?}").contains("secret"));
/// # Ok::<(), ProxyError>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<Zeroizing<String>>,
}

/// Why a [`Proxy`] cannot be described so. It does not contain credentials, not even those of a whole URL in place of the host.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The host is neither a name nor an address: it is empty, or has a port, a scheme or a path. What may be credentials in
    /// it, all in front of an `@`, is replaced by `[redacted]`.
    #[error("{0:?} is neither a host name nor an address")]
    Host(String),
    /// Port 0 cannot be connected to.
    #[error("the port of the proxy must not be 0")]
    Port,
    /// The user name has a colon, or one of the credentials has a control character (RFC 7617 section 2).
    #[error("the credentials for the proxy have a character that they must not have")]
    Credentials,
}

impl Proxy {
    /// The proxy at `host`, a name or an IP address (IPv6 with or without brackets), and `port`.
    ///
    /// # Errors
    /// [`ProxyError::Host`] and [`ProxyError::Port`].
    pub fn new(host: impl Into<String>, port: u16) -> Result<Self, ProxyError> {
        let given: String = host.into();
        let bare = given
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(&given);
        let is_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !is_v6 && (bare.is_some() || host.is_empty() || !host.bytes().all(is_name)) {
            return Err(ProxyError::Host(without_credentials(given)));
        }
        if port == 0 {
            return Err(ProxyError::Port);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            authorization: None,
        })
    }

    /// Sends these credentials with each CONNECT, by the scheme Basic in UTF-8 (RFC 7617), which the proxy can read. They are
    /// wiped when dropped, `Debug` hides them, and no log has them. The server does not see them.
    ///
    /// # Errors
    /// [`ProxyError::Credentials`].
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, ProxyError> {
        if user.contains(':')
            || [user, password]
                .iter()
                .any(|text| text.contains(char::is_control))
        {
            return Err(ProxyError::Credentials);
        }
        let pair = Zeroizing::new(format!("{user}:{password}"));
        self.authorization = Some(Zeroizing::new(format!(
            "Basic {}",
            *base64(pair.as_bytes())
        )));
        Ok(self)
    }

    /// The host, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref().map(String::as_str)
    }
}

/// The text without what stands in front of its last `@`, as in `http://alice:secret@proxy`.
fn without_credentials(given: String) -> String {
    match given.rsplit_once('@') {
        Some((_, host)) => format!("[redacted]@{host}"),
        None => given,
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("has_credentials", &self.authorization.is_some())
            .finish()
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() {
                digit.into()
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648 section 10, and the example of RFC 7617 section 2.
    #[test]
    fn rfc7617_2_credentials_are_base64() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in vectors {
            assert_eq!(*base64(plain.as_bytes()), coded);
        }
        let proxy = Proxy::new("proxy", 1).unwrap();
        let proxy = proxy.credentials("Aladdin", "open sesame").unwrap();
        let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(proxy.authorization(), Some(expected));
        let shown = format!("{proxy:?}");
        assert!(
            !shown.contains("sesame") && !shown.contains("QWxh"),
            "{shown}"
        );
    }

    #[test]
    fn each_refusal_is_typed() {
        for host in [
            "",
            "a b",
            "http://proxy",
            "proxy:3128",
            "[proxy]",
            "[::1",
            "pro\r\nxy",
        ] {
            let error = Proxy::new(host, 3128).unwrap_err();
            assert_eq!(error, ProxyError::Host(host.to_owned()));
        }
        // What HTTPS_PROXY often holds, with a password that has an @ of its own.
        for url in ["http://alice:secret@proxy:3128", "alice:sec@secret@proxy"] {
            let error = Proxy::new(url, 3128).unwrap_err();
            assert!(matches!(error, ProxyError::Host(_)), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("sec"), "{error}");
        }
        assert_eq!(Proxy::new("proxy", 0).unwrap_err(), ProxyError::Port);
        assert_eq!(Proxy::new("[::1]", 1).unwrap().host(), "::1");
        assert_eq!(Proxy::new("192.0.2.1", 1).unwrap().host(), "192.0.2.1");
        for (user, password) in [("a:b", "c"), ("a", "b\r\n"), ("\0", "b")] {
            let proxy = Proxy::new("proxy", 1).unwrap();
            let error = proxy.credentials(user, password).unwrap_err();
            assert_eq!(error, ProxyError::Credentials);
        }
    }
}
