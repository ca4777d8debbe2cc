//! What one more step costs while many others are up:
//!
//! ```text
//! growth list                       the series: name, what grows and what one step is
//! growth time SERIES SIZE [STEPS]   a line `SERIES,SIZE,ns,VALUE`: the time of one step, the least of ten rounds
//! growth table [MAX=100000]         the times of all series at the sizes 1, 10, 100 .. MAX, with a head
//! growth count SERIES SIZE STEPS    sets up, runs STEPS steps and prints how many objects they handled, for a counter
//! ```
//!
//! A counter of instructions counts the function `measured_steps` alone: see `.ci/growth`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use sip_benches::growth::{ALL, Series, make};

/// Steps of each round.
const STEPS: u64 = 20;

const ROUNDS: u64 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match texts[..] {
        ["list"] => {
            for (name, what, _) in ALL {
                println!("{name}\t{what}");
            }
            return ExitCode::SUCCESS;
        }
        ["table", ref most @ ..] if most.len() < 2 => {
            if let Some(most) = most.first().map_or(Some(100_000), |text| number(text)) {
                table(most);
                return ExitCode::SUCCESS;
            }
        }
        ["time", name, size, ref steps @ ..] if steps.len() < 2 => {
            let steps = steps.first().map_or(Some(STEPS), |text| number(text));
            if let (Some(size), Some(steps)) = (number(size), steps)
                && let Some(line) = time(name, size, steps)
            {
                println!("{line}");
                return ExitCode::SUCCESS;
            }
        }
        ["count", name, size, steps] => {
            if let (Some(size), Some(steps)) = (number(size), number(steps))
                && let Some(mut series) = make(name, size)
            {
                // What grows once, such as a table that is full, has grown before the count.
                if !series.is_spent() && series.objects() == 1 {
                    series.step();
                }
                let done = measured_steps(&mut *series, steps);
                println!("{}", done * series.objects());
                return ExitCode::SUCCESS;
            }
        }
        _ => {}
    }
    eprintln!("growth list | time SERIES SIZE [STEPS] | table [MAX] | count SERIES SIZE STEPS");
    ExitCode::from(2)
}

fn table(most: u64) {
    println!("series,size,unit,value");
    for (name, ..) in ALL {
        let sizes = std::iter::successors(Some(1), |size| Some(size * 10));
        for size in sizes.take_while(|size| *size <= most) {
            if let Some(line) = time(name, size, STEPS) {
                println!("{line}");
            }
        }
    }
}

/// The line of a series at a size; `None` for a name that no series has.
fn time(name: &str, size: u64, steps: u64) -> Option<String> {
    let mut series = make(name, size)?;
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let done = measured_steps(&mut *series, steps.max(1));
        least = least.min(start.elapsed() / u32::try_from(done).unwrap_or(u32::MAX));
        if series.is_spent() {
            break;
        }
        series.rest();
    }
    let value = least.as_nanos() as f64 / series.objects().max(1) as f64;
    Some(format!("{name},{size},ns,{value:.1}"))
}

/// Runs steps; returns how many.
#[inline(never)]
fn measured_steps(series: &mut dyn Series, steps: u64) -> u64 {
    for done in 0..steps {
        if series.is_spent() {
            return done;
        }
        series.step();
    }
    steps
}
