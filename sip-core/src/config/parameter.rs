//! The names of the parameters, their origin, and the source of each value.

use super::table::parameters;

/// A place where the configuration came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The documented default, because the parameter is not given.
    #[default]
    Default,
    /// A call of the builder.
    Code,
    /// The SIP.js form, usually a file.
    File,
    /// A command-line flag on top of the file.
    Flag,
}

impl Source {
    /// One word: `default`, `code`, `file`, `flag`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Code => "code",
            Self::File => "file",
            Self::Flag => "flag",
        }
    }
}

/// The definition that a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The page "SIP.UA Configuration Parameters" of SIP.js 0.9.
    Page,
    /// SIP.js 0.9 to 0.11, but not on that page.
    Undocumented,
    /// Only this crate.
    Own,
}

macro_rules! names {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $origin:ident
        $({ $field:ident: $type:ty = $default:expr })?
        $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
    )*) => {
        /// A parameter of the configuration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Parameter {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Parameter {
            /// Every parameter: first those of the SIP.js page in the page's order, then the others.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the file form; the parts of `log` as `log.level` and so on.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The definition that the parameter comes from.
            pub fn origin(self) -> Origin {
                match self {
                    $(Self::$variant => Origin::$origin,)*
                }
            }
        }
    };
}

parameters!(names);

impl Parameter {
    /// Whether its value is a secret. Errors, logs and explanations never show it.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Password | Self::Ha1)
    }
}

/// For each parameter, where its value came from.
///
/// Two bits each, because every configuration has its own; in two words, because a `u128` would align all of it to 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources([u64; 2]);

const _: () = assert!(Parameter::ALL.len() <= 64, "two bits each");

impl Sources {
    pub(crate) fn of(&self, parameter: Parameter) -> Source {
        let (word, at) = Self::place(parameter);
        match self.0[word] >> at & 3 {
            1 => Source::Code,
            2 => Source::File,
            3 => Source::Flag,
            _ => Source::Default,
        }
    }

    pub(crate) fn note(&mut self, parameter: Parameter, source: Source) {
        let (word, at) = Self::place(parameter);
        self.0[word] = self.0[word] & !(3 << at) | (source as u64) << at;
    }

    /// The word with the bits of a parameter, and where they begin in it.
    const fn place(parameter: Parameter) -> (usize, u32) {
        let number = parameter as usize;
        (number / 32 % 2, 2 * (number % 32) as u32)
    }

    /// Whether the value was given, unlike a default.
    pub(crate) fn given(&self, parameter: Parameter) -> bool {
        self.of(parameter) != Source::Default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_29_parameters() {
        let page = Parameter::ALL
            .iter()
            .filter(|parameter| parameter.origin() == Origin::Page);
        let mut tops: alloc::vec::Vec<_> = page
            .map(|parameter| parameter.name().split('.').next().unwrap())
            .collect();
        tops.dedup();
        assert_eq!(tops.len(), 29);
    }
}
