//! A message, its headers typed, as JSON and in words.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use sip_parse::{
    AuthParams, AuthenticationInfo, CSeq, Challenge, Contact, ContentDisposition, Credentials,
    Date, Event, Header, HeaderName, Identity, MediaType, Message, NameAddr, Params, ParseError,
    RAck, Reason, Replaces, RetryAfter, Scheme, SessionExpires, SessionIdentifier,
    SubscriptionState, Timestamp, TokenParams, Uri, Via, Warning,
};

use super::node::Node;
use super::reading::Reading;
use crate::report::printable;

/// How many lines of a body are printed.
const BODY_LINES: usize = 100;

fn text(bytes: &[u8]) -> String {
    sip_parse::text(bytes).to_string()
}

/// Start line, headers and body of a message, as JSON.
pub(super) fn as_json(reading: &Reading) -> Map<String, Value> {
    let mut object = Map::new();
    let Some(message) = &reading.message else {
        return object;
    };
    if !reading.start_line_replaced {
        if let Some(request) = message.as_request() {
            object.insert("kind".to_owned(), json!("request"));
            object.insert("method".to_owned(), json!(request.method().to_string()));
            object.insert("request_uri".to_owned(), request_uri(message).to_json());
        } else if let Some(response) = message.as_response() {
            object.insert("kind".to_owned(), json!("response"));
            object.insert("status".to_owned(), json!(response.status().as_u16()));
            object.insert("reason".to_owned(), json!(text(response.reason())));
        }
    }
    let headers: Vec<Value> = message
        .headers()
        .map(|row| {
            let mut object = Map::new();
            if let Some(line) = unreadable(reading, message, &row) {
                object.insert("unreadable".to_owned(), json!(text(line)));
                return Value::Object(object);
            }
            object.insert("name".to_owned(), json!(text(row.name.as_bytes())));
            object.insert("value".to_owned(), json!(text(&row.unfolded())));
            if let Some(typed) = typed_row(message, &row) {
                object.insert("typed".to_owned(), typed.to_json());
            }
            Value::Object(object)
        })
        .collect();
    object.insert("headers".to_owned(), json!(headers));
    if !message.body().is_empty() {
        let body = match std::str::from_utf8(message.body()) {
            Ok(body) => json!({ "bytes": body.len(), "text": body }),
            Err(_) => json!({ "bytes": message.body().len() }),
        };
        object.insert("body".to_owned(), body);
    }
    object
}

/// The same in words.
pub(super) fn in_words(reading: &Reading) -> String {
    let mut out = String::new();
    let Some(message) = &reading.message else {
        return "no message can be read".to_owned();
    };
    let length = reading.length;
    let start = match (message.as_request(), message.as_response()) {
        _ if reading.start_line_replaced => {
            format!("start line unreadable, {length} bytes")
        }
        (Some(request), _) => format!(
            "request {}, {length} bytes\n  {:<22}{}",
            request.method(),
            "Request-URI",
            printable(&request_uri(message).to_words()),
        ),
        (None, Some(response)) => format!(
            "response {} {}, {length} bytes",
            response.status().as_u16(),
            printable(&text(response.reason())),
        ),
        (None, None) => String::new(),
    };
    out.push_str(&start);
    for row in message.headers() {
        if let Some(line) = unreadable(reading, message, &row) {
            let _ = write!(out, "\n  {:<22}{}", "(unreadable)", printable(&text(line)));
            continue;
        }
        let name = printable(&text(row.name.as_bytes()));
        let meaning = typed_row(message, &row)
            .map_or_else(|| text(&row.unfolded()), |typed| typed.to_words());
        let meaning: Vec<String> = meaning.lines().map(printable).collect();
        // Writing to a String cannot fail.
        let _ = write!(out, "\n  {name:<22}{}", meaning.join("\n"));
    }
    let body = message.body();
    if !body.is_empty() {
        let _ = write!(out, "\n  {:<22}{} bytes", "(body)", body.len());
        let body = std::str::from_utf8(body).unwrap_or("(not text)");
        for line in body.lines().take(BODY_LINES) {
            let _ = write!(out, "\n    | {}", printable(line));
        }
        if body.lines().count() > BODY_LINES {
            let _ = write!(out, "\n    | ...");
        }
    }
    out
}

/// The line as it is in the file, if the row only stands for it.
fn unreadable<'a>(reading: &'a Reading, message: &Message, row: &Header<'_>) -> Option<&'a [u8]> {
    let start = message.bytes().as_ptr() as usize;
    let offset = (row.line.as_ptr() as usize).checked_sub(start)?;
    if !reading.replaced.contains(&offset) {
        return None;
    }
    let line = reading
        .bytes
        .get(offset..)?
        .split(|&byte| byte == b'\n')
        .next()?;
    Some(line.trim_ascii_end())
}

fn request_uri(message: &Message) -> Node {
    let Some(request) = message.as_request() else {
        return Node::Absent;
    };
    match request.uri() {
        Ok(parsed) => uri(&parsed),
        Err(error) => Node::Fields(vec![
            ("uri", Node::text(request.uri_bytes())),
            ("error", Node::Text(error.to_string())),
        ]),
    }
}

/// The typed values of a row; `None` for free text.
fn typed_row(message: &Message, row: &Header<'_>) -> Option<Node> {
    if matches!(row.name, HeaderName::Privacy) {
        let values = row.value.split(|&byte| byte == b';');
        return Some(Node::List(
            values.map(|value| Node::text(value.trim_ascii())).collect(),
        ));
    }
    let place = row.value.as_ptr_range();
    let mut values: Vec<Node> = message
        .values(row.name)
        .filter(|value| place.contains(&value.as_ptr()))
        .filter_map(|value| typed(row.name, value).transpose())
        .map(|typed| typed.unwrap_or_else(|error| Node::Unreadable(error.to_string())))
        .collect();
    match values.len() {
        0 => None,
        1 => Some(values.remove(0)),
        _ => Some(Node::List(values)),
    }
}

/// One value of the header `name`; `None` for free text and tokens.
fn typed(name: HeaderName<'_>, value: &[u8]) -> Result<Option<Node>, ParseError> {
    let typed = match name {
        HeaderName::Via => via(&Via::parse(value)?),
        HeaderName::Contact => match Contact::parse(value)? {
            Contact::Star => Node::Text("*".to_owned()),
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
        | HeaderName::Diversion
        | HeaderName::AlertInfo
        | HeaderName::CallInfo
        | HeaderName::ErrorInfo
        | HeaderName::PCalledPartyId
        | HeaderName::PAssertedIdentity
        | HeaderName::PPreferredIdentity
        | HeaderName::PAssociatedUri => name_addr(&NameAddr::parse(value)?),
        HeaderName::CSeq => {
            let cseq = CSeq::parse(value)?;
            Node::Fields(vec![
                ("number", Node::Number(cseq.number.into())),
                ("method", Node::Text(cseq.method.to_string())),
            ])
        }
        HeaderName::RAck => {
            let rack = RAck::parse(value)?;
            Node::Fields(vec![
                ("rseq", Node::Number(rack.rseq.into())),
                ("cseq", Node::Number(rack.cseq.into())),
                ("method", Node::Text(rack.method.to_string())),
            ])
        }
        HeaderName::ContentType | HeaderName::Accept => {
            let media = MediaType::parse(value)?;
            Node::Fields(vec![
                ("type", Node::text(media.type_)),
                ("subtype", Node::text(media.subtype)),
                ("params", params(media.params)),
            ])
        }
        HeaderName::ContentDisposition => {
            let disposition = ContentDisposition::parse(value)?;
            Node::Fields(vec![
                ("disposition", Node::text(disposition.disposition)),
                ("params", params(disposition.params)),
            ])
        }
        HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate => {
            let challenge = Challenge::parse(value, false)?;
            authentication(challenge.scheme, &challenge.params)
        }
        HeaderName::Authorization | HeaderName::ProxyAuthorization => {
            let credentials = Credentials::parse(value, false)?;
            authentication(credentials.scheme, &credentials.params)
        }
        HeaderName::AuthenticationInfo | HeaderName::ProxyAuthenticationInfo => {
            let info = AuthenticationInfo::parse(value)?;
            Node::Fields(vec![("params", auth_params(&info.params))])
        }
        HeaderName::Event => {
            let event = Event::parse(value)?;
            Node::Fields(vec![
                ("package", Node::text(event.package)),
                ("params", params(event.params)),
            ])
        }
        HeaderName::SubscriptionState => {
            let state = SubscriptionState::parse(value)?;
            Node::Fields(vec![
                ("state", Node::text(state.state)),
                ("params", params(state.params)),
            ])
        }
        HeaderName::RetryAfter => {
            let after = RetryAfter::parse(value)?;
            Node::Fields(vec![
                ("seconds", Node::Number(after.seconds.into())),
                ("params", params(after.params)),
            ])
        }
        HeaderName::Reason => {
            let reason = Reason::parse(value)?;
            Node::Fields(vec![
                ("protocol", Node::text(reason.protocol)),
                ("cause", Node::number(reason.cause)),
                ("text", Node::optional(reason.text().as_deref())),
            ])
        }
        HeaderName::Replaces | HeaderName::Join | HeaderName::TargetDialog => {
            let dialog = Replaces::parse(value)?;
            Node::Fields(vec![
                ("call_id", Node::text(dialog.call_id)),
                ("to_tag", Node::text(dialog.to_tag)),
                ("from_tag", Node::text(dialog.from_tag)),
            ])
        }
        HeaderName::SessionExpires | HeaderName::MinSe => {
            let expires = SessionExpires::parse(value)?;
            Node::Fields(vec![
                ("seconds", Node::Number(expires.seconds.into())),
                ("params", params(expires.params)),
            ])
        }
        HeaderName::Date => {
            let date = Date::parse(value)?;
            Node::Fields(vec![
                ("date", Node::text(value)),
                ("unix_seconds", Node::Number(date.unix_seconds)),
            ])
        }
        HeaderName::Timestamp => {
            let timestamp = Timestamp::parse(value)?;
            Node::Fields(vec![
                ("sent", Node::text(timestamp.sent)),
                ("delay", Node::optional(timestamp.delay)),
            ])
        }
        HeaderName::Warning => {
            let warning = Warning::parse(value)?;
            Node::Fields(vec![
                ("code", Node::Number(warning.code.into())),
                ("agent", Node::text(warning.agent)),
                ("text", Node::text(&warning.text())),
            ])
        }
        HeaderName::Identity => {
            let identity = Identity::parse(value)?;
            Node::Fields(vec![
                ("digest", Node::text(identity.digest)),
                ("info", Node::optional(identity.info)),
                ("alg", Node::optional(identity.alg)),
                ("ppt", Node::optional(identity.ppt)),
            ])
        }
        HeaderName::SessionId => {
            let session = SessionIdentifier::parse(value)?;
            Node::Fields(vec![
                ("local", Node::text(session.local)),
                ("remote", Node::optional(session.remote)),
            ])
        }
        HeaderName::InfoPackage | HeaderName::RecvInfo | HeaderName::FeatureCaps => {
            let token = TokenParams::parse(value)?;
            Node::Fields(vec![
                ("token", Node::text(token.token)),
                ("params", params(token.params)),
            ])
        }
        HeaderName::MaxForwards
        | HeaderName::ContentLength
        | HeaderName::Expires
        | HeaderName::MinExpires
        | HeaderName::FlowTimer
        | HeaderName::RSeq => match text(value).parse::<u64>() {
            Ok(number) => Node::Number(number),
            Err(_) => return Ok(None),
        },
        HeaderName::Supported
        | HeaderName::Require
        | HeaderName::ProxyRequire
        | HeaderName::Unsupported
        | HeaderName::Allow
        | HeaderName::AllowEvents => Node::text(value),
        _ => return Ok(None),
    };
    Ok(Some(typed))
}

fn via(via: &Via<'_>) -> Node {
    Node::Fields(vec![
        ("transport", Node::text(via.transport())),
        ("host", Node::text(via.host_bytes())),
        ("port", Node::number(via.port())),
        ("params", params(via.params())),
    ])
}

fn name_addr(address: &NameAddr<'_>) -> Node {
    Node::Fields(vec![
        ("display", Node::optional(address.display().as_deref())),
        ("uri", uri(address.uri())),
        ("params", params(address.params())),
    ])
}

fn uri(uri: &Uri<'_>) -> Node {
    let whole = text(uri.as_bytes());
    match uri.scheme() {
        Scheme::Sip | Scheme::Sips => {
            let headers = uri
                .headers()
                .map(|(name, value)| (text(name), Some(text(value))))
                .collect();
            Node::Uri(
                whole,
                vec![
                    ("user", Node::optional(uri.user())),
                    ("password", Node::optional(uri.password())),
                    ("host", Node::text(uri.host_bytes())),
                    ("port", Node::number(uri.port())),
                    ("params", params(uri.params())),
                    ("headers", Node::Params(headers)),
                ],
            )
        }
        Scheme::Tel => {
            // RFC 3966 section 3: the number, then parameters.
            let rest = &uri.as_bytes()[b"tel:".len()..];
            let number = rest.split(|&byte| byte == b';').next().unwrap_or_default();
            let parameters = Params::parse(&rest[number.len()..]).unwrap_or(Params::NONE);
            Node::Uri(
                whole,
                vec![
                    ("number", Node::text(number)),
                    ("params", params(parameters)),
                ],
            )
        }
        Scheme::Other(_) => Node::Uri(whole, Vec::new()),
    }
}

fn authentication(scheme: &[u8], params: &AuthParams<'_>) -> Node {
    Node::Fields(vec![
        ("scheme", Node::text(scheme)),
        ("params", auth_params(params)),
    ])
}

fn params(params: Params<'_>) -> Node {
    pairs(params.iter())
}

fn auth_params(params: &AuthParams<'_>) -> Node {
    pairs(params.iter())
}

/// Of several parameters of one name the first counts, as in the parser.
fn pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Node {
    let mut kept: Vec<(String, Option<String>)> = Vec::new();
    for (name, value) in pairs {
        let name = text(name);
        if kept
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            continue;
        }
        let value = value.map(|value| text(&sip_parse::unquote(value)));
        kept.push((name, value));
    }
    Node::Params(kept)
}
