//! The configuration of a user agent: the parameters of SIP.js's `SIP.UA`, typed and checked.
//!
//! Three forms mean the same: the Rust builder ([`Config::builder`]), the SIP.js object (read by the crate
//! `sip-sipjs`), and the flags of a program, which are builder calls on top of a file. The parameters keep
//! their names, in snake_case here; durations are [`Duration`](core::time::Duration), URIs are parsed, the
//! server list is never empty, and `Debug` never shows a secret. `table.rs` has a row for each parameter.
//!
//! ```
//! use core::time::Duration;
//! use sip_core::config::Config;
//!
//! let config = Config::builder()
//!     .uri("alice@example.com")
//!     .server("wss://edge.example.com/ws")
//!     .password("hunter2")
//!     .register_expires(Duration::from_secs(300))
//!     .build()?;
//! assert_eq!(config.authorization_user(), Some("alice"));
//! assert!(!format!("{config:?}").contains("hunter2"));
//!
//! let errors = Config::builder().uri("alice").no_answer_timeout(Duration::ZERO).build().unwrap_err();
//! assert_eq!(errors.iter().count(), 2);
//! # Ok::<(), sip_core::config::ConfigErrors>(())
//! ```

mod address;
mod builder;
mod checks;
mod error;
mod explain;
mod json;
mod parameter;
mod server;
mod setter;
mod settings;
mod table;
mod values;
mod wiring;

pub use builder::{ConfigBuilder, FLOWS_LIMIT, SERVERS_LIMIT};
pub use error::{ConfigError, ConfigErrorKind, ConfigErrors};
pub use explain::Explained;
pub use parameter::{Origin, Parameter, Source};
pub use server::{SERVER_URL_LIMIT, Server, ServerUrl, ServerUrlError};
pub use setter::Setter;
pub use settings::{Config, OPTIONS_LIMIT};
pub use values::{
    Authentication, DtmfType, IpInContact, Log, LogLevel, OfflineRequests, SessionRefresher,
    Support, WeakestAlgorithm,
};
pub use wiring::Unsupported;
