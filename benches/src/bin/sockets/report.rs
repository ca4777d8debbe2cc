//! Prints the figures.

use serde_json::{Value, json};

use crate::load::Figures;
use crate::usage::Usage;
use crate::{Adapter, Arguments};

/// What a process used for each call, in microseconds and context switches.
struct PerCall {
    user: f64,
    kernel: f64,
    switches: f64,
    threads: u64,
    resident: u64,
}

impl PerCall {
    fn of([before, after]: [Usage; 2], calls: u32) -> Self {
        let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / f64::from(calls);
        Self {
            user: each(before.user, after.user),
            kernel: each(before.kernel, after.kernel),
            switches: each(before.switches, after.switches),
            threads: after.threads,
            resident: after.resident,
        }
    }

    fn json(&self) -> Value {
        json!({
            "user_us_per_call": self.user,
            "kernel_us_per_call": self.kernel,
            "context_switches_per_call": self.switches,
            "threads": self.threads,
            "resident_kib": self.resident,
        })
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: {:.0} us user and {:.0} us kernel a call, {:.1} context switches a call, {} threads, {} MiB",
            self.user,
            self.kernel,
            self.switches,
            self.threads,
            self.resident / 1024
        );
    }
}

pub(crate) fn print(arguments: &Arguments, figures: &Figures) {
    let calls = arguments.calls;
    let adapter = match arguments.adapter {
        Adapter::Tokio => "tokio",
        Adapter::Blocking => "blocking",
        Adapter::IoThread => "io-thread",
    };
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1_000.0;
    let quantile = |quantile| microseconds(figures.setup.value_at_quantile(quantile));
    let agents = PerCall::of(figures.agents, calls);
    let edge = PerCall::of(figures.edge, calls);
    let registrations = f64::from(arguments.agents) / figures.registrations.as_secs_f64();
    let speed = f64::from(calls) / figures.calls.as_secs_f64();
    if arguments.json {
        let object = json!({
            "adapter": adapter,
            "agents": arguments.agents,
            "calls": calls,
            "at_once": arguments.at_once,
            "registrations_per_second": registrations,
            "calls_per_second": speed,
            "setup_us": {
                "p50": quantile(0.5),
                "p90": quantile(0.9),
                "p99": quantile(0.99),
                "max": microseconds(figures.setup.max()),
            },
            "agents_process": agents.json(),
            "edge_process": edge.json(),
        });
        println!("{object}");
        return;
    }
    println!(
        "{adapter}: {} agents, {calls} calls, {} at a time",
        arguments.agents, arguments.at_once
    );
    println!("{registrations:.0} registrations a second, {speed:.0} calls a second");
    println!(
        "set-up: p50 {:.0} us, p90 {:.0} us, p99 {:.0} us, longest {:.0} us",
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        microseconds(figures.setup.max())
    );
    agents.print("agents");
    edge.print("edge");
}
