//! The bindings of the agent's Contact at the registrar (RFC 3261 section 10.2), one for each flow (RFC 5626).
//!
//! `binding.rs` is the machine of one binding, with its table; `registrations.rs` holds all bindings of an
//! agent and the wish of the application; `grant.rs` finds the binding in a 2xx; `timing.rs` computes the times. `ua/registering.rs` carries out
//! their decisions. At most one REGISTER is in flight for all flows of an agent (RFC 3261 section 10.2);
//! further ones wait.

mod binding;
#[cfg(test)]
#[path = "../../exploration/registration/broken.rs"]
pub(crate) mod broken;
mod grant;
mod registrations;
#[cfg(test)]
mod tables;
mod timing;

pub(crate) use self::binding::{Binding, BindingInput, RegisterKind};
pub(crate) use self::grant::Grant;
pub(crate) use self::registrations::{AlternativeForm, Registrations, Wish};
pub(crate) use self::timing::{bound_for, refresh_after, retry_after, return_after};
