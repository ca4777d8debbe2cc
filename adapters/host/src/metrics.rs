//! Counters and gauges as text for Prometheus (exposition format 0.0.4).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use sip_core::{CallCounters, Counters, TableSizes, UserAgent};

/// The media type of the text.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a metric only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Counter,
    Gauge,
}

/// A metric with its samples.
#[derive(Clone, Debug)]
pub struct Metric<'a> {
    name: &'a str,
    help: &'a str,
    kind: Kind,
    samples: Vec<(Vec<(&'a str, &'a str)>, u64)>,
}

impl<'a> Metric<'a> {
    /// A number that only grows. Its name ends in `_total`.
    #[must_use]
    pub const fn counter(name: &'a str, help: &'a str) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    /// A number that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'a str, help: &'a str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    const fn new(name: &'a str, help: &'a str, kind: Kind) -> Self {
        Self {
            name,
            help,
            kind,
            samples: Vec::new(),
        }
    }

    /// Adds a value. No two samples of a metric have the same labels.
    #[must_use]
    pub fn sample(mut self, labels: &[(&'a str, &'a str)], value: u64) -> Self {
        self.samples.push((labels.to_vec(), value));
        self
    }
}

/// The text of the metrics, as the body of a response of the type [`METRICS_TYPE`].
#[must_use]
pub fn metrics_text(metrics: &[Metric<'_>]) -> String {
    let mut text = String::new();
    for metric in metrics {
        // A String takes everything.
        let _never = write_metric(&mut text, metric);
    }
    text
}

fn write_metric(text: &mut String, metric: &Metric<'_>) -> fmt::Result {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    };
    let name = metric.name;
    text.write_str("# HELP ")?;
    text.write_str(name)?;
    text.write_char(' ')?;
    escape(text, metric.help, false);
    write!(text, "\n# TYPE {name} {kind}\n")?;
    for (labels, value) in &metric.samples {
        text.write_str(name)?;
        for (index, (label, value)) in labels.iter().enumerate() {
            text.write_str(if index == 0 { "{" } else { "," })?;
            write!(text, "{label}=\"")?;
            escape(text, value, true);
            text.write_char('"')?;
        }
        if !labels.is_empty() {
            text.write_char('}')?;
        }
        writeln!(text, " {value}")?;
    }
    Ok(())
}

/// The escapes of the format: backslash and line feed, in the value of a label the quotation mark, too.
fn escape(text: &mut String, value: &str, is_label: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_label => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// Everything that a run of one agent can be judged by, at one moment. `Display` writes it as text for Prometheus;
/// [`agents_text`] writes that of many agents.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// The address-of-record, which is the label `agent`.
    pub agent: String,
    /// The counters since the agent was made.
    pub counters: Counters,
    /// The current sizes of its tables: calls, transactions and so on.
    pub sizes: TableSizes,
    /// The flows that are up.
    pub flows: usize,
    /// Whether the registrar holds a binding of the agent, as far as the core knows.
    pub is_registered: bool,
}

impl Metrics {
    /// What can be read of an agent now.
    #[must_use]
    pub fn of(agent: &UserAgent) -> Self {
        Self {
            agent: agent.address_of_record().to_string(),
            counters: agent.counters(),
            sizes: agent.table_sizes(),
            flows: agent.open_flows(),
            is_registered: agent.is_registered(),
        }
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&agents_text(core::slice::from_ref(self)))
    }
}

/// The text of the metrics of some agents, which have different addresses. The label `agent` says which is meant.
#[must_use]
pub fn agents_text(agents: &[Metrics]) -> String {
    type Read = fn(&Metrics) -> u64;
    const COUNTERS: [(&str, &str, Read); 18] = [
        (
            "sip_messages_received_total",
            "Messages and keep-alives received.",
            |of| of.counters.received,
        ),
        (
            "sip_messages_sent_total",
            "Messages and keep-alives sent, repeats included.",
            |of| of.counters.transmitted,
        ),
        (
            "sip_requests_received_total",
            "Requests received, ACK and repeats not included.",
            |of| of.counters.requests_received,
        ),
        (
            "sip_requests_sent_total",
            "Requests sent, ACK and repeats not included.",
            |of| of.counters.requests_sent,
        ),
        (
            "sip_retransmissions_total",
            "Messages sent again, because the peer has not answered in time.",
            |of| of.counters.retransmitted,
        ),
        (
            "sip_malformed_total",
            "Received bytes that were no acceptable message.",
            |of| of.counters.malformed,
        ),
        (
            "sip_ignored_total",
            "Well-formed messages that the core dropped.",
            |of| of.counters.ignored,
        ),
        (
            "sip_refused_total",
            "Requests that the core refused by itself.",
            |of| of.counters.refused,
        ),
        (
            "sip_authentication_info_failures_total",
            "Responses that do not prove that the server knows the secret.",
            |of| of.counters.authentication_info_failures,
        ),
        (
            "sip_records_dropped_total",
            "Log and trace records dropped because the queue was full.",
            |of| of.counters.records_dropped,
        ),
        (
            "sip_connections_opened_total",
            "Connections opened.",
            |of| of.counters.connections_opened,
        ),
        (
            "sip_connections_failed_total",
            "Connections that could not be opened.",
            |of| of.counters.connections_failed,
        ),
        (
            "sip_connections_lost_total",
            "Open connections that ended although the agent wanted them.",
            |of| of.counters.connections_lost,
        ),
        (
            "sip_registrations_total",
            "Bindings made at the registrar.",
            |of| of.counters.registrations,
        ),
        (
            "sip_registrations_refreshed_total",
            "Bindings refreshed.",
            |of| of.counters.registrations_refreshed,
        ),
        (
            "sip_registrations_failed_total",
            "REGISTERs that failed.",
            |of| of.counters.registrations_failed,
        ),
        (
            "sip_application_requests_succeeded_total",
            "Requests of the application that got a 2xx.",
            |of| of.counters.requests_succeeded,
        ),
        (
            "sip_application_requests_failed_total",
            "Requests of the application that got another final response, or none.",
            |of| of.counters.requests_failed,
        ),
    ];
    const GAUGES: [(&str, &str, Read); 7] = [
        (
            "sip_registered",
            "1 if the registrar holds a binding of the agent.",
            |of| of.is_registered.into(),
        ),
        ("sip_flows", "Connections that are up.", |of| size(of.flows)),
        ("sip_calls", "Calls that are not over.", |of| {
            size(of.sizes.sessions)
        }),
        ("sip_client_transactions", "Client transactions.", |of| {
            size(of.sizes.client_transactions)
        }),
        ("sip_server_transactions", "Server transactions.", |of| {
            size(of.sizes.server_transactions)
        }),
        ("sip_subscriptions", "Subscriptions of the agent.", |of| {
            size(of.sizes.subscriptions)
        }),
        ("sip_publications", "Publications of the agent.", |of| {
            size(of.sizes.publications)
        }),
    ];
    let mut metrics: Vec<Metric<'_>> = Vec::new();
    for (name, help, value) in COUNTERS {
        metrics.push(of_agents(Metric::counter(name, help), agents, value));
    }
    metrics.extend(calls(agents));
    for (name, help, value) in GAUGES {
        metrics.push(of_agents(Metric::gauge(name, help), agents, value));
    }
    metrics_text(&metrics)
}

fn of_agents<'a>(
    mut metric: Metric<'a>,
    agents: &'a [Metrics],
    value: fn(&Metrics) -> u64,
) -> Metric<'a> {
    for of in agents {
        metric = metric.sample(&[("agent", &of.agent)], value(of));
    }
    metric
}

/// The calls by direction, and the answered and unanswered ones by outcome.
fn calls(agents: &[Metrics]) -> [Metric<'_>; 3] {
    let mut begun = Metric::counter("sip_calls_begun_total", "Calls that began.");
    let mut over = Metric::counter(
        "sip_calls_total",
        "Calls by what became of them: answered, refused, cancelled or failed.",
    );
    let mut lost = Metric::counter(
        "sip_calls_lost_total",
        "Answered calls that neither side ended.",
    );
    for of in agents {
        let agent = ("agent", of.agent.as_str());
        for (direction, calls) in [
            ("out", &of.counters.calls_out),
            ("in", &of.counters.calls_in),
        ] {
            let direction = ("direction", direction);
            begun = begun.sample(&[agent, direction], calls.begun);
            lost = lost.sample(&[agent, direction], calls.lost);
            for (outcome, count) in outcomes(calls) {
                over = over.sample(&[agent, direction, ("outcome", outcome)], count);
            }
        }
    }
    [begun, over, lost]
}

const fn outcomes(calls: &CallCounters) -> [(&'static str, u64); 4] {
    [
        ("answered", calls.answered),
        ("refused", calls.refused),
        ("cancelled", calls.cancelled),
        ("failed", calls.failed),
    ]
}

/// The length of a table.
fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_the_format_asks() {
        let metrics = [
            Metric::counter("a_total", "One \\ two\nthree \"four\".")
                .sample(&[("x", "a\\b\n\"c\""), ("y", "z")], 1)
                .sample(&[], u64::MAX),
            Metric::gauge("b", "Empty."),
        ];
        assert_eq!(
            metrics_text(&metrics),
            "# HELP a_total One \\\\ two\\nthree \"four\".\n# TYPE a_total counter\n\
             a_total{x=\"a\\\\b\\n\\\"c\\\"\",y=\"z\"} 1\na_total 18446744073709551615\n\
             # HELP b Empty.\n# TYPE b gauge\n"
        );
    }

    fn metrics(agent: &str) -> Metrics {
        Metrics {
            agent: agent.to_string(),
            counters: Counters::default(),
            sizes: TableSizes::default(),
            flows: 1,
            is_registered: true,
        }
    }

    /// Each metric has its head once, before all its samples; each counter ends in `_total`, and no gauge does.
    #[test]
    fn several_agents_share_the_head_of_a_metric() {
        let text = agents_text(&[metrics("sip:a@x"), metrics("sip:b@x")]);
        let mut names: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(!names.contains(&name), "{name} twice");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                names.push(name);
            } else if !line.starts_with('#') {
                let name = line.split('{').next().unwrap();
                assert_eq!(names.last(), Some(&name), "{line}");
            }
        }
        for agent in ["a", "b"] {
            let sample = alloc::format!("sip_registered{{agent=\"sip:{agent}@x\"}} 1\n");
            assert!(text.contains(&sample), "{text}");
        }
        let calls = "sip_calls_total{agent=\"sip:a@x\",direction=\"in\",outcome=\"refused\"} 0";
        assert!(text.contains(calls), "{text}");
    }
}
