//! Transfers among three agents through the edge, with real NOTIFYs (RFC 5589): any of them may hang up at any time, and the transferor
//! learns the outcome, and each call ends once at each side.

#[path = "common/between.rs"]
mod between;

use std::collections::BTreeMap;
use std::time::Duration;

use between::Registrar;
use sip_core::config::{Config, Support};
use sip_core::session::FailureStatus;
use sip_core::{
    Event, InviteOptions, Session, SessionId, TransferId, TransferOptions, TransferOutcome,
    TransferTarget, Transport,
};
use sip_parse::StatusCode;
use sip_testing::{OFFER, Pair, SECOND, Script, Weather, description_needed, random};

/// The transferor, the transferee and the target.
const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// When the call of the transferor and the transferee ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HangUp {
    /// The transferor hangs up with its REFER.
    WithRefer,
    /// The transferor hangs up when the REFER is accepted: at the first NOTIFY.
    AtTrying,
    /// The transferee hangs up as soon as it follows the REFER.
    Transferee,
    /// The transferor hangs up when it knows the outcome.
    AtEnd,
}

/// The applications of the three, and what they have seen.
struct Applications {
    hang_up: HangUp,
    accepts: bool,
    /// The call of alice that is transferred, and bob's end of it.
    calls: [SessionId; 2],
    reports: Vec<u16>,
    outcomes: Vec<TransferOutcome>,
    ends: BTreeMap<(usize, SessionId), usize>,
    up: Vec<(usize, SessionId)>,
    transfer: Option<TransferId>,
}

impl Applications {
    fn ring_off(pair: &mut Pair<Registrar>, agent: usize, id: SessionId) {
        // The other side may have hung up.
        let _ = pair.agents[agent].hang_up(id, pair.now);
    }
}

impl Script<Registrar> for Applications {
    fn event(&mut self, pair: &mut Pair<Registrar>, agent: usize, event: Event) {
        if let Some(request) = description_needed(&event) {
            let body = Ok(sip_core::Body::sdp(OFFER));
            let described = request.describe(&mut pair.agents[agent], body, pair.now);
            return described.expect("the agent asked for it");
        }
        match event {
            Event::IncomingRefer { refer, .. } => {
                let options = InviteOptions::new();
                let now = pair.now;
                pair.agents[agent]
                    .follow_refer(refer, options, now)
                    .expect("a call");
                if self.hang_up == HangUp::Transferee {
                    Self::ring_off(pair, BOB, self.calls[1]);
                }
            }
            Event::IncomingCall { session, .. } => {
                let now = pair.now;
                match pair.agents[agent].session(session) {
                    Ok(Session::Incoming(call)) if self.accepts => call.answer(now),
                    Ok(Session::Incoming(call)) => {
                        call.reject(FailureStatus::BUSY_HERE, now);
                    }
                    other => panic!("{other:?}"),
                }
            }
            Event::TransferProgress { status, .. } => {
                self.reports.push(status.as_u16());
                if self.hang_up == HangUp::AtTrying && self.reports.len() == 1 {
                    Self::ring_off(pair, ALICE, self.calls[0]);
                }
            }
            Event::TransferEnded {
                transfer, outcome, ..
            } => {
                assert_eq!(Some(transfer), self.transfer);
                self.outcomes.push(outcome);
                if self.hang_up == HangUp::AtEnd {
                    Self::ring_off(pair, ALICE, self.calls[0]);
                }
            }
            Event::Established { session } => self.up.push((agent, session)),
            Event::Ended { session, .. } => *self.ends.entry((agent, session)).or_default() += 1,
            _ => {}
        }
    }

    fn wish(&mut self, _pair: &mut Pair<Registrar>, _agent: usize, _wish: u32) {}
}

fn world(seed: u64) -> Pair<Registrar> {
    let names = ["alice", "bob", "carol"];
    let users = names.map(|name| (name.to_owned(), name.to_owned()));
    let agents = names.map(|name| {
        let mut config = Config::builder();
        config
            .uri(format!("sip:{name}@sim.test"))
            .server("ws://one.test")
            .replaces(Support::Supported)
            .password(name);
        (name, config)
    });
    let registrar = Registrar::new(users.to_vec(), random(9));
    let mut world = Pair::new(seed, Weather::calm(Transport::Ws), registrar, &agents);
    world.wait(SECOND);
    assert_eq!(world.between.0.counters().registered, 3);
    world
}

/// Alice transfers bob to carol, whom she has called before if the transfer is attended.
fn transfer(seed: u64, attended: bool, accepts: bool, hang_up: HangUp) {
    let what = format!("attended {attended}, accepted {accepts}, {hang_up:?}");
    let mut world = world(seed);
    let calls = world.call([ALICE, BOB], "bob", OFFER);
    let consultation = attended.then(|| world.call([ALICE, CAROL], "carol", OFFER));
    world.wait(SECOND);
    for events in &mut world.events {
        events.clear();
    }
    let target = match consultation {
        Some([alices, _]) => TransferTarget::Call(alices),
        None => TransferTarget::Address("carol".into()),
    };
    let now = world.now;
    let options = TransferOptions::new();
    let transfer = match world.agents[ALICE].session(calls[0]) {
        Ok(Session::Established(call)) => call.refer(target, &options, now),
        other => panic!("{other:?}"),
    };
    let mut applications = Applications {
        hang_up,
        accepts,
        calls,
        reports: Vec::new(),
        outcomes: Vec::new(),
        ends: BTreeMap::new(),
        up: Vec::new(),
        transfer: Some(transfer.expect("a REFER")),
    };
    if hang_up == HangUp::WithRefer {
        Applications::ring_off(&mut world, ALICE, calls[0]);
    }
    let end = world.now + Duration::from_secs(60);
    world.run(end, &mut applications);

    let ladder = &world.ladder;
    let outcome = match accepts {
        true => TransferOutcome::Succeeded(StatusCode::OK),
        false => TransferOutcome::Failed(StatusCode::BUSY_HERE),
    };
    assert_eq!(applications.outcomes, [outcome], "{what}:\n{ladder}");
    assert_eq!(applications.reports.first(), Some(&100), "{what}");
    let up: &[usize] = if accepts { &[CAROL, BOB] } else { &[] };
    let mut seen: Vec<_> = applications.up.iter().map(|(agent, _)| *agent).collect();
    seen.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(seen, up, "{what}:\n{ladder}");
    // The new call goes on; every other call has ended once at both sides.
    let mut over = Vec::from([(ALICE, calls[0]), (BOB, calls[1])]);
    if let (Some([alices, carols]), true) = (consultation, accepts) {
        over.extend([(ALICE, alices), (CAROL, carols)]);
    }
    for end in over {
        let times = applications.ends.get(&end);
        assert_eq!(times, Some(&1), "{what}, {end:?}:\n{ladder}");
    }
    let twice = applications.ends.values().find(|times| **times > 1);
    assert_eq!(twice, None, "{what}:\n{ladder}");
    // The new call is left; so is that of a transfer that failed, if no side hung up.
    let up = applications.up.clone();
    let left = up.into_iter().filter(|(agent, _)| *agent == CAROL);
    for (agent, id) in left.chain(calls.map(|id| (ALICE, id)).into_iter().take(1)) {
        Applications::ring_off(&mut world, agent, id);
    }
    let end = world.now + Duration::from_secs(60);
    world.run(end, &mut applications);
    for agent in &world.agents {
        let sizes = agent.table_sizes();
        let left = [
            sizes.sessions,
            sizes.dialogs,
            sizes.refers,
            sizes.client_transactions,
            sizes.server_transactions,
        ];
        assert_eq!(left, [0; 5], "{what}");
    }
}

/// RFC 5589 section 6.1, RFC 5057 sections 3.1 and 4 (6665-4.5-A): the blind transfer.
#[test]
fn rfc5589_6_1_a_blind_transfer_among_three_agents() {
    for (seed, hang_up) in [
        HangUp::WithRefer,
        HangUp::AtTrying,
        HangUp::Transferee,
        HangUp::AtEnd,
    ]
    .into_iter()
    .enumerate()
    {
        transfer(seed as u64, false, true, hang_up);
        transfer(seed as u64, false, false, hang_up);
    }
}

/// RFC 5589 section 7.1, RFC 5057 sections 3.1 and 4 (6665-4.5-A): the attended transfer, by Replaces.
#[test]
fn rfc5589_7_1_an_attended_transfer_among_three_agents() {
    for (seed, hang_up) in [
        HangUp::WithRefer,
        HangUp::AtTrying,
        HangUp::Transferee,
        HangUp::AtEnd,
    ]
    .into_iter()
    .enumerate()
    {
        transfer(seed as u64, true, true, hang_up);
    }
}
