//! rsiprtp: its transactions and dialogs, bytes to bytes: single transactions, and whole calls of which both ends are here.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use rsiprtp::dialog::{
    DialogHandle, DialogManager, ManagerAction as DialogAction, ManagerEvent as DialogEvent,
};
use rsiprtp::sip::{Method, SipMessage, SipRequest, SipRequestBuilder, SipResponseBuilder};
use rsiprtp::transaction::{
    ManagerAction, ManagerEvent, Timer, TransactionHandle, TransactionManager,
};
use sip_benches::scenario::Scenario;
use sip_benches::scenarios::{CALL_PAUSE, PAUSE, far_end, requests, session_description};

use crate::deadlines::Deadlines;

/// `cleanup_terminated` walks over all transactions, so a sensible host does not call it each time.
const CLEAN_UP_AFTER: u64 = 256;

/// The transactions of one end, and their timers.
struct Transactions {
    manager: TransactionManager,
    timers: Deadlines<(TransactionHandle, Timer)>,
    now: Duration,
    steps: u64,
}

impl Transactions {
    fn new(reliable: bool) -> Self {
        Self {
            manager: TransactionManager::new(reliable),
            timers: Deadlines::new(),
            now: Duration::ZERO,
            steps: 0,
        }
    }

    /// Lets time pass; the messages that are repeated meanwhile are dropped.
    fn pause(&mut self, time: Duration) {
        self.now += time;
        while let Some((handle, timer)) = self.timers.due(self.now) {
            self.manager.handle_timeout(handle, timer);
            self.events(|_| {});
        }
        self.steps += 1;
        if self.steps.is_multiple_of(CLEAN_UP_AFTER) {
            self.manager.cleanup_terminated();
        }
    }

    /// Sets timers, hands what it sends to `sent`, and returns the events.
    fn events(&mut self, mut sent: impl FnMut(Bytes)) -> Vec<(TransactionHandle, ManagerEvent)> {
        let mut events = Vec::new();
        for action in self.manager.poll_actions() {
            match action {
                ManagerAction::Send(bytes) => sent(bytes),
                ManagerAction::SetTimer(handle, timer, after) => {
                    self.timers.set(self.now + after, (handle, timer));
                }
                ManagerAction::CancelTimer(..) => {}
                ManagerAction::Event(handle, event) => events.push((handle, event)),
            }
        }
        events
    }
}

/// A server that answers one request after the other.
struct Server {
    transactions: Transactions,
    requests: Vec<Bytes>,
    at: usize,
    statuses: &'static [(u16, &'static str)],
    done: u64,
}

fn server(method: &str, statuses: &'static [(u16, &'static str)]) -> Box<dyn Scenario> {
    Box::new(Server {
        transactions: Transactions::new(false),
        requests: requests(method, "UDP 192.0.2.9:5060"),
        at: 0,
        statuses,
        done: 0,
    })
}

pub fn options() -> Box<dyn Scenario> {
    server("OPTIONS", &[(200, "OK")])
}

pub fn invite() -> Box<dyn Scenario> {
    server("INVITE", &[(180, "Ringing"), (200, "OK")])
}

impl Scenario for Server {
    fn step(&mut self) {
        self.transactions.pause(PAUSE);
        let bytes = &self.requests[self.at];
        self.at = (self.at + 1) % self.requests.len();
        let Ok(message) = SipMessage::parse(bytes) else {
            return;
        };
        self.transactions.manager.handle_message(message);
        let mut sent = 0;
        for (handle, event) in self.transactions.events(|_| {}) {
            let (ManagerEvent::NonInviteRequest(request) | ManagerEvent::InviteRequest(request)) =
                event
            else {
                continue;
            };
            for &(status, reason) in self.statuses {
                let response = SipResponseBuilder::new()
                    .status(status, reason)
                    .from_request(&request)
                    .to_tag("314159")
                    .build();
                let Ok(response) = response else { return };
                self.transactions.manager.send_response(handle, response);
            }
        }
        self.transactions.events(|_| sent += 1);
        self.done += u64::from(sent == self.statuses.len());
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// A client that sends one OPTIONS after the other.
struct Client {
    transactions: Transactions,
    sequence: u32,
    done: u64,
}

pub fn client() -> Box<dyn Scenario> {
    Box::new(Client {
        transactions: Transactions::new(false),
        sequence: 0,
        done: 0,
    })
}

impl Scenario for Client {
    fn step(&mut self) {
        self.transactions.pause(PAUSE);
        self.sequence += 1;
        let request = SipRequestBuilder::new()
            .method(Method::Options)
            .uri("sip:bob@192.0.2.2")
            .via(
                "192.0.2.1",
                5060,
                "UDP",
                &format!("z9hG4bK{:016x}", self.sequence),
            )
            .max_forwards(70)
            .from("sip:alice@192.0.2.1", "1928301774")
            .to("sip:bob@192.0.2.2")
            .call_id("a84b4c76e66710@192.0.2.1")
            .cseq(self.sequence)
            .build();
        let Ok(request) = request else { return };
        self.transactions.manager.create_client_transaction(request);
        let mut sent = None;
        self.transactions.events(|bytes| sent = Some(bytes));
        let response = sent.and_then(|bytes| SipMessage::parse(&far_end::ok(&bytes)).ok());
        let Some(response) = response else { return };
        self.transactions.manager.handle_message(response);
        for (_, event) in self.transactions.events(|_| {}) {
            if let ManagerEvent::NonInviteFinalResponse(response) = event {
                self.done += u64::from(response.status_code() == 200);
            }
        }
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// One end of all calls.
struct End {
    transactions: Transactions,
    dialogs: DialogManager,
    contact: String,
    description: Vec<u8>,
    /// The transaction of each INVITE that was received, until its answer goes out.
    invites: HashMap<DialogHandle, TransactionHandle>,
    established: u64,
    ended: u64,
}

impl End {
    fn new(user: &str, host: &str) -> Self {
        let contact = format!("sip:{user}@{host}:5060");
        Self {
            transactions: Transactions::new(true),
            dialogs: DialogManager::new(contact.clone()),
            contact,
            description: session_description().bytes.to_vec(),
            invites: HashMap::new(),
            established: 0,
            ended: 0,
        }
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<Bytes>) {
        let Ok(message) = SipMessage::parse(bytes) else {
            return;
        };
        match message {
            // The ACK to a 2xx belongs to the dialog.
            SipMessage::Request(request) if request.method() == Method::Ack => {
                let dialog = self.dialogs.handle_request(request);
                self.established += u64::from(dialog.is_some());
            }
            message => self.transactions.manager.handle_message(message),
        }
        self.settle(out);
    }

    /// Takes the events of the transactions until there are none.
    fn settle(&mut self, out: &mut Vec<Bytes>) {
        loop {
            let events = self.transactions.events(|bytes| out.push(bytes));
            if events.is_empty() {
                return;
            }
            for (transaction, event) in events {
                self.on_event(transaction, event, out);
            }
        }
    }

    fn on_event(
        &mut self,
        transaction: TransactionHandle,
        event: ManagerEvent,
        out: &mut Vec<Bytes>,
    ) {
        match event {
            ManagerEvent::InviteRequest(request) => self.answer(transaction, request),
            ManagerEvent::InviteSuccess(response) => {
                let Some(dialog) = self.dialogs.handle_response(response) else {
                    return;
                };
                for action in self.dialogs.poll_actions() {
                    let DialogAction::Event(_, DialogEvent::Established) = action else {
                        continue;
                    };
                    if let Some(ack) = self.ack(dialog) {
                        out.push(ack.to_bytes());
                        self.dialogs.ack_sent(dialog);
                        self.established += 1;
                    }
                }
            }
            ManagerEvent::NonInviteRequest(request) => {
                let response = SipResponseBuilder::new()
                    .status(200, "OK")
                    .from_request(&request)
                    .build();
                self.dialogs.handle_request(request);
                for action in self.dialogs.poll_actions() {
                    let ended =
                        matches!(action, DialogAction::Event(_, DialogEvent::Terminated(_)));
                    self.ended += u64::from(ended);
                }
                if let Ok(response) = response {
                    self.transactions
                        .manager
                        .send_response(transaction, response);
                }
            }
            ManagerEvent::NonInviteFinalResponse(response) => {
                self.ended += u64::from(response.status_code() == 200);
            }
            _ => {}
        }
    }

    /// 100 at once, and 200 with the description.
    fn answer(&mut self, transaction: TransactionHandle, request: SipRequest) {
        let trying = SipResponseBuilder::new()
            .status(100, "Trying")
            .from_request(&request)
            .build();
        if let Ok(trying) = trying {
            self.transactions.manager.send_response(transaction, trying);
        }
        let Some(dialog) = self.dialogs.handle_request(request) else {
            return;
        };
        self.invites.insert(dialog, transaction);
        for action in self.dialogs.poll_actions() {
            let DialogAction::Event(dialog, DialogEvent::IncomingInvite(request)) = action else {
                continue;
            };
            let tag = self
                .dialogs
                .dialog(dialog)
                .map(|d| d.id().local_tag.clone());
            let response = SipResponseBuilder::new()
                .status(200, "OK")
                .from_request(&request)
                .to_tag(&tag.unwrap_or_default())
                .contact(&self.contact)
                .body(self.description.clone(), "application/sdp")
                .build();
            if let Ok(response) = response {
                self.dialogs.send_response(dialog, response);
            }
        }
        for action in self.dialogs.poll_actions() {
            if let DialogAction::SendResponse(response) = action
                && let Some(transaction) = self.invites.remove(&dialog)
            {
                let manager = &mut self.transactions.manager;
                manager.send_response(transaction, response);
            }
        }
    }

    fn ack(&self, dialog: DialogHandle) -> Option<SipRequest> {
        let info = self.dialogs.dialog(dialog)?.info();
        SipRequestBuilder::new()
            .method(Method::Ack)
            .uri(&info.remote_target)
            .via("192.0.2.1", 5060, "TCP", &branch(self.established, "a"))
            .max_forwards(70)
            .from(&info.local_uri, &info.id.local_tag)
            .to(&info.remote_uri)
            .to_tag(&info.id.remote_tag)
            .call_id(&info.id.call_id)
            .cseq(info.local_seq)
            .build()
            .ok()
    }
}

fn branch(number: u64, kind: &str) -> String {
    format!("z9hG4bK{number:016x}{kind}")
}

/// Calls between two ends.
struct Call {
    caller: End,
    callee: End,
    number: u64,
}

/// Calls one after the other, while `up` calls are up.
pub fn call(up: u64) -> Box<dyn Scenario> {
    let mut call = Call {
        caller: End::new("alice", "192.0.2.1"),
        callee: End::new("bob", "192.0.2.2"),
        number: 0,
    };
    for number in 0..up {
        assert!(call.invite().is_some(), "the call is up");
        if number.is_multiple_of(64) {
            call.pause();
        }
    }
    assert_eq!(call.callee.established, up);
    Box::new(call)
}

impl Call {
    fn invite(&mut self) -> Option<DialogHandle> {
        self.number += 1;
        let invite = SipRequestBuilder::new()
            .method(Method::Invite)
            .uri("sip:bob@192.0.2.2")
            .via("192.0.2.1", 5060, "TCP", &branch(self.number, "i"))
            .max_forwards(70)
            .from("sip:alice@192.0.2.1", &format!("{:016x}", self.number))
            .to("sip:bob@192.0.2.2")
            .call_id(&format!("{:032x}", self.number))
            .cseq(1)
            .contact(&self.caller.contact)
            .body(self.caller.description.clone(), "application/sdp")
            .build()
            .ok()?;
        let dialog = self.caller.dialogs.create_dialog(invite.clone())?;
        let manager = &mut self.caller.transactions.manager;
        manager.create_client_transaction(invite)?;
        self.deliver();
        Some(dialog)
    }

    fn deliver(&mut self) {
        let (mut to_callee, mut to_caller) = (Vec::new(), Vec::new());
        self.caller.settle(&mut to_callee);
        while !(to_callee.is_empty() && to_caller.is_empty()) {
            for bytes in std::mem::take(&mut to_callee) {
                self.callee.receive(&bytes, &mut to_caller);
            }
            for bytes in std::mem::take(&mut to_caller) {
                self.caller.receive(&bytes, &mut to_callee);
            }
        }
    }

    fn pause(&mut self) {
        for end in [&mut self.caller, &mut self.callee] {
            end.transactions.pause(CALL_PAUSE);
            if end.transactions.steps.is_multiple_of(CLEAN_UP_AFTER) {
                end.dialogs.cleanup_terminated();
            }
        }
        self.deliver();
    }
}

impl Scenario for Call {
    fn step(&mut self) {
        let Some(dialog) = self.invite() else { return };
        if let Some(bye) = self.caller.dialogs.send_bye(dialog) {
            self.caller.dialogs.poll_actions();
            let manager = &mut self.caller.transactions.manager;
            manager.create_client_transaction(bye);
        }
        self.deliver();
        self.pause();
    }

    fn done(&self) -> u64 {
        self.caller.ended.min(self.callee.ended)
    }
}
