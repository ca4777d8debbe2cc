//! One thread that drives any number of user agents.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use sip_core::config::Config;
use sip_host::os::{Clock, StartError};

use crate::commands::Commands;
use crate::driver::Driver;
use crate::events::Events;
use crate::handles::Agent;
use crate::inbox::Inbox;
use crate::leadership::{GRACE, Leadership};
use crate::mailbox::Envelope;
use crate::options::Options;
use crate::reactor::Reactor;

/// One thread for any number of user agents. It ends when all of them have ended and the last clone of this
/// value is dropped.
#[derive(Clone, Debug)]
pub struct IoThread {
    guard: Arc<ShutdownGuard>,
    arrivals: mpsc::Sender<Driver>,
    clock: Clock,
}

/// Its drop, with the last [`IoThread`], informs the thread that no more agents follow.
struct ShutdownGuard(Arc<Leadership>);

impl std::fmt::Debug for ShutdownGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ShutdownGuard").finish_non_exhaustive()
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        self.0.mailbox().post(Envelope::Complete);
    }
}

impl IoThread {
    /// Starts the thread without agents.
    ///
    /// # Errors
    /// [`StartError::System`] if the operating system gives no thread, or no means to wait for sockets.
    pub fn start() -> Result<Self, StartError> {
        Self::start_with(Clock::start())
    }

    /// Starts the thread without agents. Its agents use `clock`.
    ///
    /// # Errors
    /// As [`IoThread::start`].
    pub fn start_with(clock: Clock) -> Result<Self, StartError> {
        let this = Self::without_thread(clock, GRACE)?;
        let leadership = this.guard.0.clone();
        thread::Builder::new()
            .name("sip-io".to_owned())
            .spawn(move || leadership.run())
            .map_err(StartError::System)?;
        Ok(this)
    }

    /// What the thread drives. It takes a free lead after `grace`.
    fn without_thread(clock: Clock, grace: Duration) -> Result<Self, StartError> {
        let (waiter, mut agents) = Reactor::parts(clock.clone())?;
        let (arrivals, queue) = mpsc::channel();
        agents.accept(queue);
        let leadership = Leadership::new(waiter, agents, grace);
        Ok(Self {
            guard: Arc::new(ShutdownGuard(Arc::new(leadership))),
            arrivals,
            clock,
        })
    }

    /// Starts a user agent on this thread.
    ///
    /// It ends once the application has dropped each [`Agent`] with all handles made from it, and if `autostop` is off the
    /// [`Events`], too: it hangs up and unregisters, within 2 seconds, and closes the sockets.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start_agent(
        &self,
        config: &Config,
        mut options: Options,
    ) -> Result<(Agent, Events), StartError> {
        options.clock = self.clock.clone();
        let leadership = &self.guard.0;
        let mailbox = leadership.mailbox();
        let inbox = Arc::new(Inbox::new(options.event_queue.max(1)));
        let mut driver = Driver::new(config, options, Some(inbox.clone()), mailbox)?;
        let (id, handles) = (driver.id, driver.handles(mailbox));
        if self.arrivals.send(driver).is_err() || !mailbox.post(Envelope::Arrival) {
            return Err(StartError::Gone);
        }
        let agent = Agent::of(Commands::new(id, leadership.clone(), handles));
        Ok((agent, Events::new(id, leadership.clone(), inbox)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::spawn;

    use sip_core::Event;
    use sip_parse::StatusCode;
    use sip_testing::sockets::{alice_at, request};
    use tungstenite::Message;
    use tungstenite::handshake::server::{Request, Response};
    use tungstenite::http::HeaderValue;

    use super::*;

    const MESSAGES: u32 = 50;

    /// A grace that never passes: the I/O thread takes a free lead only when a thread wakes it for that.
    const NEVER: Duration = Duration::from_secs(3_600);

    /// Accepts one connection and sends MESSAGE requests, each one after the response to the last.
    fn messages(listener: &TcpListener) {
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let sip = |_: &Request, mut response: Response| {
            let name = HeaderValue::from_static("sip");
            let headers = response.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", name);
            Ok(response)
        };
        let mut server = tungstenite::accept_hdr(stream, sip)
            .map_err(|error| error.to_string())
            .unwrap();
        for number in 1..=MESSAGES {
            let message = request::request("MESSAGE", number, "hello");
            server.send(Message::text(message)).unwrap();
            let response = server.read().unwrap().into_text().unwrap();
            assert!(response.starts_with("SIP/2.0 200 "), "{response}");
        }
    }

    /// Answers the MESSAGE requests, and returns how many threads the adapter woke between the first answer and the last.
    fn answer_all(thread: &IoThread, agent: &Agent, events: &mut Events) -> usize {
        let leadership = &thread.guard.0;
        let woken = || leadership.wakes() + leadership.mailbox().wakes();
        let mut before = 0;
        let mut answered = 0;
        while answered < MESSAGES {
            if let Event::IncomingRequest { incoming, .. } = events.next().unwrap() {
                agent.commands().respond(incoming, StatusCode::OK).unwrap();
                if answered == 0 {
                    before = woken();
                }
                answered += 1;
            }
        }
        woken() - before
    }

    fn agent_of(thread: &IoThread, listener: &TcpListener) -> (Agent, Events) {
        let port = listener.local_addr().unwrap().port();
        let config = alice_at(&format!("ws://127.0.0.1:{port}")).build();
        let options = Options::default();
        thread.start_agent(&config.unwrap(), options).unwrap()
    }

    /// An application that takes an event, gives commands and waits for the next event does all of it on its own thread:
    /// here there is no other one.
    #[test]
    fn no_message_wakes_a_thread() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let thread = IoThread::without_thread(Clock::start(), NEVER).unwrap();
        thread.guard.0.free();
        let (handle, mut events) = agent_of(&thread, &listener);
        let server = spawn(move || messages(&listener));
        assert_eq!(answer_all(&thread, &handle, &mut events), 0);
        server.join().unwrap();
    }

    /// The I/O thread leaves the lead to the application with the first event that it wakes it for, and keeps it from then on.
    #[test]
    fn the_io_thread_leaves_the_lead_to_the_application() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let thread = IoThread::without_thread(Clock::start(), NEVER).unwrap();
        let leadership = thread.guard.0.clone();
        let io_thread = spawn(move || leadership.run());
        let (handle, mut events) = agent_of(&thread, &listener);
        let leadership = thread.guard.0.clone();
        let server = spawn(move || {
            // The application waits before anything comes.
            while !leadership.is_awaited() {
                std::thread::yield_now();
            }
            messages(&listener);
        });
        assert_eq!(answer_all(&thread, &handle, &mut events), 0);
        server.join().unwrap();
        thread.guard.0.give_up();
        io_thread.join().unwrap();
    }

    /// While the application waits for nothing, the I/O thread drives the agent: it takes the lead that was left to the
    /// application.
    #[test]
    fn the_io_thread_takes_a_lead_that_stays_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let thread = IoThread::without_thread(Clock::start(), Duration::from_millis(1)).unwrap();
        thread.guard.0.free();
        let leadership = thread.guard.0.clone();
        let io_thread = spawn(move || {
            assert!(leadership.stand_by());
            leadership.run();
        });
        let (_handle, _events) = agent_of(&thread, &listener);
        // The handshake needs a thread that drives the agent.
        let (stream, _) = listener.accept().unwrap();
        assert!(tungstenite::accept(stream).is_ok());
        thread.guard.0.give_up();
        io_thread.join().unwrap();
    }

    /// An agent that waits in the channel when the thread ends is dropped with it: its events end.
    #[test]
    fn an_agent_that_arrives_too_late_ends() {
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server("ws://127.0.0.1:1")
            .build()
            .unwrap();
        let thread = IoThread::without_thread(Clock::start(), GRACE).unwrap();
        let (_handle, mut events) = thread.start_agent(&config, Options::default()).unwrap();
        thread.guard.0.give_up();
        assert!(events.next().is_none());
        let late = thread.start_agent(&config, Options::default());
        assert!(matches!(late, Err(StartError::Gone)), "{late:?}");
    }
}
