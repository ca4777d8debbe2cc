//! The events for a program that wants all of them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use sip_core::Event;
use tokio::sync::mpsc;

/// Events of a running user agent: a [`Stream`].
///
/// The queue is bounded. While it is full the task does not read from the network, so no event is dropped. The
/// task still takes commands.
///
/// An application that has never read it does not want it: when the queue, and a reserve of 63 events, are full before the first
/// read, the adapter discards the new events, and [`Events::missed`] counts them.
#[derive(Debug)]
pub struct Events {
    events: mpsc::Receiver<Event>,
    course: Arc<Course>,
}

/// What both ends of the queue know.
#[derive(Debug, Default)]
struct Course {
    is_read: AtomicBool,
    missed: AtomicU64,
}

/// The end of the task.
pub(crate) struct Outlet {
    pub(crate) events: mpsc::Sender<Event>,
    course: Arc<Course>,
}

impl Outlet {
    /// Whether the application has begun to read.
    pub(crate) fn is_read(&self) -> bool {
        self.course.is_read.load(Ordering::Relaxed)
    }

    /// An event is discarded. True for the first one.
    pub(crate) fn discard(&self) -> bool {
        self.course.missed.fetch_add(1, Ordering::Relaxed) == 0
    }
}

impl Events {
    pub(crate) fn new(
        events: mpsc::Receiver<Event>,
        sender: mpsc::Sender<Event>,
    ) -> (Self, Outlet) {
        let course = Arc::new(Course::default());
        let outlet = Outlet {
            events: sender,
            course: course.clone(),
        };
        (Self { events, course }, outlet)
    }

    /// The next event; `None` once the task of the agent has ended. Cancel safe: a dropped future loses no
    /// event.
    pub async fn next(&mut self) -> Option<Event> {
        self.note_reader();
        self.events.recv().await
    }

    /// How many events the adapter has discarded, because the queue was full before the application read the first one.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.course.missed.load(Ordering::Relaxed)
    }

    fn note_reader(&self) {
        self.course.is_read.store(true, Ordering::Relaxed);
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.note_reader();
        self.events.poll_recv(cx)
    }
}
