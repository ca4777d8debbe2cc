//! Bounds on memory: how many allocations a step makes, and how many bytes stay.
//!
//! `allocation_counter::measure` counts what the thread of the test does, so the tests run side by side. A step is measured
//! once everything it needs has been made: `count_total` is its allocations, `bytes_current` what it leaves.

mod agent;
mod call;
mod transaction;
