//! Passes log and trace records to `tracing`.

use sip_core::config::LogLevel;
use sip_core::{Direction, LogRecord, Timestamp, TraceRecord};

/// Writes a record to `tracing`. The target is its category.
pub(crate) fn log(record: &LogRecord) {
    /// One callsite for each pair of target and level, because `tracing` needs both at compile time.
    macro_rules! emit {
        ($($category:literal),+) => {
            match record.category {
                $($category => emit!(@ $category),)+
                _ => emit!(@ "sip"),
            }
        };
        (@ $target:literal) => {
            match record.level {
                LogLevel::Error => tracing::error!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Warn => tracing::warn!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Log => tracing::info!(target: $target, label = record.label, "{}", record.content),
                LogLevel::Debug => tracing::debug!(target: $target, label = record.label, "{}", record.content),
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
pub(crate) fn trace(record: &TraceRecord, now: Timestamp) {
    let way = match record.direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    };
    tracing::info!(target: "sip.trace", way, connection = record.connection.to_bits(), ?now, "{record}");
}
