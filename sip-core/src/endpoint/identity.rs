//! The names of an endpoint on the wire, which go into every message.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::ops::Deref;

use rand_core::CryptoRng;
use sip_parse::{Scheme, Uri, UriBuf, text};

use super::settings::IdentitySettings;
use crate::rand::token;
use crate::share::share;

/// The anonymous From URI (RFC 3323 section 4.1.1.3).
pub(crate) const ANONYMOUS: &[u8] = b"sip:anonymous@anonymous.invalid";

/// The names that an agent keeps for its whole life. The core draws those that the configuration leaves out.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Identity {
    pub(crate) aor: Arc<UriBuf>,
    /// The Contact, then the instance.
    names: Box<str>,
    contact_end: u32,
    /// Whether the core has drawn the user part of the Contact, so that no other agent has it.
    draws_user: bool,
    /// `None` without a GRUU.
    gruus: Option<Box<Gruus>>,
    domain: Arc<Domain>,
}

/// The GRUUs of an agent (RFC 5627 section 3.1.1), which last as long as the binding.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
struct Gruus {
    /// Reaches this agent from anywhere.
    public: Option<UriBuf>,
    temporary: Option<UriBuf>,
}

/// The names that the agents of a domain share.
pub(crate) struct Domain {
    /// The address-of-record without its user: the host that completes a target without one.
    pub(crate) home: UriBuf,
    /// The Request-URI of REGISTER: the address-of-record's host, or `registrarServer`.
    pub(crate) registrar: UriBuf,
    /// The value of Supported.
    pub(crate) supported: String,
    /// `;ob` if outbound is supported: it marks the Contact of a dialog-forming message (RFC 5626 section
    /// 4.3).
    flow_marker: &'static str,
}

/// Byte by byte, because they go into messages.
impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.home.as_bytes() == other.home.as_bytes()
            && self.registrar.as_bytes() == other.registrar.as_bytes()
            && self.supported == other.supported
            && self.flow_marker == other.flow_marker
    }
}

impl Deref for Identity {
    type Target = Domain;

    fn deref(&self) -> &Domain {
        &self.domain
    }
}

impl Identity {
    pub(crate) fn new(settings: &IdentitySettings, rng: &mut dyn CryptoRng) -> Self {
        let aor = settings.address_of_record.as_uri().tidied();
        let uri = aor.as_uri();
        let home = without_user(&aor);
        let registrar = settings.registrar.as_ref().unwrap_or(&home);
        let registrar = registrar.as_uri().tidied();
        let contact_user = match &settings.contact_user {
            Some(user) => user.clone(),
            None => token(rng, 13).into(),
        };
        let host = match &settings.host {
            Some(host) => host.clone(),
            None => format!("{}.invalid", token(rng, 13)).into(),
        };
        let scheme = if uri.scheme() == Scheme::Sips {
            "sips"
        } else {
            "sip"
        };
        let transport = match &settings.contact_transport {
            Some(transport) => format!(";transport={transport}"),
            None => String::new(),
        };
        let supported = settings.supported.join(", ");
        // RFC 5626 section 4.3: only an agent that supports outbound marks its Contact as a flow.
        let outbound = settings.supported.iter().any(|tag| &**tag == "outbound");
        let flow_marker = if outbound { ";ob" } else { "" };
        let mut names = String::with_capacity(128);
        for part in ["<", scheme, ":", &contact_user, "@", &host, &transport, ">"] {
            names.push_str(part);
        }
        let contact_end = names.len() as u32;
        match &settings.instance {
            Some(instance) => names.push_str(instance),
            None => names.push_str(&uuid(rng)),
        }
        Self {
            names: names.into(),
            contact_end,
            draws_user: settings.contact_user.is_none(),
            gruus: None,
            domain: Arc::new(Domain {
                home,
                registrar,
                supported,
                flow_marker,
            }),
            aor: Arc::new(aor),
        }
    }

    /// Keeps the address-of-record that the configuration has, if it has the same text.
    pub(crate) fn share_address(&mut self, address: &Arc<UriBuf>) {
        if self.aor.as_bytes() == address.as_bytes() {
            self.aor.clone_from(address);
        }
    }

    /// `<sip:user@host;transport=ws>`.
    pub(crate) fn contact(&self) -> &str {
        self.names
            .get(..self.contact_end as usize)
            .unwrap_or_default()
    }

    /// The UUID of RFC 5626 section 4.1, without `urn:uuid:`.
    pub(crate) fn instance(&self) -> &str {
        self.names
            .get(self.contact_end as usize..)
            .unwrap_or_default()
    }

    /// Whether a user part without escapes is that of the Contact: escaped and plain forms are equal (RFC 3261 section 19.1.4).
    fn is_contact_user(&self, user: &[u8]) -> bool {
        let contact = self.contact().trim_matches(['<', '>']);
        // Almost every one has neither escapes nor a password, so that its text is compared.
        let text = contact
            .split_once(':')
            .and_then(|(_, rest)| rest.rsplit_once('@'));
        if let Some((own, _)) = text.filter(|(own, _)| !own.contains(['%', ':'])) {
            return own.as_bytes() == user;
        }
        let contact = Uri::parse(contact.as_bytes());
        let own = contact.as_ref().ok().and_then(Uri::user_unescaped);
        *own.unwrap_or_default() == *user
    }

    /// Takes the GRUUs of a binding, or removes them with it (RFC 5627 section 4.2). The public one becomes
    /// the Contact of dialog-forming messages (section 4.4); without one it is the agent's own, marked as a
    /// flow (RFC 5626 section 4.3).
    pub(crate) fn set_gruu(&mut self, public: Option<UriBuf>, temporary: Option<UriBuf>) {
        let any = public.is_some() || temporary.is_some();
        self.gruus = any.then(|| Box::new(Gruus { public, temporary }));
    }

    /// The public GRUU, which reaches this agent from anywhere (RFC 5627 section 3.1.1).
    pub(crate) fn gruu(&self) -> Option<&UriBuf> {
        self.gruus.as_ref()?.public.as_ref()
    }

    fn temporary_gruu(&self) -> Option<&UriBuf> {
        self.gruus.as_ref()?.temporary.as_ref()
    }

    /// Sent-by of Via and host of Contact (RFC 7118 appendix B.1), with its port.
    pub(crate) fn host(&self) -> &str {
        let (_, host) = self.contact().rsplit_once('@').unwrap_or_default();
        host.split([';', '>']).next().unwrap_or_default()
    }

    /// Shares the names of another agent's domain, if both are equal; returns whether they are.
    pub(crate) fn share_domain(&mut self, other: &Self) -> bool {
        share(&mut self.domain, &other.domain)
    }

    /// The own Contact, marked as a flow, with another user part if one is given.
    fn marked_contact(&self, user: Option<&str>) -> String {
        let contact = self.contact().trim_end_matches('>');
        let mut marked = String::with_capacity(contact.len() + 16);
        match (user, contact.split_once(':'), contact.rsplit_once('@')) {
            (Some(user), Some((scheme, _)), Some((_, host))) => {
                for part in [scheme, ":", user, "@", host] {
                    marked.push_str(part);
                }
            }
            _ => marked.push_str(contact),
        }
        marked.push_str(self.flow_marker);
        marked.push('>');
        marked
    }

    /// The Contact for a peer that knows the agent by the URI `local`. `secure` makes it a SIPS URI (RFC 3261 sections
    /// 8.1.1.8 and 12.1.1), which for a GRUU is the same with another scheme (RFC 5627 section 3.1).
    pub(crate) fn contact_as(&self, local: &[u8], secure: bool) -> String {
        let anonymous = local == ANONYMOUS;
        let gruu = if anonymous {
            self.temporary_gruu()
        } else {
            self.gruu()
        };
        let contact = match gruu {
            Some(gruu) => format!("<{gruu}>"),
            // Without the agent's name while there is no temporary GRUU.
            None => self.marked_contact(anonymous.then_some("anonymous")),
        };
        match contact.strip_prefix("<sip:") {
            Some(rest) if secure => ["<sips:", rest].concat(),
            _ => contact,
        }
    }

    /// The value of Supported in a REGISTER (RFC 3327 section 5.1, RFC 5626 section 4.2.1).
    pub(crate) fn supported_in_register(&self, outbound: bool) -> String {
        let mut supported = "path".to_string();
        let tags = self.supported.split(", ");
        for tag in tags.filter(|tag| outbound || !tag.eq_ignore_ascii_case("outbound")) {
            supported.push_str(", ");
            supported.push_str(tag);
        }
        supported
    }

    /// Whether a URI is in the domain of the account: that of the address-of-record, or that of the registrar.
    pub(crate) fn is_in_own_domain(&self, uri: &[u8]) -> bool {
        let Ok(uri) = Uri::parse(uri) else {
            return false;
        };
        let domains = [&*self.aor, &self.registrar].map(|own| own.as_uri().host_bytes());
        let mut domains = domains.iter();
        domains.any(|own| own.eq_ignore_ascii_case(uri.host_bytes()))
    }

    /// Whether a URI has the user part that the core has drawn for this agent.
    pub(crate) fn has_drawn_user(&self, uri: &sip_parse::Uri<'_>) -> bool {
        let user = uri.user_unescaped();
        self.draws_user && user.is_some_and(|user| self.is_contact_user(&user))
    }

    /// Whether a Request-URI names this agent. With a user part, it must be that of the address-of-record or
    /// of the Contact; the host is ignored, because servers rewrite it. Without a user part, the host must be
    /// that of the address-of-record or of the Contact.
    pub(crate) fn is_ours(&self, uri: &sip_parse::Uri<'_>) -> bool {
        match uri.user_unescaped() {
            Some(user) => {
                let temporary = self.temporary_gruu();
                let temporary = temporary.and_then(|gruu| gruu.as_uri().user_unescaped());
                let own = self.aor.as_uri().user_unescaped();
                let ours = *user == *own.unwrap_or_default()
                    || self.is_contact_user(&user)
                    || temporary.is_some_and(|temporary| *user == *temporary);
                ours && self.names_this_instance(uri)
            }
            None => {
                let host = uri.host_bytes();
                host.eq_ignore_ascii_case(self.aor.as_uri().host_bytes())
                    || host.eq_ignore_ascii_case(self.host().as_bytes())
            }
        }
    }
}

impl Identity {
    /// RFC 5627 section 4.4: a GRUU of another instance of the same user names another agent.
    fn names_this_instance(&self, uri: &sip_parse::Uri<'_>) -> bool {
        let own = self.gruu().and_then(|gruu| gruu.as_uri().param(b"gr"));
        match (uri.param(b"gr"), own) {
            (Some(theirs), Some(own)) => theirs.eq_ignore_ascii_case(own),
            _ => true,
        }
    }
}

/// `registrarServer` defaults to the URI without its user; port and parameters stay.
fn without_user(aor: &UriBuf) -> UriBuf {
    let full = aor.as_bytes();
    let host = full
        .iter()
        .position(|&byte| byte == b'@')
        .map_or(full, |at| &full[at + 1..]);
    let scheme = if aor.as_uri().scheme() == Scheme::Sips {
        "sips"
    } else {
        "sip"
    };
    UriBuf::parse(format!("{scheme}:{}", text(host)).as_bytes()).unwrap_or_else(|_| aor.clone())
}

/// A random UUID of version 4 (RFC 9562 section 5.4).
fn uuid(rng: &mut dyn CryptoRng) -> String {
    let (high, low) = (rng.next_u64(), rng.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}
