//! `sip serve --web`: what the command has to do for the page.

use std::net::SocketAddr;

use serde_json::json;

use crate::arguments::Serve;
use crate::outcome::Failure;
use crate::report::Report;
use crate::web::{Phones, Web, generated_users};

/// Gives the server users if there is a page and the command line names none. Returns whether it did.
pub(super) fn users(arguments: &mut Serve) -> Result<bool, Failure> {
    if arguments.web.is_none() || !arguments.user.is_empty() {
        return Ok(false);
    }
    arguments.user = generated_users()
        .map_err(|error| Failure::Usage(format!("cannot make passwords: {error}")))?;
    Ok(true)
}

/// Serves the page, if there is to be one.
pub(super) fn start(
    arguments: &Serve,
    edge: SocketAddr,
    generated: bool,
) -> Result<Option<Web>, Failure> {
    let Some(listen) = arguments.web else {
        return Ok(None);
    };
    let phones = Phones {
        edge,
        domain: arguments.realm.clone(),
        users: arguments.user.clone(),
        generated,
    };
    let sipjs =
        match &arguments.web_sipjs {
            Some(file) => Some(std::fs::read(file).map_err(|error| {
                Failure::Usage(format!("cannot read {}: {error}", file.display()))
            })?),
            None => None,
        };
    let page = Web::start(listen, sipjs, phones)
        .map_err(|error| Failure::Usage(format!("cannot serve the page on {listen}: {error}")))?;
    Ok(Some(page))
}

/// Says where the page is, and what answers its calls.
pub(super) fn announce(page: &Web, report: &Report) {
    let url = page.url();
    let text = format!("open {url} in a browser: two phones and the ladder of their messages");
    report.event("page", [("url", json!(url))], text);
    if let Some(command) = page.command() {
        report.hint(&format!("a third phone, in another terminal: {command}"));
    }
}
