//! RFC 5359: services.

use std::time::Duration;

use sip_core::session::FailureStatus;
use sip_core::{TransferTarget, Transport};

use crate::hold;
use crate::proxy::Proxy;
use crate::stage::{Party, Stage, phone};

const ALICE_HOST: &str = "client.atlanta.example.com";
const BOB_HOST: &str = "client.biloxi.example.com";
const CAROL_HOST: &str = "client.chicago.example.com";
const BOB: &str = "sip:bob@biloxi.example.com";
const CAROL: &str = "sip:carol@chicago.example.com";
const SS1: &str = "ss1.example.com";

/// Alice, Bob and Carol, who need no proxy.
fn three() -> (Stage, Party, Party, Party) {
    let mut stage = Stage::new(Transport::Tcp);
    let alice = stage.agent(
        "alice",
        ALICE_HOST,
        &mut phone("alice", "atlanta.example.com"),
    );
    let bob = stage.agent("bob", BOB_HOST, &mut phone("bob", "biloxi.example.com"));
    let carol = stage.agent(
        "carol",
        CAROL_HOST,
        &mut phone("carol", "chicago.example.com"),
    );
    stage.domain("biloxi.example.com", bob);
    stage.domain("chicago.example.com", carol);
    (stage, alice, bob, carol)
}

/// The same with a proxy between them that stays in the route.
fn three_and_proxy() -> (Stage, Party, Party, Party) {
    let (mut stage, alice, bob, carol) = three();
    let (bobs, carols) = (stage.contact(bob), stage.contact(carol));
    let proxy = Proxy::at(SS1)
        .records_route()
        .locates(BOB, bobs)
        .locates(CAROL, carols);
    let proxy = stage.proxy("proxy", proxy);
    for party in [alice, bob, carol] {
        stage.outbound(party, proxy);
    }
    (stage, alice, bob, carol)
}

/// One party calls, the other one answers.
fn connect(stage: &mut Stage, caller: Party, callee: Party, target: &str) {
    stage.call(caller, target);
    stage.run();
    answer(stage, callee);
}

fn answer(stage: &mut Stage, callee: Party) {
    stage.ring(callee);
    stage.run();
    stage.answer(callee);
    stage.run();
}

fn hang_up(stage: &mut Stage, party: Party) {
    stage.hang_up(party);
    stage.run();
}

#[test]
fn rfc5359_2_1_call_hold() {
    let (mut stage, alice, bob, _) = three_and_proxy();
    connect(&mut stage, alice, bob, BOB);
    stage.hold(bob);
    stage.run();
    stage.resume(bob);
    stage.run();
    hang_up(&mut stage, alice);
    hold("rfc5359-2.1", stage);
}

#[test]
fn rfc5359_2_2_consultation_hold() {
    let (mut stage, alice, bob, carol) = three_and_proxy();
    connect(&mut stage, alice, bob, BOB);
    stage.hold(bob);
    stage.run();
    connect(&mut stage, bob, carol, CAROL);
    hang_up(&mut stage, bob);
    stage.focus(bob, 0);
    stage.resume(bob);
    stage.run();
    hang_up(&mut stage, alice);
    hold("rfc5359-2.2", stage);
}

/// Bob transfers Alice to Carol while Alice's phone follows.
fn transferred(stage: &mut Stage, alice: Party, bob: Party, target: impl Into<TransferTarget>) {
    stage.focus(bob, 0);
    stage.refer(bob, target);
    stage.run();
    stage.follow(alice);
    stage.run();
}

#[test]
fn rfc5359_2_4_unattended_transfer() {
    let (mut stage, alice, bob, carol) = three();
    connect(&mut stage, alice, bob, BOB);
    transferred(&mut stage, alice, bob, CAROL);
    hang_up(&mut stage, bob);
    answer(&mut stage, carol);
    stage.focus(alice, 1);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.4", stage);
}

#[test]
fn rfc5359_2_5_attended_transfer() {
    let (mut stage, alice, bob, carol) = three();
    connect(&mut stage, alice, bob, BOB);
    stage.hold(bob);
    stage.run();
    connect(&mut stage, bob, carol, CAROL);
    stage.hold(bob);
    stage.run();
    let consultation = stage.call_of(bob, 1);
    transferred(&mut stage, alice, bob, consultation);
    stage.answer(carol);
    stage.run();
    stage.focus(bob, 0);
    hang_up(&mut stage, bob);
    stage.focus(alice, 1);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.5", stage);
}

#[test]
fn rfc5359_2_6_transfer_by_instant_message() {
    let (mut stage, alice, bob, carol) = three();
    connect(&mut stage, alice, bob, BOB);
    stage.message(
        bob,
        "sip:alice@client.atlanta.example.com",
        "call sip:carol@chicago.example.com",
    );
    stage.run();
    connect(&mut stage, alice, carol, CAROL);
    stage.focus(alice, 0);
    hang_up(&mut stage, alice);
    stage.focus(alice, 1);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.6", stage);
}

/// Alice, a proxy that knows two contacts of Bob, and Bob's two phones.
fn two_phones(change: impl FnOnce(Proxy) -> Proxy) -> (Stage, [Party; 4]) {
    let mut stage = Stage::new(Transport::Tcp);
    let alice = stage.agent(
        "alice",
        ALICE_HOST,
        &mut phone("alice", "atlanta.example.com"),
    );
    let first = stage.agent(
        "b1",
        "b1.biloxi.example.com",
        &mut phone("bob", "biloxi.example.com"),
    );
    let second = stage.agent(
        "b2",
        "b2.biloxi.example.com",
        &mut phone("bob", "biloxi.example.com"),
    );
    let proxy = stage.proxy("proxy", change(Proxy::at(SS1).records_route()));
    stage.outbound(alice, proxy);
    (stage, [alice, proxy, first, second])
}

fn both(proxy: Proxy) -> Proxy {
    let contacts = [
        "sip:bob@b1.biloxi.example.com",
        "sip:bob@b2.biloxi.example.com",
    ];
    contacts.into_iter().fold(proxy, |proxy, contact| {
        proxy.locates(BOB, contact.to_owned())
    })
}

#[test]
fn rfc5359_2_7_call_forwarding_unconditional() {
    let one = |proxy: Proxy| {
        proxy
            .diverts()
            .locates(BOB, "sip:bob@b2.biloxi.example.com".to_owned())
    };
    let (mut stage, [alice, _, _, second]) = two_phones(one);
    connect(&mut stage, alice, second, BOB);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.7", stage);
}

#[test]
fn rfc5359_2_8_call_forwarding_busy() {
    let (mut stage, [alice, _, first, second]) = two_phones(both);
    stage.call(alice, BOB);
    stage.run();
    stage.reject(first, FailureStatus::BUSY_HERE);
    stage.run();
    answer(&mut stage, second);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.8", stage);
}

#[test]
fn rfc5359_2_9_call_forwarding_no_answer() {
    let (mut stage, [alice, proxy, first, second]) = two_phones(both);
    stage.call(alice, BOB);
    stage.run();
    stage.ring(first);
    stage.run();
    stage.wait(Duration::from_secs(20));
    stage.proxy_cancels(proxy);
    answer(&mut stage, second);
    hang_up(&mut stage, alice);
    hold("rfc5359-2.9", stage);
}
