//! The JSON objects of `--json`: every event, and its fields besides `event`, `ms` and `agent`.

/// The fields of an end, and further ones.
macro_rules! with_reason {
    ($($field:literal),*) => {
        [
            $($field,)*
            "reason",
            "status",
            "reason_header",
            "retry_after",
            "warning",
            "bye_failure",
            "contacts",
        ]
    };
}

/// Name and fields. A field may be missing in one object; one that is not here is in none.
pub(crate) const EVENTS: &[(&str, &[&str])] = &[
    ("instance_id", &["id"]),
    ("connecting", &["server", "attempt"]),
    ("connected", &["server"]),
    ("connect_failed", &["server", "reason"]),
    ("disconnected", &["server", "reason"]),
    ("reconnect_scheduled", &["failed", "retry_in"]),
    ("registered", &["flow", "expires", "refreshed", "bindings"]),
    (
        "registration_failed",
        &with_reason!["will_retry", "retry_in"],
    ),
    ("unregistered", &with_reason![]),
    ("incoming", &["call", "from", "replaces"]),
    ("progress", &["call", "status", "reason", "early_media"]),
    ("redirected", &["call", "target"]),
    ("early_dialog_ended", &with_reason!["call"]),
    ("branched", &["call", "of"]),
    ("prack_failed", &with_reason!["call"]),
    (
        "remote_description",
        &["call", "kind", "type", "bytes", "direction"],
    ),
    ("established", &["call"]),
    ("exchange_ended", &with_reason!["call", "outcome"]),
    ("dtmf", &["call", "tone", "milliseconds"]),
    ("held", &["call"]),
    ("resumed", &["call"]),
    (
        "refer",
        &["from", "target", "call", "replaces", "referred_by"],
    ),
    ("transfer_progress", &["call", "status"]),
    ("transfer_ended", &with_reason!["call", "outcome"]),
    ("replaced", &["call", "by"]),
    ("modified", &["call"]),
    ("modification_failed", &with_reason!["call"]),
    (
        "repair_failed",
        &with_reason!["call", "will_retry", "retry_in"],
    ),
    ("ended", &with_reason!["call"]),
    ("request", &["method", "from", "body"]),
    ("response", &["status", "reason"]),
    ("request_failed", &with_reason![]),
    (
        "notified",
        &[
            "subscription",
            "package",
            "id",
            "state",
            "reason",
            "retry_after",
            "expires",
            "content_type",
            "body",
            "presence",
            "messages",
            "dialogs",
            "registrations",
        ],
    ),
    ("subscription_forked", &["subscription", "of"]),
    (
        "subscription_interrupted",
        &with_reason!["subscription", "cause", "retry", "retry_in"],
    ),
    ("subscription_ended", &with_reason!["subscription", "cause"]),
    (
        "incoming_subscription",
        &["subscription", "from", "package", "expires", "call"],
    ),
    ("subscription_refreshed", &["subscription", "expires"]),
    (
        "incoming_subscription_ended",
        &with_reason!["subscription", "cause"],
    ),
    ("published", &["publication", "expires", "etag"]),
    (
        "publication_failed",
        &with_reason!["publication", "retry", "retry_in"],
    ),
    ("publication_ended", &with_reason!["publication", "outcome"]),
    ("watched", &["name", "package", "state"]),
    ("stopped", &["unfinished"]),
    ("listening", &["server", "realm", "users"]),
    ("metrics", &["url"]),
    (
        "user_registered",
        &["user", "contact", "remote", "expires", "refreshed"],
    ),
    ("user_unregistered", &["user", "contact", "reason"]),
    ("registration_refused", &["user", "remote", "status"]),
    ("call_started", &["call", "from", "to"]),
    ("call_ringing", &["call"]),
    ("call_answered", &["call", "seconds"]),
    ("call_failed", &["call", "reason", "seconds", "status"]),
    ("call_ended", &["call", "by", "seconds"]),
    ("call_lost", &["call", "seconds"]),
    ("message", &["from", "to", "outcome", "status"]),
    ("user_subscribed", &["subscriber", "user", "package"]),
    ("user_unsubscribed", &["subscriber", "user", "package"]),
    ("user_published", &["user", "publications"]),
    ("missed", &["events"]),
    ("page", &["url"]),
    ("sip", &["from", "to", "message"]),
    ("problem", &["text"]),
    ("speed", &["calls_per_second"]),
    (
        "summary",
        &[
            "registered",
            "answered",
            "ended",
            "messages",
            "transferred",
            "states",
            "stored",
            "subscriptions",
            "publications",
            "unregistered",
        ],
    ),
    ("error", &["code", "text"]),
];

/// Whether an event has no fields but these.
pub(crate) fn has<'a>(name: &str, mut fields: impl Iterator<Item = &'a String>) -> bool {
    let common = ["event", "ms", "agent"];
    let row = EVENTS.iter().find(|(event, _)| *event == name);
    row.is_some_and(|(_, own)| {
        fields.all(|field| common.contains(&field.as_str()) || own.contains(&field.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the page: event and fields.
    fn documented() -> Vec<(String, Vec<String>)> {
        let page = include_str!("../../../docs/program.md");
        let (_, rows) = page.split_once("| event | fields |").unwrap();
        let names = |cell: &str| -> Vec<String> {
            let names = cell.split('`').skip(1).step_by(2);
            names.map(str::to_owned).collect()
        };
        rows.lines()
            .skip(2)
            .take_while(|row| row.starts_with('|'))
            .map(|row| {
                let cells: Vec<&str> = row.split('|').collect();
                (names(cells[1])[0].clone(), names(cells[2]))
            })
            .collect()
    }

    #[test]
    fn the_page_names_every_event_and_every_field() {
        let documented = documented();
        let end = with_reason![];
        let ours = EVENTS.iter().map(|(name, fields)| {
            let fields = fields.iter().map(|&field| field.to_owned());
            (*name, fields.collect::<Vec<_>>())
        });
        for (number, (name, fields)) in ours.enumerate() {
            let (page_name, page_fields) =
                documented.get(number).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(*page_name, name);
            // The page writes the fields of an end once.
            let is_of_an_end = fields.iter().any(|field| field == "reason_header");
            let fields: Vec<&String> = fields
                .iter()
                .filter(|field| !is_of_an_end || !end.contains(&field.as_str()))
                .collect();
            assert_eq!(page_fields.iter().collect::<Vec<_>>(), fields, "{name}");
        }
        assert_eq!(documented.len(), EVENTS.len());
    }

    #[test]
    fn an_event_has_only_its_fields() {
        let has = |name, fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            has(name, fields.iter())
        };
        assert!(has("ended", &["event", "ms", "agent", "call", "contacts"]));
        assert!(!has("ended", &["event", "server"]));
        assert!(!has("begun", &["event"]));
    }
}
