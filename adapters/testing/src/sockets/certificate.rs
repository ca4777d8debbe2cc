//! Certificates for a TLS server on this machine and for its clients.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

type Root = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key.
pub type Certified = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn root() -> Root {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap()
}

fn issue(root: &Root, name: &str) -> Certified {
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, root)
        .unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    (vec![leaf.der().clone()], key.into())
}

/// A server configuration; `clients` issued the certificates that clients must have, if they must.
fn server((chain, key): Certified, clients: Option<&Root>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        Some(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => config.with_no_client_auth(),
    };
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

/// A server configuration with a certificate for `name`, and the root that issued it.
pub fn certificate(name: &str) -> (Arc<ServerConfig>, CertificateDer<'static>) {
    let root = root();
    (server(issue(&root, name), None), root.der().clone())
}

/// As [`certificate`], of a server that requires a client certificate; one that it accepts, and one of another issuer.
pub fn mutual(name: &str) -> (Arc<ServerConfig>, CertificateDer<'static>, [Certified; 2]) {
    let (servers, clients, others) = (root(), root(), root());
    let config = server(issue(&servers, name), Some(&clients));
    let certified = [&clients, &others].map(|root| issue(root, "alice.example.com"));
    (config, servers.der().clone(), certified)
}
