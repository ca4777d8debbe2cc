//! The bodies of event packages in XML: presence, dialog-info and reginfo.

mod dialog_info;
mod hostile;
mod presence;
mod reginfo;
mod round_trip;

use sip_core::Body;
use sip_core::package::{DialogInfo, PackageError, Presence, RegInfo};

fn presence(text: impl Into<String>) -> Result<Presence, PackageError> {
    Presence::from_body(&Body::new(Presence::CONTENT_TYPE, text.into()))
}

fn dialog_info(text: impl Into<String>) -> Result<DialogInfo, PackageError> {
    DialogInfo::from_body(&Body::new(DialogInfo::CONTENT_TYPE, text.into()))
}

fn reginfo(text: impl Into<String>) -> Result<RegInfo, PackageError> {
    RegInfo::from_body(&Body::new(RegInfo::CONTENT_TYPE, text.into()))
}

fn written(body: &Body) -> &str {
    std::str::from_utf8(&body.bytes).expect("text")
}
