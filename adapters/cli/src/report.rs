//! What a command prints: sentences for people, or one JSON object a line.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use sip_core::config::Config;

/// Prints events as they happen. Clones print to the same place, with the same start of time.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    json: bool,
    /// Whether events are printed for people too; `sip demo` draws a ladder instead.
    quiet: bool,
    /// Where the servers of the configuration are, in its order, their queries left out.
    servers: Arc<[String]>,
    /// Who it happened to, where there is more than one.
    agent: Option<Arc<str>>,
    start: Instant,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            quiet: false,
            servers: Arc::default(),
            agent: None,
            start: Instant::now(),
        }
    }

    /// The same, but only JSON is printed.
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The same for one of several agents.
    pub(crate) fn of(&self, agent: &str) -> Self {
        Self {
            agent: Some(agent.into()),
            ..self.clone()
        }
    }

    /// The same for the servers of `config`, so that they can be named.
    pub(crate) fn with_servers(mut self, config: &Config) -> Self {
        self.servers = config
            .servers()
            .iter()
            .map(|server| server.url.to_string())
            .collect();
        self
    }

    /// The server at that place in the configuration.
    pub(crate) fn server(&self, place: usize) -> &str {
        self.servers.get(place).map_or("the server", String::as_str)
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Milliseconds since the command began.
    pub(crate) fn milliseconds(&self) -> f64 {
        // Microseconds are enough, and keep the numbers short.
        (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }

    pub(crate) const fn start(&self) -> Instant {
        self.start
    }

    /// An event: `name` and `fields` as JSON, or `text` for people.
    pub(crate) fn event(
        &self,
        name: &str,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
        text: impl Display,
    ) {
        if !self.json {
            if !self.quiet {
                // A reason phrase or a Contact of a peer's must not steer the terminal.
                print_line(&printable(&text.to_string()));
            }
            return;
        }
        let mut object = Map::new();
        object.insert("event".to_owned(), name.into());
        object.insert("ms".to_owned(), self.milliseconds().into());
        if let Some(agent) = &self.agent {
            object.insert("agent".to_owned(), agent.as_ref().into());
        }
        object.extend(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        print_line(&Value::Object(object).to_string());
    }
}

/// A line on standard output. A reader that has gone away (`sip ... | head`) is no fault of ours.
pub(crate) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What a peer wrote, without what would control a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let escaped = character.is_control().then(|| character.escape_default());
            let plain = escaped.is_none().then_some(character);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_wrote_cannot_control_the_terminal() {
        assert_eq!(printable("héllo\u{1b}[2J\n"), "héllo\\u{1b}[2J\\n");
    }
}
