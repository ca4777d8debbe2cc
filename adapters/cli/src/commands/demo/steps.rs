//! What every conversation of the demo has: registrations at the begin and the end, and the counts.

use std::time::Duration;

use super::party::{Counts, Party};

pub(super) const BOB: &str = "sip:bob@localhost";

/// How long a step without a fault may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The counts of the demo.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Summary {
    pub(super) registered: u64,
    pub(super) answered: u64,
    pub(super) ended: u64,
    pub(super) messages: u64,
    /// `None` for a conversation without a transfer.
    pub(super) transferred: Option<u64>,
    /// States that the edge reported to subscribers; `None` for a conversation without subscriptions.
    pub(super) states: Option<u64>,
    pub(super) unregistered: u64,
}

impl Summary {
    pub(super) const fn expected(calls: u32) -> Self {
        Self {
            registered: 2,
            answered: calls as u64,
            ended: calls as u64,
            messages: 1,
            transferred: None,
            states: None,
            unregistered: 2,
        }
    }

    /// The counts by name, in words and in JSON: a conversation with a transfer or subscriptions has no message.
    pub(super) fn counts(&self) -> [(&'static str, &'static str, u64); 5] {
        let kind = match (self.transferred, self.states) {
            (Some(transferred), _) => ("calls transferred", "transferred", transferred),
            (None, Some(states)) => ("states reported", "states", states),
            (None, None) => ("messages delivered", "messages", self.messages),
        };
        [
            ("registered", "registered", self.registered),
            ("calls answered", "answered", self.answered),
            ("calls ended", "ended", self.ended),
            kind,
            ("unregistered", "unregistered", self.unregistered),
        ]
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = self.counts();
        let counts = counts.map(|(words, _, count)| format!("{words} {count}"));
        f.write_str(&counts.join(", "))
    }
}

/// Waits for the registrations; the problems.
pub(super) async fn register(parties: &[&Party]) -> Vec<String> {
    let mut problems = Vec::new();
    for party in parties {
        let over = |counts: &Counts| counts.registered > 0 || counts.registrations_failed > 0;
        party.reaches(PATIENCE, over).await;
        let counts = party.counts();
        if counts.registered == 0 {
            problems.push(problem(party.name, "was not registered", &counts));
        }
    }
    problems
}

/// Unregisters those that are registered; the problems.
pub(super) async fn unregister(parties: &[&Party]) -> Vec<String> {
    let mut problems = Vec::new();
    for party in parties {
        if party.counts().registered == 0 {
            continue;
        }
        if let Err(error) = party.handle.unregister().await {
            problems.push(format!("{} could not unregister: {error}", party.name));
            continue;
        }
        let gone = party.reaches(PATIENCE, |counts| counts.unregistered > 0);
        if !gone.await {
            problems.push(problem(party.name, "was not unregistered", &party.counts()));
        }
    }
    problems
}

pub(super) fn problem(who: &str, what: &str, counts: &Counts) -> String {
    match &counts.complaint {
        Some(complaint) => format!("{who} {what} ({complaint})"),
        None => format!("{who} {what}"),
    }
}

/// Waits until the counts of a party meet the condition; else its problem.
pub(super) async fn until(
    party: &Party,
    what: &str,
    condition: impl FnMut(&Counts) -> bool,
) -> Result<(), String> {
    if party.reaches(PATIENCE, condition).await {
        Ok(())
    } else {
        Err(problem(party.name, what, &party.counts()))
    }
}
