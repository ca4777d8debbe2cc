//! Calls: the INVITE usage (RFC 3261 sections 13 to 15), usable alone on an
//! [`Endpoint`](crate::endpoint::Endpoint).
//!
//! [`SessionLayer::step`] takes every input of a call. `machine.rs` has the table of states and inputs;
//! `caller.rs` has the states before the peer answers an INVITE of this side with `early.rs` for the
//! early dialogs, `redirect.rs` for redirections and `claim.rs` for further branches, `callee.rs` those before this
//! side answers and while it waits for the ACK, `progress.rs` with `reliable.rs` the provisional responses of this side (RFC
//! 3262), `confirmed.rs` and `reinvite.rs` the states of a call that is up, `ending.rs` the rest. `update.rs` has the UPDATEs,
//! which are beside the state. `offer.rs` is the offer/answer machine (RFC 3264), `refresh.rs` that of session timers (RFC 4028). `transfer.rs`
//! and `referral.rs` are the machines of a REFER of this side and of a peer (RFC 3515), which `transferring.rs` and
//! `referring.rs` drive; `replaces.rs` finds the calls that an INVITE names (RFC 3891).

mod alone;
mod callee;
mod caller;
mod claim;
mod confirmed;
mod context;
mod early;
mod early_update;
mod ending;
#[cfg(test)]
#[path = "../../exploration/session/mod.rs"]
mod exploration;
mod input;
mod layer;
mod machine;
mod offer;
mod options;
mod peer;
mod progress;
mod provisional;
mod redirect;
mod referral;
mod referring;
mod refresh;
mod refusal;
mod refusing;
mod reinvite;
mod reliable;
mod replaces;
mod state;
mod subscriptions;
#[cfg(test)]
mod tables;
mod transfer;
mod transferring;
mod update;

pub use self::input::{Input, ResponseTo};
pub(crate) use self::layer::Stepped;
pub use self::layer::{Phase, SessionLayer};
pub use self::options::{
    DescriptionFailed, Forks, FromError, FromPart, InviteOptions, MessageOptions, ModifyOptions,
    TransferOptions,
};
pub use self::provisional::{
    ProvisionalOptions, ProvisionalStatus, ProvisionalStatusError, Reliability,
};
pub use self::refusal::{FailureStatus, RedirectTarget, Refusal};
