//! The calls of a resource: dialog-info (RFC 4235).
//!
//! ```
//! use sip_core::package::dialog_info::{Dialog, DialogPhase};
//! use sip_core::package::{DialogInfo, DocumentState, UpdateOutcome};
//!
//! let mut known = DialogInfo::new("sip:bob@example.com", 0, DocumentState::Full);
//! assert_eq!(known.to_string(), "idle");
//! let ringing = DialogInfo::new("sip:bob@example.com", 1, DocumentState::Partial)
//!     .dialog(Dialog::new("a84b", DialogPhase::Early));
//! let received = DialogInfo::from_body(&ringing.to_body())?;
//! assert_eq!(known.apply(received), Ok(UpdateOutcome::Applied));
//! assert_eq!(known.to_string(), "1 early");
//! # Ok::<(), sip_core::package::PackageError>(())
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::error::PackageError;
use super::partial::{self, DocumentState, Step, UpdateError, UpdateOutcome};
use super::xml::{self, Element, Root, Writer};
use crate::body::Body;

const ROOT: Root = Root {
    namespace: "urn:ietf:params:xml:ns:dialog-info",
    name: "dialog-info",
};
const INFO: &str = ROOT.namespace;

/// The most dialogs of one resource.
const MOST_DIALOGS: usize = 1_024;

/// The state of a dialog (RFC 4235 section 3.7.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum DialogPhase {
    /// `trying`: the INVITE is sent.
    Trying,
    /// `proceeding`: a provisional response without a To tag has come.
    Proceeding,
    /// `early`: a provisional response with a To tag; the telephone rings.
    Early,
    /// `confirmed`: the call is up.
    Confirmed,
    /// `terminated`: the call is over.
    Terminated,
}

impl DialogPhase {
    const ALL: [Self; 5] = [
        Self::Trying,
        Self::Proceeding,
        Self::Early,
        Self::Confirmed,
        Self::Terminated,
    ];

    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trying => "trying",
            Self::Proceeding => "proceeding",
            Self::Early => "early",
            Self::Confirmed => "confirmed",
            Self::Terminated => "terminated",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|phase| name.eq_ignore_ascii_case(phase.name()))
    }
}

/// What brought a dialog into its state (RFC 4235 section 3.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DialogEvent {
    /// `cancelled`.
    Cancelled,
    /// `rejected`.
    Rejected,
    /// `replaced`.
    Replaced,
    /// `local-bye`.
    LocalBye,
    /// `remote-bye`.
    RemoteBye,
    /// `error`.
    Error,
    /// `timeout`.
    Timeout,
}

impl DialogEvent {
    const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::Rejected,
        Self::Replaced,
        Self::LocalBye,
        Self::RemoteBye,
        Self::Error,
        Self::Timeout,
    ];

    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Replaced => "replaced",
            Self::LocalBye => "local-bye",
            Self::RemoteBye => "remote-bye",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|event| name.eq_ignore_ascii_case(event.name()))
    }
}

/// Which side sent the INVITE (RFC 4235 section 4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DialogDirection {
    /// `initiator`: the resource.
    Initiator,
    /// `recipient`: its peer.
    Recipient,
}

impl DialogDirection {
    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Recipient => "recipient",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let mut both = [Self::Initiator, Self::Recipient].into_iter();
        both.find(|direction| name.eq_ignore_ascii_case(direction.name()))
    }
}

/// A name and an address (RFC 4235 section 4.1.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Identity {
    /// The URI.
    pub uri: String,
    /// The display name.
    pub display: Option<String>,
}

/// The target of a participant (RFC 4235 section 4.1.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Target {
    /// The URI of its Contact.
    pub uri: String,
    /// Parameters of that Contact: `+sip.rendering` is `no` while the participant holds the call (RFC 4235 section 5.2).
    pub parameters: Vec<(String, String)>,
}

/// One side of a dialog (RFC 4235 section 4.1.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Participant {
    /// Its From or To.
    pub identity: Option<Identity>,
    /// Its Contact.
    pub target: Option<Target>,
}

/// A dialog of the resource (RFC 4235 section 4.1.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dialog {
    /// The identifier, which stays the same from document to document.
    pub id: String,
    /// The Call-ID.
    pub call_id: Option<String>,
    /// The tag of the resource.
    pub local_tag: Option<String>,
    /// The tag of its peer.
    pub remote_tag: Option<String>,
    /// Which side sent the INVITE.
    pub direction: Option<DialogDirection>,
    /// The state.
    pub phase: DialogPhase,
    /// What brought it into its state.
    pub event: Option<DialogEvent>,
    /// The status of the response that did.
    pub code: Option<u16>,
    /// How long the dialog exists, in seconds.
    pub duration: Option<u32>,
    /// The resource.
    pub local: Option<Participant>,
    /// Its peer.
    pub remote: Option<Participant>,
}

impl Dialog {
    /// A dialog in a state, of which nothing else is known.
    #[must_use]
    pub fn new(id: impl Into<String>, phase: DialogPhase) -> Self {
        Self {
            id: id.into(),
            call_id: None,
            local_tag: None,
            remote_tag: None,
            direction: None,
            phase,
            event: None,
            code: None,
            duration: None,
            local: None,
            remote: None,
        }
    }
}

/// A dialog-info document (RFC 4235).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DialogInfo {
    /// Its number: each document of a subscription has the next one.
    pub version: u32,
    /// Whether it has all dialogs or those that changed.
    pub state: DocumentState,
    /// The URI of the resource.
    pub entity: String,
    /// The dialogs.
    pub dialogs: Vec<Dialog>,
}

impl DialogInfo {
    /// The media type.
    pub const CONTENT_TYPE: &'static str = "application/dialog-info+xml";

    /// A document without dialogs.
    #[must_use]
    pub fn new(entity: impl Into<String>, version: u32, state: DocumentState) -> Self {
        Self {
            version,
            state,
            entity: entity.into(),
            dialogs: Vec::new(),
        }
    }

    /// Adds a dialog.
    #[must_use]
    pub fn dialog(mut self, dialog: Dialog) -> Self {
        self.dialogs.push(dialog);
        self
    }

    /// Takes a later document of the same subscription into this one, which holds the known state (RFC 4235 section 4.3). A
    /// dialog that has ended is there until the next document.
    ///
    /// # Errors
    /// [`UpdateError`]; the known state is as before then. After [`UpdateError::Gap`] the application refreshes the subscription.
    pub fn apply(&mut self, received: Self) -> Result<UpdateOutcome, UpdateError> {
        if self.entity != received.entity {
            return Err(UpdateError::OtherEntity);
        }
        match partial::step(self.version, received.version, received.state)? {
            Step::Ignore => return Ok(UpdateOutcome::Outdated),
            Step::Replace => *self = received,
            Step::Merge => self.merge(received)?,
        }
        Ok(UpdateOutcome::Applied)
    }

    fn merge(&mut self, received: Self) -> Result<(), UpdateError> {
        let changed = |id: &str| received.dialogs.iter().any(|dialog| dialog.id == id);
        let stays =
            |dialog: &Dialog| dialog.phase != DialogPhase::Terminated && !changed(&dialog.id);
        let staying = self.dialogs.iter().filter(|dialog| stays(dialog)).count();
        if staying + received.dialogs.len() > MOST_DIALOGS {
            return Err(UpdateError::TooMany {
                what: "dialogs",
                limit: MOST_DIALOGS,
            });
        }
        self.dialogs.retain(stays);
        self.dialogs.extend(received.dialogs);
        self.version = received.version;
        Ok(())
    }

    /// Reads a document. Elements of other namespaces are ignored, and so is a malformed value that a document may leave out.
    ///
    /// # Errors
    /// [`PackageError`] if the body has another type or encoding, is no well-formed XML, is beyond the bounds, or lacks the
    /// version, the state of a dialog, or its identifier.
    pub fn from_body(body: &Body) -> Result<Self, PackageError> {
        xml::read(body, Self::CONTENT_TYPE, ROOT, |root| {
            let (version, state) = partial::header(root)?;
            let mut info = Self::new(root.attribute("entity").unwrap_or_default(), version, state);
            for element in root.each(INFO, "dialog") {
                if info.dialogs.len() == MOST_DIALOGS {
                    return Err(PackageError::TooMany {
                        what: "dialogs",
                        limit: MOST_DIALOGS,
                    });
                }
                info.dialogs.push(Dialog::read(element)?);
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
        writer.attribute("entity", &self.entity);
        for dialog in &self.dialogs {
            dialog.write(&mut writer);
        }
        writer.body(Self::CONTENT_TYPE)
    }
}

impl Dialog {
    fn read(element: Element<'_>) -> Result<Self, PackageError> {
        let state = element.first(INFO, "state");
        let state = state.ok_or_else(|| element.missing("the state of a dialog"))?;
        let phase = DialogPhase::named(&state.text())
            .ok_or_else(|| state.malformed("the state of a dialog"))?;
        let id = element.required("id", "the identifier of a dialog")?;
        let number = |name| element.text_of(INFO, name)?.parse().ok();
        let participant = |name| element.first(INFO, name).map(Participant::read);
        Ok(Self {
            call_id: element.owned("call-id"),
            local_tag: element.owned("local-tag"),
            remote_tag: element.owned("remote-tag"),
            direction: element
                .attribute("direction")
                .and_then(DialogDirection::named),
            event: state.attribute("event").and_then(DialogEvent::named),
            code: state.attribute("code").and_then(|code| code.parse().ok()),
            duration: number("duration"),
            local: participant("local"),
            remote: participant("remote"),
            ..Self::new(id, phase)
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.begin("dialog");
        writer.attribute("id", &self.id);
        writer.optional("call-id", self.call_id.as_deref());
        writer.optional("local-tag", self.local_tag.as_deref());
        writer.optional("remote-tag", self.remote_tag.as_deref());
        writer.optional("direction", self.direction.map(DialogDirection::name));
        writer.begin("state");
        writer.optional("event", self.event.map(DialogEvent::name));
        writer.optional("code", self.code.map(|code| code.to_string()).as_deref());
        writer.text(self.phase.name());
        writer.end();
        if let Some(duration) = self.duration {
            writer.element("duration", &duration.to_string());
        }
        if let Some(local) = &self.local {
            local.write("local", writer);
        }
        if let Some(remote) = &self.remote {
            remote.write("remote", writer);
        }
        writer.end();
    }
}

impl Participant {
    fn read(element: Element<'_>) -> Self {
        let identity = element.first(INFO, "identity");
        let target = element.first(INFO, "target");
        Self {
            identity: identity.map(|identity| Identity {
                uri: identity.text(),
                display: identity.owned("display"),
            }),
            target: target.map(|target| Target {
                uri: target.owned("uri").unwrap_or_default(),
                parameters: {
                    let each = target.each(INFO, "param");
                    let pair = |param: Element<'_>| {
                        let value = param.owned("pval").unwrap_or_default();
                        Some((param.owned("pname")?, value))
                    };
                    each.filter_map(pair).collect()
                },
            }),
        }
    }

    fn write(&self, name: &'static str, writer: &mut Writer) {
        writer.begin(name);
        if let Some(identity) = &self.identity {
            writer.begin("identity");
            writer.optional("display", identity.display.as_deref());
            writer.text(&identity.uri);
            writer.end();
        }
        if let Some(target) = &self.target {
            writer.begin("target");
            writer.attribute("uri", &target.uri);
            for (name, value) in &target.parameters {
                writer.begin("param");
                writer.attribute("pname", name);
                writer.attribute("pval", value);
                writer.end();
            }
            writer.end();
        }
        writer.end();
    }
}

/// `1 early, 1 confirmed`: how many dialogs are in each state; `idle` if none is up.
impl fmt::Display for DialogInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for phase in DialogPhase::ALL {
            let count = self.dialogs.iter().filter(|dialog| dialog.phase == phase);
            let count = count.count();
            if count > 0 && phase != DialogPhase::Terminated {
                write!(f, "{between}{count} {}", phase.name())?;
                between = ", ";
            }
        }
        if between.is_empty() {
            f.write_str("idle")?;
        }
        Ok(())
    }
}
