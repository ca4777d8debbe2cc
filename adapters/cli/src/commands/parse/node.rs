//! A typed value for people and for programs: one tree, rendered as words or as JSON.

use serde_json::{Map, Value};

/// A part of a message. The names in `Fields` and `Uri` are those of this program, the names in `Params` those of the
/// peer, so that a parameter called `host` is never taken for a host.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Text, printed as it is.
    Text(String),
    /// A number.
    Number(u64),
    /// A value that is absent.
    Absent,
    /// Parts with the names of this program.
    Fields(Vec<(&'static str, Node)>),
    /// A URI: its text, then its parts.
    Uri(String, Vec<(&'static str, Node)>),
    /// Parameters, in order.
    Params(Vec<(String, Option<String>)>),
    /// Several values.
    List(Vec<Node>),
    /// A value that cannot be read, and why.
    Unreadable(String),
}

impl Node {
    /// Text of a message, with the replacement character for what is not UTF-8.
    pub(super) fn text(bytes: &[u8]) -> Node {
        Node::Text(sip_parse::text(bytes).to_string())
    }

    /// The text of an optional part.
    pub(super) fn optional(bytes: Option<&[u8]>) -> Node {
        bytes.map_or(Node::Absent, Node::text)
    }

    /// The number of an optional part.
    pub(super) fn number(number: Option<impl Into<u64>>) -> Node {
        number.map_or(Node::Absent, |number| Node::Number(number.into()))
    }

    pub(super) fn to_json(&self) -> Value {
        let object = |fields: &[(&'static str, Node)]| -> Map<String, Value> {
            let fields = fields
                .iter()
                .filter(|(name, node)| !node.is_empty() || *name == "params");
            fields
                .map(|(name, node)| ((*name).to_owned(), node.to_json()))
                .collect()
        };
        match self {
            Node::Text(text) => Value::from(text.as_str()),
            Node::Number(number) => Value::from(*number),
            Node::Absent => Value::Null,
            Node::Fields(fields) => Value::Object(object(fields)),
            Node::Uri(text, fields) => {
                let mut uri = Map::new();
                uri.insert("uri".to_owned(), Value::from(text.as_str()));
                uri.extend(object(fields));
                Value::Object(uri)
            }
            Node::Params(params) => {
                let mut object = Map::new();
                for (name, value) in params {
                    let value = value.as_deref().map_or(Value::Null, Value::from);
                    object.insert(name.clone(), value);
                }
                Value::Object(object)
            }
            Node::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            Node::Unreadable(why) => serde_json::json!({ "error": why }),
        }
    }

    /// `name value, name value`; absent parts are left out. A URI stands by itself, with its parts behind it. A parameter
    /// whose name is also that of a part is written as `;name=value`.
    pub(super) fn to_words(&self) -> String {
        match self {
            Node::Text(text) => text.clone(),
            Node::Number(number) => number.to_string(),
            Node::Absent => String::new(),
            Node::Fields(fields) => in_words(fields),
            Node::Uri(text, fields) => match in_words(fields) {
                parts if parts.is_empty() => text.clone(),
                parts => format!("{text} ({parts})"),
            },
            Node::Params(params) => params_in_words(params, &[]),
            Node::List(nodes) => {
                let short = nodes.iter().all(|node| matches!(node, Node::Text(_)));
                let separator = if short {
                    ", "
                } else {
                    "\n                        "
                };
                let nodes: Vec<String> = nodes.iter().map(Node::to_words).collect();
                nodes.join(separator)
            }
            Node::Unreadable(why) => format!("unreadable: {why}"),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Node::Absent => true,
            Node::Params(params) => params.is_empty(),
            Node::List(nodes) => nodes.is_empty(),
            _ => false,
        }
    }
}

fn in_words(fields: &[(&'static str, Node)]) -> String {
    let parts: Vec<String> = fields
        .iter()
        .filter(|(_, node)| !node.is_empty())
        .map(|(name, node)| match node {
            Node::Params(params) if *name == "params" => params_in_words(params, fields),
            Node::Uri(..) => node.to_words(),
            _ => format!("{name} {}", node.to_words()),
        })
        .collect();
    parts.join(", ")
}

fn params_in_words(params: &[(String, Option<String>)], fields: &[(&'static str, Node)]) -> String {
    let parts: Vec<String> = params
        .iter()
        .map(|(name, value)| {
            let taken = fields.iter().any(|(field, _)| field == name);
            match value {
                Some(value) if taken => format!(";{name}={value}"),
                Some(value) => format!("{name} {value}"),
                None if taken => format!(";{name}"),
                None => name.clone(),
            }
        })
        .collect();
    parts.join(", ")
}
