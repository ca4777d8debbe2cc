//! A request as it was sent: bytes, read back at most once.

use core::cell::OnceCell;

use bytes::Bytes;
use sip_parse::{Kind, Limits, Message, Request};

/// A request of the core, read back from its bytes when it is first needed, because most responses never need it.
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

    /// The request; `None` if the bytes are no request within the limits, which the transaction layer excludes.
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
