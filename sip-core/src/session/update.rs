//! UPDATE in both directions (RFC 3311): a region beside the state of a call. It changes the session and the target, and not
//! the state, except that a re-INVITE which is not sent yet gives way to an offer of the peer.
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Idle | SendUpdate | ask offer | Offering |
//! | Idle, Answering | SendUpdate without offer, timer Refresh | UPDATE | Sent without offer |
//! | Idle | Renegotiate, Hold | ask offer | Idle in Offering |
//! | Idle | Renegotiate without offer | INVITE | Idle in Reinviting |
//! | Idle | UPDATE | deliver offer, ask answer | Answering |
//! | Idle, Offering, Sent, Sent without offer, Glare | UPDATE without offer | 200 | same |
//! | Idle | INVITE | deliver offer, ask answer | Idle in Answering |
//! | Idle | INVITE without offer | ask offer | Idle in Answering |
//! | Idle, Sent without offer, Glare | HangUp, gone, timer Expiry | BYE | Idle in Terminating |
//! | Idle, Sent without offer, Glare | BYE, Stop | Ended | (over) |
//! | Offering | Describe | UPDATE | Sent |
//! | Offering | no description, timer Description | aborted | Idle |
//! | Offering | UPDATE | rolled back, deliver offer, ask answer | Glare |
//! | Offering | INVITE | rolled back, deliver offer, ask answer | Glare in Answering |
//! | Offering | INVITE without offer | rolled back, ask offer | Glare in Answering |
//! | Offering, Sent | HangUp, gone, timer Expiry | aborted, BYE | Idle in Terminating |
//! | Offering, Sent | BYE | aborted, Ended | (over) |
//! | Offering, Sent, Answering | Stop | aborted, Ended | (over) |
//! | Sent | UPDATE, INVITE, INVITE without offer | 491 | same |
//! | Sent | 2xx to UPDATE | deliver answer, complete | Idle |
//! | Sent | 2xx without description to UPDATE, 405 to UPDATE, refusal to UPDATE | refused | Idle |
//! | Sent | 491 to UPDATE | rolled back | Glare |
//! | Sent | timeout of our UPDATE, loss of our UPDATE, failed resending of our UPDATE | aborted | Idle |
//! | Sent without offer, Glare | UPDATE | deliver offer, ask answer | same |
//! | Sent without offer | INVITE | deliver offer, ask answer | Sent without offer in Answering |
//! | Sent without offer | INVITE without offer | ask offer | Sent without offer in Answering |
//! | Sent without offer | 2xx to UPDATE, 2xx without description to UPDATE, 405 to UPDATE, refusal to UPDATE, timeout of our UPDATE, loss of our UPDATE, failed resending of our UPDATE | ModificationEnded | Idle |
//! | Sent without offer | 491 to UPDATE |  | Glare |
//! | Glare | INVITE | deliver offer, ask answer | Glare in Answering |
//! | Glare | INVITE without offer | ask offer | Glare in Answering |
//! | Glare | timer Update | ask offer | Offering |
//! | Answering | Describe | 200, complete | Idle |
//! | Answering | no description | 488, refused | Idle |
//! | Answering | Reject | 486, refused | Idle |
//! | Answering | UPDATE, UPDATE without offer, INVITE, INVITE without offer | 500 | same |
//! | Answering | loss of their UPDATE | aborted | Idle |
//! | Answering | timer Description | 504, refused | Idle |
//! | Answering | HangUp, gone, timer Expiry | 487, aborted, BYE | Idle in Terminating |
//! | Answering | BYE | 487, aborted, Ended | (over) |
//!
//! What is not listed changes nothing, and the call refuses the commands SendUpdate, Renegotiate, Hold, Reject and Describe there.
//! The call is up, and the Allow of the peer lists UPDATE; `early_update.rs` has
//! the UPDATEs in the early dialogs of a call of this side; `in` names the state of the call where it is not `Confirmed`. `without
//! offer` is an UPDATE that refreshes the target and the session only. Words as in `machine.rs`.

use sip_parse::{Method, Request, StatusCode};

use super::context::{Common, Context, by_peer};
use super::input::{Input, ResponseTo};
use super::offer::{Carrier, Ending, Exchange};
use super::options::ModifyOptions;
use super::reinvite::{MOST_GLARES, last_number, offer, repair};
use super::state::{Attempt, EarlyDialogs, Ours, State};
use crate::body::{Body, remote_description};
use crate::dialog::DialogId;
use crate::endpoint::{Duty, InDialog, MaySend, SessionRequest, SessionTimer};
use crate::error::CommandError;
use crate::reason::{Cause, EndReason, failure, refusal, send_failure_cause};
use crate::requirement::Requirement;
use crate::transaction::{SendError, ServerTransactionId};

/// Whether this room has taken an input.
pub(crate) enum Stepped<'a> {
    /// It has, and this is the next state of the call.
    Taken(Option<State>),
    /// The state takes the input.
    Passed(State, Input<'a>),
}

/// Takes an input that is about an UPDATE.
pub(crate) fn step<'a>(state: State, input: Input<'a>, context: &mut Context<'_>) -> Stepped<'a> {
    let (state, input) = match state {
        State::Calling(mut call) => match step_early(&mut call.early, input, context) {
            Some(input) => (State::Calling(call), input),
            None => return Stepped::Taken(Some(State::Calling(call))),
        },
        state => (state, input),
    };
    let by_update = context.common.offer.carrier() == Some(Carrier::Update);
    let theirs = context.common.updates.theirs;
    let answers = matches!(state, State::Incoming(_) | State::Accepting(_));
    match input {
        Input::Update(transaction, request) => {
            Stepped::Taken(received(state, transaction, request, context))
        }
        Input::SendUpdate(options) => Stepped::Taken(begin(state, options, context)),
        Input::Describe(_, description) if by_update => {
            match (theirs, description) {
                (None, description) => described(description.ok().as_ref(), context),
                (Some(theirs), Ok(answer)) => accept(theirs, &answer, context),
                (Some(_), Err(_)) => {
                    let reason = EndReason::local(Cause::BadDescription);
                    refuse(StatusCode::NOT_ACCEPTABLE_HERE, reason, context);
                }
            }
            Stepped::Taken(after(state, context))
        }
        // In a call that is not answered the command refuses the call.
        Input::Refuse(refusal) if theirs.is_some() && !answers => {
            if let Some(transaction) = context.common.updates.theirs.take() {
                context.refuse_with(transaction, &refusal);
            }
            refused(EndReason::local(Cause::Refused), context);
            Stepped::Taken(after(state, context))
        }
        // RFC 3311 section 5.2: what takes longer needs the consent of the user.
        Input::Timer(SessionTimer::Description) if theirs.is_some() => {
            refuse(
                StatusCode::SERVER_TIME_OUT,
                EndReason::local(Cause::NoAnswer),
                context,
            );
            Stepped::Taken(after(state, context))
        }
        Input::ServerFailed(transaction) if theirs == Some(transaction) => {
            context.common.updates.theirs = None;
            let reason = EndReason::transport(Cause::ConnectionLost);
            context.end_exchange(Ending::Aborted, reason);
            Stepped::Taken(after(state, context))
        }
        Input::Response(response) if is_of_call(response.to, context) => {
            responded(&response, context);
            Stepped::Taken(after(state, context))
        }
        Input::Resent(request, _) if is_of_call(request, context) => {
            resent(context);
            Stepped::Taken(Some(state))
        }
        Input::NotResent(request, error) if is_of_call(request, context) => {
            failed(EndReason::local(send_failure_cause(&error)), context);
            Stepped::Taken(after(state, context))
        }
        // The next connection repairs the route; silence ends the call (RFC 5057 section 5.1).
        Input::Failed(request, error) if is_of_call(request, context) => {
            failed(failure(error), context);
            Stepped::Taken(after(state, context))
        }
        Input::Timer(SessionTimer::Update) => {
            due(may_offer(&state, context), context);
            Stepped::Taken(after(state, context))
        }
        Input::Invite(transaction, request) if by_update => match context.common.offer {
            // RFC 3311 section 5.2 with RFC 3261 section 14.2: an offer of this side is not answered.
            Exchange::OfferSent(..) => {
                context.refuse(transaction, StatusCode::REQUEST_PENDING);
                Stepped::Taken(Some(state))
            }
            // The UPDATE of this side is not sent yet, so the peer's INVITE goes first.
            Exchange::OfferAsked(..) => {
                give_way(context);
                Stepped::Passed(state, Input::Invite(transaction, request))
            }
            // RFC 3261 section 14.2: an offer of the peer is not answered.
            _ => {
                context.refuse_for_now(transaction);
                Stepped::Taken(Some(state))
            }
        },
        input => {
            learn(&input, context);
            Stepped::Passed(state, input)
        }
    }
}

/// Takes an input that is about an UPDATE of this side in an early dialog, or returns it.
fn step_early<'a>(
    early: &mut EarlyDialogs,
    input: Input<'a>,
    context: &mut Context<'_>,
) -> Option<Input<'a>> {
    match input {
        Input::SendUpdateIn(dialog, options) => {
            early.within(dialog, context, |context| {
                start(Attempt::of(options, None), context);
            });
        }
        Input::Describe(exchange, description) => match early.offering(Some(exchange)) {
            Some(dialog) => early.within(dialog, context, |context| {
                described(description.ok().as_ref(), context);
            }),
            None => return Some(Input::Describe(exchange, description)),
        },
        // The application is late with an offer; the offers of the peer have the same deadline.
        Input::Timer(SessionTimer::Description) if early.offering(None).is_some() => {
            while let Some(dialog) = early.offering(None) {
                early.within(dialog, context, |context| described(None, context));
            }
            early.refuse_late_updates(context);
        }
        Input::Response(response) => match response.to {
            SessionRequest::Update(dialog) => {
                early.within(dialog, context, |context| responded(&response, context));
            }
            _ => return Some(Input::Response(response)),
        },
        Input::Resent(SessionRequest::Update(dialog), _) => {
            early.within(dialog, context, resent);
        }
        Input::NotResent(SessionRequest::Update(dialog), error) => {
            let reason = EndReason::local(send_failure_cause(&error));
            early.within(dialog, context, |context| failed(reason, context));
        }
        Input::Failed(SessionRequest::Update(dialog), error) => {
            early.within(dialog, context, |context| failed(failure(error), context));
        }
        Input::Timer(SessionTimer::Update) => {
            for dialog in early.glaring() {
                early.within(dialog, context, |context| {
                    due(context.common.offer == Exchange::Idle, context);
                });
            }
        }
        input => return Some(input),
    }
    None
}

/// The UPDATE is sent again, with credentials.
fn resent(context: &mut Context<'_>) {
    let dialog = context.common.dialog;
    let number = dialog.map_or(0, |dialog| last_number(dialog, context));
    if let Ours::Sent(_, sent) = &mut context.common.updates.ours {
        *sent = number;
    }
}

/// Whether a request is an UPDATE in the dialog of the call; one in an early dialog that has ended changes nothing.
fn is_of_call(request: SessionRequest, context: &Context<'_>) -> bool {
    matches!(request, SessionRequest::Update(dialog) if context.common.dialog == Some(dialog))
}

/// Whether an early dialog takes the command to send an UPDATE: once a reliable provisional response has completed an exchange in
/// it (RFC 3311 section 5.1).
pub(crate) fn accepts_in(
    state: &State,
    dialog: DialogId,
    options: &ModifyOptions,
) -> Result<(), CommandError> {
    let mut early = match state {
        State::Calling(call) => call.early.dialogs.iter(),
        _ => [].iter(),
    };
    let early = early.find(|early| early.dialog == dialog && early.complete);
    let Some(early) = early else {
        return Err(CommandError::WrongState(Requirement::FirstExchange));
    };
    if !early.updates.allowed {
        return Err(CommandError::WrongState(Requirement::PeerTakesUpdate));
    }
    let is_free = options.without_offer || early.exchange == Exchange::Idle;
    let busy = CommandError::WrongState(Requirement::OneOfferAtATime);
    (is_free && early.updates.are_idle())
        .then_some(())
        .ok_or(busy)
}

/// Reads the Allow of what the peer sends within the dialog.
fn learn(input: &Input<'_>, context: &mut Context<'_>) {
    let updates = &mut context.common.updates;
    match input {
        Input::Invite(_, request) => updates.learn(request),
        Input::Response(response)
            if response.status().is_success()
                && matches!(
                    response.to,
                    SessionRequest::Invite | SessionRequest::Reinvite
                ) =>
        {
            updates.learn(response.response);
        }
        _ => {}
    }
}

/// The next state after the end of an exchange by UPDATE, which a repair may have waited for.
fn after(state: State, context: &mut Context<'_>) -> Option<State> {
    match state {
        State::Confirmed(call) => repair(call, context),
        // The 2xx to the INVITE waits for the answer to an UPDATE.
        State::Accepting(call) => call.accept(context),
        state => Some(state),
    }
}

/// Whether a call takes the command to send an UPDATE: one that is up, and one that this side has not answered yet, once a
/// reliable provisional response has completed an exchange (RFC 3311 section 5.1).
pub(crate) fn accepts(
    state: &State,
    options: &ModifyOptions,
    common: &Common,
) -> Result<(), CommandError> {
    let early = matches!(state, State::Incoming(_) | State::Accepting(_));
    let negotiated = may_take_offer(state, common);
    if early && !common.updates.allowed {
        return Err(CommandError::WrongState(Requirement::PeerTakesUpdate));
    }
    let reached = matches!(state, State::Confirmed(_)) || early && negotiated;
    if !reached {
        return Err(CommandError::WrongState(Requirement::FirstExchange));
    }
    let fits = match options.without_offer && common.updates.allowed {
        true => common.updates.are_idle(),
        false => common.may_offer(),
    };
    let busy = CommandError::WrongState(Requirement::OneOfferAtATime);
    fits.then_some(()).ok_or(busy)
}

/// The command of the application.
fn begin(state: State, options: ModifyOptions, context: &mut Context<'_>) -> Option<State> {
    match state {
        // The refresh of a peer without UPDATE is a re-INVITE with an offer, because one without would ask the peer for another.
        State::Confirmed(call) if !context.common.updates.allowed => {
            let options = ModifyOptions {
                without_offer: false,
                ..options
            };
            offer(call.dialog, Attempt::of(options, None), context)
        }
        state => {
            start(Attempt::of(options, None), context);
            Some(state)
        }
    }
}

/// Refreshes the session by an UPDATE without an offer (RFC 4028 section 7.4), or by the one that is under way. False if the
/// peer takes no UPDATE.
pub(crate) fn refresh(context: &mut Context<'_>) -> bool {
    if context.common.updates.allowed && context.common.updates.are_idle() {
        start(Attempt::refresh(), context);
    }
    context.common.updates.allowed
}

/// Requests the offer of the UPDATE from the application, or sends the UPDATE without one.
fn start(attempt: Attempt, context: &mut Context<'_>) {
    if attempt.without_offer() {
        return send(attempt, None, context);
    }
    context.want_offer_for(Carrier::Update, attempt.hold());
    context.common.updates.ours = Ours::Offering(attempt);
}

/// Takes the application's offer for the UPDATE of this side.
fn described(offer: Option<&Body>, context: &mut Context<'_>) {
    match core::mem::take(&mut context.common.updates.ours) {
        Ours::Offering(attempt) => match offer {
            Some(offer) => send(attempt, Some(offer), context),
            None => {
                let reason = EndReason::local(Cause::BadDescription);
                context.modification_failed(&attempt, Ending::Aborted, &reason);
            }
        },
        other => context.common.updates.ours = other,
    }
}

fn send(attempt: Attempt, offer: Option<&Body>, context: &mut Context<'_>) {
    match try_send(&attempt, offer, context) {
        Ok(number) => {
            if offer.is_some() {
                context.described();
            }
            context.common.updates.ours = Ours::Sent(attempt, number);
        }
        Err(error) => {
            let reason = EndReason::local(send_failure_cause(&error));
            context.modification_failed(&attempt, Ending::Aborted, &reason);
        }
    }
}

/// Sends the UPDATE; returns its CSeq number.
fn try_send(
    attempt: &Attempt,
    offer: Option<&Body>,
    context: &mut Context<'_>,
) -> Result<u32, SendError> {
    let dialog = context.common.dialog.ok_or(SendError::Stale)?;
    let duty = Duty::Owed(context.common.connection);
    let connection = match context.endpoint.may_send_in(dialog, duty) {
        MaySend::Now(connection) => connection,
        MaySend::Later => return Err(SendError::NotConnected),
        MaySend::Never(error) => return Err(error),
    };
    let fields = context.timer_fields();
    let update = InDialog {
        connection,
        dialog,
        method: Method::Update,
        body: offer,
        own: &fields.own(),
        extra: attempt.headers(),
    };
    let user = context.common.user(SessionRequest::Update(dialog));
    context.endpoint.send_in_dialog(&update, user)?;
    Ok(last_number(dialog, context))
}

/// The end of the wait after glare.
fn due(may_offer: bool, context: &mut Context<'_>) {
    match core::mem::take(&mut context.common.updates.ours) {
        // RFC 3264 section 8: a fresh offer, because the session may have changed since.
        Ours::Glare(attempt) if may_offer => start(attempt, context),
        Ours::Glare(attempt) => wait(attempt, context),
        other => context.common.updates.ours = other,
    }
}

/// Whether an UPDATE may carry an offer: after the first exchange (RFC 3311 section 5.1). In a call that this side has not
/// answered, a reliable provisional response and its PRACK complete it.
fn may_take_offer(state: &State, common: &Common) -> bool {
    match state {
        State::Incoming(incoming) | State::Accepting(incoming) => incoming.negotiated,
        // The exchanges of a call that the peer has not answered are those of its early dialogs.
        State::Calling(_) | State::Cancelling(_) => false,
        _ => common.exchanges > 0,
    }
}

/// Whether an offer of this side crosses nothing.
fn may_offer(state: &State, context: &Context<'_>) -> bool {
    let quiet = matches!(
        state,
        State::Confirmed(_) | State::Glare(_) | State::Incoming(_) | State::Accepting(_)
    );
    quiet && context.common.offer == Exchange::Idle
}

/// Tries the UPDATE again after the time of RFC 3261 section 14.1.
fn wait(attempt: Attempt, context: &mut Context<'_>) {
    let wait = context.glare_wait();
    context.set(SessionTimer::Update, wait);
    context.common.updates.ours = Ours::Glare(attempt);
}

/// An offer of the peer goes before that of the UPDATE of this side, which is not sent yet.
fn give_way(context: &mut Context<'_>) {
    match core::mem::take(&mut context.common.updates.ours) {
        Ours::Offering(attempt) => {
            context.end_exchange(Ending::RolledBack, by_peer(Cause::Glare));
            wait(attempt, context);
        }
        other => context.common.updates.ours = other,
    }
}

/// Handles a response to the UPDATE of this side (RFC 3311 section 5.1).
fn responded(response: &ResponseTo<'_>, context: &mut Context<'_>) {
    let number = response.response.sequence().unwrap_or(0);
    let status = response.status();
    if status.is_provisional() {
        return;
    }
    let attempt = match core::mem::take(&mut context.common.updates.ours) {
        Ours::Sent(attempt, sent) if sent == number => attempt,
        other => return context.common.updates.ours = other,
    };
    if context.raise_interval(response).is_some() {
        let dialog = context.common.dialog;
        let number = dialog.map_or(0, |dialog| last_number(dialog, context));
        context.common.updates.ours = Ours::Sent(attempt, number);
        return;
    }
    match status.as_u16() {
        200..=299 => accepted(&attempt, response, context),
        491 if attempt.glares < MOST_GLARES => {
            if !attempt.without_offer() {
                context.end_exchange(Ending::RolledBack, refusal(response.response));
            }
            wait(attempt.again(), context);
        }
        status => {
            // The peer has no UPDATE, whatever its Allow said.
            if matches!(status, 405 | 501) {
                context.common.updates.allowed = false;
            }
            context.modification_failed(&attempt, Ending::Refused, &response.refusal());
        }
    }
}

fn accepted(attempt: &Attempt, response: &ResponseTo<'_>, context: &mut Context<'_>) {
    context.common.updates.learn(response.response);
    // RFC 3311 section 5.1: the target is refreshed in both directions.
    if let Some(dialog) = context.common.dialog {
        let connection = response.connection;
        context
            .endpoint
            .refresh_target(dialog, response.response, connection);
    }
    context.on_flow_in_use();
    context.refreshed_by(response.response);
    if attempt.without_offer() {
        return context.modification_ended(attempt, Ok(()));
    }
    match remote_description(response.response) {
        Some(answer) => context.answer_came(answer),
        None => context.end_exchange(Ending::Refused, by_peer(Cause::BadDescription)),
    }
}

/// The UPDATE of this side has no response.
fn failed(reason: EndReason, context: &mut Context<'_>) {
    match core::mem::take(&mut context.common.updates.ours) {
        Ours::Sent(attempt, _) => context.modification_failed(&attempt, Ending::Aborted, &reason),
        other => context.common.updates.ours = other,
    }
}

/// Handles an UPDATE of the peer (RFC 3311 section 5.2).
fn received(
    mut state: State,
    transaction: ServerTransactionId,
    request: &Request,
    context: &mut Context<'_>,
) -> Option<State> {
    if matches!(
        state,
        State::Terminating(_) | State::QueuedBye(_) | State::LostBye(_)
    ) {
        let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
        context.refuse(transaction, status);
        return Some(state);
    }
    let offer = remote_description(request);
    // The exchanges of a call that the peer has not answered are those of its early dialogs.
    let early = match &mut state {
        State::Calling(call) => Some((&mut call.early, false)),
        State::Cancelling(call) => Some((&mut call.early, true)),
        _ => None,
    };
    if let Some((early, cancelled)) = early {
        // An offer of this side that is not sent yet gives way.
        if let Some(dialog) = early
            .offering_in(request, context)
            .filter(|_| offer.is_some())
        {
            early.within(dialog, context, give_way);
        }
        if !early.take_update(transaction, request, offer, cancelled, context) {
            refreshed(transaction, request, context);
        }
        return Some(state);
    }
    context.common.updates.learn(request);
    if context.common.updates.theirs.is_some() {
        context.refuse_for_now(transaction);
        return Some(state);
    }
    let Some(offer) = offer else {
        refreshed(transaction, request, context);
        return after(state, context);
    };
    let state = match (context.common.offer, state) {
        (Exchange::OfferAsked(_, Carrier::Invite), State::Offering(offering)) => {
            offering.give_way(context)?
        }
        (Exchange::OfferAsked(_, Carrier::Update), state) => {
            give_way(context);
            state
        }
        // An offer of this side is sent, or due in a message that the peer waits for.
        (Exchange::OfferSent(..) | Exchange::OfferAsked(..), state) => {
            context.refuse(transaction, StatusCode::REQUEST_PENDING);
            return Some(state);
        }
        (Exchange::Idle, State::Reinviting(reinviting)) => {
            // The peer owes an offer in its 2xx.
            context.refuse(transaction, StatusCode::REQUEST_PENDING);
            return Some(State::Reinviting(reinviting));
        }
        // A peer that makes another offer has the 2xx, so that only its ACK is missing.
        (Exchange::AnswerSent(..), state @ (State::Answered(_) | State::Reanswered(_))) => {
            context.answer_acknowledged();
            state
        }
        (Exchange::Idle, state) if may_take_offer(&state, context.common) => state,
        // An offer of the peer is not answered: that of another request, or that of its INVITE.
        (_, state) => {
            context.refuse_for_now(transaction);
            return Some(state);
        }
    };
    context.common.updates.theirs = Some(transaction);
    context.offer_came(Carrier::Update, offer);
    Some(state)
}

/// The dialog of an UPDATE: that of the call, or an early one of a call that the peer has not answered.
fn dialog_of(request: &Request, context: &Context<'_>) -> Option<DialogId> {
    let dialogs = &context.endpoint.dialogs;
    context.common.dialog.or_else(|| dialogs.find(request))
}

/// Answers an UPDATE without an offer: it refreshes the target and the session.
fn refreshed(transaction: ServerTransactionId, request: &Request, context: &mut Context<'_>) {
    let dialog = dialog_of(request, context).ok_or(SendError::Stale);
    let sent = dialog.and_then(|dialog| context.accept_update(dialog, transaction, None));
    if sent.is_err() {
        context.refuse(transaction, StatusCode::SERVER_INTERNAL_ERROR);
    }
}

/// Answers the UPDATE of the peer with the application's description.
fn accept(transaction: ServerTransactionId, answer: &Body, context: &mut Context<'_>) {
    let dialog = context.common.dialog.ok_or(SendError::Stale);
    let sent = dialog.and_then(|dialog| context.accept_update(dialog, transaction, Some(answer)));
    if sent.is_err() {
        let reason = EndReason::local(Cause::Malformed);
        return refuse(StatusCode::NOT_ACCEPTABLE_HERE, reason, context);
    }
    context.common.updates.theirs = None;
    context.described();
}

/// Refuses the UPDATE of the peer; the session is unchanged.
fn refuse(status: StatusCode, reason: EndReason, context: &mut Context<'_>) {
    if let Some(transaction) = context.common.updates.theirs.take() {
        context.refuse(transaction, status);
    }
    refused(reason, context);
}

fn refused(reason: EndReason, context: &mut Context<'_>) {
    context.end_exchange(Ending::Refused, reason);
}
