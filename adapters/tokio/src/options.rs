//! The options of a user agent on this adapter.

use crate::description::SessionDescriptionHandlerFactory;

/// What a user agent on tokio takes besides its [`Config`](sip_core::config::Config). `Default` suits most
/// programs.
pub type Options = sip_host::os::Options<dyn SessionDescriptionHandlerFactory>;
