//! The glue of the transaction layer, small: what drives a machine, carries out its effects and matches
//! messages; and what must hold at each step.

use super::rules::{ClientMachine, Rules, ServerMachine, T2, TIMEOUT};
use super::world::{
    AnyClient, AnyServer, Cancel, Kind, Link, Message, NEVER, Outcome, Running, Which, World, units,
};
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;
use crate::transaction::machine::{ClientInput, Context, Effect, ServerInput, Timer};
use crate::transaction::non_invite_client::NonInviteClient;
use crate::transaction::non_invite_server::NonInviteServer;

fn client(link: &mut Link, which: Which) -> &mut Option<Running<AnyClient>> {
    match which {
        Which::CancelClient => &mut link.cancel_client,
        _ => &mut link.client,
    }
}

fn server(link: &mut Link, which: Which) -> &mut Option<Running<AnyServer>> {
    match which {
        Which::CancelServer => &mut link.cancel_server,
        _ => &mut link.server,
    }
}

impl World {
    pub(super) fn send(&mut self, link: usize, to_server: bool, kind: Kind, tag: u8) {
        if !self.links[link].cut {
            self.outbox.push(Message {
                link: link as u8,
                to_server,
                delay: 0,
                kind,
                tag,
            });
        }
    }

    pub(super) fn clear_client_timer(&mut self, link: usize, which: Which, timer: Timer) {
        if let Some(running) = client(&mut self.links[link], which) {
            *running.slot(timer) = NEVER;
        }
    }

    pub(super) fn clear_server_timer(&mut self, link: usize, which: Which, timer: Timer) {
        if let Some(running) = server(&mut self.links[link], which) {
            *running.slot(timer) = NEVER;
        }
    }

    pub(super) fn begin_client(&mut self, rules: &Rules, link: usize, which: Which) {
        let mut context = Context::new(&rules.timers, rules.reliable);
        let machine = if rules.invite && which == Which::Client {
            AnyClient::Invite(InviteClient::start(&mut context))
        } else {
            AnyClient::NonInvite(NonInviteClient::start(&mut context))
        };
        let mut running = Running::new(machine);
        for &effect in &context.effects {
            match effect {
                Effect::Send => self.send_request(link, which),
                Effect::Set(timer, time) => *running.slot(timer) = units(time),
                _ => self.fail("a client's start asks for something else"),
            }
        }
        *client(&mut self.links[link], which) = Some(running);
    }

    fn send_request(&mut self, link: usize, which: Which) {
        let kind = match which {
            Which::CancelClient => Kind::Cancel,
            _ => Kind::Request,
        };
        self.send(link, true, kind, 0);
    }

    /// A step of a client: its effects, the checks, and then its user.
    pub(super) fn drive_client(
        &mut self,
        rules: &Rules,
        link: usize,
        which: Which,
        input: ClientInput,
        response: Option<(Kind, u8)>,
    ) {
        let Some(mut running) = *client(&mut self.links[link], which) else {
            return;
        };
        let mut context = Context::new(&rules.timers, rules.reliable);
        let next = match running.machine {
            AnyClient::Invite(machine) => machine
                .take(input, &mut context, rules)
                .map(AnyClient::Invite),
            AnyClient::NonInvite(machine) => machine
                .take(input, &mut context, rules)
                .map(AnyClient::NonInvite),
        };
        let (mut delivered, mut failed, mut acknowledged) = (false, None, false);
        for &effect in &context.effects {
            match effect {
                Effect::Send => {
                    self.send_request(link, which);
                    let doubles = 1 << running.sent.min(6);
                    let allowed = match running.machine {
                        AnyClient::Invite(_) => [doubles; 2],
                        AnyClient::NonInvite(NonInviteClient::Proceeding) => [doubles.min(T2), T2],
                        AnyClient::NonInvite(_) => [doubles.min(T2); 2],
                    };
                    let by_timer = input == ClientInput::Fired(Timer::Repeat);
                    self.check_interval(&mut running, by_timer, allowed);
                }
                Effect::SendAck => {
                    acknowledged = true;
                    let tag = response.map_or(0, |(_, tag)| tag);
                    self.send(link, true, Kind::Ack, tag);
                }
                Effect::Deliver => delivered = true,
                Effect::Set(timer, time) => *running.slot(timer) = units(time),
                Effect::Clear(timer) => *running.slot(timer) = NEVER,
                Effect::Timeout => failed = Some(Outcome::Timeout),
                Effect::TransportError => failed = Some(Outcome::Lost),
                Effect::SendTrying => self.fail("a client sends 100"),
            }
        }
        let invite = matches!(running.machine, AnyClient::Invite(_));
        if invite
            && input == ClientInput::Failure
            && !acknowledged
            && running.machine != AnyClient::Invite(InviteClient::Accepted)
        {
            self.fail("a 300 to 699 was not acknowledged");
        }
        if failed == Some(Outcome::Timeout) && !rules.reliable {
            let sent_all = match running.machine {
                AnyClient::Invite(InviteClient::Calling { .. }) => running.sent == 3,
                AnyClient::NonInvite(_) => running.sent == 4,
                AnyClient::Invite(_) => true,
            };
            if !sent_all {
                self.fail("a request that timed out was sent too often or not often enough");
            }
        }
        match next {
            None => {
                if context
                    .effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Set(..)))
                {
                    self.fail("a client that is gone has set a timer");
                }
                *client(&mut self.links[link], which) = None;
            }
            Some(machine) => {
                running.machine = machine;
                self.check_client_timers(rules, link, which, &running);
                *client(&mut self.links[link], which) = Some(running);
            }
        }
        if let (true, Some((kind, tag))) = (delivered, response) {
            self.response_came(rules, link, which, kind, tag);
        }
        if let Some(outcome) = failed {
            self.client_ended(rules, link, which, outcome, 0);
        }
    }

    /// RFC 3261 sections 17.1.1.2, 17.1.2.2 and 17.2.1: what the timer sends, it sends in these intervals.
    fn check_interval<M>(&mut self, running: &mut Running<M>, by_timer: bool, allowed: [u8; 2]) {
        if by_timer {
            if !allowed.contains(&running.since) {
                self.fail("a retransmission came too early or too late");
            }
            running.sent += 1;
            running.since = 0;
        }
    }

    /// Which timers run in which state.
    fn check_client_timers(
        &mut self,
        rules: &Rules,
        link: usize,
        which: Which,
        running: &Running<AnyClient>,
    ) {
        let repeats = running.repeat != NEVER;
        let ends = running.end != NEVER;
        let cancelled = self.links[link].caller.cancel == Cancel::Sent;
        let sound = match running.machine {
            AnyClient::Invite(InviteClient::Calling { .. })
            | AnyClient::NonInvite(NonInviteClient::Trying { .. } | NonInviteClient::Proceeding) => {
                repeats != rules.reliable && ends
            }
            AnyClient::Invite(InviteClient::Proceeding) => !repeats && ends == cancelled,
            AnyClient::Invite(InviteClient::Accepted) => !repeats && ends,
            AnyClient::Invite(InviteClient::Completed)
            | AnyClient::NonInvite(NonInviteClient::Completed) => {
                !repeats && ends && !rules.reliable
            }
        };
        if !sound {
            self.fail("a client's timers are not those of its state");
        }
        if which == Which::CancelClient && matches!(running.machine, AnyClient::Invite(_)) {
            self.fail("a CANCEL is no INVITE");
        }
    }

    fn begin_server(&mut self, rules: &Rules, link: usize, which: Which) {
        let mut context = Context::new(&rules.timers, rules.reliable);
        let machine = if rules.invite && which == Which::Server {
            AnyServer::Invite(InviteServer::start(&mut context))
        } else {
            AnyServer::NonInvite(NonInviteServer::start(&mut context))
        };
        let mut running = Running::new(machine);
        let mut delivered = false;
        for &effect in &context.effects {
            match effect {
                Effect::Deliver => delivered = true,
                Effect::Set(timer, time) => *running.slot(timer) = units(time),
                _ => self.fail("a server's start asks for something else"),
            }
        }
        *server(&mut self.links[link], which) = Some(running);
        match which {
            _ if !delivered => self.fail("a server's user was not told"),
            Which::CancelServer => self.cancel_came(rules, link),
            _ => self.ask_callee(rules, link),
        }
    }

    /// What the layer lets a server's user send (`TransactionLayer::respond`).
    pub(super) fn respond(&mut self, rules: &Rules, link: usize, kind: Kind, tag: u8) {
        let Some(running) = &mut self.links[link].server else {
            return;
        };
        let may = match running.machine {
            AnyServer::Invite(InviteServer::Proceeding) => true,
            AnyServer::Invite(InviteServer::Accepted) => kind == Kind::Success,
            AnyServer::NonInvite(NonInviteServer::Trying | NonInviteServer::Proceeding) => {
                kind != Kind::Provisional
            }
            _ => false,
        };
        if !may {
            return;
        }
        running.reply = Some((kind, tag));
        let input = match kind {
            Kind::Success => ServerInput::Success,
            Kind::Failure => ServerInput::Failure,
            _ => ServerInput::Provisional,
        };
        self.drive_server(rules, link, Which::Server, input);
    }

    pub(super) fn drive_server(
        &mut self,
        rules: &Rules,
        link: usize,
        which: Which,
        input: ServerInput,
    ) {
        let Some(mut running) = *server(&mut self.links[link], which) else {
            return;
        };
        let mut context = Context::new(&rules.timers, rules.reliable);
        let next = match running.machine {
            AnyServer::Invite(machine) => machine
                .take(input, &mut context, rules)
                .map(AnyServer::Invite),
            AnyServer::NonInvite(machine) => machine
                .take(input, &mut context, rules)
                .map(AnyServer::NonInvite),
        };
        let (mut failed, mut sends, mut delivered) = (None, 0, false);
        for &effect in &context.effects {
            match effect {
                Effect::Send => {
                    sends += 1;
                    if let Some((kind, tag)) = running.reply {
                        self.send(link, false, kind, tag);
                    }
                    let interval = (1 << running.sent.min(6)).min(T2);
                    let by_timer = input == ServerInput::Fired(Timer::Repeat);
                    self.check_interval(&mut running, by_timer, [interval; 2]);
                }
                Effect::SendTrying => {
                    if running.reply.is_some() {
                        self.fail("a 100 after another response");
                    }
                    running.reply = Some((Kind::Trying, 0));
                    self.send(link, false, Kind::Trying, 0);
                }
                Effect::Deliver => delivered = true,
                Effect::Set(timer, time) => {
                    *running.slot(timer) = units(time);
                    if timer == Timer::Repeat && input != ServerInput::Fired(timer) {
                        running.since = 0;
                    }
                }
                Effect::Clear(timer) => *running.slot(timer) = NEVER,
                Effect::Timeout => failed = Some(Outcome::Timeout),
                Effect::TransportError => failed = Some(Outcome::Lost),
                Effect::SendAck => self.fail("a server sends ACK"),
            }
        }
        self.check_answers(&running, input, sends);
        let refusing = matches!(
            running.machine,
            AnyServer::Invite(InviteServer::Completed { .. })
        );
        if failed == Some(Outcome::Timeout)
            && refusing
            && !rules.reliable
            && running.sent != TIMEOUT / T2
        {
            self.fail("a refusal without ACK was sent too often or not often enough");
        }
        match next {
            None => {
                if context
                    .effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Set(..)))
                {
                    self.fail("a server that is gone has set a timer");
                }
                *server(&mut self.links[link], which) = None;
            }
            Some(machine) => {
                running.machine = machine;
                self.check_server_timers(rules, &running);
                *server(&mut self.links[link], which) = Some(running);
            }
        }
        if which == Which::CancelServer {
            return;
        }
        let still_refusing = matches!(
            next,
            Some(AnyServer::Invite(InviteServer::Completed { .. }))
        );
        if input == ServerInput::Ack && (delivered || refusing && !still_refusing) {
            self.links[link].callee.acknowledged = true;
        }
        if let Some(outcome) = failed {
            self.server_failed(rules, link, outcome);
        }
    }

    /// What comes again is answered with the last response, except where nothing may be sent.
    fn check_answers(&mut self, running: &Running<AnyServer>, input: ServerInput, sends: u8) {
        let silent = matches!(
            running.machine,
            AnyServer::Invite(InviteServer::Accepted | InviteServer::Confirmed)
                | AnyServer::NonInvite(NonInviteServer::Trying)
        );
        if input == ServerInput::Request && sends != u8::from(!silent) {
            self.fail("a request that came again was answered wrongly");
        }
        if matches!(input, ServerInput::Fired(Timer::End)) && sends > 0 {
            self.fail("a response was sent after 64 T1");
        }
    }

    fn check_server_timers(&mut self, rules: &Rules, running: &Running<AnyServer>) {
        let repeats = running.repeat != NEVER;
        let ends = running.end != NEVER;
        let sound = match running.machine {
            // Until 200 ms are up, or something was sent.
            AnyServer::Invite(InviteServer::Proceeding) => {
                !ends && repeats == running.reply.is_none()
            }
            AnyServer::Invite(InviteServer::Completed { .. }) => repeats != rules.reliable && ends,
            AnyServer::Invite(InviteServer::Confirmed) => !repeats && ends && !rules.reliable,
            AnyServer::Invite(InviteServer::Accepted) => !repeats && ends,
            AnyServer::NonInvite(NonInviteServer::Trying) => repeats && ends,
            AnyServer::NonInvite(NonInviteServer::Proceeding) => !repeats && ends,
            AnyServer::NonInvite(NonInviteServer::Completed) => !repeats && ends && !rules.reliable,
        };
        if !sound {
            self.fail("a server's timers are not those of its state");
        }
    }

    /// A message arrives: the matching of the layer.
    pub(super) fn receive(&mut self, rules: &Rules, message: Message) {
        let link = message.link as usize;
        let entry = &self.links[link];
        match message.kind {
            Kind::Request if entry.server.is_some() => {
                self.drive_server(rules, link, Which::Server, ServerInput::Request);
            }
            Kind::Request => self.begin_server(rules, link, Which::Server),
            Kind::Cancel if entry.cancel_server.is_some() => {
                self.drive_server(rules, link, Which::CancelServer, ServerInput::Request);
            }
            Kind::Cancel => self.begin_server(rules, link, Which::CancelServer),
            Kind::Ack => self.drive_server(rules, link, Which::Server, ServerInput::Ack),
            Kind::AckSuccess => self.success_acknowledged(rules, link, message.tag),
            Kind::CancelAnswer => {
                let response = Some((message.kind, message.tag));
                let input = ClientInput::Success;
                self.drive_client(rules, link, Which::CancelClient, input, response);
            }
            Kind::Trying | Kind::Provisional | Kind::Success | Kind::Failure => {
                let input = match message.kind {
                    Kind::Success => ClientInput::Success,
                    Kind::Failure => ClientInput::Failure,
                    _ => ClientInput::Provisional,
                };
                let response = Some((message.kind, message.tag));
                self.drive_client(rules, link, Which::Client, input, response);
                self.cancel_if_wanted(rules, link);
            }
        }
    }

    pub(super) fn cancel_if_wanted(&mut self, rules: &Rules, link: usize) {
        let proceeding = self.links[link]
            .client
            .is_some_and(|client| client.machine == AnyClient::Invite(InviteClient::Proceeding));
        if proceeding && self.links[link].caller.cancel == Cancel::Wanted {
            self.links[link].caller.cancel = Cancel::Sent;
            self.begin_client(rules, link, Which::CancelClient);
            self.drive_client(rules, link, Which::Client, ClientInput::Cancelled, None);
        }
    }
}
