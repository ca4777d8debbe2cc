//! The callee before the call is answered (RFC 3261 section 13.3).

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{Request, StatusCode};

use super::confirmed::{Answering, Confirmed, Stage};
use super::{Context, DescriptionFailed, SessionTimer, State};
use crate::body::Body;
use crate::body::has_description;
use crate::dialog::DialogId;
use crate::event::{DescriptionKind, Event};
use crate::reason::ended_by_peer;
use crate::reason::{Cause, EndReason};
use crate::transaction::ServerTransactionId;

/// RFC 3261 section 13.3.1.1: proxies forget a call that says nothing for three minutes.
const RING_AGAIN: Duration = Duration::from_secs(60);

/// Not answered yet.
pub(crate) struct Incoming {
    transaction: ServerTransactionId,
    dialog: DialogId,
    /// The CSeq number of the INVITE.
    number: u32,
    /// The INVITE brought an offer.
    offered: bool,
    /// The INVITE, until its offer is handed out.
    request: Box<Request>,
    /// 180 has been said.
    ringing: bool,
    /// The application accepted the call and has been asked for a description.
    accepted: bool,
    /// RFC 3261 section 13.3.1: the INVITE's own Expires ends it with 487, our patience with 408.
    expires: bool,
}

impl Incoming {
    /// The call of an INVITE that has been checked; its session tells the application.
    pub(crate) fn start(
        transaction: ServerTransactionId,
        dialog: DialogId,
        request: Box<Request>,
        context: &mut Context<'_>,
    ) -> State {
        let patience = context.endpoint.config.no_answer_timeout();
        let own = request
            .expires()
            .ok()
            .flatten()
            .map(|seconds| Duration::from_secs(u64::from(seconds)));
        let expires = own.is_some_and(|own| own < patience);
        context.common.dialog = Some(dialog);
        context.set(
            SessionTimer::NoAnswer,
            own.filter(|_| expires).unwrap_or(patience),
        );
        let session = context.common.id;
        context.event(Event::IncomingCall {
            session,
            request: request.clone(),
        });
        let offered = has_description(&request);
        State::Incoming(Box::new(Self {
            transaction,
            dialog,
            number: request.cseq().map_or(0, |cseq| cseq.number),
            offered,
            request,
            ringing: false,
            accepted: false,
            expires,
        }))
    }

    pub(crate) fn transaction(&self) -> ServerTransactionId {
        self.transaction
    }

    pub(crate) fn accepted(&self) -> bool {
        self.accepted
    }

    /// 180, again every minute; once said, saying it again changes nothing.
    pub(crate) fn ring(mut self: Box<Self>, context: &mut Context<'_>) -> Option<State> {
        if core::mem::replace(&mut self.ringing, true) {
            return Some(State::Incoming(self));
        }
        self.say_ringing(context)
    }

    fn say_ringing(self: Box<Self>, context: &mut Context<'_>) -> Option<State> {
        if context
            .respond_in_dialog(self.transaction, StatusCode::RINGING, None)
            .is_ok()
        {
            context.set(SessionTimer::Ring, RING_AGAIN);
        }
        Some(State::Incoming(self))
    }

    /// The application takes the call: its description is asked for.
    pub(crate) fn answer(mut self: Box<Self>, context: &mut Context<'_>) -> Option<State> {
        if !self.accepted {
            self.accepted = true;
            if self.offered {
                context.remote_description(DescriptionKind::Offer, &self.request);
                context.need_description(DescriptionKind::Answer);
            } else {
                context.need_description(DescriptionKind::Offer);
            }
        }
        Some(State::Incoming(self))
    }

    pub(crate) fn described(
        self,
        description: Result<Body, DescriptionFailed>,
        context: &mut Context<'_>,
    ) -> Option<State> {
        let Ok(body) = description else {
            context.refuse(self.transaction, StatusCode::NOT_ACCEPTABLE_HERE, &[]);
            return context.end(EndReason::local(Cause::BadDescription));
        };
        if context
            .respond_in_dialog(self.transaction, StatusCode::OK, Some(&body))
            .is_err()
        {
            context.refuse(self.transaction, StatusCode::SERVER_INTERNAL_ERROR, &[]);
            return context.end(EndReason::local(Cause::Malformed));
        }
        context.clear(SessionTimer::NoAnswer);
        context.clear(SessionTimer::Ring);
        context.endpoint.dialogs.confirm(self.dialog);
        let answering = Answering::sent(self.transaction, self.number, !self.offered, context);
        Some(State::Confirmed(Confirmed::answered(
            self.dialog,
            answering,
        )))
    }

    pub(crate) fn reject(self, status: StatusCode, context: &mut Context<'_>) -> Option<State> {
        context.refuse(self.transaction, status, &[]);
        context.end(EndReason {
            status: Some(status),
            ..EndReason::local(Cause::Refused)
        })
    }

    /// RFC 3261 section 9.2: the CANCEL has been answered; the INVITE gets 487.
    pub(crate) fn cancelled(self, cancel: &Request, context: &mut Context<'_>) -> Option<State> {
        context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED, &[]);
        context.end(ended_by_peer(cancel, Cause::Cancelled))
    }

    /// RFC 3261 section 15.1.2: a BYE in the early dialog ends the INVITE with 487.
    pub(crate) fn bye(self, bye: &Request, context: &mut Context<'_>) -> Option<State> {
        context.refuse(self.transaction, StatusCode::REQUEST_TERMINATED, &[]);
        context.end(ended_by_peer(bye, Cause::Bye))
    }

    pub(crate) fn fired(
        self: Box<Self>,
        timer: SessionTimer,
        context: &mut Context<'_>,
    ) -> Option<State> {
        match timer {
            SessionTimer::Ring => self.say_ringing(context),
            SessionTimer::NoAnswer => {
                let status = if self.expires {
                    StatusCode::REQUEST_TERMINATED
                } else {
                    StatusCode::REQUEST_TIMEOUT
                };
                context.refuse(self.transaction, status, &[]);
                context.end(EndReason {
                    status: Some(status),
                    ..EndReason::local(Cause::NoAnswer)
                })
            }
            SessionTimer::Repeat | SessionTimer::GiveUp | SessionTimer::Offer => {
                Some(State::Incoming(self))
            }
        }
    }

    /// The connection that the INVITE came on is gone: there is no way to answer it.
    pub(crate) fn lost(self, context: &mut Context<'_>) -> Option<State> {
        context.end(EndReason::transport(Cause::ConnectionLost))
    }
}

/// Which stage a fresh answer to an INVITE is in; shared with re-INVITEs.
impl Answering {
    /// The 2xx has been sent: it is repeated until the ACK comes (RFC 3261 section 13.3.1.4).
    pub(crate) fn sent(
        transaction: ServerTransactionId,
        number: u32,
        ours: bool,
        context: &mut Context<'_>,
    ) -> Self {
        let timers = context.endpoint.timer_settings();
        context.common.flow = context.endpoint.layer.connection_of(transaction);
        context.set(SessionTimer::Repeat, timers.t1());
        context.set(SessionTimer::GiveUp, timers.h());
        Self {
            transaction,
            number,
            ours,
            stage: Stage::Sent {
                interval: timers.t1(),
            },
        }
    }
}
