//! Framing, queues and transactions.
