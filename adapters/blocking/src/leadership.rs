//! Which thread drives the agents: the I/O thread, or a thread of the application that waits for events anyway.
//!
//! A thread that leads waits for the sockets and lets the agents work. Commands run on the thread of their caller, between
//! two turns of the leader. So an application that takes an event, gives commands and waits for the next event does all of
//! it on one thread, and no message costs a context switch:
//!
//! | the lead is | and | then |
//! |---|---|---|
//! | at the I/O thread | it wakes the only thread that waits for events | it is free |
//! | free | a thread waits for events, and no other one does | it is at that thread |
//! | free | a second thread waits for events, or [`GRACE`] passes | it is at the I/O thread |
//! | at a thread of the application | that thread has its event, or waits no longer | it is free |
//!
//! [`Leadership::wait`] is how a thread of the application waits: for an event, or for what a handle asks.
//!
//! The I/O thread looks once in [`GRACE`] whether the lead is free for that long, so sockets and deadlines are late by
//! twice that time at most when the application is busy with an event. It sleeps while one thread of the application
//! leads for longer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use sip_core::{Timestamp, UserAgent};

use crate::agents::Agents;
use crate::mailbox::{AgentKey, Deadlock, Driving, Mailbox};
use crate::waiter::Waiter;

/// How long the lead may be free before the I/O thread takes it.
pub(crate) const GRACE: Duration = Duration::from_millis(5);

/// The agents of an I/O thread, and which thread drives them.
pub(crate) struct Leadership {
    mailbox: Arc<Mailbox>,
    /// Held while a thread waits for `agents`, so that the leader, which takes them again at once, lets a command go first.
    turnstile: Mutex<()>,
    /// `None` once a connector has panicked, or the I/O thread has ended.
    agents: Mutex<Option<Agents>>,
    /// Locked by the leader.
    waiter: Mutex<Waiter>,
    course: Mutex<Course>,
    /// The I/O thread waits for it while it does not lead.
    io_thread: Condvar,
    grace: Duration,
    /// How many threads were woken that wait for what a handle asks, since the last turn.
    notified: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leader {
    Free,
    IoThread,
    Application,
}

struct Course {
    leader: Leader,
    /// How often threads of the application have led.
    leads: u64,
    attendance: Attendance,
    /// The I/O thread is to lead at once.
    is_io_thread_wanted: bool,
    /// The I/O thread waits until it is woken.
    is_io_thread_asleep: bool,
    /// The agents are gone.
    is_over: bool,
    /// How often the I/O thread was woken.
    #[cfg(test)]
    wakes: usize,
}

impl Course {
    /// Whether the turn woke the only thread that waits, so that the lead becomes free. It counts those that waited before the
    /// wake, because the woken one may be gone by now. A thread that has begun to wait meanwhile follows.
    fn is_left_by(&self, turn: &Turn) -> bool {
        let Attendance { waiting, entries } = turn.attendance;
        turn.woken > 0 && waiting == 1 && self.attendance.entries == entries
    }
}

/// What a thread that begins to wait for events does.
enum Role<'a> {
    Leads(Lead<'a>),
    /// Another thread leads, and wakes this one.
    Follows,
}

/// The lead of a thread of the application. Its drop gives it back.
struct Lead<'a> {
    leadership: &'a Leadership,
    waiter: MutexGuard<'a, Waiter>,
}

/// A thread of the application that waits for events. Its drop ends the wait.
struct Presence<'a>(&'a Leadership);

/// The agents, held by the current thread.
struct Held<'a> {
    agents: MutexGuard<'a, Option<Agents>>,
    leadership: &'a Leadership,
    was_panicking: bool,
    _driving: Driving,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A connector or a command has panicked: the agents end, and are not called again.
        if thread::panicking() && !self.was_panicking {
            *self.agents = None;
            self.leadership.end();
        }
    }
}

/// The agents are gone.
pub(crate) struct Gone;

/// Why a command was not carried out.
pub(crate) enum NoCommand {
    Gone,
    Deadlock,
}

impl From<Deadlock> for NoCommand {
    fn from(_: Deadlock) -> Self {
        Self::Deadlock
    }
}

/// What a turn did.
struct Turn {
    /// How many events woke a thread.
    woken: usize,
    /// Before it woke them.
    attendance: Attendance,
}

/// The threads of the application that wait for events.
#[derive(Clone, Copy)]
struct Attendance {
    waiting: usize,
    /// How often one has begun to wait.
    entries: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Leadership {
    pub(crate) fn new(waiter: Waiter, agents: Agents, grace: Duration) -> Self {
        Self {
            mailbox: agents.mailbox().clone(),
            turnstile: Mutex::new(()),
            agents: Mutex::new(Some(agents)),
            waiter: Mutex::new(waiter),
            course: Mutex::new(Course {
                leader: Leader::IoThread,
                leads: 0,
                attendance: Attendance {
                    waiting: 0,
                    entries: 0,
                },
                is_io_thread_wanted: false,
                is_io_thread_asleep: false,
                is_over: false,
                #[cfg(test)]
                wakes: 0,
            }),
            io_thread: Condvar::new(),
            grace,
            notified: AtomicUsize::new(0),
        }
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    fn hold(&self) -> Held<'_> {
        let turnstile = lock(&self.turnstile);
        let agents = lock(&self.agents);
        drop(turnstile);
        Held {
            agents,
            leadership: self,
            was_panicking: thread::panicking(),
            _driving: self.mailbox.drive(),
        }
    }

    /// Runs `command` with an agent and the time on the current thread, then sends the messages that result from it.
    ///
    /// # Errors
    /// [`NoCommand::Gone`] if the agent has ended, or the command panics; [`NoCommand::Deadlock`] if the thread that drives the
    /// agents waits for the current one.
    pub(crate) fn command<R>(
        &self,
        agent: AgentKey,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R,
    ) -> Result<R, NoCommand> {
        let waiting = self.mailbox.wait()?;
        // A command that panics ends the agents, and with them this call; the panic has been reported by its hook.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut held = self.hold();
            drop(waiting);
            let agents = held.agents.as_mut()?;
            agents.take_deliveries();
            // Without its agent the command is dropped, and what it holds may post an envelope.
            let result = agents.with(agent, command);
            Some((result, agents.outrun_the_wait(), agents.take_deliveries()))
        }));
        let Ok(Some((result, outruns, deliveries))) = result else {
            return Err(NoCommand::Gone);
        };
        // The leader may be the thread that waits for the event.
        if outruns || deliveries.unnoticed > 0 && lock(&self.course).leader == Leader::Application {
            self.mailbox.interrupt();
        }
        result.ok_or(NoCommand::Gone)
    }

    /// One wait and what it reports, at most for `limit`.
    fn turn(&self, waiter: &mut Waiter, limit: Option<Duration>) -> Result<Turn, Gone> {
        let turn = catch_unwind(AssertUnwindSafe(|| {
            let wait = {
                let mut held = self.hold();
                let agents = held.agents.as_mut().filter(|agents| !agents.are_over());
                agents.map(|agents| agents.wait(limit)).ok_or(Gone)?
            };
            let waited = waiter.wait(wait.pause);
            let mut held = self.hold();
            if let Err(error) = waited {
                tracing::error!(target: "sip.transport", "the agents end, because waiting for sockets failed: {error}");
                *held.agents = None;
                self.end();
                return Err(Gone);
            }
            let agents = held.agents.as_mut().ok_or(Gone)?;
            agents.take_deliveries();
            self.notified.store(0, Ordering::Relaxed);
            let attendance = lock(&self.course).attendance;
            agents.turn(waiter.readiness(), wait);
            let woken = agents.take_deliveries().woken + self.notified.swap(0, Ordering::Relaxed);
            Ok(Turn { woken, attendance })
        }));
        turn.unwrap_or(Err(Gone))
    }

    /// The agents are gone: the I/O thread ends.
    fn end(&self) {
        let mut course = lock(&self.course);
        course.is_over = true;
        self.io_thread.notify_one();
        drop(course);
        self.mailbox.interrupt();
    }

    /// The work of the I/O thread, until all agents have ended and no more follow.
    pub(crate) fn run(&self) {
        while self.lead() && self.stand_by() {}
        self.give_up();
    }

    /// Ends the agents.
    pub(crate) fn give_up(&self) {
        let agents = self.hold().agents.take();
        drop(agents);
        self.end();
    }

    /// The I/O thread leads until it has woken the only thread that waits for events. False if the agents are gone.
    fn lead(&self) -> bool {
        let mut waiter = lock(&self.waiter);
        loop {
            let Ok(turn) = self.turn(&mut waiter, None) else {
                return false;
            };
            let mut course = lock(&self.course);
            if course.is_left_by(&turn) {
                course.leader = Leader::Free;
                return true;
            }
        }
    }

    /// The I/O thread waits until it is to lead. False if the agents are gone.
    pub(crate) fn stand_by(&self) -> bool {
        let mut course = lock(&self.course);
        let mut seen = course.leads;
        loop {
            if course.is_over {
                return false;
            }
            if std::mem::take(&mut course.is_io_thread_wanted) && course.leader == Leader::Free {
                course.leader = Leader::IoThread;
                return true;
            }
            if course.is_io_thread_asleep {
                let woken = self.io_thread.wait(course);
                course = woken.unwrap_or_else(PoisonError::into_inner);
                seen = course.leads;
                continue;
            }
            let woken = self.io_thread.wait_timeout(course, self.grace);
            let (woken, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
            course = woken;
            if !timeout.timed_out() || course.is_io_thread_wanted {
                continue;
            }
            match course.leader {
                Leader::Application if course.leads == seen => course.is_io_thread_asleep = true,
                Leader::Free if course.leads == seen => {
                    course.leader = Leader::IoThread;
                    return true;
                }
                _ => seen = course.leads,
            }
        }
    }

    fn wake_io_thread(&self, course: &mut Course) {
        #[cfg(test)]
        {
            course.wakes += 1;
        }
        course.is_io_thread_asleep = false;
        self.io_thread.notify_one();
    }

    /// Waits for `awaited`, until `end` at most, and drives the agents if no other thread does. `None` if it does not come in time,
    /// or not at once on the thread that drives the agents, which would wait for itself, or for a thread that waits for it.
    pub(crate) fn wait<A: Awaited>(
        &self,
        awaited: &mut A,
        end: Option<Instant>,
    ) -> Option<A::Output> {
        if let Some(output) = awaited.take() {
            return Some(output);
        }
        if self.mailbox.is_driven_here() {
            return None;
        }
        // A handler of another thread of agents waits: a command back to that thread is refused meanwhile.
        let Ok(_waiting) = self.mailbox.wait() else {
            return None;
        };
        let presence = self.enter();
        loop {
            if let Role::Leads(lead) = presence.role() {
                awaited.lead(true);
                let output = lead.drive(awaited, end);
                awaited.lead(false);
                return output;
            }
            if let Some(output) = awaited.take() {
                return Some(output);
            }
            if left(end) == Some(Duration::ZERO) {
                return None;
            }
            awaited.park(left(end));
        }
    }

    /// A thread of the application begins to wait for events.
    fn enter(&self) -> Presence<'_> {
        let mut course = lock(&self.course);
        course.attendance.waiting += 1;
        course.attendance.entries += 1;
        Presence(self)
    }

    /// How often the I/O thread was woken.
    #[cfg(test)]
    pub(crate) fn wakes(&self) -> usize {
        lock(&self.course).wakes
    }

    /// Whether a thread waits for events.
    #[cfg(test)]
    pub(crate) fn is_awaited(&self) -> bool {
        lock(&self.course).attendance.waiting > 0
    }

    /// Leaves the lead to the application.
    #[cfg(test)]
    pub(crate) fn free(&self) {
        lock(&self.course).leader = Leader::Free;
    }
}

impl<'a> Presence<'a> {
    /// Takes the lead if it is free and no other thread waits.
    fn role(&self) -> Role<'a> {
        let leadership = self.0;
        let mut course = lock(&leadership.course);
        if course.is_over || course.leader != Leader::Free {
            return Role::Follows;
        }
        if course.attendance.waiting > 1 {
            course.is_io_thread_wanted = true;
            leadership.wake_io_thread(&mut course);
            return Role::Follows;
        }
        course.leader = Leader::Application;
        course.leads += 1;
        drop(course);
        Role::Leads(Lead {
            leadership,
            waiter: lock(&leadership.waiter),
        })
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        lock(&self.0.course).attendance.waiting -= 1;
    }
}

impl Lead<'_> {
    /// Drives the agents until what the thread waits for is there, or `end` has come.
    fn drive<A: Awaited>(mut self, awaited: &mut A, end: Option<Instant>) -> Option<A::Output> {
        loop {
            // The thread that led before may have brought it meanwhile.
            if let Some(output) = awaited.take() {
                return Some(output);
            }
            // An error means that the agents are gone, which ends every wait.
            let _gone = self.turn(left(end));
            if left(end) == Some(Duration::ZERO) {
                return awaited.take();
            }
        }
    }

    /// Waits once and handles what the wait reports, at most for `limit`.
    ///
    /// # Errors
    /// [`Gone`] if the agents are gone.
    fn turn(&mut self, limit: Option<Duration>) -> Result<(), Gone> {
        self.leadership.turn(&mut self.waiter, limit).map(drop)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut course = lock(&self.leadership.course);
        course.leader = Leader::Free;
        if course.attendance.waiting > 1 {
            course.is_io_thread_wanted = true;
            self.leadership.wake_io_thread(&mut course);
        } else if course.is_io_thread_asleep {
            self.leadership.wake_io_thread(&mut course);
        }
    }
}

/// What a thread of the application waits for.
pub(crate) trait Awaited {
    /// What it gets.
    type Output;

    /// Takes it, if it is there.
    fn take(&mut self) -> Option<Self::Output>;

    /// The thread leads from now on, or no longer.
    fn lead(&mut self, leads: bool);

    /// Another thread leads: waits until it may be there, at most for `limit`.
    fn park(&mut self, limit: Option<Duration>);
}

/// The time that is left; `None` without an end.
fn left(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
}

/// Wakes a thread of the application that waits for what a handle asks.
pub(crate) struct Alarm {
    leadership: Arc<Leadership>,
    thread: ThreadId,
    state: Mutex<AlarmState>,
    rung: Condvar,
}

struct AlarmState {
    has_rung: bool,
    rest: Rest,
}

/// What the thread does until the alarm rings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Awake,
    Parked,
    Leads,
}

impl Alarm {
    /// The alarm of the current thread. It has rung, because the thread has not looked yet.
    pub(crate) fn new(leadership: Arc<Leadership>) -> Arc<Self> {
        Arc::new(Self {
            leadership,
            thread: thread::current().id(),
            state: Mutex::new(AlarmState {
                has_rung: true,
                rest: Rest::Awake,
            }),
            rung: Condvar::new(),
        })
    }

    /// Whether it has rung since the last call.
    pub(crate) fn take(&self) -> bool {
        std::mem::take(&mut lock(&self.state).has_rung)
    }

    /// The thread leads from now on, or no longer.
    pub(crate) fn lead(&self, leads: bool) {
        lock(&self.state).rest = if leads { Rest::Leads } else { Rest::Awake };
    }

    /// Waits until it rings, at most for `limit`.
    pub(crate) fn park(&self, limit: Option<Duration>) {
        let mut state = lock(&self.state);
        state.rest = Rest::Parked;
        let goes_on = |state: &mut AlarmState| !state.has_rung;
        let mut state = match limit {
            None => {
                let woken = self.rung.wait_while(state, goes_on);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(limit) => {
                let woken = self.rung.wait_timeout_while(state, limit, goes_on);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.rest = Rest::Awake;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.has_rung, true) {
            return;
        }
        let rest = state.rest;
        drop(state);
        match rest {
            Rest::Awake => {}
            Rest::Parked => {
                self.leadership.notified.fetch_add(1, Ordering::Relaxed);
                self.rung.notify_one();
            }
            // The thread looks after each turn, but not while it waits for sockets.
            Rest::Leads if thread::current().id() == self.thread => {}
            Rest::Leads => self.leadership.mailbox.interrupt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sip_host::os::Clock;

    use super::*;
    use crate::mailbox::Envelope;
    use crate::reactor::Reactor;

    fn leadership() -> Leadership {
        let (waiter, agents) = Reactor::parts(Clock::start()).unwrap();
        Leadership::new(waiter, agents, GRACE)
    }

    /// What a turn that woke a thread twice began with.
    fn turn(leadership: &Leadership) -> Turn {
        Turn {
            woken: 2,
            attendance: lock(&leadership.course).attendance,
        }
    }

    #[test]
    fn the_lead_is_left_if_the_woken_thread_is_the_only_one() {
        let leadership = leadership();
        let only = leadership.enter();
        let turn = turn(&leadership);
        assert!(lock(&leadership.course).is_left_by(&turn));
        drop(only);
        assert!(lock(&leadership.course).is_left_by(&turn));
        let _next = leadership.enter();
        assert!(!lock(&leadership.course).is_left_by(&turn));
    }

    /// The last handle of an agent ends in the command for an agent that has ended: the thread that waits handles it at once.
    #[test]
    fn a_command_that_is_dropped_wakes_the_leader_if_it_posts() {
        struct Posts(Arc<Mailbox>, AgentKey);

        impl Drop for Posts {
            fn drop(&mut self) {
                self.0.post(Envelope::HandlesDropped(self.1));
            }
        }

        let leadership = leadership();
        let mailbox = leadership.mailbox();
        let (other, ended) = (mailbox.mint(), mailbox.mint());
        leadership.hold().agents.as_mut().unwrap().wait(None);
        let before = mailbox.wakes();
        let posts = Posts(mailbox.clone(), other);
        let result = leadership.command(ended, move |_, _| drop(posts));
        assert!(result.is_err());
        assert_eq!(mailbox.wakes(), before + 1);
    }

    /// The woken thread takes its event and is gone before the I/O thread looks: the other one still waits.
    #[test]
    fn the_lead_is_not_left_while_another_thread_waits() {
        let leadership = leadership();
        let woken = leadership.enter();
        let _other = leadership.enter();
        let turn = turn(&leadership);
        drop(woken);
        assert!(!lock(&leadership.course).is_left_by(&turn));
    }
}
