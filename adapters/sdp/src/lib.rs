#![forbid(unsafe_code)]
//! Session descriptions of a user agent without media: it offers one audio line, and answers offers as RFC 3264
//! asks (section 6).

mod description;
mod negotiation;

pub use negotiation::Negotiation;
