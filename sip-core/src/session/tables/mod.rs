//! Compares the tables in the doc comments of the machines of a call with the machines: every state with
//! every input. An input that a table does not list must change nothing.

mod call;
mod early;
mod early_update;
mod names;
mod offer;
mod refer;
mod refresh;
mod update;
