//! Golden ladders: the flows of RFC 3665, RFC 5359 and RFC 5407 that a user agent takes part in.
//!
//! Each flow is a page in `docs/flows`: what it shows, how it differs from the RFC and why, the figure of the RFC in short,
//! and the ladder. The test runs the flow and compares the ladder with the page, character by character. It numbers each
//! message by the figure: the first message of that kind between the same parties. A message that the figure does not have
//! gets `-`, and a page with such a message, or without one that the figure has, must say so under `Differs`.

mod commands;
mod drawing;
mod proxy;
mod rfc3665;
mod rfc5359;
mod rfc5407;
mod scripted;
mod stage;

use std::path::PathBuf;

use drawing::{Drawing, figure};
use stage::Stage;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The parts of a page.
struct Page {
    title: String,
    differs: String,
    figure: String,
    ladder: String,
}

impl Page {
    fn read(name: &str) -> Self {
        let path = folder().join("flows").join(format!("{name}.txt"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let section = |from: &str, to: Option<&str>| {
            let start = text
                .find(from)
                .unwrap_or_else(|| panic!("{name} has no {from:?}"))
                + from.len();
            let end = to.map_or(text.len(), |to| {
                text.find(to)
                    .unwrap_or_else(|| panic!("{name} has no {to:?}"))
            });
            text[start..end].to_owned()
        };
        Self {
            title: text.lines().next().unwrap_or_default().to_owned(),
            differs: section("\nDiffers:\n", Some("\nFigure:\n")),
            figure: section("\nFigure:\n", Some("\nLadder:\n")),
            ladder: section("\nLadder:\n", None),
        }
    }

    /// Whether the page says how this number differs: `F5`, or a range `F4 to F6`.
    fn mentions(&self, number: u32) -> bool {
        let words: Vec<&str> = self
            .differs
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let read = |word: &str| {
            word.strip_prefix('F')
                .and_then(|number| number.parse::<u32>().ok())
        };
        let alone = words.iter().any(|word| read(word) == Some(number));
        let in_range =
            words
                .windows(3)
                .any(|three| match (read(three[0]), three[1], read(three[2])) {
                    (Some(first), "to", Some(last)) => (first..=last).contains(&number),
                    _ => false,
                });
        alone || in_range
    }
}

/// Holds a flow against its page.
#[track_caller]
fn hold(name: &str, stage: Stage) {
    let page = Page::read(name);
    let Drawing {
        text,
        missing,
        more,
    } = stage.finish(figure(&page.figure));
    assert!(
        page.ladder == text,
        "{name}: the ladder is\n\n{text}\nmissing: {missing:?}\n"
    );
    let unexplained: Vec<&u32> = missing
        .iter()
        .filter(|number| !page.mentions(**number))
        .collect();
    assert!(
        unexplained.is_empty(),
        "{name} does not say why it has no F{unexplained:?}"
    );
    let nothing = page.differs.trim() == "nothing";
    assert!(
        !(more && nothing),
        "{name} does not say why it has more messages than the figure"
    );
}

/// The pages in the order of the index: RFC, then section.
fn pages() -> Vec<(Vec<u32>, String)> {
    let files = std::fs::read_dir(folder().join("flows")).expect("docs/flows");
    let names = files.map(|file| {
        file.expect("a file")
            .file_name()
            .into_string()
            .expect("a name")
    });
    let mut pages: Vec<(Vec<u32>, String)> = names
        .map(|name| {
            let name = name
                .strip_suffix(".txt")
                .unwrap_or_else(|| panic!("{name} is no page"))
                .to_owned();
            let numbers = name
                .split(|letter: char| !letter.is_ascii_digit())
                .filter(|part| !part.is_empty());
            (
                numbers
                    .map(|number| number.parse().expect("a number"))
                    .collect(),
                name,
            )
        })
        .collect();
    pages.sort();
    pages
}

#[test]
fn the_index_lists_every_flow_with_its_section() {
    let index = std::fs::read_to_string(folder().join("flows.md")).expect("docs/flows.md");
    let rows: Vec<&str> = index
        .lines()
        .filter(|line| line.starts_with("| ["))
        .collect();
    let expected: Vec<String> = pages()
        .iter()
        .map(|(_, name)| {
            let page = Page::read(name);
            let (rfc, section) = name
                .trim_start_matches("rfc")
                .split_once('-')
                .expect("rfcNNNN-section");
            let start = format!("RFC {rfc} section {section}: ");
            let title = page
                .title
                .strip_prefix(&start)
                .unwrap_or_else(|| panic!("{name} starts with {:?}", page.title));
            let differs = if page.differs.trim() == "nothing" {
                ""
            } else {
                "yes"
            };
            format!("| [RFC {rfc} section {section}](flows/{name}.txt) | {title} | {differs} |")
        })
        .collect();
    assert!(
        rows == expected,
        "docs/flows.md should have:\n{}",
        expected.join("\n")
    );
}
