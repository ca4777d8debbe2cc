//! Checks of a proxy before it forwards a request (RFC 3261 section 16.3).

use sip_parse::{ParseError, Request, StatusCode};

use super::layer::TransactionLayer;
use super::outbox::Outbox;

/// The Max-Forwards to add to a request without one (RFC 3261 section 16.6 step 3).
const MAX_FORWARDS: u8 = 70;

/// The Max-Forwards of the forwarded request: one less than in `request`, or 70 if it has none (RFC 3261
/// sections 16.3 step 3 and 16.6 step 3).
///
/// # Errors
/// The status to answer: 483 if none is left (an OPTIONS may be answered 200 instead), 400 if the value
/// cannot be read.
pub fn forwards_left(request: &Request) -> Result<u8, StatusCode> {
    match request.max_forwards() {
        Ok(None) => Ok(MAX_FORWARDS),
        Ok(Some(hops)) => hops.checked_sub(1).ok_or(StatusCode::TOO_MANY_HOPS),
        Err(error) => Err(error.status()),
    }
}

impl<U: Clone, O: Outbox<U>> TransactionLayer<U, O> {
    /// How often this element has forwarded the request before: the number of Via values with a `sent-by` of its own
    /// (RFC 3261 section 16.3 step 4). Above zero the request loops, or spirals back with another
    /// Request-URI. The caller decides, because it knows the next target, and answers a loop with 482 (Loop
    /// Detected).
    ///
    /// # Errors
    /// A Via that cannot be read: answer 400.
    pub fn times_forwarded(&self, request: &Request) -> Result<usize, ParseError> {
        let mut times = 0;
        for via in request.vias() {
            times += usize::from(self.is_own_sent_by(via?.sent_by()));
        }
        Ok(times)
    }
}
