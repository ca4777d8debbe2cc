//! `sip serve --web`: what the command has to do for the page.

use std::io;
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

/// The page and its URL.
pub(super) struct Page {
    pub(super) web: Web,
    url: String,
}

/// Serves the page, if there is to be one.
pub(super) fn start(
    arguments: &Serve,
    edge: SocketAddr,
    generated: bool,
) -> Result<Option<Page>, Failure> {
    let Some(listen) = &arguments.web else {
        return Ok(None);
    };
    let phones = Phones {
        name: listen.host().to_owned(),
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
    let failed =
        |error: io::Error| Failure::Usage(format!("cannot serve the page on {listen}: {error}"));
    let sockets = listen.bind().map_err(failed)?;
    let Some(first) = sockets.first() else {
        return Ok(None);
    };
    let url = listen.url("http", first.local_addr().map_err(failed)?);
    let web = Web::start(sockets, sipjs, phones).map_err(failed)?;
    Ok(Some(Page { web, url }))
}

/// Says where the page is, and what answers its calls.
pub(super) fn announce(page: &Page, report: &Report) {
    let url = format!("{}/", page.url);
    let text = format!("open {url} in a browser: two phones and the ladder of their messages");
    report.event("page", [("url", json!(url))], text);
    if let Some(command) = page.web.command() {
        report.hint(&format!("a third phone, in another terminal: {command}"));
    }
}
