//! The application's settings of a publication.

use alloc::vec::Vec;

use crate::header::ExtraHeader;

/// Settings of a publication (RFC 3903 section 4).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishOptions {
    /// How long each PUBLISH asks the server to keep the state, in seconds, more than 0; 3,600 by default. The server may shorten
    /// it.
    pub expires: u32,
    /// Additional header fields of the application.
    pub headers: Vec<ExtraHeader>,
}

impl Default for PublishOptions {
    fn default() -> Self {
        Self {
            expires: 3_600,
            headers: Vec::new(),
        }
    }
}

impl PublishOptions {
    /// The default publication: for an hour, refreshed until the application removes it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for this many seconds.
    #[must_use]
    pub fn expires(mut self, seconds: u32) -> Self {
        self.expires = seconds;
        self
    }

    /// Adds one header field.
    #[must_use]
    pub fn header(mut self, header: ExtraHeader) -> Self {
        self.headers.push(header);
        self
    }
}
