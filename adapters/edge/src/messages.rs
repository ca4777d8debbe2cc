//! MESSAGEs to users that are registered nowhere: the edge keeps them and answers 202, and sends them when their user registers
//! (RFC 3428 sections 5 and 7).

use sip_core::Timestamp;
use sip_core::transaction::SendError;
use sip_parse::{Builder, HeaderName, Request, StatusCode};

use crate::call_events::ends;
use crate::edge::{Edge, Tag};
use crate::event::{EdgeEvent, EventPackage};

impl Edge {
    /// The number of stored messages of a user.
    #[must_use]
    pub fn stored_messages(&self, user: &str) -> usize {
        self.mailbox.len(user)
    }

    /// Stores a MESSAGE that cannot be delivered now, if the configuration and the limits allow it. Only a sender that has
    /// proven who it is leaves one, because strangers could otherwise fill the mailboxes.
    pub(crate) fn store_message(
        &mut self,
        sender: Option<&str>,
        user: &str,
        request: &Request,
        now: Timestamp,
    ) -> bool {
        let most = self.config.limits.messages_per_user;
        if sender.is_none()
            || !self.config.stores_messages
            || !self.mailbox.store(user, request.clone(), most)
        {
            return false;
        }
        self.counters.messages_stored += 1;
        let (from, to) = ends(request);
        self.event(EdgeEvent::MessageStored { from, to });
        self.watchers
            .changed(EventPackage::MessageSummary, user, now);
        true
    }

    /// Sends a user what waits for it, to its latest binding.
    pub(crate) fn deliver_messages(&mut self, user: &str, now: Timestamp) {
        while let Some(binding) = self.location.latest(user) {
            let (connection, contact) = (binding.connection, binding.contact.clone());
            let Some((number, request)) = self.mailbox.send_next(user) else {
                return;
            };
            let mut copy = Builder::from_message(&request);
            copy.set_request_uri(contact.as_bytes());
            // The way that the request came is over; only the way from here counts.
            for name in [
                HeaderName::Via,
                HeaderName::Route,
                HeaderName::RecordRoute,
                HeaderName::ProxyAuthorization,
            ] {
                copy.remove(name);
            }
            copy.set(HeaderName::MaxForwards, 70_u32);
            let tag = Tag::Stored {
                user: user.to_owned(),
                number,
            };
            match self.layer.send_request(connection, copy, tag, now) {
                Ok(_) => self.counters.forwarded += 1,
                Err(SendError::NotConnected | SendError::TooManyTransactions) => {
                    return self.mailbox.undelivered(user, number);
                }
                // What cannot be written now cannot be written later.
                Err(_) => self.drop_message(user, number, now),
            }
        }
    }

    /// The outcome of a message that the edge has sent from its store. If its user was not reached, it waits for the next binding;
    /// one that the user refuses is dropped.
    pub(crate) fn on_stored_message(
        &mut self,
        user: &str,
        number: u64,
        status: StatusCode,
        now: Timestamp,
    ) {
        if status.is_provisional() {
            return;
        }
        if !status.is_success() {
            return match status {
                StatusCode::REQUEST_TIMEOUT
                | StatusCode::FLOW_FAILED
                | StatusCode::TEMPORARILY_UNAVAILABLE
                | StatusCode::SERVICE_UNAVAILABLE => self.mailbox.undelivered(user, number),
                _ => self.drop_message(user, number, now),
            };
        }
        let Some(request) = self.mailbox.remove(user, number) else {
            return;
        };
        self.message_completed(&request, status);
        self.watchers
            .changed(EventPackage::MessageSummary, user, now);
    }

    fn drop_message(&mut self, user: &str, number: u64, now: Timestamp) {
        if self.mailbox.remove(user, number).is_some() {
            self.counters.dropped += 1;
            self.watchers
                .changed(EventPackage::MessageSummary, user, now);
        }
    }
}
