//! The application's settings of a subscription.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::body::Body;
use crate::header::ExtraHeader;
use crate::session::Forks;

/// Settings of a subscription (RFC 6665 section 4.1).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// How long each SUBSCRIBE asks to subscribe, in seconds; 3,600 by default. The notifier may shorten it. 0: the notifier sends
    /// the state once, and the subscription ends with it (RFC 6665 section 4.4.3).
    pub expires: u32,
    /// The `id` of Event, which tells apart several subscriptions to one package (RFC 6665 section 4.1.2.1).
    pub id: Option<Box<str>>,
    /// The media types that the application reads, as values of Accept; none: the package's default (RFC 6665 section 4.1.2.1).
    pub accept: Vec<Box<str>>,
    /// The body of each SUBSCRIBE, such as a filter.
    pub body: Option<Body>,
    /// Additional header fields of the application.
    pub headers: Vec<ExtraHeader>,
    /// Whether the core subscribes anew after an end that allows it (RFC 6665 section 4.1.3); true by default.
    pub resubscribe: bool,
    /// What becomes of the further notifiers if the SUBSCRIBE forks (RFC 6665 section 4.4.1): by default the core answers their
    /// NOTIFYs 481, which ends them.
    pub forks: Forks,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self {
            expires: 3_600,
            id: None,
            accept: Vec::new(),
            body: None,
            headers: Vec::new(),
            resubscribe: true,
            forks: Forks::EndOthers,
        }
    }
}

impl SubscribeOptions {
    /// The default subscription: for an hour, and anew after each end that allows it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A poll: the notifier sends the state once (RFC 6665 section 4.4.3).
    #[must_use]
    pub fn poll() -> Self {
        Self::default().expires(0)
    }

    /// Asks for this many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> Self {
        self.expires = seconds;
        self
    }

    /// Tells the subscription apart by an `id` of Event.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Adds a media type that the application reads.
    #[must_use]
    pub fn accept(mut self, media_type: &str) -> Self {
        self.accept.push(media_type.into());
        self
    }

    /// Sets the body of each SUBSCRIBE.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Ends the subscription where the core would subscribe anew.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.resubscribe = false;
        self
    }

    /// Decides about further notifiers that answer.
    #[must_use]
    pub fn forks(mut self, forks: Forks) -> Self {
        self.forks = forks;
        self
    }
}
