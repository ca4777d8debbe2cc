//! The messages of the edge for the pages that draw them: kept for a while, and awaited.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use sip_core::{Direction, TraceRecord};
use sip_edge::TraceMessage;
use tokio::sync::watch;

use crate::ladder;

/// How many messages are kept for pages that are opened later.
pub(super) const KEPT: usize = 500;

/// How many bytes the kept messages may have.
pub(super) const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The messages of the edge. Clones share them.
#[derive(Clone)]
pub(super) struct Live {
    kept: Arc<Mutex<Kept>>,
    /// The number of messages so far.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// The number of the first of them.
    first: u64,
    messages: VecDeque<Arc<str>>,
    bytes: usize,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            kept: Arc::default(),
            news: watch::Sender::new(0),
        }
    }

    /// Takes a message; keep-alives are no part of a ladder.
    pub(super) fn note(&self, message: &TraceMessage<'_>) {
        let Some(label) = ladder::label(message.bytes) else {
            return;
        };
        let record = TraceRecord {
            direction: message.direction,
            connection: message.connection,
            reveal: false,
            bytes: message.bytes.clone(),
        };
        self.push(&json!({
            "ms": message.at.as_micros() as f64 / 1e3,
            "user": message.user,
            "received": message.direction == Direction::Received,
            "label": label,
            "text": record.to_string(),
        }));
    }

    fn push(&self, message: &serde_json::Value) {
        let message: Arc<str> = message.to_string().into();
        let mut kept = self.kept();
        kept.bytes += message.len();
        kept.messages.push_back(message);
        while kept.messages.len() > KEPT || kept.bytes > KEPT_BYTES {
            let Some(old) = kept.messages.pop_front() else {
                break;
            };
            kept.bytes -= old.len();
            kept.first += 1;
        }
        let all = kept.first + kept.messages.len() as u64;
        drop(kept);
        self.news.send_replace(all);
    }

    /// A reader that begins behind the message of this number; without one with the first that is kept.
    pub(super) fn reader(&self, seen: Option<u64>) -> Reader {
        let mut news = self.news.subscribe();
        news.mark_changed();
        // A number that is still to come is of an earlier run of the server.
        let next = seen.map_or(0, |seen| seen.saturating_add(1));
        let next = if next > *self.news.borrow() { 0 } else { next };
        Reader {
            live: self.clone(),
            news,
            next,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one page has read.
pub(super) struct Reader {
    live: Live,
    news: watch::Receiver<u64>,
    next: u64,
}

impl Reader {
    /// Waits for further messages, and returns all of them with their numbers. A reader that is too slow misses those that are
    /// no longer kept. `None` when the server has ended.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Vec<(u64, Arc<str>)>> {
        loop {
            self.news.changed().await.ok()?;
            let kept = self.live.kept();
            let skipped = usize::try_from(self.next.saturating_sub(kept.first)).ok()?;
            let first = self.next.max(kept.first);
            let messages = kept.messages.iter().skip(skipped).cloned();
            let numbered: Vec<_> = (first..).zip(messages).collect();
            if let Some((last, _)) = numbered.last() {
                self.next = last + 1;
                return Some(numbered);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(read: &[(u64, Arc<str>)]) -> Vec<u64> {
        read.iter().map(|(number, _)| *number).collect()
    }

    #[tokio::test]
    async fn a_reader_gets_what_is_kept_and_what_follows() {
        let live = Live::new();
        live.push(&json!(0));
        let mut reader = live.reader(None);
        assert_eq!(numbers(&reader.next().await.unwrap()), [0]);
        live.push(&json!(1));
        live.push(&json!(2));
        assert_eq!(numbers(&reader.next().await.unwrap()), [1, 2]);
        let mut again = live.reader(Some(1));
        assert_eq!(numbers(&again.next().await.unwrap()), [2]);
        // Numbers of an earlier server.
        for seen in [3, 99, u64::MAX] {
            let mut later = live.reader(Some(seen));
            assert_eq!(numbers(&later.next().await.unwrap()), [0, 1, 2]);
        }
    }

    #[tokio::test]
    async fn what_is_kept_has_bounds() {
        let live = Live::new();
        let mut slow = live.reader(None);
        for number in 0..=KEPT {
            live.push(&json!(number));
        }
        let read = slow.next().await.unwrap();
        assert_eq!(read.len(), KEPT);
        assert_eq!(read[0], (1, "1".into()));
        live.push(&json!("x".repeat(KEPT_BYTES / 2)));
        live.push(&json!("x".repeat(KEPT_BYTES / 2)));
        let kept = live.kept();
        assert!(kept.bytes <= KEPT_BYTES);
        assert_eq!(kept.messages.len(), 1);
        assert_eq!(
            kept.bytes,
            kept.messages.iter().map(|it| it.len()).sum::<usize>()
        );
    }
}
