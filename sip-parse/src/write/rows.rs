//! The start line and the header rows of a message while a builder writes and edits them: bytes and their offsets.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use crate::message::Message;
use crate::name::{HeaderId, HeaderName};
use crate::scan::{HOT, Head, Record, StartLine};
use crate::write::error::BuildError;
use crate::write::text::Text;

/// Start line and header rows, without the blank line.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) text: Text,
    /// Its `end` stays 0 until the message is built.
    pub(super) head: Head,
    faults: Vec<Fault>,
}

/// Why the message with this row cannot be built.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    row: usize,
    /// Whether faults of other rows that are not late come first.
    late: bool,
    error: BuildError,
}

impl Rows {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Rows {
            text: Text::new(),
            head: Head::new(StartLine::NONE),
            faults: Vec::new(),
        }
    }

    /// Copies start line and rows of a message. The receiver has none yet.
    pub(super) fn copy(&mut self, message: &Message) {
        let head = &message.head;
        self.text
            .put(&message.bytes()[..usize::from(message.rows_end())]);
        self.head.start = head.start;
        self.head.first = head.first;
        self.head.records = SmallVec::from_slice(&head.records);
    }

    /// Writes the line of a row at the end. The caller adds, inserts or replaces a row by its record.
    #[must_use]
    #[inline(always)]
    pub(super) fn put(
        &mut self,
        name: HeaderName<'_>,
        folded: bool,
        value: impl FnOnce(&mut Text),
    ) -> Record {
        let text = &mut self.text;
        let start = text.len();
        text.put(name.as_bytes());
        let name_end = text.len();
        text.put(b": ");
        let value_start = text.len();
        value(text);
        let value_end = text.len();
        text.put(b"\r\n");
        Record {
            start: start as u16,
            name_end: name_end as u16,
            value_start: value_start as u16,
            value_end: value_end as u16,
            id: name.id(),
            folded,
        }
    }

    /// Adds the row of the last line at the end.
    #[inline(always)]
    pub(super) fn add(&mut self, record: Record) {
        self.head.push(record);
    }

    /// Writes the line of another message, whose record counts from its start, at the end.
    #[inline(always)]
    pub(super) fn put_line(&mut self, line: &[u8], record: &Record) {
        let base = self.text.len();
        self.text.put(line);
        if !self.text.is_too_large() {
            self.head.push(record.moved(0, base));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.head.records.len()
    }

    pub(super) fn name(&self, row: usize) -> HeaderName<'_> {
        let record = &self.head.records[row];
        let raw = usize::from(record.start)..usize::from(record.name_end);
        HeaderName::of(record.id, &self.text.bytes()[raw])
    }

    pub(super) fn value_range(&self, row: usize) -> Range<usize> {
        let record = &self.head.records[row];
        usize::from(record.value_start)..usize::from(record.value_end)
    }

    pub(super) fn value(&self, row: usize) -> &[u8] {
        &self.text.bytes()[self.value_range(row)]
    }

    fn line_range(&self, row: usize) -> Range<usize> {
        let next = self.head.records.get(row + 1);
        let end = next.map_or(self.text.len(), |next| usize::from(next.start));
        usize::from(self.head.records[row].start)..end
    }

    /// The first row of that name from `from` on.
    pub(super) fn position(&self, name: HeaderName<'_>, from: usize) -> Option<usize> {
        let id = name.id();
        if from == 0 && id != HeaderId::OTHER {
            return self.head.find(id);
        }
        (from..self.len()).find(|&row| self.head.records[row].id == id && self.name(row) == name)
    }

    /// Records why the message with this row cannot be built.
    #[cold]
    pub(super) fn refuse(&mut self, row: usize, error: BuildError, late: bool) {
        self.faults.push(Fault { row, late, error });
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The first fault of a row.
    pub(super) fn fault(&self, row: usize, late: bool) -> Option<BuildError> {
        let mut faults = self.faults.iter();
        let fault = faults.find(|fault| fault.row == row && fault.late == late)?;
        Some(fault.error)
    }

    /// Removes the bytes of a row that the caller replaces next, if the old and the new line might not fit together.
    pub(super) fn make_room(&mut self, row: usize) {
        if !self.text.is_long() {
            return;
        }
        let line = self.line_range(row);
        self.text.remove(line.clone());
        for behind in &mut self.head.records[row + 1..] {
            *behind = behind.moved(line.len(), 0);
        }
        let record = &mut self.head.records[row];
        let start = record.start;
        *record = Record {
            name_end: start,
            value_start: start,
            value_end: start,
            ..*record
        };
    }

    /// Inserts the row of the last line in front of row `row`.
    pub(super) fn insert(&mut self, row: usize, record: Record) {
        if row >= self.len() {
            return self.add(record);
        }
        let (to, from) = (self.line_range(row).start, usize::from(record.start));
        let length = self.text.len() - from;
        self.text.move_end(from, to);
        for behind in &mut self.head.records[row..] {
            *behind = behind.moved(0, length);
        }
        self.head.records.insert(row, record.moved(from, to));
        self.head.index_inserted(row, record.id);
        for fault in &mut self.faults {
            fault.row += usize::from(fault.row >= row);
        }
    }

    /// Replaces row `row`, of the same name, by that of the last line. The faults of the row stay if the new value is a part of
    /// the old one.
    pub(super) fn replace(&mut self, row: usize, record: Record, is_part: bool) {
        let from = usize::from(record.start);
        let length = self.text.len() - from;
        let mut old = self.head.records[row];
        let end = match self.head.records.get(row + 1) {
            Some(next) => usize::from(next.start),
            None => from,
        };
        let old_length = end - usize::from(old.start);
        if length == old_length {
            self.text.overwrite(usize::from(old.start)..end, from);
        } else {
            self.text.move_end(from, usize::from(old.start));
            let start = usize::from(old.start) + length;
            self.text.remove(start..start + old_length);
            for behind in &mut self.head.records[row + 1..] {
                *behind = behind.moved(old_length, length);
            }
        }
        old = record.moved(from, usize::from(old.start));
        self.head.records[row] = old;
        if !is_part {
            self.faults.retain(|fault| fault.row != row);
        }
    }

    pub(super) fn remove(&mut self, row: usize) {
        let line = self.line_range(row);
        self.text.remove(line.clone());
        self.head.records.remove(row);
        for record in &mut self.head.records[row..] {
            *record = record.moved(line.len(), 0);
        }
        self.head.index();
        self.faults.retain_mut(|fault| {
            let stays = fault.row != row;
            fault.row -= usize::from(fault.row > row);
            stays
        });
    }

    /// Removes all rows of that name from `from` on, in one pass.
    pub(super) fn remove_all(&mut self, name: HeaderName<'_>, from: usize) {
        let Some(first) = self.position(name, from) else {
            return;
        };
        let id = name.id();
        let (mut kept, mut end) = (first, self.line_range(first).start);
        for row in first..self.len() {
            let line = self.line_range(row);
            let goes = self.head.records[row].id == id && self.name(row) == name;
            if !self.faults.is_empty() {
                self.faults.retain(|fault| !goes || fault.row != row);
                let of_row = self.faults.iter_mut().filter(|fault| fault.row == row);
                of_row.for_each(|fault| fault.row = kept);
            }
            if goes {
                continue;
            }
            self.head.records[kept] = self.head.records[row].moved(line.start, end);
            kept += 1;
            end += line.len();
            self.text.move_up(line.clone(), end - line.len());
        }
        self.head.records.truncate(kept);
        self.text.truncate(end);
        self.head.index();
    }

    /// Replaces the start line by one that consists of `pieces`, whose middle one is the Request-URI or the reason phrase.
    pub(super) fn set_start(&mut self, status: u16, pieces: [&[u8]; 4]) {
        let [before, blank, text, behind] = pieces;
        if self.text.is_long() {
            let old = usize::from(self.head.start.line_end);
            self.text.remove(0..old);
            for record in &mut self.head.records {
                *record = record.moved(old, 0);
            }
            self.head.start = StartLine::NONE;
        }
        let from = self.text.len();
        self.text.put(before);
        self.text.put(blank);
        let text_start = self.text.len() - from;
        self.text.put(text);
        let text_end = self.text.len() - from;
        self.text.put(behind);
        if self.text.is_too_large() {
            return;
        }
        let (old, new) = (
            usize::from(self.head.start.line_end),
            self.text.len() - from,
        );
        if from > 0 {
            self.text.move_end(from, 0);
            self.text.remove(new..new + old);
            for record in &mut self.head.records {
                *record = record.moved(old, new);
            }
        }
        self.head.start = StartLine {
            status,
            method_end: if status == 0 { before.len() as u16 } else { 0 },
            text_start: text_start as u16,
            text_end: text_end as u16,
            line_end: new as u16,
        };
    }
}

impl Head {
    /// Finds the first row of each of the first header numbers anew.
    fn index(&mut self) {
        self.first = [0; HOT];
        for (row, record) in self.records.iter().enumerate() {
            let number = usize::from(record.id.0);
            if number < HOT && self.first[number] == 0 {
                self.first[number] = u8::try_from(row + 1).unwrap_or(u8::MAX);
            }
        }
    }

    /// Corrects the index after a row with number `id` has been inserted at `row`.
    fn index_inserted(&mut self, row: usize, id: HeaderId) {
        let place = u8::try_from(row + 1).unwrap_or(u8::MAX);
        for first in &mut self.first {
            if *first >= place {
                *first = first.saturating_add(1);
            }
        }
        if let Some(first) = self.first.get_mut(usize::from(id.0)).filter(|_| id.0 != 0)
            && (*first == 0 || *first >= place)
        {
            *first = place;
        }
    }
}
