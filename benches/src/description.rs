//! The session description of the calls.

use sip_core::Body;

/// The 2.5 KB that a browser offers.
///
/// # Panics
/// Never: it is part of this crate.
#[must_use]
pub fn description() -> Body {
    let invite = include_bytes!("../messages/c_invite_webrtc.sip");
    let head = memchr::memmem::find(invite, b"\r\n\r\n").expect("an end of the head");
    let text = str::from_utf8(&invite[head + 4..]).expect("a description is text");
    Body::sdp(text.to_owned())
}
