//! What several events have in common, in words and in JSON.

use std::time::Duration;

use serde_json::{Value, json};
use sip_core::{EndReason, Timestamp};
use sip_parse::{HeaderName, NameAddr, Request, Response};

use crate::report::{Report, printable};

/// The fields of an end.
pub(crate) fn reason_fields(reason: &EndReason) -> Vec<(&'static str, Value)> {
    let mut fields = vec![("reason", json!(reason.to_string()))];
    if let Some(status) = reason.status {
        fields.push(("status", json!(status.as_u16())));
    }
    if let Some(message) = &reason.message {
        for (name, field) in [
            (HeaderName::Reason, "reason_header"),
            (HeaderName::RetryAfter, "retry_after"),
            (HeaderName::Warning, "warning"),
        ] {
            if let Some(header) = message.header(name) {
                let value = sip_parse::text(&header.unfolded()).to_string();
                fields.push((field, json!(printable(&value))));
            }
        }
    }
    if let Some(failure) = reason.bye_failure {
        fields.push(("bye_failure", json!(failure.to_string())));
    }
    if !reason.contacts.is_empty() {
        fields.push(("contacts", json!(reason.contacts)));
    }
    fields
}

/// When something that failed is tried again, in seconds, as a field.
pub(crate) fn retry_field(
    report: &Report,
    retry_at: Option<Timestamp>,
) -> Option<(&'static str, Value)> {
    let seconds = (report.until(retry_at?).as_secs_f64() * 1e3).round() / 1e3;
    Some(("retry_in", json!(seconds)))
}

/// When something that failed is tried again, in words.
pub(crate) fn again_in(wait: Duration) -> String {
    match wait.as_secs_f64().round() as u64 {
        0 => "again at once".to_owned(),
        seconds @ 1..120 => format!("again in {seconds} s"),
        seconds => format!("again in {} min", (seconds + 30) / 60),
    }
}

/// A reason as people read it.
pub(crate) fn in_words(reason: &EndReason) -> String {
    with_contacts(reason.to_string(), &reason.contacts)
}

/// A reason, and the targets of a redirection.
fn with_contacts(reason: String, contacts: &[Box<str>]) -> String {
    match contacts {
        [] => reason,
        contacts => format!("{reason}; elsewhere: {}", contacts.join(", ")),
    }
}

/// The sender of a request: the URI of From, and the display name if there is one.
pub(crate) fn caller(request: &Request) -> String {
    match request.from() {
        Ok(from) => printable(&name_and_uri(&from)),
        Err(_) => "somebody".to_owned(),
    }
}

fn name_and_uri(address: &NameAddr<'_>) -> String {
    let uri = sip_parse::text(address.uri().as_bytes());
    match address.display() {
        Some(name) if !name.is_empty() => format!("\"{}\" <{uri}>", sip_parse::text(&name)),
        _ => uri.to_string(),
    }
}

/// The reason phrase of a response.
pub(crate) fn reason_phrase(response: &Response) -> String {
    printable(&sip_parse::text(response.reason()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_has_its_time() {
        for (milliseconds, words) in [
            (0, "again at once"),
            (499, "again at once"),
            (500, "again in 1 s"),
            (4_200, "again in 4 s"),
            (119_400, "again in 119 s"),
            (120_000, "again in 2 min"),
            (1_790_000, "again in 30 min"),
        ] {
            assert_eq!(again_in(Duration::from_millis(milliseconds)), words);
        }
    }

    #[test]
    fn a_redirection_says_where_to() {
        let told = |contacts: &[&str]| {
            let contacts: Vec<Box<str>> = contacts.iter().map(|&contact| contact.into()).collect();
            with_contacts("refused".to_owned(), &contacts)
        };
        assert_eq!(told(&[]), "refused");
        let moved = told(&["<sip:a@b>", "<sip:c@d>"]);
        assert_eq!(moved, "refused; elsewhere: <sip:a@b>, <sip:c@d>");
    }
}
