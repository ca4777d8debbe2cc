//! Header fields of the application in the upgrade request.

use std::fmt;

use zeroize::Zeroizing;

/// Further header fields of the WebSocket upgrade request (RFC 6455 section 4.1), such as `Authorization`, `Cookie` or
/// `Origin`. A proxy does not see them, unless the server is `ws`.
///
/// Each field is checked once, when it is added. The values are secrets: they are wiped when dropped, `Debug` hides
/// them, and no log has them.
///
/// ```
/// # use sip_host::os::{HandshakeHeaderError, HandshakeHeaders};
/// let mut headers = HandshakeHeaders::default();
/// headers.add("Authorization", "Bearer abc")?.add("Origin", "https://example.com")?;
/// assert!(!format!("{headers:?}").contains("abc"));
/// # Ok::<(), HandshakeHeaderError>(())
/// ```
#[derive(Clone, Default)]
pub struct HandshakeHeaders(Vec<(String, Zeroizing<String>)>);

/// Why a header field cannot be added to [`HandshakeHeaders`]. It does not contain the value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeHeaderError {
    /// The name is not a token (RFC 9110 section 5.1).
    #[error("{0:?} is not the name of a header field")]
    Name(String),
    /// The value of this field has a control character, or a space at its start or end (RFC 9110 section 5.5).
    #[error("the value of the header field {0} has a character that it must not have")]
    Value(String),
    /// The field belongs to the handshake itself: `Host`, `Connection`, `Upgrade`, `Sec-...`, or to the framing of HTTP or
    /// to a proxy.
    #[error("the header field {0} belongs to the handshake")]
    Reserved(String),
    /// The field is there already. A field that is a list has its members in one value.
    #[error("the header field {0} is there already")]
    Repeated(String),
}

/// What the handshake writes, and what would change the framing of the request (RFC 9112) or belongs to the next hop
/// (RFC 9110 section 7.6.1).
const RESERVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HandshakeHeaders {
    /// Adds a field. `value` is UTF-8 without control characters; `Cookie`, `Authorization` and `Origin` are the usual ones.
    ///
    /// # Errors
    /// [`HandshakeHeaderError`]; nothing is added then.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<&mut Self, HandshakeHeaderError> {
        let (name, value) = (name.into(), Zeroizing::new(value.into()));
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HandshakeHeaderError::Name(name));
        }
        let folded = name.to_ascii_lowercase();
        if RESERVED.contains(&&*folded) || folded.starts_with("sec-") {
            return Err(HandshakeHeaderError::Reserved(name));
        }
        let is_padded = value.trim_matches([' ', '\t']).len() != value.len();
        let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        if is_padded || value.bytes().any(is_control) {
            return Err(HandshakeHeaderError::Value(name));
        }
        if self
            .0
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(&name))
        {
            return Err(HandshakeHeaderError::Repeated(name));
        }
        self.0.push((name, value));
        Ok(self)
    }

    /// The fields in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &***value))
    }
}

impl fmt::Debug for HandshakeHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_field_and_hides_the_value() {
        let mut headers = HandshakeHeaders::default();
        headers.add("Cookie", "a=secret; b=2").unwrap();
        headers.add("X-Tenant", "Zoë\tA").unwrap();
        type Refusal = fn(String) -> HandshakeHeaderError;
        let refusals: [(&str, &str, Refusal); 13] = [
            ("", "secret", HandshakeHeaderError::Name),
            ("X Y", "secret", HandshakeHeaderError::Name),
            ("X:", "secret", HandshakeHeaderError::Name),
            ("X\r\nY", "secret", HandshakeHeaderError::Name),
            ("host", "secret", HandshakeHeaderError::Reserved),
            ("UPGRADE", "secret", HandshakeHeaderError::Reserved),
            ("Connection", "secret", HandshakeHeaderError::Reserved),
            (
                "Sec-WebSocket-Key",
                "secret",
                HandshakeHeaderError::Reserved,
            ),
            ("Content-Length", "secret", HandshakeHeaderError::Reserved),
            ("Origin", "secret\r\nHost: x", HandshakeHeaderError::Value),
            ("Origin", "secret\0", HandshakeHeaderError::Value),
            ("Origin", " secret", HandshakeHeaderError::Value),
            ("cookie", "secret", HandshakeHeaderError::Repeated),
        ];
        for (name, value, refusal) in refusals {
            let error = headers.add(name, value).unwrap_err();
            assert_eq!(error, refusal(name.to_owned()));
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let written: Vec<_> = headers.iter().collect();
        assert_eq!(
            written,
            [("Cookie", "a=secret; b=2"), ("X-Tenant", "Zoë\tA")]
        );
        assert_eq!(format!("{headers:?}"), r#"["Cookie", "X-Tenant"]"#);
    }
}
