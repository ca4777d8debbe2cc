//! A value of any self-describing format, as the file form needs it: keys in order, repeated ones
//! kept, depth and number bounded.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sip_core::config::ConfigError;
use zeroize::Zeroizing;

/// How deep lists and objects may nest.
const DEPTH_LIMIT: u8 = 32;

/// How many values a configuration may hold.
const COUNT_LIMIT: u32 = 65_536;

/// Above this, several whole numbers share one float.
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    /// Not a whole number.
    Float(f64),
    /// Any of them may be a password.
    Text(Zeroizing<String>),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads one value.
    ///
    /// # Errors
    /// The format's own, or a limit exceeded.
    pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let left = Cell::new(COUNT_LIMIT);
        Seed {
            depth: DEPTH_LIMIT,
            left: &left,
        }
        .deserialize(from)
    }

    /// The value for an error: shortened, lists and objects by name only.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(yes) => yes.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => ConfigError::excerpt(text),
            Self::List(items) if items.is_empty() => "an empty list".into(),
            Self::List(_) => "a list".into(),
            Self::Object(_) => "an object".into(),
        }
    }

    /// The value as JSON text (RFC 8259); a number that JSON cannot say becomes `null`.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(yes) => yes.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) if number.is_finite() => number.to_string(),
            Self::Float(_) => "null".into(),
            Self::Text(text) => json_text(text),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(entries) => {
                let entry = |(key, value): &(String, Self)| {
                    format!("{}:{}", json_text(key), value.to_json())
                };
                let entries: Vec<_> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
}

/// `text` as a JSON string (RFC 8259 section 7).
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Deserializes one value, `depth` levels deep, taking from what is `left` of the count.
#[derive(Clone, Copy)]
struct Seed<'a> {
    depth: u8,
    left: &'a Cell<u32>,
}

impl Seed<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom("lists and objects nest too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(D::Error::custom("more than 65536 values")),
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deeper::<D::Error>()?.deserialize(from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deeper::<D::Error>()?.deserialize(from)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(i128::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // A cast saturates and drops the fraction, so that only a whole number survives the way back.
        let whole = number as i64;
        Ok(if number.abs() <= EXACT_LIMIT && whole as f64 == number {
            Value::Integer(whole.into())
        } else {
            Value::Float(number)
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text.into())))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(seed)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut entries = Vec::new();
        while let Some(key) = from.next_key::<String>()? {
            entries.push((key, from.next_value_seed(seed)?));
        }
        Ok(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, serde_json::Error> {
        Value::read(&mut serde_json::Deserializer::from_str(text))
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        let json = r#"{"a":[1,-2,2.5,true,null,"x\"y"],"b":{"a":18446744073709551615}}"#;
        assert_eq!(read(json).unwrap().to_json(), json);
        assert_eq!(read("60.0").unwrap().to_json(), "60");
        assert_eq!(read("1e300").unwrap().shown().len(), 301);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&deep(32)).is_ok());
        assert!(
            read(&deep(33))
                .unwrap_err()
                .to_string()
                .contains("too deep")
        );
        let many = format!("[{}0]", "0,".repeat(65_535));
        assert!(read(&many).unwrap_err().to_string().contains("65536"));
    }
}
