//! Counts what one step of each scenario allocates: `allocations [SCENARIO...]` prints name, allocations and bytes, separated by
//! tabs. This is a program of its own, because the counter would add instructions to those that `work` counts.

use std::process::ExitCode;

use allocation_counter::measure;
use sip_benches::scenarios::{SCENARIOS, named};

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.extend(SCENARIOS.iter().map(|scenario| scenario.name.to_owned()));
    }
    for name in names {
        let Some(found) = named(&name) else {
            eprintln!("allocations: no scenario {name}");
            return ExitCode::from(2);
        };
        let mut scenario = found.make();
        let used = measure(|| scenario.run_checked(found.steps));
        let each = |total: u64| total as f64 / found.steps as f64;
        println!(
            "{name}\t{:.2}\t{:.0}",
            each(used.count_total),
            each(used.bytes_total)
        );
    }
    ExitCode::SUCCESS
}
