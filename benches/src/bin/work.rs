//! Does one scenario again and again, for a counter of instructions or a profiler:
//!
//! ```text
//! work SCENARIO N   makes the scenario and does it N times; two values of N give the cost of one step
//! work list         name, a good number of steps and description of each scenario, separated by tabs
//! ```

use std::process::ExitCode;

use sip_benches::scenarios::{SCENARIOS, named};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => {
            for scenario in SCENARIOS {
                println!("{}\t{}\t{}", scenario.name, scenario.steps, scenario.step);
            }
        }
        [name, steps] => {
            let (Some(scenario), Ok(steps)) = (named(name), steps.parse()) else {
                eprintln!("work: no scenario {name}, or no number of steps: {steps}");
                return ExitCode::from(2);
            };
            scenario.make().run_checked(steps);
        }
        _ => {
            eprintln!("work SCENARIO N | work list");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
