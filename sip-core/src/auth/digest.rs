//! The arithmetic of digest access authentication (RFC 7616 section 3.4, RFC 2617, RFC 2069) with
//! the algorithms that RFC 8760 names for SIP. Pure functions: no state, no randomness.

use core::fmt;
use core::str;

use md5::Md5;
#[cfg(feature = "sha512")]
use sha2::Sha512_256;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A digest algorithm (RFC 7616 section 3.3, RFC 8760 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// `MD5`: what a challenge without `algorithm` means.
    Md5,
    /// `MD5-sess`.
    Md5Sess,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Sess,
    /// `SHA-512-256`: the function SHA-512/256 of FIPS 180-4, not a truncated SHA-512. With the feature `sha512`.
    #[cfg(feature = "sha512")]
    Sha512_256,
    /// `SHA-512-256-sess`. With the feature `sha512`.
    #[cfg(feature = "sha512")]
    Sha512_256Sess,
}

impl Algorithm {
    /// Every algorithm, weakest first.
    pub const ALL: [Self; if cfg!(feature = "sha512") { 6 } else { 4 }] = [
        Self::Md5,
        Self::Md5Sess,
        Self::Sha256,
        Self::Sha256Sess,
        #[cfg(feature = "sha512")]
        Self::Sha512_256,
        #[cfg(feature = "sha512")]
        Self::Sha512_256Sess,
    ];

    /// Reads the value of an `algorithm` parameter without its quotes, in any case.
    ///
    /// Returns `None` for an algorithm that this crate does not know: such a challenge is to be
    /// skipped (RFC 7616 section 3.3).
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| text.eq_ignore_ascii_case(algorithm.as_str().as_bytes()))
    }

    /// The token as RFC 7616 section 6.1 registers it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
            #[cfg(feature = "sha512")]
            Self::Sha512_256 => "SHA-512-256",
            #[cfg(feature = "sha512")]
            Self::Sha512_256Sess => "SHA-512-256-sess",
        }
    }

    /// Whether A1 is bound to the first nonce and cnonce of a session (RFC 7616 section 3.4.2).
    #[must_use]
    pub const fn is_session(self) -> bool {
        match self {
            Self::Md5Sess | Self::Sha256Sess => true,
            #[cfg(feature = "sha512")]
            Self::Sha512_256Sess => true,
            _ => false,
        }
    }

    /// The same hash function without `-sess`.
    #[must_use]
    pub const fn base(self) -> Self {
        match self {
            Self::Md5 | Self::Md5Sess => Self::Md5,
            Self::Sha256 | Self::Sha256Sess => Self::Sha256,
            #[cfg(feature = "sha512")]
            Self::Sha512_256 | Self::Sha512_256Sess => Self::Sha512_256,
        }
    }

    /// How many hexadecimal digits a digest has: 32 or 64 (RFC 8760 section 2.3).
    #[must_use]
    pub const fn hex_length(self) -> usize {
        match self.base() {
            Self::Md5 => 32,
            _ => 64,
        }
    }

    /// The order in which hash functions are preferred; larger is stronger. `-sess` does not count.
    #[must_use]
    pub const fn strength(self) -> u8 {
        match self.base() {
            Self::Md5 => 0,
            Self::Sha256 => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The quality of protection (RFC 7616 section 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Qop {
    /// `auth`: the method and the URI are protected.
    Auth,
    /// `auth-int`: the body is protected as well.
    AuthInt,
}

impl Qop {
    /// Reads one `qop` value, in any case; `None` for a value that this crate does not know.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.eq_ignore_ascii_case(b"auth") {
            Some(Self::Auth)
        } else if text.eq_ignore_ascii_case(b"auth-int") {
            Some(Self::AuthInt)
        } else {
            None
        }
    }

    /// The token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// A digest as lower-case hexadecimal digits. Wiped when dropped, since an HA1 is as good as a
/// password; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct HexDigest {
    digits: [u8; 64],
    length: u8,
}

impl HexDigest {
    fn of(hash: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 64];
        let mut length = 0_u8;
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
            length += 2;
        }
        Self { digits, length }
    }

    /// Reads a digest of `algorithm` from its hexadecimal digits, in any case.
    ///
    /// Returns `None` unless there are exactly [`Algorithm::hex_length`] hexadecimal digits.
    #[must_use]
    pub fn parse(algorithm: Algorithm, text: &[u8]) -> Option<Self> {
        if text.len() != algorithm.hex_length() || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut digits = [0; 64];
        digits[..text.len()].copy_from_slice(text);
        digits.make_ascii_lowercase();
        Some(Self {
            digits,
            length: algorithm.hex_length() as u8,
        })
    }

    /// The digits as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Whether `text` spells this digest, in any case (RFC 8760 section 2.6), compared in a time
    /// that depends on the length of `text` only.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        let mut lower = [0; 64];
        let Some(prefix) = lower.get_mut(..text.len()) else {
            return false;
        };
        prefix.copy_from_slice(text);
        prefix.make_ascii_lowercase();
        self.as_bytes().ct_eq(prefix).into()
    }
}

impl Drop for HexDigest {
    fn drop(&mut self) {
        self.digits.zeroize();
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// H of the parts joined by colons.
fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> HexDigest {
    fn joined<D: Digest>(parts: &[&[u8]]) -> HexDigest {
        let mut hasher = D::new();
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                hasher.update(b":");
            }
            hasher.update(part);
        }
        let mut output = hasher.finalize();
        let digest = HexDigest::of(&output);
        output.as_mut_slice().zeroize();
        digest
    }
    match algorithm.base() {
        Algorithm::Md5 => joined::<Md5>(parts),
        #[cfg(feature = "sha512")]
        Algorithm::Sha512_256 => joined::<Sha512_256>(parts),
        _ => joined::<Sha256>(parts),
    }
}

/// H(username ":" realm ":" password), without what `-sess` adds (RFC 7616 section 3.4.2).
///
/// All three are the bare values: unquoted and unescaped, in UTF-8.
#[must_use]
pub fn ha1(algorithm: Algorithm, username: &[u8], realm: &[u8], password: &[u8]) -> HexDigest {
    hash(algorithm, &[username, realm, password])
}

/// The session key of the `-sess` algorithms: H(HA1 ":" nonce ":" cnonce) with the first nonce and
/// cnonce of the session (RFC 7616 section 3.4.2).
#[must_use]
pub fn session_ha1(
    algorithm: Algorithm,
    ha1: &HexDigest,
    nonce: &[u8],
    cnonce: &[u8],
) -> HexDigest {
    hash(algorithm, &[ha1.as_bytes(), nonce, cnonce])
}

/// H(A2) (RFC 7616 section 3.4.3). With `auth-int` give the body, which may be empty; with `auth`
/// or without qop give `None`. For the `rspauth` of a response the method is empty (section 3.5).
#[must_use]
pub fn ha2(algorithm: Algorithm, method: &[u8], uri: &[u8], body: Option<&[u8]>) -> HexDigest {
    match body {
        None => hash(algorithm, &[method, uri]),
        Some(body) => hash(
            algorithm,
            &[method, uri, hash(algorithm, &[body]).as_bytes()],
        ),
    }
}

/// What goes between the hashes when a quality of protection is in use (RFC 7616 section 3.4.1).
#[derive(Clone, Copy, Debug)]
pub struct Protection<'a> {
    /// The nonce count as sent: 8 hexadecimal digits.
    pub nc: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a [u8],
    /// The quality of protection.
    pub qop: Qop,
}

/// The `response` value (RFC 7616 section 3.4.1); with `protection` `None` the form of RFC 2069.
///
/// `ha1` is the session key for a `-sess` algorithm.
#[must_use]
pub fn response(
    algorithm: Algorithm,
    ha1: &HexDigest,
    nonce: &[u8],
    protection: Option<Protection<'_>>,
    ha2: &HexDigest,
) -> HexDigest {
    match protection {
        None => hash(algorithm, &[ha1.as_bytes(), nonce, ha2.as_bytes()]),
        Some(Protection { nc, cnonce, qop }) => hash(
            algorithm,
            &[
                ha1.as_bytes(),
                nonce,
                nc,
                cnonce,
                qop.as_str().as_bytes(),
                ha2.as_bytes(),
            ],
        ),
    }
}

/// H(username ":" realm): the `username` to send if the server requests `userhash`
/// (RFC 7616 section 3.4.4).
#[must_use]
pub fn userhash(algorithm: Algorithm, username: &[u8], realm: &[u8]) -> HexDigest {
    hash(algorithm, &[username, realm])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    struct Exchange<'a> {
        user: &'a str,
        realm: &'a str,
        password: &'a str,
        nonce: &'a str,
        cnonce: &'a str,
        method: &'a str,
        uri: &'a str,
    }

    impl Exchange<'_> {
        fn response(&self, algorithm: Algorithm, qop: Option<Qop>, body: &[u8]) -> HexDigest {
            let (nonce, cnonce) = (self.nonce.as_bytes(), self.cnonce.as_bytes());
            let mut key = ha1(
                algorithm,
                self.user.as_bytes(),
                self.realm.as_bytes(),
                self.password.as_bytes(),
            );
            if algorithm.is_session() {
                key = session_ha1(algorithm, &key, nonce, cnonce);
            }
            let body = (qop == Some(Qop::AuthInt)).then_some(body);
            let protection = qop.map(|qop| Protection {
                nc: b"00000001",
                cnonce,
                qop,
            });
            let a2 = ha2(algorithm, self.method.as_bytes(), self.uri.as_bytes(), body);
            response(algorithm, &key, nonce, protection, &a2)
        }
    }

    const MUFASA_7616: Exchange<'_> = Exchange {
        user: "Mufasa",
        realm: "http-auth@example.org",
        password: "Circle of Life",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        method: "GET",
        uri: "/dir/index.html",
    };

    #[cfg(feature = "sha512")]
    const DOE_7616: Exchange<'_> = Exchange {
        user: "J\u{e4}s\u{f8}n Doe",
        realm: "api@example.org",
        password: "Secret, or not?",
        nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        method: "GET",
        uri: "/doe.json",
    };

    const BOB: Exchange<'_> = Exchange {
        user: "bob",
        realm: "biloxi.com",
        password: "zanzibar",
        nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        cnonce: "0a4f113b",
        method: "INVITE",
        uri: "sip:bob@biloxi.com",
    };

    #[test]
    fn rfc7616_3_9_1_md5() {
        let response = MUFASA_7616.response(Algorithm::Md5, Some(Qop::Auth), b"");
        assert_eq!(response.as_str(), "8ca523f5e9506fed4657c9700eebdbec");
    }

    #[test]
    fn rfc7616_3_9_1_sha_256() {
        let response = MUFASA_7616.response(Algorithm::Sha256, Some(Qop::Auth), b"");
        assert_eq!(
            response.as_str(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// The values of RFC erratum 4897: the ones printed in the RFC are not SHA-512/256.
    #[cfg(feature = "sha512")]
    #[test]
    fn rfc7616_3_9_2_sha_512_256_with_a_name_beyond_ascii() {
        let response = DOE_7616.response(Algorithm::Sha512_256, Some(Qop::Auth), b"");
        assert_eq!(
            response.as_str(),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }

    /// The value of RFC erratum 4897.
    #[cfg(feature = "sha512")]
    #[test]
    fn rfc7616_3_4_4_userhash() {
        let hashed = userhash(
            Algorithm::Sha512_256,
            DOE_7616.user.as_bytes(),
            DOE_7616.realm.as_bytes(),
        );
        assert_eq!(
            hashed.as_str(),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
    }

    #[test]
    fn rfc2617_3_5_md5_with_qop_auth() {
        let exchange = Exchange {
            user: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            ..BOB
        };
        let exchange = Exchange {
            method: "GET",
            uri: "/dir/index.html",
            ..exchange
        };
        let response = exchange.response(Algorithm::Md5, Some(Qop::Auth), b"");
        assert_eq!(response.as_str(), "6629fae49393a05397450978507c4ef1");
    }

    /// draft-smith-sipping-auth-examples-01 sections 3.1, 3.3, 3.4: the form of RFC 2069, then MD5
    /// and MD5-sess with qop `auth`.
    #[test]
    fn rfc2617_3_2_2_1_sip_examples_without_a_body() {
        let without_qop = BOB.response(Algorithm::Md5, None, b"");
        assert_eq!(without_qop.as_str(), "bf57e4e0d0bffc0fbaedce64d59add5e");
        let auth = BOB.response(Algorithm::Md5, Some(Qop::Auth), b"");
        assert_eq!(auth.as_str(), "89eb0059246c02b2f6ee02c7961d5ea3");
        let session = BOB.response(Algorithm::Md5Sess, Some(Qop::Auth), b"");
        assert_eq!(session.as_str(), "e4e4ea61d186d07a92c9e1f6919902e9");
    }

    /// draft-smith-sipping-auth-examples-01 sections 3.5 and 3.6.
    #[test]
    fn rfc7616_3_4_3_auth_int_covers_the_body() {
        let body = b"v=0\r\n\
            o=bob 2890844526 2890844526 IN IP4 media.biloxi.com\r\n\
            s=-\r\n\
            c=IN IP4 media.biloxi.com\r\n\
            t=0 0\r\n\
            m=audio 49170 RTP/AVP 0\r\n\
            a=rtpmap:0 PCMU/8000\r\n\
            m=video 51372 RTP/AVP 31\r\n\
            a=rtpmap:31 H261/90000\r\n\
            m=video 53000 RTP/AVP 32\r\n\
            a=rtpmap:32 MPV/90000\r\n";
        let plain = BOB.response(Algorithm::Md5, Some(Qop::AuthInt), body);
        assert_eq!(plain.as_str(), "bdbeebb2da6adb6bca02599c2239e192");
        let session = BOB.response(Algorithm::Md5Sess, Some(Qop::AuthInt), body);
        assert_eq!(session.as_str(), "91984da2d8663716e91554859c22ca70");
    }

    /// RFC 7616 section 3.4.3: an empty body is hashed too, so `auth-int` never equals `auth`.
    #[test]
    fn rfc7616_3_4_3_auth_int_hashes_an_empty_body() {
        let empty = ha2(Algorithm::Md5, b"BYE", b"sip:a@b", Some(b""));
        let by_hand = hash(
            Algorithm::Md5,
            &[b"BYE", b"sip:a@b", b"d41d8cd98f00b204e9800998ecf8427e"],
        );
        assert_eq!(empty.as_str(), by_hand.as_str());
    }

    /// RFC 8760 section 2.3 and 2.6: the length follows the algorithm, digits compare in any case.
    #[test]
    fn rfc8760_2_6_digests_compare_in_any_case_and_by_length() {
        let digest = ha1(Algorithm::Md5, b"a", b"b", b"c");
        let upper = digest.as_str().to_ascii_uppercase();
        assert!(digest.matches(upper.as_bytes()));
        assert!(!digest.matches(&upper.as_bytes()[1..]));
        assert!(!digest.matches(format!("{upper}00").as_bytes()));
        assert!(!digest.matches(&[b'a'; 65]));
        for algorithm in Algorithm::ALL {
            let digest = ha1(algorithm, b"a", b"b", b"c");
            assert_eq!(digest.as_str().len(), algorithm.hex_length());
            assert_eq!(
                Algorithm::parse(algorithm.as_str().to_lowercase().as_bytes()),
                Some(algorithm)
            );
        }
        assert_eq!(Algorithm::parse(b"SHA-1"), None);
    }

    #[test]
    fn a_given_digest_is_checked_and_never_shown() {
        assert!(HexDigest::parse(Algorithm::Md5, b"89EB0059246c02b2f6ee02c7961d5ea3").is_some());
        assert!(HexDigest::parse(Algorithm::Sha256, b"89eb0059246c02b2f6ee02c7961d5ea3").is_none());
        assert!(HexDigest::parse(Algorithm::Md5, b"89eb0059246c02b2f6ee02c7961d5eag").is_none());
        assert_eq!(
            format!("{:?}", ha1(Algorithm::Md5, b"a", b"b", b"c")),
            "[redacted]"
        );
    }
}
