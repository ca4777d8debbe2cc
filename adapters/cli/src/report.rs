//! The output of a command: sentences for people, or one JSON object a line.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use sip_core::Timestamp;
use sip_core::config::Config;
use sip_host::os::Clock;

use crate::schema;

/// Prints events as they happen. Clones share the output and the start time.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    json: bool,
    /// Whether events are printed as JSON only; `sip demo` draws a ladder for people.
    quiet: bool,
    /// The URLs of the configured servers, in order, without their queries.
    servers: Arc<[String]>,
    /// The name of the agent, if there is more than one.
    agent: Option<Arc<str>>,
    start: Instant,
    clock: Clock,
    calls: Arc<Mutex<Calls>>,
    /// What stays below the events.
    below: Arc<Mutex<Below>>,
}

/// What stays below the events on a terminal.
#[derive(Debug, Default)]
struct Below {
    /// What the user is typing, on standard error.
    prompt: Option<String>,
    /// Lines that change in place, on standard output.
    board: Vec<String>,
}

/// The numbers of the calls, for people.
#[derive(Debug, Default)]
struct Calls {
    /// How many there were.
    count: u64,
    /// Those that are not over.
    live: BTreeMap<u64, u64>,
}

impl Calls {
    fn begins(&mut self, call: u64) {
        if let Entry::Vacant(vacant) = self.live.entry(call) {
            self.count += 1;
            vacant.insert(self.count);
        }
    }

    /// The number of a call, if there is another call, so that a reader has to tell them apart.
    fn number(&self, call: u64) -> Option<u64> {
        let is_alone = self.live.len() < 2;
        self.live.get(&call).copied().filter(|_| !is_alone)
    }
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            quiet: false,
            servers: Arc::default(),
            agent: None,
            start: Instant::now(),
            clock: Clock::start(),
            calls: Arc::default(),
            below: Arc::default(),
        }
    }

    /// The same report with JSON output only.
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// The same report for one of several agents.
    pub(crate) fn of(&self, agent: &str) -> Self {
        Self {
            agent: Some(agent.into()),
            ..self.clone()
        }
    }

    /// The same report with the names of the servers of `config`.
    pub(crate) fn with_servers(mut self, config: &Config) -> Self {
        self.servers = config
            .servers()
            .iter()
            .map(|server| server.url.to_string())
            .collect();
        self
    }

    /// The name of the server at that index in the configuration.
    pub(crate) fn server(&self, place: usize) -> &str {
        self.servers.get(place).map_or("the server", String::as_str)
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Milliseconds since the command started.
    pub(crate) fn milliseconds(&self) -> f64 {
        // Rounded to microseconds, which keeps the numbers short.
        (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e3
    }

    /// The clock of the user agents whose events are printed.
    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long it is until a time on the clock of the user agents.
    pub(crate) fn until(&self, at: Timestamp) -> Duration {
        at.saturating_since(self.clock.now())
    }

    /// Gives a call the next number.
    pub(crate) fn call_begins(&self, call: u64) {
        self.calls_now().begins(call);
    }

    /// Forgets the number of a call that is over.
    pub(crate) fn call_ends(&self, call: u64) {
        self.calls_now().live.remove(&call);
    }

    fn calls_now(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn start(&self) -> Instant {
        self.start
    }

    /// Tells the user something that is no event, on standard error. JSON output has no hints.
    pub(crate) fn hint(&self, text: &str) {
        if !self.json && !self.quiet {
            self.above(|| complain(&printable(text)));
        }
    }

    /// Shows what the user is typing, in place of what was shown before.
    pub(crate) fn prompt(&self, text: Option<String>) {
        let mut below = self.below();
        if below.prompt.is_some() || text.is_some() {
            type_on_terminal(&format!(
                "{CLEAR_LINE}{}",
                text.as_deref().unwrap_or_default()
            ));
        }
        below.prompt = text;
    }

    /// Whether standard output is a terminal, where lines can change in place.
    pub(crate) fn has_board(&self) -> bool {
        !self.json && !self.quiet && std::io::stdout().is_terminal()
    }

    /// Shows these lines below all events, in place of those that were shown before.
    pub(crate) fn board(&self, lines: Vec<String>) {
        let mut below = self.below();
        let lines = fit(&lines, size_of_terminal());
        let before = std::mem::replace(&mut below.board, lines);
        write_board(before.len(), &below.board);
    }

    /// Leaves the lines where they are; further events come after them.
    pub(crate) fn leave_board(&self) {
        self.below().board.clear();
    }

    fn below(&self) -> MutexGuard<'_, Below> {
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `print` write above what stays below.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        let below = self.below();
        if below.prompt.is_some() {
            type_on_terminal(CLEAR_LINE);
        }
        if !below.board.is_empty() {
            write_board(below.board.len(), &[]);
        }
        let printed = print();
        if !below.board.is_empty() {
            write_board(0, &below.board);
        }
        if let Some(text) = &below.prompt {
            type_on_terminal(text);
        }
        printed
    }

    /// Prints an event: `name` and `fields` as JSON, or `text` for people.
    pub(crate) fn event(
        &self,
        name: &str,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
        text: impl Display,
    ) {
        if !self.json {
            if !self.quiet {
                let mut fields = fields.into_iter();
                let call = fields.find(|(name, _)| *name == "call");
                let number = call.and_then(|(_, call)| self.calls_now().number(call.as_u64()?));
                let number = number.map_or_else(String::new, |number| format!("call {number}: "));
                // Escapes control characters, because a reason phrase or Contact of a peer must not control the
                // terminal.
                let line = printable(&format!("{number}{text}"));
                self.above(|| print_line(&line));
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
        debug_assert!(
            schema::has(name, object.keys()),
            "not in the schema: {object:?}"
        );
        print_line(&plain_json(&Value::Object(object).to_string()));
    }
}

/// Back to the start of the line on a terminal, and clear it.
pub(crate) const CLEAR_LINE: &str = "\r\x1b[K";

/// Prints a line on standard output. Errors are ignored, because the reader may have closed the pipe (`sip ...
/// | head`).
pub(crate) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints a line on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes lines on standard output in place of the last `before` ones. Errors are ignored as in [`print_line`].
fn write_board(before: usize, lines: &[String]) {
    let mut text = String::new();
    if before > 0 {
        // Up to the first line, and clear the screen from there.
        text.push_str(&format!("\x1b[{before}A\r\x1b[J"));
    }
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// The part of a board that fits on a terminal of so many columns and lines, because a board that wraps or scrolls away cannot
/// change in place.
fn fit(lines: &[String], (columns, height): (usize, usize)) -> Vec<String> {
    let cut = |line: &String| {
        let mut room = columns;
        let fits = |character: &char| {
            let rest = room.checked_sub(most_columns(*character));
            room = rest.unwrap_or_default();
            rest.is_some()
        };
        line.chars().take_while(fits).collect::<String>()
    };
    // The cursor stands in the line below.
    let room = height.saturating_sub(1).max(1);
    if lines.len() <= room {
        return lines.iter().map(cut).collect();
    }
    let shown = lines.iter().take(room - 1).map(cut);
    let more = format!("and {} more", lines.len() + 1 - room);
    shown.chain([more]).collect()
}

/// How many columns a character takes at most. Those of East Asia and the pictures take two; a line that is cut too early does no
/// harm.
const fn most_columns(character: char) -> usize {
    match character {
        '\u{1100}'.. => 2,
        _ => 1,
    }
}

/// The columns and lines of standard output.
fn size_of_terminal() -> (usize, usize) {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout())
        && size.ws_col > 0
        && size.ws_row > 0
    {
        return (size.ws_col.into(), size.ws_row.into());
    }
    (80, 24)
}

/// Asks the user something, on standard error.
pub(crate) fn prompt_line(question: &str) {
    type_on_terminal(question);
}

/// Writes on standard error without an end of the line.
fn type_on_terminal(text: &str) {
    let mut terminal = std::io::stderr().lock();
    let _ = write!(terminal, "{text}").and_then(|()| terminal.flush());
}

/// Whether a terminal may obey this character instead of showing it: controls, and what turns the direction of a line or ends it.
fn commands_terminal(character: char) -> bool {
    let turns = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

/// JSON with those characters escaped that it may have as they are, but that some terminals obey.
fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for character in json.chars() {
        if commands_terminal(character) {
            plain.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Text of a peer, with the characters escaped that a terminal obeys.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let escaped = commands_terminal(character).then(|| character.escape_default());
            let plain = escaped.is_none().then_some(character);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// A message of a peer, line by line as [`printable`] has it. Line ends and tabs stay, so that it can be read again.
pub(crate) fn printable_lines(text: &str) -> String {
    let line = |line: &str| {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => match line.strip_suffix('\r') {
                Some(line) => (line, "\r\n"),
                None => (line, "\n"),
            },
            None => (line, ""),
        };
        let parts: Vec<String> = line.split('\t').map(printable).collect();
        parts.join("\t") + end
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_neither_wraps_nor_scrolls() {
        let lines = ["abc", "de", "f"].map(str::to_owned);
        assert_eq!(fit(&lines, (80, 24)), lines);
        assert_eq!(fit(&lines, (2, 4)), ["ab", "de", "f"]);
        assert_eq!(fit(&lines, (80, 3)), ["abc", "and 2 more"]);
        assert_eq!(fit(&lines, (80, 1)), ["and 3 more"]);
        let wide = ["a会議中".to_owned()];
        assert_eq!(fit(&wide, (7, 4)), wide);
        assert_eq!(fit(&wide, (6, 4)), ["a会議"]);
    }

    #[test]
    fn calls_have_numbers_while_there_are_several() {
        let mut calls = Calls::default();
        calls.begins(70);
        assert_eq!(calls.number(70), None);
        calls.begins(9);
        calls.begins(70);
        assert_eq!((calls.number(70), calls.number(9)), (Some(1), Some(2)));
        assert_eq!(calls.number(3), None);
        calls.live.remove(&70);
        assert_eq!(calls.number(9), None);
        calls.begins(4);
        assert_eq!((calls.number(9), calls.number(4)), (Some(2), Some(3)));
    }

    #[test]
    fn what_a_peer_wrote_cannot_control_the_terminal() {
        assert_eq!(printable("héllo\u{1b}[2J\n"), "héllo\\u{1b}[2J\\n");
        let json = Value::from("é\u{9b}2J\u{7f}\u{1b}").to_string();
        assert_eq!(plain_json(&json), r#""é\u009b2J\u007f\u001b""#);
        // The rest of the line would stand in the other direction.
        assert_eq!(
            printable("a\u{202e}b\u{2067}c\u{2028}שלום"),
            "a\\u{202e}b\\u{2067}c\\u{2028}שלום"
        );
        assert_eq!(plain_json("\"\u{202e}\""), r#""\u202e""#);
        assert_eq!(
            printable_lines("To: a\r\n\tb\r\n\r\n\u{1b}[2J\rhidden\nend\r"),
            "To: a\r\n\tb\r\n\r\n\\u{1b}[2J\\rhidden\nend\\r"
        );
    }
}
