//! The registrations of a resource: reginfo (RFC 3680).
//!
//! ```
//! use sip_core::package::reginfo::{Binding, BindingEvent, RegInfo, Registration};
//! use sip_core::package::DocumentState;
//!
//! let registration = Registration::new("sip:bob@example.com", "a1")
//!     .binding(Binding::new("b1", "sip:bob@192.0.2.4", BindingEvent::Registered));
//! let document = RegInfo::new(0, DocumentState::Full).registration(registration);
//! assert_eq!(document.to_string(), "sip:bob@example.com: 1 contact");
//! assert_eq!(RegInfo::from_body(&document.to_body())?, document);
//! # Ok::<(), sip_core::package::PackageError>(())
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::decimal::{self, thousandths};
use super::error::PackageError;
use super::partial::{self, DocumentState, Step, UpdateError, UpdateOutcome};
use super::xml::{self, Element, Root, Writer};
use crate::body::Body;

const ROOT: Root = Root {
    namespace: "urn:ietf:params:xml:ns:reginfo",
    name: "reginfo",
};
const INFO: &str = ROOT.namespace;

/// The most addresses-of-record of one document.
const MOST_REGISTRATIONS: usize = 1_024;

/// The most contacts of one document, of all addresses-of-record together.
const MOST_BINDINGS: usize = 2_048;

/// The state of an address-of-record (RFC 3680 section 4.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RegistrationState {
    /// `init`: it has no contacts.
    Init,
    /// `active`: it has contacts.
    Active,
    /// `terminated`: its last contact is gone.
    Terminated,
}

impl RegistrationState {
    const ALL: [Self; 3] = [Self::Init, Self::Active, Self::Terminated];

    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Active => "active",
            Self::Terminated => "terminated",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| name.eq_ignore_ascii_case(state.name()))
    }
}

/// What happened last to a contact (RFC 3680 section 4.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum BindingEvent {
    /// `registered`: by a REGISTER.
    Registered,
    /// `created`: by an administrator.
    Created,
    /// `refreshed`.
    Refreshed,
    /// `shortened`: an administrator ends it sooner, so that it registers again.
    Shortened,
    /// `expired`.
    Expired,
    /// `deactivated`: it may register again at once.
    Deactivated,
    /// `probation`: it may register again after `retry_after`.
    Probation,
    /// `unregistered`: by a REGISTER.
    Unregistered,
    /// `rejected`: it may not register again.
    Rejected,
}

impl BindingEvent {
    const ALL: [Self; 9] = [
        Self::Registered,
        Self::Created,
        Self::Refreshed,
        Self::Shortened,
        Self::Expired,
        Self::Deactivated,
        Self::Probation,
        Self::Unregistered,
        Self::Rejected,
    ];

    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Created => "created",
            Self::Refreshed => "refreshed",
            Self::Shortened => "shortened",
            Self::Expired => "expired",
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Unregistered => "unregistered",
            Self::Rejected => "rejected",
        }
    }

    /// Whether the contact is there after it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Registered | Self::Created | Self::Refreshed | Self::Shortened
        )
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|event| name.eq_ignore_ascii_case(event.name()))
    }
}

/// A contact of an address-of-record (RFC 3680 section 5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The identifier, which stays the same from document to document.
    pub id: String,
    /// The URI.
    pub uri: String,
    /// Whether it is there: `active`, else `terminated`.
    pub active: bool,
    /// What happened last to it.
    pub event: BindingEvent,
    /// How long it is registered, in seconds.
    pub duration_registered: Option<u32>,
    /// When it expires, in seconds from now.
    pub expires: Option<u32>,
    /// When it may register again after [`BindingEvent::Probation`], in seconds.
    pub retry_after: Option<u32>,
    /// The preference in thousandths, 0 to 1,000.
    pub q: Option<u16>,
    /// The Call-ID of its REGISTER.
    pub call_id: Option<String>,
    /// The CSeq number of its REGISTER.
    pub cseq: Option<u32>,
    /// The display name.
    pub display_name: Option<String>,
    /// Parameters of the Contact of which the document has no attribute.
    pub unknown_params: Vec<(String, String)>,
}

impl Binding {
    /// A contact after an event, which decides whether it is there.
    #[must_use]
    pub fn new(id: impl Into<String>, uri: impl Into<String>, event: BindingEvent) -> Self {
        Self {
            id: id.into(),
            uri: uri.into(),
            active: event.is_active(),
            event,
            duration_registered: None,
            expires: None,
            retry_after: None,
            q: None,
            call_id: None,
            cseq: None,
            display_name: None,
            unknown_params: Vec::new(),
        }
    }

    fn read(element: Element<'_>) -> Result<Self, PackageError> {
        let id = element.required("id", "the identifier of a contact")?;
        let uri = element.text_of(INFO, "uri");
        let uri = uri.ok_or_else(|| element.missing("the URI of a contact"))?;
        let event = element.required("event", "the event of a contact")?;
        let event = BindingEvent::named(event)
            .ok_or_else(|| element.malformed("the event of a contact"))?;
        let state = element.required("state", "the state of a contact")?;
        let active = match state {
            state if state.eq_ignore_ascii_case("active") => true,
            state if state.eq_ignore_ascii_case("terminated") => false,
            _ => return Err(element.malformed("the state of a contact")),
        };
        let number = |name| element.attribute(name)?.parse().ok();
        let params = element.each(INFO, "unknown-param");
        Ok(Self {
            active,
            duration_registered: number("duration-registered"),
            expires: number("expires"),
            retry_after: number("retry-after"),
            q: element.attribute("q").and_then(thousandths),
            call_id: element.owned("callid"),
            cseq: number("cseq"),
            display_name: element.text_of(INFO, "display-name"),
            unknown_params: params
                .filter_map(|param| Some((param.owned("name")?, param.text())))
                .collect(),
            ..Self::new(id, uri, event)
        })
    }

    fn write(&self, writer: &mut Writer) {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        writer.begin("contact");
        writer.attribute("id", &self.id);
        let state = if self.active { "active" } else { "terminated" };
        writer.attribute("state", state);
        writer.attribute("event", self.event.name());
        for (name, value) in [
            ("duration-registered", number(self.duration_registered)),
            ("expires", number(self.expires)),
            ("retry-after", number(self.retry_after)),
            ("q", self.q.map(decimal::text)),
            ("callid", self.call_id.clone()),
            ("cseq", number(self.cseq)),
        ] {
            writer.optional(name, value.as_deref());
        }
        writer.element("uri", &self.uri);
        if let Some(name) = &self.display_name {
            writer.element("display-name", name);
        }
        for (name, value) in &self.unknown_params {
            writer.begin("unknown-param");
            writer.attribute("name", name);
            writer.text(value);
            writer.end();
        }
        writer.end();
    }
}

/// An address-of-record and its contacts (RFC 3680 section 5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    /// The URI.
    pub aor: String,
    /// The identifier, which stays the same from document to document.
    pub id: String,
    /// The state.
    pub state: RegistrationState,
    /// The contacts.
    pub bindings: Vec<Binding>,
}

impl Registration {
    /// An address-of-record without contacts.
    #[must_use]
    pub fn new(aor: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            aor: aor.into(),
            id: id.into(),
            state: RegistrationState::Init,
            bindings: Vec::new(),
        }
    }

    /// Adds a contact, and sets the state that follows: `active` with any active contact, else `terminated`.
    #[must_use]
    pub fn binding(mut self, binding: Binding) -> Self {
        self.bindings.push(binding);
        self.state = if self.bindings.iter().any(|binding| binding.active) {
            RegistrationState::Active
        } else {
            RegistrationState::Terminated
        };
        self
    }

    fn read(element: Element<'_>, room: usize) -> Result<Self, PackageError> {
        let aor = element.required("aor", "the address-of-record of a registration")?;
        let id = element.required("id", "the identifier of a registration")?;
        let state = element.required("state", "the state of a registration")?;
        let state = RegistrationState::named(state)
            .ok_or_else(|| element.malformed("the state of a registration"))?;
        let mut registration = Self::new(aor, id);
        registration.state = state;
        for contact in element.each(INFO, "contact") {
            if registration.bindings.len() == room {
                return Err(PackageError::TooMany {
                    what: "contacts",
                    limit: MOST_BINDINGS,
                });
            }
            registration.bindings.push(Binding::read(contact)?);
        }
        Ok(registration)
    }

    fn write(&self, writer: &mut Writer) {
        writer.begin("registration");
        writer.attribute("aor", &self.aor);
        writer.attribute("id", &self.id);
        writer.attribute("state", self.state.name());
        for binding in &self.bindings {
            binding.write(writer);
        }
        writer.end();
    }

    /// Takes the changes of a partial document. A contact that has ended is there until the next document.
    fn merge(&mut self, received: Self) {
        let changed = |id: &str| received.bindings.iter().any(|binding| binding.id == id);
        self.bindings
            .retain(|binding| binding.active && !changed(&binding.id));
        self.aor = received.aor;
        self.state = received.state;
        self.bindings.extend(received.bindings);
    }
}

/// A reginfo document (RFC 3680).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegInfo {
    /// Its number: each document of a subscription has the next one.
    pub version: u32,
    /// Whether it has all registrations or those that changed.
    pub state: DocumentState,
    /// The addresses-of-record.
    pub registrations: Vec<Registration>,
}

impl RegInfo {
    /// The media type.
    pub const CONTENT_TYPE: &'static str = "application/reginfo+xml";

    /// A document without registrations.
    #[must_use]
    pub fn new(version: u32, state: DocumentState) -> Self {
        Self {
            version,
            state,
            registrations: Vec::new(),
        }
    }

    /// Adds an address-of-record.
    #[must_use]
    pub fn registration(mut self, registration: Registration) -> Self {
        self.registrations.push(registration);
        self
    }

    /// Takes a later document of the same subscription into this one, which holds the known state (RFC 3680 section 5.2). A
    /// contact or registration that has ended is there until the next document.
    ///
    /// # Errors
    /// [`UpdateError`]; the known state is as before then. After [`UpdateError::Gap`] the application refreshes the subscription.
    pub fn apply(&mut self, received: Self) -> Result<UpdateOutcome, UpdateError> {
        match partial::step(self.version, received.version, received.state)? {
            Step::Ignore => return Ok(UpdateOutcome::Outdated),
            Step::Replace => *self = received,
            Step::Merge => self.merge(received)?,
        }
        Ok(UpdateOutcome::Applied)
    }

    fn merge(&mut self, received: Self) -> Result<(), UpdateError> {
        let version = received.version;
        let mut merged = self.registrations.clone();
        merged.retain(|known| known.state != RegistrationState::Terminated);
        for known in &mut merged {
            known.bindings.retain(|binding| binding.active);
        }
        for registration in received.registrations {
            let known = merged.iter_mut().find(|known| known.id == registration.id);
            match known {
                Some(known) => known.merge(registration),
                None => merged.push(registration),
            }
        }
        let bindings = merged
            .iter()
            .map(|registration| registration.bindings.len());
        for (what, count, limit) in [
            ("registrations", merged.len(), MOST_REGISTRATIONS),
            ("contacts", bindings.sum(), MOST_BINDINGS),
        ] {
            if count > limit {
                return Err(UpdateError::TooMany { what, limit });
            }
        }
        self.registrations = merged;
        self.version = version;
        Ok(())
    }

    /// Reads a document. Elements of other namespaces are ignored, and so is a malformed value that a document may leave out.
    ///
    /// # Errors
    /// [`PackageError`] if the body has another type or encoding, is no well-formed XML, is beyond the bounds, or lacks a version,
    /// a state, an identifier or a URI.
    pub fn from_body(body: &Body) -> Result<Self, PackageError> {
        xml::read(body, Self::CONTENT_TYPE, ROOT, |root| {
            let (version, state) = partial::header(root)?;
            let mut info = Self::new(version, state);
            let mut room = MOST_BINDINGS;
            for element in root.each(INFO, "registration") {
                if info.registrations.len() == MOST_REGISTRATIONS {
                    return Err(PackageError::TooMany {
                        what: "registrations",
                        limit: MOST_REGISTRATIONS,
                    });
                }
                let registration = Registration::read(element, room)?;
                room -= registration.bindings.len();
                info.registrations.push(registration);
            }
            Ok(info)
        })
    }

    /// Writes the document. Characters that XML has no form for become U+FFFD.
    #[must_use]
    pub fn to_body(&self) -> Body {
        let mut writer = Writer::new(ROOT);
        writer.attribute("version", &self.version.to_string());
        writer.attribute("state", self.state.name());
        for registration in &self.registrations {
            registration.write(&mut writer);
        }
        writer.body(Self::CONTENT_TYPE)
    }
}

/// `sip:bob@example.com: 2 contacts`, for each address-of-record.
impl fmt::Display for RegInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for registration in &self.registrations {
            let active = registration.bindings.iter().filter(|known| known.active);
            let (count, ending) = match active.count() {
                1 => (1, ""),
                count => (count, "s"),
            };
            write!(f, "{between}{}: {count} contact{ending}", registration.aor)?;
            between = "; ";
        }
        if between.is_empty() {
            f.write_str("no registrations")?;
        }
        Ok(())
    }
}
