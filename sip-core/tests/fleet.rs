//! Agents of a fleet share settings that are equal, and nothing else.

use std::time::Duration;

use sip_core::auth::Secret;
use sip_core::config::{Config, LogLevel};
use sip_core::{AgentId, Change, Fleet, Timestamp, UserAgent};
use sip_testing::random;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn config() -> Config {
    let mut config = Config::builder();
    config
        .uri("alice@example.com")
        .display_name("Alice")
        .server("wss://edge.example.com");
    config.build().expect("configuration")
}

/// What an agent is configured to, as text.
fn configured(fleet: &Fleet, id: AgentId) -> String {
    format!("{:?}", fleet.agent(id).expect("the agent").config())
}

#[test]
fn a_change_of_one_agent_changes_no_other() {
    let mut fleet = Fleet::new();
    let shared = config();
    let ids = [0, 1, 2].map(|seed| {
        // Two have one configuration, the third has an equal one of its own.
        let config = if seed < 2 { shared.clone() } else { config() };
        let agent = UserAgent::new(config, random(seed), NOW).expect("an agent");
        fleet.insert(agent)
    });
    let before = configured(&fleet, ids[1]);
    assert_eq!(configured(&fleet, ids[2]), before);
    let changes = [
        Change::DisplayName(Some("Bob".into())),
        Change::LogLevel(LogLevel::Error),
        Change::Register(true),
        Change::RegisterExpires(Duration::from_secs(1_234)),
        Change::Secret(Some(Secret::password("new"))),
    ];
    for (changed, others) in [(0, [1, 2]), (2, [1, 1])] {
        for change in &changes {
            let own = configured(&fleet, ids[changed]);
            let done = fleet.with(ids[changed], |agent| agent.reconfigure(change.clone(), NOW));
            done.expect("the agent").expect("a change");
            assert_ne!(configured(&fleet, ids[changed]), own, "{change:?}");
            for other in others {
                assert_eq!(configured(&fleet, ids[other]), before, "{change:?}");
            }
        }
    }
}
