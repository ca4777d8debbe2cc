//! Whom the agent trusts in TLS, and the certificate that it shows (RFC 8446, RFC 5922).

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sip_core::config::{Server, ServerUrl};
use sip_core::connection::ConnectError;

use crate::failure::Failure;

/// A set of root certificates. [`Options::roots`](crate::os::Options::roots) may name several; each adds to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Roots {
    /// Those of the operating system, read once for each agent, when it first connects to a `wss` server. Needs the feature
    /// `native-roots`.
    #[cfg(feature = "native-roots")]
    System,
    /// Those of Mozilla, built into the program as they were when it was built: for systems without roots, such as a container.
    /// Needs the feature `webpki-roots`.
    #[cfg(feature = "webpki-roots")]
    Bundled,
}

impl Roots {
    /// The roots of an agent whose application says nothing: [`Roots::System`] if it is built in, else [`Roots::Bundled`] if
    /// that is, else none.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        #[cfg(feature = "native-roots")]
        return vec![Self::System];
        #[cfg(all(not(feature = "native-roots"), feature = "webpki-roots"))]
        return vec![Self::Bundled];
        #[cfg(not(any(feature = "native-roots", feature = "webpki-roots")))]
        return Vec::new();
    }

    #[cfg_attr(
        not(any(feature = "native-roots", feature = "webpki-roots")),
        expect(unused_variables, reason = "there is no set of roots then")
    )]
    fn add_to(self, store: &mut RootCertStore) {
        match self {
            #[cfg(feature = "native-roots")]
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                for error in &found.errors {
                    tracing::warn!(target: "sip.transport", "system root certificates: {error}");
                }
                // The other certificates of the system are trusted even if one of them cannot be read.
                store.add_parsable_certificates(found.certs);
                if store.is_empty() {
                    tracing::warn!(target: "sip.transport", "the system has no root certificates");
                }
            }
            #[cfg(feature = "webpki-roots")]
            Self::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
    }
}

/// The certificate that the agent shows to a server which requires one (RFC 8446 section 4.4.2). A clone shares it.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl ClientCertificate {
    /// A certificate in DER with its chain, the own one first and without the root, and its key (PKCS #8, PKCS #1 or SEC 1).
    /// The start of an agent checks whether they belong together.
    #[must_use]
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self {
            chain,
            key: Arc::new(key),
        }
    }

    /// The same from PEM (RFC 7468): all certificates of `chain`, and the first private key of `key`; both may be one file.
    /// Keys with a pass phrase are not supported.
    ///
    /// # Errors
    /// The text is not PEM, or has no certificate or no key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, rustls_pki_types::pem::Error> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>()?;
        if chain.is_empty() {
            return Err(rustls_pki_types::pem::Error::NoItemsFound);
        }
        Ok(Self::new(chain, PrivateKeyDer::from_pem_slice(key)?))
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, rustls::Error> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("chain", &self.chain.len())
            .finish_non_exhaustive()
    }
}

/// Why TLS cannot be used as the options say. Nothing runs then.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate of [`Options::extra_roots`](crate::os::Options::extra_roots) cannot be read.
    #[error("root certificate: {0}")]
    Root(#[source] rustls::Error),
    /// There is a `wss` server, and [`Options::roots`](crate::os::Options::roots) and
    /// [`Options::extra_roots`](crate::os::Options::extra_roots) are both empty, so that no server could be trusted.
    #[error(
        "a wss server needs root certificates to trust: give some, or enable the feature `native-roots` or `webpki-roots`"
    )]
    NoRoots,
    /// The certificate of [`Options::client_certificate`](crate::os::Options::client_certificate) cannot be used with its key,
    /// or one of them cannot be read.
    #[error("client certificate: {0}")]
    ClientCertificate(#[source] rustls::Error),
    /// No cryptography is built in: the feature `tls` is on alone.
    #[error("a wss server needs the feature `ring` or `aws-lc-rs` of this crate")]
    NoBackend,
    /// The cryptography that is built in has no usable version of TLS.
    #[error("TLS: {0}")]
    Backend(#[source] rustls::Error),
}

/// The TLS trust of one agent. All of its connections share it.
#[derive(Debug)]
pub struct Trust {
    roots: Vec<Roots>,
    extra: RootCertStore,
    client: Option<ClientCertificate>,
    /// Built for the first `wss` server, because loading the system's roots is slow.
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Trust for connections to `servers` and to others that may be configured later, in `roots` and `extra` alike.
    ///
    /// # Errors
    /// [`TlsError`]. Roots and backend are checked if one of `servers` is `wss`.
    pub(super) fn new(
        servers: &[Server],
        roots: Vec<Roots>,
        extra: &[CertificateDer<'static>],
        client: Option<ClientCertificate>,
    ) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        for root in extra {
            store.add(root.clone()).map_err(TlsError::Root)?;
        }
        if let Some(client) = &client {
            let certified = client.certified(&*provider()?);
            certified.map_err(TlsError::ClientCertificate)?;
        }
        let trust = Self {
            roots,
            extra: store,
            client,
            tls: OnceLock::new(),
        };
        if servers.iter().any(|server| server.url.is_secure()) {
            trust.config()?;
        }
        Ok(trust)
    }

    /// The TLS configuration for a `wss` server.
    ///
    /// # Errors
    /// TLS is not available.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.config()
            .map_err(|error| (ConnectError::Tls, error.to_string()))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let made = self.make_config()?;
        Ok(self.tls.get_or_init(|| made).clone())
    }

    fn make_config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if self.roots.is_empty() && self.extra.is_empty() {
            return Err(TlsError::NoRoots);
        }
        let mut store = RootCertStore::empty();
        for roots in &self.roots {
            roots.add_to(&mut store);
        }
        store.extend(self.extra.roots.iter().cloned());
        let config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Backend)?
            .with_root_certificates(store);
        let config = match &self.client {
            Some(client) => config
                .with_client_auth_cert(client.chain.clone(), client.key.clone_key())
                .map_err(TlsError::ClientCertificate)?,
            None => config.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

/// The cryptography that is built in. If both are, it is ring, because that is the default and a feature of another crate in
/// the program must not change it.
fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    #[cfg(feature = "ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(not(feature = "ring"), feature = "aws-lc-rs"))]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    return Err(TlsError::NoBackend);
}

/// The name that the certificate of the server must contain (RFC 5922 section 4).
///
/// # Errors
/// The host of the URL is not a name that a certificate can contain.
pub fn server_name(server: &ServerUrl) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(server.host().to_owned())
        .map_err(|error| (ConnectError::Tls, error.to_string()))
}

#[cfg(all(test, any(feature = "ring", feature = "aws-lc-rs")))]
mod tests {
    use super::*;

    /// The backend of this build makes a configuration, once, and its name is that of the rule.
    #[test]
    fn the_backend_is_ring_unless_it_is_aws_lc_rs_alone() {
        let servers = [Server {
            url: ServerUrl::parse("wss://example.com").unwrap(),
            weight: 0,
        }];
        let trust = Trust::new(&servers, Roots::usual(), &[], None).unwrap();
        let (first, second) = (trust.tls().unwrap(), trust.tls().unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        let provider = format!("{:?}", first.crypto_provider().secure_random);
        let expected = if cfg!(feature = "ring") {
            "Ring"
        } else {
            "AwsLcRs"
        };
        assert!(provider.contains(expected), "{provider}");
    }

    /// Sets add up, and an empty one trusts what the application gives alone.
    #[cfg(feature = "webpki-roots")]
    #[test]
    fn the_bundled_roots_are_many() {
        let mut store = RootCertStore::empty();
        Roots::Bundled.add_to(&mut store);
        assert!(store.len() > 50, "{}", store.len());
    }

    #[test]
    fn nothing_to_trust_is_an_error_once_there_is_a_wss_server() {
        let trust = Trust::new(&[], Vec::new(), &[], None).unwrap();
        let (error, detail) = trust.tls().unwrap_err();
        assert_eq!(error, ConnectError::Tls);
        assert!(detail.contains("`webpki-roots`"), "{detail}");
    }

    #[test]
    fn pem_without_a_certificate_or_a_key_is_an_error() {
        let pem = |chain: &[u8], key: &[u8]| ClientCertificate::from_pem(chain, key);
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(pem(b"", key).is_err() && pem(certificate, b"").is_err());
        assert!(pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n", key).is_err());
        let both = [&certificate[..], key].concat();
        let shown = format!("{:?}", pem(&both, &both).unwrap());
        assert_eq!(shown, "ClientCertificate { chain: 1, .. }");
    }
}
