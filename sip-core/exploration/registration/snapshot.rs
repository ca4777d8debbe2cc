//! The digest of the registration of an agent.

use super::{Registrations, Wish};
use crate::exploration::Digest;
use crate::time::Timestamp;

impl Registrations {
    /// Everything that decides how the registration goes on.
    pub(crate) fn digest(&self, now: Timestamp) -> u64 {
        let mut digest = Digest::new();
        let until = |at: Option<Timestamp>| match at {
            None => 0,
            Some(at) if at < now => 1,
            Some(at) => 2 + at.saturating_since(now).as_micros() as u64,
        };
        digest
            .debug(&(
                self.wish,
                &self.pending,
                self.expires,
                self.min_expires_applied,
            ))
            .debug(&(&self.without_outbound, self.outbound))
            .number(self.cseq.into());
        for binding in &self.bindings {
            digest
                .debug(&(
                    binding.kind(),
                    binding.failures,
                    binding.attempted,
                    binding.reconnecting,
                ))
                .number(until(binding.act_at()))
                .number(until(binding.bound_until()))
                .number(u64::from(binding.timer.is_some()))
                .number(u64::from(binding.is_waiting()));
        }
        digest.finish()
    }

    /// What is wrong with a registration on an open connection.
    pub(crate) fn fault_when_open(&self) -> Option<&'static str> {
        let in_flight = !self.is_idle();
        let timed = self.bindings.iter().any(|binding| binding.timer.is_some());
        match self.wish {
            Wish::Registered if !in_flight && !timed => Some("wanted, and nothing will happen"),
            Wish::Registered
                if !in_flight && self.bindings.iter().all(|b| b.act_at().is_none()) =>
            {
                Some("wanted, and no REGISTER follows")
            }
            Wish::Leaving if !in_flight => Some("the removal is not reported"),
            Wish::Off if !in_flight && self.is_bound() => Some("a binding stays that nobody wants"),
            _ => None,
        }
    }
}
