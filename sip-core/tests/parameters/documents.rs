//! `docs/parameters.md` agrees with the code.

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder, Explained, Origin, Parameter, Setter, Source};

const TABLE: &str = include_str!("../../../docs/parameters.md");

/// The cells of each row that begins with a parameter's name in code quotes.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

fn row(name: &str) -> Vec<&'static str> {
    let quoted = format!("`{name}`");
    let found = rows().into_iter().find(|row| row[0] == quoted);
    found.unwrap_or_else(|| panic!("{name} has no row"))
}

/// A default as the table writes it.
fn default_of(row: &Explained) -> String {
    match (row.value.as_str(), row.note) {
        ("null", note) => note.unwrap_or("none").to_owned(),
        (value, _) => format!(
            "`{}`",
            value.replace(env!("CARGO_PKG_VERSION"), "<version>")
        ),
    }
}

/// Every parameter has its row, in the order of the code, under the heading of its origin, with its default.
#[test]
fn the_table_has_every_parameter_and_its_default() {
    let rows = rows();
    let parameters = Config::default().explain();
    let changes = rows.iter().filter(|row| row[0].starts_with("`Change::"));
    assert_eq!(rows.len() - changes.count(), parameters.len());
    for (row, explained) in rows.iter().zip(&parameters) {
        let name = explained.parameter.name();
        assert_eq!(row[0], format!("`{name}`"));
        assert_eq!(row.len(), 4, "{name}");
        assert_eq!(row[1], default_of(explained), "{name}");
        assert!(row[2].len() > 10 && row[3].len() > 8, "{name}");
    }
    let headings = [
        ("## Of the page", Origin::Page),
        ("## Of SIP.js, but not on the page", Origin::Undocumented),
        ("## Of our own", Origin::Own),
    ];
    for (heading, origin) in headings {
        let section = TABLE.split(heading).nth(1).expect(heading);
        let section = section.split("\n## ").next().unwrap();
        for parameter in Parameter::ALL {
            let is_here = section.contains(&format!("\n| `{}` |", parameter.name()));
            assert_eq!(is_here, parameter.origin() == origin, "{parameter:?}");
        }
    }
}

/// Sets `parameter` by the method of its row to a value that is not its default.
fn set(builder: &mut ConfigBuilder, parameter: Parameter, default: &str) {
    match parameter.setter() {
        Setter::Flag(set) => set(builder, default == "false"),
        Setter::Number { least, set, .. } => set(builder, least + 1),
        Setter::Seconds { set, .. } => set(
            builder,
            match parameter {
                // RFC 4028 section 5: at least 90 s.
                Parameter::SessionExpires | Parameter::MinSe => Duration::from_secs(700),
                _ => Duration::from_secs(7),
            },
        ),
        Setter::Text(set) => set(
            builder,
            match parameter {
                Parameter::Uri => "alice@example.com",
                Parameter::InstanceId => "8f1fa16a-1165-4a96-8341-785b1ef24f12",
                Parameter::Ha1 => "0123456789abcdef0123456789abcdef",
                _ => "sample",
            },
        ),
        Setter::Word { words, set } => {
            let is_default = |word: &&str| format!("\"{word}\"") == default;
            let place = words.iter().position(|word| !is_default(word)).unwrap();
            set(builder, place)
        }
        Setter::FlagOrText { text, .. } => text(builder, "192.0.2.1"),
        Setter::Entries(set) => set(builder, "key", "value"),
        Setter::Servers => builder.servers([("ws://a", 0)]),
        Setter::List { set, .. } => match parameter {
            Parameter::AcceptedBodies => set(builder, &["application/pidf+xml"]),
            _ => set(builder, &["sample"]),
        },
        Setter::Tags => builder.extra_supported(["timer"]),
        Setter::Realms => builder.peer_realms(["friends.example"]),
        Setter::Function => builder,
    };
}

/// Each row of the code's table has a method of the builder, which reaches the explanation, and a row of the
/// document; the getters are a test of `settings.rs`.
#[test]
fn each_parameter_has_a_method_an_explanation_and_a_row() {
    for (place, default) in Config::default().explain().iter().enumerate() {
        let parameter = default.parameter;
        let mut builder = Config::builder();
        set(&mut builder, parameter, &default.value);
        match parameter {
            Parameter::Ha1 => set(&mut builder, Parameter::Realm, ""),
            Parameter::Realm => set(&mut builder, Parameter::Ha1, ""),
            _ => {}
        }
        let config = builder.build().unwrap();
        let explained = &config.explain()[place];
        if matches!(parameter.setter(), Setter::Function) {
            assert_eq!(explained, default);
            assert!(default.note.is_some(), "{parameter:?}");
        } else {
            assert_eq!(explained.source, Source::Code, "{parameter:?}");
            assert_ne!(explained.value, default.value, "{parameter:?}");
        }
        assert_eq!(row(parameter.name()).len(), 4);
    }
}

/// The table marks exactly the parameters that the code refuses.
#[test]
fn the_table_says_what_is_refused() {
    let config = Config::builder().build().unwrap();
    let missing = config.unsupported();
    for parameter in Parameter::ALL {
        let refused = missing.iter().any(|row| row.parameter == *parameter);
        let said = row(parameter.name())[2].contains("refused by name");
        assert_eq!(said, refused, "{parameter:?}");
    }
}

const COMING: &str = include_str!("../../../docs/coming-from-sipjs.md");

/// The variants of an enum, read from the source that defines it.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("pub enum {name} {{")).expect(name);
    let body = &source[start..start + source[start..].find("\n}").unwrap()];
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    variants
        .map(|line| {
            let end = line.find(|c: char| !c.is_ascii_alphanumeric());
            line[..end.unwrap_or(line.len())].to_owned()
        })
        .collect()
}

/// Names in code quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The document names every event, and no other.
#[test]
fn coming_from_sipjs_names_the_events_that_there_are() {
    let events = variants(include_str!("../../src/event.rs"), "Event");
    assert!(events.len() > 15, "{events:?}");
    for name in quoted(COMING) {
        if let Some(rest) = name.strip_prefix("Event::") {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
            let event = &rest[..end.unwrap_or(rest.len())];
            assert!(events.iter().any(|known| known == event), "{name}");
        }
    }
    for event in events {
        assert!(COMING.contains(&format!("Event::{event}")), "{event}");
    }
}

/// The document covers each event and method of SIP.js 0.9.
#[test]
fn coming_from_sipjs_leaves_nothing_out() {
    let events = "connecting connected disconnected registered unregistered registrationFailed invite \
        inviteSent message notify outOfDialogReferRequested newTransaction transactionDestroyed \
        keepAliveTimeout transportCreated messageSent transportError closed progress accepted rejected \
        failed cancel terminated bye confirmed ack dialog reinvite reinviteAccepted reinviteFailed \
        renegotiationError replaced dtmf referRequested referInviteSent referProgress referAccepted \
        referRejected referRequestProgress referRequestAccepted referRequestRejected \
        SessionDescriptionHandler-created directionChanged info prack";
    let methods = "start stop register unregister isRegistered isConnected message request subscribe \
        publish getLogger normalizeTarget accept reject progress cancel bye terminate hold unhold reinvite \
        dtmf info refer preaccept mute unmute getDescription setDescription hasDescription holdModifier \
        close sendDtmf getDirection";
    let options = "extraHeaders inviteWithoutSdp anonymous params renderbody rendertype onInfo \
        sessionDescriptionHandlerOptions";
    let names = quoted(COMING);
    let has = |wanted: &str| {
        names
            .iter()
            .any(|name| *name == wanted || name.starts_with(&format!("{wanted}(")))
    };
    for name in [events, methods, options]
        .iter()
        .flat_map(|list| list.split_whitespace())
    {
        assert!(has(name), "{name}");
    }
}
