//! The non-INVITE client transaction: RFC 3261 figure 6.
//!
//! | state              | input           | does                            | next                      |
//! |--------------------|-----------------|---------------------------------|---------------------------|
//! | (start)            |                 | send, E = T1 (U), F = 64 T1     | Trying                    |
//! | Trying             | timer E         | send, E doubled up to T2 (U)    | Trying                    |
//! | Trying, Proceeding | 1xx             | deliver                         | Proceeding                |
//! | Proceeding         | timer E         | send, E = T2 (U)                | Proceeding                |
//! | Trying, Proceeding | 200 to 699      | deliver, stop E (U), K = T4 (U) | Completed (U), (gone) (R) |
//! | Trying, Proceeding | timer F         | timeout                         | (gone)                    |
//! | Trying, Proceeding | transport error | tell                            | (gone)                    |
//! | Completed          | timer K         |                                 | (gone)                    |
//!
//! (U): on unreliable transports only, (R): on reliable ones. What is not listed changes nothing.

use core::time::Duration;

use super::machine::{ClientInput, Context, Effect, Timer};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NonInviteClient {
    Trying {
        /// Of timer E, now running.
        interval: Duration,
    },
    Proceeding,
    Completed,
}

impl NonInviteClient {
    pub(crate) fn start(context: &mut Context<'_>) -> Self {
        let interval = context.timers.t1();
        context.push(Effect::Send).set_repeat(interval);
        context.push(Effect::Set(Timer::End, context.timers.f()));
        Self::Trying { interval }
    }

    pub(crate) fn step(self, input: ClientInput, context: &mut Context<'_>) -> Option<Self> {
        use ClientInput::{Failure, Fired, Provisional, Success, TransportError};
        match (self, input) {
            (Self::Trying { interval }, Fired(Timer::Repeat)) => {
                let interval = interval.saturating_mul(2).min(context.timers.t2());
                context.push(Effect::Send).set_repeat(interval);
                Some(Self::Trying { interval })
            }
            (Self::Proceeding, Fired(Timer::Repeat)) => {
                let interval = context.timers.t2();
                context.push(Effect::Send).set_repeat(interval);
                Some(self)
            }
            (Self::Trying { .. } | Self::Proceeding, Provisional) => {
                context.push(Effect::Deliver);
                Some(Self::Proceeding)
            }
            (Self::Trying { .. } | Self::Proceeding, Success | Failure) => {
                context.push(Effect::Deliver);
                context.linger(Self::Completed, context.timers.t4())
            }
            (Self::Trying { .. } | Self::Proceeding, Fired(Timer::End)) => {
                context.push(Effect::Timeout);
                None
            }
            (Self::Trying { .. } | Self::Proceeding, TransportError) => {
                context.push(Effect::TransportError);
                None
            }
            (Self::Completed, Fired(Timer::End)) => None,
            _ => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TimerSettings;
    use super::super::machine::rows;
    use super::ClientInput::{Cancelled, Failure, Fired, Provisional, Success, TransportError};
    use super::Effect::{Clear, Deliver, Send, Set, Timeout};
    use super::NonInviteClient::{Completed, Proceeding, Trying};
    use super::Timer::{End, Repeat};
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// RFC 3261 17.1.2.2: the start of figure 6.
    #[test]
    fn rfc3261_17_1_2_2_start_sends_and_sets_e_and_f() {
        let timers = TimerSettings::default();
        let mut context = Context::new(&timers, false);
        assert_eq!(
            NonInviteClient::start(&mut context),
            Trying { interval: MS(500) }
        );
        assert_eq!(
            context.effects[..],
            [Send, Set(Repeat, MS(500)), Set(End, MS(32_000))]
        );
        let mut context = Context::new(&timers, true);
        assert_eq!(
            NonInviteClient::start(&mut context),
            Trying { interval: MS(500) }
        );
        assert_eq!(
            context.effects[..],
            [Send, Set(End, MS(32_000))],
            "no timer E on a reliable transport"
        );
    }

    /// RFC 3261 17.1.2.2 figure 6, unreliable transport: every state and input.
    #[test]
    fn rfc3261_17_1_2_2_rows_on_an_unreliable_transport() {
        let trying = Trying { interval: MS(500) };
        rows! { NonInviteClient, TimerSettings::default(), false;
            trying, Provisional => [Deliver], Some(Proceeding);
            trying, Success => [Deliver, Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            trying, Failure => [Deliver, Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            trying, Cancelled => [], Some(trying);
            trying, Fired(Repeat) => [Send, Set(Repeat, MS(1_000))], Some(Trying { interval: MS(1_000) });
            Trying { interval: MS(4_000) }, Fired(Repeat) => [Send, Set(Repeat, MS(4_000))], Some(Trying { interval: MS(4_000) });
            trying, Fired(End) => [Timeout], None;
            trying, TransportError => [Effect::TransportError], None;
            Proceeding, Provisional => [Deliver], Some(Proceeding);
            Proceeding, Success => [Deliver, Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            Proceeding, Failure => [Deliver, Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            Proceeding, Cancelled => [], Some(Proceeding);
            Proceeding, Fired(Repeat) => [Send, Set(Repeat, MS(4_000))], Some(Proceeding);
            Proceeding, Fired(End) => [Timeout], None;
            Proceeding, TransportError => [Effect::TransportError], None;
            Completed, Provisional => [], Some(Completed);
            Completed, Success => [], Some(Completed);
            Completed, Failure => [], Some(Completed);
            Completed, Cancelled => [], Some(Completed);
            Completed, Fired(Repeat) => [], Some(Completed);
            Completed, Fired(End) => [], None;
            Completed, TransportError => [], Some(Completed);
        }
    }

    /// RFC 3261 17.1.2.2: timer K is zero on a reliable transport.
    #[test]
    fn rfc3261_17_1_2_2_final_ends_it_on_a_reliable_transport() {
        rows! { NonInviteClient, TimerSettings::default(), true;
            Trying { interval: MS(500) }, Success => [Deliver], None;
            Proceeding, Failure => [Deliver], None;
            Proceeding, Fired(End) => [Timeout], None;
        }
    }
}
