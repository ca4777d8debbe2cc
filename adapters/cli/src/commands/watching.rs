//! What `sip serve` shows of registrations, calls and messages as they happen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use sip_edge::{CallFailure, EdgeEvent, EdgeServer};

use crate::report::Report;

/// How many events may wait to be printed. A reader that is too slow misses further ones, because the server must not wait for
/// it.
const WAITING: usize = 1024;

/// Prints the events of `server` until it is gone. The thread ends with the server.
pub(crate) fn show_events(server: &EdgeServer, report: &Report) -> JoinHandle<()> {
    let (events, queue) = sync_channel(WAITING);
    let missed = Arc::new(AtomicU64::new(0));
    server.observe(forward(events, Arc::clone(&missed)));
    let report = report.clone();
    std::thread::spawn(move || print_all(&queue, &missed, &report))
}

fn forward(
    events: SyncSender<EdgeEvent>,
    missed: Arc<AtomicU64>,
) -> impl FnMut(&EdgeEvent) + Send + 'static {
    move |event| {
        if events.try_send(event.clone()).is_err() {
            missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn print_all(queue: &Receiver<EdgeEvent>, missed: &AtomicU64, report: &Report) {
    while let Ok(event) = queue.recv() {
        print(report, &event);
        let missed = missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let text = format!("{missed} events are not shown, because they came too fast");
            report.event("missed", [("events", json!(missed))], text);
        }
    }
}

fn print(report: &Report, event: &EdgeEvent) {
    let (name, fields) = row(event);
    report.event(name, fields, event);
}

type Fields = Vec<(&'static str, Value)>;

fn seconds(duration: Duration) -> Value {
    json!((duration.as_secs_f64() * 1e3).round() / 1e3)
}

/// Name and fields in JSON.
fn row(event: &EdgeEvent) -> (&'static str, Fields) {
    match event {
        EdgeEvent::Registered {
            user,
            contact,
            remote,
            expires,
            refreshed,
            ..
        } => (
            "user_registered",
            vec![
                ("user", json!(user)),
                ("contact", json!(contact)),
                ("remote", json!(remote)),
                ("expires", json!(expires.as_secs())),
                ("refreshed", json!(refreshed)),
            ],
        ),
        EdgeEvent::Unregistered {
            user,
            contact,
            reason,
        } => (
            "user_unregistered",
            vec![
                ("user", json!(user)),
                ("contact", json!(contact)),
                ("reason", json!(reason.to_string())),
            ],
        ),
        EdgeEvent::RegistrationRefused {
            user,
            remote,
            status,
            ..
        } => (
            "registration_refused",
            vec![
                ("user", json!(user)),
                ("remote", json!(remote)),
                ("status", json!(status.as_u16())),
            ],
        ),
        EdgeEvent::CallStarted { call, from, to } => (
            "call_started",
            vec![
                ("call", json!(call)),
                ("from", json!(from)),
                ("to", json!(to)),
            ],
        ),
        EdgeEvent::CallRinging { call } => ("call_ringing", vec![("call", json!(call))]),
        EdgeEvent::CallAnswered { call, after, .. } => (
            "call_answered",
            vec![("call", json!(call)), ("seconds", seconds(*after))],
        ),
        EdgeEvent::CallFailed {
            call,
            reason,
            after,
        } => {
            let mut fields = vec![
                ("call", json!(call)),
                ("reason", json!(reason.to_string())),
                ("seconds", seconds(*after)),
            ];
            if let CallFailure::Status(status) = reason {
                fields.push(("status", json!(status.as_u16())));
            }
            ("call_failed", fields)
        }
        EdgeEvent::CallEnded { call, by, duration } => (
            "call_ended",
            vec![
                ("call", json!(call)),
                ("by", json!(by)),
                ("seconds", duration.map_or(Value::Null, seconds)),
            ],
        ),
        EdgeEvent::CallLost { call, duration } => (
            "call_lost",
            vec![("call", json!(call)), ("seconds", seconds(*duration))],
        ),
        EdgeEvent::MessageDelivered { from, to } => ("message", message(from, to, "delivered")),
        EdgeEvent::MessageStored { from, to } => ("message", message(from, to, "stored")),
        EdgeEvent::MessageFailed { from, to, status } => {
            let mut fields = message(from, to, "failed");
            fields.push(("status", json!(status.as_u16())));
            ("message", fields)
        }
        EdgeEvent::Subscribed {
            subscriber,
            user,
            package,
        } => ("user_subscribed", watch(subscriber, user, package.as_str())),
        EdgeEvent::Unsubscribed {
            subscriber,
            user,
            package,
        } => (
            "user_unsubscribed",
            watch(subscriber, user, package.as_str()),
        ),
        EdgeEvent::Published { user, publications } => (
            "user_published",
            vec![("user", json!(user)), ("publications", json!(publications))],
        ),
        // A later version of the server may have more events.
        other => ("problem", vec![("text", json!(other.to_string()))]),
    }
}

fn message(from: &str, to: &str, outcome: &str) -> Fields {
    vec![
        ("from", json!(from)),
        ("to", json!(to)),
        ("outcome", json!(outcome)),
    ]
}

fn watch(subscriber: &str, user: &str, package: &str) -> Fields {
    vec![
        ("subscriber", json!(subscriber)),
        ("user", json!(user)),
        ("package", json!(package)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that does not read costs events, never the server.
    #[test]
    fn events_that_find_no_room_are_counted() {
        let (events, queue) = sync_channel(1);
        let missed = Arc::new(AtomicU64::new(0));
        let mut hook = forward(events, Arc::clone(&missed));
        for call in 1..=3 {
            hook(&EdgeEvent::CallRinging { call });
        }
        assert_eq!(queue.try_iter().count(), 1);
        assert_eq!(missed.load(Ordering::Relaxed), 2);
    }
}
