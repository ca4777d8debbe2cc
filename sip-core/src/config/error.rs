//! Errors of a configuration: a [`ConfigError`] for each fault, and [`ConfigErrors`] for all of them.

use alloc::{borrow::Cow, boxed::Box, format, string::String, vec::Vec};
use core::fmt;

/// How much of a refused value an error quotes, in characters.
const EXCERPT: usize = 60;

/// Replaces a secret in errors, logs and explanations.
pub(crate) const REDACTED: &str = "[redacted]";

/// Which rule a configuration breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The parameter does not take this value.
    Value,
    /// There is no parameter of this name.
    Unknown,
    /// The parameter is given more than once, perhaps under two spellings.
    Repeated,
    /// A function or another program text, which a configuration file cannot carry.
    Program,
    /// The parameter is known, and deliberately not supported.
    Unsupported,
    /// The text is not a configuration object at all.
    Syntax,
}

/// One fault of a configuration: the parameter, the refused value, and the expected form.
///
/// `Display` is one sentence without a full stop. Secrets are never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    kind: ConfigErrorKind,
    parameter: Cow<'static, str>,
    value: String,
    expected: Cow<'static, str>,
}

impl ConfigError {
    /// A value that `parameter` does not take. The error shows `value` as it is: never pass a secret.
    pub fn value(
        parameter: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind: ConfigErrorKind::Value,
            parameter: parameter.into(),
            value: value.into(),
            expected: expected.into(),
        }
    }

    /// A fault of `parameter` of any kind, without its value; `advice` is the expected form or a hint.
    pub fn new(
        kind: ConfigErrorKind,
        parameter: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            parameter: parameter.into(),
            value: String::new(),
            expected: advice.into(),
        }
    }

    /// `text` as errors quote it: in quotes, controls escaped, cut after 60 characters.
    pub fn excerpt(text: &str) -> String {
        match text.char_indices().nth(EXCERPT) {
            Some((end, _)) => format!("{:?}...", &text[..end]),
            None => format!("{text:?}"),
        }
    }

    /// Which rule is broken.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// The parameter's name as on the SIP.js page, with the place inside its value where that
    /// helps: `registerExpires`, `wsServers[1].weight`. The key as given when it is unknown.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// The refused value, shortened; `[redacted]` for a secret, empty when the value is not at fault.
    pub fn given(&self) -> &str {
        &self.value
    }

    /// The expected form, or a hint.
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parameter, value, expected) = (&self.parameter, &self.value, &self.expected);
        match self.kind {
            ConfigErrorKind::Value => write!(f, "{parameter} is {value}, but must be {expected}"),
            ConfigErrorKind::Unknown => write!(f, "{parameter} is not a parameter: {expected}"),
            ConfigErrorKind::Repeated => write!(f, "{parameter} is given twice: {expected}"),
            ConfigErrorKind::Program => {
                write!(f, "{parameter} holds program text: {expected}")
            }
            ConfigErrorKind::Unsupported => write!(f, "{parameter} is not supported: {expected}"),
            ConfigErrorKind::Syntax => write!(f, "{parameter} cannot be read: {expected}"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// All faults of a configuration, in the order in which they were found; never empty.
///
/// `Display` is one line for each fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Box<[ConfigError]>);

impl ConfigErrors {
    /// `None` when there is no fault.
    pub(crate) fn new(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then(|| Self(errors.into()))
    }

    /// The faults, at least one.
    pub fn iter(&self) -> core::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = core::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for ConfigErrors {
    /// The first fault.
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.first().map(|first| first as _)
    }
}

/// An excerpt of a SIP URI without its password (RFC 3261 section 19.1.1).
pub(crate) fn excerpt_of_uri(text: &str) -> String {
    let Some(at) = text.rfind('@') else {
        return ConfigError::excerpt(text);
    };
    let start = match text.find(':') {
        Some(colon) if is_scheme(&text[..colon]) => colon + 1,
        _ => 0,
    };
    match text.get(start..at).and_then(|userinfo| userinfo.find(':')) {
        Some(colon) => ConfigError::excerpt(&format!(
            "{}:{REDACTED}{}",
            &text[..start + colon],
            &text[at..]
        )),
        None => ConfigError::excerpt(text),
    }
}

/// Also after the `<` of a name-addr.
fn is_scheme(text: &str) -> bool {
    let text = text.rsplit('<').next().unwrap_or_default();
    ["sip", "sips", "tel"]
        .iter()
        .any(|scheme| text.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_quoted_and_without_controls() {
        assert_eq!(ConfigError::excerpt("a\r\nb"), r#""a\r\nb""#);
        let long = "é".repeat(EXCERPT + 1);
        assert_eq!(
            ConfigError::excerpt(&long),
            format!("\"{}\"...", "é".repeat(EXCERPT))
        );
    }

    #[test]
    fn rfc3261_19_1_1_the_password_of_a_uri_is_never_quoted() {
        for (given, shown) in [
            ("sip:alice:hunter2@x", "\"sip:alice:[redacted]@x\""),
            ("alice:hunter2@x", "\"alice:[redacted]@x\""),
            ("SIPS:alice:hunter2@@x", "\"SIPS:alice:[redacted]@x\""),
            ("<sip:alice:hunter2@x>", "\"<sip:alice:[redacted]@x>\""),
            ("sip:alice@x:5060", "\"sip:alice@x:5060\""),
            ("nobody", "\"nobody\""),
        ] {
            assert_eq!(excerpt_of_uri(given), shown);
        }
    }
}
