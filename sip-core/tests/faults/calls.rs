//! Calls: branches, targets, limits and ends.
