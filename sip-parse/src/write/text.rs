//! The bytes of a head while a builder writes it.

use alloc::vec::Vec;
use core::ops::Range;

/// Bytes that fit without an allocation; most heads do.
const INLINE: usize = 1536;

/// The capacity of a message's offsets.
pub(super) const MOST: usize = u16::MAX as usize;

/// Copies `from` to `to`, which has the same length. Short texts, as most pieces of a header field are, take two copies of a
/// fixed size that may overlap, because a call of the system's copy costs more than it copies.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last), 8..=16) =
        (from.first_chunk::<8>(), from.last_chunk::<8>(), from.len())
    {
        if let Some(place) = to.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = *last;
        }
    } else if let (Some(first), Some(last), 16..=32) = (
        from.first_chunk::<16>(),
        from.last_chunk::<16>(),
        from.len(),
    ) {
        if let Some(place) = to.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = *last;
        }
    } else {
        to.copy_from_slice(from);
    }
}

/// Start line and header rows, at most [`MOST`] bytes.
#[derive(Clone)]
pub(super) struct Text {
    inline: [u8; INLINE],
    /// All bytes, once they exceed `inline`.
    spilled: Vec<u8>,
    length: usize,
    /// Whether bytes were left out, because they exceed [`MOST`].
    too_large: bool,
}

impl Text {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Text {
            inline: [0; INLINE],
            spilled: Vec::new(),
            length: 0,
            too_large: false,
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.too_large
    }

    /// Whether two texts of this length exceed [`MOST`].
    pub(super) fn is_long(&self) -> bool {
        self.length > MOST / 2
    }

    #[inline(always)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        // `spilled` is empty as long as the bytes fit, because they never move back.
        match self.inline.get_mut(self.length..end) {
            Some(place) if self.spilled.is_empty() => {
                copy(place, bytes);
                self.length = end;
            }
            _ => self.spill(bytes),
        }
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if end > MOST {
            self.too_large = true;
            return;
        }
        if self.spilled.is_empty() {
            self.spilled.reserve(2 * end);
            self.spilled.extend_from_slice(&self.inline[..self.length]);
        }
        self.spilled.extend_from_slice(bytes);
        self.length = end;
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        if self.spilled.is_empty() {
            &self.inline[..self.length]
        } else {
            &self.spilled
        }
    }

    #[inline(always)]
    fn bytes_mut(&mut self) -> &mut [u8] {
        if self.spilled.is_empty() {
            &mut self.inline[..self.length]
        } else {
            &mut self.spilled
        }
    }

    /// Moves the bytes from `from` to the end in front of the byte at `to`.
    pub(super) fn move_end(&mut self, from: usize, to: usize) {
        let moved = self.length - from;
        self.bytes_mut()[to..].rotate_right(moved);
    }

    /// Replaces the bytes of `range` by those from `from` on, of the same number, and removes the latter.
    pub(super) fn overwrite(&mut self, range: Range<usize>, from: usize) {
        self.bytes_mut().copy_within(from.., range.start);
        self.truncate(from);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        let length = self.length - range.len();
        self.bytes_mut().copy_within(range.end.., range.start);
        self.truncate(length);
    }

    /// Moves the bytes of `range` to `to`, which is in front of them, over those that are there.
    pub(super) fn move_up(&mut self, range: Range<usize>, to: usize) {
        self.bytes_mut().copy_within(range, to);
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if !self.spilled.is_empty() {
            self.spilled.truncate(length);
        }
        self.length = length;
    }
}
