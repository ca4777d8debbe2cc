//! Commands that one thread of agents gives to another, from within a command or a connector.

mod common;

use std::sync::{Arc, Barrier, mpsc};

use sip_blocking::{CommandFailure, Commands, Events, Options};

use common::{PATIENCE, start};

type Crossed = Result<Result<(), CommandFailure>, CommandFailure>;

/// Agents on a thread each, which need no server for this.
fn agents(count: usize) -> Vec<(Commands, Events)> {
    let start = |_| start("ws://127.0.0.1:1", Options::default());
    (0..count).map(start).collect()
}

/// Each thread drives one agent and commands the next one; all at the same time.
fn in_a_circle(count: usize) -> Vec<Crossed> {
    let agents = agents(count);
    let barrier = Arc::new(Barrier::new(count));
    let (sender, results) = mpsc::channel();
    for place in 0..count {
        let handle = agents[place].0.clone();
        let next = agents[(place + 1) % count].0.clone();
        let (barrier, sender) = (barrier.clone(), sender.clone());
        std::thread::spawn(move || {
            let crossed = handle.with(move |_, _| {
                barrier.wait();
                next.with(|_, _| ())
            });
            sender.send(crossed)
        });
    }
    // Threads that wait for ever must not hold up the end of the test.
    let result = |_| results.recv_timeout(PATIENCE);
    let all: Result<_, _> = (0..count).map(result).collect();
    all.unwrap_or_else(|_| {
        std::mem::forget(agents);
        panic!("the threads wait for ever")
    })
}

/// One of them gets the error, and that is enough for the others to go on.
#[test]
fn threads_that_command_each_other_do_not_wait_for_ever() {
    for count in 2..=4 {
        for _ in 0..20 {
            let results = in_a_circle(count);
            let refused = Ok(Err(CommandFailure::Deadlock));
            let errors = results.iter().filter(|result| **result == refused).count();
            let carried_out = results
                .iter()
                .filter(|result| **result == Ok(Ok(())))
                .count();
            assert_eq!((errors, carried_out), (1, count - 1), "{results:?}");
        }
    }
}

/// A chain is no circle.
#[test]
fn a_command_from_one_thread_of_agents_to_another_is_carried_out() {
    let agents = agents(3);
    let [first, second, third] = [0, 1, 2].map(|place| agents[place].0.clone());
    let again = first.clone();
    let result = first.with(move |_, _| {
        second.with(move |_, _| {
            assert_eq!(again.with(|_, _| ()), Err(CommandFailure::OwnThread));
            third.with(|_, _| 7)
        })
    });
    assert_eq!(result, Ok(Ok(Ok(7))));
}
