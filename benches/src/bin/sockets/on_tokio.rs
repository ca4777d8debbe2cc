//! The agents on one thread of a tokio runtime, with a task for the events of each.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use sip_tokio::{Agent, Commands, Events, Options};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use crate::Failure;
use crate::load::{Figures, Load, Task};

/// How long the agents may take for all calls.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the tasks share. All of them are on one thread.
struct Shared {
    load: RefCell<Load>,
    handles: RefCell<Vec<Option<Commands>>>,
    /// The end, or the failure that ends the program early.
    end: mpsc::UnboundedSender<Result<(), Failure>>,
}

pub(crate) fn run(load: Load) -> Result<Figures, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (end, mut ended) = mpsc::unbounded_channel();
    let shared = Rc::new(Shared {
        handles: RefCell::new(vec![None; load.agents() as usize]),
        load: RefCell::new(load),
        end,
    });
    let local = LocalSet::new();
    let whole = local.run_until(async {
        shared.load.borrow_mut().begin();
        carry_out(&shared).await?;
        ended.recv().await.ok_or("the agents are gone")?
    });
    let limited = async { tokio::time::timeout(PATIENCE, whole).await };
    runtime
        .block_on(limited)
        .map_err(|_| "the calls take too long")??;
    drop(local);
    let shared = Rc::into_inner(shared).ok_or("a task goes on")?;
    Ok(shared.load.into_inner().figures())
}

/// Carries out the tasks of the load.
async fn carry_out(shared: &Rc<Shared>) -> Result<(), Failure> {
    loop {
        // The load is free again before anything is awaited.
        let task = shared.load.borrow_mut().task();
        match task {
            None => return Ok(()),
            Some(Task::Start(number)) => {
                let mut options = Options::default();
                options.limits = Load::limits();
                let config = shared.load.borrow().config(number)?;
                let (agent, events) = Agent::start(config, options)?;
                shared.handles.borrow_mut()[number as usize] = Some(agent.commands().clone());
                spawn_local(follow(shared.clone(), number, events));
            }
            Some(Task::Command(number, command)) => {
                let handle = shared.handles.borrow()[number as usize].clone();
                let handle = handle.ok_or("the agent has not started")?;
                let begun = Instant::now();
                if let Some(session) = handle.with(command).await? {
                    shared.load.borrow_mut().called(number, session, begun);
                }
            }
        }
    }
}

/// Takes the events of an agent.
async fn follow(shared: Rc<Shared>, number: u32, mut events: Events) {
    while let Some(event) = events.next().await {
        let taken = shared.load.borrow_mut().on_event(number, event);
        let result = match taken {
            Ok(()) => carry_out(&shared).await,
            Err(failure) => Err(failure),
        };
        if result.is_err() || shared.load.borrow().is_over() {
            // An error means that the program ends already.
            let _ends = shared.end.send(result);
            return;
        }
    }
}
