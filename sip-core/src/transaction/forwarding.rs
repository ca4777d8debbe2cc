//! What a proxy asks of a request before it sends it on (RFC 3261 section 16.3).

use sip_parse::{ParseError, Request, StatusCode};

use super::layer::TransactionLayer;
use super::outbox::Outbox;

/// Max-Forwards of a request that has none (RFC 3261 section 16.6 step 3).
const MAX_FORWARDS: u8 = 70;

/// The Max-Forwards value with which a request may be sent on: one less than it has, or 70 if it has none
/// (RFC 3261 sections 16.3 step 3 and 16.6 step 3).
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
    /// How often this element has sent the request on before: the Via values that carry our `sent-by`
    /// (RFC 3261 section 16.3 step 4). Above zero it loops, or spirals back for another Request-URI; the
    /// caller, who knows what it would do with it, decides and answers 482 (Loop Detected).
    ///
    /// # Errors
    /// A Via that cannot be read: answer 400.
    pub fn times_forwarded(&self, request: &Request) -> Result<usize, ParseError> {
        let mut times = 0;
        for via in request.vias() {
            let own = self.settings.sent_by.as_bytes();
            times += usize::from(via?.sent_by().eq_ignore_ascii_case(own));
        }
        Ok(times)
    }
}
