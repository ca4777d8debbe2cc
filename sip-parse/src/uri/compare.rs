//! Equivalence of URIs (RFC 3261 section 19.1.4, RFC 3966 section 5, RFC 5954 section 4.2).

use crate::params::Params;
use crate::uri::escape::same_escaped;
use crate::uri::view::{SchemeKind, Uri};

impl Uri<'_> {
    /// Whether two URIs are equivalent: sip and sips by RFC 3261 section 19.1.4, tel by RFC 3966 section 5, others by
    /// their bytes, scheme without regard to case.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        // A URI is equivalent to itself, also when it repeats a parameter, which the RFC gives no rule for.
        if self.text == other.text {
            return true;
        }
        if self.scheme() != other.scheme() {
            return false;
        }
        if self.parts.scheme == SchemeKind::Tel {
            return tel_equivalent(self, other);
        }
        if !self.is_sip() {
            return self.text[usize::from(self.parts.rest)..]
                == other.text[usize::from(other.parts.rest)..];
        }
        let userinfo = match (self.user(), other.user()) {
            (Some(a), Some(b)) => same_escaped(a, b, false),
            (None, None) => true,
            _ => false,
        } && match (self.password(), other.password()) {
            (Some(a), Some(b)) => same_escaped(a, b, false),
            (None, None) => true,
            _ => false,
        };
        userinfo
            && self.host() == other.host()
            && self.port() == other.port()
            && params_equivalent(self.params(), other.params())
            && headers_equivalent(self, other)
    }
}

/// Numbers without their visual separators, parameters without regard to order (RFC 3966 section 5).
fn tel_equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    fn digits<'a>(uri: &Uri<'a>) -> impl Iterator<Item = u8> + use<'a> {
        let number = uri.tel_number().unwrap_or(b"").iter().copied();
        number
            .filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')'))
            .map(|byte| byte.to_ascii_lowercase())
    }
    let (x, y) = (a.tel_params(), b.tel_params());
    if x.iter().count() > COMPARED || y.iter().count() > COMPARED {
        return a.text == b.text;
    }
    let covers = |x: Params<'_>, y: Params<'_>| {
        x.iter().all(|(name, value)| {
            y.iter().any(|(other, found)| {
                name.eq_ignore_ascii_case(other)
                    && match (value, found) {
                        (Some(value), Some(found)) => value.eq_ignore_ascii_case(found),
                        (None, None) => true,
                        _ => false,
                    }
            })
        })
    };
    digits(a).eq(digits(b)) && covers(x, y) && covers(y, x)
}

/// The parameters that must match when either URI has them.
const DECIDING: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

/// URIs with more parameters or headers than this compare by their bytes, because the comparison is quadratic.
pub(super) const COMPARED: usize = 64;

fn params_equivalent(a: Params<'_>, b: Params<'_>) -> bool {
    if a.iter().count() > COMPARED || b.iter().count() > COMPARED {
        return a.as_bytes() == b.as_bytes();
    }
    let agree = |a: Params<'_>, b: Params<'_>| {
        a.iter().all(|(name, value)| {
            let found = b.iter().find(|(other, _)| same_escaped(name, other, true));
            match (found, value) {
                (None, _) => !DECIDING
                    .iter()
                    .any(|deciding| same_escaped(name, deciding, true)),
                (Some((_, Some(found))), Some(value)) => same_escaped(value, found, true),
                (Some((_, None)), None) => true,
                (Some(_), _) => false,
            }
        })
    };
    agree(a, b) && agree(b, a)
}

fn headers_equivalent(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    let count = a.headers().count();
    if count != b.headers().count() {
        return false;
    }
    if count > COMPARED {
        return a.headers_bytes() == b.headers_bytes();
    }
    let same = |one: &(&[u8], &[u8]), other: &(&[u8], &[u8])| {
        same_escaped(one.0, other.0, true) && same_escaped(one.1, other.1, false)
    };
    // Each header occurs equally often in both.
    a.headers().all(|header| {
        a.headers().filter(|other| same(&header, other)).count()
            == b.headers().filter(|other| same(&header, other)).count()
    })
}
