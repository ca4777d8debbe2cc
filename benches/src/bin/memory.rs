//! Prints the live heap of one object more, as a table of Markdown: the difference of 1,024 and 2,048 of them.

use allocation_counter::measure;
use sip_benches::scenarios::{answered, call_while};

/// The live heap of what `make` makes, in bytes.
fn live<T>(make: impl FnOnce() -> T) -> i64 {
    let mut kept = None;
    let used = measure(|| kept = Some(make()));
    drop(kept);
    used.bytes_current
}

/// The live heap of one of the objects of which `make` makes so many.
fn one<T>(make: impl Fn(u64) -> T) -> i64 {
    let (few, many) = (live(|| make(1_024)), live(|| make(2_048)));
    (many - few) / 1_024
}

fn main() {
    println!("| live heap of | bytes |");
    println!("|---|---|");
    let transaction = |method| one(|count| answered(method, count));
    println!(
        "| an answered OPTIONS until timer J, with its response | {} |",
        transaction("OPTIONS")
    );
    println!(
        "| an INVITE with its 200 until timer L | {} |",
        transaction("INVITE")
    );
    println!(
        "| a confirmed call in a `SessionLayer`, each end | {} |",
        one(call_while) / 2
    );
}
