//! A server or proxy that computes every digest by itself, from RFC 7616 section 3.4, and panics on an error.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use sip_parse::{HeaderName, Request};

use sip_testing::values;

/// The digest of `text` in hexadecimal digits, by the hash function of an algorithm.
pub(crate) fn hash(algorithm: &str, text: &[u8]) -> String {
    let bytes = match algorithm.trim_end_matches("-sess") {
        "MD5" => Md5::digest(text).to_vec(),
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-512-256" => Sha512_256::digest(text).to_vec(),
        other => panic!("no such algorithm: {other}"),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parameters of a Digest value, quotes kept.
pub(crate) fn parameters(value: &str) -> Vec<(String, String)> {
    let rest = value.strip_prefix("Digest ").expect("the scheme");
    let (mut pairs, mut pair, mut quoted) = (Vec::new(), String::new(), false);
    for character in rest.chars().chain([',']) {
        if character == ',' && !quoted {
            let (name, value) = pair.trim().split_once('=').expect("name=value");
            pairs.push((name.to_owned(), value.to_owned()));
            pair.clear();
        } else {
            quoted ^= character == '"';
            pair.push(character);
        }
    }
    pairs
}

/// Challenges and checks the requests of one user for one realm.
pub(crate) struct Server {
    pub(crate) realm: &'static str,
    pub(crate) proxy: bool,
    pub(crate) algorithm: &'static str,
    /// As offered; empty for none.
    pub(crate) qop: &'static str,
    pub(crate) userhash: bool,
    nonce: String,
    /// The nonce count that was used last with the nonce.
    count: u32,
    /// The first nonce and the client's nonce with it, to which a `-sess` key is bound.
    session: Option<(String, String)>,
    /// The client's nonce, the count and the `uri` that were checked last.
    last: (String, String, String),
}

impl Server {
    pub(crate) fn new(realm: &'static str, algorithm: &'static str, qop: &'static str) -> Self {
        Self {
            realm,
            proxy: false,
            algorithm,
            qop,
            userhash: false,
            nonce: String::new(),
            count: 0,
            session: None,
            last: Default::default(),
        }
    }

    pub(crate) fn proxy(realm: &'static str, algorithm: &'static str, qop: &'static str) -> Self {
        Self {
            proxy: true,
            ..Self::new(realm, algorithm, qop)
        }
    }

    /// 401 or 407.
    pub(crate) fn status(&self) -> u16 {
        if self.proxy { 407 } else { 401 }
    }

    /// The header field of a challenge with a new nonce.
    pub(crate) fn challenge(&mut self, nonce: &str, stale: bool) -> (&'static str, String) {
        self.takes(nonce);
        self.session = None;
        let name = if self.proxy {
            "Proxy-Authenticate"
        } else {
            "WWW-Authenticate"
        };
        let mut value = format!(
            "Digest realm=\"{}\", nonce=\"{nonce}\", algorithm={}, opaque=\"op,aque\"",
            self.realm, self.algorithm
        );
        if !self.qop.is_empty() {
            value += &format!(", qop=\"{}\"", self.qop);
        }
        if stale {
            value += ", stale=true";
        }
        if self.userhash {
            value += ", userhash=true";
        }
        (name, value)
    }

    /// The client has to use this nonce from now on, from count 1.
    pub(crate) fn takes(&mut self, nonce: &str) {
        self.nonce = nonce.to_owned();
        self.count = 0;
    }

    /// The value of the field with the client's credentials, if the request has them.
    pub(crate) fn credentials(&self, request: &Request) -> Option<String> {
        let field = if self.proxy {
            HeaderName::ProxyAuthorization
        } else {
            HeaderName::Authorization
        };
        let realm = format!("\"{}\"", self.realm);
        let of_realm = |value: &String| {
            let mut pairs = parameters(value).into_iter();
            pairs.any(|(name, value)| name == "realm" && value == realm)
        };
        let mut found = values(request, field).into_iter().filter(of_realm);
        let first = found.next();
        assert_eq!(found.next(), None, "one answer for each realm");
        first
    }

    /// The request proves that its sender knows the password; returns the nonce count.
    pub(crate) fn check(&mut self, request: &Request) -> u32 {
        let value = self.credentials(request).expect("credentials");
        let pairs = parameters(&value);
        let raw = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted);
            let first = found.next().map(|(_, value)| value.as_str());
            assert_eq!(found.next(), None, "{wanted} twice");
            first
        };
        let quoted = |name: &str| {
            let value = raw(name).unwrap_or_else(|| panic!("no {name} in {value}"));
            let inner = value
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            inner
                .unwrap_or_else(|| panic!("{name} goes in quotes"))
                .to_owned()
        };
        let name = if self.userhash {
            assert_eq!(raw("userhash"), Some("true"));
            hash(self.algorithm, format!("alice:{}", self.realm).as_bytes())
        } else {
            "alice".to_owned()
        };
        assert_eq!(quoted("username"), name);
        assert_eq!(quoted("nonce"), self.nonce);
        assert_eq!(quoted("opaque"), "op,aque");
        assert_eq!(raw("algorithm"), Some(self.algorithm), "without quotes");
        let uri = quoted("uri");
        assert_eq!(
            uri.as_bytes(),
            request.uri_bytes(),
            "the Request-URI as it is sent"
        );

        let secret = format!("alice:{}:wonderland", self.realm);
        let mut a1 = hash(self.algorithm, secret.as_bytes());
        let mut a2 = format!("{}:{uri}", request.method());
        let protection = if self.qop.is_empty() {
            assert_eq!((raw("qop"), raw("nc"), raw("cnonce")), (None, None, None));
            self.count += 1;
            self.last = Default::default();
            String::new()
        } else {
            let (qop, nc) = (raw("qop").expect("qop"), raw("nc").expect("nc"));
            assert!(self.qop.split(',').any(|offered| offered == qop), "{qop}");
            assert_eq!(nc.len(), 8);
            let count = u32::from_str_radix(nc, 16).expect("hexadecimal digits");
            assert_eq!(count, self.count + 1, "each use of the nonce is counted");
            self.count = count;
            let cnonce = quoted("cnonce");
            if self.algorithm.ends_with("-sess") {
                let first = (self.nonce.clone(), cnonce.clone());
                let (nonce, first) = self.session.get_or_insert(first);
                a1 = hash(self.algorithm, format!("{a1}:{nonce}:{first}").as_bytes());
            }
            if qop == "auth-int" {
                a2 = format!("{a2}:{}", hash(self.algorithm, request.body()));
            }
            self.last = (cnonce.clone(), nc.to_owned(), uri);
            format!("{nc}:{cnonce}:{qop}:")
        };
        let a2 = hash(self.algorithm, a2.as_bytes());
        let whole = format!("{a1}:{}:{protection}{a2}", self.nonce);
        assert_eq!(quoted("response"), hash(self.algorithm, whole.as_bytes()));
        self.count
    }

    /// The Authentication-Info of the response to the request that was checked last, by a server whose
    /// user's password is `password` (RFC 7616 section 3.5: A2 has no method).
    pub(crate) fn proof(&self, password: &str, next: &str) -> String {
        let (cnonce, nc, uri) = &self.last;
        let secret = format!("alice:{}:{password}", self.realm);
        let a1 = hash(self.algorithm, secret.as_bytes());
        let a2 = hash(self.algorithm, format!(":{uri}").as_bytes());
        let whole = format!("{a1}:{}:{nc}:{cnonce}:auth:{a2}", self.nonce);
        let proof = hash(self.algorithm, whole.as_bytes());
        format!("rspauth=\"{proof}\", cnonce=\"{cnonce}\", nc={nc}, qop=auth, nextnonce=\"{next}\"")
    }
}
