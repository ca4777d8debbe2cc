//! What several events have in common, in words and in JSON.

use std::time::{Duration, SystemTime};

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

/// A time as RFC 3339 writes it, in UTC and microseconds; the first of 1970 for any time before that.
pub(crate) fn utc(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    let (mut days, of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years that begin in March have the leap day at their end; 400 of them have 146,097 days.
    days += 719_468;
    let era = days % 146_097;
    let of_era = (era - era / 1_460 + era / 36_524 - era / 146_096) / 365;
    let of_year = era - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = days / 146_097 * 400 + of_era + next_year;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
        since.subsec_micros()
    )
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
    fn a_time_is_written_in_utc() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_800, "2000-03-01T00:00:00.000000Z"),
            (1_709_208_000, "2024-02-29T12:00:00.000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000Z"),
            (1_795_852_800, "2026-11-28T08:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(utc(time), written);
        }
    }

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
