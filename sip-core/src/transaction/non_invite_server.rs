//! The non-INVITE server transaction: RFC 3261 figure 8 with RFC 4320.
//!
//! | state                         | input            | does                              | next                      |
//! |-------------------------------|------------------|-----------------------------------|---------------------------|
//! | (start)                       |                  | deliver, 100 = 3.5 s, J = 64 T1   | Trying                    |
//! | Trying                        | timer 100        | send 100                          | Proceeding                |
//! | Trying, Proceeding            | user sends 1xx   | stop 100, send                    | Proceeding                |
//! | Proceeding                    | request again    | send                              | Proceeding                |
//! | Completed                     | request again    | send                              | Completed                 |
//! | Trying, Proceeding            | user sends final | send, stop 100 (U), J = 64 T1 (U) | Completed (U), (gone) (R) |
//! | Trying, Proceeding            | 64 T1 are up     | stop 100 (U), J = T4 (U)          | Completed (U), (gone) (R) |
//! | Trying, Proceeding, Completed | transport error  | tell                              | (gone)                    |
//! | Completed                     | timer J          |                                   | (gone)                    |
//!
//! (U): on unreliable transports only, (R): on reliable ones. What is not listed changes nothing. The 100 waits until
//! a client's timer E would be reset to T2, 3.5 s by default: no 100 is sent before, and 64 T1 after the request no
//! final response is sent either, because the client has given up by then (RFC 4320 section 4.2). What it
//! sent last may still be under way, for T4 at most, and must not look like a new request.

use core::time::Duration;

use super::TimerSettings;
use super::machine::{Context, Effect, ServerInput, Timer};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NonInviteServer {
    Trying,
    Proceeding,
    Completed,
}

impl NonInviteServer {
    pub(crate) fn start(context: &mut Context<'_>) -> Self {
        context.push(Effect::Deliver);
        context.push(Effect::Set(Timer::Repeat, trying_after(context.timers)));
        context.push(Effect::Set(Timer::End, context.timers.j()));
        Self::Trying
    }

    pub(crate) fn step(self, input: ServerInput, context: &mut Context<'_>) -> Option<Self> {
        use ServerInput::{Failure, Fired, Provisional, Request, Success, TransportError};
        match (self, input) {
            (Self::Trying, Fired(Timer::Repeat)) => {
                context.push(Effect::SendTrying);
                Some(Self::Proceeding)
            }
            (Self::Trying | Self::Proceeding, Provisional) => {
                context
                    .push(Effect::Clear(Timer::Repeat))
                    .push(Effect::Send);
                Some(Self::Proceeding)
            }
            (Self::Proceeding | Self::Completed, Request) => {
                context.push(Effect::Send);
                Some(self)
            }
            (Self::Trying | Self::Proceeding, Success | Failure) => {
                context.push(Effect::Send);
                context.linger(Self::Completed, context.timers.j())
            }
            (_, TransportError) => {
                context.push(Effect::TransportError);
                None
            }
            // The last retransmission of the client may still arrive; it must not become a new transaction.
            (Self::Trying | Self::Proceeding, Fired(Timer::End)) => {
                context.linger(Self::Completed, context.timers.t4())
            }
            (Self::Completed, Fired(Timer::End)) => None,
            _ => Some(self),
        }
    }
}

/// How long it takes a client's timer E to be reset to T2 (RFC 4320 section 4.1): 3.5 s by default.
fn trying_after(timers: &TimerSettings) -> Duration {
    let (mut elapsed, mut interval) = (Duration::ZERO, timers.t1());
    while interval < timers.t2() {
        elapsed += interval;
        interval *= 2;
    }
    elapsed.max(timers.t1())
}

#[cfg(test)]
mod tests {
    use super::super::machine::rows;
    use super::Effect::{Clear, Deliver, Send, SendTrying, Set};
    use super::NonInviteServer::{Completed, Proceeding, Trying};
    use super::ServerInput::{Ack, Failure, Fired, Provisional, Request, Success, TransportError};
    use super::Timer::{End, Repeat};
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// RFC 4320 4.1: no 100 before a client's timer E would be at T2 (3.5 s with the defaults).
    #[test]
    fn rfc4320_4_1_start_waits_3_5_s_before_a_100() {
        let timers = TimerSettings::default();
        let mut context = Context::new(&timers, false);
        assert_eq!(NonInviteServer::start(&mut context), Trying);
        assert_eq!(
            context.effects[..],
            [Deliver, Set(Repeat, MS(3_500)), Set(End, MS(32_000))]
        );
    }

    /// RFC 3261 17.2.2 figure 8 with RFC 4320, unreliable transport: every state and input.
    #[test]
    fn rfc3261_17_2_2_rows_on_an_unreliable_transport() {
        rows! { NonInviteServer, TimerSettings::default(), false;
            Trying, Request => [], Some(Trying);
            Trying, Ack => [], Some(Trying);
            Trying, Provisional => [Clear(Repeat), Send], Some(Proceeding);
            Trying, Success => [Send, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            Trying, Failure => [Send, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            Trying, Fired(Repeat) => [SendTrying], Some(Proceeding);
            Trying, Fired(End) => [Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            Trying, TransportError => [Effect::TransportError], None;
            Proceeding, Request => [Send], Some(Proceeding);
            Proceeding, Ack => [], Some(Proceeding);
            Proceeding, Provisional => [Clear(Repeat), Send], Some(Proceeding);
            Proceeding, Success => [Send, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            Proceeding, Failure => [Send, Clear(Repeat), Set(End, MS(32_000))], Some(Completed);
            Proceeding, Fired(Repeat) => [], Some(Proceeding);
            Proceeding, Fired(End) => [Clear(Repeat), Set(End, MS(5_000))], Some(Completed);
            Proceeding, TransportError => [Effect::TransportError], None;
            Completed, Request => [Send], Some(Completed);
            Completed, Ack => [], Some(Completed);
            Completed, Provisional => [], Some(Completed);
            Completed, Success => [], Some(Completed);
            Completed, Failure => [], Some(Completed);
            Completed, Fired(Repeat) => [], Some(Completed);
            Completed, Fired(End) => [], None;
            Completed, TransportError => [Effect::TransportError], None;
        }
    }

    /// RFC 3261 17.2.2: timer J is zero on a reliable transport.
    #[test]
    fn rfc3261_17_2_2_final_ends_it_on_a_reliable_transport() {
        rows! { NonInviteServer, TimerSettings::default(), true;
            Trying, Success => [Send], None;
            Proceeding, Failure => [Send], None;
            Trying, Fired(End) => [], None;
            Proceeding, Fired(End) => [], None;
        }
    }
}
