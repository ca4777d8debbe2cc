//! Numbers from 0 to 1 with three digits: the priority of PIDF, the q of reginfo.

use alloc::format;
use alloc::string::{String, ToString};

/// A decimal from 0 to 1 in thousandths; further digits are cut off.
pub(super) fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let digits = part.bytes().chain([b'0'; 3]).take(3);
    let part = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole.trim_start_matches('0') {
        "" => Some(part),
        "1" if part == 0 => Some(1_000),
        _ => None,
    }
}

/// Thousandths as a decimal, without zeros at its end.
pub(super) fn text(thousandths: u16) -> String {
    let thousandths = thousandths.min(1_000);
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
