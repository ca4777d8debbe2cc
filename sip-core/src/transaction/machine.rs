//! Inputs, effects and timers, which the four machines share.

use core::time::Duration;

use smallvec::SmallVec;

use super::TimerSettings;

/// The two timers that a transaction can have running; which of the RFC's letters each one is
/// follows from the machine and its state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Timer {
    /// A, E, G; and the waits before an automatic 100 (RFC 3261 section 17.2.1, RFC 4320).
    Repeat,
    /// B, D, F, H, I, J, K, L, M.
    End,
}

/// The inputs of a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ClientInput {
    Provisional,
    Success,
    /// 300 to 699.
    Failure,
    /// A CANCEL for it was sent (INVITE only).
    Cancelled,
    Fired(Timer),
    TransportError,
}

/// The inputs of a server transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ServerInput {
    /// A retransmission of the request arrived.
    Request,
    /// Its ACK arrived (INVITE only).
    Ack,
    /// Its user sends 100 to 199.
    Provisional,
    /// Its user sends 200 to 299.
    Success,
    /// Its user sends 300 to 699.
    Failure,
    Fired(Timer),
    TransportError,
}

/// The effects of a step; the layer carries them out in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Effect {
    /// Send the request, or the last response.
    Send,
    /// Send 100 Trying.
    SendTrying,
    /// Send the ACK to a 300 to 699.
    SendAck,
    /// Deliver the received message to the transaction user.
    Deliver,
    /// Start or restart a timer.
    Set(Timer, Duration),
    Clear(Timer),
    /// Report a time-out to the transaction user: no final response to a client, no ACK to a server.
    Timeout,
    /// Report the transport failure to the transaction user.
    TransportError,
}

/// The context of a step.
pub(crate) struct Context<'a> {
    pub(crate) timers: &'a TimerSettings,
    pub(crate) reliable: bool,
    pub(crate) effects: SmallVec<[Effect; 4]>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(timers: &'a TimerSettings, reliable: bool) -> Self {
        Self {
            timers,
            reliable,
            effects: SmallVec::new(),
        }
    }

    pub(crate) fn push(&mut self, effect: Effect) -> &mut Self {
        self.effects.push(effect);
        self
    }

    /// Starts the timer that retransmits, on transports that need it.
    pub(crate) fn set_repeat(&mut self, after: Duration) -> &mut Self {
        if !self.reliable {
            self.push(Effect::Set(Timer::Repeat, after));
        }
        self
    }

    /// Stays in `state` to absorb retransmissions. A reliable transport has none (timers D, I, J and K are
    /// zero there, RFC 3261 table 4).
    pub(crate) fn linger<M>(&mut self, state: M, time: Duration) -> Option<M> {
        if self.reliable {
            return None;
        }
        self.push(Effect::Clear(Timer::Repeat))
            .push(Effect::Set(Timer::End, time));
        Some(state)
    }
}

/// Row tests: each line is state, input, effects in order, next state.
#[cfg(test)]
macro_rules! rows {
    ($machine:ty, $timers:expr, $reliable:expr; $($from:expr, $input:expr => [$($effect:expr),*], $to:expr;)*) => {
        $({
            let timers = $timers;
            let mut context = $crate::transaction::machine::Context::new(&timers, $reliable);
            let from: $machine = $from;
            let to: Option<$machine> = from.step($input, &mut context);
            let expected: &[$crate::transaction::machine::Effect] = &[$($effect),*];
            assert_eq!((&context.effects[..], to), (expected, $to), "{} on {}", stringify!($from), stringify!($input));
        })*
    };
}
#[cfg(test)]
pub(crate) use rows;
