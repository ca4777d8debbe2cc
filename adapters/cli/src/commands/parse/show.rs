//! Prints a message and its findings.

use std::fmt::Write;

use serde_json::{Value, json};

use super::captured::{Captured, Place};
use super::excerpt::Excerpt;
use super::explain;
use super::reading::{self, Finding, Reading, What};
use super::rules;
use crate::report::{print_line, printable};

/// Prints one message; false if it has a fault.
pub(super) fn message(file: &str, captured: &Captured, as_json: bool, strict: bool) -> bool {
    let reading = reading::read(&captured.bytes, strict);
    let front = captured.bytes.len() - reading.bytes.len();
    let shown = Shown {
        file,
        captured,
        reading: &reading,
        front,
    };
    if as_json {
        print_line(&shown.as_json().to_string());
    } else {
        print_line(&shown.in_words());
    }
    reading.faults.is_empty()
}

struct Shown<'a> {
    file: &'a str,
    captured: &'a Captured,
    reading: &'a Reading,
    /// Bytes of the line ends in front of the message.
    front: usize,
}

/// The place of a finding in the file.
struct Located {
    /// Byte of the file; of the message, if the file holds packets.
    offset: usize,
    /// Line, from 1: of the file, or of the message in a packet.
    line: usize,
    /// Character of the line, from 1.
    column: usize,
    excerpt: Excerpt,
}

impl Shown<'_> {
    fn locate(&self, finding: &Finding) -> Located {
        let bytes = &self.captured.bytes;
        let in_piece = finding.offset + self.front;
        let excerpt = Excerpt::of(bytes, in_piece);
        let offset = self
            .captured
            .place
            .offset_in_file(in_piece, excerpt.line)
            .unwrap_or(in_piece);
        let (first, indentation) = match self.captured.place {
            Place::Text {
                line, indentation, ..
            } => (line, indentation),
            Place::Packet(_) => (0, 0),
        };
        Located {
            offset,
            line: first + excerpt.line + 1,
            column: excerpt.column + indentation + 1,
            excerpt,
        }
    }

    /// `header at byte 12: what is wrong`, in the words of the parser.
    fn sentence(&self, finding: &Finding, located: &Located) -> String {
        let what = rules::sentence(finding);
        match finding.header {
            Some(header) => format!("{header} at byte {}: {what}", located.offset),
            None => format!("at byte {}: {what}", located.offset),
        }
    }

    fn as_json(&self) -> Value {
        let mut object = json!({ "file": self.file });
        let Value::Object(fields) = &mut object else {
            return object;
        };
        if let Some(label) = &self.captured.label {
            fields.insert("capture".to_owned(), json!(label));
        }
        if let Some(first) = self.reading.faults.first() {
            let first = self.finding_as_json(first);
            for name in ["error", "offset", "header", "status"] {
                fields.insert(name.to_owned(), first[name].clone());
            }
        }
        fields.extend(explain::as_json(self.reading));
        for (name, findings) in [
            ("faults", &self.reading.faults),
            ("warnings", &self.reading.warnings),
        ] {
            let findings: Vec<Value> = findings
                .iter()
                .map(|finding| self.finding_as_json(finding))
                .collect();
            fields.insert(name.to_owned(), Value::Array(findings));
        }
        object
    }

    fn finding_as_json(&self, finding: &Finding) -> Value {
        let located = self.locate(finding);
        let status = match &finding.what {
            What::Fault(error) => Some(rules::status(error)),
            _ => None,
        };
        json!({
            "error": self.sentence(finding, &located),
            "header": finding.header.map(|header| header.to_string()),
            "offset": located.offset,
            "line": located.line,
            "column": located.column,
            "excerpt": located.excerpt.text,
            "rule": rules::rule(finding),
            "right": rules::right(finding, self.reading),
            "status": status,
        })
    }

    fn in_words(&self) -> String {
        let mut out = format!("{}: {}", self.file, explain::in_words(self.reading));
        if let Some(label) = &self.captured.label {
            out = format!("{}: {}\n{out}", self.file, printable(label));
        }
        for (kind, findings) in [
            ("", &self.reading.faults),
            ("warning: ", &self.reading.warnings),
        ] {
            for finding in findings {
                self.finding_in_words(kind, finding, &mut out);
            }
        }
        out
    }

    fn finding_in_words(&self, kind: &str, finding: &Finding, out: &mut String) {
        let located = self.locate(finding);
        let sentence = self.sentence(finding, &located);
        let Located {
            line,
            column,
            excerpt,
            ..
        } = &located;
        let place = match self.captured.place {
            Place::Text { .. } => format!("line {line}"),
            Place::Packet(packet) => format!("packet {packet}, line {line}"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\n{}: {kind}{sentence}\n  {place}, column {column}",
            self.file
        );
        let margin = line.to_string();
        let _ = write!(out, "\n  {margin} | {}", excerpt.text);
        let _ = write!(
            out,
            "\n  {:1$} | {2:3$}^",
            "",
            margin.len(),
            "",
            excerpt.caret
        );
        let _ = write!(out, "\n  rule: {}", rules::rule(finding));
        if let Some(right) = rules::right(finding, self.reading) {
            let _ = write!(out, "\n  right: {right}");
        }
    }
}
