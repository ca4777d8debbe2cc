//! One of the user agents of the demo: it answers calls and messages, follows transfers, and counts its events.

use std::time::{Duration, Instant};

use serde_json::json;
use sip_core::config::Config;
use sip_core::package::Presence;
use sip_core::{
    Cause, DescriptionKind, Direction, Event, ExchangeOutcome, InviteOptions, SessionId,
    SubscriptionState, TraceRecord, TransferOutcome,
};
use sip_parse::StatusCode;
use tokio::sync::watch;

use crate::adapter::{self, Events, Handle, Settings};
use crate::arguments::Adapter;
use crate::events;
use crate::ladder::Ladder;
use crate::outcome::Failure;
use crate::report::Report;
use crate::running::print_trace;

/// Each call keeps some transactions for 32 s (RFC 3261 section 17, RFC 6026); this is enough for thousands of
/// calls a second.
pub(super) const TRANSACTIONS: usize = 1 << 20;

/// The events of one user agent so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Bindings made, refreshes not counted.
    pub(crate) registered: u32,
    pub(crate) registrations_failed: u32,
    pub(crate) unregistered: u32,
    /// Calls that this side accepted.
    pub(crate) accepted: u32,
    pub(crate) established: u32,
    /// Calls that were established and then hung up successfully.
    pub(crate) ended: u32,
    /// Calls that ended in any other way.
    pub(crate) failed: u32,
    pub(crate) offers: u32,
    pub(crate) answers: u32,
    pub(crate) messages_received: u32,
    pub(crate) messages_delivered: u32,
    pub(crate) messages_failed: u32,
    pub(crate) disconnected: u32,
    /// Holds of this side that the peer has accepted.
    pub(crate) held: u32,
    /// Transfers by this side that succeeded.
    pub(crate) transferred: u32,
    /// States that subscriptions of this side reported while they were active.
    pub(crate) states: u32,
    /// The presence among them that was reported last, in words, and how many were about messages that wait.
    pub(crate) presence: Option<String>,
    pub(crate) summaries: u32,
    pub(crate) subscriptions_ended: u32,
    /// The call that this side makes because a peer transfers it.
    pub(crate) followed: Option<SessionId>,
    /// The last problem.
    pub(crate) complaint: Option<String>,
}

/// A user agent of the demo.
pub(crate) struct Party {
    pub(crate) name: &'static str,
    pub(crate) handle: Handle,
    counts: watch::Receiver<Counts>,
}

impl Party {
    /// Starts the user agent. `side` is the index of its life line in the ladder.
    pub(crate) fn start(
        adapter: Adapter,
        name: &'static str,
        side: usize,
        config: Config,
        ladder: &Ladder,
        report: &Report,
        trace: bool,
    ) -> Result<Self, Failure> {
        let report = report.of(name).with_servers(&config);
        let (ladder, messages) = (ladder.clone(), report.clone());
        let settings = Settings {
            #[cfg(feature = "tls")]
            extra_roots: Vec::new(),
            clock: report.clock().clone(),
            trace: Box::new(move |record, _| {
                note(name, side, record, &ladder, &messages, trace);
            }),
            transactions: Some(TRANSACTIONS),
        };
        let (handle, events) = adapter::start(adapter, config, settings)?;
        let (sender, counts) = watch::channel(Counts::default());
        tokio::spawn(live(handle.clone(), events, report, sender));
        Ok(Self {
            name,
            handle,
            counts,
        })
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    /// Waits until the counts meet the condition; false if that takes longer than `patience`.
    pub(crate) async fn reaches(
        &self,
        patience: Duration,
        condition: impl FnMut(&Counts) -> bool,
    ) -> bool {
        let mut counts = self.counts.clone();
        matches!(
            tokio::time::timeout(patience, counts.wait_for(condition)).await,
            Ok(Ok(_))
        )
    }

    /// Stops the user agent.
    pub(crate) async fn stop(self, grace: Duration) {
        if self.handle.stop(grace).await.is_ok() {
            let mut counts = self.counts.clone();
            drop(self);
            // The task ends with the last handle, and drops the sender.
            let gone = async { while counts.changed().await.is_ok() {} };
            let _ = tokio::time::timeout(grace * 2, gone).await;
        }
    }
}

fn note(
    name: &str,
    side: usize,
    record: &TraceRecord,
    ladder: &Ladder,
    report: &Report,
    trace: bool,
) {
    let at: Duration = Instant::now().saturating_duration_since(report.start());
    if trace {
        print_trace(Some(name), at, record);
    }
    let Some(label) = ladder.note(at, side, record.direction, &record.bytes) else {
        return;
    };
    if report.is_json() {
        let (from, to) = match record.direction {
            Direction::Sent => (name, "edge"),
            Direction::Received => ("edge", name),
        };
        let fields = [
            ("from", json!(from)),
            ("to", json!(to)),
            ("message", json!(label)),
        ];
        report.event("sip", fields, "");
    }
}

/// Follows the events until the user agent has stopped.
async fn live(handle: Handle, mut events: Events, report: Report, counts: watch::Sender<Counts>) {
    let mut established = std::collections::BTreeSet::new();
    while let Some(event) = events.next().await {
        events::print(&report, &event);
        let change = match &event {
            Event::IncomingCall { session, .. } => {
                let accepted =
                    handle.ring(*session).await.is_ok() && handle.answer(*session).await.is_ok();
                change(move |counts| counts.accepted += u32::from(accepted))
            }
            Event::IncomingRefer { refer, .. } => {
                let followed = handle.follow_refer(*refer, InviteOptions::default()).await;
                let followed = followed.ok();
                change(move |counts| counts.followed = followed)
            }
            Event::TransferEnded { outcome, .. } => match outcome {
                TransferOutcome::Succeeded(_) => change(|counts| counts.transferred += 1),
                outcome => {
                    let why = outcome.to_string();
                    change(move |counts| counts.complaint = Some(why))
                }
            },
            // The only exchange that a party begins in a call that is up is a hold.
            Event::ExchangeEnded {
                session,
                outcome: ExchangeOutcome::Complete,
                ..
            } if established.contains(session) => change(|counts| counts.held += 1),
            Event::IncomingRequest { incoming, .. } => {
                let taken = handle.respond(*incoming, StatusCode::OK).await.is_ok();
                change(move |counts| counts.messages_received += u32::from(taken))
            }
            Event::Notified {
                state: SubscriptionState::Active,
                body: Some(body),
                ..
            } => {
                let presence = Presence::from_body(body).ok();
                let presence = presence.map(|presence| presence.to_string());
                change(move |counts| {
                    counts.states += 1;
                    match presence {
                        Some(presence) => counts.presence = Some(presence),
                        None => counts.summaries += 1,
                    }
                })
            }
            Event::SubscriptionEnded { cause, .. } => {
                let why = cause.to_string();
                change(move |counts| {
                    counts.subscriptions_ended += 1;
                    counts.complaint = Some(why);
                })
            }
            Event::PublicationEnded {
                outcome: Err(reason),
                ..
            } => {
                let why = reason.to_string();
                change(move |counts| counts.complaint = Some(why))
            }
            Event::Registered(registration) => {
                let is_new = u32::from(!registration.refreshed);
                change(move |counts| counts.registered += is_new)
            }
            Event::RegistrationFailed { reason, .. } => {
                let why = reason.to_string();
                change(move |counts| {
                    counts.registrations_failed += 1;
                    counts.complaint = Some(why);
                })
            }
            Event::Unregistered { reason } => {
                let asked = u32::from(reason.cause == Cause::Requested);
                change(move |counts| counts.unregistered += asked)
            }
            Event::Established { session } => {
                established.insert(*session);
                change(|counts| counts.established += 1)
            }
            Event::Ended { session, reason } => {
                let was_established = established.remove(session);
                let hung_up = matches!(reason.cause, Cause::Bye | Cause::Requested)
                    && reason.status.is_none_or(StatusCode::is_success);
                let why = reason.to_string();
                change(move |counts| {
                    if was_established && hung_up {
                        counts.ended += 1;
                    } else {
                        counts.failed += 1;
                        counts.complaint = Some(why);
                    }
                })
            }
            Event::RemoteDescription {
                kind: DescriptionKind::Offer,
                ..
            } => change(|counts| counts.offers += 1),
            Event::RemoteDescription {
                kind: DescriptionKind::Answer,
                ..
            } => change(|counts| counts.answers += 1),
            Event::RequestCompleted { outcome, .. } => match outcome {
                Ok(response) if response.status().is_success() => {
                    change(|counts| counts.messages_delivered += 1)
                }
                Ok(response) => {
                    let why = format!(
                        "{} {}",
                        response.status().as_u16(),
                        sip_parse::text(response.reason())
                    );
                    change(move |counts| {
                        counts.messages_failed += 1;
                        counts.complaint = Some(why);
                    })
                }
                Err(reason) => {
                    let why = reason.to_string();
                    change(move |counts| {
                        counts.messages_failed += 1;
                        counts.complaint = Some(why);
                    })
                }
            },
            Event::Disconnected { reason, .. } => {
                let why = reason.to_string();
                change(move |counts| {
                    counts.disconnected += 1;
                    counts.complaint = Some(why);
                })
            }
            Event::ConnectFailed { error, .. } => {
                let why = error.to_string();
                change(move |counts| counts.complaint = Some(why))
            }
            Event::Stopped { .. } => return,
            _ => continue,
        };
        counts.send_modify(change);
    }
}

type Change = Box<dyn FnOnce(&mut Counts) + Send>;

fn change(change: impl FnOnce(&mut Counts) + Send + 'static) -> Change {
    Box::new(change)
}
