//! The INVITE server transaction: RFC 3261 figure 7 with RFC 6026 section 7.1.
//!
//! | state                 | input           | does                                  | next                      |
//! |-----------------------|-----------------|---------------------------------------|---------------------------|
//! | (start)               |                 | deliver, 100 = 200 ms                 | Proceeding                |
//! | Proceeding            | timer 100       | send 100                              | Proceeding                |
//! | Proceeding            | request again   | send                                  | Proceeding                |
//! | Proceeding            | user sends 1xx  | stop 100, send                        | Proceeding                |
//! | Proceeding            | user sends 2xx  | stop 100, send, L = 64 T1             | Accepted                  |
//! | Proceeding            | user sends 300+ | stop 100, send, G = T1 (U), H = 64 T1 | Completed                 |
//! | Completed             | request again   | send                                  | Completed                 |
//! | Completed             | timer G         | send, G doubled up to T2 (U)          | Completed                 |
//! | Completed             | timer H         | timeout                               | (gone)                    |
//! | Completed             | ACK             | stop G (U), I = T4 (U)                | Confirmed (U), (gone) (R) |
//! | Proceeding, Completed | transport error | tell                                  | (gone)                    |
//! | Confirmed             | timer I         |                                       | (gone)                    |
//! | Accepted              | user sends 2xx  | send                                  | Accepted                  |
//! | Accepted              | ACK             | deliver                               | Accepted                  |
//! | Accepted              | transport error | tell                                  | Accepted                  |
//! | Accepted              | timer L         |                                       | (gone)                    |
//!
//! (U): on unreliable transports only, (R): on reliable ones. What is not listed changes nothing.
//! Sending again sends the last response. An INVITE that comes again when a 2xx was sent is not answered.

use core::time::Duration;

use super::machine::{Context, Effect, ServerInput, Timer};

/// How long the transaction user may wait before the machine sends 100 (RFC 3261 section 17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum InviteServer {
    Proceeding,
    Completed {
        /// Of timer G, now running.
        interval: Duration,
    },
    Confirmed,
    Accepted,
}

impl InviteServer {
    pub(crate) fn start(context: &mut Context<'_>) -> Self {
        context
            .push(Effect::Deliver)
            .push(Effect::Set(Timer::Repeat, TRYING_AFTER));
        Self::Proceeding
    }

    pub(crate) fn step(self, input: ServerInput, context: &mut Context<'_>) -> Option<Self> {
        use ServerInput::{Ack, Failure, Fired, Provisional, Request, Success, TransportError};
        match (self, input) {
            (Self::Proceeding, Fired(Timer::Repeat)) => {
                context.push(Effect::SendTrying);
                Some(self)
            }
            (Self::Proceeding | Self::Completed { .. }, Request) => {
                context.push(Effect::Send);
                Some(self)
            }
            (Self::Proceeding, Provisional) => {
                context
                    .push(Effect::Clear(Timer::Repeat))
                    .push(Effect::Send);
                Some(self)
            }
            (Self::Proceeding, Success) => {
                context
                    .push(Effect::Clear(Timer::Repeat))
                    .push(Effect::Send);
                context.push(Effect::Set(Timer::End, context.timers.l()));
                Some(Self::Accepted)
            }
            (Self::Proceeding, Failure) => {
                let interval = context.timers.t1();
                context
                    .push(Effect::Clear(Timer::Repeat))
                    .push(Effect::Send)
                    .set_repeat(interval);
                context.push(Effect::Set(Timer::End, context.timers.h()));
                Some(Self::Completed { interval })
            }
            (Self::Completed { interval }, Fired(Timer::Repeat)) => {
                let interval = interval.saturating_mul(2).min(context.timers.t2());
                context.push(Effect::Send).set_repeat(interval);
                Some(Self::Completed { interval })
            }
            (Self::Completed { .. }, Fired(Timer::End)) => {
                context.push(Effect::Timeout);
                None
            }
            (Self::Completed { .. }, Ack) => context.linger(Self::Confirmed, context.timers.t4()),
            (Self::Proceeding | Self::Completed { .. }, TransportError) => {
                context.push(Effect::TransportError);
                None
            }
            (Self::Accepted, Success) => {
                context.push(Effect::Send);
                Some(self)
            }
            (Self::Accepted, Ack) => {
                context.push(Effect::Deliver);
                Some(self)
            }
            (Self::Accepted, TransportError) => {
                context.push(Effect::TransportError);
                Some(self)
            }
            (Self::Confirmed | Self::Accepted, Fired(Timer::End)) => None,
            _ => Some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TimerSettings;
    use super::super::machine::rows;
    use super::Effect::{Clear, Deliver, Send, SendTrying, Set, Timeout};
    use super::InviteServer::{Accepted, Completed, Confirmed, Proceeding};
    use super::ServerInput::{Ack, Failure, Fired, Provisional, Request, Success, TransportError};
    use super::Timer::{End, Repeat};
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// RFC 3261 17.2.1: 100 is due when the user is silent for 200 ms.
    #[test]
    fn rfc3261_17_2_1_start_delivers_and_waits_200_ms() {
        let timers = TimerSettings::default();
        let mut context = Context::new(&timers, true);
        assert_eq!(InviteServer::start(&mut context), Proceeding);
        assert_eq!(context.effects[..], [Deliver, Set(Repeat, MS(200))]);
    }

    /// RFC 3261 17.2.1 figure 7 with RFC 6026 7.1, unreliable transport: every state and input.
    #[test]
    fn rfc3261_17_2_1_rows_on_an_unreliable_transport() {
        let completed = Completed {
            interval: MS(2_000),
        };
        rows! { InviteServer, TimerSettings::default(), false;
            Proceeding, Request => [Send], Some(Proceeding);
            Proceeding, Ack => [], Some(Proceeding);
            Proceeding, Provisional => [Clear(Repeat), Send], Some(Proceeding);
            Proceeding, Success => [Clear(Repeat), Send, Set(End, MS(32_000))], Some(Accepted);
            Proceeding, Failure => [Clear(Repeat), Send, Set(Repeat, MS(500)), Set(End, MS(32_000))], Some(Completed { interval: MS(500) });
            Proceeding, Fired(Repeat) => [SendTrying], Some(Proceeding);
            Proceeding, Fired(End) => [], Some(Proceeding);
            Proceeding, TransportError => [Effect::TransportError], None;
            completed, Request => [Send], Some(completed);
            completed, Ack => [Clear(Repeat), Set(End, MS(5_000))], Some(Confirmed);
            completed, Provisional => [], Some(completed);
            completed, Success => [], Some(completed);
            completed, Failure => [], Some(completed);
            completed, Fired(Repeat) => [Send, Set(Repeat, MS(4_000))], Some(Completed { interval: MS(4_000) });
            Completed { interval: MS(4_000) }, Fired(Repeat) => [Send, Set(Repeat, MS(4_000))], Some(Completed { interval: MS(4_000) });
            completed, Fired(End) => [Timeout], None;
            completed, TransportError => [Effect::TransportError], None;
            Confirmed, Request => [], Some(Confirmed);
            Confirmed, Ack => [], Some(Confirmed);
            Confirmed, Provisional => [], Some(Confirmed);
            Confirmed, Success => [], Some(Confirmed);
            Confirmed, Failure => [], Some(Confirmed);
            Confirmed, Fired(Repeat) => [], Some(Confirmed);
            Confirmed, Fired(End) => [], None;
            Confirmed, TransportError => [], Some(Confirmed);
            Accepted, Request => [], Some(Accepted);
            Accepted, Ack => [Deliver], Some(Accepted);
            Accepted, Provisional => [], Some(Accepted);
            Accepted, Success => [Send], Some(Accepted);
            Accepted, Failure => [], Some(Accepted);
            Accepted, Fired(Repeat) => [], Some(Accepted);
            Accepted, Fired(End) => [], None;
            Accepted, TransportError => [Effect::TransportError], Some(Accepted);
        }
    }

    /// RFC 3261 17.2.1: no timer G, and timer I is zero, on a reliable transport; H stays.
    #[test]
    fn rfc3261_17_2_1_rows_on_a_reliable_transport() {
        let completed = Completed { interval: MS(500) };
        rows! { InviteServer, TimerSettings::default(), true;
            Proceeding, Failure => [Clear(Repeat), Send, Set(End, MS(32_000))], Some(completed);
            completed, Ack => [], None;
            completed, Fired(End) => [Timeout], None;
        }
    }
}
