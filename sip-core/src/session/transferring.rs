//! The REFERs of this side: `transfer.rs` is their machine.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Request, StatusCode, UriBuf, fragment_status};

use super::layer::SessionLayer;
use super::options::TransferOptions;
use super::transfer::{Transfer, TransferEffect, TransferEnding, TransferInput, TransferState};
use crate::dialog::DialogId;
use crate::endpoint::{
    DialogUsage, Duty, Endpoint, InDialog, MaySend, OutOfDialog, Received, Sent, TimerOwner,
    TransactionUser,
};
use crate::error::CommandError;
use crate::event::{Event, TransferOutcome};
use crate::ids::{ConnectionId, SessionId, TransferId};
use crate::limits::LimitKind;
use crate::reason::{EndReason, failure, refusal, send_failure_cause};
use crate::requirement::Requirement;
use crate::slab::Handle;
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

/// The package of the subscription (RFC 3515 section 3.1).
pub(super) const PACKAGE: &str = "refer";

/// How long a subscription is taken to last whose NOTIFY names no duration.
const LASTS: Duration = Duration::from_secs(300);

/// The longest wait for the next NOTIFY, whatever duration the peer names.
const LONGEST: Duration = Duration::from_secs(3_600);

impl SessionLayer {
    /// Asks the peer of a call that is up to refer to `refer_to`, as a rule to call it: the blind transfer of RFC 5589 section
    /// 6. [`Event::TransferProgress`](crate::Event::TransferProgress) and
    /// [`Event::TransferEnded`](crate::Event::TransferEnded) report how that goes; the call itself goes on until one side
    /// hangs up. The endpoint has to take NOTIFY
    /// ([`Behaviour::takes_requests`](crate::endpoint::Behaviour::takes_requests)).
    ///
    /// # Errors
    /// [`CommandError::WrongState`] unless the call is up, [`CommandError::NotConnected`], [`CommandError::Limit`]; no
    /// request is sent then.
    pub fn refer(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        refer_to: &UriBuf,
        options: &TransferOptions,
    ) -> Result<TransferId, CommandError> {
        let dialog = self.established_dialog(id)?;
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        let known = call.common.connection;
        self.check_transfers(endpoint, Some(id))?;
        let refer_to = format!("<{refer_to}>");
        let fields = self.fields(endpoint, &refer_to, Some(dialog), options)?;
        let connection = match endpoint.may_send_in(dialog, Duty::Owed(known)) {
            MaySend::Now(connection) => connection,
            MaySend::Later => return Err(CommandError::NotConnected),
            MaySend::Never(error) => return Err(error.into()),
        };
        let transfer = TransferId(self.transfers.next_handle());
        let own: Vec<_> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
        let parts = InDialog {
            connection,
            dialog,
            method: Method::Refer,
            body: None,
            own: &own,
            extra: &options.headers,
        };
        endpoint.send_in_dialog(&parts, TransactionUser::Transfer(transfer))?;
        endpoint.dialogs.share(dialog);
        self.transfers.insert(Transfer {
            state: TransferState::Sent,
            session: Some(id),
            set: dialog.set(),
            dialog: Some(dialog),
            number: last_number(endpoint, Some(dialog)),
            notified: false,
            timer: None,
        });
        Ok(transfer)
    }

    /// As [`refer`](Self::refer), to the peer of `other`, another call of this layer that is up. The peer of the call
    /// replaces this side in it: the attended transfer of RFC 5589 section 7, by a Refer-To with Replaces (RFC 3891).
    ///
    /// # Errors
    /// As [`refer`](Self::refer), and [`CommandError::WrongState`] if `other` is the same call, or its peer does not list
    /// `replaces` in Supported (RFC 3891 section 4); a blind transfer is possible then.
    pub fn refer_to_call(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        other: SessionId,
        options: &TransferOptions,
    ) -> Result<TransferId, CommandError> {
        if other == id {
            return Err(CommandError::WrongState(Requirement::AnotherCall));
        }
        let (replaces, target) = self.replaces_of(endpoint, other)?;
        let refer_to = UriBuf::strict(target.as_bytes())
            .and_then(|target| target.with_header(b"Replaces", replaces.as_bytes()))
            .map_err(CommandError::Target)?;
        self.refer(endpoint, id, &refer_to, options)
    }

    /// Sends a REFER outside any dialog (RFC 3515), on `connection` or the flow in use. The peer reports in a dialog of its
    /// own. RFC 7647 section 3 allows it only to a target that reaches one user agent alone: a GRUU (RFC 5627), a Contact
    /// with `ob` (RFC 5626), or the target of a call that
    /// [`TransferOptions::target_dialog`] names; the application chooses such a target.
    ///
    /// # Errors
    /// As [`refer`](Self::refer).
    pub fn refer_outside(
        &mut self,
        endpoint: &mut Endpoint,
        connection: Option<ConnectionId>,
        target: &UriBuf,
        refer_to: &UriBuf,
        options: &TransferOptions,
    ) -> Result<TransferId, CommandError> {
        self.check_transfers(endpoint, None)?;
        let refer_to = format!("<{refer_to}>");
        let fields = self.fields(endpoint, &refer_to, None, options)?;
        let target = target.as_uri().to_request_uri();
        let connection = match endpoint.may_send(Duty::Owed(connection), target.as_bytes()) {
            MaySend::Now(connection) => connection,
            MaySend::Later => return Err(CommandError::NotConnected),
            MaySend::Never(error) => return Err(error.into()),
        };
        let transfer = TransferId(self.transfers.next_handle());
        let call_id = endpoint.new_call_id();
        let usage = DialogUsage::Transfer(transfer);
        let rng = endpoint.layer.rng();
        let set = endpoint.dialogs.open(call_id.as_bytes(), usage, rng);
        let contact = endpoint.contact_for(target.as_bytes());
        let mut own: Vec<_> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
        own.push((HeaderName::Contact, &contact));
        let tag: Box<str> = endpoint.dialogs.tag(set).unwrap_or_default().into();
        let flow = endpoint.flow.clone();
        let number = endpoint.first_cseq();
        let parts = OutOfDialog {
            connection,
            flow: flow.as_ref(),
            method: Method::Refer,
            target: target.as_bytes(),
            to: target.as_bytes(),
            call_id: call_id.as_bytes(),
            tag: &tag,
            cseq: number,
            service_route: true,
            anonymous: false,
            from: None,
            body: None,
            offers: None,
            own: &own,
            extra: &options.headers,
        };
        let sent = Sent::outside(TransactionUser::Transfer(transfer));
        if let Err(error) = endpoint.send_out_of_dialog(&parts, sent) {
            endpoint.dialogs.close(set);
            return Err(error.into());
        }
        self.transfers.insert(Transfer {
            state: TransferState::Sent,
            session: None,
            set,
            dialog: None,
            number,
            notified: false,
            timer: None,
        });
        Ok(transfer)
    }

    /// The header fields of a REFER, without those of the application.
    fn fields(
        &self,
        endpoint: &Endpoint,
        refer_to: &str,
        dialog: Option<DialogId>,
        options: &TransferOptions,
    ) -> Result<Vec<(HeaderName<'static>, Box<str>)>, CommandError> {
        let supported = &endpoint.identity.supported;
        let mut fields = Vec::from([
            (HeaderName::ReferTo, refer_to.into()),
            (HeaderName::Supported, (&**supported).into()),
        ]);
        // RFC 3892 section 2.1: the referrer names itself, unless it hides or the application names it.
        let mut headers = options.headers.iter();
        let named = headers.any(|header| header.header_name() == HeaderName::ReferredBy);
        if let Some(referrer) = endpoint.referrer(dialog).filter(|_| !named) {
            fields.push((HeaderName::ReferredBy, referrer.into()));
        }
        if options.without_subscription {
            fields.push((HeaderName::ReferSub, "false".into()));
        }
        if let Some(call) = options.target_dialog {
            let value = self.target_dialog_to(endpoint, call)?;
            fields.push((HeaderName::TargetDialog, value.into()));
            // RFC 4538 section 3.
            fields.push((HeaderName::Require, "tdialog".into()));
        }
        Ok(fields)
    }

    fn check_transfers(
        &self,
        endpoint: &Endpoint,
        session: Option<SessionId>,
    ) -> Result<(), CommandError> {
        let limits = endpoint.limits();
        let is_full =
            session.is_some_and(|call| self.transfers.of(call).count() >= limits.refers_per_call);
        if is_full || self.transfers.len() >= limits.refers {
            return Err(CommandError::Limit(LimitKind::Refers));
        }
        Ok(())
    }

    /// Whether a REFER of this side waits for its response.
    pub(super) fn transfer_awaits(&self, id: TransferId) -> bool {
        let transfer = self.transfers.get(id.0);
        transfer.is_some_and(|transfer| transfer.state == TransferState::Sent)
    }

    /// The core has resent a REFER with credentials: its NOTIFYs name the new CSeq number.
    pub(super) fn on_transfer_resent(&mut self, endpoint: &Endpoint, id: TransferId) {
        if let Some(transfer) = self.transfers.get_mut(id.0) {
            transfer.number = match transfer.session {
                Some(_) => last_number(endpoint, transfer.dialog),
                None => transfer.number.saturating_add(1),
            };
        }
    }

    /// Handles a response to a REFER of this side.
    pub(super) fn on_transfer_response(
        &mut self,
        endpoint: &mut Endpoint,
        id: TransferId,
        received: &Received,
    ) {
        let response = &received.response;
        let status = response.status();
        let Some(transfer) = self.transfers.get_mut(id.0) else {
            return;
        };
        if status.is_provisional() {
            return;
        }
        if !status.is_success() {
            let reason = EndReason {
                challenge: received.unanswered.clone(),
                ..refusal(response)
            };
            return self.step_transfer(endpoint, id, TransferInput::Refused, Some(reason), None);
        }
        if response.refer_sub() == Ok(Some(false)) {
            let input = TransferInput::AcceptedAlone;
            return self.step_transfer(endpoint, id, input, None, None);
        }
        if let Some(dialog) = transfer.dialog {
            endpoint.refresh_target(dialog, response, received.connection);
        } else if let Some(refer) = received.request.request() {
            // Without a dialog the first NOTIFY makes it.
            let made = endpoint.dialogs.establish(transfer.set, refer, response);
            transfer.dialog = made.ok().map(|made| made.dialog);
        }
        if !transfer.notified && transfer.state == TransferState::Sent {
            // RFC 6665 section 4.1.2.4: timer N.
            let wait = endpoint.longest_wait();
            transfer.wait(endpoint, id, wait);
        }
        self.step_transfer(endpoint, id, TransferInput::Accepted, None, None);
    }

    /// A REFER of this side has no final response.
    pub(super) fn on_transfer_failed(
        &mut self,
        endpoint: &mut Endpoint,
        id: TransferId,
        error: TransactionError,
    ) {
        let reason = Some(failure(error));
        self.step_transfer(endpoint, id, TransferInput::Refused, reason, None);
    }

    /// A REFER of this side was challenged and could not be resent.
    pub(super) fn on_transfer_not_resent(
        &mut self,
        endpoint: &mut Endpoint,
        id: TransferId,
        error: &SendError,
    ) {
        let reason = Some(EndReason::local(send_failure_cause(error)));
        self.step_transfer(endpoint, id, TransferInput::Refused, reason, None);
    }

    /// The wait for a NOTIFY is over.
    pub(crate) fn on_transfer_timeout(&mut self, endpoint: &mut Endpoint, id: TransferId) {
        if let Some(transfer) = self.transfers.get_mut(id.0) {
            transfer.timer = None;
        }
        self.step_transfer(endpoint, id, TransferInput::Timeout, None, None);
    }

    /// Handles a NOTIFY within the dialog of a call or of a REFER of this side (RFC 6665 section 4.1.3); false if the
    /// dialog has no subscription.
    pub(crate) fn on_notify(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: DialogUsage,
        notify: &Request,
    ) -> bool {
        let number =
            |(handle, transfer): (Handle, &Transfer)| (transfer.number, TransferId(handle));
        let mut known: Vec<_> = match usage {
            DialogUsage::Session(call) | DialogUsage::Rest(call) => {
                self.transfers.of(call).map(number).collect()
            }
            DialogUsage::Transfer(own) => {
                let own = self.transfers.get(own.0).map(|transfer| (own.0, transfer));
                own.map(number).into_iter().collect()
            }
            _ => Vec::new(),
        };
        if known.is_empty() {
            return false;
        }
        known.sort_unstable();
        let numbers = known.iter().map(|(number, _)| *number);
        let Some(place) = subscription_of(endpoint, transaction, notify, numbers) else {
            return true;
        };
        let (_, id) = known[place];
        let Ok(Some(state)) = notify.subscription_state() else {
            let why = "a NOTIFY without Subscription-State";
            endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
            return true;
        };
        endpoint.take_target(transaction, notify);
        endpoint.answer_ok(transaction, notify);
        let lasts = state
            .expires
            .map_or(LASTS, |seconds| Duration::from_secs(seconds.into()));
        if let Some(transfer) = self.transfers.get_mut(id.0) {
            transfer.notified = true;
            transfer.dialog = transfer.dialog.or_else(|| endpoint.dialogs.find(notify));
            transfer.wait(endpoint, id, lasts.min(LONGEST));
        }
        let status = fragment_status(notify.body());
        // SIP.js puts `terminated`, without a reason, into each NOTIFY for a REFER.
        let goes_on =
            state.reason.is_none() && status.is_some_and(|status| status.is_provisional());
        let input = TransferInput::Notified {
            status,
            last: state.is_terminated() && !goes_on,
        };
        self.step_transfer(endpoint, id, input, None, Some(notify));
        true
    }

    /// Ends the REFERs of this side in a call whose dialog is gone, or all of them.
    pub(super) fn end_transfers(&mut self, endpoint: &mut Endpoint, session: Option<SessionId>) {
        for handle in self.transfers.handles_of(session) {
            let id = TransferId(handle);
            self.step_transfer(endpoint, id, TransferInput::DialogEnded, None, None);
        }
    }

    /// Lets a REFER take a step, and emits its events; the only place that does so.
    fn step_transfer(
        &mut self,
        endpoint: &mut Endpoint,
        id: TransferId,
        input: TransferInput,
        mut reason: Option<EndReason>,
        notify: Option<&Request>,
    ) {
        let Some(transfer) = self.transfers.get_mut(id.0) else {
            return;
        };
        let session = transfer.session;
        #[cfg(not(test))]
        let (next, effects) = transfer.state.step(input);
        // A test may break a row.
        #[cfg(test)]
        let (next, effects) = super::exploration::step_transfer(transfer.state, input);
        for effect in effects {
            match (effect, notify) {
                (TransferEffect::Progress(status), Some(notify)) => {
                    endpoint.event(Event::TransferProgress {
                        transfer: id,
                        session,
                        status,
                        notify: Box::new(notify.clone()),
                    });
                }
                (TransferEffect::Progress(_), None) => {}
                (TransferEffect::End(ending), _) => {
                    let outcome = match ending {
                        TransferEnding::Succeeded(status) => TransferOutcome::Succeeded(status),
                        TransferEnding::Failed(status) => TransferOutcome::Failed(status),
                        TransferEnding::Unreported => TransferOutcome::Unreported,
                        TransferEnding::Refused => {
                            let cut = EndReason::local(crate::reason::Cause::Stopped);
                            TransferOutcome::Refused(Box::new(reason.take().unwrap_or(cut)))
                        }
                        TransferEnding::Terminated => TransferOutcome::Terminated,
                        TransferEnding::TimedOut => TransferOutcome::TimedOut,
                        TransferEnding::CallEnded => TransferOutcome::CallEnded,
                    };
                    endpoint.event(Event::TransferEnded {
                        transfer: id,
                        session,
                        outcome,
                    });
                }
            }
        }
        if let Some(next) = next {
            let was = core::mem::replace(&mut transfer.state, next);
            if was != next && next == TransferState::Reported {
                let wait = endpoint.longest_wait();
                transfer.wait(endpoint, id, wait);
            }
        } else if let Some(transfer) = self.transfers.remove(id.0) {
            if let Some(timer) = transfer.timer {
                endpoint.timers.cancel(timer);
            }
            match (transfer.session, transfer.dialog) {
                (Some(_), Some(dialog)) => endpoint.dialogs.unshare(dialog),
                _ => endpoint.dialogs.leave(transfer.set),
            }
        }
    }
}

impl Transfer {
    fn wait(&mut self, endpoint: &mut Endpoint, id: TransferId, time: Duration) {
        if let Some(timer) = self.timer.take() {
            endpoint.timers.cancel(timer);
        }
        let owner = TimerOwner::Transfer(id);
        self.timer = Some(endpoint.timers.set(endpoint.now + time, owner));
    }
}

/// Which subscription a NOTIFY or SUBSCRIBE names, as its place among these REFERs of the dialog, by CSeq number in rising
/// order; refuses it if there is none.
pub(super) fn subscription_of(
    endpoint: &mut Endpoint,
    transaction: ServerTransactionId,
    request: &Request,
    mut numbers: impl Iterator<Item = u32>,
) -> Option<usize> {
    let event = request.event().ok().flatten();
    let Some(event) = event.filter(|event| event.package == PACKAGE.as_bytes()) else {
        let why = "another event package than refer";
        let allow = [(HeaderName::AllowEvents, PACKAGE)];
        endpoint.refuse(transaction, StatusCode::BAD_EVENT, why, &allow);
        return None;
    };
    // RFC 3515 section 2.4.6: without an id it is about the first REFER of the dialog.
    let found = match event.id {
        Some(id) => numbers.position(|number| format!("{number}").as_bytes() == id),
        None => numbers.next().map(|_| 0),
    };
    if found.is_none() {
        let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
        endpoint.refuse(transaction, status, "no such subscription", &[]);
    }
    found
}

/// The CSeq number of the last request of this side in a dialog.
fn last_number(endpoint: &Endpoint, dialog: Option<DialogId>) -> u32 {
    let dialog = dialog.and_then(|dialog| endpoint.dialogs.dialog(dialog));
    dialog.map_or(0, crate::dialog::Dialog::local_cseq)
}
