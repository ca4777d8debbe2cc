//! The names of an endpoint on the wire, which go into every message.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

use rand_core::CryptoRng;
use sip_parse::{Scheme, Uri, UriBuf, text};

use super::settings::IdentitySettings;
use crate::rand::token;

/// The anonymous From URI (RFC 3323 section 4.1.1.3).
pub(crate) const ANONYMOUS: &[u8] = b"sip:anonymous@anonymous.invalid";

/// The names that an agent keeps for its whole life. The core draws those that the configuration leaves out.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Identity {
    pub(crate) aor: UriBuf,
    /// The address-of-record without its user: the host that completes a target without one.
    pub(crate) home: UriBuf,
    /// The user part of the address-of-record, unescaped: requests to it are for this agent.
    pub(crate) user: Box<str>,
    /// The Request-URI of REGISTER: the address-of-record's host, or `registrarServer`.
    pub(crate) registrar: UriBuf,
    /// The user part of the agent's Contact, unescaped.
    contact_user: Box<[u8]>,
    /// Whether the core has drawn that user part, so that no other agent has it.
    draws_user: bool,
    /// Sent-by of Via and host of Contact (RFC 7118 appendix B.1).
    pub(crate) host: Box<str>,
    /// `<sip:user@host;transport=ws>`.
    pub(crate) contact: Box<str>,
    /// `;ob` if outbound is supported: it marks the Contact of a dialog-forming message (RFC 5626 section
    /// 4.3).
    flow_marker: &'static str,
    /// The Contact of a dialog-forming message: the marked one, or the public GRUU.
    dialog_contact: String,
    /// A Contact without the agent's name, for use while there is no temporary GRUU.
    anonymous_contact: String,
    /// The UUID of RFC 5626 section 4.1, without `urn:uuid:`.
    pub(crate) instance: Box<str>,
    /// The value of Supported, which an answer keeps while the endpoint sends it.
    pub(crate) supported: Arc<str>,
    /// The public GRUU, which reaches this agent from anywhere (RFC 5627 section 3.1.1); it lasts as long as
    /// the binding.
    pub(crate) gruu: Option<UriBuf>,
    temporary_gruu: Option<UriBuf>,
}

impl Identity {
    pub(crate) fn new(settings: &IdentitySettings, rng: &mut dyn CryptoRng) -> Self {
        let aor = settings.address_of_record.as_uri().tidied();
        let uri = aor.as_uri();
        let user = uri.user_unescaped();
        let user = String::from_utf8_lossy(user.as_deref().unwrap_or_default()).into_owned();
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
        let uri_text = format!("{scheme}:{contact_user}@{host}{transport}");
        let supported = settings.supported.join(", ");
        // RFC 5626 section 4.3: only an agent that supports outbound marks its Contact as a flow.
        let outbound = settings.supported.iter().any(|tag| &**tag == "outbound");
        let flow_marker = if outbound { ";ob" } else { "" };
        let contact: Box<str> = format!("<{uri_text}>").into();
        Self {
            anonymous_contact: format!("<{scheme}:anonymous@{host}{transport}{flow_marker}>"),
            user: user.into(),
            registrar,
            home,
            contact_user: unescaped_user(&uri_text),
            draws_user: settings.contact_user.is_none(),
            dialog_contact: format!("<{uri_text}{flow_marker}>"),
            flow_marker,
            contact,
            host,
            instance: match &settings.instance {
                Some(instance) => instance.clone(),
                None => uuid(rng).into(),
            },
            supported: supported.into(),
            gruu: None,
            temporary_gruu: None,
            aor,
        }
    }

    /// Takes the GRUUs of a binding, or removes them with it (RFC 5627 section 4.2). The public one becomes
    /// the Contact of dialog-forming messages (section 4.4); without one it is the agent's own, marked as a
    /// flow (RFC 5626 section 4.3).
    pub(crate) fn set_gruu(&mut self, public: Option<UriBuf>, temporary: Option<UriBuf>) {
        self.dialog_contact = match &public {
            Some(gruu) => format!("<{gruu}>"),
            None => format!(
                "{}{}>",
                self.contact.trim_end_matches('>'),
                self.flow_marker
            ),
        };
        (self.gruu, self.temporary_gruu) = (public, temporary);
    }

    /// The Contact for a peer that knows the agent by the URI `local`. `secure` makes it a SIPS URI (RFC 3261 sections
    /// 8.1.1.8 and 12.1.1), which for a GRUU is the same with another scheme (RFC 5627 section 3.1).
    pub(crate) fn contact_as(&self, local: &[u8], secure: bool) -> Cow<'_, str> {
        let contact = match &self.temporary_gruu {
            _ if local != ANONYMOUS => Cow::Borrowed(&*self.dialog_contact),
            Some(gruu) => Cow::Owned(format!("<{gruu}>")),
            None => Cow::Borrowed(&*self.anonymous_contact),
        };
        match contact.strip_prefix("<sip:") {
            Some(rest) if secure => Cow::Owned(["<sips:", rest].concat()),
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
        let domains = [&self.aor, &self.registrar].map(|own| own.as_uri().host_bytes());
        let mut domains = domains.iter();
        domains.any(|own| own.eq_ignore_ascii_case(uri.host_bytes()))
    }

    /// Whether a URI has the user part that the core has drawn for this agent.
    pub(crate) fn has_drawn_user(&self, uri: &sip_parse::Uri<'_>) -> bool {
        let user = uri.user_unescaped();
        self.draws_user && user.is_some_and(|user| *user == *self.contact_user)
    }

    /// Whether a Request-URI names this agent. With a user part, it must be that of the address-of-record or
    /// of the Contact; the host is ignored, because servers rewrite it. Without a user part, the host must be
    /// that of the address-of-record or of the Contact.
    pub(crate) fn is_ours(&self, uri: &sip_parse::Uri<'_>) -> bool {
        match uri.user_unescaped() {
            Some(user) => {
                let temporary = self.temporary_gruu.as_ref();
                let temporary = temporary.and_then(|gruu| gruu.as_uri().user_unescaped());
                let ours = *user == *self.user.as_bytes()
                    || *user == *self.contact_user
                    || temporary.is_some_and(|temporary| *user == *temporary);
                ours && self.names_this_instance(uri)
            }
            None => {
                let host = uri.host_bytes();
                host.eq_ignore_ascii_case(self.aor.as_uri().host_bytes())
                    || host.eq_ignore_ascii_case(self.host.as_bytes())
            }
        }
    }
}

impl Identity {
    /// RFC 5627 section 4.4: a GRUU of another instance of the same user names another agent.
    fn names_this_instance(&self, uri: &sip_parse::Uri<'_>) -> bool {
        let own = self
            .gruu
            .as_ref()
            .and_then(|gruu| gruu.as_uri().param(b"gr"));
        match (uri.param(b"gr"), own) {
            (Some(theirs), Some(own)) => theirs.eq_ignore_ascii_case(own),
            _ => true,
        }
    }
}

/// The user part of a URI without its escapes, because escaped and plain forms are equal (RFC 3261 section
/// 19.1.4).
fn unescaped_user(uri: &str) -> Box<[u8]> {
    let uri = UriBuf::parse(uri.as_bytes());
    let user = uri
        .ok()
        .and_then(|uri| uri.as_uri().user_unescaped().map(|user| user.into_owned()));
    user.unwrap_or_default().into()
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
