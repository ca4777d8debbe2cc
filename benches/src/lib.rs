#![forbid(unsafe_code)]
//! What the benches share: the messages with their facts, the work that is timed, and a clock that runs
//! rivals in turns.
//!
//! Two kinds of reading are timed on the same bytes, in the same process, in turns: *frame* finds start line,
//! every header line and the body; *typed* reads and checks the values that an element needs to route and
//! match a message. Both are reported as multiples of a [`floor`]: one `memchr` pass over the head.

pub mod clock;
mod description;
pub mod floor;
pub mod growth;
pub mod messages;
mod pair;
pub mod scenario;
pub mod scenarios;
mod series;
pub mod typed;
pub mod walk;
pub mod write;
