//! Counts calls for the layer that has them.

use super::state::Endpoint;
use crate::reason::EndReason;

impl Endpoint {
    /// A call begins; `outgoing` if this side calls.
    pub(crate) fn count_call(&mut self, outgoing: bool) {
        self.queue().counters.call(outgoing).begun += 1;
    }

    /// A call came up.
    pub(crate) fn count_call_up(&mut self, outgoing: bool) {
        self.queue().counters.call(outgoing).answered += 1;
    }

    /// A call is over.
    pub(crate) fn count_call_end(&mut self, outgoing: bool, was_up: bool, reason: &EndReason) {
        self.queue().counters.call(outgoing).end(was_up, reason);
    }
}
