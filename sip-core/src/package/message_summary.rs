//! The body of the package `message-summary` (RFC 3842 section 5.2).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::error::{self, PackageError, Position};
use crate::body::Body;

/// The most header fields about single messages that one body may have.
const MOST_FIELDS: usize = 1_024;

/// A kind of messages (RFC 3458 section 6, RFC 3938).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ContextClass {
    /// `Voice-Message`.
    Voice,
    /// `Video-Message`.
    Video,
    /// `Fax-Message`.
    Fax,
    /// `Pager-Message`.
    Pager,
    /// `Multimedia-Message`.
    Multimedia,
    /// `Text-Message`.
    Text,
    /// `None`: messages of no class.
    None,
}

impl ContextClass {
    /// All of them, in the order in which [`MessageSummary::to_body`] writes them.
    pub const ALL: [Self; 7] = [
        Self::Voice,
        Self::Video,
        Self::Fax,
        Self::Pager,
        Self::Multimedia,
        Self::Text,
        Self::None,
    ];

    /// The name in the body.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "Voice-Message",
            Self::Video => "Video-Message",
            Self::Fax => "Fax-Message",
            Self::Pager => "Pager-Message",
            Self::Multimedia => "Multimedia-Message",
            Self::Text => "Text-Message",
            Self::None => "None",
        }
    }

    /// What its messages are, in words.
    const fn words(self) -> &'static str {
        match self {
            Self::Voice => "voice messages",
            Self::Video => "video messages",
            Self::Fax => "fax messages",
            Self::Pager => "pager messages",
            Self::Multimedia => "multimedia messages",
            Self::Text => "text messages",
            Self::None => "messages",
        }
    }
}

/// The numbers of messages of one class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct MessageCounts {
    /// New messages, urgent ones included.
    pub new: u32,
    /// Old messages, urgent ones included.
    pub old: u32,
    /// New and old urgent messages, if the body says.
    pub urgent: Option<(u32, u32)>,
}

impl MessageCounts {
    /// So many new and old messages, without a word about urgent ones.
    #[must_use]
    pub const fn new(new: u32, old: u32) -> Self {
        Self {
            new,
            old,
            urgent: None,
        }
    }

    /// Reads `2/8 (0/2)`. Some servers leave out the old ones.
    fn read(text: &str) -> Option<Self> {
        let (all, urgent) = match text.split_once('(') {
            None => (text, None),
            Some((all, urgent)) => (all, Some(urgent.trim_end().strip_suffix(')')?)),
        };
        let pair = |text: &str| {
            let (new, old) = text.split_once('/').unwrap_or((text, "0"));
            Some((count(new)?, count(old)?))
        };
        let (new, old) = pair(all)?;
        let urgent = match urgent {
            None => None,
            Some(urgent) => Some(pair(urgent)?),
        };
        Some(Self { new, old, urgent })
    }
}

/// A number without sign, up to 2^32 - 1 (RFC 3842 section 5.2).
fn count(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// What the body says about one message: header fields such as To, From, Subject and Date, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageDetail {
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl MessageDetail {
    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// Which messages wait for an account (RFC 3842).
///
/// ```
/// use sip_core::package::{ContextClass, MessageCounts, MessageSummary};
///
/// let summary = MessageSummary::new(true)
///     .account("sip:alice@example.com")
///     .with(ContextClass::Voice, MessageCounts::new(2, 8));
/// assert_eq!(
///     &summary.to_body().bytes[..],
///     b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@example.com\r\nVoice-Message: 2/8\r\n"
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MessageSummary {
    /// Whether messages wait: the lamp of the telephone.
    pub waiting: bool,
    /// The URI of the account, which is what to call to hear the messages.
    pub account: Option<String>,
    /// One place for each of [`ContextClass::ALL`].
    counts: [Option<MessageCounts>; ContextClass::ALL.len()],
    /// What the body says about single messages.
    pub details: Vec<MessageDetail>,
}

impl MessageSummary {
    /// The media type.
    pub const CONTENT_TYPE: &'static str = "application/simple-message-summary";

    /// A summary without account and numbers.
    #[must_use]
    pub fn new(waiting: bool) -> Self {
        Self {
            waiting,
            ..Self::default()
        }
    }

    /// Names the account.
    #[must_use]
    pub fn account(mut self, uri: impl Into<String>) -> Self {
        self.account = Some(uri.into());
        self
    }

    /// Adds the numbers of a class, or replaces them.
    #[must_use]
    pub fn with(mut self, class: ContextClass, counts: MessageCounts) -> Self {
        self.counts[class as usize] = Some(counts);
        self
    }

    /// Adds what is known of one message.
    #[must_use]
    pub fn detail(mut self, detail: MessageDetail) -> Self {
        self.details.push(detail);
        self
    }

    /// The numbers of a class, if the body has them.
    #[must_use]
    pub fn counts(&self, class: ContextClass) -> Option<MessageCounts> {
        self.counts[class as usize]
    }

    /// The classes that the body has numbers of.
    pub fn classes(&self) -> impl Iterator<Item = (ContextClass, MessageCounts)> + '_ {
        let all = ContextClass::ALL.into_iter();
        all.filter_map(|class| Some((class, self.counts(class)?)))
    }

    /// Reads a body. Names are read in any case and lines with any line end. Lines that are unknown in front of the first empty
    /// line are ignored. Without `Messages-Waiting` messages wait if there are new ones.
    ///
    /// # Errors
    /// [`PackageError`] if the body has another type, if it has neither `Messages-Waiting` nor numbers, or if these are malformed.
    pub fn from_body(body: &Body) -> Result<Self, PackageError> {
        let text = error::text(body, Self::CONTENT_TYPE)?;
        // Some servers end their lines with CR alone.
        let end = if text.contains('\n') { '\n' } else { '\r' };
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.split(end)) {
            reader.line(number, line.trim_end())?;
        }
        reader.finish()
    }

    /// Writes the body.
    #[must_use]
    pub fn to_body(&self) -> Body {
        let mut text = String::new();
        field(
            &mut text,
            "Messages-Waiting",
            if self.waiting { "yes" } else { "no" },
        );
        if let Some(account) = &self.account {
            field(&mut text, "Message-Account", account);
        }
        for (class, counts) in self.classes() {
            let mut value = alloc::format!("{}/{}", counts.new, counts.old);
            if let Some((new, old)) = counts.urgent {
                value += &alloc::format!(" ({new}/{old})");
            }
            field(&mut text, class.name(), &value);
        }
        for detail in &self.details {
            text.push_str("\r\n");
            for (name, value) in &detail.fields {
                field(&mut text, name, value);
            }
        }
        Body::new(Self::CONTENT_TYPE, text)
    }
}

/// Writes a line.
fn field(text: &mut String, name: &str, value: &str) {
    text.push_str(&plain(name));
    text.push_str(": ");
    text.push_str(&plain(value));
    text.push_str("\r\n");
}

/// The text on one line: control characters, line ends among them, become spaces, because a line end would begin another line.
fn plain(text: &str) -> String {
    let space = |letter: char| if letter.is_control() { ' ' } else { letter };
    let plain: String = text.chars().map(space).collect();
    plain.trim().to_string()
}

/// What is known of a body while its lines are read.
#[derive(Default)]
struct Reader {
    waiting: Option<bool>,
    summary: MessageSummary,
    /// Whether the next line belongs to the details, and begins a new one.
    details: bool,
    begins: bool,
    fields: usize,
    lines: u32,
}

impl Reader {
    fn line(&mut self, number: u32, line: &str) -> Result<(), PackageError> {
        self.lines = number;
        let is_empty_start = self.waiting.is_none() && self.summary.classes().next().is_none();
        if line.is_empty() {
            // Empty lines in front of the summary separate nothing.
            self.details |= !is_empty_start;
            self.begins = true;
            return Ok(());
        }
        if self.details {
            return self.detail_line(line);
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(());
        };
        let (name, value) = (name.trim(), value.trim());
        let column = u32::try_from(line.chars().count() - value.chars().count()).unwrap_or(0) + 1;
        let malformed = |what| PackageError::Malformed {
            what,
            at: Position {
                line: number,
                column,
            },
        };
        if name.eq_ignore_ascii_case("Messages-Waiting") {
            self.waiting = Some(match value {
                value if value.eq_ignore_ascii_case("yes") => true,
                value if value.eq_ignore_ascii_case("no") => false,
                _ => return Err(malformed("Messages-Waiting")),
            });
        } else if name.eq_ignore_ascii_case("Message-Account") {
            self.summary.account = Some(plain(value)).filter(|uri| !uri.is_empty());
        } else if let Some(class) = ContextClass::ALL
            .into_iter()
            .find(|class| name.eq_ignore_ascii_case(class.name()))
        {
            let counts = MessageCounts::read(value).ok_or_else(|| malformed(class.name()))?;
            self.summary.counts[class as usize] = Some(counts);
        }
        Ok(())
    }

    fn detail_line(&mut self, line: &str) -> Result<(), PackageError> {
        if line.starts_with([' ', '\t']) {
            // A value that goes on (RFC 5322 section 2.2.3).
            let more = plain(line);
            let fields = self.summary.details.last_mut();
            if let Some((_, value)) = fields.and_then(|detail| detail.fields.last_mut()) {
                let between = if value.is_empty() || more.is_empty() {
                    ""
                } else {
                    " "
                };
                value.push_str(between);
                value.push_str(&more);
            }
            return Ok(());
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(());
        };
        if self.fields == MOST_FIELDS {
            return Err(PackageError::TooMany {
                what: "header fields",
                limit: MOST_FIELDS,
            });
        }
        self.fields += 1;
        if core::mem::take(&mut self.begins) {
            self.summary.details.push(MessageDetail::default());
        }
        if let Some(detail) = self.summary.details.last_mut() {
            detail.fields.push((plain(name), plain(value)));
        }
        Ok(())
    }

    fn finish(self) -> Result<MessageSummary, PackageError> {
        let mut summary = self.summary;
        let any_new = {
            let mut classes = summary.classes();
            classes.any(|(_, counts)| counts.new > 0)
        };
        let known = self
            .waiting
            .or_else(|| summary.classes().next().map(|_| any_new));
        summary.waiting = known.ok_or(PackageError::Missing {
            what: "Messages-Waiting",
            at: Position {
                line: self.lines,
                column: 1,
            },
        })?;
        Ok(summary)
    }
}

/// `2 new (1 urgent), 5 old voice messages`; without numbers `messages waiting` or `no messages waiting`.
impl fmt::Display for MessageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (class, counts) in self.classes() {
            write!(f, "{between}{} new", counts.new)?;
            if let Some((urgent @ 1.., _)) = counts.urgent {
                write!(f, " ({urgent} urgent)")?;
            }
            write!(f, ", {} old {}", counts.old, class.words())?;
            between = "; ";
        }
        match (between.is_empty(), self.waiting) {
            (false, _) => Ok(()),
            (true, true) => f.write_str("messages waiting"),
            (true, false) => f.write_str("no messages waiting"),
        }
    }
}
