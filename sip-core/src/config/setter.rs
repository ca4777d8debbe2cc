//! How readers of other forms set parameters by name.

use core::time::Duration;

use super::builder::{ConfigBuilder, FLOWS_LIMIT};
use super::parameter::Parameter;
use super::table::parameters;
use super::values::{
    DtmfType, LogLevel, OfflineRequests, SessionRefresher, Support, WeakestAlgorithm,
};

/// How a reader of another form sets a parameter: the kind of its values, and the builder's method.
///
/// The method checks the value further. The enum is exhaustive, so that a reader without an arm for a new
/// kind does not compile.
#[derive(Clone, Copy, Debug)]
pub enum Setter {
    /// True or false.
    Flag(fn(&mut ConfigBuilder, bool) -> &mut ConfigBuilder),
    /// A whole number.
    Number {
        /// The lowest value.
        least: u32,
        /// The highest value.
        most: u32,
        /// The method.
        set: fn(&mut ConfigBuilder, u32) -> &mut ConfigBuilder,
    },
    /// A time, which files have in seconds.
    Seconds {
        /// The lowest value.
        least: u32,
        /// The method.
        set: fn(&mut ConfigBuilder, Duration) -> &mut ConfigBuilder,
    },
    /// A text.
    Text(for<'b> fn(&'b mut ConfigBuilder, &str) -> &'b mut ConfigBuilder),
    /// One of some words.
    Word {
        /// The words.
        words: &'static [&'static str],
        /// The method; it takes the place of the word among `words`.
        set: fn(&mut ConfigBuilder, usize) -> &mut ConfigBuilder,
    },
    /// True, false or a text.
    FlagOrText {
        /// The method for true and false.
        flag: fn(&mut ConfigBuilder, bool) -> &mut ConfigBuilder,
        /// The method for a text.
        text: for<'b> fn(&'b mut ConfigBuilder, &str) -> &'b mut ConfigBuilder,
    },
    /// Keys and values, one call for each.
    Entries(for<'b> fn(&'b mut ConfigBuilder, &str, &str) -> &'b mut ConfigBuilder),
    /// Server URLs and their weights: [`ConfigBuilder::servers`].
    Servers,
    /// A list of texts.
    List {
        /// What is in the list.
        what: &'static str,
        /// The method.
        set: for<'b> fn(&'b mut ConfigBuilder, &[&str]) -> &'b mut ConfigBuilder,
    },
    /// Option tags: [`ConfigBuilder::extra_supported`].
    Tags,
    /// Realms: [`ConfigBuilder::peer_realms`].
    Realms,
    /// A function of the program; no data can express it.
    Function,
}

macro_rules! setter {
    (own($explanation:ident, $setter:expr) $($rest:tt)*) => {
        $setter
    };
    (function) => {
        Setter::Function
    };
    (plain $field:ident $type:ty) => {
        Setter::Flag(ConfigBuilder::$field)
    };
    (choice $field:ident $type:ty) => {
        Setter::Word {
            words: <$type>::WORDS,
            set: |builder, place| match <$type>::ALL.get(place) {
                Some(value) => builder.$field(*value),
                None => builder,
            },
        }
    };
    (number($least:expr, $most:expr) $field:ident $type:ty) => {
        Setter::Number {
            least: $least as u32,
            most: $most as u32,
            set: |builder, number| builder.$field(number.min(<$type>::MAX as u32) as $type),
        }
    };
    (time($check:expr) $field:ident $type:ty) => {
        Setter::Seconds {
            least: 1,
            set: ConfigBuilder::$field,
        }
    };
    (list($check:expr, $what:expr) $field:ident $type:ty) => {
        Setter::List {
            what: $what,
            set: |builder, items| builder.$field(items),
        }
    };
    ($kind:ident($check:expr) $field:ident $type:ty) => {
        Setter::Text(|builder, text| builder.$field(text))
    };
}

macro_rules! setters {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:literal $origin:ident
        $({ $field:ident: $type:ty = $default:expr })?
        $kind:ident $(($($arguments:tt)*))? $(, $note:expr)?;
    )*) => {
        impl Parameter {
            /// How a reader of another form, such as a file, sets the parameter.
            pub fn setter(self) -> Setter {
                match self {
                    $(Self::$variant => setter!($kind $(($($arguments)*))? $($field $type)?),)*
                }
            }
        }
    };
}

parameters!(setters);
