//! The state of a sequence of tones.

use crate::dtmf::Tones;
use crate::ids::SessionId;
use crate::time::Timestamp;
use crate::timer::TimerKey;

/// A sequence of tones that is being sent.
pub(super) struct ToneSequence {
    pub(super) session: SessionId,
    /// Its position in the order of commands.
    pub(super) sequence: u64,
    pub(super) tones: Tones,
    /// The index of the next step.
    pub(super) next: usize,
    /// The time of the next tone at the earliest.
    pub(super) not_before: Timestamp,
    pub(super) phase: TonePhase,
}

/// What a sequence waits for.
pub(super) enum TonePhase {
    /// Another sequence of the same call is being sent.
    Behind,
    /// The media side has been asked to send the tones (`dtmfType` `rtp`).
    Offered(TimerKey),
    /// An INFO is in flight, or waits for a connection.
    InFlight,
    /// The time between two tones.
    Pausing(TimerKey),
}

impl ToneSequence {
    /// The call of the sequence.
    pub(super) const fn session(&self) -> SessionId {
        self.session
    }

    /// Its position in the order of commands.
    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether the sequence waits for an INFO that is in flight.
    pub(super) const fn is_in_flight(&self) -> bool {
        matches!(self.phase, TonePhase::InFlight)
    }

    /// Whether it waits for another sequence.
    pub(super) const fn is_behind(&self) -> bool {
        matches!(self.phase, TonePhase::Behind)
    }

    /// The timer that the sequence waits for.
    pub(super) const fn timer(&self) -> Option<TimerKey> {
        match self.phase {
            TonePhase::Offered(timer) | TonePhase::Pausing(timer) => Some(timer),
            TonePhase::Behind | TonePhase::InFlight => None,
        }
    }
}
