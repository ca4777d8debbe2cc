//! What [`Message::identify`](crate::Message::identify) keeps: where the values stand that name a transaction and a dialog.

/// Where a value stands in a head, or that it is absent, or that it was not read; four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// Not read. No header value begins at offset 0.
    const UNREAD: Span = Span { start: 0, end: 0 };
    /// Read, and the message has none.
    const ABSENT: Span = Span { start: 0, end: 1 };

    /// The place of `part`, which is a slice of `head`.
    #[inline]
    fn of(head: &[u8], part: Option<&[u8]>) -> Span {
        let Some(part) = part else {
            return Span::ABSENT;
        };
        let start = (part.as_ptr() as usize).wrapping_sub(head.as_ptr() as usize);
        Span {
            start: start as u16,
            end: (start + part.len()) as u16,
        }
    }

    /// The part of `head`: `None` when it was not read, `Some(None)` when it is absent.
    #[inline]
    pub(crate) fn within(self, head: &[u8]) -> Option<Option<&[u8]>> {
        match self {
            Span::UNREAD => None,
            Span::ABSENT => Some(None),
            Span { start, end } => Some(head.get(usize::from(start)..usize::from(end))),
        }
    }
}

/// The kept values of one message; twenty bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified {
    pub(crate) branch: Span,
    pub(crate) sent_by: Span,
    pub(crate) from_tag: Span,
    pub(crate) to_tag: Span,
    /// The CSeq number, which is below 2^31; `u32::MAX` when it was not read.
    sequence: u32,
}

impl Identified {
    /// Nothing was read.
    #[inline]
    pub(crate) const fn none() -> Identified {
        Identified {
            branch: Span::UNREAD,
            sent_by: Span::UNREAD,
            from_tag: Span::UNREAD,
            to_tag: Span::UNREAD,
            sequence: u32::MAX,
        }
    }

    /// Keeps the topmost Via's branch and sent-by, which are slices of `head`.
    #[inline]
    pub(crate) fn keep_via(&mut self, head: &[u8], branch: Option<&[u8]>, sent_by: &[u8]) {
        self.branch = Span::of(head, branch);
        self.sent_by = Span::of(head, Some(sent_by));
    }

    /// Keeps the tag of From, a slice of `head`.
    #[inline]
    pub(crate) fn keep_from(&mut self, head: &[u8], tag: Option<&[u8]>) {
        self.from_tag = Span::of(head, tag);
    }

    /// Keeps the tag of To, a slice of `head`.
    #[inline]
    pub(crate) fn keep_to(&mut self, head: &[u8], tag: Option<&[u8]>) {
        self.to_tag = Span::of(head, tag);
    }

    /// Keeps the CSeq number.
    #[inline]
    pub(crate) fn keep_sequence(&mut self, number: u32) {
        self.sequence = number;
    }

    /// The CSeq number; `None` when it was not read.
    #[inline]
    pub(crate) fn sequence(&self) -> Option<u32> {
        (self.sequence != u32::MAX).then_some(self.sequence)
    }

    /// Moves the values behind `at`, where `length` bytes have been inserted that are part of none of them.
    pub(crate) fn make_room(&mut self, at: u16, length: u16) {
        for span in [
            &mut self.branch,
            &mut self.sent_by,
            &mut self.from_tag,
            &mut self.to_tag,
        ] {
            if span.end > at {
                span.start += length;
                span.end += length;
            }
        }
    }
}
