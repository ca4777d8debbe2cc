//! `sip demo --presence`: alice and bob watch each other's presence and have a call (RFC 3856, RFC 3903); alice watches her
//! mailbox, too (RFC 3842).

use sip_core::package::Presence;
use sip_core::package::presence::{Activity, Basic};
use sip_core::{InviteOptions, PublicationId, PublishOptions, SubscribeOptions, SubscriptionId};
use sip_edge::EdgeServer;
use sip_host::CommandFailure;

use super::party::{Counts, Party};
use super::steps::{BOB, Summary, register, unregister, until};

const ALICE: &str = "sip:alice@localhost";

/// What each sees of the other: in words, as the core writes a document.
const FREE: &str = "open";
const BUSY: &str = "open: on the phone";

/// The two user agents.
pub(super) struct Watch {
    pub(super) alice: Party,
    pub(super) bob: Party,
}

impl Watch {
    /// The counts of a conversation without problems: each sees the other free, on the phone, and free; alice sees her mailbox
    /// twice.
    pub(super) const EXPECTED: Summary = Summary {
        registered: 2,
        answered: 1,
        ended: 1,
        messages: 0,
        transferred: None,
        states: Some(8),
        unregistered: 2,
    };

    /// Runs the conversation; its problems.
    pub(super) async fn run(&self, edge: &EdgeServer) -> Vec<String> {
        let both = [&self.alice, &self.bob];
        let mut problems = register(&both).await;
        if problems.is_empty() {
            problems.extend(self.watch(edge).await.err());
        }
        problems.extend(unregister(&both).await);
        problems
    }

    /// The subscriptions, the call and the publications, up to the first problem.
    async fn watch(&self, edge: &EdgeServer) -> Result<(), String> {
        let Self { alice, bob } = self;
        let mut subscriptions = Vec::new();
        for (watcher, target) in [(alice, BOB), (bob, ALICE)] {
            let id = subscribe(watcher, target, "presence").await?;
            subscriptions.push((watcher, id));
            sees(watcher, FREE).await?;
        }
        let call = alice.handle.invite(BOB, InviteOptions::default()).await;
        let call = call.map_err(|error| could_not(alice, "call", &error))?;
        for party in [alice, bob] {
            let connected = |counts: &Counts| counts.established > 0;
            until(party, "was not connected", connected).await?;
        }
        let mut publications = Vec::new();
        for (publisher, address, watcher) in [(alice, ALICE, bob), (bob, BOB, alice)] {
            publications.push((publisher, publish(publisher, address).await?));
            sees(watcher, BUSY).await?;
        }
        let hung_up = alice.handle.hang_up(call).await;
        hung_up.map_err(|error| could_not(alice, "hang up", &error))?;
        for (party, publication) in publications {
            until(party, "saw no end of the call", |counts| counts.ended > 0).await?;
            let removed = party.handle.unpublish(publication).await;
            removed.map_err(|error| could_not(party, "remove a publication", &error))?;
        }
        for watcher in [alice, bob] {
            sees(watcher, FREE).await?;
        }

        let id = subscribe(alice, ALICE, "message-summary").await?;
        subscriptions.push((alice, id));
        let seen = |counts: &Counts| counts.summaries > 0;
        until(alice, "saw nothing of her mailbox", seen).await?;
        edge.set_messages_waiting("alice", 1, 0).await;
        let seen = |counts: &Counts| counts.summaries > 1;
        until(alice, "saw no message in her mailbox", seen).await?;

        for (party, id) in subscriptions {
            let ended = party.handle.unsubscribe(id).await;
            ended.map_err(|error| could_not(party, "end a subscription", &error))?;
        }
        for (party, count) in [(alice, 2), (bob, 1)] {
            let over = |counts: &Counts| counts.subscriptions_ended >= count;
            until(party, "saw no end of a subscription", over).await?;
        }
        Ok(())
    }

    /// What both sides agree on.
    pub(super) fn summary(&self) -> Summary {
        let (alice, bob) = (self.alice.counts(), self.bob.counts());
        let both =
            |of: fn(&Counts) -> u32| u64::from((of(&alice) > 0) as u8 + (of(&bob) > 0) as u8);
        Summary {
            registered: both(|counts| counts.registered),
            answered: alice.established.min(bob.accepted).into(),
            ended: alice.ended.min(bob.ended).into(),
            messages: 0,
            transferred: None,
            states: Some((alice.states + bob.states).into()),
            unregistered: both(|counts| counts.unregistered),
        }
    }
}

async fn subscribe(
    party: &Party,
    target: &str,
    package: &'static str,
) -> Result<SubscriptionId, String> {
    let options = SubscribeOptions::new();
    let subscribed = party.handle.subscribe(target, package, options).await;
    subscribed.map_err(|error| could_not(party, "subscribe", &error))
}

/// Publishes that a party is on the phone.
async fn publish(party: &Party, address: &str) -> Result<PublicationId, String> {
    let state = Presence::new(address, Basic::Open).activity(Activity::OnThePhone);
    let options = PublishOptions::new();
    let published = party.handle.publish("presence", state.to_body(), options);
    let published = published.await;
    published.map_err(|error| could_not(party, "publish", &error))
}

/// Waits until a watcher sees this presence of the other one.
async fn sees(watcher: &Party, presence: &str) -> Result<(), String> {
    let seen = |counts: &Counts| counts.presence.as_deref() == Some(presence);
    until(watcher, "did not see the other's presence", seen).await
}

fn could_not(party: &Party, what: &str, error: &CommandFailure) -> String {
    format!("{} could not {what}: {error}", party.name)
}
