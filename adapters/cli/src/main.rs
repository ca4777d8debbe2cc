#![forbid(unsafe_code)]
//! The program `sip`: a SIP user agent over WebSocket, from the command line.
//!
//! Files from the top to the bottom; each imports only those below it: `main`, `commands`, `phone`, `availability`, `running`, `adapter`,
//! `interrupts`, `log` and `settings`, `events`, `subscriptions`, `words`, `bodies`, `password`, `script`, `keyboard`, `lines`, `progress` and `web`,
//! `ladder`, `report`, `arguments`, `schema`, `keys`, `outcome`, `help`, `listen` and `secret`.

mod adapter;
mod arguments;
mod availability;
mod bodies;
mod commands;
mod events;
mod help;
mod interrupts;
mod keyboard;
mod keys;
mod ladder;
mod lines;
mod listen;
mod log;
mod outcome;
mod password;
mod phone;
mod progress;
mod report;
mod running;
mod schema;
mod script;
mod secret;
mod settings;
mod subscriptions;
mod web;
mod words;

use std::future::Future;
use std::process::ExitCode;

use serde_json::json;

use crate::arguments::{Arguments, Command};
use crate::outcome::Failure;
use crate::report::{Report, complain, printable_lines};

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let (json, result) = match arguments.command {
        Command::Demo(demo) => (demo.output.json, block_on(commands::demo::run(demo))),
        Command::Serve(serve) => (serve.output.json, block_on(commands::serve::run(serve))),
        Command::Register(register) => (
            register.output.json,
            block_on(commands::register::run(register)),
        ),
        Command::Call(call) => (call.output.json, block_on(commands::call::run(call))),
        Command::Answer(answer) => (answer.output.json, block_on(commands::answer::run(answer))),
        Command::Message(message) => (
            message.output.json,
            block_on(commands::request::message(message)),
        ),
        Command::Options(options) => (
            options.output.json,
            block_on(commands::request::options(options)),
        ),
        Command::Request(request) => (
            request.output.json,
            block_on(commands::request::request(request)),
        ),
        Command::Subscribe(subscribe) => (
            subscribe.output.json,
            block_on(commands::subscribe::run(subscribe)),
        ),
        Command::Publish(publish) => (
            publish.output.json,
            block_on(commands::publish::run(publish)),
        ),
        Command::Watch(watch) => (watch.output.json, block_on(commands::watch::run(watch))),
        Command::Config(config) => (config.output.json, commands::config::run(config)),
        Command::Completions(shell) => (false, commands::shell::completions(&shell)),
        Command::Man(man) => (false, commands::shell::man(&man)),
        // Its JSON is one object for each file and nothing else.
        Command::Ladder(ladder) => (false, commands::parse::ladder::run(&ladder)),
        Command::Parse(parse) => (false, commands::parse::run(&parse)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if json {
                let fields = [
                    ("code", json!(failure.code())),
                    ("text", json!(failure.to_string())),
                ];
                Report::new(true).event("error", fields, "");
            }
            for line in failure.to_string().lines() {
                complain(&format!("sip: {}", printable_lines(line)));
            }
            ExitCode::from(&failure)
        }
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Usage(format!("cannot start: {error}")))?;
    let result = runtime.block_on(command);
    // The thread of a name look-up that is still running must not delay the exit.
    runtime.shutdown_background();
    result
}
