//! A message, its headers typed, as JSON and in words.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sip_parse::{
    AuthParams, CSeq, Contact, ContentDisposition, Event, Header, HeaderName, MediaType, Message,
    NameAddr, Params, ParseError, RAck, Reason, Replaces, RetryAfter, Scheme, SessionExpires,
    SubscriptionState, Uri, Via,
};

/// How many lines of a body are printed.
const BODY_LINES: usize = 100;

fn text(bytes: &[u8]) -> String {
    sip_parse::text(bytes).to_string()
}

/// Start line, headers and body of a message.
pub(super) fn message(message: &Message) -> Value {
    let mut object = Map::new();
    if let Some(request) = message.as_request() {
        object.insert("kind".to_owned(), json!("request"));
        object.insert("method".to_owned(), json!(request.method().to_string()));
        let uri = match request.uri() {
            Ok(parsed) => uri(&parsed),
            Err(error) => json!({ "uri": text(request.uri_bytes()), "error": error.to_string() }),
        };
        object.insert("request_uri".to_owned(), uri);
    } else if let Some(response) = message.as_response() {
        object.insert("kind".to_owned(), json!("response"));
        object.insert("status".to_owned(), json!(response.status().as_u16()));
        object.insert("reason".to_owned(), json!(text(response.reason())));
    }
    let headers: Vec<Value> = message.headers().map(|row| header(message, &row)).collect();
    object.insert("headers".to_owned(), json!(headers));
    if !message.body().is_empty() {
        let body = match std::str::from_utf8(message.body()) {
            Ok(body) => json!({ "bytes": body.len(), "text": body }),
            Err(_) => json!({ "bytes": message.body().len() }),
        };
        object.insert("body".to_owned(), body);
    }
    Value::Object(object)
}

/// One row: its name, its value as text, and the typed value.
fn header(message: &Message, row: &Header<'_>) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), json!(text(row.name.as_bytes())));
    object.insert("value".to_owned(), json!(text(&row.unfolded())));
    let place = row.value.as_ptr_range();
    let mut values: Vec<Value> = message
        .values(row.name)
        .filter(|value| place.contains(&value.as_ptr()))
        .filter_map(|value| typed(row.name, value).transpose())
        .map(|typed| typed.unwrap_or_else(|error| json!({ "error": error.to_string() })))
        .collect();
    match values.len() {
        0 => {}
        1 => {
            object.insert("typed".to_owned(), values.remove(0));
        }
        _ => {
            object.insert("typed".to_owned(), json!(values));
        }
    }
    Value::Object(object)
}

/// The typed value of one value of the header `name`; `None` for free text and tokens.
fn typed(name: HeaderName<'_>, value: &[u8]) -> Result<Option<Value>, ParseError> {
    let typed = match name {
        HeaderName::Via => via(&Via::parse(value)?),
        HeaderName::Contact => match Contact::parse(value)? {
            Contact::Star => json!("*"),
            Contact::Addr(address) => name_addr(&address),
        },
        HeaderName::From
        | HeaderName::To
        | HeaderName::Route
        | HeaderName::RecordRoute
        | HeaderName::Path
        | HeaderName::ServiceRoute
        | HeaderName::ReplyTo
        | HeaderName::ReferTo
        | HeaderName::ReferredBy
        | HeaderName::HistoryInfo
        | HeaderName::PAssertedIdentity
        | HeaderName::PPreferredIdentity
        | HeaderName::PAssociatedUri => name_addr(&NameAddr::parse(value)?),
        HeaderName::CSeq => {
            let cseq = CSeq::parse(value)?;
            json!({ "number": cseq.number, "method": cseq.method.to_string() })
        }
        HeaderName::RAck => rack(&RAck::parse(value)?),
        HeaderName::ContentType | HeaderName::Accept => media_type(&MediaType::parse(value)?),
        HeaderName::ContentDisposition => {
            let disposition = ContentDisposition::parse(value)?;
            json!({ "disposition": text(disposition.disposition), "params": params(disposition.params) })
        }
        HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate => {
            let challenge = sip_parse::Challenge::parse(value, false)?;
            json!({ "scheme": text(challenge.scheme), "params": auth_params(&challenge.params) })
        }
        HeaderName::Authorization | HeaderName::ProxyAuthorization => {
            let credentials = sip_parse::Credentials::parse(value, false)?;
            json!({ "scheme": text(credentials.scheme), "params": auth_params(&credentials.params) })
        }
        HeaderName::Event => {
            let event = Event::parse(value)?;
            json!({ "package": text(event.package), "params": params(event.params) })
        }
        HeaderName::SubscriptionState => {
            let state = SubscriptionState::parse(value)?;
            json!({ "state": text(state.state), "params": params(state.params) })
        }
        HeaderName::RetryAfter => {
            let after = RetryAfter::parse(value)?;
            json!({ "seconds": after.seconds, "params": params(after.params) })
        }
        HeaderName::Reason => {
            let reason = Reason::parse(value)?;
            json!({
                "protocol": text(reason.protocol),
                "cause": reason.cause,
                "text": reason.text().map(|words| text(&words)),
            })
        }
        HeaderName::Replaces | HeaderName::Join | HeaderName::TargetDialog => {
            let dialog = Replaces::parse(value)?;
            json!({
                "call_id": text(dialog.call_id),
                "to_tag": text(dialog.to_tag),
                "from_tag": text(dialog.from_tag),
            })
        }
        HeaderName::SessionExpires | HeaderName::MinSe => {
            let expires = SessionExpires::parse(value)?;
            json!({ "seconds": expires.seconds, "params": params(expires.params) })
        }
        HeaderName::MaxForwards
        | HeaderName::ContentLength
        | HeaderName::Expires
        | HeaderName::MinExpires
        | HeaderName::FlowTimer
        | HeaderName::RSeq => match text(value).parse::<u64>() {
            Ok(number) => json!(number),
            Err(_) => return Ok(None),
        },
        HeaderName::Supported
        | HeaderName::Require
        | HeaderName::ProxyRequire
        | HeaderName::Unsupported
        | HeaderName::Allow
        | HeaderName::AllowEvents => json!(text(value)),
        _ => return Ok(None),
    };
    Ok(Some(typed))
}

fn via(via: &Via<'_>) -> Value {
    json!({
        "transport": text(via.transport()),
        "host": text(via.host_bytes()),
        "port": via.port(),
        "params": params(via.params()),
    })
}

fn name_addr(address: &NameAddr<'_>) -> Value {
    let mut object = Map::new();
    if let Some(display) = address.display() {
        object.insert("display".to_owned(), json!(text(&display)));
    }
    object.insert("uri".to_owned(), uri(address.uri()));
    object.insert("params".to_owned(), params(address.params()));
    Value::Object(object)
}

fn uri(uri: &Uri<'_>) -> Value {
    let mut object = Map::new();
    object.insert("uri".to_owned(), json!(text(uri.as_bytes())));
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
        return Value::Object(object);
    }
    if let Some(user) = uri.user() {
        object.insert("user".to_owned(), json!(text(user)));
    }
    object.insert("host".to_owned(), json!(text(uri.host_bytes())));
    if let Some(port) = uri.port() {
        object.insert("port".to_owned(), json!(port));
    }
    object.insert("params".to_owned(), params(uri.params()));
    Value::Object(object)
}

fn media_type(media: &MediaType<'_>) -> Value {
    json!({
        "type": text(media.type_),
        "subtype": text(media.subtype),
        "params": params(media.params),
    })
}

fn rack(rack: &RAck<'_>) -> Value {
    json!({ "rseq": rack.rseq, "cseq": rack.cseq, "method": rack.method.to_string() })
}

fn params(params: Params<'_>) -> Value {
    pairs(params.iter())
}

fn auth_params(params: &AuthParams<'_>) -> Value {
    pairs(params.iter())
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Value {
    let mut object = Map::new();
    for (name, value) in pairs {
        let name = text(name);
        // Of several parameters of one name the first counts, as in the parser.
        if object.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let value = value.map(|value| text(&sip_parse::unquote(value)));
        object.insert(name, value.map_or(Value::Null, Value::from));
    }
    Value::Object(object)
}

/// The result of [`message`] in words.
pub(super) fn in_words(explained: &Value, length: usize) -> String {
    let mut out = String::new();
    let start = match explained["kind"].as_str() {
        Some("request") => format!(
            "request {}, {length} bytes\n  {:<22}{}",
            plain(&explained["method"]),
            "Request-URI",
            words(&explained["request_uri"]),
        ),
        _ => format!(
            "response {} {}, {length} bytes",
            explained["status"],
            plain(&explained["reason"]),
        ),
    };
    out.push_str(&start);
    for header in explained["headers"].as_array().into_iter().flatten() {
        let name = plain(&header["name"]);
        let meaning = match header.get("typed") {
            Some(typed) => words(typed),
            None => plain(&header["value"]),
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "\n  {name:<22}{meaning}");
    }
    if let Some(body) = explained.get("body") {
        let _ = write!(out, "\n  {:<22}{} bytes", "(body)", body["bytes"]);
        let body = body["text"].as_str().unwrap_or("(not text)");
        for line in body.lines().take(BODY_LINES) {
            let _ = write!(out, "\n    | {}", crate::report::printable(line));
        }
        if body.lines().count() > BODY_LINES {
            let _ = write!(out, "\n    | ...");
        }
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `name value, name value` for an object; its empty parts are left out. A URI stands by itself,
/// with its parts behind it.
fn words(value: &Value) -> String {
    match value {
        Value::Object(object) if is_uri(object) => {
            let uri = plain(&object["uri"]);
            let rest = object.iter().filter(|(name, _)| *name != "uri");
            let rest = rest.map(|(name, value)| (name.clone(), value.clone()));
            let parts = words(&Value::Object(rest.collect()));
            if parts.is_empty() {
                uri
            } else {
                format!("{uri} ({parts})")
            }
        }
        Value::Object(object) => object
            .iter()
            .filter(|(name, value)| !is_empty(value) || is_flag(name, value))
            .map(|(name, value)| match value {
                Value::Null => name.clone(),
                Value::Object(_) if name == "params" => words(value),
                Value::Object(_) => words(value),
                other => format!("{name} {}", plain(other)),
            })
            .collect::<Vec<_>>()
            .join(", "),
        Value::Array(values) => {
            let separator = if values.iter().all(Value::is_string) {
                ", "
            } else {
                "\n                        "
            };
            values.iter().map(words).collect::<Vec<_>>().join(separator)
        }
        other => plain(other),
    }
}

/// Whether the object is a result of [`uri`], and not parameters of which one is called `uri`.
fn is_uri(object: &Map<String, Value>) -> bool {
    object.contains_key("uri") && (object.contains_key("host") || object.len() == 1)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// A parameter without a value, such as `lr`.
fn is_flag(name: &str, value: &Value) -> bool {
    value.is_null() && !matches!(name, "port" | "cause" | "text")
}
