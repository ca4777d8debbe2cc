//! RFC 5407: race conditions. Bob is the callee. Messages take 10 ms, so that commands of one moment cross each other.

use std::time::Duration;

use sip_core::Transport;
use sip_core::session::InviteOptions;
use sip_parse::Method;
use sip_testing::OFFER;

use crate::hold;
use crate::stage::{Party, Stage, phone};

const ALICE_HOST: &str = "client.atlanta.example.com";
const BOB_HOST: &str = "client.biloxi.example.com";
const BOB: &str = "sip:bob@biloxi.example.com";

/// The first interval of timers A and G (RFC 3261 section 17.1.1.1).
const T1: Duration = Duration::from_millis(500);

fn direct() -> (Stage, Party, Party) {
    let mut stage = Stage::new(Transport::Udp);
    let alice = stage.agent(
        "alice",
        ALICE_HOST,
        &mut phone("alice", "atlanta.example.com"),
    );
    let bob = stage.agent("bob", BOB_HOST, &mut phone("bob", "biloxi.example.com"));
    stage.domain("biloxi.example.com", bob);
    (stage, alice, bob)
}

/// Alice calls, and Bob's phone rings.
fn ringing() -> (Stage, Party, Party) {
    let (mut stage, alice, bob) = direct();
    stage.call(alice, BOB);
    stage.run();
    stage.ring(bob);
    stage.run();
    (stage, alice, bob)
}

/// Alice calls, and the call is up.
fn up() -> (Stage, Party, Party) {
    let (mut stage, alice, bob) = ringing();
    stage.answer(bob);
    stage.run();
    (stage, alice, bob)
}

/// The network loses Alice's ACK.
fn up_without_ack(options: InviteOptions) -> (Stage, Party, Party) {
    let (mut stage, alice, bob) = direct();
    stage.call_with(alice, BOB, options);
    stage.run();
    stage.ring(bob);
    stage.run();
    stage.lose(alice, "ACK");
    stage.answer(bob);
    stage.run();
    (stage, alice, bob)
}

/// Until both the command of this moment and the timer of Bob's 200 are due: the 200 was sent 20 ms before the ACK was lost.
const UNTIL_200_AGAIN: Duration = T1.saturating_sub(Duration::from_millis(15));

#[test]
fn rfc5407_3_1_1_initial_invite_again_in_the_moratorium() {
    let (mut stage, alice, bob) = direct();
    stage.call(alice, BOB);
    stage.run();
    stage.lose(bob, "180");
    stage.ring(bob);
    // Alice sends the INVITE again 500 ms after the first one, when Bob answers.
    stage.wait(T1 - Duration::from_millis(15));
    stage.answer(bob);
    stage.wait(Duration::from_millis(30));
    let _ = alice;
    hold("rfc5407-3.1.1", stage);
}

#[test]
fn rfc5407_3_1_2_cancel_in_the_moratorium() {
    let (mut stage, alice, bob) = ringing();
    stage.hang_up(alice);
    stage.answer(bob);
    stage.run();
    hold("rfc5407-3.1.2", stage);
}

#[test]
fn rfc5407_3_1_3_bye_of_the_early_dialog_in_the_moratorium() {
    let mut stage = Stage::new(Transport::Udp);
    let alice = stage.scripted("alice", ALICE_HOST);
    let bob = stage.agent("bob", BOB_HOST, &mut phone("bob", "biloxi.example.com"));
    stage.domain("biloxi.example.com", bob);
    stage.send_invite(alice, BOB, Some(OFFER));
    stage.run();
    stage.ring(bob);
    stage.run();
    stage.answer(bob);
    stage.send_in_dialog(alice, Method::Bye, 2);
    stage.step();
    stage.send_in_dialog(alice, Method::Ack, 1);
    stage.run();
    hold("rfc5407-3.1.3", stage);
}

#[test]
fn rfc5407_3_1_4_reinvite_in_the_moratorium_after_a_complete_exchange() {
    let (mut stage, alice, _) = up_without_ack(InviteOptions::new());
    stage.wait(UNTIL_200_AGAIN);
    stage.reinvite(alice);
    stage.run();
    hold("rfc5407-3.1.4", stage);
}

#[test]
fn rfc5407_3_1_5_reinvite_in_the_moratorium_while_the_answer_is_missing() {
    let (mut stage, alice, _) = up_without_ack(InviteOptions::new().late_offer());
    stage.wait(UNTIL_200_AGAIN);
    stage.reinvite(alice);
    stage.run();
    stage.wait(Duration::from_secs(10));
    hold("rfc5407-3.1.5", stage);
}

#[test]
fn rfc5407_3_1_6_bye_in_the_moratorium() {
    let (mut stage, alice, _) = up_without_ack(InviteOptions::new());
    stage.wait(UNTIL_200_AGAIN);
    stage.hang_up(alice);
    stage.run();
    hold("rfc5407-3.1.6", stage);
}

#[test]
fn rfc5407_3_2_1_bye_in_the_mortal_state() {
    let (mut stage, alice, bob) = up();
    stage.hang_up(alice);
    stage.hang_up(bob);
    stage.run();
    hold("rfc5407-3.2.1", stage);
}

#[test]
fn rfc5407_3_2_2_reinvite_in_the_mortal_state() {
    let (mut stage, alice, bob) = up();
    stage.hang_up(alice);
    stage.reinvite(bob);
    stage.run();
    hold("rfc5407-3.2.2", stage);
}

#[test]
fn rfc5407_3_2_3_200_to_a_reinvite_in_the_mortal_state() {
    let (mut stage, alice, bob) = up();
    stage.reinvite(bob);
    stage.step();
    stage.hang_up(bob);
    stage.run();
    let _ = alice;
    hold("rfc5407-3.2.3", stage);
}

#[test]
fn rfc5407_3_2_4_ack_in_the_mortal_state() {
    let (mut stage, alice, bob) = ringing();
    stage.delay(alice, "ACK", Duration::from_millis(20));
    stage.answer(bob);
    stage.step();
    stage.hang_up(alice);
    stage.run();
    hold("rfc5407-3.2.4", stage);
}

#[test]
fn rfc5407_3_3_1_reinvites_cross() {
    let (mut stage, alice, bob) = up();
    stage.reinvite(alice);
    stage.reinvite(bob);
    stage.run();
    stage.wait(Duration::from_secs(10));
    hold("rfc5407-3.3.1", stage);
}

#[test]
fn rfc5407_3_3_2_update_and_reinvite_cross() {
    let (mut stage, alice, bob) = up();
    stage.update(alice);
    stage.reinvite(bob);
    stage.run();
    stage.wait(Duration::from_secs(10));
    hold("rfc5407-3.3.2", stage);
}

#[test]
fn rfc5407_3_3_3_refer_in_the_mortal_state() {
    let (mut stage, alice, bob) = up();
    stage.hang_up(alice);
    stage.refer(bob, "sip:carol@chicago.example.com");
    stage.run();
    hold("rfc5407-3.3.3", stage);
}
