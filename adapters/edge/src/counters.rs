//! The counters of the edge, and their text for Prometheus.

use sip_host::{Metric, metrics_text};

/// Counters of the edge. They only grow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent.
    pub transmitted: u64,
    /// Inputs that are not SIP messages.
    pub malformed: u64,
    /// Messages that the edge dropped on purpose: stray responses, ACKs without a flow, and victims of the
    /// configured faults.
    pub dropped: u64,
    /// Connections accepted.
    pub connections_opened: u64,
    /// Connections closed, by either side.
    pub connections_closed: u64,
    /// Requests answered 401 or 407.
    pub challenged: u64,
    /// Requests with credentials that are wrong; part of `challenged`.
    pub wrong_credentials: u64,
    /// Requests that the edge itself answered with any other failure.
    pub refused: u64,
    /// Bindings made (refreshes not included).
    pub registered: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// REGISTERs refused: wrong credentials, another user, a malformed request.
    pub registrations_refused: u64,
    /// Bindings removed by their users.
    pub unregistered: u64,
    /// Bindings that have expired or lost their connection.
    pub bindings_lost: u64,
    /// Copies of requests that the edge forwarded, one for each branch, ACKs included.
    pub forwarded: u64,
    /// INVITEs outside any dialog, challenged ones not included.
    pub calls_started: u64,
    /// INVITEs outside any dialog that were answered 2xx.
    pub calls_answered: u64,
    /// INVITEs outside any dialog that got another final response than 2xx and 487.
    pub calls_refused: u64,
    /// INVITEs outside any dialog that their caller cancelled, or whose caller lost its connection.
    pub calls_cancelled: u64,
    /// BYEs answered 2xx.
    pub calls_ended: u64,
    /// Calls whose two connections were lost without a BYE.
    pub calls_lost: u64,
    /// MESSAGEs that their user answered 2xx.
    pub messages_delivered: u64,
    /// MESSAGEs that were stored for their user.
    pub messages_stored: u64,
    /// MESSAGEs that were refused or got no response.
    pub messages_failed: u64,
    /// Subscriptions that the edge accepted (refreshes not included).
    pub subscribed: u64,
    /// Subscriptions that ended.
    pub unsubscribed: u64,
    /// PUBLISHes answered 200.
    pub published: u64,
    /// States that the edge reported to subscribers.
    pub notified: u64,
}

/// The sizes of the tables of the edge now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Gauges {
    /// Open connections.
    pub connections: usize,
    /// Bindings of all users.
    pub bindings: usize,
    /// Calls that were answered and have not ended.
    pub calls: usize,
    /// Requests that wait for their final response.
    pub forwarded_requests: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
}

/// The counters and gauges as text for Prometheus, of the type [`METRICS_TYPE`](sip_host::METRICS_TYPE).
#[must_use]
pub fn edge_metrics_text(counters: &Counters, gauges: &Gauges) -> String {
    let counter = |name, help, value| Metric::counter(name, help).sample(&[], value);
    let gauge = |name, help, value: usize| {
        let value = u64::try_from(value).unwrap_or(u64::MAX);
        Metric::gauge(name, help).sample(&[], value)
    };
    metrics_text(&[
        counter(
            "sip_edge_messages_received_total",
            "Messages and keep-alives received.",
            counters.received,
        ),
        counter(
            "sip_edge_messages_sent_total",
            "Messages and keep-alives sent.",
            counters.transmitted,
        ),
        counter(
            "sip_edge_malformed_total",
            "Inputs that are not SIP messages.",
            counters.malformed,
        ),
        counter(
            "sip_edge_dropped_total",
            "Messages dropped on purpose.",
            counters.dropped,
        ),
        counter(
            "sip_edge_connections_opened_total",
            "Connections accepted.",
            counters.connections_opened,
        ),
        counter(
            "sip_edge_connections_closed_total",
            "Connections closed by either side.",
            counters.connections_closed,
        ),
        counter(
            "sip_edge_challenged_total",
            "Requests answered 401 or 407.",
            counters.challenged,
        ),
        counter(
            "sip_edge_wrong_credentials_total",
            "Requests with credentials that are wrong.",
            counters.wrong_credentials,
        ),
        counter(
            "sip_edge_refused_total",
            "Requests that the edge answered with any other failure.",
            counters.refused,
        ),
        counter(
            "sip_edge_registrations_total",
            "Bindings made.",
            counters.registered,
        ),
        counter(
            "sip_edge_registrations_refreshed_total",
            "Bindings refreshed.",
            counters.refreshed,
        ),
        counter(
            "sip_edge_registrations_refused_total",
            "REGISTERs refused.",
            counters.registrations_refused,
        ),
        Metric::counter("sip_edge_registrations_ended_total", "Bindings that ended.")
            .sample(&[("how", "removed")], counters.unregistered)
            .sample(&[("how", "lost")], counters.bindings_lost),
        counter(
            "sip_edge_forwarded_total",
            "Copies of requests forwarded, ACKs included.",
            counters.forwarded,
        ),
        counter(
            "sip_edge_calls_begun_total",
            "Calls that began.",
            counters.calls_started,
        ),
        Metric::counter("sip_edge_calls_total", "Calls by what became of them.")
            .sample(&[("outcome", "answered")], counters.calls_answered)
            .sample(&[("outcome", "refused")], counters.calls_refused)
            .sample(&[("outcome", "cancelled")], counters.calls_cancelled),
        Metric::counter("sip_edge_calls_ended_total", "Answered calls that ended.")
            .sample(&[("how", "bye")], counters.calls_ended)
            .sample(&[("how", "lost")], counters.calls_lost),
        Metric::counter(
            "sip_edge_messages_total",
            "MESSAGEs by what became of them.",
        )
        .sample(&[("outcome", "delivered")], counters.messages_delivered)
        .sample(&[("outcome", "stored")], counters.messages_stored)
        .sample(&[("outcome", "failed")], counters.messages_failed),
        counter(
            "sip_edge_subscriptions_total",
            "Subscriptions accepted.",
            counters.subscribed,
        ),
        counter(
            "sip_edge_subscriptions_ended_total",
            "Subscriptions that ended.",
            counters.unsubscribed,
        ),
        counter(
            "sip_edge_publications_total",
            "PUBLISHes answered 200.",
            counters.published,
        ),
        counter(
            "sip_edge_notifications_total",
            "States reported to subscribers.",
            counters.notified,
        ),
        gauge(
            "sip_edge_connections",
            "Open connections.",
            gauges.connections,
        ),
        gauge(
            "sip_edge_bindings",
            "Bindings of all users.",
            gauges.bindings,
        ),
        gauge("sip_edge_calls", "Calls that are up.", gauges.calls),
        gauge(
            "sip_edge_forwarded_requests",
            "Requests that wait for their final response.",
            gauges.forwarded_requests,
        ),
        gauge(
            "sip_edge_client_transactions",
            "Client transactions.",
            gauges.client_transactions,
        ),
        gauge(
            "sip_edge_server_transactions",
            "Server transactions.",
            gauges.server_transactions,
        ),
    ])
}
