//! Subscriptions, publications, and the REFERs of peers.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sip_core::{
    Body, Cause, FailureStatus, IncomingSubscriptionEnd, Notification, SubscriptionEnd,
    SubscriptionState,
};
use sip_host::handles::NOTICES;
use sip_host::os::handle::{
    Agent, IncomingSubscription, IncomingTransfer, Publication, Subscription,
};

use crate::desk::{BOB, Desk, SDP, accepted, in_dialog_by, in_dialog_of, poll, request, response};

type Alice = Agent<Desk>;

fn online() -> (Desk, Alice) {
    Desk::online(|config| {
        config.event_packages(["presence"]);
    })
}

fn subscribe(desk: &Desk, agent: &Alice) -> (Subscription<Desk>, String) {
    let subscription = desk.finish(agent.subscribe("bob".to_owned(), "presence".to_owned()));
    let subscribe = desk.sent("SUBSCRIBE sip:bob@example.com");
    let expires = format!("{BOB}Expires: 600\r\n");
    desk.receive(&response(&subscribe, "200 OK", &expires, ""));
    (subscription.unwrap(), subscribe)
}

fn notify(desk: &Desk, subscribe: &str, number: u32, state: &str) {
    let more = format!("Event: presence\r\nSubscription-State: {state}\r\n");
    desk.receive(&in_dialog_of(subscribe, "NOTIFY", number, &more, ""));
    desk.sent("SIP/2.0 200");
}

#[test]
fn a_subscription_hands_out_its_notifications() {
    let (desk, agent) = online();
    let (mut subscription, sent) = subscribe(&desk, &agent);
    let mut next = Box::pin(poll_fn(|cx| subscription.poll_next(cx)));
    assert!(poll(next.as_mut()).is_pending());
    // A dropped wait loses no notification.
    notify(&desk, &sent, 1, "active;expires=600");
    drop(next);
    let notice = desk
        .finish(poll_fn(|cx| subscription.poll_next(cx)))
        .unwrap();
    assert_eq!(
        (notice.state, notice.missed),
        (SubscriptionState::Active, 0)
    );
    assert!(notice.expires <= Duration::from_secs(600));
    // The newest ones wait.
    let more = u32::try_from(NOTICES).unwrap() + 3;
    for number in 2..2 + more {
        notify(&desk, &sent, number, "active;expires=600");
    }
    let notice = desk
        .finish(poll_fn(|cx| subscription.poll_next(cx)))
        .unwrap();
    assert_eq!(notice.missed, 3);
    notify(&desk, &sent, 100, "terminated;reason=noresource");
    let mut taken = 0;
    while desk
        .finish(poll_fn(|cx| subscription.poll_next(cx)))
        .is_some()
    {
        taken += 1;
    }
    assert_eq!(taken, NOTICES);
    let end = desk.finish(subscription.ended());
    assert!(matches!(end, SubscriptionEnd::Terminated(_)), "{end:?}");
    // It ended before the application ended it.
    assert_eq!(desk.finish(subscription.unsubscribe()), end);
    drop(subscription);
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_subscription_that_is_dropped_ends() {
    let (desk, agent) = online();
    let (subscription, sent) = subscribe(&desk, &agent);
    notify(&desk, &sent, 1, "active;expires=600");
    drop(subscription);
    desk.turn();
    let unsubscribe = desk.sent("SUBSCRIBE ");
    assert!(unsubscribe.contains("Expires: 0\r\n"));
    assert_eq!(desk.entries(), 0);

    let (desk, agent) = online();
    let (subscription, sent) = subscribe(&desk, &agent);
    notify(&desk, &sent, 1, "active;expires=600");
    assert!(poll(pin!(subscription.ended())).is_pending());
    drop(subscription.unsubscribe());
    desk.quiet();
    assert!(poll(pin!(subscription.unsubscribe())).is_pending());
    desk.turn();
    desk.sent("SUBSCRIBE ");
    let _ = subscription.detach();

    let (desk, agent) = online();
    let (subscription, sent) = subscribe(&desk, &agent);
    notify(&desk, &sent, 1, "active;expires=600");
    desk.finish(subscription.refresh()).unwrap();
    desk.sent("SUBSCRIBE ");
    let _ = subscription.detach();
    desk.quiet();
    assert_eq!(desk.entries(), 0);

    // The future that makes it is dropped.
    let (desk, agent) = online();
    let mut making = Box::pin(agent.subscribe("bob".to_owned(), "presence".to_owned()));
    assert!(poll(making.as_mut()).is_pending());
    desk.turn();
    let sent = desk.sent("SUBSCRIBE ");
    drop(making);
    desk.turn();
    let expires = format!("{BOB}Expires: 600\r\n");
    desk.receive(&response(&sent, "200 OK", &expires, ""));
    // The core ends it in the dialog that the first NOTIFY confirms.
    notify(&desk, &sent, 1, "active;expires=600");
    let unsubscribe = desk.sent("SUBSCRIBE ");
    assert!(unsubscribe.contains("Expires: 0\r\n"));
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_subscription_of_an_agent_that_is_gone_is_over() {
    let (desk, agent) = online();
    let (subscription, _) = subscribe(&desk, &agent);
    let mut end = pin!(subscription.ended());
    assert!(poll(end.as_mut()).is_pending());
    desk.end();
    let end = desk.finish(end);
    assert!(matches!(end, SubscriptionEnd::Failed(reason) if reason.cause == Cause::Stopped));
}

fn bobs_subscription(desk: &Desk, agent: &Alice, number: u32) -> IncomingSubscription<Desk> {
    let mut subscriptions = agent.subscriptions();
    let more = "Event: presence\r\nExpires: 600\r\n";
    let dialog = (
        "sip:bob@example.com",
        "<sip:alice@example.com>",
        &*format!("subscription{number}"),
    );
    desk.receive(&request("SUBSCRIBE", number, Some(dialog), more, ""));
    desk.finish(poll_fn(|cx| subscriptions.poll_next(cx)))
        .unwrap()
}

#[test]
fn a_subscription_of_a_peer_is_accepted_and_served() {
    let (desk, agent) = online();
    let subscription = bobs_subscription(&desk, &agent, 1);
    assert_eq!(subscription.package(), "presence");
    assert_eq!(subscription.expires(), Duration::from_secs(600));
    assert_eq!(subscription.from(), "sip:bob@example.com");
    let state = || Notification::active(Body::new("application/pidf+xml", "<presence/>"));
    desk.finish(subscription.accept(state())).unwrap();
    desk.sent("SIP/2.0 200");
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    desk.finish(subscription.notify(state())).unwrap();
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    assert!(poll(pin!(subscription.ended())).is_pending());
    // The drop terminates it.
    drop(subscription);
    desk.turn();
    let notify = desk.sent("NOTIFY ");
    assert!(notify.contains("Subscription-State: terminated"));
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_subscription_of_a_peer_is_refused() {
    let (desk, agent) = online();
    let subscription = bobs_subscription(&desk, &agent, 1);
    subscription.reject(FailureStatus::new(403).unwrap().into());
    desk.turn();
    desk.sent("SIP/2.0 403");
    drop(bobs_subscription(&desk, &agent, 2));
    desk.turn();
    desk.sent("SIP/2.0 480");
    desk.quiet();
    assert_eq!(desk.entries(), 0);
    // The core refuses it by itself after 10 s: whatever comes then is late.
    let subscription = bobs_subscription(&desk, &agent, 3);
    desk.next_deadline();
    desk.sent("SIP/2.0 100");
    desk.next_deadline();
    desk.sent("SIP/2.0 480");
    let end = desk.finish(subscription.ended());
    assert_eq!(end, IncomingSubscriptionEnd::Unanswered);
    assert!(
        desk.finish(subscription.accept(Notification::empty()))
            .is_err()
    );
    drop(subscription);
    desk.quiet();
}

fn publish(desk: &Desk, agent: &Alice) -> (Publication<Desk>, String) {
    let state = Body::new("application/pidf+xml", "<presence/>");
    let publication = desk.finish(agent.publish("presence".to_owned(), state));
    (publication.unwrap(), desk.sent("PUBLISH "))
}

fn stored(desk: &Desk, publish: &str) {
    let more = "SIP-ETag: one\r\nExpires: 600\r\n";
    desk.receive(&response(publish, "200 OK", more, ""));
}

#[test]
fn a_publication_is_published_changed_and_removed() {
    let (desk, agent) = online();
    let (publication, sent) = publish(&desk, &agent);
    let mut waiting = Box::pin(publication.published());
    assert!(poll(waiting.as_mut()).is_pending());
    stored(&desk, &sent);
    assert_eq!(desk.finish(waiting), Ok(()));
    assert_eq!(desk.finish(publication.published()), Ok(()));

    let state = Body::new("application/pidf+xml", "<other/>");
    desk.finish(publication.modify(state)).unwrap();
    assert!(poll(pin!(publication.published())).is_pending());
    let sent = desk.sent("PUBLISH ");
    stored(&desk, &sent);
    assert_eq!(desk.finish(publication.published()), Ok(()));

    drop(publication.remove());
    desk.quiet();
    let mut removing = Box::pin(publication.remove());
    assert!(poll(removing.as_mut()).is_pending());
    desk.turn();
    let sent = desk.sent("PUBLISH ");
    assert!(sent.contains("Expires: 0\r\n"));
    desk.receive(&response(&sent, "200 OK", "SIP-ETag: two\r\n", ""));
    assert_eq!(desk.finish(removing), Ok(()));
    assert_eq!(desk.finish(publication.ended()), Ok(()));
    drop(publication);
    desk.quiet();
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_publication_that_is_dropped_is_removed() {
    let (desk, agent) = online();
    let (publication, sent) = publish(&desk, &agent);
    stored(&desk, &sent);
    drop(publication);
    desk.turn();
    let sent = desk.sent("PUBLISH ");
    assert!(sent.contains("Expires: 0\r\n"));
    assert_eq!(desk.entries(), 0);

    let (desk, agent) = online();
    let (publication, sent) = publish(&desk, &agent);
    stored(&desk, &sent);
    let _ = publication.detach();
    desk.quiet();

    let (desk, agent) = online();
    let (publication, sent) = publish(&desk, &agent);
    desk.receive(&response(&sent, "489 Bad Event", "", ""));
    let refused = desk.finish(publication.published()).unwrap_err();
    assert_eq!(desk.finish(publication.ended()), Err(refused));
}

/// A call that is up, and the REFER of its peer.
fn bobs_refer(desk: &Desk, agent: &Alice, invite: &str, number: u32) -> IncomingTransfer<Desk> {
    let mut transfers = agent.transfers();
    let more = "Refer-To: <sip:carol@example.com>\r\n";
    desk.receive(&in_dialog_of(invite, "REFER", number, more, ""));
    desk.finish(poll_fn(|cx| transfers.poll_next(cx))).unwrap()
}

#[test]
fn a_refer_of_a_peer_is_followed_refused_or_dropped() {
    let (desk, agent) = online();
    let call = desk.finish(agent.call("bob".to_owned())).unwrap();
    let invite = desk.sent("INVITE ");
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");

    let transfer = bobs_refer(&desk, &agent, &invite, 1);
    assert_eq!(transfer.target(), "sip:carol@example.com");
    assert_eq!(transfer.session(), Some(call.id()));
    transfer.reject(FailureStatus::new(603).unwrap().into());
    desk.turn();
    desk.sent("SIP/2.0 603");

    drop(bobs_refer(&desk, &agent, &invite, 2));
    desk.turn();
    desk.sent("SIP/2.0 480");

    let transfer = bobs_refer(&desk, &agent, &invite, 3);
    desk.finish(transfer.accept()).unwrap();
    desk.sent("SIP/2.0 202");
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    desk.finish(transfer.progress(sip_parse::StatusCode::OK))
        .unwrap();
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    drop(transfer);
    desk.quiet();

    let transfer = bobs_refer(&desk, &agent, &invite, 4);
    let new_call = desk.finish(transfer.follow()).unwrap();
    desk.sent("SIP/2.0 202");
    let mut invites = Vec::new();
    while let Some(sent) = desk.next_sent() {
        if sent.starts_with("INVITE sip:carol@example.com") {
            invites.push(sent);
        }
    }
    assert_eq!(invites.len(), 1);
    desk.receive(&response(&invites[0], "180 Ringing", BOB, ""));
    while desk.next_sent().is_some() {}
    // The drop of the future would end it as the drop of the call does.
    drop(new_call);
    desk.turn();
    desk.sent("CANCEL ");
}

#[test]
fn a_dropped_follow_makes_no_call() {
    let (desk, agent) = online();
    let call = desk.finish(agent.call("bob".to_owned())).unwrap();
    let invite = desk.sent("INVITE ");
    desk.receive(&accepted(&invite));
    desk.sent("ACK ");
    let transfer = bobs_refer(&desk, &agent, &invite, 1);
    let mut following = Box::pin(transfer.follow());
    assert!(poll(following.as_mut()).is_pending());
    drop(following);
    desk.turn();
    desk.sent("SIP/2.0 480");
    desk.quiet();
    assert_eq!(call.end(), None);
}

/// The machine keeps a call that the application does not take until its end alone.
#[test]
fn what_the_application_does_not_take_goes_with_its_end() {
    let (desk, agent) = online();
    desk.receive(&request("INVITE", 1, None, "", SDP));
    assert_eq!(desk.entries(), 1);
    desk.host_command(|agent, now| agent.stop(None, now));
    while desk.entries() > 0 {
        desk.next_deadline();
    }
    let mut calls = agent.incoming();
    let mut next = pin!(poll_fn(|cx| calls.poll_next(cx)));
    assert!(matches!(poll(next.as_mut()), Poll::Ready(None)));
}

/// A peer ends its subscription.
#[test]
fn a_peer_ends_its_subscription() {
    let (desk, agent) = online();
    let subscription = bobs_subscription(&desk, &agent, 1);
    desk.finish(subscription.accept(Notification::empty()))
        .unwrap();
    let answer = desk.sent("SIP/2.0 200");
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    let more = "Event: presence\r\nExpires: 0\r\n";
    desk.receive(&in_dialog_by(&answer, "SUBSCRIBE", 2, more, ""));
    desk.sent("SIP/2.0 200");
    let notify = desk.sent("NOTIFY ");
    desk.receive(&response(&notify, "200 OK", "", ""));
    let end = desk.finish(subscription.ended());
    assert_eq!(end, IncomingSubscriptionEnd::Unsubscribed);
    assert!(
        desk.finish(subscription.notify(Notification::empty()))
            .is_err()
    );
}

/// A subscription of a peer that waits when the agent goes is not handed out, because no event would end it.
#[test]
fn a_waiting_subscription_goes_with_the_agent() {
    let (desk, agent) = online();
    let mut subscriptions = agent.subscriptions();
    let more = "Event: presence\r\nExpires: 600\r\n";
    desk.receive(&request("SUBSCRIBE", 1, None, more, ""));
    desk.end();
    let next = desk.finish(poll_fn(|cx| subscriptions.poll_next(cx)));
    assert!(next.is_none());
    assert_eq!(desk.entries(), 0);
}
