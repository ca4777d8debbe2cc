#![forbid(unsafe_code)]
//! What transactions and calls allocate, by each crate. This is a program of its own, because the counter would slow down those
//! that allocate most.

use allocation_counter::measure;
use sip_bench_peers::pairings;

fn main() {
    println!("| | crate | allocations | bytes |");
    println!("|---|---|---|---|");
    for pairing in pairings() {
        for row in &pairing.rows {
            let mut scenario = (row.make)();
            scenario.run_checked(pairing.steps);
            let used = measure(|| scenario.run_checked(pairing.steps));
            let each = |total: u64| total as f64 / pairing.steps as f64;
            println!(
                "| {} | {} | {:.1} | {:.0} |",
                pairing.title,
                row.name,
                each(used.count_total),
                each(used.bytes_total)
            );
        }
    }
}
