//! The INVITE client transaction: RFC 3261 figure 5 with RFC 6026 section 7.2.
//!
//! | state                          | input           | does                                   | next                      |
//! |--------------------------------|-----------------|----------------------------------------|---------------------------|
//! | (start)                        |                 | send, A = T1 (U), B = 64 T1            | Calling                   |
//! | Calling                        | timer A         | send, A doubled (U)                    | Calling                   |
//! | Calling                        | timer B         | timeout                                | (gone)                    |
//! | Calling                        | 1xx             | deliver, stop A, stop B                | Proceeding                |
//! | Proceeding                     | 1xx             | deliver                                | Proceeding                |
//! | Proceeding                     | CANCEL was sent | B = 64 T1                              | Proceeding                |
//! | Proceeding                     | timer B         | timeout                                | (gone)                    |
//! | Calling, Proceeding            | 2xx             | deliver, stop A, M = 64 T1             | Accepted                  |
//! | Calling, Proceeding            | 300 to 699      | ACK, deliver, stop A (U), D = 32 s (U) | Completed (U), (gone) (R) |
//! | Calling, Proceeding, Completed | transport error | tell                                   | (gone)                    |
//! | Completed                      | 300 to 699      | ACK                                    | Completed                 |
//! | Completed                      | timer D         |                                        | (gone)                    |
//! | Accepted                       | 2xx             | deliver                                | Accepted                  |
//! | Accepted                       | timer M         |                                        | (gone)                    |
//!
//! (U): on unreliable transports only, (R): on reliable ones. What is not listed changes nothing.
//! After CANCEL timer B runs once more (section 9.1); D is 32 s at least.

use core::time::Duration;

use super::machine::{ClientInput, Context, Effect, Timer};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum InviteClient {
    Calling {
        /// Of timer A, now running.
        interval: Duration,
    },
    Proceeding,
    Completed,
    Accepted,
}

impl InviteClient {
    pub(crate) fn start(context: &mut Context<'_>) -> Self {
        let interval = context.timers.t1();
        context.push(Effect::Send).set_repeat(interval);
        context.push(Effect::Set(Timer::End, context.timers.b()));
        Self::Calling { interval }
    }

    pub(crate) fn step(self, input: ClientInput, context: &mut Context<'_>) -> Option<Self> {
        use ClientInput::{Cancelled, Failure, Fired, Provisional, Success, TransportError};
        match (self, input) {
            (Self::Calling { interval }, Fired(Timer::Repeat)) => {
                let interval = interval.saturating_mul(2);
                context.push(Effect::Send).set_repeat(interval);
                Some(Self::Calling { interval })
            }
            (Self::Calling { .. }, Provisional) => {
                context
                    .push(Effect::Deliver)
                    .push(Effect::Clear(Timer::Repeat))
                    .push(Effect::Clear(Timer::End));
                Some(Self::Proceeding)
            }
            (Self::Proceeding, Provisional) => {
                context.push(Effect::Deliver);
                Some(self)
            }
            (Self::Proceeding, Cancelled) => {
                context.push(Effect::Set(Timer::End, context.timers.b()));
                Some(self)
            }
            (Self::Calling { .. } | Self::Proceeding, Fired(Timer::End)) => {
                context.push(Effect::Timeout);
                None
            }
            (Self::Calling { .. } | Self::Proceeding, Success) => {
                context
                    .push(Effect::Deliver)
                    .push(Effect::Clear(Timer::Repeat));
                context.push(Effect::Set(Timer::End, context.timers.m()));
                Some(Self::Accepted)
            }
            (Self::Calling { .. } | Self::Proceeding, Failure) => {
                context.push(Effect::SendAck).push(Effect::Deliver);
                context.linger(Self::Completed, context.timers.d())
            }
            (Self::Calling { .. } | Self::Proceeding | Self::Completed, TransportError) => {
                context.push(Effect::TransportError);
                None
            }
            (Self::Completed, Failure) => {
                context.push(Effect::SendAck);
                Some(self)
            }
            (Self::Accepted, Success) => {
                context.push(Effect::Deliver);
                Some(self)
            }
            (Self::Completed | Self::Accepted, Fired(Timer::End)) => None,
            _ => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TimerSettings;
    use super::super::machine::rows;
    use super::ClientInput::{Cancelled, Failure, Fired, Provisional, Success, TransportError};
    use super::Effect::{Clear, Deliver, Send, SendAck, Set, Timeout};
    use super::InviteClient::{Accepted, Calling, Completed, Proceeding};
    use super::Timer::{End, Repeat};
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// RFC 3261 17.1.1.2: the start of figure 5.
    #[test]
    fn rfc3261_17_1_1_2_start_sends_and_sets_a_and_b() {
        let timers = TimerSettings::default();
        let mut context = Context::new(&timers, false);
        assert_eq!(
            InviteClient::start(&mut context),
            Calling { interval: MS(500) }
        );
        assert_eq!(
            context.effects[..],
            [Send, Set(Repeat, MS(500)), Set(End, MS(32_000))]
        );
        let mut context = Context::new(&timers, true);
        assert_eq!(
            InviteClient::start(&mut context),
            Calling { interval: MS(500) }
        );
        assert_eq!(
            context.effects[..],
            [Send, Set(End, MS(32_000))],
            "no timer A on a reliable transport"
        );
    }

    /// RFC 3261 17.1.1.2 figure 5 with RFC 6026 7.2, unreliable transport: every state and input.
    #[test]
    fn rfc3261_17_1_1_2_rows_on_an_unreliable_transport() {
        let calling = Calling {
            interval: MS(4_000),
        };
        rows! { InviteClient, TimerSettings::default(), false;
            calling, Provisional => [Deliver, Clear(Repeat), Clear(End)], Some(Proceeding);
            calling, Success => [Deliver, Clear(Repeat), Set(End, MS(32_000))], Some(Accepted);
            calling, Failure => [SendAck, Deliver, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            calling, Cancelled => [], Some(calling);
            calling, Fired(Repeat) => [Send, Set(Repeat, MS(8_000))], Some(Calling { interval: MS(8_000) });
            calling, Fired(End) => [Timeout], None;
            calling, TransportError => [Effect::TransportError], None;
            Proceeding, Provisional => [Deliver], Some(Proceeding);
            Proceeding, Success => [Deliver, Clear(Repeat), Set(End, MS(32_000))], Some(Accepted);
            Proceeding, Failure => [SendAck, Deliver, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            Proceeding, Cancelled => [Set(End, MS(32_000))], Some(Proceeding);
            Proceeding, Fired(Repeat) => [], Some(Proceeding);
            Proceeding, Fired(End) => [Timeout], None;
            Proceeding, TransportError => [Effect::TransportError], None;
            Completed, Provisional => [], Some(Completed);
            Completed, Success => [], Some(Completed);
            Completed, Failure => [SendAck], Some(Completed);
            Completed, Cancelled => [], Some(Completed);
            Completed, Fired(Repeat) => [], Some(Completed);
            Completed, Fired(End) => [], None;
            Completed, TransportError => [Effect::TransportError], None;
            Accepted, Provisional => [], Some(Accepted);
            Accepted, Success => [Deliver], Some(Accepted);
            Accepted, Failure => [], Some(Accepted);
            Accepted, Cancelled => [], Some(Accepted);
            Accepted, Fired(Repeat) => [], Some(Accepted);
            Accepted, Fired(End) => [], None;
            Accepted, TransportError => [], Some(Accepted);
        }
    }

    /// RFC 3261 17.1.1.2: timer D is zero on a reliable transport, and timer A is never set.
    #[test]
    fn rfc3261_17_1_1_2_rows_on_a_reliable_transport() {
        let calling = Calling { interval: MS(500) };
        rows! { InviteClient, TimerSettings::default(), true;
            calling, Failure => [SendAck, Deliver], None;
            Proceeding, Failure => [SendAck, Deliver], None;
            calling, Success => [Deliver, Clear(Repeat), Set(End, MS(32_000))], Some(Accepted);
            Accepted, Fired(End) => [], None;
        }
    }
}
