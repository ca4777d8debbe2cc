//! Parameters that enable a feature which is not implemented. The user agent refuses them by name.

use alloc::vec::Vec;
use core::fmt;

use super::parameter::Parameter;
use super::settings::{Config, Settings};

/// A parameter whose value has no effect yet; `Display` is one sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsupported {
    /// Which parameter.
    pub parameter: Parameter,
    /// The missing feature.
    pub reason: &'static str,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has no effect yet: {}",
            self.parameter.name(),
            self.reason
        )
    }
}

impl core::error::Error for Unsupported {}

/// A row: the parameter, whether the configuration enables the feature, and the reason.
type Row = (Parameter, fn(&Settings) -> bool, &'static str);

/// One row for each missing feature; remove the row with its implementation.
const MISSING: &[Row] = &[];

impl Config {
    /// The parameters that enable a feature which is not implemented.
    /// [`UserAgent::new`](crate::UserAgent::new) fails unless the list is empty.
    pub fn unsupported(&self) -> Vec<Unsupported> {
        MISSING
            .iter()
            .filter(|(_, asked, _)| asked(&self.settings))
            .map(|&(parameter, _, reason)| Unsupported { parameter, reason })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_ask_for_nothing_that_is_missing() {
        assert_eq!(Config::default().unsupported(), []);
    }
}
