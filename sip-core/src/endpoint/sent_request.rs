//! A sent request: its bytes, parsed at most once.

use core::cell::OnceCell;

use bytes::Bytes;
use sip_parse::{Kind, Limits, Message, Request};

/// A request of the core. Its bytes are parsed on first use, because most responses never need the request.
#[derive(Clone, Debug)]
pub struct SentRequest {
    bytes: Bytes,
    limits: Limits,
    request: OnceCell<Option<Request>>,
}

impl SentRequest {
    pub(crate) fn new(bytes: Bytes, limits: Limits) -> Self {
        Self {
            bytes,
            limits,
            request: OnceCell::new(),
        }
    }

    /// The bytes as they were sent.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The request; `None` if the bytes are not a request within the limits, which the transaction layer
    /// rules out.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        let read = || match Message::parse(self.bytes.clone(), &self.limits)
            .ok()?
            .kind()
        {
            Kind::Request(request) => Some(request),
            Kind::Response(_) => None,
        };
        self.request.get_or_init(read).as_ref()
    }
}
