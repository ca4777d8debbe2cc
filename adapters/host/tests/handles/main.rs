//! The handles over an agent in virtual time.

mod calls;
mod desk;
mod requests;
mod usages;
