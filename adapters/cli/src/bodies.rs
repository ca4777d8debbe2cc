//! The bodies of the event packages that the program knows, in words and in JSON.

use serde_json::{Value, json};
use sip_core::Body;
use sip_core::package::dialog_info::{Dialog, DialogDirection, DialogPhase};
use sip_core::package::presence::{Activity, Basic};
use sip_core::package::{
    DialogInfo, DocumentState, MessageSummary, PackageError, Presence, RegInfo,
};

/// The state of a resource.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The field of `--json`.
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    /// A line for people.
    pub(crate) words: String,
}

/// Reads the body of a package; `None` if the program does not know the package.
pub(crate) fn read(package: &str, body: &Body) -> Option<Result<Resource, PackageError>> {
    Some(match package {
        "presence" => Presence::from_body(body).map(|presence| Resource {
            name: "presence",
            value: json!({
                "entity": presence.entity,
                "basic": presence.basic().map(Basic::name),
                "activities": presence.activities().map(ToString::to_string).collect::<Vec<_>>(),
                "notes": presence.notes().map(|note| note.text.as_str()).collect::<Vec<_>>(),
            }),
            words: presence.to_string(),
        }),
        "message-summary" => MessageSummary::from_body(body).map(|summary| Resource {
            name: "messages",
            value: messages(&summary),
            words: summary.to_string(),
        }),
        "dialog" => DialogInfo::from_body(body).map(|info| Resource {
            name: "dialogs",
            value: info.dialogs.iter().map(dialog).collect(),
            words: info.to_string(),
        }),
        "reg" => RegInfo::from_body(body).map(|info| Resource {
            name: "registrations",
            value: registrations(&info),
            words: info.to_string(),
        }),
        _ => return None,
    })
}

/// The numbers of new and old messages, by the names of the classes in the body.
fn messages(summary: &MessageSummary) -> Value {
    let classes = summary.classes().map(|(class, counts)| {
        let counts = json!({"new": counts.new, "old": counts.old});
        (class.name().to_owned(), counts)
    });
    let mut value = json!({"waiting": summary.waiting, "account": summary.account});
    if let Some(fields) = value.as_object_mut() {
        fields.extend(classes);
    }
    value
}

fn dialog(dialog: &Dialog) -> Value {
    let remote = dialog.remote.as_ref();
    let remote = remote.and_then(|remote| Some(remote.identity.as_ref()?.uri.as_str()));
    json!({
        "id": dialog.id,
        "state": dialog.phase.name(),
        "direction": dialog.direction.map(DialogDirection::name),
        "remote": remote,
    })
}

fn registrations(info: &RegInfo) -> Value {
    let registrations = info.registrations.iter().map(|registration| {
        let active = registration
            .bindings
            .iter()
            .filter(|binding| binding.active);
        json!({
            "aor": registration.aor,
            "state": registration.state.name(),
            "contacts": active.map(|binding| binding.uri.as_str()).collect::<Vec<_>>(),
        })
    });
    registrations.collect()
}

/// A person's presence in a few words: what the person does, or whether he or she can be reached.
pub(crate) fn presence_in_words(presence: &Presence) -> String {
    let activities = presence.activities().map(ToString::to_string);
    let activities = activities.collect::<Vec<_>>().join(", ");
    let basic = presence.basic();
    let state = match (basic, activities.as_str()) {
        (None, "") => "unknown".to_owned(),
        (Some(basic), "") => basic.name().to_owned(),
        (Some(Basic::Closed), activities) => format!("closed, {activities}"),
        (_, activities) => activities.to_owned(),
    };
    let notes = presence.notes().map(|note| note.text.as_str());
    match notes.collect::<Vec<_>>().join("; ") {
        notes if notes.is_empty() => state,
        notes => format!("{state} ({notes})"),
    }
}

/// The messages of an account in a few words, without the classes that have none.
pub(crate) fn messages_in_words(summary: &MessageSummary) -> String {
    let mut shown = MessageSummary::new(summary.waiting);
    let classes = summary.classes();
    for (class, counts) in classes.filter(|(_, counts)| counts.new > 0 || counts.old > 0) {
        shown = shown.with(class, counts);
    }
    if shown.waiting || shown.classes().next().is_some() {
        shown.to_string()
    } else {
        "no messages".to_owned()
    }
}

/// A person's calls in a few words.
pub(crate) fn calls_in_words(info: &DialogInfo) -> String {
    let furthest = info
        .dialogs
        .iter()
        .filter(|dialog| dialog.phase != DialogPhase::Terminated)
        .max_by_key(|dialog| dialog.phase);
    let words = match furthest {
        None => "free",
        Some(dialog) if dialog.phase == DialogPhase::Confirmed => "on the phone",
        Some(dialog) if dialog.direction == Some(DialogDirection::Initiator) => "calling",
        Some(_) => "ringing",
    };
    words.to_owned()
}

/// The presence of a person, as the flags say it.
pub(crate) fn presence(
    entity: &str,
    is_open: bool,
    activity: Option<Activity>,
    note: Option<&str>,
) -> Body {
    let basic = if is_open { Basic::Open } else { Basic::Closed };
    let mut presence = Presence::new(entity, basic);
    if let Some(activity) = activity {
        presence = presence.activity(activity);
    }
    if let Some(note) = note {
        presence = presence.note(note);
    }
    presence.to_body()
}

/// The calls of this side, as the document of that number.
pub(crate) fn calls(entity: &str, version: u32, calls: &[(String, bool)]) -> Body {
    let mut info = DialogInfo::new(entity, version, DocumentState::Full);
    for (id, is_up) in calls {
        let phase = if *is_up {
            DialogPhase::Confirmed
        } else {
            DialogPhase::Early
        };
        info = info.dialog(Dialog::new(id.as_str(), phase));
    }
    info.to_body()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(package: &str, body: &Body) -> Resource {
        super::read(package, body).unwrap().unwrap()
    }

    #[test]
    fn a_person_is_what_the_person_does() {
        let words = |is_open, activity, note| {
            let body = presence("sip:bob@example.com", is_open, activity, note);
            presence_in_words(&Presence::from_body(&body).unwrap())
        };
        assert_eq!(words(true, None, None), "open");
        assert_eq!(words(false, None, Some("gone")), "closed (gone)");
        assert_eq!(
            words(true, Some(Activity::OnThePhone), None),
            "on the phone"
        );
        assert_eq!(words(false, Some(Activity::Away), None), "closed, away");
    }

    #[test]
    fn a_mailbox_is_what_is_in_it() {
        let words = |text: &'static str| {
            let body = Body::new(MessageSummary::CONTENT_TYPE, text);
            messages_in_words(&MessageSummary::from_body(&body).unwrap())
        };
        assert_eq!(
            words("Messages-Waiting: no\r\nVoice-Message: 0/0\r\n"),
            "no messages"
        );
        assert_eq!(words("Messages-Waiting: yes\r\n"), "messages waiting");
        let both = "Messages-Waiting: yes\r\nVoice-Message: 1/0\r\nText-Message: 0/0\r\n";
        assert_eq!(words(both), "1 new, 0 old voice messages");
    }

    #[test]
    fn calls_are_what_the_furthest_one_is() {
        let words = |list: &[(String, bool)]| {
            let body = calls("sip:bob@example.com", 1, list);
            calls_in_words(&DialogInfo::from_body(&body).unwrap())
        };
        let (ringing, up) = (("1".to_owned(), false), ("2".to_owned(), true));
        assert_eq!(words(&[]), "free");
        let both = [ringing, up];
        assert_eq!(words(&both[..1]), "ringing");
        assert_eq!(words(&both), "on the phone");
    }

    #[test]
    fn what_is_read_has_a_field_and_words() {
        let body = presence(
            "sip:bob@example.com",
            true,
            Some(Activity::Busy),
            Some("back\u{1b}"),
        );
        let resource = read("presence", &body);
        assert_eq!(resource.name, "presence");
        assert_eq!(resource.value["basic"], "open");
        assert_eq!(resource.value["activities"], json!(["busy"]));
        let text = "Messages-Waiting: yes\r\nVoice-Message: 2/5 (0/1)\r\n";
        let body = Body::new(MessageSummary::CONTENT_TYPE, text);
        let resource = read("message-summary", &body);
        assert_eq!(resource.value["waiting"], true);
        assert_eq!(resource.value["Voice-Message"], json!({"new": 2, "old": 5}));
        assert_eq!(resource.words, "2 new, 5 old voice messages");
        let body = calls("sip:bob@example.com", 1, &[("7".to_owned(), true)]);
        let resource = read("dialog", &body);
        assert_eq!(resource.value[0]["state"], "confirmed");
        assert!(super::read("reg", &body).unwrap().is_err());
        assert!(super::read("weather", &body).is_none());
    }
}
