#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "os"), no_std)]
//! What every adapter of [`sip_core`] needs and should not write again. Applications use `sip-tokio` or
//! `sip-blocking`, not this crate.
//!
//! The crate has two halves. Neither contains a socket or a thread.
//!
//! - **Pure** (without features: `no_std` with `alloc`, builds for `wasm32-unknown-unknown`): [`Host`] runs a
//!   user agent and yields [`Job`]s, [`command`] has the commands of an application, [`for_each_command!`]
//!   makes methods of them, [`Describers`] and [`Authenticator`] connect media and credentials. An adapter for
//!   a browser or for bare metal stands on this half; `tests/pure.rs` drives a user agent as it would.
//!   [`handles::Handles`] is the machine that answers what a handle of an application asks, [`for_each_handle!`] lists the handles.
//! - **`os`** (feature `os`, on by default): the handles as futures, a clock that counts sleep, entropy, trust in TLS servers, the tunnel through
//!   a proxy, the WebSocket handshake of RFC 7118 and the meaning of its failures. The features `ring` (default) and
//!   `aws-lc-rs` bring TLS, `native-roots` (default) and `webpki-roots` the certificates to trust.
//!
//! Files from the top to the bottom; each imports only those below it:
//!
//! | half | files |
//! |---|---|
//! | os | `os/mod`, `os/handle`, `os/options`, `os/dialing`, `os/handshake` and `os/trust`, `os/headers` and `os/proxy`, `os/connect`, `os/clock`, `os/websocket` |
//! | pure | `host`, `hooks`, `signalling_only`, `handles`, `handle_list`, `authenticator`, `description`, `list`, `command`, `failure`, `log`, `metrics`, `spans` |

extern crate alloc;

mod authenticator;
pub mod command;
mod description;
mod failure;
mod handle_list;
pub mod handles;
mod hooks;
mod host;
mod list;
mod log;
mod metrics;
#[cfg(feature = "os")]
pub mod os;
mod signalling_only;
mod spans;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use authenticator::Authenticator;
pub use command::CommandFailure;
pub use description::{Describers, DescriptionError, TypedFactory};
pub use failure::{CONNECT_TIMEOUT, ConnectFailure, Failure};
pub use hooks::{
    EventObserver, FailureObserver, Hooks, LogConnector, ServerUrlSource, TraceConnector,
};
pub use host::{Autostop, Host, Job, LONGEST_SLEEP};
pub use metrics::{METRICS_TYPE, Metric, Metrics, agents_text, metrics_text};
pub use signalling_only::SignallingOnly;
