//! The counters of the traffic, the registration, the connections and the calls.

use alloc::boxed::Box;

use crate::connection::DisconnectReason;
use crate::event::Event;
use crate::reason::{Cause, EndReason};

/// Counters for operators; each only grows. The current sizes are [`TableSizes`](crate::TableSizes).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent, repeats included.
    pub transmitted: u64,
    /// Requests received, ACK and repeats not included.
    pub requests_received: u64,
    /// Requests sent, ACK and repeats not included. A request that is sent again with credentials counts twice.
    pub requests_sent: u64,
    /// Requests and responses that the core has sent again, because the peer has not answered or acknowledged them in time
    /// (RFC 3261 sections 17 and 13.3.1.4); part of `transmitted`.
    pub retransmitted: u64,
    /// Received bytes that were not an acceptable message.
    pub malformed: u64,
    /// Malformed requests that the core answered; part of `malformed`.
    pub malformed_answered: u64,
    /// Well-formed messages that the core dropped.
    pub ignored: u64,
    /// Requests that the core refused by itself.
    pub refused: u64,
    /// Responses whose Authentication-Info is malformed, or does not prove that the server knows the secret
    /// (RFC 7616 section 3.5: rspauth). The core still applies their status.
    pub authentication_info_failures: u64,
    /// Challenges that the core did not hand to the application, because
    /// [`Limits::challenges`](crate::Limits::challenges) or
    /// [`Limits::challenge_bytes`](crate::Limits::challenge_bytes) were reached.
    pub challenges_refused: u64,
    /// Log and trace records that the core dropped because the queue was full.
    pub records_dropped: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Connections that could not be opened.
    pub connections_failed: u64,
    /// Open connections that ended although this side wanted them.
    pub connections_lost: u64,
    /// Bindings made at the registrar (RFC 3261 section 10.2), refreshes not included.
    pub registrations: u64,
    /// Bindings refreshed.
    pub registrations_refreshed: u64,
    /// REGISTERs that failed for good or until a later attempt.
    pub registrations_failed: u64,
    /// Requests of the application outside calls' own methods, such as MESSAGE and OPTIONS, that got a 2xx.
    pub requests_succeeded: u64,
    /// The same that got another final response, or none.
    pub requests_failed: u64,
    /// Calls of this side.
    pub calls_out: CallCounters,
    /// Calls of peers.
    pub calls_in: CallCounters,
}

/// Counters of the calls in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct CallCounters {
    /// Calls that began. Each ends as one of the others but `lost`.
    pub begun: u64,
    /// Calls that came up.
    pub answered: u64,
    /// Calls that got a final response of 300 to 699 instead, other than by a cancellation.
    pub refused: u64,
    /// Calls that the caller cancelled, or this side gave up, before they came up.
    pub cancelled: u64,
    /// Calls that never came up for any other reason: no response, no connection, no session description.
    pub failed: u64,
    /// Calls that came up, and that neither side ended: the connection or the session was lost; part of `answered`.
    pub lost: u64,
}

impl CallCounters {
    /// Counts the end of a call.
    pub(super) fn end(&mut self, was_up: bool, reason: &EndReason) {
        let cause = reason.cause;
        let counter = match (was_up, cause) {
            (true, Cause::Requested | Cause::Bye | Cause::Stopped) => return,
            (true, _) => &mut self.lost,
            (false, Cause::Refused | Cause::Authentication) => &mut self.refused,
            (false, Cause::Requested | Cause::Cancelled | Cause::Bye | Cause::Stopped) => {
                &mut self.cancelled
            }
            (false, Cause::AnsweredElsewhere) => &mut self.cancelled,
            (false, _) => &mut self.failed,
        };
        *counter += 1;
    }
}

/// The counters, of which most agents need a few. Those are 32 bits wide, and what they cannot hold moves to the others.
#[derive(Default)]
pub(super) struct Counts {
    received: u32,
    transmitted: u32,
    requests_received: u32,
    requests_sent: u32,
    connections_opened: u32,
    registrations: u32,
    registrations_refreshed: u32,
    /// The others.
    rare: Option<Box<Counters>>,
}

/// Makes a function that raises a counter of 32 bits.
macro_rules! raise {
    ($($function:ident $counter:ident;)*) => {
        $(
            #[inline]
            pub(super) fn $function(&mut self) {
                self.$counter = match self.$counter.checked_add(1) {
                    Some(raised) => raised,
                    None => {
                        self.rare().$counter += u64::from(u32::MAX);
                        1
                    }
                };
            }
        )*
    };
}

impl Counts {
    raise! {
        received received;
        transmitted transmitted;
        request_received requests_received;
        request_sent requests_sent;
        connected connections_opened;
        registered registrations;
        refreshed registrations_refreshed;
    }

    /// The counters that most agents leave at zero.
    pub(super) fn rare(&mut self) -> &mut Counters {
        self.rare.get_or_insert_default()
    }

    pub(super) fn all(&self) -> Counters {
        let mut all = self.rare.as_deref().copied().unwrap_or_default();
        all.received += u64::from(self.received);
        all.transmitted += u64::from(self.transmitted);
        all.requests_received += u64::from(self.requests_received);
        all.requests_sent += u64::from(self.requests_sent);
        all.connections_opened += u64::from(self.connections_opened);
        all.registrations += u64::from(self.registrations);
        all.registrations_refreshed += u64::from(self.registrations_refreshed);
        all
    }

    /// Counts what the application learns.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Registered(registration) if registration.refreshed => {
                self.refreshed();
            }
            Event::Registered(_) => self.registered(),
            Event::RegistrationFailed { .. } => self.rare().registrations_failed += 1,
            Event::Connected { .. } => self.connected(),
            Event::ConnectFailed { .. } => self.rare().connections_failed += 1,
            Event::Disconnected { reason, .. } if is_loss(*reason) => {
                self.rare().connections_lost += 1;
            }
            Event::RequestCompleted { outcome, .. } => match outcome {
                Ok(response) if response.status().is_success() => {
                    self.rare().requests_succeeded += 1;
                }
                _ => self.rare().requests_failed += 1,
            },
            _ => {}
        }
    }

    /// The counters of the calls in one direction.
    pub(super) fn call(&mut self, outgoing: bool) -> &mut CallCounters {
        let counters = self.rare();
        match outgoing {
            true => &mut counters.calls_out,
            false => &mut counters.calls_in,
        }
    }
}

/// Whether a connection ended against the will of this side.
pub(super) const fn is_loss(reason: DisconnectReason) -> bool {
    !matches!(
        reason,
        DisconnectReason::Requested
            | DisconnectReason::Replaced
            | DisconnectReason::Unneeded
            | DisconnectReason::Stopped
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_goes_on_above_32_bits() {
        let mut counts = Counts {
            received: u32::MAX - 1,
            ..Counts::default()
        };
        for beyond in 0..3 {
            assert_eq!(counts.all().received, u64::from(u32::MAX) - 1 + beyond);
            counts.received();
        }
    }
}
