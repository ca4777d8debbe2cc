//! Passes log and trace records to `tracing`.

use core::fmt;

use sip_core::config::{LogLevel, ServerUrl};
use sip_core::{Direction, LogRecord, Timestamp, TraceRecord};
use tracing::Span;
use tracing::level_filters::LevelFilter;

use crate::spans::Place;

/// Whether any subscriber takes records of this level, so that it is worth to look where one belongs.
pub(crate) fn is_wanted(level: LogLevel) -> bool {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Log => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    level <= LevelFilter::current()
}

/// Writes a record to `tracing`, in the span where it belongs. The target is its category; the label of the record and the durations
/// are fields, if there are any.
pub(crate) fn log(record: &LogRecord, place: &Place, server: Option<&ServerUrl>) {
    let label = Some(record.label).filter(|label| *label != 0);
    let write = || {
        write(
            (record.level, record.category),
            (label, place, server),
            format_args!("{}", record.content),
        );
    };
    match &place.span {
        Some(span) => span.in_scope(write),
        None => write(),
    }
}

/// Writes a sentence of the adapter to `tracing`.
pub(crate) fn note(
    agent: &Span,
    level: LogLevel,
    category: &'static str,
    sentence: fmt::Arguments<'_>,
) {
    agent.in_scope(|| write((level, category), (None, &Place::default(), None), sentence));
}

fn write(
    (level, category): (LogLevel, &'static str),
    (label, place, server): (Option<u64>, &Place, Option<&ServerUrl>),
    sentence: fmt::Arguments<'_>,
) {
    let after = place.after.map(tracing::field::display);
    let lasted = place.lasted.map(tracing::field::display);
    let server = server.map(tracing::field::display);
    /// One callsite for each pair of target and level, because `tracing` needs both at compile time.
    macro_rules! emit {
        ($($category:literal),+) => {
            match category {
                $($category => emit!(@ $category),)+
                _ => emit!(@ "sip"),
            }
        };
        (@ $target:literal) => {
            match level {
                LogLevel::Error => tracing::error!(target: $target, label, server, after, lasted, "{sentence}"),
                LogLevel::Warn => tracing::warn!(target: $target, label, server, after, lasted, "{sentence}"),
                LogLevel::Log => tracing::info!(target: $target, label, server, after, lasted, "{sentence}"),
                LogLevel::Debug => tracing::debug!(target: $target, label, server, after, lasted, "{sentence}"),
            }
        };
    }
    emit!(
        "sip.ua",
        "sip.transport",
        "sip.transaction",
        "sip.dialog",
        "sip.registration",
        "sip.session"
    );
}

/// Writes a SIP message to `tracing` with the target `sip.trace`. Credentials are blacked out unless the
/// configuration reveals them.
pub(crate) fn trace(agent: &Span, record: &TraceRecord, now: Timestamp) {
    let way = match record.direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    };
    agent.in_scope(|| {
        tracing::info!(target: "sip.trace", way, connection = record.connection.to_bits(), ?now, "{record}");
    });
}
