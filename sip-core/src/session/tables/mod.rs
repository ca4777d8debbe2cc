//! The tables in the doc comments of the machines of a call, read and held against the machines: every state with every
//! input. What a table does not list must change nothing.

mod call;
mod offer;
mod rows;
