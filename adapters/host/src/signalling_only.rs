//! Calls without media, for bots and tests.

use alloc::string::ToString;

use sip_core::{Body, DescriptionKind};
use sip_sdp::{Audio, Negotiation, NegotiationError};

use crate::description::DescriptionError;

/// The descriptions of one call without media: it offers one audio stream, answers offers (RFC 3264 section 6), holds and resumes. An
/// adapter wraps it in its own handler.
///
/// ```
/// use sip_core::DescriptionKind::{Answer, Offer};
/// use sip_host::SignallingOnly;
///
/// let (mut alice, mut bob) = (SignallingOnly::new(1), SignallingOnly::new(2));
/// let offer = alice.describe(Offer, false)?;
/// bob.accept(Offer, &offer)?;
/// alice.accept(Answer, &bob.describe(Answer, false)?)?;
/// # Ok::<(), sip_host::DescriptionError>(())
/// ```
#[derive(Debug)]
pub struct SignallingOnly(Negotiation);

impl SignallingOnly {
    /// The descriptions of a new call. `session` is the session id of its `o=` lines: no other call of this host should have it
    /// (RFC 8866 section 5.2).
    #[must_use]
    pub fn new(session: u64) -> Self {
        Self(Negotiation::new(session, Audio::signalling_only()))
    }

    /// Our offer, or the answer to the last offer of the peer; with `hold` this side holds the call.
    ///
    /// # Errors
    /// An answer without an offer.
    pub fn describe(
        &mut self,
        kind: DescriptionKind,
        hold: bool,
    ) -> Result<Body, DescriptionError> {
        let text = match kind {
            DescriptionKind::Offer => Ok(self.0.offer(hold)),
            DescriptionKind::Answer => self.0.answer(hold),
        };
        text.map(Body::sdp).map_err(|error| unusable(&error))
    }

    /// Takes the offer or the answer of the peer.
    ///
    /// # Errors
    /// It cannot be read, or has no audio that is understood. The core refuses such an offer by 488 (RFC 3261 section 13.3.1.3).
    pub fn accept(&mut self, kind: DescriptionKind, body: &Body) -> Result<(), DescriptionError> {
        match kind {
            DescriptionKind::Offer => self.0.accept_offer(&body.bytes),
            DescriptionKind::Answer => self.0.accept_answer(&body.bytes),
        }
        .map_err(|error| unusable(&error))
    }

    /// The exchange ended without a new session: the one before it is in force again (RFC 6141 section 4).
    pub fn roll_back(&mut self) {
        self.0.roll_back();
    }
}

fn unusable(error: &NegotiationError) -> DescriptionError {
    DescriptionError(error.to_string())
}
