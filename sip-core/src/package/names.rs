//! The names of event packages and their defaults.

use core::time::Duration;

/// An event package: its name in Event, the media type of its bodies, and how long a subscription lasts by default.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Package {
    /// The name, as the value of Event.
    pub name: &'static str,
    /// The media type that every implementation of the package reads.
    pub content_type: &'static str,
    /// How long a subscription lasts if its SUBSCRIBE has no Expires; `None` if the notifier alone decides.
    pub expires: Option<Duration>,
}

impl Package {
    /// `presence`: an hour (RFC 3856 section 6.4).
    pub const PRESENCE: Self = Self::new("presence", "application/pidf+xml", Some(3_600));
    /// `message-summary`: an hour (RFC 3842 section 3.4).
    pub const MESSAGE_SUMMARY: Self = Self::new(
        "message-summary",
        "application/simple-message-summary",
        Some(3_600),
    );
    /// `dialog`: an hour (RFC 4235 section 3.4).
    pub const DIALOG: Self = Self::new("dialog", "application/dialog-info+xml", Some(3_600));
    /// `reg`: 3,761 seconds, so that it outlasts a registration of an hour (RFC 3680 section 4.4).
    pub const REG: Self = Self::new("reg", "application/reginfo+xml", Some(3_761));
    /// `refer`: the agent that accepts the REFER decides (RFC 3515 section 2.4.4).
    pub const REFER: Self = Self::new("refer", "message/sipfrag", None);

    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PRESENCE,
        Self::MESSAGE_SUMMARY,
        Self::DIALOG,
        Self::REG,
        Self::REFER,
    ];

    const fn new(
        name: &'static str,
        content_type: &'static str,
        expires_seconds: Option<u64>,
    ) -> Self {
        let expires = match expires_seconds {
            Some(seconds) => Some(Duration::from_secs(seconds)),
            None => None,
        };
        Self {
            name,
            content_type,
            expires,
        }
    }

    /// The package of this name. Names of packages are case-sensitive (RFC 6665 section 8.2.1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name == name)
    }
}
