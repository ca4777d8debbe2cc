//! The location service (RFC 3261 section 10.3): which contacts reach a user, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sip_core::{ConnectionId, Timestamp};
use sip_parse::{Uri, UriBuf, unescape};

use crate::event::RemovalReason;

/// One way to reach a user: the connection of its REGISTER (RFC 5626 calls it the flow). The contact URI only
/// identifies the user agent.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// Never that of another binding.
    pub(crate) number: u64,
    /// Whether it was made by an earlier REGISTER than its last one.
    pub(crate) is_refreshed: bool,
    pub(crate) contact: UriBuf,
    /// Parameters of the Contact value other than `expires`, as `;name=value` text.
    pub(crate) parameters: Box<[u8]>,
    /// `+sip.instance` (RFC 5626 section 4.1) with its quotes.
    pub(crate) instance: Option<Box<[u8]>>,
    /// `reg-id` (RFC 5626 section 4.2).
    pub(crate) flow_number: Option<u32>,
    pub(crate) connection: ConnectionId,
    pub(crate) expires_at: Timestamp,
    call_id: Box<[u8]>,
    sequence: u32,
    /// Grows with every update, so that the latest flow of an instance can be found.
    updated: u64,
}

impl Binding {
    /// Remaining seconds, rounded up, so that a valid binding never shows 0.
    pub(crate) fn remaining(&self, now: Timestamp) -> u64 {
        let left = self.expires_at.saturating_since(now);
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }
}

/// The binding that a REGISTER requests.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) contact: UriBuf,
    pub(crate) parameters: Box<[u8]>,
    pub(crate) instance: Option<Box<[u8]>>,
    pub(crate) flow_number: Option<u32>,
    /// Zero removes the binding.
    pub(crate) expires: Duration,
}

/// The origin of an update: its flow, and the fields by which RFC 3261 section 10.3 step 7 orders REGISTERs.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) call_id: &'a [u8],
    pub(crate) sequence: u32,
    pub(crate) connection: ConnectionId,
}

impl Source<'_> {
    /// RFC 3261 section 10.3 step 7: the same Call-ID and no higher CSeq.
    fn is_late_for(&self, binding: &Binding) -> bool {
        binding.call_id[..] == *self.call_id && self.sequence <= binding.sequence
    }
}

/// The effect of an update on one binding.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) contact: String,
    pub(crate) connection: ConnectionId,
    pub(crate) kind: ChangeKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChangeKind {
    Added(Duration),
    Refreshed(Duration),
    Removed(RemovalReason),
}

/// Why a REGISTER changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UpdateError {
    /// Same Call-ID and no higher CSeq than the REGISTER that made the binding.
    OutOfOrder,
    /// More bindings than one user may have.
    TooMany,
}

#[derive(Default)]
pub(crate) struct Location {
    users: BTreeMap<String, Vec<u64>>,
    bindings: BTreeMap<u64, (String, Binding)>,
    deadlines: BTreeSet<(Timestamp, u64)>,
    /// The bindings of each connection.
    of_connection: BTreeSet<(ConnectionId, u64)>,
    /// The bindings by the user part of their Contact, because the rest of a URI has many spellings.
    of_contact: BTreeSet<(Vec<u8>, u64)>,
    /// The number of the next binding and of the next update.
    next: u64,
    updates: u64,
}

impl Location {
    /// How many bindings all users have.
    pub(crate) fn len(&self) -> usize {
        self.bindings.len()
    }

    /// The bindings of a user, oldest first.
    pub(crate) fn bindings(&self, user: &str) -> impl Iterator<Item = &Binding> {
        let numbers = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        numbers
            .iter()
            .filter_map(|number| self.bindings.get(number).map(|(_, binding)| binding))
    }

    /// The binding of a user that was made or refreshed last.
    pub(crate) fn latest(&self, user: &str) -> Option<&Binding> {
        self.bindings(user).max_by_key(|binding| binding.updated)
    }

    /// The bindings of a user as the targets of a request, grouped by instance with the latest flow first (RFC
    /// 5626 section 7: never two flows of one instance at a time).
    pub(crate) fn targets(&self, user: &str) -> Vec<Vec<&Binding>> {
        let mut targets: Vec<Vec<&Binding>> = Vec::new();
        for binding in self.bindings(user) {
            let same = |target: &&mut Vec<&Binding>| {
                binding.flow_number.is_some()
                    && target.first().is_some_and(|first| {
                        first.flow_number.is_some() && first.instance == binding.instance
                    })
            };
            match targets.iter_mut().find(same) {
                Some(flows) => flows.push(binding),
                None => targets.push(vec![binding]),
            }
        }
        for flows in &mut targets {
            flows.sort_by_key(|binding| std::cmp::Reverse(binding.updated));
        }
        targets
    }

    /// The latest binding of this Contact, of any user.
    pub(crate) fn reached_as(&self, uri: &Uri<'_>) -> Option<&Binding> {
        let user = user_of(uri);
        let numbers = self.of_contact.range((user.clone(), 0)..=(user, u64::MAX));
        let bindings = numbers.filter_map(|(_, number)| self.bindings.get(number));
        // User parts are random, so few bindings reach the long comparison.
        let same = bindings
            .map(|(_, binding)| binding)
            .filter(|binding| binding.contact.as_uri().equivalent(uri));
        same.max_by_key(|binding| binding.updated)
    }

    /// Carries out the contacts of one REGISTER, all or none (RFC 3261 section 10.3 step 7).
    pub(crate) fn update(
        &mut self,
        user: &str,
        source: Source<'_>,
        updates: Vec<Update>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Change>, UpdateError> {
        // All checks come before the first change.
        let mut places = Vec::with_capacity(updates.len());
        let mut count = self.bindings(user).count();
        for update in &updates {
            let place = self.find(user, update);
            let binding = place.and_then(|number| self.bindings.get(&number));
            if binding.is_some_and(|(_, binding)| source.is_late_for(binding)) {
                return Err(UpdateError::OutOfOrder);
            }
            match (place, update.expires.is_zero()) {
                (None, false) => count += 1,
                (Some(_), true) => count = count.saturating_sub(1),
                (None, true) | (Some(_), false) => {}
            }
            places.push(place);
        }
        if count > limit {
            return Err(UpdateError::TooMany);
        }
        let mut changes = Vec::new();
        for (update, place) in updates.into_iter().zip(places) {
            if update.expires.is_zero() {
                let reason = RemovalReason::Requested;
                changes.extend(place.and_then(|number| self.remove(number, reason)));
            } else {
                // A REGISTER may have the same contact twice: the second one finds what the first one has left.
                let place = place.filter(|number| self.bindings.contains_key(number));
                let place = place.or_else(|| self.find(user, &update));
                changes.push(self.store(user, source, update, place, now));
            }
        }
        Ok(changes)
    }

    /// `Contact: *`: removes every binding of a user (RFC 3261 section 10.3 step 6).
    pub(crate) fn clear(
        &mut self,
        user: &str,
        source: Source<'_>,
    ) -> Result<Vec<Change>, UpdateError> {
        if self
            .bindings(user)
            .any(|binding| source.is_late_for(binding))
        {
            return Err(UpdateError::OutOfOrder);
        }
        let numbers = self.users.get(user).cloned().unwrap_or_default();
        let reason = RemovalReason::Requested;
        Ok(numbers
            .into_iter()
            .filter_map(|number| self.remove(number, reason))
            .collect())
    }

    /// Removes the bindings of a closed connection.
    pub(crate) fn connection_closed(&mut self, connection: ConnectionId) -> Vec<Change> {
        let lost = self
            .of_connection
            .range((connection, 0)..=(connection, u64::MAX));
        let numbers: Vec<u64> = lost.map(|&(_, number)| number).collect();
        let reason = RemovalReason::ConnectionLost;
        numbers
            .into_iter()
            .filter_map(|number| self.remove(number, reason))
            .collect()
    }

    /// When the next binding expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|&(at, _)| at)
    }

    /// Removes one binding that has expired by `now`.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Option<Change> {
        let &(at, number) = self.deadlines.first()?;
        if at > now {
            return None;
        }
        self.deadlines.pop_first();
        self.remove(number, RemovalReason::Expired)
    }

    /// The binding that an update refers to: the same flow of the same instance (RFC 5626 section 6), else the
    /// same URI (RFC 3261 section 10.3 step 7).
    fn find(&self, user: &str, update: &Update) -> Option<u64> {
        let numbers = self.users.get(user)?;
        let same = |number: &&u64| {
            self.bindings.get(number).is_some_and(|(_, binding)| {
                if update.instance.is_some() && update.flow_number.is_some() {
                    binding.instance == update.instance && binding.flow_number == update.flow_number
                } else {
                    binding
                        .contact
                        .as_uri()
                        .equivalent(&update.contact.as_uri())
                }
            })
        };
        numbers.iter().find(same).copied()
    }

    fn store(
        &mut self,
        user: &str,
        source: Source<'_>,
        update: Update,
        place: Option<u64>,
        now: Timestamp,
    ) -> Change {
        let expires_at = now + update.expires;
        self.updates += 1;
        let change = Change {
            user: user.to_owned(),
            contact: update.contact.to_string(),
            connection: source.connection,
            kind: match place {
                Some(_) => ChangeKind::Refreshed(update.expires),
                None => ChangeKind::Added(update.expires),
            },
        };
        let number = place.unwrap_or_else(|| {
            self.next += 1;
            self.users
                .entry(user.to_owned())
                .or_default()
                .push(self.next);
            self.next
        });
        let binding = Binding {
            number,
            is_refreshed: place.is_some(),
            contact: update.contact,
            parameters: update.parameters,
            instance: update.instance,
            flow_number: update.flow_number,
            connection: source.connection,
            expires_at,
            call_id: source.call_id.into(),
            sequence: source.sequence,
            updated: self.updates,
        };
        let contact = user_of(&binding.contact.as_uri());
        if let Some((_, old)) = self.bindings.insert(number, (user.to_owned(), binding)) {
            self.forget(&old);
        }
        self.deadlines.insert((expires_at, number));
        self.of_connection.insert((source.connection, number));
        self.of_contact.insert((contact, number));
        change
    }

    /// Takes a binding out of the indices.
    fn forget(&mut self, binding: &Binding) {
        let number = binding.number;
        self.deadlines.remove(&(binding.expires_at, number));
        self.of_connection.remove(&(binding.connection, number));
        self.of_contact
            .remove(&(user_of(&binding.contact.as_uri()), number));
    }

    fn remove(&mut self, number: u64, reason: RemovalReason) -> Option<Change> {
        let (user, binding) = self.bindings.remove(&number)?;
        self.forget(&binding);
        if let Some(numbers) = self.users.get_mut(&user) {
            numbers.retain(|&other| other != number);
            if numbers.is_empty() {
                self.users.remove(&user);
            }
        }
        Some(Change {
            user,
            contact: binding.contact.to_string(),
            connection: binding.connection,
            kind: ChangeKind::Removed(reason),
        })
    }
}

/// The user part of a URI without escapes, so that it is the same in equivalent URIs (RFC 3261 section 19.1.4).
fn user_of(uri: &Uri<'_>) -> Vec<u8> {
    unescape(uri.user().unwrap_or_default()).into_owned()
}
