//! Calls over loopback: one process with any number of agents on one thread, another one with the edge.
//!
//! ```text
//! cargo run --release -p sip-benches --features sockets --bin sockets -- --adapter blocking --agents 1000 --calls 10000
//! ```
//!
//! Every agent registers. The first half of them calls the other half, a number of calls at a time; a call is INVITE, 180,
//! 200, ACK, BYE and 200, each of them through the edge, and the set-up time is that from the command to the established
//! call at the caller. One agent alone calls itself.

mod edge;
mod load;
mod on_blocking;
mod on_tokio;
mod report;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use load::Load;

/// Why the program gives up.
type Failure = Box<dyn std::error::Error>;

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Adapter {
    /// sip-tokio: a runtime of one thread
    Tokio,
    /// sip-blocking: one reactor, and no other thread
    Blocking,
    /// sip-blocking: an I/O thread and a thread that waits for events; takes one agent
    IoThread,
}

/// Calls per second and set-up times over loopback, with the edge in a process of its own.
#[derive(Parser, Debug)]
struct Arguments {
    /// The adapter that carries the agents.
    #[arg(long, value_enum, default_value = "tokio")]
    adapter: Adapter,
    /// How many agents register, from 1.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    agents: u32,
    /// How many calls are measured.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// How many calls are made before the measurement begins.
    #[arg(long, default_value_t = 500)]
    warm_up: u32,
    /// How many calls are in progress at a time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// The process of the edge.
    #[command(hide = true)]
    Edge {
        /// How many users there are.
        users: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Some(Command::Edge { users }) => edge::serve(users),
        None => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sockets: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.adapter == Adapter::IoThread && arguments.agents != 1 {
        return Err(
            "the I/O thread is measured with --agents 1, because one thread waits for events"
                .into(),
        );
    }
    usage::raise_file_limit(arguments.agents)?;
    let edge = edge::Edge::start(arguments.agents)?;
    let load = Load::new(arguments, &edge);
    let result = match arguments.adapter {
        Adapter::Tokio => on_tokio::run(load),
        Adapter::Blocking => on_blocking::run(load),
        Adapter::IoThread => on_blocking::run_on_io_thread(load),
    };
    let result = result?;
    report::print(arguments, &result);
    Ok(())
}
