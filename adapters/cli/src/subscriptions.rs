//! Events of subscriptions and publications in words and in JSON.

use serde_json::{Value, json};
use sip_core::{
    Body, Event, IncomingSubscriptionEnd, SubscriptionEnd, SubscriptionRetry, SubscriptionState,
    TerminationReason, Timestamp,
};
use sip_parse::{Request, Response};

use crate::bodies;
use crate::report::Report;
use crate::words::{again_in, caller, in_words, reason_fields, retry_field};

type Field = (&'static str, Value);

/// Prints an event of a subscription or publication; leaves out all others.
pub(crate) fn print(report: &Report, event: &Event) {
    match event {
        Event::Notified { .. }
        | Event::SubscriptionForked { .. }
        | Event::SubscriptionInterrupted { .. }
        | Event::SubscriptionEnded { .. } => print_subscription(report, event),
        Event::IncomingSubscription { .. }
        | Event::SubscriptionRefreshed { .. }
        | Event::IncomingSubscriptionEnded { .. } => print_incoming(report, event),
        Event::Published {
            publication,
            expires,
            response,
        } => report.event(
            "published",
            [
                ("publication", json!(publication.to_bits())),
                ("expires", json!(expires.as_secs())),
            ]
            .into_iter()
            .chain(etag(response).map(|etag| ("etag", json!(etag)))),
            format_args!("published for {} s", expires.as_secs()),
        ),
        Event::PublicationFailed {
            publication,
            reason,
            retry_at,
        } => report.event(
            "publication_failed",
            [
                ("publication", json!(publication.to_bits())),
                ("retry", json!(retry(retry_at.is_some()))),
            ]
            .into_iter()
            .chain(reason_fields(reason))
            .chain(retry_field(report, *retry_at)),
            format_args!(
                "publication failed: {}; {}",
                in_words(reason),
                again(report, *retry_at)
            ),
        ),
        Event::PublicationEnded {
            publication,
            outcome,
        } => {
            let (name, fields, words) = match outcome {
                Ok(()) => ("removed", Vec::new(), "publication removed".to_owned()),
                Err(reason) => (
                    "failed",
                    reason_fields(reason),
                    format!("publication over: {}", in_words(reason)),
                ),
            };
            report.event(
                "publication_ended",
                [
                    ("publication", json!(publication.to_bits())),
                    ("outcome", json!(name)),
                ]
                .into_iter()
                .chain(fields),
                words,
            );
        }
        _ => {}
    }
}

/// The events of the subscriptions of this side.
fn print_subscription(report: &Report, event: &Event) {
    match event {
        Event::Notified {
            subscription,
            state,
            expires,
            body,
            notify,
        } => {
            let (package, id) = package(notify);
            let body = body.as_deref();
            let resource = body.and_then(|body| bodies::read(&package, body));
            let words = state_in_words(state, expires.as_secs());
            report.event(
                "notified",
                notified_fields(state, expires.as_secs())
                    .into_iter()
                    .chain([
                        ("subscription", json!(subscription.to_bits())),
                        ("package", json!(package)),
                    ])
                    .chain(id.map(|id| ("id", json!(id))))
                    .chain(body.into_iter().flat_map(body_fields))
                    .chain(match &resource {
                        Some(Ok(resource)) => Some((resource.name, resource.value.clone())),
                        _ => None,
                    }),
                match (resource, body) {
                    (Some(Ok(resource)), _) => format!("{package} {words}: {}", resource.words),
                    (Some(Err(error)), _) => format!("{package} {words}: {error}"),
                    (None, Some(body)) => format!("{package} {words}: {}", body_in_words(body)),
                    (None, None) => format!("{package} {words}"),
                },
            );
        }
        Event::SubscriptionForked { subscription, of } => report.event(
            "subscription_forked",
            [
                ("subscription", json!(subscription.to_bits())),
                ("of", json!(of.to_bits())),
            ],
            "a further notifier answered",
        ),
        Event::SubscriptionInterrupted {
            subscription,
            cause,
            retry_at,
        } => report.event(
            "subscription_interrupted",
            [
                ("subscription", json!(subscription.to_bits())),
                ("retry", json!(retry(retry_at.is_some()))),
            ]
            .into_iter()
            .chain(cause_fields(cause))
            .chain(retry_field(report, *retry_at)),
            format_args!(
                "subscription interrupted: {}; {}",
                cause_in_words(cause),
                again(report, *retry_at)
            ),
        ),
        Event::SubscriptionEnded {
            subscription,
            cause,
        } => report.event(
            "subscription_ended",
            [("subscription", json!(subscription.to_bits()))]
                .into_iter()
                .chain(cause_fields(cause)),
            format_args!("subscription over: {}", cause_in_words(cause)),
        ),
        _ => {}
    }
}

/// The events of the subscriptions of peers.
fn print_incoming(report: &Report, event: &Event) {
    match event {
        Event::IncomingSubscription {
            subscription,
            session,
            package,
            expires,
            request,
        } => report.event(
            "incoming_subscription",
            [
                ("subscription", json!(subscription.to_bits())),
                ("from", json!(caller(request))),
                ("package", json!(package)),
                ("expires", json!(expires.as_secs())),
            ]
            .into_iter()
            .chain(session.map(|session| ("call", json!(session.to_bits())))),
            format_args!(
                "subscription to {package} from {} for {} s",
                caller(request),
                expires.as_secs()
            ),
        ),
        Event::SubscriptionRefreshed {
            subscription,
            expires,
            ..
        } => report.event(
            "subscription_refreshed",
            [
                ("subscription", json!(subscription.to_bits())),
                ("expires", json!(expires.as_secs())),
            ],
            format_args!("subscription refreshed for {} s", expires.as_secs()),
        ),
        Event::IncomingSubscriptionEnded {
            subscription,
            cause,
        } => report.event(
            "incoming_subscription_ended",
            [
                ("subscription", json!(subscription.to_bits())),
                ("cause", json!(incoming_cause(cause))),
            ]
            .into_iter()
            .chain(match cause {
                IncomingSubscriptionEnd::NotifyFailed(reason) => reason_fields(reason),
                _ => Vec::new(),
            }),
            format_args!("subscription of the peer over: {cause}"),
        ),
        _ => {}
    }
}

/// The event package of a NOTIFY, and its `id`.
pub(crate) fn package(notify: &Request) -> (String, Option<String>) {
    match notify.event() {
        Ok(Some(event)) => (
            sip_parse::text(event.package).to_string(),
            event.id.map(|id| sip_parse::text(id).to_string()),
        ),
        _ => ("unknown".to_owned(), None),
    }
}

fn etag(response: &Response) -> Option<String> {
    let etag = response.sip_etag()?;
    Some(sip_parse::text(etag).to_string())
}

/// When the core tries again, in words.
fn again(report: &Report, retry_at: Option<Timestamp>) -> String {
    match retry_at {
        Some(at) => again_in(report.until(at)),
        None => "again with the next connection".to_owned(),
    }
}

/// When the core tries again.
const fn retry(at_a_time: bool) -> &'static str {
    if at_a_time {
        "later"
    } else {
        "with the next connection"
    }
}

fn notified_fields(state: &SubscriptionState, expires: u64) -> Vec<Field> {
    match state {
        SubscriptionState::Terminated(reason) => [("state", json!("terminated"))]
            .into_iter()
            .chain(termination_fields(reason))
            .collect(),
        state => vec![
            ("state", json!(state.to_string())),
            ("expires", json!(expires)),
        ],
    }
}

fn state_in_words(state: &SubscriptionState, expires: u64) -> String {
    match state {
        SubscriptionState::Terminated(_) => state.to_string(),
        state => format!("{state} for {expires} s"),
    }
}

fn termination_fields(reason: &TerminationReason) -> Vec<Field> {
    let mut fields = Vec::new();
    if !reason.as_str().is_empty() {
        fields.push(("reason", json!(reason.as_str())));
    }
    if let SubscriptionRetry::After(Some(after)) = reason.retry() {
        fields.push(("retry_after", json!(after.as_secs().to_string())));
    }
    fields
}

fn body_fields(body: &Body) -> [Field; 2] {
    [
        ("content_type", json!(body.content_type)),
        ("body", json!(String::from_utf8_lossy(&body.bytes))),
    ]
}

/// A body that the program does not read: plain text as it is, anything else by its size.
fn body_in_words(body: &Body) -> String {
    let prefix = body.content_type.get(..5);
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("text/")) {
        String::from_utf8_lossy(&body.bytes).trim_end().to_owned()
    } else {
        format!("{}, {} bytes", body.content_type, body.bytes.len())
    }
}

fn cause_fields(cause: &SubscriptionEnd) -> Vec<Field> {
    let (name, fields) = match cause {
        SubscriptionEnd::Terminated(reason) => ("terminated", termination_fields(reason)),
        SubscriptionEnd::Failed(reason) => ("failed", reason_fields(reason)),
        SubscriptionEnd::NoNotify => ("no notify", Vec::new()),
        SubscriptionEnd::Expired => ("expired", Vec::new()),
        SubscriptionEnd::Unsubscribed => ("unsubscribed", Vec::new()),
        _ => ("over", Vec::new()),
    };
    [("cause", json!(name))].into_iter().chain(fields).collect()
}

/// Why a subscription is over, with the targets of a redirection.
pub(crate) fn cause_in_words(cause: &SubscriptionEnd) -> String {
    match cause {
        SubscriptionEnd::Failed(reason) => in_words(reason),
        cause => cause.to_string(),
    }
}

const fn incoming_cause(cause: &IncomingSubscriptionEnd) -> &'static str {
    match cause {
        IncomingSubscriptionEnd::Unsubscribed => "unsubscribed",
        IncomingSubscriptionEnd::Expired => "expired",
        IncomingSubscriptionEnd::Terminated => "terminated",
        IncomingSubscriptionEnd::NotifyFailed(_) => "notify failed",
        IncomingSubscriptionEnd::Unanswered => "unanswered",
        IncomingSubscriptionEnd::DialogEnded => "dialog ended",
        _ => "over",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_terminated_subscription_has_its_reason_and_no_time() {
        let reason = TerminationReason::Probation(Some(Duration::from_secs(5)));
        let state = SubscriptionState::Terminated(reason);
        let fields = [
            ("state", json!("terminated")),
            ("reason", json!("probation")),
            ("retry_after", json!("5")),
        ];
        assert_eq!(notified_fields(&state, 0), fields);
        assert_eq!(state_in_words(&state, 0), "terminated (probation)");
        let pending = SubscriptionState::Pending;
        assert_eq!(state_in_words(&pending, 60), "pending for 60 s");
        let fields = [("state", json!("pending")), ("expires", json!(60))];
        assert_eq!(notified_fields(&pending, 60), fields);
    }

    #[test]
    fn a_body_that_is_not_read_is_text_or_a_size() {
        let words = |content_type: &str| body_in_words(&Body::new(content_type, "on\r\n"));
        assert_eq!(words("Text/plain"), "on");
        assert_eq!(
            words("application/octet-stream"),
            "application/octet-stream, 4 bytes"
        );
    }
}
