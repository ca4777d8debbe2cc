//! The user agent of a command: starts, connects, registers, stops.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::{Cause, CommandError, Direction, EndReason, Event, FailureStatus, TraceRecord};
use sip_host::CommandFailure;
use sip_parse::StatusCode;

use crate::adapter::{self, Events, Handle, Settings};
use crate::arguments::{Account, Output};
use crate::events;
use crate::outcome::Failure;
use crate::report::{self, Report, complain};
use crate::settings::{self, Registering};

/// How long hanging up, unregistering and disconnecting may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// A running user agent, its events, and their output.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) report: Report,
    events: Events,
    config: Config,
    /// Servers that could not be reached since the last connection.
    unreachable: BTreeSet<usize>,
    was_connected: bool,
    was_registered: bool,
    /// Why the peer of a call that is over may not know it.
    untold: Option<String>,
}

impl Running {
    /// Starts the user agent for the flags and the file.
    pub(crate) fn start(
        account: &Account,
        output: Output,
        registering: Registering,
    ) -> Result<Self, Failure> {
        let (config, warnings) = settings::config(account, output, registering)?;
        for warning in warnings {
            complain(&format!("warning: {warning}"));
        }
        let report = Report::new(output.json).with_servers(&config);
        let start = report.start();
        let settings = Settings {
            extra_roots: settings::extra_roots(account)?,
            trace: Box::new(move |record, _| print_trace(None, start.elapsed(), record)),
            transactions: None,
        };
        let (handle, events) = adapter::start(account.adapter, config.clone(), settings)?;
        Ok(Self {
            handle,
            report,
            events,
            config,
            unreachable: BTreeSet::new(),
            was_connected: false,
            was_registered: false,
            untold: None,
        })
    }

    /// Prints and returns the next event. Fails if the command cannot go on: no server was ever reached, or the
    /// first registration was refused.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        let Some(event) = self.events.next().await else {
            return Err(Failure::Outcome(
                "the user agent's task has ended".to_owned(),
            ));
        };
        self.show(&event);
        match &event {
            Event::Connected { .. } => {
                self.was_connected = true;
                self.unreachable.clear();
            }
            Event::ConnectFailed { server, .. } => {
                self.unreachable.insert(*server);
                if !self.was_connected && self.unreachable.len() >= self.config.servers().len() {
                    return Err(self.no_connection());
                }
            }
            Event::Registered(_) => self.was_registered = true,
            Event::RegistrationFailed { reason, .. } if !self.was_registered => {
                return Err(failure_of(
                    &format!("registration of {}", self.address()),
                    reason,
                ));
            }
            _ => {}
        }
        Ok(event)
    }

    /// Waits for the connection.
    pub(crate) async fn connected(&mut self) -> Result<(), Failure> {
        while !self.was_connected {
            self.next().await?;
        }
        Ok(())
    }

    /// Waits for the connection and, if the configuration registers, for the registration.
    pub(crate) async fn ready(&mut self) -> Result<(), Failure> {
        self.connected().await?;
        while self.config.register() && !self.was_registered {
            let event = self.next().await?;
            self.answer_unrelated(&event).await?;
        }
        Ok(())
    }

    /// Answers events that a command does not handle, so that no peer waits: accepts messages, and refuses
    /// calls as busy.
    pub(crate) async fn answer_unrelated(&mut self, event: &Event) -> Result<(), Failure> {
        let answered = match event {
            Event::IncomingCall { session, .. } => {
                self.handle.reject(*session, FailureStatus::BUSY_HERE).await
            }
            Event::IncomingRequest { incoming, .. } => {
                self.handle.respond(*incoming, StatusCode::OK).await
            }
            _ => Ok(()),
        };
        tolerate_ended(answered)
    }

    /// Ends everything in order: calls, registration, connection.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        self.handle.stop(GRACE).await.map_err(command_failure)?;
        let stopped = async {
            while let Some(event) = self.events.next().await {
                self.show(&event);
                if matches!(event, Event::Stopped { .. }) {
                    break;
                }
            }
        };
        let late = tokio::time::timeout(GRACE + Duration::from_secs(1), stopped)
            .await
            .is_err();
        if late {
            Err(Failure::Outcome(
                "the user agent did not stop in time".to_owned(),
            ))
        } else {
            Ok(())
        }
    }

    /// Prints an event, and remembers a call whose peer may not know that it is over.
    fn show(&mut self, event: &Event) {
        events::print(&self.report, event);
        if let Event::Ended { reason, .. } = event
            && reason.bye_failure.is_some()
        {
            let sentence = report::printable(&reason.to_string());
            self.untold = Some(format!("call ended: {sentence}"));
        }
    }

    fn address(&self) -> String {
        self.config
            .uri()
            .map_or_else(|| "the user agent".to_owned(), ToString::to_string)
    }

    fn no_connection(&self) -> Failure {
        Failure::NoConnection(match self.handle.connect_failure() {
            Some(failure) => failure.to_string(),
            None => "no connection to any server".to_owned(),
        })
    }
}

/// Stops the user agent after the command, whether that succeeded or not.
pub(crate) async fn finish<T>(
    running: &mut Running,
    result: Result<T, Failure>,
) -> Result<T, Failure> {
    if matches!(result, Err(Failure::NoConnection(_))) {
        // There is no connection for BYE or REGISTER.
        return result;
    }
    let stopped = running.stop().await;
    let value = result?;
    stopped?;
    match running.untold.take() {
        Some(untold) => Err(Failure::Outcome(untold)),
        None => Ok(value),
    }
}

/// Resolves after `seconds`, or at Ctrl-C.
pub(crate) fn time_or_interrupt(seconds: Option<u64>) -> impl Future<Output = ()> {
    let time = async move {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    async move {
        tokio::select! {
            () = time => {}
            () = interrupted() => {}
        }
    }
}

/// Resolves at Ctrl-C or, on Unix, at a request to terminate; never, if neither can be observed.
pub(crate) async fn interrupted() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut signal) = signal(SignalKind::terminate()) {
        signal.recv().await;
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// Prints a traced message on standard error.
pub(crate) fn print_trace(agent: Option<&str>, at: Duration, record: &TraceRecord) {
    let way = match record.direction {
        Direction::Received => "<<<",
        Direction::Sent => ">>>",
    };
    let agent = agent.map_or_else(String::new, |agent| format!(" {agent}"));
    complain(&format!(
        "{way}{agent} {:.3} ms\n{record}",
        at.as_secs_f64() * 1e3
    ));
}

/// The failure for a refused command: usage, if the user's input was the cause.
pub(crate) fn command_failure(failure: CommandFailure) -> Failure {
    let sentence = failure.to_string();
    match failure {
        CommandFailure::Refused(CommandError::NotConnected) => Failure::NoConnection(sentence),
        CommandFailure::Refused(
            CommandError::Target(_) | CommandError::TargetScheme | CommandError::Header(_),
        ) => Failure::Usage(sentence),
        _ => Failure::Outcome(sentence),
    }
}

/// A call or request that has ended meanwhile is not a failure.
pub(crate) fn tolerate_ended(result: Result<(), CommandFailure>) -> Result<(), Failure> {
    match result {
        Ok(()) | Err(CommandFailure::Stale(_) | CommandFailure::Refused(_)) => Ok(()),
        Err(failure) => Err(Failure::Outcome(failure.to_string())),
    }
}

/// The failure for an [`EndReason`]; `what` names the operation that it ended.
pub(crate) fn failure_of(what: &str, reason: &EndReason) -> Failure {
    let sentence = format!("{what}: {}", report::printable(&reason.to_string()));
    if reason.cause == Cause::ConnectionLost {
        Failure::NoConnection(sentence)
    } else {
        Failure::Outcome(sentence)
    }
}
