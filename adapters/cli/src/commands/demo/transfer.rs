//! `sip demo --transfer`: alice calls bob, then carol, and connects the two (RFC 5589 section 7).

use sip_core::{InviteOptions, SessionId, TransferOptions, TransferTarget};
use sip_host::CommandFailure;

use super::party::{Counts, Party};
use super::steps::{BOB, Summary, register, unregister, until};

const CAROL: &str = "sip:carol@localhost";

/// The three user agents.
pub(super) struct Trio {
    pub(super) alice: Party,
    pub(super) bob: Party,
    pub(super) carol: Party,
}

impl Trio {
    /// The counts of a transfer without problems.
    pub(super) const EXPECTED: Summary = Summary {
        registered: 3,
        answered: 3,
        ended: 3,
        messages: 0,
        transferred: Some(1),
        states: None,
        unregistered: 3,
    };

    pub(super) fn all(&self) -> [&Party; 3] {
        [&self.alice, &self.bob, &self.carol]
    }

    /// Runs the conversation; its problems.
    pub(super) async fn run(&self) -> Vec<String> {
        let mut problems = register(&self.all()).await;
        if problems.is_empty() {
            problems.extend(self.transfer().await.err());
        }
        problems.extend(unregister(&self.all()).await);
        problems
    }

    /// The calls and the transfer, up to the first problem.
    async fn transfer(&self) -> Result<(), String> {
        let Self { alice, bob, carol } = self;
        let could_not =
            |what: &str, error: CommandFailure| format!("alice could not {what}: {error}");

        let call = self.call(BOB, bob, 1).await?;
        let held = alice.handle.hold(call).await;
        held.map_err(|error| could_not("hold the call", error))?;
        until(alice, "did not hold the call", |counts| counts.held > 0).await?;

        let consultation = self.call(CAROL, carol, 2).await?;
        let options = TransferOptions::default();
        let target = TransferTarget::Call(consultation);
        let referred = alice.handle.refer(call, target, options).await;
        referred.map_err(|error| could_not("transfer the call", error))?;
        until(alice, "did not transfer the call", |counts| {
            counts.transferred > 0
        })
        .await?;
        until(bob, "was not connected with carol", |counts| {
            counts.established > 1
        })
        .await?;
        until(carol, "was not connected with bob", |counts| {
            counts.established > 1
        })
        .await?;

        let hung_up = alice.handle.hang_up(call).await;
        hung_up.map_err(|error| could_not("hang up", error))?;
        until(alice, "saw no end of her calls", |counts| counts.ended > 1).await?;
        until(bob, "saw no end of his call with alice", |counts| {
            counts.ended > 0
        })
        .await?;

        let Some(call) = bob.counts().followed else {
            return Err("bob followed no transfer".to_owned());
        };
        let hung_up = bob.handle.hang_up(call).await;
        hung_up.map_err(|error| format!("bob could not hang up: {error}"))?;
        until(bob, "saw no end of his calls", |counts| counts.ended > 1).await?;
        until(carol, "saw no end of her calls", |counts| counts.ended > 1).await
    }

    /// Alice's call number `number`.
    async fn call(&self, target: &str, callee: &Party, number: u32) -> Result<SessionId, String> {
        let invited = self.alice.handle.invite(target, InviteOptions::default());
        let call = invited
            .await
            .map_err(|error| format!("alice could not call {}: {error}", callee.name))?;
        let connected = |counts: &Counts| counts.established >= number;
        until(&self.alice, "was not connected", connected).await?;
        until(callee, "was not connected", |counts| counts.established > 0).await?;
        Ok(call)
    }

    /// What all sides agree on.
    pub(super) fn summary(&self) -> Summary {
        let counts = self.all().map(Party::counts);
        let having = |of: fn(&Counts) -> u32| {
            let parties = counts.iter().filter(|counts| of(counts) > 0);
            parties.count() as u64
        };
        let sum = |of: fn(&Counts) -> u32| {
            counts
                .iter()
                .map(|counts| u64::from(of(counts)))
                .sum::<u64>()
        };
        Summary {
            registered: having(|counts| counts.registered),
            answered: sum(|counts| counts.accepted).min(sum(|counts| counts.established) / 2),
            // Each call has two ends.
            ended: sum(|counts| counts.ended) / 2,
            messages: 0,
            transferred: Some(sum(|counts| counts.transferred)),
            states: None,
            unregistered: having(|counts| counts.unregistered),
        }
    }
}
