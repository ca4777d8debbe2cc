//! The user agent.
//!
//! `agent.rs` has [`UserAgent`] itself, the facade and its tables. Each part is a struct of its own with
//! private fields: `flow_table.rs`, `request_table.rs`, `challenge_table.rs`, and below this module the calls
//! (`session/`), the registrations (`registration/`) and the endpoint that they share (`endpoint/`).
//! `dispatch.rs` routes what arrives; `flows.rs` and `failback.rs` handle connections; `registering.rs`
//! carries out the registration machine; `calls.rs`, `transfers.rs` and `requests.rs` are the commands, `in_call.rs`
//! and `tones.rs` those within a call; `waiting.rs` sends
//! what waited for a connection; `reconfigure.rs` changes the configuration at run time.

mod agent;
mod calls;
mod challenge_table;
mod challenges;
mod configuration;
mod dispatch;
mod events;
#[cfg(test)]
#[path = "../../exploration/registration/mod.rs"]
mod exploration;
mod failback;
mod flow_table;
mod flows;
mod in_call;
mod reconfigure;
mod registering;
mod request_table;
mod requests;
mod tone_sequence;
mod tones;
mod transfers;
mod waiting;

pub use self::agent::{TableSizes, UserAgent};
pub use self::calls::{EstablishedSession, IncomingSession, OutgoingSession, Session};
pub use self::flows::NoServerUrl;
pub use self::reconfigure::Change;
pub use self::transfers::TransferTarget;
