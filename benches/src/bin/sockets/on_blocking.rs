//! The agents on one reactor of sip-blocking, or one of them with an I/O thread.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sip_blocking::{Agent, AgentKey, Options, Reactor};

use crate::Failure;
use crate::load::{Figures, Load, Task};

/// How long the agents may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> Options {
    let mut options = Options::default();
    options.limits = Load::limits();
    options
}

pub(crate) fn run(mut load: Load) -> Result<Figures, Failure> {
    let mut reactor = Reactor::new()?;
    let mut keys: Vec<Option<AgentKey>> = vec![None; load.agents() as usize];
    let mut numbers = HashMap::new();
    load.begin();
    while !load.is_over() {
        while let Some(task) = load.task() {
            match task {
                Task::Start(number) => {
                    let key = reactor.add(&load.config(number)?, options())?;
                    keys[number as usize] = Some(key);
                    numbers.insert(key, number);
                }
                Task::Command(number, command) => {
                    let key = keys[number as usize].ok_or("the agent has not started")?;
                    let begun = Instant::now();
                    if let Some(Some(session)) = reactor.with(key, command) {
                        load.called(number, session, begun);
                    }
                }
            }
        }
        let Some((key, event)) = reactor.poll(Some(PATIENCE))? else {
            return Err("the agents are silent".into());
        };
        load.on_event(numbers[&key], event)?;
    }
    Ok(load.figures())
}

/// One agent, its I/O thread, and this thread, which waits for events.
pub(crate) fn run_on_io_thread(mut load: Load) -> Result<Figures, Failure> {
    let (agent, mut events) = Agent::start(load.config(0)?, options())?;
    load.begin();
    while !load.is_over() {
        while let Some(task) = load.task() {
            if let Task::Command(number, command) = task {
                let begun = Instant::now();
                if let Some(session) = agent.commands().with(command)? {
                    load.called(number, session, begun);
                }
            }
        }
        load.on_event(0, events.next_timeout(PATIENCE)?)?;
    }
    Ok(load.figures())
}
