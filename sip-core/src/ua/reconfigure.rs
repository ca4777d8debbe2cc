//! Changes of the configuration at run time. Calls continue.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::agent::{Life, NextServers, UserAgent};
use super::configuration::{behaviour, credentials, policy};
use crate::auth::Secret;
use crate::config::{LogLevel, Server, Source};
use crate::connection::{ConnectError, Connector, DisconnectReason};
use crate::endpoint::FlowIndex;
use crate::error::CommandError;
use crate::registration::Wish;
use crate::time::Timestamp;

/// One change for [`UserAgent::reconfigure`]. Each variant states when it takes effect; while the user agent
/// is not running, every change takes effect at its next start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// `password` or `ha1`, or neither: takes effect with the next request and the next challenge. A
    /// registration that had stopped because the registrar refused the credentials begins again at once.
    Secret(Option<Secret>),
    /// `wsServers`. The connection in use stays if its server is in the new list. Otherwise the agent opens
    /// another one and closes the old one as soon as every call is up or over; confirmed calls continue. The
    /// agent stops an attempt or wait for a connection at once.
    Servers(Vec<Server>),
    /// `registerExpires`, in whole seconds on the wire: a REGISTER follows at once if there is a binding to
    /// change (RFC 3261 section 10.2.4), otherwise the next REGISTER carries it.
    RegisterExpires(Duration),
    /// `register`: takes effect at once, as [`UserAgent::register`] and [`UserAgent::unregister`] do.
    Register(bool),
    /// `displayName`: takes effect with the next request outside a dialog. Within a dialog From does not
    /// change (RFC 3261 section 12.2.1.1).
    DisplayName(Option<String>),
    /// `log.level`: takes effect at once.
    LogLevel(LogLevel),
}

impl UserAgent {
    /// Changes one parameter at run time. [`UserAgent::config`] returns the configuration in force.
    ///
    /// # Errors
    /// [`CommandError::Config`] for a value that is not valid for the parameter,
    /// [`CommandError::Backpressure`]; the agent is unchanged then.
    pub fn reconfigure(&mut self, change: Change, now: Timestamp) -> Result<(), CommandError> {
        self.endpoint.check_queue()?;
        self.advance(now);
        let mut builder = self.config.to_builder();
        builder.source(Source::Code);
        match &change {
            Change::Secret(secret) => builder.secret(secret.clone()),
            Change::Servers(servers) => builder.servers(
                servers
                    .iter()
                    .map(|server| (server.url.as_str(), server.weight)),
            ),
            Change::RegisterExpires(expires) => builder.register_expires(*expires),
            Change::Register(yes) => builder.register(*yes),
            Change::DisplayName(name) => builder.display_name(name.as_deref().unwrap_or_default()),
            Change::LogLevel(level) => builder.log_level(*level),
        };
        let config = builder.build().map_err(CommandError::Config)?;
        let running = matches!(self.life, Life::Running);
        match change {
            Change::Servers(servers) => {
                self.next_servers = Some(Box::new(NextServers(servers.into())))
            }
            Change::Secret(_) => {
                let credentials = credentials(&config).map_err(CommandError::Username)?;
                self.config = config;
                self.endpoint.credentials = credentials.map(Box::new);
                self.endpoint.digest.forget();
                if self.registrations.wish() == Wish::Refused && running {
                    self.registrations.want(Wish::Registered);
                    self.register_if_wanted();
                }
            }
            Change::RegisterExpires(_) => {
                let seconds = config.register_expires().as_secs();
                self.config = config;
                let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
                self.registrations.set_expires(seconds);
                if running {
                    self.refresh_now();
                }
            }
            Change::Register(yes) => {
                self.config = config;
                // A stop under way continues, because the next start reads the configuration.
                match self.life {
                    Life::Running if yes => {
                        self.registrations.want(Wish::Registered);
                        self.register_if_wanted();
                    }
                    Life::Running => self.remove_bindings(Wish::Leaving),
                    Life::Idle => self.registrations.restart(yes),
                    Life::Stopping { .. } => {}
                }
            }
            Change::DisplayName(_) | Change::LogLevel(_) => {
                self.endpoint.behave(behaviour(&config));
                self.config = config;
            }
        }
        self.settle();
        Ok(())
    }

    /// Switches to the servers of [`Change::Servers`] once no call is being set up.
    pub(super) fn change_servers_when_quiet(&mut self) {
        let Some(NextServers(new)) = self.next_servers.as_deref() else {
            return;
        };
        if matches!(self.life, Life::Stopping { .. }) {
            return;
        }
        let all_kept = {
            let mut open = self.flows.iter().filter_map(|flow| flow.open.as_ref());
            open.all(|open| self.kept(open.server, new).is_some())
        };
        if all_kept || self.sessions.are_quiet() {
            self.change_servers();
        }
    }

    /// The index in `servers` of a server in use.
    fn kept(&self, server: usize, servers: &[Server]) -> Option<usize> {
        let current = self.config.servers().get(server)?;
        servers.iter().position(|server| server.url == current.url)
    }

    pub(super) fn change_servers(&mut self) {
        let Some(next) = self.next_servers.take() else {
            return;
        };
        let NextServers(servers) = *next;
        let config = self.config.with_servers(servers.to_vec());
        let reason = DisconnectReason::Replaced;
        let mut replaced = SmallVec::<[FlowIndex; 4]>::new();
        for index in self.flows.indices() {
            let server = self
                .flows
                .get_mut(index)
                .open
                .as_ref()
                .map(|open| open.server);
            let kept = server.and_then(|server| self.kept(server, &servers));
            let flow = self.flows.get_mut(index);
            let was_running = flow.connector.is_running();
            if flow
                .connector
                .replace_policy(policy(&config), kept)
                .is_err()
            {
                // A checked list with the old intervals always makes a valid policy.
                return;
            }
            if let (Some(open), Some(kept)) = (&mut flow.open, kept) {
                open.server = kept;
            } else if was_running {
                replaced.push(index);
            }
        }
        // Set last, because `kept` compares with the old servers.
        self.config = config;
        self.choose_flow();
        for index in self.flows.indices() {
            self.drop_failback(index, reason);
        }
        for &index in &replaced {
            self.drop_flow(index, reason);
            self.abandon(index, ConnectError::Other, reason);
        }
        for index in replaced {
            self.connector(index, Connector::start);
        }
    }
}
