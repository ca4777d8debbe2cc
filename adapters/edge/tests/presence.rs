//! The event packages of the edge with real user agents around it: `presence`, `message-summary` and `reg` (RFC 6665, RFC 3856,
//! RFC 3842, RFC 3680), and PUBLISH (RFC 3903).

#[path = "common/between.rs"]
mod between;

use std::time::Duration;

use between::Registrar;
use sip_core::config::{Config, ConfigBuilder};
use sip_core::package::presence::{Activity, Basic, Note};
use sip_core::package::{ContextClass, MessageSummary, Presence, RegInfo};
use sip_core::{
    Body, Event, PublicationId, PublishOptions, SubscribeOptions, SubscriptionEnd, SubscriptionId,
    SubscriptionState, Timestamp, Transport,
};
use sip_edge::{Edge, EdgeConfig};
use sip_testing::{Pair, SECOND, Weather, random};

type World = Pair<Registrar>;

const ALICE: usize = 0;
const BOB: usize = 1;

/// The interval between two NOTIFYs of a subscription.
const INTERVAL: Duration = Duration::from_secs(5);

fn agent(name: &'static str) -> (&'static str, ConfigBuilder) {
    let mut config = Config::builder();
    config
        .uri(format!("sip:{name}@sim.test"))
        .server("ws://one.test")
        .password(name);
    (name, config)
}

/// Agents of these users, and the edge between them.
fn world_in(
    seed: u64,
    weather: Weather,
    names: &[&'static str],
    change: impl FnOnce(&mut EdgeConfig),
) -> World {
    let agents: Vec<_> = names.iter().map(|name| agent(name)).collect();
    let mut users: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    users.sort_unstable();
    users.dedup();
    let mut config = EdgeConfig {
        listen: "192.0.2.1:5080".parse().expect("address"),
        realm: "sim.test".into(),
        users: users.into_iter().map(|name| (name.clone(), name)).collect(),
        ..EdgeConfig::default()
    };
    change(&mut config);
    let edge = Registrar(Edge::new(config, random(9)).expect("edge"));
    let mut world = World::new(seed, weather, edge, &agents);
    world.wait(SECOND);
    world
}

/// The same on a network that delivers everything, when all have registered.
fn world_of(names: &[&'static str], change: impl FnOnce(&mut EdgeConfig)) -> World {
    let mut world = world_in(3, Weather::calm(Transport::Ws), names, change);
    assert_eq!(world.between.0.counters().registered, names.len() as u64);
    forget(&mut world);
    world
}

fn world(names: &[&'static str]) -> World {
    world_of(names, |_| {})
}

fn forget(world: &mut World) {
    for events in &mut world.events {
        events.clear();
    }
}

#[track_caller]
fn subscribe(world: &mut World, agent: usize, target: &str, package: &str) -> SubscriptionId {
    let (options, now) = (SubscribeOptions::new(), world.now);
    let subscribed = world.agents[agent].subscribe(target, package, options, now);
    subscribed.expect("a subscription")
}

#[track_caller]
fn publish(world: &mut World, agent: usize, state: &Presence) -> PublicationId {
    let (options, now) = (PublishOptions::new(), world.now);
    let published = world.agents[agent].publish("presence", state.to_body(), options, now);
    published.expect("a publication")
}

/// The next document that an agent receives.
#[track_caller]
fn next_body(world: &mut World, agent: usize) -> Body {
    world.next(agent, |event| match event {
        Event::Notified {
            state: SubscriptionState::Active,
            body,
            ..
        } => body.as_deref().cloned(),
        _ => None,
    })
}

#[track_caller]
fn next_presence(world: &mut World, agent: usize) -> Presence {
    let body = next_body(world, agent);
    Presence::from_body(&body).expect("a presence document")
}

/// The documents that an agent has received and the test has not read, as one line each.
fn all_presence(world: &mut World, agent: usize) -> Vec<String> {
    let events = world.events[agent].drain(..);
    let bodies = events.filter_map(|event| match event {
        Event::Notified { body, .. } => body,
        _ => None,
    });
    bodies
        .map(|body| Presence::from_body(&body).expect("a document").to_string())
        .collect()
}

fn on_the_phone(user: &str) -> Presence {
    Presence::new(format!("sip:{user}@sim.test"), Basic::Open).activity(Activity::OnThePhone)
}

/// RFC 3856 section 6.6: without a publication a user is open while it is registered, for each user of the domain.
#[test]
fn rfc3856_6_6_presence_follows_the_registration() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    let first = next_presence(&mut world, ALICE);
    assert_eq!(
        (first.entity.as_str(), first.basic()),
        ("sip:bob@sim.test", Some(Basic::Open))
    );
    let now = world.now;
    world.agents[BOB].unregister(now).expect("registered");
    assert_eq!(
        next_presence(&mut world, ALICE).basic(),
        Some(Basic::Closed)
    );
    let now = world.now;
    world.agents[BOB].register(now).expect("a connection");
    assert_eq!(next_presence(&mut world, ALICE).basic(), Some(Basic::Open));
    assert_eq!(world.between.0.counters().notified, 3);
}

/// RFC 3903 section 4 and 3903-4-A, seen from the server: what bob publishes alice sees, until bob removes it; a refresh changes
/// nothing.
#[test]
fn rfc3903_4_a_watcher_sees_what_is_published() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    let publication = publish(&mut world, BOB, &on_the_phone("bob"));
    assert_eq!(next_presence(&mut world, ALICE), on_the_phone("bob"));
    let away = Presence::new("sip:bob@sim.test", Basic::Closed).note("back at four");
    let now = world.now;
    world.agents[BOB]
        .modify_publication(publication, away.to_body(), now)
        .expect("published");
    assert_eq!(next_presence(&mut world, ALICE), away);
    // Beyond the lifetime of the publication: the agent refreshes it, and the watcher hears nothing of that.
    world.wait(Duration::from_secs(5000));
    assert_eq!(world.between.0.publications("bob"), 1);
    let repeated = all_presence(&mut world, ALICE);
    assert!(
        repeated.iter().all(|seen| *seen == away.to_string()),
        "{repeated:?}"
    );
    let now = world.now;
    world.agents[BOB]
        .unpublish(publication, now)
        .expect("published");
    assert_eq!(next_presence(&mut world, ALICE).basic(), Some(Basic::Open));
    assert_eq!(world.between.0.publications("bob"), 0);
}

/// Two devices of one user publish: a watcher sees both tuples, and the activity of the one that has any.
#[test]
fn two_devices_of_a_user_are_one_presence() {
    let mut world = world(&["alice", "bob", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    publish(&mut world, BOB, &on_the_phone("bob"));
    next_presence(&mut world, ALICE);
    publish(
        &mut world,
        2,
        &Presence::new("sip:bob@sim.test", Basic::Closed),
    );
    let both = next_presence(&mut world, ALICE);
    assert_eq!(both.tuples.len(), 2);
    assert_eq!(both.basic(), Some(Basic::Open));
    assert_eq!(
        both.activities().collect::<Vec<_>>(),
        [&Activity::OnThePhone]
    );
}

/// RFC 3903 section 6: a user whose states together fill no message keeps its watchers: they see the newest ones that do fit.
#[test]
fn large_states_of_one_user_fit_into_a_notify() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    for number in 1..=8 {
        let mut state = Presence::new("sip:bob@sim.test", Basic::Open);
        // Each of these takes four bytes where it is written anew.
        let text = format!("{number}{}", ">".repeat(7_000));
        state.tuples[0].notes.push(Note::new(text.clone()));
        let body = state.to_body().bytes.to_vec();
        let written = String::from_utf8(body).expect("text").replace("&gt;", ">");
        let body = Body::new(Presence::CONTENT_TYPE, written);
        let (options, now) = (PublishOptions::new(), world.now);
        world.agents[BOB]
            .publish("presence", body, options, now)
            .expect("a publication");
        let seen = next_presence(&mut world, ALICE);
        assert_eq!(seen.tuples[0].notes, [Note::new(text)]);
        assert_eq!(seen.tuples.len(), number.min(2));
    }
    assert_eq!(world.between.0.publications("bob"), 8);
    assert_eq!(world.between.0.subscriptions(), 1);
}

/// RFC 3903 section 6 step 5: the state of a publisher that is gone ends with its lifetime, and the watchers learn it.
#[test]
fn rfc3903_6_the_state_of_a_publisher_that_is_gone_expires() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    publish(&mut world, BOB, &on_the_phone("bob"));
    next_presence(&mut world, ALICE);
    world.down.insert((BOB, 0));
    world.cut(BOB, 0);
    world.wait(Duration::from_secs(3500));
    assert_eq!(world.between.0.publications("bob"), 1);
    forget(&mut world);
    world.wait(Duration::from_secs(110));
    assert_eq!(world.between.0.publications("bob"), 0);
    assert_eq!(
        all_presence(&mut world, ALICE).last().map(String::as_str),
        Some("closed")
    );
}

/// RFC 3856 section 6.10, RFC 3680 section 4.10: a watcher receives few NOTIFYs in a row, and the last state among them.
#[test]
fn rfc3856_6_10_changes_in_a_row_are_one_notify() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    let publication = publish(&mut world, BOB, &on_the_phone("bob"));
    for number in 0..60 {
        world.wait(Duration::from_millis(200));
        let state = Presence::new("sip:bob@sim.test", Basic::Open).note(number.to_string());
        let now = world.now;
        world.agents[BOB]
            .modify_publication(publication, state.to_body(), now)
            .expect("published");
    }
    world.wait(INTERVAL * 3);
    let seen = all_presence(&mut world, ALICE);
    // One after 5, 10 and 15 s.
    assert!(seen.len() <= 3, "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("open: 59"));
    // A state that is back before the NOTIFY is due is no change.
    let notified = world.between.0.counters().notified;
    let now = world.now;
    world.agents[BOB].unregister(now).expect("registered");
    world.wait(SECOND);
    let now = world.now;
    world.agents[BOB].register(now).expect("a connection");
    world.wait(INTERVAL * 3);
    assert_eq!(world.between.0.counters().notified, notified);
}

/// RFC 3842 section 3.9: the lamp of a telephone goes on and off with the numbers that the host sets; no other user sees it.
#[test]
fn rfc3842_messages_waiting_are_reported_to_their_user_alone() {
    let mut world = world(&["alice", "bob"]);
    let summary = |body: &Body| MessageSummary::from_body(body).expect("a summary");
    subscribe(&mut world, ALICE, "alice", "message-summary");
    let first = summary(&next_body(&mut world, ALICE));
    assert!(!first.waiting);
    assert_eq!(first.account.as_deref(), Some("sip:alice@sim.test"));
    for (new, old) in [(2, 1), (0, 3)] {
        let now = world.now;
        assert!(world.between.0.set_messages_waiting("alice", new, old, now));
        let seen = summary(&next_body(&mut world, ALICE));
        assert_eq!(seen.waiting, new > 0);
        let counts = seen.counts(ContextClass::Voice).expect("numbers");
        assert_eq!((counts.new, counts.old), (new, old));
    }
    let now = world.now;
    assert!(!world.between.0.set_messages_waiting("carol", 1, 0, now));
    refused(&mut world, BOB, "alice", "message-summary", 403);
}

/// The edge refuses a subscription by this status.
#[track_caller]
fn refused(world: &mut World, agent: usize, target: &str, package: &str, status: u16) {
    let id = subscribe(world, agent, target, package);
    let cause = world.next(agent, |event| match event {
        Event::SubscriptionEnded {
            subscription,
            cause,
        } if *subscription == id => Some(cause.clone()),
        _ => None,
    });
    match cause {
        SubscriptionEnd::Failed(reason) => {
            assert_eq!(reason.status.map(|status| status.as_u16()), Some(status));
        }
        cause => panic!("{cause}"),
    }
}

/// RFC 3680 sections 4.2 and 5.2: a user watches its own bindings; each document is full and has the next number; no other
/// user sees them.
#[test]
fn rfc3680_5_2_the_bindings_of_a_user() {
    let mut world = world(&["alice", "bob", "alice"]);
    let next = |world: &mut World| {
        let body = next_body(world, ALICE);
        let info = RegInfo::from_body(&body).expect("a document");
        let registration = &info.registrations[0];
        assert_eq!(registration.aor, "sip:alice@sim.test");
        let active = registration
            .bindings
            .iter()
            .filter(|binding| binding.active);
        (info.version, active.count())
    };
    subscribe(&mut world, ALICE, "alice", "reg");
    assert_eq!(next(&mut world), (0, 2));
    world.down.insert((2, 0));
    world.cut(2, 0);
    assert_eq!(next(&mut world), (1, 1));
    world.down.clear();
    assert_eq!(next(&mut world), (2, 2));
    refused(&mut world, BOB, "alice", "reg", 403);
}

/// A SUBSCRIBE for a package that the edge does not serve goes to the user, and one for a user that does not exist nowhere.
#[test]
fn other_packages_and_other_users() {
    let mut world = world(&["alice", "bob"]);
    refused(&mut world, ALICE, "bob", "dialog", 405);
    refused(&mut world, ALICE, "carol", "presence", 404);
    let met = world.met.keys();
    let to_bob = met.filter(|passage| passage.agent == BOB && passage.what == "SUBSCRIBE");
    assert_eq!(to_bob.count(), 1);
}

/// RFC 6665 section 4.4.3: a poll gets the state once and leaves nothing.
#[test]
fn rfc6665_4_4_3_a_poll_leaves_nothing() {
    let mut world = world(&["alice", "bob"]);
    let now = world.now;
    let polled = world.agents[ALICE].subscribe("bob", "presence", SubscribeOptions::poll(), now);
    let id = polled.expect("a subscription");
    let state = world.next(ALICE, |event| match event {
        Event::Notified { state, body, .. } => Some((state.clone(), body.is_some())),
        _ => None,
    });
    assert!(
        matches!(state, (SubscriptionState::Terminated(_), true)),
        "{state:?}"
    );
    world.next(ALICE, |event| match event {
        Event::SubscriptionEnded { subscription, .. } => (*subscription == id).then_some(()),
        _ => None,
    });
    world.wait(SECOND);
    let (edge, counters) = (&world.between.0, world.between.0.counters());
    assert_eq!(
        (
            edge.subscriptions(),
            counters.subscribed,
            counters.unsubscribed
        ),
        (0, 1, 1)
    );
}

/// RFC 6665 section 4.1.2.3: an ended subscription is gone at the edge, and no NOTIFY follows.
#[test]
fn rfc6665_4_1_2_3_unsubscribing_leaves_nothing() {
    let mut world = world(&["alice", "bob"]);
    let id = subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    assert_eq!(world.between.0.subscriptions(), 1);
    let now = world.now;
    world.agents[ALICE]
        .unsubscribe(id, now)
        .expect("subscribed");
    world.wait(SECOND);
    assert_eq!(world.between.0.subscriptions(), 0);
    forget(&mut world);
    publish(&mut world, BOB, &on_the_phone("bob"));
    world.wait(INTERVAL * 2);
    assert!(world.events[ALICE].is_empty(), "{:?}", world.events[ALICE]);
}

/// A watcher that loses its connection sees the state again after it is back, and the edge keeps one subscription of it.
#[test]
fn a_watcher_that_lost_its_connection_watches_on() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    world.wait(SECOND);
    world.down.insert((ALICE, 0));
    world.cut(ALICE, 0);
    publish(&mut world, BOB, &on_the_phone("bob"));
    world.wait(INTERVAL * 2);
    world.down.clear();
    assert_eq!(next_presence(&mut world, ALICE), on_the_phone("bob"));
    world.wait(Duration::from_secs(60));
    let now = world.now;
    let again = Presence::new("sip:bob@sim.test", Basic::Open);
    world.agents[BOB]
        .publish("presence", again.to_body(), PublishOptions::new(), now)
        .expect("a publication");
    assert_eq!(next_presence(&mut world, ALICE).tuples.len(), 2);
    world.wait(SECOND);
    assert_eq!(world.between.0.subscriptions(), 1);
}

/// RFC 6665 section 4.2.2: the subscription of a program that was started anew, which does not know it, ends with the next
/// NOTIFY; the new one goes on.
#[test]
fn rfc6665_4_2_2_a_restarted_watcher_has_one_subscription() {
    let mut world = world(&["alice", "bob", "alice"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    world.wait(SECOND);
    world.down.insert((ALICE, 0));
    world.cut(ALICE, 0);
    subscribe(&mut world, 2, "bob", "presence");
    next_presence(&mut world, 2);
    assert_eq!(world.between.0.subscriptions(), 2);
    world.wait(INTERVAL);
    publish(&mut world, BOB, &on_the_phone("bob"));
    assert_eq!(next_presence(&mut world, 2), on_the_phone("bob"));
    world.wait(SECOND);
    assert_eq!(world.between.0.subscriptions(), 1);
}

/// RFC 6665 section 4.2.1: the subscription of a watcher that is gone ends when it expires.
#[test]
fn rfc6665_4_2_1_a_subscription_expires() {
    let mut world = world(&["alice", "bob"]);
    let (options, now) = (SubscribeOptions::new().expires(120), world.now);
    let subscribed = world.agents[ALICE].subscribe("bob", "presence", options, now);
    subscribed.expect("a subscription");
    next_presence(&mut world, ALICE);
    world.wait(Duration::from_secs(600));
    assert_eq!(world.between.0.subscriptions(), 1);
    world.down.insert((ALICE, 0));
    world.cut(ALICE, 0);
    world.wait(Duration::from_secs(125));
    assert_eq!(world.between.0.subscriptions(), 0);
    assert_eq!(world.between.0.counters().unsubscribed, 1);
}

/// Ten users watch one: each sees each state once.
#[test]
fn ten_watchers() {
    let names = ["bob", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut world = world(&names);
    for watcher in 1..names.len() {
        subscribe(&mut world, watcher, "bob", "presence");
    }
    world.wait(INTERVAL * 2);
    publish(&mut world, 0, &on_the_phone("bob"));
    world.wait(INTERVAL * 2);
    for (watcher, name) in names.iter().enumerate().skip(1) {
        let seen = all_presence(&mut world, watcher);
        assert_eq!(seen, ["open", "open: on the phone"], "{name}");
    }
    assert_eq!(world.between.0.subscriptions(), 10);
    assert_eq!(world.between.0.counters().notified, 20);
    let edge = &world.between.0;
    assert!(edge.is_idle());
}

/// RFC 3903 section 4.2 and 3903-4-B, seen from the server: a publisher that has lost its connection publishes again, and the
/// watcher sees one state of it.
#[test]
fn rfc3903_4_2_a_publisher_that_lost_its_connection() {
    let mut world = world(&["alice", "bob"]);
    subscribe(&mut world, ALICE, "bob", "presence");
    next_presence(&mut world, ALICE);
    publish(&mut world, BOB, &on_the_phone("bob"));
    next_presence(&mut world, ALICE);
    world.cut(BOB, 0);
    world.wait(Duration::from_secs(4000));
    assert_eq!(world.between.0.publications("bob"), 1);
    let last = all_presence(&mut world, ALICE);
    assert_eq!(last.last().map(String::as_str), Some("open: on the phone"));
}

/// A user has at most so many subscriptions; one more is refused, and those that are there go on.
#[test]
fn a_flood_of_subscriptions_is_bounded() {
    let mut world = world_of(&["alice", "bob"], |config| {
        config.limits.subscriptions_per_user = 3;
        config.limits.subscriptions = 4;
    });
    for _ in 0..3 {
        subscribe(&mut world, ALICE, "bob", "presence");
        next_presence(&mut world, ALICE);
    }
    for _ in 0..20 {
        refused(&mut world, ALICE, "bob", "presence", 403);
    }
    subscribe(&mut world, BOB, "alice", "presence");
    next_presence(&mut world, BOB);
    refused(&mut world, BOB, "alice", "presence", 503);
    assert_eq!(world.between.0.subscriptions(), 4);
    publish(&mut world, BOB, &on_the_phone("bob"));
    for _ in 0..3 {
        assert_eq!(next_presence(&mut world, ALICE), on_the_phone("bob"));
    }
}

/// Whatever the network does: in the end the watchers know what is published last, each has one subscription, and nothing is left
/// when all have stopped.
#[test]
fn in_any_weather_the_watchers_know_the_last_state() {
    let calm = Weather::calm(Transport::Ws);
    let cuts = Weather { cuts: 3, ..calm };
    // A NOTIFY that is lost for 64 T1 would end its subscription without a word to the watcher (RFC 6665 section 4.2.2), so that the
    // network may not lose too much.
    let datagrams = Weather {
        transport: Transport::Udp,
        lost: 100,
        duplicated: 50,
        one_way: 1,
        ..calm
    };
    for (weather, seed) in (0..10).flat_map(|seed| [(cuts, seed), (datagrams, seed)]) {
        let names = ["alice", "bob", "carol"];
        let mut world = world_in(seed, weather, &names, |_| {});
        for watcher in [ALICE, 2] {
            subscribe_when_connected(&mut world, watcher);
        }
        let mut publication = None;
        for number in 0..12 {
            world.wait(Duration::from_millis(300 + 997 * (seed + number) % 12_000));
            let now = world.now;
            let state = Presence::new("sip:bob@sim.test", Basic::Open).note(number.to_string());
            publish_or_modify(&mut world, &mut publication, &state, now);
        }
        world.wait(Duration::from_secs(300));
        let last = Presence::new("sip:bob@sim.test", Basic::Closed).note("the last");
        let now = world.now;
        publish_or_modify(&mut world, &mut publication, &last, now);
        world.wait(Duration::from_secs(120));
        for watcher in [ALICE, 2] {
            let seen = all_presence(&mut world, watcher);
            let name = names[watcher];
            let knows = seen.last().is_some_and(|seen| seen.contains("the last"));
            assert!(
                knows,
                "{weather:?} {seed} {name} {seen:?}\n{}",
                world.ladder
            );
        }
        assert_eq!(world.between.0.subscriptions(), 2, "{weather:?} {seed}");
        let now = world.now;
        for agent in 0..3 {
            world.agents[agent].stop(Some(Duration::from_secs(35)), now);
        }
        world.wait(Duration::from_secs(7200));
        let edge = &world.between.0;
        assert_eq!((edge.subscriptions(), edge.publications("bob")), (0, 0));
        assert!(edge.is_idle(), "{weather:?} {seed}");
        assert_eq!(edge.next_tick(), None, "{weather:?} {seed}");
    }
}

/// Bob's application publishes a state, if the network allows it.
fn publish_or_modify(
    world: &mut World,
    publication: &mut Option<PublicationId>,
    state: &Presence,
    now: Timestamp,
) {
    let bob = &mut world.agents[BOB];
    let modified = publication.map(|id| bob.modify_publication(id, state.to_body(), now));
    if !matches!(modified, Some(Ok(()))) {
        let (body, options) = (state.to_body(), PublishOptions::new());
        *publication = bob.publish("presence", body, options, now).ok();
    }
}

/// Subscribes to bob's presence as soon as the network allows it.
fn subscribe_when_connected(world: &mut World, watcher: usize) {
    loop {
        let (options, now) = (SubscribeOptions::new(), world.now);
        let subscribed = world.agents[watcher].subscribe("bob", "presence", options, now);
        if subscribed.is_ok() {
            return;
        }
        world.wait(SECOND);
    }
}
