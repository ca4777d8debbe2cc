//! One module for each command.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod config;
pub(crate) mod demo;
mod page;
pub(crate) mod parse;
pub(crate) mod publish;
pub(crate) mod register;
pub(crate) mod request;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod subscribe;
pub(crate) mod watch;
mod watching;
