//! The calls that pass the edge: their numbers, and since when each is up. For observers alone; no routing depends on it.

use std::collections::{BTreeMap, BTreeSet};

use sip_core::{ConnectionId, Timestamp};
use sip_parse::Request;

/// An INVITE outside any dialog that is being forwarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// The number of the call, counted from 1.
    pub(crate) number: u64,
    /// When the INVITE came.
    pub(crate) since: Timestamp,
    /// Whether an observer knows that the callee is alerted.
    pub(crate) rings: bool,
}

/// Call-ID and the tag of the caller.
pub(crate) type CallKey = (Box<[u8]>, Box<[u8]>);

/// The calls that are up.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    up: BTreeMap<u64, Call>,
    by_key: BTreeMap<CallKey, u64>,
    by_connection: BTreeSet<(u64, u64)>,
}

/// A call that is up.
#[derive(Debug)]
struct Call {
    key: CallKey,
    since: Timestamp,
    /// The connections of caller and callee.
    ends: [ConnectionId; 2],
}

impl Calls {
    /// How many calls are up.
    pub(crate) fn len(&self) -> usize {
        self.up.len()
    }

    /// A new call.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Attempt {
        self.last += 1;
        Attempt {
            number: self.last,
            since: now,
            rings: false,
        }
    }

    /// A call is up. If `most` are up already, the oldest is forgotten.
    pub(crate) fn established(
        &mut self,
        number: u64,
        invite: &Request,
        ends: [ConnectionId; 2],
        most: usize,
        now: Timestamp,
    ) {
        let Some(key) = key_of(invite) else { return };
        while self.up.len() >= most {
            let Some((&oldest, _)) = self.up.first_key_value() else {
                break;
            };
            self.remove(oldest);
        }
        for end in ends {
            self.by_connection.insert((end.to_bits(), number));
        }
        self.by_key.insert(key.clone(), number);
        let since = now;
        self.up.insert(number, Call { key, since, ends });
    }

    /// Ends the call of a BYE. Returns its number, and since when it was up.
    pub(crate) fn ended(&mut self, bye: &Request) -> Option<(u64, Timestamp)> {
        let call_id = bye.call_id().ok()?;
        let (from, to) = (bye.from().ok()?, bye.to().ok()?);
        let number = [from.tag(), to.tag()]
            .into_iter()
            .flatten()
            .find_map(|tag| {
                let key: CallKey = (call_id.into(), tag.into());
                self.by_key.get(&key).copied()
            })?;
        Some((number, self.remove(number)?))
    }

    /// Ends the calls of a connection whose other end is not connected either. A call with one end left goes on, because the
    /// other may come back on a new connection.
    pub(crate) fn connection_closed(
        &mut self,
        closed: ConnectionId,
        is_open: impl Fn(ConnectionId) -> bool,
    ) -> Vec<(u64, Timestamp)> {
        let bits = closed.to_bits();
        let range = self.by_connection.range((bits, 0)..=(bits, u64::MAX));
        let over = |number: &u64| {
            let call = self.up.get(number);
            call.is_none_or(|call| !call.ends.iter().any(|&end| is_open(end)))
        };
        let over: Vec<u64> = range.map(|&(_, number)| number).filter(over).collect();
        let ended = over.into_iter();
        ended
            .filter_map(|number| Some((number, self.remove(number)?)))
            .collect()
    }

    fn remove(&mut self, number: u64) -> Option<Timestamp> {
        let call = self.up.remove(&number)?;
        for end in call.ends {
            self.by_connection.remove(&(end.to_bits(), number));
        }
        // A later call with the same Call-ID and tag may have taken the place.
        if self.by_key.get(&call.key) == Some(&number) {
            self.by_key.remove(&call.key);
        }
        Some(call.since)
    }
}

/// `None` without a Call-ID or a tag of the caller.
fn key_of(invite: &Request) -> Option<CallKey> {
    let from = invite.from().ok()?;
    Some((invite.call_id().ok()?.into(), from.tag()?.into()))
}
