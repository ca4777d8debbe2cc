//! Faults that peers, users and reviewers found from the outside: one test for each kind, named by its row.

mod bodies;
mod call_ends;
mod calls;
mod challenges;
mod credentials;
mod exchanges;
mod leniency;
mod logging;
mod registration;
mod sniffer;
mod streams;
mod transport;
