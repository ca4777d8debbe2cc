//! Reads the table of a machine out of its doc comment, for the tests that hold it against the code.

extern crate std;

use std::string::String;
use std::vec::Vec;

/// A row of a table: states, inputs, effects, next state; `used` counts the cells that the row has explained.
pub(crate) struct Row {
    pub(crate) states: Vec<String>,
    pub(crate) inputs: Vec<String>,
    pub(crate) does: Vec<String>,
    pub(crate) next: String,
    pub(crate) used: usize,
}

/// The first table of a file's doc comment.
pub(crate) fn read(source: &str) -> Vec<Row> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    let list = |cell: &str| -> Vec<String> {
        let parts = cell.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(String::from).collect()
    };
    let rows = lines.skip(2).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Row {
            states: list(cells[0]),
            inputs: list(cells[1]),
            does: list(cells[2]),
            next: cells[3].into(),
            used: 0,
        }
    });
    rows.collect()
}
