//! Presence documents: PIDF (RFC 3863) with the activities of RPID (RFC 4480) in the data model of RFC 4479.
//!
//! ```
//! use sip_core::package::Presence;
//! use sip_core::package::presence::{Activity, Basic};
//!
//! let busy = Presence::new("sip:alice@example.com", Basic::Open)
//!     .activity(Activity::OnThePhone)
//!     .note("Back at four");
//! assert_eq!(busy.to_string(), "open: on the phone, Back at four");
//! assert_eq!(Presence::from_body(&busy.to_body())?, busy);
//! # Ok::<(), sip_core::package::PackageError>(())
//! ```

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::decimal;
use super::error::PackageError;
use super::xml::{self, Element, Root, Writer};
use crate::body::Body;

const ROOT: Root = Root {
    namespace: "urn:ietf:params:xml:ns:pidf",
    name: "presence",
};
const PIDF: &str = ROOT.namespace;

/// The data model (RFC 4479). Older servers have the person in a namespace of drafts.
const PERSON: [&str; 2] = [
    "urn:ietf:params:xml:ns:pidf:data-model",
    "urn:ietf:params:xml:ns:pidf:person",
];

/// RPID (RFC 4480), and the namespaces of its drafts.
const RPID: [&str; 3] = [
    "urn:ietf:params:xml:ns:pidf:rpid",
    "urn:ietf:params:xml:ns:pidf:rpid:rpid-person",
    "urn:ietf:params:xml:ns:pidf:rpid:status:rpid-status",
];

/// Whether the resource, or one of its services, accepts communication (RFC 3863 section 4.1.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Basic {
    /// `open`.
    Open,
    /// `closed`.
    Closed,
}

impl Basic {
    /// The value in the document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let mut both = [Self::Open, Self::Closed].into_iter();
        both.find(|basic| name.eq_ignore_ascii_case(basic.name()))
    }
}

impl fmt::Display for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the enum of activities, and the names of its elements.
macro_rules! activities {
    ($($name:ident $element:literal,)*) => {
        /// What the person does (RFC 4480 section 3.2).
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Activity {
            $(#[doc = concat!("`", $element, "`.")] $name,)*
            /// `other` with its text, and every activity that RFC 4480 does not have.
            Other(String),
        }

        impl Activity {
            const NAMED: &'static [(Self, &'static str)] = &[$((Self::$name, $element),)*];

            /// The element with its prefix, for those that RFC 4480 has.
            const fn element(&self) -> &'static str {
                match self {
                    $(Self::$name => concat!("rpid:", $element),)*
                    Self::Other(_) => "rpid:other",
                }
            }
        }
    };
}

activities! {
    Appointment "appointment",
    Away "away",
    Breakfast "breakfast",
    Busy "busy",
    Dinner "dinner",
    Holiday "holiday",
    InTransit "in-transit",
    LookingForWork "looking-for-work",
    Lunch "lunch",
    Meal "meal",
    Meeting "meeting",
    OnThePhone "on-the-phone",
    Performance "performance",
    PermanentAbsence "permanent-absence",
    Playing "playing",
    Presentation "presentation",
    Shopping "shopping",
    Sleeping "sleeping",
    Spectator "spectator",
    Steering "steering",
    Travel "travel",
    Tv "tv",
    Unknown "unknown",
    Vacation "vacation",
    Working "working",
    Worship "worship",
}

impl Activity {
    /// The activity of this name. Some telephones write it without hyphens.
    fn named(name: &str) -> Self {
        let letters = |text: &str| -> String {
            let letters = text.chars().filter(|&letter| letter != '-');
            letters.map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let wanted = letters(name);
        let mut named = Self::NAMED.iter();
        let found = named.find(|(_, element)| letters(element) == wanted);
        found.map_or_else(
            || Self::Other(name.to_string()),
            |(activity, _)| activity.clone(),
        )
    }
}

/// The words, such as `on the phone`.
impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
            known => {
                let name = known.element().trim_start_matches("rpid:");
                f.write_str(&name.replace('-', " "))
            }
        }
    }
}

/// A note for people (RFC 3863 section 4.1.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Note {
    /// The language, as `xml:lang`.
    pub language: Option<String>,
    /// The text, without the space around it.
    pub text: String,
}

impl Note {
    /// A note in no particular language.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            language: None,
            text: text.into(),
        }
    }
}

/// Where a service can be reached (RFC 3863 section 4.1.5).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PresenceContact {
    /// The URI.
    pub uri: String,
    /// The priority in thousandths, 0 to 1,000.
    pub priority: Option<u16>,
}

/// The state of one service of the resource (RFC 3863 section 4.1.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tuple {
    /// The identifier. [`Presence::to_body`] writes one if it is empty, because every tuple has one.
    pub id: String,
    /// Whether it accepts communication.
    pub basic: Option<Basic>,
    /// What the person does, where a document says it of the service.
    pub activities: Vec<Activity>,
    /// Where it can be reached.
    pub contact: Option<PresenceContact>,
    /// Notes.
    pub notes: Vec<Note>,
    /// When it changed (RFC 3339), as the document has it.
    pub timestamp: Option<String>,
}

/// The state of the person (RFC 4479 section 3.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Person {
    /// The identifier. [`Presence::to_body`] writes one if it is empty, because every person has one.
    pub id: String,
    /// What the person does.
    pub activities: Vec<Activity>,
    /// Notes, those of the activities included.
    pub notes: Vec<Note>,
    /// When it changed (RFC 3339), as the document has it.
    pub timestamp: Option<String>,
}

/// A presence document (RFC 3863).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    /// The URI of the resource.
    pub entity: String,
    /// Its services.
    pub tuples: Vec<Tuple>,
    /// The person; some documents have several.
    pub persons: Vec<Person>,
    /// Notes about all of it.
    pub notes: Vec<Note>,
}

impl Presence {
    /// The media type.
    pub const CONTENT_TYPE: &'static str = "application/pidf+xml";

    /// A document with one service.
    #[must_use]
    pub fn new(entity: impl Into<String>, basic: Basic) -> Self {
        let tuple = Tuple {
            id: "t1".to_string(),
            basic: Some(basic),
            ..Tuple::default()
        };
        Self {
            entity: entity.into(),
            tuples: alloc::vec![tuple],
            ..Self::default()
        }
    }

    /// Adds what the person does.
    #[must_use]
    pub fn activity(mut self, activity: Activity) -> Self {
        if self.persons.is_empty() {
            self.persons.push(Person {
                id: "p1".to_string(),
                ..Person::default()
            });
        }
        self.persons[0].activities.push(activity);
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::new(text));
        self
    }

    /// Whether any service accepts communication; `None` if no service says.
    #[must_use]
    pub fn basic(&self) -> Option<Basic> {
        let said = self.tuples.iter().filter_map(|tuple| tuple.basic);
        said.reduce(|some, other| match (some, other) {
            (Basic::Closed, Basic::Closed) => Basic::Closed,
            _ => Basic::Open,
        })
    }

    /// What the person does, wherever the document says it.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        let persons = self.persons.iter().flat_map(|person| &person.activities);
        persons.chain(self.tuples.iter().flat_map(|tuple| &tuple.activities))
    }

    /// All notes.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        let persons = self.persons.iter().flat_map(|person| &person.notes);
        let tuples = self.tuples.iter().flat_map(|tuple| &tuple.notes);
        self.notes.iter().chain(persons).chain(tuples)
    }

    /// Reads a document. Elements of other namespaces are ignored, and so is a malformed value that a document may leave out.
    ///
    /// # Errors
    /// [`PackageError`] if the body has another type or encoding, is no well-formed XML, or is beyond the bounds.
    pub fn from_body(body: &Body) -> Result<Self, PackageError> {
        xml::read(body, Self::CONTENT_TYPE, ROOT, |root| {
            let mut presence = Self {
                entity: root.owned("entity").unwrap_or_default(),
                ..Self::default()
            };
            for element in root.elements() {
                if element.is(PIDF, "tuple") {
                    presence.tuples.push(Tuple::read(element)?);
                } else if PERSON.iter().any(|space| element.is(space, "person")) {
                    presence.persons.push(Person::read(element));
                } else {
                    presence.notes.extend(note(element));
                }
            }
            Ok(presence)
        })
    }

    /// Writes the document. Characters that XML has no form for become U+FFFD.
    #[must_use]
    pub fn to_body(&self) -> Body {
        let mut writer = Writer::new(ROOT);
        if !self.persons.is_empty() {
            writer.attribute("xmlns:dm", PERSON[0]);
        }
        if self.activities().next().is_some() {
            writer.attribute("xmlns:rpid", RPID[0]);
        }
        writer.attribute("entity", &self.entity);
        for (number, tuple) in (1..).zip(&self.tuples) {
            tuple.write(number, &mut writer);
        }
        write_notes("note", &self.notes, &mut writer);
        for (number, person) in (1..).zip(&self.persons) {
            person.write(number, &mut writer);
        }
        writer.body(Self::CONTENT_TYPE)
    }
}

impl Tuple {
    fn read(element: Element<'_>) -> Result<Self, PackageError> {
        let mut tuple = Self {
            id: element.owned("id").unwrap_or_default(),
            timestamp: element.text_of(PIDF, "timestamp"),
            ..Self::default()
        };
        for element in element.elements() {
            if element.is(PIDF, "status") {
                if let Some(basic) = element.first(PIDF, "basic") {
                    let value = Basic::named(&basic.text());
                    tuple.basic = Some(value.ok_or_else(|| basic.malformed("basic"))?);
                }
                read_activities(element, &mut tuple.activities, &mut tuple.notes);
            } else if element.is(PIDF, "contact") {
                tuple.contact = Some(PresenceContact {
                    uri: element.text(),
                    priority: element.attribute("priority").and_then(decimal::thousandths),
                });
            } else {
                tuple.notes.extend(note(element));
                read_activity_list(element, &mut tuple.activities, &mut tuple.notes);
            }
        }
        Ok(tuple)
    }

    fn write(&self, number: usize, writer: &mut Writer) {
        writer.begin("tuple");
        write_id("t", &self.id, number, writer);
        writer.begin("status");
        if let Some(basic) = self.basic {
            writer.element("basic", basic.name());
        }
        writer.end();
        write_activities(&self.activities, writer);
        if let Some(contact) = &self.contact {
            writer.begin("contact");
            let priority = contact.priority.map(decimal::text);
            writer.optional("priority", priority.as_deref());
            writer.text(&contact.uri);
            writer.end();
        }
        write_notes("note", &self.notes, writer);
        if let Some(timestamp) = &self.timestamp {
            writer.element("timestamp", timestamp);
        }
        writer.end();
    }
}

impl Person {
    fn read(element: Element<'_>) -> Self {
        let spaces = PERSON.iter().chain([&PIDF]);
        let timestamp = spaces.filter_map(|space| element.text_of(space, "timestamp"));
        let mut person = Self {
            id: element.owned("id").unwrap_or_default(),
            timestamp: { timestamp }.next(),
            ..Self::default()
        };
        for inner in element.elements() {
            person.notes.extend(note(inner));
            read_activity_list(inner, &mut person.activities, &mut person.notes);
            // Older servers have the activities in a status.
            if inner.name_in(PIDF) == Some("status")
                || PERSON.iter().any(|space| inner.is(space, "status"))
            {
                read_activities(inner, &mut person.activities, &mut person.notes);
            }
        }
        person
    }

    fn write(&self, number: usize, writer: &mut Writer) {
        writer.begin("dm:person");
        write_id("p", &self.id, number, writer);
        write_activities(&self.activities, writer);
        write_notes("dm:note", &self.notes, writer);
        if let Some(timestamp) = &self.timestamp {
            writer.element("dm:timestamp", timestamp);
        }
        writer.end();
    }
}

/// The note that an element is, unless it is empty.
fn note(element: Element<'_>) -> Option<Note> {
    let spaces = PERSON.iter().chain(&RPID).chain([&PIDF]);
    let is_note = { spaces }.any(|space| element.is(space, "note"));
    let text = is_note.then(|| element.text())?;
    (!text.is_empty()).then(|| Note {
        language: element.language(),
        text,
    })
}

/// The lists of activities in an element.
fn read_activities(element: Element<'_>, activities: &mut Vec<Activity>, notes: &mut Vec<Note>) {
    for list in element.elements() {
        read_activity_list(list, activities, notes);
    }
}

/// The activities and notes of a list, if the element is one.
fn read_activity_list(list: Element<'_>, activities: &mut Vec<Activity>, notes: &mut Vec<Note>) {
    if !RPID.iter().any(|space| list.is(space, "activities")) {
        return;
    }
    for element in list.elements() {
        let name = RPID.iter().find_map(|space| element.name_in(space));
        match name {
            None => {}
            Some("note") => notes.extend(note(element)),
            Some("other") => activities.push(Activity::Other(element.text())),
            // Drafts have the name as the text.
            Some("activity") => activities.push(Activity::named(&element.text())),
            Some(name) => activities.push(Activity::named(name)),
        }
    }
}

fn write_id(prefix: &str, id: &str, number: usize, writer: &mut Writer) {
    if id.is_empty() {
        writer.attribute("id", &format!("{prefix}{number}"));
    } else {
        writer.attribute("id", id);
    }
}

fn write_activities(activities: &[Activity], writer: &mut Writer) {
    if activities.is_empty() {
        return;
    }
    writer.begin("rpid:activities");
    for activity in activities {
        writer.begin(activity.element());
        if let Activity::Other(text) = activity {
            writer.text(text);
        }
        writer.end();
    }
    writer.end();
}

fn write_notes(name: &'static str, notes: &[Note], writer: &mut Writer) {
    for note in notes {
        writer.begin(name);
        writer.optional("xml:lang", note.language.as_deref());
        writer.text(&note.text);
        writer.end();
    }
}

/// `open: on the phone, Back at four`, in one line; `unknown` if no service says whether it is open.
impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.basic().map_or("unknown", Basic::name))?;
        let mut between = ": ";
        for activity in self.activities() {
            write!(f, "{between}{activity}")?;
            between = ", ";
        }
        for note in self.notes() {
            let words: Vec<&str> = note.text.split_whitespace().collect();
            write!(f, "{between}{}", words.join(" "))?;
            between = ", ";
        }
        Ok(())
    }
}
