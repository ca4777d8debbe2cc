//! Commands that one thread of agents gives to another, from within a command or a connector.

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use sip_blocking::{Agent, CommandFailure, Commands, Events, Options};
use sip_testing::sockets::alice_at;

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

/// One thread of agents waits for what a handle of the other one asks, while that one gives it a command: the later one of both
/// fails, because the threads would wait for each other.
#[test]
fn a_wait_and_a_command_across_threads_do_not_wait_for_ever() {
    let (sender, results) = mpsc::channel();
    std::thread::spawn(move || {
        let idle = || {
            let config = alice_at("ws://127.0.0.1:1").autostart(false).build();
            Agent::start(config.unwrap(), Options::default()).unwrap().0
        };
        let (first, second) = (idle(), idle());
        let barrier = Arc::new(Barrier::new(2));
        let (to_first, to_second) = (first.commands().clone(), second.commands().clone());
        let begun = barrier.clone();
        let waiting = std::thread::spawn(move || {
            let commands = first.commands().clone();
            commands.with(move |_, _| {
                begun.wait();
                // It ends with the second agent, or at once.
                second.incoming().next().is_none()
            })
        });
        let crossed = to_second.with(move |agent, now| {
            barrier.wait();
            let crossed = to_first.with(|_, _| ());
            agent.start(now).unwrap();
            agent.stop(Some(Duration::ZERO), now);
            crossed
        });
        sender.send((crossed, waiting.join().unwrap()))
    });
    let results = results.recv_timeout(PATIENCE);
    let (crossed, waited) = results.expect("the threads wait for ever");
    let crossed = crossed.unwrap();
    assert!(
        matches!(crossed, Ok(()) | Err(CommandFailure::Deadlock)),
        "{crossed:?}"
    );
    assert_eq!(waited, Ok(true));
}
