//! Calls of the application and of peers: what their futures return, and what the drop of each future and handle does.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use sip_core::{
    ByeFailure, Cause, EndReason, FailureStatus, Forks, InviteOptions, MessageOptions, Originator,
    TransferOptions, TransferOutcome,
};
use sip_host::handles::error::{CallError, NotConnected};
use sip_host::os::handle::{Agent, Call, IncomingCall};

use crate::desk::{
    BOB, Bell, Desk, SDP, accepted, in_dialog_by, in_dialog_of, poll, poll_with, request, response,
};

type Alice = Agent<Desk>;

fn online() -> (Desk, Alice) {
    Desk::online(|_| {})
}

/// A call that rings at bob, and its INVITE.
fn ringing(desk: &Desk, agent: &Alice) -> (Call<Desk>, String) {
    let call = desk.finish(agent.call("bob".to_owned())).unwrap();
    let invite = desk.sent("INVITE sip:bob@example.com");
    desk.receive(&response(&invite, "180 Ringing", BOB, ""));
    (call, invite)
}

/// A call that is up, and its INVITE.
fn up(desk: &Desk, agent: &Alice) -> (Call<Desk>, String) {
    let (call, invite) = ringing(desk, agent);
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");
    desk.finish(call.established()).unwrap();
    (call, invite)
}

/// Bob calls.
fn bobs_invite() -> String {
    request("INVITE", 1, None, "", SDP)
}

fn incoming(desk: &Desk, agent: &Alice) -> IncomingCall<Desk> {
    desk.receive(&bobs_invite());
    let mut calls = agent.incoming();
    let next = std::future::poll_fn(move |cx| calls.poll_next(cx));
    desk.finish(next).unwrap()
}

#[test]
fn a_call_comes_up_and_ends() {
    let (desk, agent) = online();
    let (call, invite) = up(&desk, &agent);
    assert_eq!(call.end(), None);
    desk.receive(&in_dialog_of(&invite, "BYE", 1, "", ""));
    desk.sent("SIP/2.0 200");
    let end = desk.finish(call.ended());
    assert_eq!((end.originator, end.cause), (Originator::Peer, Cause::Bye));
    // Each command that comes too late says how the call ended.
    assert_eq!(desk.finish(call.hang_up()), end);
    let late = desk.finish(call.hang_up_with(MessageOptions::new()));
    assert_eq!(late, Ok(end.clone()));
    for late in [
        desk.finish(call.hold()),
        desk.finish(call.resume()),
        desk.finish(call.dtmf("1".to_owned())),
        desk.finish(call.transfer("carol".into())),
    ] {
        assert_eq!(late, Err(CallError::Ended(end.clone())));
    }
    assert_eq!(desk.finish(call.established()), Ok(()));
    desk.quiet();
    drop(call);
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_refused_call_says_why() {
    let (desk, agent) = online();
    let (call, invite) = ringing(&desk, &agent);
    desk.receive(&response(&invite, "486 Busy Here", "", ""));
    desk.sent("ACK ");
    let end = desk.finish(call.established()).unwrap_err();
    assert_eq!(end.status.map(|status| status.as_u16()), Some(486));
    drop(call);
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

/// `call` waits for the connection that is being opened.
#[test]
fn a_call_waits_for_a_connection() {
    let (desk, agent) = Desk::new(|_| {});
    let mut calling = pin!(agent.call("bob".to_owned()));
    for _ in 0..3 {
        assert!(poll(calling.as_mut()).is_pending());
        desk.turn();
    }
    desk.open();
    let call = desk.finish(calling.as_mut()).unwrap();
    desk.sent("INVITE ");
    assert_eq!(call.end(), None);
}

#[test]
fn a_call_fails_with_the_attempt_to_connect() {
    let (desk, agent) = Desk::new(|_| {});
    let mut calling = pin!(agent.call("bob".to_owned()));
    for _ in 0..3 {
        assert!(poll(calling.as_mut()).is_pending());
        desk.turn();
    }
    desk.refuse();
    let failure = desk.finish(calling.as_mut()).unwrap_err();
    assert!(matches!(
        failure,
        CallError::NotConnected(NotConnected::Failed(_))
    ));
}

/// A future of `call` that is dropped, at each await: it makes no call.
#[test]
fn a_dropped_call_future_makes_no_call() {
    // Before its first poll.
    let (desk, agent) = online();
    drop(agent.call("bob".to_owned()));
    desk.quiet();

    // While its command waits in the queue: the call begins, and ends at once.
    let mut calling = Box::pin(agent.call("bob".to_owned()));
    assert!(poll(calling.as_mut()).is_pending());
    drop(calling);
    desk.turn();
    let invite = desk.sent("INVITE ");
    desk.receive(&response(&invite, "180 Ringing", BOB, ""));
    desk.sent("CANCEL ");
    assert_eq!(desk.entries(), 0);

    // With the result of the command there, which the future has not taken.
    let mut calling = Box::pin(agent.call("bob".to_owned()));
    assert!(poll(calling.as_mut()).is_pending());
    desk.turn();
    let invite = desk.sent("INVITE ");
    drop(calling);
    desk.receive(&response(&invite, "180 Ringing", BOB, ""));
    desk.sent("CANCEL ");
    assert_eq!(desk.entries(), 0);

    // While it waits for a connection.
    let (desk, agent) = Desk::new(|_| {});
    let mut calling = Box::pin(agent.call("bob".to_owned()));
    for _ in 0..3 {
        assert!(poll(calling.as_mut()).is_pending());
        desk.turn();
    }
    drop(calling);
    desk.open();
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_call_that_is_dropped_is_cancelled_or_hung_up() {
    let (desk, agent) = online();
    let (call, _) = ringing(&desk, &agent);
    drop(call);
    desk.turn();
    desk.sent("CANCEL ");
    let (call, _) = up(&desk, &agent);
    drop(call);
    desk.turn();
    desk.sent("BYE ");
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_call_that_is_detached_goes_on() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    let id = call.id();
    assert_eq!(call.detach(), id);
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

/// A dropped wait takes its waker out and changes nothing; another wait for the same call has the answer.
#[test]
fn dropped_waits_for_a_call_change_nothing() {
    let (desk, agent) = online();
    let (call, invite) = ringing(&desk, &agent);
    let entries = desk.entries();
    for _ in 0..3 {
        assert!(poll(pin!(call.established())).is_pending());
        assert!(poll(pin!(call.ended())).is_pending());
        assert!(poll(pin!(call.branch())).is_pending());
    }
    assert_eq!(desk.entries(), entries);
    desk.quiet();
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");
    desk.finish(call.established()).unwrap();
}

/// Two waits for the same thing are both woken, and have the same answer.
#[test]
fn two_waits_have_the_same_answer() {
    let (desk, agent) = online();
    let (call, invite) = ringing(&desk, &agent);
    let bells = [Arc::<Bell>::default(), Arc::default(), Arc::default()];
    let mut first = pin!(call.established());
    let mut second = pin!(call.established());
    let mut end = pin!(call.ended());
    assert!(poll_with(first.as_mut(), &bells[0]).is_pending());
    assert!(poll_with(second.as_mut(), &bells[1]).is_pending());
    assert!(poll_with(end.as_mut(), &bells[2]).is_pending());
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");
    assert!(bells.iter().all(|bell| bell.rings() == 1));
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(())));
    assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
    assert!(poll_with(end.as_mut(), &bells[2]).is_pending());
    desk.receive(&in_dialog_of(&invite, "BYE", 1, "", ""));
    assert_eq!(bells[2].rings(), 2);
    assert!(poll(end.as_mut()).is_ready());
}

#[test]
fn a_dropped_hang_up_ends_the_call_from_its_first_poll_on() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    drop(call.hang_up());
    desk.quiet();
    assert!(poll(pin!(call.hang_up())).is_pending());
    desk.turn();
    let bye = desk.sent("BYE ");
    desk.receive(&response(&bye, "200 OK", "", ""));
    let end = desk.finish(call.ended());
    assert_eq!(
        (end.originator, end.cause),
        (Originator::Local, Cause::Requested)
    );
    // A second one sends no second BYE.
    assert_eq!(desk.finish(call.hang_up()), end);
    desk.quiet();
}

#[test]
fn a_hang_up_has_header_fields() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    let header = sip_core::ExtraHeader::new("X-Why", "enough").unwrap();
    let mut hanging_up = pin!(call.hang_up_with(MessageOptions::new().header(header)));
    assert!(poll(hanging_up.as_mut()).is_pending());
    desk.turn();
    assert!(poll(hanging_up.as_mut()).is_pending());
    let bye = desk.sent("BYE ");
    assert!(bye.contains("X-Why: enough\r\n"));
    desk.receive(&response(&bye, "200 OK", "", ""));
    assert!(desk.finish(hanging_up).is_ok());
}

#[test]
fn hold_and_resume_wait_for_the_peer() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    let mut holding = pin!(call.hold());
    assert!(poll(holding.as_mut()).is_pending());
    desk.turn();
    assert!(poll(holding.as_mut()).is_pending());
    let reinvite = desk.sent("INVITE ");
    // A second change while the first one goes on.
    assert!(matches!(
        desk.finish(call.resume()),
        Err(CallError::Refused(_))
    ));
    desk.receive(&accepted(&reinvite));
    desk.sent("ACK ");
    assert_eq!(desk.finish(holding), Ok(()));

    let mut resuming = pin!(call.resume());
    assert!(poll(resuming.as_mut()).is_pending());
    desk.turn();
    let reinvite = desk.sent("INVITE ");
    desk.receive(&response(&reinvite, "488 Not Acceptable Here", "", ""));
    desk.sent("ACK ");
    let refused = desk.finish(resuming);
    assert!(matches!(refused, Err(CallError::Rejected(reason)) if reason.status.is_some()));
    assert_eq!(call.end(), None);
}

/// After 491 the core offers again, in another exchange: the hold is over when that one is.
#[test]
fn a_hold_that_crosses_an_offer_of_the_peer_goes_on() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    let mut holding = pin!(call.hold());
    assert!(poll(holding.as_mut()).is_pending());
    desk.turn();
    let reinvite = desk.sent("INVITE ");
    desk.receive(&response(&reinvite, "491 Request Pending", "", ""));
    desk.sent("ACK ");
    assert!(poll(holding.as_mut()).is_pending());
    desk.next_deadline();
    let again = desk.sent("INVITE ");
    assert!(poll(holding.as_mut()).is_pending());
    desk.receive(&accepted(&again));
    desk.sent("ACK ");
    assert_eq!(desk.finish(holding), Ok(()));
}

#[test]
fn a_dropped_hold_holds_all_the_same() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    assert!(poll(pin!(call.hold())).is_pending());
    desk.turn();
    let reinvite = desk.sent("INVITE ");
    desk.receive(&accepted(&reinvite));
    desk.sent("ACK ");
    // Its outcome is not taken for that of the next change.
    let mut resuming = pin!(call.resume());
    assert!(poll(resuming.as_mut()).is_pending());
    desk.turn();
    assert!(poll(resuming.as_mut()).is_pending());
    let reinvite = desk.sent("INVITE ");
    desk.receive(&accepted(&reinvite));
    desk.sent("ACK ");
    assert_eq!(desk.finish(resuming), Ok(()));
}

#[test]
fn a_hold_ends_with_the_call() {
    let (desk, agent) = online();
    let (call, invite) = up(&desk, &agent);
    let mut holding = pin!(call.hold());
    assert!(poll(holding.as_mut()).is_pending());
    desk.turn();
    desk.sent("INVITE ");
    desk.receive(&in_dialog_of(&invite, "BYE", 1, "", ""));
    assert!(matches!(desk.finish(holding), Err(CallError::Ended(_))));
}

fn referred(desk: &Desk, invite: &str, number: u32, status: &str) -> String {
    let more = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n\
                Content-Type: message/sipfrag\r\n";
    let notify = in_dialog_of(invite, "NOTIFY", number, more, "");
    let body = format!("SIP/2.0 {status}\r\n");
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    desk.receive(&notify.replace("Content-Length: 0\r\n\r\n", &length));
    desk.sent("SIP/2.0 200")
}

#[test]
fn a_transfer_is_over_when_the_peer_reports_its_outcome() {
    let (desk, agent) = online();
    let (call, invite) = up(&desk, &agent);
    for (number, status, succeeds) in [(1, "200 OK", true), (2, "486 Busy Here", false)] {
        let mut transfer = pin!(call.transfer("carol".into()));
        assert!(poll(transfer.as_mut()).is_pending());
        desk.turn();
        let refer = desk.sent("REFER ");
        assert!(poll(transfer.as_mut()).is_pending());
        desk.receive(&response(&refer, "202 Accepted", BOB, ""));
        assert!(poll(transfer.as_mut()).is_pending());
        referred(&desk, &invite, number, status);
        match desk.finish(transfer) {
            Ok(()) => assert!(succeeds),
            Err(CallError::Transfer(TransferOutcome::Failed(_))) => assert!(!succeeds),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(call.end(), None);
    let entries = desk.entries();
    assert!(
        poll(pin!(
            call.transfer_with("carol".into(), TransferOptions::new())
        ))
        .is_pending()
    );
    desk.turn();
    desk.sent("REFER ");
    // A dropped transfer leaves nothing behind, and the REFER goes on.
    assert_eq!(desk.entries(), entries);
}

/// RFC 5589 section 7: the new call of the transferred peer replaces the other call.
#[test]
fn a_call_is_transferred_to_the_peer_of_another_one() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    // A peer without Replaces cannot be the target.
    let (plain, _) = up(&desk, &agent);
    let refused = desk.finish(call.transfer_to(plain.id().into()));
    assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
    let (other, invite) = ringing(&desk, &agent);
    let supported = format!("{BOB}Supported: replaces\r\n");
    desk.receive(&response(&invite, "200 OK", &supported, SDP));
    desk.sent("ACK ");
    assert!(poll(pin!(call.transfer_to(other.id().into()))).is_pending());
    desk.turn();
    let refer = desk.sent("REFER ");
    assert!(refer.contains("Replaces="), "{refer}");
}

#[test]
fn tones_are_over_when_the_last_one_is_sent() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    assert!(matches!(
        desk.finish(call.dtmf("nonsense".to_owned())),
        Err(CallError::Refused(_))
    ));
    let mut tones = pin!(call.dtmf("1".to_owned()));
    assert!(poll(tones.as_mut()).is_pending());
    desk.turn();
    let info = desk.sent("INFO ");
    assert!(poll(tones.as_mut()).is_pending());
    desk.receive(&response(&info, "200 OK", "", ""));
    assert_eq!(desk.finish(tones), Ok(()));
    let mut tones = pin!(call.dtmf("3".to_owned()));
    assert!(poll(tones.as_mut()).is_pending());
    desk.next_deadline();
    let info = desk.sent("INFO ");
    desk.receive(&response(&info, "415 Unsupported Media Type", "", ""));
    let refused = desk.finish(tones);
    assert!(matches!(refused, Err(CallError::Rejected(reason)) if reason.status.is_some()));
    let entries = desk.entries();
    assert!(poll(pin!(call.dtmf("2".to_owned()))).is_pending());
    desk.next_deadline();
    desk.sent("INFO ");
    assert_eq!(desk.entries(), entries);
}

#[test]
fn a_peer_calls_and_is_answered() {
    let (desk, agent) = online();
    let incoming = incoming(&desk, &agent);
    assert_eq!(incoming.from(), "sip:bob@example.com");
    assert_eq!(incoming.request().method(), sip_parse::Method::Invite);
    assert_eq!(incoming.end(), None);
    incoming.ring();
    desk.turn();
    desk.sent("SIP/2.0 180");
    let call = incoming.answer();
    desk.turn();
    let answer = desk.sent("SIP/2.0 200");
    assert!(poll(pin!(call.established())).is_pending());
    desk.receive(&in_dialog_by(&answer, "ACK", 1, "", ""));
    desk.finish(call.established()).unwrap();
    drop(call);
    desk.turn();
    desk.sent("BYE ");
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_peer_is_refused() {
    let (desk, agent) = online();
    let incoming = incoming(&desk, &agent);
    let busy = FailureStatus::new(486).unwrap();
    let mut rejecting = pin!(incoming.reject(busy.into()));
    assert!(poll(rejecting.as_mut()).is_pending() || desk.entries() == 0);
    desk.turn();
    let refusal = desk.sent("SIP/2.0 486");
    desk.receive(&in_dialog_by(&refusal, "ACK", 1, "", ""));
    let end = desk.finish(rejecting);
    assert_eq!(end.originator, Originator::Local);
}

/// Dropping `reject` refuses all the same, and dropping a call that rings refuses it by 480.
#[test]
fn a_dropped_incoming_call_is_refused() {
    let (desk, agent) = online();
    let call = incoming(&desk, &agent);
    let mut rejecting = Box::pin(call.reject(FailureStatus::new(486).unwrap().into()));
    let _ = poll(rejecting.as_mut());
    drop(rejecting);
    desk.turn();
    let refusal = desk.sent("SIP/2.0 486");
    desk.receive(&in_dialog_by(&refusal, "ACK", 1, "", ""));
    desk.quiet();

    let (desk, agent) = online();
    drop(incoming(&desk, &agent));
    desk.turn();
    desk.sent("SIP/2.0 480");
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_dropped_answer_with_options_refuses_or_hangs_up() {
    // Before the command runs: the refusal of the drop comes first.
    let (desk, agent) = online();
    let call = incoming(&desk, &agent);
    let mut answering = Box::pin(call.answer_with(MessageOptions::new()));
    assert!(poll(answering.as_mut()).is_pending());
    drop(answering);
    desk.turn();
    desk.sent("SIP/2.0 480");
    desk.quiet();

    // After it has run: the answer is out, and the call ends once its ACK is there.
    let (desk, agent) = online();
    let call = incoming(&desk, &agent);
    let mut answering = Box::pin(call.answer_with(MessageOptions::new()));
    assert!(poll(answering.as_mut()).is_pending());
    desk.turn();
    let answer = desk.sent("SIP/2.0 200");
    drop(answering);
    desk.turn();
    desk.receive(&in_dialog_by(&answer, "ACK", 1, "", ""));
    desk.sent("BYE ");

    let (desk, agent) = online();
    let call = incoming(&desk, &agent);
    let body = sip_core::Body::sdp(SDP);
    let refused = desk.finish(call.answer_with(MessageOptions::new().body(body)));
    assert!(matches!(refused, Err(CallError::Refused(_))));
    desk.turn();
    desk.sent("SIP/2.0 480");
}

/// The caller gives up: nothing that comes later is an error.
#[test]
fn a_late_answer_says_that_the_caller_gave_up() {
    let gives_up = |desk: &Desk, agent: &Alice| {
        let call = incoming(desk, agent);
        desk.receive(&request("CANCEL", 1, None, "", ""));
        desk.sent("SIP/2.0 200");
        desk.sent("SIP/2.0 487");
        call
    };
    let cancelled = |end: &EndReason| end.cause == Cause::Cancelled;

    let (desk, agent) = online();
    let call = gives_up(&desk, &agent);
    assert!(call.end().as_ref().is_some_and(cancelled));
    assert!(cancelled(&desk.finish(call.ended())));
    let call = call.answer();
    assert!(
        desk.finish(call.established())
            .is_err_and(|end| cancelled(&end))
    );
    assert!(cancelled(&desk.finish(call.hang_up())));
    drop(call);
    desk.quiet();

    let (desk, agent) = online();
    let call = gives_up(&desk, &agent);
    assert!(cancelled(
        &desk.finish(call.reject(FailureStatus::new(486).unwrap().into()))
    ));
    desk.quiet();

    let (desk, agent) = online();
    let call = gives_up(&desk, &agent);
    let call = desk
        .finish(call.answer_with(MessageOptions::new()))
        .unwrap();
    assert!(call.end().as_ref().is_some_and(cancelled));

    let (desk, agent) = online();
    drop(gives_up(&desk, &agent));
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

/// A call goes to one wait alone; a dropped wait loses none; one that ends before is not handed out.
#[test]
fn incoming_calls_are_handed_out_once() {
    let (desk, agent) = online();
    let next = |agent: &Alice| {
        let mut calls = agent.incoming();
        Box::pin(std::future::poll_fn(move |cx| calls.poll_next(cx)))
    };
    let bells = [Arc::<Bell>::default(), Arc::default()];
    let (mut first, mut second) = (next(&agent), next(&agent));
    assert!(poll_with(first.as_mut(), &bells[0]).is_pending());
    assert!(poll_with(second.as_mut(), &bells[1]).is_pending());
    let mut dropped = next(&agent);
    assert!(poll(dropped.as_mut()).is_pending());
    desk.receive(&bobs_invite());
    drop(dropped);
    assert_eq!((bells[0].rings(), bells[1].rings()), (1, 1));
    let Poll::Ready(Some(call)) = poll(second.as_mut()) else {
        panic!("no call");
    };
    assert!(poll(first.as_mut()).is_pending());
    drop((first, second, call));
    desk.turn();
    assert_eq!(desk.entries(), 0);

    let (desk, agent) = online();
    desk.receive(&bobs_invite());
    desk.receive(&request("CANCEL", 1, None, "", ""));
    assert!(poll(next(&agent).as_mut()).is_pending());
    assert_eq!(desk.entries(), 0);
}

/// A further branch of a forked call is a call of its own.
#[test]
fn a_branch_of_a_call_is_a_call() {
    let (desk, agent) = online();
    let options = InviteOptions::new().forks(Forks::Claim);
    let call = desk
        .finish(agent.call_with("bob".to_owned(), options))
        .unwrap();
    let invite = desk.sent("INVITE ");
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");
    assert!(poll(pin!(call.branch())).is_pending());
    desk.receive(&accepted(&invite).replace(";tag=server", ";tag=other"));
    desk.sent("ACK ");
    let branch = desk.finish(call.branch()).unwrap();
    desk.finish(branch.established()).unwrap();
    drop(branch);
    desk.turn();
    desk.sent("BYE ");
    // Without a handle of its own a branch ends with the first call.
    desk.receive(&accepted(&invite).replace(";tag=server", ";tag=third"));
    desk.sent("ACK ");
    drop(call);
    desk.turn();
    desk.sent("BYE ");
    desk.sent("BYE ");
    assert_eq!(desk.entries(), 0);
}

/// The task of the agent ends: every wait is over, and says so.
#[test]
fn calls_of_an_agent_that_is_gone_are_over() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    let bell = Arc::<Bell>::default();
    let mut waiting = Box::pin(call.ended());
    assert!(poll_with(waiting.as_mut(), &bell).is_pending());
    desk.end();
    assert_eq!(bell.rings(), 1);
    let end = desk.finish(waiting);
    assert_eq!(
        (end.originator, end.cause),
        (Originator::Local, Cause::Stopped)
    );
    assert_eq!(desk.finish(call.hang_up()), end);
    assert!(matches!(desk.finish(call.hold()), Err(CallError::Ended(_))));
    assert_eq!(
        desk.finish(agent.call("bob".to_owned())).unwrap_err(),
        CallError::Gone
    );
    drop(call);
    assert_eq!(desk.entries(), 0);
}

/// The connection breaks in a call: the call goes on, and a BYE that is never sent is in its reason.
#[test]
fn a_call_outlives_its_connection() {
    let (desk, agent) = online();
    let (call, _) = up(&desk, &agent);
    desk.lose();
    assert_eq!(call.end(), None);
    let mut hanging_up = pin!(call.hang_up());
    assert!(poll(hanging_up.as_mut()).is_pending());
    desk.turn();
    while call.end().is_none() {
        desk.next_deadline();
    }
    let end = desk.finish(hanging_up);
    assert!(end.cause == Cause::NeverSent || end.bye_failure == Some(ByeFailure::NotSent));
}
