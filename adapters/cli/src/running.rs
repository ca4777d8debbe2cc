//! The user agent of a command: starts, connects, registers, stops.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use sip_core::auth::ChallengeError;
use sip_core::config::Config;
use sip_core::{
    Cause, CommandError, Direction, EndReason, Event, FailureStatus, PublicationId, SessionId,
    SubscriptionId, TraceRecord,
};
use sip_host::CommandFailure;
use sip_parse::{Response, StatusCode};

use crate::adapter::{self, Events, Handle, Settings};
use crate::arguments::{Account, Output};
use crate::events;
use crate::interrupts::Interrupts;
use crate::log::Log;
use crate::outcome::Failure;
use crate::report::{self, Report, complain};
use crate::settings::{self, Registering};
use crate::words::{caller, utc};

/// How long hanging up, unregistering and disconnecting may take at the end.
const GRACE: Duration = Duration::from_secs(2);

const NO_PASSWORD: &str =
    "the server asks for a password: set SIP_PASSWORD, or give --password-file FILE";
const WRONG_PASSWORD: &str = "the server does not accept the user name or the password";

/// A running user agent, its events, and their output.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) report: Report,
    events: Events,
    config: Config,
    /// Servers that could not be reached since the last connection.
    unreachable: BTreeSet<usize>,
    was_connected: bool,
    /// How many connections are open.
    connections: usize,
    was_registered: bool,
    is_registered: bool,
    /// Others reach the agent through its binding, so the command ends when the binding cannot be had again.
    needs_binding: bool,
    /// Why it cannot.
    binding_lost: Option<Failure>,
    /// The calls that have not ended, and their peers.
    calls: BTreeMap<SessionId, String>,
    /// The subscriptions that are not over, and their targets.
    subscriptions: BTreeMap<SubscriptionId, String>,
    /// The publications that are not over, and their packages.
    publications: BTreeMap<PublicationId, String>,
    /// The events that the command shows in a form of its own.
    hidden: fn(&Event) -> bool,
    interrupts: Interrupts,
    /// Why the peer of a call that is over may not know it.
    untold: Option<String>,
}

/// What a command waits for.
pub(crate) enum Happening {
    Event(Event),
    /// The first Ctrl-C: the command ends in good order.
    Interrupt,
}

impl Running {
    /// Starts the user agent for the flags and the file; `targets` are the addresses that the flags name.
    pub(crate) fn start(
        account: &Account,
        output: Output,
        registering: Registering,
        targets: &[&str],
    ) -> Result<Self, Failure> {
        let (config, warnings) = settings::config(account, output, registering)?;
        for target in targets {
            settings::check_target(&config, target)?;
        }
        for warning in warnings {
            complain(&format!("warning: {warning}"));
        }
        let log = Log::new(&config)?;
        log.start();
        let config = log.configure(config)?;
        let interrupts = Interrupts::listen()?;
        let report = Report::new(output.json).with_servers(&config);
        let start = report.start();
        let settings = Settings {
            #[cfg(feature = "tls")]
            extra_roots: settings::extra_roots(account)?,
            clock: report.clock().clone(),
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
            connections: 0,
            was_registered: false,
            is_registered: false,
            needs_binding: matches!(registering, Registering::Required | Registering::ByDefault),
            binding_lost: None,
            calls: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            publications: BTreeMap::new(),
            hidden: |_| false,
            interrupts,
            untold: None,
        })
    }

    /// Prints and returns the next event; the first Ctrl-C goes before further events. Fails if the command
    /// cannot go on: no server was ever reached, the first registration was refused, a later one was and no call is left, or
    /// Ctrl-C came again.
    pub(crate) async fn happening(&mut self) -> Result<Happening, Failure> {
        if self.calls.is_empty()
            && let Some(lost) = self.binding_lost.take()
        {
            return Err(lost);
        }
        tokio::select! {
            biased;
            () = self.interrupts.next() => {
                self.interrupted()?;
                Ok(Happening::Interrupt)
            }
            event = self.events.next() => self.note(event).map(Happening::Event),
        }
    }

    /// The next event of a command that ends as a failure at the first Ctrl-C.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        match self.happening().await? {
            Happening::Event(event) => Ok(event),
            Happening::Interrupt => Err(Failure::Outcome("interrupted".to_owned())),
        }
    }

    /// The first Ctrl-C says what the program still waits for; the second one fails with what it leaves undone.
    pub(crate) fn interrupted(&self) -> Result<(), Failure> {
        let open = self.unfinished();
        let counted = self.report.above(|| self.interrupts.count(&open));
        if counted.is_err() {
            self.handle.leave_open();
        }
        counted
    }

    /// What has to be ended: calls, subscriptions, publications and the registration.
    fn unfinished(&self) -> Vec<String> {
        let calls = self.calls.values().map(|peer| format!("the call {peer}"));
        let subscriptions = self.subscriptions.values();
        let calls = calls.chain(subscriptions.map(|to| format!("the subscription to {to}")));
        let publications = self.publications.values();
        let calls = calls.chain(publications.map(|of| format!("the publication of {of}")));
        let registration = self
            .is_registered
            .then(|| format!("the registration of {}", self.address()));
        calls.chain(registration).collect()
    }

    /// Notes a call of this side.
    pub(crate) fn calls(&mut self, session: SessionId, target: &str) {
        self.report.call_begins(session.to_bits());
        self.calls.insert(session, format!("to {target}"));
    }

    /// Notes a subscription of this side.
    pub(crate) fn subscribes(&mut self, subscription: SubscriptionId, target: &str) {
        self.subscriptions.insert(subscription, target.to_owned());
    }

    /// Notes a publication of this side.
    pub(crate) fn publishes(&mut self, publication: PublicationId, package: &str) {
        self.publications.insert(publication, package.to_owned());
    }

    /// Leaves out the events that the command shows in a form of its own; JSON output has them all.
    pub(crate) fn hide(&mut self, hidden: fn(&Event) -> bool) {
        self.hidden = hidden;
    }

    fn note(&mut self, event: Option<Event>) -> Result<Event, Failure> {
        let Some(event) = event else {
            return Err(Failure::Outcome(
                "the user agent's task has ended".to_owned(),
            ));
        };
        self.show(&event);
        match &event {
            Event::Connected { .. } => {
                self.was_connected = true;
                self.connections += 1;
                self.unreachable.clear();
            }
            Event::Disconnected { .. } => {
                self.connections = self.connections.saturating_sub(1);
            }
            Event::ConnectFailed { server, .. } => {
                self.unreachable.insert(*server);
                if !self.was_connected && self.unreachable.len() >= self.config.servers().len() {
                    return Err(self.no_connection());
                }
            }
            Event::Registered(_) => {
                self.was_registered = true;
                self.binding_lost = None;
            }
            Event::RegistrationFailed { reason, retry_at } => {
                let failure = failure_of(&format!("registration of {}", self.address()), reason);
                if !self.was_registered {
                    return Err(failure);
                }
                // Without a connection the core registers with the next one.
                let is_final = retry_at.is_none() && reason.cause != Cause::ConnectionLost;
                if self.needs_binding && is_final {
                    self.binding_lost = Some(failure);
                }
            }
            _ => {}
        }
        Ok(event)
    }

    /// Prints an event, and remembers what it leaves to be ended.
    fn show(&mut self, event: &Event) {
        if let Event::IncomingCall { session, .. } | Event::CallBranched { session, .. } = event {
            self.report.call_begins(session.to_bits());
        }
        if self.report.is_json() || !(self.hidden)(event) {
            events::print(&self.report, event);
        }
        match event {
            Event::SubscriptionEnded { subscription, .. } => {
                self.subscriptions.remove(subscription);
            }
            Event::PublicationEnded { publication, .. } => {
                self.publications.remove(publication);
            }
            Event::Registered(_) => self.is_registered = true,
            Event::Unregistered { .. } => self.is_registered = false,
            Event::IncomingCall {
                session, request, ..
            } => {
                let peer = format!("from {}", caller(request));
                self.calls.insert(*session, peer);
            }
            Event::Ended { session, reason } => {
                self.report.call_ends(session.to_bits());
                self.calls.remove(session);
                if reason.bye_failure.is_some() {
                    let sentence = report::printable(&reason.to_string());
                    self.untold = Some(format!("call ended: {sentence}"));
                }
            }
            _ => {}
        }
    }

    /// Whether any connection is open.
    pub(crate) const fn is_connected(&self) -> bool {
        self.connections > 0
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
    /// calls as busy, and transfers and subscriptions, which it does not carry out (RFC 3515 section 2.4.2).
    pub(crate) async fn answer_unrelated(&mut self, event: &Event) -> Result<(), Failure> {
        let answered = match event {
            Event::IncomingCall { session, .. } => {
                self.handle.reject(*session, FailureStatus::BUSY_HERE).await
            }
            Event::IncomingRequest { incoming, .. } => {
                self.handle.respond(*incoming, StatusCode::OK).await
            }
            Event::IncomingRefer { refer, .. } => {
                let declined = FailureStatus::DECLINE;
                self.handle.reject_refer(*refer, declined).await
            }
            Event::IncomingSubscription { subscription, .. } => {
                let declined = FailureStatus::DECLINE;
                self.handle
                    .reject_subscription(*subscription, declined)
                    .await
            }
            _ => Ok(()),
        };
        tolerate_ended(answered)
    }

    /// Ends everything in order: calls, registration, connection.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        self.handle.stop(GRACE).await.map_err(command_failure)?;
        let late = tokio::time::sleep(GRACE + Duration::from_secs(1));
        tokio::pin!(late);
        loop {
            let event = tokio::select! {
                event = self.events.next() => event,
                () = self.interrupts.next() => {
                    self.interrupted()?;
                    continue;
                }
                () = &mut late => {
                    return Err(Failure::Outcome(
                        "the user agent did not stop in time".to_owned(),
                    ));
                }
            };
            let Some(event) = event else { return Ok(()) };
            self.show(&event);
            if matches!(event, Event::Stopped { .. }) {
                return Ok(());
            }
        }
    }

    /// The URI that a target stands for, as the core completes it; the own one without a target.
    pub(crate) fn uri_of(&self, target: Option<&str>) -> Result<String, Failure> {
        let own = self.config.uri().map(ToString::to_string);
        let home = own.as_deref().and_then(|own| own.rsplit_once('@'));
        let home = home.map_or("localhost", |(_, home)| home);
        match (target, &own) {
            (None, Some(own)) => Ok(own.clone()),
            (None, None) => Err(Failure::Usage(
                "no address is named: give --uri sip:NAME@DOMAIN, or uri in --config FILE"
                    .to_owned(),
            )),
            (Some(target), _) if target.starts_with("sip:") || target.starts_with("sips:") => {
                Ok(target.to_owned())
            }
            (Some(target), _) if target.contains('@') => Ok(format!("sip:{target}")),
            (Some(target), _) => Ok(format!("sip:{target}@{home}")),
        }
    }

    /// The failure for a response that refuses a request of this side; `what` names the request.
    pub(crate) fn refusal(&self, what: &str, response: &Response) -> Failure {
        let phrase = report::printable(&sip_parse::text(response.reason()).to_string());
        let status = response.status();
        let sentence = format!("{what}: {} {phrase}", status.as_u16());
        match matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        ) {
            false => Failure::Outcome(sentence),
            true if self.config.secret().is_none() => {
                Failure::Password(format!("{what}: {NO_PASSWORD}"))
            }
            true => Failure::Password(format!(
                "{what}: {WRONG_PASSWORD} ({} {phrase})",
                status.as_u16()
            )),
        }
    }

    /// Refuses a target that only a domain of this side could complete, where there is none.
    pub(crate) fn check_target(&self, target: &str) -> Result<(), Failure> {
        settings::check_target(&self.config, target)
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
    // Without a connection neither BYE nor REGISTER can go out, and a second Ctrl-C does not wait for them.
    if matches!(
        result,
        Err(Failure::NoConnection(_) | Failure::Interrupted(_))
    ) {
        return result;
    }
    let stopped = running.stop().await;
    if let Err(Failure::Interrupted(left_open)) = stopped {
        return Err(Failure::Interrupted(left_open));
    }
    let value = result?;
    stopped?;
    match running.untold.take() {
        Some(untold) => Err(Failure::Outcome(untold)),
        None => Ok(value),
    }
}

/// Resolves after `seconds`; never without them.
pub(crate) async fn time(seconds: Option<u64>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        None => std::future::pending().await,
    }
}

/// Prints a traced message on standard error.
pub(crate) fn print_trace(agent: Option<&str>, at: Duration, record: &TraceRecord) {
    print_trace_line(agent, at, record, "");
}

/// The same for a message between the server of this program and a user.
pub(crate) fn print_server_trace(user: Option<&str>, at: Duration, record: &TraceRecord) {
    print_trace_line(user, at, record, ", server");
}

fn print_trace_line(name: Option<&str>, at: Duration, record: &TraceRecord, side: &str) {
    // The time of the day lets `sip ladder` put the traces of several programs side by side.
    complain(&trace_text(name, at, record, side, &utc(SystemTime::now())));
}

/// A message and the line above it. What the peer wrote cannot control the terminal.
fn trace_text(
    name: Option<&str>,
    at: Duration,
    record: &TraceRecord,
    side: &str,
    time: &str,
) -> String {
    let way = match record.direction {
        Direction::Received => "<<<",
        Direction::Sent => ">>>",
    };
    let name = name.map_or_else(String::new, |name| format!(" {}", report::printable(name)));
    let message = report::printable_lines(&record.to_string());
    let milliseconds = at.as_secs_f64() * 1e3;
    format!("{way}{name} {milliseconds:.3} ms, {time}{side}\n{message}")
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
        Ok(()) | Err(CommandFailure::Refused(_)) => Ok(()),
        Err(failure) => Err(Failure::Outcome(failure.to_string())),
    }
}

/// The failure for an [`EndReason`]; `what` names the operation that it ended.
pub(crate) fn failure_of(what: &str, reason: &EndReason) -> Failure {
    let sentence = format!("{what}: {}", report::printable(&reason.to_string()));
    if reason.cause == Cause::ConnectionLost {
        return Failure::NoConnection(sentence);
    }
    match reason.challenge.as_deref() {
        Some(ChallengeError::NoCredentials) => Failure::Password(format!("{what}: {NO_PASSWORD}")),
        Some(ChallengeError::Rejected { .. } | ChallengeError::Unsettled { .. }) => {
            let status = reason
                .status
                .map(|status| format!(" ({} {})", status.as_u16(), status.reason()));
            let status = status.unwrap_or_default();
            Failure::Password(format!("{what}: {WRONG_PASSWORD}{status}"))
        }
        _ => Failure::Outcome(sentence),
    }
}
