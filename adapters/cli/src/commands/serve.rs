//! `sip serve`

use serde_json::json;
use sip_core::TraceRecord;
use sip_edge::{EdgeConfig, EdgeServer, EventPackage};

use crate::arguments::Serve;
use crate::interrupts::Interrupts;
use crate::outcome::Failure;
use crate::report::Report;
use crate::running::print_trace;
use crate::web::Web;

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
        listen: arguments.listen,
        realm: arguments.realm.clone(),
        users: arguments.user.clone(),
        stores_messages: true,
        event_packages: match arguments.forward_events {
            true => Vec::new(),
            false => EventPackage::ALL.to_vec(),
        },
        ..EdgeConfig::default()
    };
    let server = EdgeServer::start(config).map_err(|error| {
        Failure::Usage(format!("cannot listen on {}: {error}", arguments.listen))
    })?;
    let page = page::start(&arguments, server.local_addr(), generated)?;
    let watch = page.as_ref().map(Web::observer);
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
            print_trace(message.user, message.at, &record);
        });
    }
    let address = server.local_addr();
    report.event(
        "listening",
        [
            ("server", json!(format!("ws://{address}"))),
            ("realm", json!(arguments.realm)),
            ("users", json!(users)),
        ],
        format_args!(
            "listening on ws://{address}, realm {}, users: {}",
            arguments.realm,
            if users.is_empty() {
                "none".to_owned()
            } else {
                users.join(", ")
            },
        ),
    );
    if let Some(page) = &page {
        page::announce(page, &report);
    }
    interrupts.next().await;
    let open = ["the connections of the users".to_owned()];
    interrupts.count(&open)?;
    let counters = server.counters();
    tokio::select! {
        () = server.stop() => {}
        () = interrupts.next() => return interrupts.count(&open),
    }
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
