//! `sip serve`

use serde_json::json;
use sip_core::TraceRecord;
use sip_edge::{EdgeConfig, EdgeServer, EventPackage};

use super::watching::show_events;

use crate::arguments::{DEFAULT_LISTEN, DEFAULT_REALM, Serve};
use crate::interrupts::Interrupts;
use crate::listen::Listen;
use crate::outcome::Failure;
use crate::report::Report;
use crate::running::print_server_trace;

use super::page;

pub(crate) async fn run(mut arguments: Serve) -> Result<(), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let generated = page::users(&mut arguments)?;
    let report = Report::new(arguments.output.json);
    let users: Vec<String> = arguments
        .user
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let config = EdgeConfig {
        realm: arguments.realm.clone(),
        users: arguments.user.clone(),
        stores_messages: true,
        event_packages: match arguments.forward_events {
            true => Vec::new(),
            false => EventPackage::ALL.to_vec(),
        },
        ..EdgeConfig::default()
    };
    let sockets = arguments.listen.bind().map_err(|error| {
        Failure::Usage(format!("cannot listen on {}: {error}", arguments.listen))
    })?;
    let mut server = EdgeServer::start_on(config, sockets)
        .map_err(|error| Failure::Usage(format!("cannot serve: {error}")))?;
    let page = page::start(&arguments, server.local_addr(), generated)?;
    let watch = page.as_ref().map(|page| page.web.observer());
    if arguments.output.trace || watch.is_some() {
        server.trace(move |message| {
            if let Some(watch) = &watch {
                watch(message);
            }
            if !arguments.output.trace {
                return;
            }
            let record = TraceRecord {
                direction: message.direction,
                connection: message.connection,
                reveal: false,
                bytes: message.bytes.clone(),
            };
            print_server_trace(message.user, message.at, &record);
        });
    }
    let events = show_events(&server, &report);
    let url = arguments.listen.url("ws", server.local_addr());
    report.event(
        "listening",
        [
            ("server", json!(url)),
            ("realm", json!(arguments.realm)),
            ("users", json!(users)),
        ],
        format_args!(
            "listening on {url}, realm {}, users: {}",
            arguments.realm,
            if users.is_empty() {
                "none".to_owned()
            } else {
                users.join(", ")
            },
        ),
    );
    if let Some(listen) = &arguments.metrics {
        serve_metrics(&mut server, listen, &report)?;
    }
    if let Some(page) = &page {
        page::announce(page, &report);
    }
    if users.is_empty() {
        report.hint(
            "there are no users, so that no client can register or call. Stop with Ctrl-C and type:",
        );
        let command = with_users(&arguments.listen, &arguments.realm);
        report.hint(&format!("  {command}"));
    }
    interrupts.next().await;
    let open = ["the connections of the users".to_owned()];
    interrupts.count(&open)?;
    let counters = server.counters();
    tokio::select! {
        () = server.stop() => {}
        () = interrupts.next() => return interrupts.count(&open),
    }
    // The server is gone, so the thread ends once it has printed what waits. If it has panicked, lines are missing.
    let _printed_or_panicked = events.join();
    report.event(
        "summary",
        [
            ("registered", json!(counters.registered)),
            ("answered", json!(counters.calls_answered)),
            ("ended", json!(counters.calls_ended)),
            ("messages", json!(counters.messages_delivered)),
            ("stored", json!(counters.messages_stored)),
            ("subscriptions", json!(counters.subscribed)),
            ("publications", json!(counters.published)),
            ("states", json!(counters.notified)),
            ("unregistered", json!(counters.unregistered)),
        ],
        format_args!(
            "registered {}, calls answered {}, calls ended {}, messages delivered {}, messages stored {}, subscriptions {}, \
             publications {}, states reported {}, unregistered {}",
            counters.registered,
            counters.calls_answered,
            counters.calls_ended,
            counters.messages_delivered,
            counters.messages_stored,
            counters.subscribed,
            counters.published,
            counters.notified,
            counters.unregistered,
        ),
    );
    Ok(())
}

/// Serves the counters at each address of `listen`.
fn serve_metrics(server: &mut EdgeServer, listen: &Listen, report: &Report) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::Usage(format!("cannot listen on {listen}: {error}"));
    let sockets = listen.bind().map_err(failed)?;
    let Some(first) = sockets.first() else {
        return Ok(());
    };
    let url = listen.url("http", first.local_addr().map_err(failed)?);
    let url = format!("{url}/metrics");
    for socket in sockets {
        server.serve_metrics(socket).map_err(failed)?;
    }
    let text = format!("metrics at {url}");
    report.event("metrics", [("url", json!(url))], text);
    Ok(())
}

/// What to type in place of a command that has named no user.
fn with_users(listen: &Listen, realm: &str) -> String {
    let mut command = "sip serve".to_owned();
    if listen.to_string() != DEFAULT_LISTEN {
        command.push_str(&format!(" --listen {listen}"));
    }
    if realm != DEFAULT_REALM {
        command.push_str(&format!(" --realm {realm}"));
    }
    command + " --user alice:PASSWORD --user bob:PASSWORD"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_with_users_keeps_the_other_flags() {
        let told = |listen: &str, realm: &str| with_users(&listen.parse().unwrap(), realm);
        let users = "--user alice:PASSWORD --user bob:PASSWORD";
        assert_eq!(
            told(DEFAULT_LISTEN, DEFAULT_REALM),
            format!("sip serve {users}")
        );
        assert_eq!(
            told("[::1]:0", "example.com"),
            format!("sip serve --listen [::1]:0 --realm example.com {users}")
        );
    }
}
