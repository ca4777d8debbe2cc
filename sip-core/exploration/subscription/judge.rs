//! What is wrong with a state of everything.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::application::Incoming;
use super::world::{NOTIFIER, Party, SUBSCRIBER, Side, World};
use crate::endpoint::{Sent, TimerOwner, TransactionUser};
use crate::error::CommandError;

impl World {
    /// Whether a message or a connection was lost, or an application was too slow.
    pub(super) fn was_disturbed(&self) -> bool {
        let (left, rules) = (&self.left, &self.rules);
        let used = |left: u8, all: u8| left < all;
        used(left.cuts, rules.cuts)
            || used(left.losses, rules.losses)
            || used(left.late, rules.late)
    }

    /// What is wrong in a state in which nothing is under way.
    pub(super) fn fault_when_quiet(&self) -> Option<String> {
        let pending = |place: usize| {
            let side = &self.sides[place];
            side.endpoint.layer.unanswered_requests().next().is_some()
        };
        let quiet = !self.under_way() && self.is_open();
        if !quiet || pending(SUBSCRIBER) || pending(NOTIFIER) {
            return None;
        }
        let (subscriber, notifier) = (self.subscriber(), self.notifier());
        let wire = &self.sides[NOTIFIER].wire;
        // The NOTIFY of a subscription that is over may have been lost with its connection.
        let owes = |known: &Incoming| {
            let counts = known.lives() || !self.was_disturbed();
            counts && wire.owes(known.key)
        };
        if notifier.incoming.iter().any(owes) {
            return Some("an accepted SUBSCRIBE without NOTIFY".into());
        }
        let cause = subscriber.ended.or(subscriber.interrupted);
        if let (false, Some(cause @ ("no NOTIFY" | "expired"))) = (self.was_disturbed(), cause) {
            return Some(format!("{cause} although nothing was lost"));
        }
        let mut living = notifier.incoming.iter().filter(|known| known.lives());
        let over = cause.is_some();
        if !self.was_disturbed() && notifier.incoming.iter().any(|known| known.expired) {
            return Some("expired at the notifier although nothing was lost".into());
        }
        if !self.was_disturbed() && over && living.next().is_some() {
            return Some("the subscription lives at the notifier alone".into());
        }
        if subscriber.unsubscribed {
            return None;
        }
        let (report, key) = subscriber.last?;
        let mut living = notifier.incoming.iter().rev();
        let same = living.find(|known| known.key == key && known.lives());
        match same {
            Some(known) if known.terminated || known.reported != Some(report) => Some(format!(
                "the subscriber knows {report:?}, the notifier reported {:?}",
                known.reported
            )),
            Some(_) => None,
            None if !self.was_disturbed() => {
                Some("the subscription lives at the subscriber alone".into())
            }
            None => None,
        }
    }
}

/// The handle of the subscription that has sent a request.
pub(super) fn subscription_of(user: TransactionUser) -> u64 {
    match user {
        TransactionUser::Subscription(id, _) => id.to_bits(),
        TransactionUser::Notification(id) => id.to_bits(),
        other => panic!("no layer here sends for {other:?}"),
    }
}

impl Side {
    /// What is wrong with what the end keeps.
    pub(super) fn fault(&self) -> Option<String> {
        let began_anew = match &self.party {
            Party::Subscriber(_, application) => application.as_ref().is_some_and(|a| a.again),
            Party::Notifier(..) => false,
        };
        // A SUBSCRIBE of a dialog that is over may cross the first one of the next.
        let counts = |sent: &&Sent| match sent.dialog {
            Some(dialog) => self.endpoint.dialogs.dialog(dialog).is_some(),
            None => !began_anew,
        };
        let users = self.endpoint.layer.unanswered_requests().filter(counts);
        let users: Vec<u64> = users.map(|sent| subscription_of(sent.user)).collect();
        let twice = |(place, user): (usize, &u64)| users[..place].contains(user);
        if users.iter().enumerate().any(twice) {
            return Some("two requests of one subscription are in flight".into());
        }
        let waits = self.endpoint.next_tick().is_some();
        match &self.party {
            Party::Subscriber(layer, Some(application)) => {
                if application.terminated {
                    return Some("a terminated state without its consequence".into());
                }
                if application.ended.is_some() && (!layer.is_empty() || self.has_timers()) {
                    return Some("something is left of a subscription that is over".into());
                }
                if application.ended.is_none() && layer.is_empty() {
                    return Some("a subscription is gone without its end".into());
                }
                if !layer.is_empty() && !waits && self.endpoint.flow.is_some() {
                    return Some("a subscription waits for nothing".into());
                }
            }
            Party::Subscriber(..) => {}
            Party::Notifier(layer, application) => {
                let over = |known: &Incoming| known.ended || known.rejected;
                let alive = application.incoming.iter().filter(|known| !over(known));
                if alive.count() != layer.len() {
                    return Some("the application does not know how many subscribe".into());
                }
                if layer.is_empty() && self.has_timers() {
                    return Some("a timer of a subscription that is over".into());
                }
                if !layer.is_empty() && !waits {
                    return Some("a subscription of the peer waits for nothing".into());
                }
            }
        }
        None
    }

    fn has_timers(&self) -> bool {
        let owners = self.endpoint.timer_owners();
        let is_own = |owner: &TimerOwner| {
            matches!(
                owner,
                TimerOwner::Subscription(..) | TimerOwner::Notifier(..)
            )
        };
        owners.iter().any(is_own)
    }

    /// The states for people.
    pub(super) fn state(&self) -> String {
        let timers = self.endpoint.timer_owners();
        match &self.party {
            Party::Subscriber(layer, application) => {
                let ended = application.as_ref().and_then(|known| known.ended);
                let state = ended.map_or_else(|| layer.show(), ToString::to_string);
                format!("{state} {timers:?}")
            }
            Party::Notifier(layer, _) => format!("{} {timers:?}", layer.show()),
        }
    }

    pub(super) fn fault_at_the_end(&self, disturbed: bool) -> Option<&'static str> {
        if !self.is_empty() {
            return Some("a subscription is left");
        }
        if self.endpoint.table_sizes() != [0; 4] || !self.endpoint.layer.has_nothing() {
            return Some("a table is not empty");
        }
        if !disturbed && !self.wire.unanswered.is_empty() {
            return Some("a request without a final response");
        }
        let mut side = self.clone();
        let taken = match &mut side.party {
            Party::Subscriber(layer, Some(application)) => {
                let id = application.id;
                [
                    layer.refresh(&mut side.endpoint, id),
                    layer.unsubscribe(&mut side.endpoint, id),
                ]
            }
            Party::Subscriber(..) => return Some("no subscription"),
            Party::Notifier(layer, application) => {
                let last = application.incoming.last()?;
                let state = crate::Notification::empty();
                let refused = crate::FailureStatus::DECLINE.into();
                [
                    layer.notify(&mut side.endpoint, last.id, state),
                    layer.reject(&mut side.endpoint, last.id, &refused),
                ]
            }
        };
        let stale = |taken: &Result<(), CommandError>| matches!(taken, Err(CommandError::Stale));
        (!taken.iter().all(stale)).then_some("a stale handle is taken")
    }
}
