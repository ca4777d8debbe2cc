//! Subscriptions and publications with random commands, beside the calls: one end for each handle, no event after it, and the
//! states of a resource arrive in their order.

use std::collections::BTreeMap;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sip_core::{
    Body, Event, FailureStatus, IncomingSubscriptionId, MessageOptions, Notification,
    PublicationId, PublishOptions, SubscribeOptions, SubscriptionId, SubscriptionState,
    TerminationReason,
};
use sip_testing::seeded;

use super::{NAMES, World};

/// The package of which both applications are notifiers; the edge is that of `presence`.
pub(crate) const PACKAGE: &str = "weather";

/// What one application knows of one subscription of its own.
#[derive(Debug, Default)]
struct Watched {
    ended: bool,
    /// The number of the last state.
    last: u32,
}

/// What one application knows of one subscription of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Watcher {
    Unanswered,
    Accepted,
    Over,
}

/// The subscriptions and publications of both applications.
pub(crate) struct Events {
    chance: ChaCha20Rng,
    watched: BTreeMap<(usize, SubscriptionId), Watched>,
    watchers: BTreeMap<(usize, IncomingSubscriptionId), Watcher>,
    /// The watchers that an application has to answer later.
    pub(crate) asked: Vec<(usize, IncomingSubscriptionId)>,
    published: BTreeMap<(usize, PublicationId), bool>,
    /// The number of states that both have reported.
    states: u32,
    pub(crate) faults: Vec<String>,
    pub(crate) tried: BTreeMap<&'static str, u64>,
}

impl Events {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            chance: *seeded(seed, 152),
            watched: BTreeMap::new(),
            watchers: BTreeMap::new(),
            asked: Vec::new(),
            published: BTreeMap::new(),
            states: 0,
            faults: Vec::new(),
            tried: BTreeMap::new(),
        }
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.chance.next_u64() % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = self.below(from.len().max(1) as u64);
        from.get(place as usize).copied()
    }

    fn watches(&self, agent: usize) -> Vec<SubscriptionId> {
        let watched = self.watched.iter();
        let alive = watched.filter(|((whose, _), known)| *whose == agent && !known.ended);
        alive.map(|((_, id), _)| *id).collect()
    }

    fn watchers(&self, agent: usize) -> Vec<IncomingSubscriptionId> {
        let watchers = self.watchers.iter();
        let alive =
            watchers.filter(|((whose, _), known)| *whose == agent && **known == Watcher::Accepted);
        alive.map(|((_, id), _)| *id).collect()
    }

    fn publications(&self, agent: usize) -> Vec<PublicationId> {
        let published = self.published.iter();
        let alive = published.filter(|((whose, _), ended)| *whose == agent && !**ended);
        alive.map(|((_, id), _)| *id).collect()
    }

    /// The next state of the resource.
    fn state(&mut self) -> Notification {
        self.states += 1;
        Notification::active(Body::new("text/plain", self.states.to_string()))
    }

    fn presence(&mut self) -> Body {
        let basic = ["open", "closed"][self.below(2) as usize];
        let document = format!(
            "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@sim.test\"><tuple id=\"a\"><status><basic>{basic}</basic></status></tuple></presence>"
        );
        Body::new("application/pidf+xml", document)
    }

    fn reason(&mut self) -> TerminationReason {
        match self.below(8) {
            0 => TerminationReason::Deactivated,
            1 => TerminationReason::Probation(Some(Duration::from_secs(3))),
            2 => TerminationReason::Timeout,
            3 => TerminationReason::Giveup(None),
            4 => TerminationReason::NoResource,
            5 => TerminationReason::Invariant,
            6 => TerminationReason::Other(None, None),
            _ => TerminationReason::Rejected,
        }
    }

    /// A command that may fit, or come too late.
    pub(crate) fn command(&mut self, world: &mut World, agent: usize) {
        let now = world.now;
        let die = self.below(100);
        let what = match die {
            0..35 => {
                if self.watches(agent).len() >= 3 {
                    return;
                }
                let package = if die < 10 { "presence" } else { PACKAGE };
                let expires = 60 + self.below(60) as u32;
                let options = match self.below(6) {
                    0 => SubscribeOptions::poll(),
                    1 => SubscribeOptions::new().once(),
                    2 => SubscribeOptions::new().expires(5),
                    _ => SubscribeOptions::new().expires(expires),
                };
                let peer = NAMES[1 - agent];
                let subscribed = world.agents[agent].subscribe(peer, package, options, now);
                if let Ok(id) = subscribed {
                    self.watched.insert((agent, id), Watched::default());
                }
                "subscribe"
            }
            35..45 => {
                let Some(id) = self.pick(&self.watches(agent)) else {
                    return;
                };
                drop(world.agents[agent].refresh_subscription(id, now));
                "refresh"
            }
            45..52 => {
                let Some(id) = self.pick(&self.watches(agent)) else {
                    return;
                };
                drop(world.agents[agent].unsubscribe(id, now));
                "unsubscribe"
            }
            52..80 => {
                let Some(id) = self.pick(&self.watchers(agent)) else {
                    return;
                };
                let (state, what) = match self.below(6) {
                    0 => (Notification::terminated(self.reason()), "terminate"),
                    1 => (Notification::pending(), "notify pending"),
                    _ => (self.state(), "notify"),
                };
                drop(world.agents[agent].notify(id, state, now));
                what
            }
            80..88 => {
                if self.publications(agent).len() >= 2 {
                    return;
                }
                let expires = 60 + self.below(60) as u32;
                let options = PublishOptions::new().expires(expires);
                let state = self.presence();
                let published = world.agents[agent].publish("presence", state, options, now);
                if let Ok(id) = published {
                    self.published.insert((agent, id), false);
                }
                "publish"
            }
            88..95 => {
                let Some(id) = self.pick(&self.publications(agent)) else {
                    return;
                };
                let state = self.presence();
                drop(world.agents[agent].modify_publication(id, state, now));
                "modify"
            }
            _ => {
                let Some(id) = self.pick(&self.publications(agent)) else {
                    return;
                };
                drop(world.agents[agent].unpublish(id, now));
                "unpublish"
            }
        };
        *self.tried.entry(what).or_insert(0) += 1;
    }

    /// Answers a SUBSCRIBE, or is too late.
    pub(crate) fn answer(&mut self, world: &mut World, place: usize) {
        let (agent, id) = self.asked[place];
        let now = world.now;
        let agent_of = &mut world.agents[agent];
        let options = MessageOptions::new();
        let (taken, after) = match self.below(8) {
            0 => {
                let refused = agent_of.reject_subscription(id, FailureStatus::DECLINE, now);
                (refused, Watcher::Over)
            }
            1 => {
                let pending = Notification::pending();
                let accepted = agent_of.accept_subscription(id, pending, &options, now);
                (accepted, Watcher::Accepted)
            }
            _ => {
                let state = self.state();
                let accepted = agent_of.accept_subscription(id, state, &options, now);
                (accepted, Watcher::Accepted)
            }
        };
        if taken.is_ok() && self.watchers.get(&(agent, id)) == Some(&Watcher::Unanswered) {
            self.watchers.insert((agent, id), after);
        }
    }

    /// The applications of both sides end what they have.
    pub(crate) fn end_all(&mut self, world: &mut World, agent: usize) {
        let now = world.now;
        for id in self.watches(agent) {
            drop(world.agents[agent].unsubscribe(id, now));
        }
        for id in self.publications(agent) {
            drop(world.agents[agent].unpublish(id, now));
        }
    }

    fn fault(&mut self, agent: usize, what: String) {
        self.faults.push(format!("{}: {what}", NAMES[agent]));
    }

    /// Takes an event; returns a SUBSCRIBE to be answered later.
    pub(crate) fn event(&mut self, agent: usize, event: &Event) -> Option<usize> {
        match event {
            Event::Notified {
                subscription,
                state,
                body,
                ..
            } => {
                let known = self.watched.get_mut(&(agent, *subscription));
                let Some(known) = known.filter(|known| !known.ended) else {
                    self.fault(agent, format!("a state of {subscription:?}, which is over"));
                    return None;
                };
                let text = body
                    .as_ref()
                    .and_then(|body| str::from_utf8(&body.bytes).ok());
                let number: Option<u32> = text.and_then(|text| text.parse().ok());
                let before = known.last;
                known.last = number.unwrap_or(before);
                if *state == SubscriptionState::Active && number.is_some_and(|new| new < before) {
                    self.fault(agent, format!("state {number:?} after {before}"));
                }
            }
            Event::SubscriptionInterrupted { subscription, .. } => {
                let known = self.watched.get(&(agent, *subscription));
                if known.is_none_or(|known| known.ended) {
                    self.fault(agent, format!("{subscription:?} is over, and interrupted"));
                }
            }
            Event::SubscriptionEnded { subscription, .. } => {
                let known = self.watched.get_mut(&(agent, *subscription));
                let known = known.filter(|known| !known.ended);
                match known {
                    Some(known) => known.ended = true,
                    None => self.fault(agent, format!("{subscription:?} ended twice")),
                }
            }
            Event::SubscriptionForked { .. } => self.fault(agent, "a fork is claimed".into()),
            Event::IncomingSubscription { subscription, .. } => {
                let key = (agent, *subscription);
                self.watchers.insert(key, Watcher::Unanswered);
                self.asked.push(key);
                return Some(self.asked.len() - 1);
            }
            Event::SubscriptionRefreshed { subscription, .. } => {
                let known = self.watchers.get(&(agent, *subscription));
                if known != Some(&Watcher::Accepted) {
                    self.fault(agent, format!("{subscription:?} is over, and refreshed"));
                }
            }
            Event::IncomingSubscriptionEnded { subscription, .. } => {
                let known = self.watchers.insert((agent, *subscription), Watcher::Over);
                if !matches!(known, Some(Watcher::Unanswered | Watcher::Accepted)) {
                    self.fault(agent, format!("{subscription:?} ended twice"));
                }
            }
            Event::Published { publication, .. } | Event::PublicationFailed { publication, .. }
                if self.published.get(&(agent, *publication)) != Some(&false) =>
            {
                self.fault(agent, format!("an event of {publication:?}, which is over"));
            }
            Event::PublicationEnded { publication, .. }
                if self.published.insert((agent, *publication), true) != Some(false) =>
            {
                self.fault(agent, format!("{publication:?} ended twice"));
            }
            _ => {}
        }
        None
    }

    /// What has no end.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        if let Some((open, _)) = self.watched.iter().find(|(_, known)| !known.ended) {
            return Err(format!("{open:?} never ended"));
        }
        let mut watchers = self.watchers.iter();
        if let Some((open, _)) = watchers.find(|(_, known)| **known != Watcher::Over) {
            return Err(format!("{open:?} never ended"));
        }
        if let Some((open, _)) = self.published.iter().find(|(_, ended)| !**ended) {
            return Err(format!("{open:?} never ended"));
        }
        Ok(())
    }
}
