//! Credentials: a user name, and a password or hashes of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::digest::{self, Algorithm, HexDigest};

/// A password, or hashes that stand for it in one realm each. Wiped when dropped; `Debug` shows
/// nothing of it.
///
/// A clone shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Kind>);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Password(Zeroizing<String>),
    Hashed(Vec<Hashed>),
}

#[derive(Clone)]
struct Hashed {
    realm: String,
    algorithm: Algorithm,
    ha1: HexDigest,
}

impl PartialEq for Hashed {
    fn eq(&self, other: &Self) -> bool {
        self.realm == other.realm
            && self.algorithm == other.algorithm
            && self.ha1.as_str() == other.ha1.as_str()
    }
}

impl Eq for Hashed {}

impl Secret {
    /// A password in clear, in UTF-8. It answers any realm with any algorithm.
    #[must_use]
    pub fn password(password: impl Into<String>) -> Self {
        Self(Arc::new(Kind::Password(Zeroizing::new(password.into()))))
    }

    /// The hash H(username ":" realm ":" password) in hexadecimal digits instead of a password
    /// (RFC 7616 section 3.4.2). It answers this realm alone, with this hash function, with or
    /// without `-sess`.
    ///
    /// # Errors
    /// [`SecretError`] unless `hex` has the digits that `algorithm` makes.
    pub fn ha1(
        realm: impl Into<String>,
        algorithm: Algorithm,
        hex: &str,
    ) -> Result<Self, SecretError> {
        Self(Arc::new(Kind::Hashed(Vec::new()))).and_ha1(realm, algorithm, hex)
    }

    /// One more hash, for another realm or another algorithm. A password already covers all of
    /// them and is left as it is.
    ///
    /// # Errors
    /// [`SecretError`] unless `hex` has the digits that `algorithm` makes.
    pub fn and_ha1(
        mut self,
        realm: impl Into<String>,
        algorithm: Algorithm,
        hex: &str,
    ) -> Result<Self, SecretError> {
        let algorithm = algorithm.base();
        let ha1 = HexDigest::parse(algorithm, hex.as_bytes()).ok_or(SecretError { algorithm })?;
        if let Kind::Hashed(hashes) = Arc::make_mut(&mut self.0) {
            hashes.push(Hashed {
                realm: realm.into(),
                algorithm,
                ha1,
            });
        }
        Ok(self)
    }

    /// Whether this is a password in clear.
    #[must_use]
    pub fn is_password(&self) -> bool {
        matches!(*self.0, Kind::Password(_))
    }

    /// The realms that the hashes are for, one for each hash; none for a password.
    pub fn realms(&self) -> impl Iterator<Item = &str> {
        let hashes = match &*self.0 {
            Kind::Password(_) => &[][..],
            Kind::Hashed(hashes) => hashes,
        };
        hashes.iter().map(|hashed| hashed.realm.as_str())
    }

    /// Whether a challenge of `realm` with `algorithm` can be answered.
    #[must_use]
    pub fn covers(&self, algorithm: Algorithm, realm: &str) -> bool {
        match &*self.0 {
            Kind::Password(_) => true,
            Kind::Hashed(hashes) => find(hashes, algorithm, realm).is_some(),
        }
    }

    /// H(username ":" realm ":" password) for this realm, without what `-sess` adds; `None` if
    /// this secret does not cover it.
    #[must_use]
    pub fn ha1_for(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<HexDigest> {
        match &*self.0 {
            Kind::Password(password) => Some(digest::ha1(
                algorithm,
                username.as_bytes(),
                realm.as_bytes(),
                password.as_bytes(),
            )),
            Kind::Hashed(hashes) => find(hashes, algorithm, realm).map(|hashed| hashed.ha1.clone()),
        }
    }
}

fn find<'a>(hashes: &'a [Hashed], algorithm: Algorithm, realm: &str) -> Option<&'a Hashed> {
    hashes
        .iter()
        .find(|hashed| hashed.algorithm == algorithm.base() && hashed.realm == realm)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A hash with the wrong number of digits for its algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a hash for {algorithm} has {} hexadecimal digits", .algorithm.hex_length())]
pub struct SecretError {
    algorithm: Algorithm,
}

/// A user name and its secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    username: Box<str>,
    secret: Secret,
}

impl Credentials {
    /// Takes the bare user name, neither quoted nor escaped, in UTF-8.
    ///
    /// # Errors
    /// [`UsernameError`] if the name holds a control character: it goes into a header field.
    pub fn new(username: impl Into<String>, secret: Secret) -> Result<Self, UsernameError> {
        let username = username.into();
        match username
            .char_indices()
            .find(|(_, character)| character.is_control())
        {
            Some((offset, _)) => Err(UsernameError { offset }),
            None => Ok(Self {
                username: username.into(),
                secret,
            }),
        }
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The secret.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// A user name with a control character in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("control character at byte {offset} of the user name")]
pub struct UsernameError {
    offset: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const MD5_OF_BOB: &str = "5cc2bf0bfe0f3fc8b2cb4e2b5fb5f7e6";

    /// AUTH-HA1: a hash answers its realm and hash function only, `-sess` included.
    #[test]
    fn rfc7616_3_4_2_a_hash_stands_for_a_password_in_its_realm() {
        let secret = Secret::ha1("biloxi.com", Algorithm::Md5Sess, MD5_OF_BOB).unwrap();
        assert!(!secret.is_password() && secret.realms().eq(["biloxi.com"]));
        assert!(secret.covers(Algorithm::Md5, "biloxi.com"));
        assert!(secret.covers(Algorithm::Md5Sess, "biloxi.com"));
        assert!(!secret.covers(Algorithm::Sha256, "biloxi.com"));
        assert!(!secret.covers(Algorithm::Md5, "atlanta.com"));
        assert!(
            secret
                .ha1_for(Algorithm::Md5, "bob", "atlanta.com")
                .is_none()
        );
        let ha1 = secret.ha1_for(Algorithm::Md5, "bob", "biloxi.com").unwrap();
        assert_eq!(ha1.as_str(), MD5_OF_BOB);
        let both = secret
            .and_ha1("atlanta.com", Algorithm::Md5, MD5_OF_BOB)
            .unwrap();
        assert!(both.covers(Algorithm::Md5, "atlanta.com"));
        let error = Secret::ha1("r", Algorithm::Sha256, MD5_OF_BOB).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a hash for SHA-256 has 64 hexadecimal digits"
        );
    }

    /// AUTH-HA1: neither a password nor a hash shows up in `Debug`.
    #[test]
    fn secrets_never_show() {
        let credentials = Credentials::new("bob", Secret::password("zanzibar")).unwrap();
        assert!(!format!("{credentials:?}").contains("zanzibar"));
        let hashed = Secret::ha1("r", Algorithm::Md5, MD5_OF_BOB).unwrap();
        assert!(!format!("{hashed:?}").contains(MD5_OF_BOB));
    }

    #[test]
    fn a_user_name_cannot_break_out_of_its_header_field() {
        let error = Credentials::new("bob\r\nVia: x", Secret::password("")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "control character at byte 3 of the user name"
        );
    }
}
