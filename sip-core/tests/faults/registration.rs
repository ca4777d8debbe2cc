//! Bindings, grants and refusals of registrars.
