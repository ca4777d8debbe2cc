//! RFC 3665: basic call flows.

use std::time::Duration;

use sip_core::Transport;
use sip_core::config::ConfigBuilder;
use sip_core::session::{FailureStatus, InviteOptions};
use sip_testing::SECOND;

use crate::hold;
use crate::proxy::Proxy;
use crate::stage::{Party, Stage, phone};

const ALICE_HOST: &str = "client.atlanta.example.com";
const BOB_HOST: &str = "client.biloxi.example.com";
const SS1: &str = "ss1.atlanta.example.com";
const SS2: &str = "ss2.biloxi.example.com";
const BOB: &str = "sip:bob@biloxi.example.com";

/// Alice and Bob without a proxy.
fn direct() -> (Stage, Party, Party) {
    let mut stage = Stage::new(Transport::Tcp);
    // She has an account in Bob's domain, too.
    let mut config = phone("alice", "atlanta.example.com");
    let alice = stage.agent(
        "alice",
        ALICE_HOST,
        config.peer_realms(["biloxi.example.com"]),
    );
    let bob = stage.agent("bob", BOB_HOST, &mut phone("bob", "biloxi.example.com"));
    stage.domain("biloxi.example.com", bob);
    (stage, alice, bob)
}

/// Alice, proxy 1, proxy 2 and Bob; the proxies challenge for these realms.
fn through_proxies(realms: [Option<&'static str>; 2]) -> (Stage, Party, Party) {
    let (mut stage, alice, bob) = direct();
    let contact = stage.contact(bob);
    let proxy = Proxy::at(SS1).records_route().challenges(realms[0]);
    let first = stage.proxy("proxy 1", proxy);
    let proxy = Proxy::at(SS2).records_route().challenges(realms[1]);
    let second = stage.proxy("proxy 2", proxy.locates(BOB, contact));
    stage.outbound(alice, first);
    stage.outbound(first, second);
    (stage, alice, bob)
}

/// Bob and his registrar.
fn registering(change: impl FnOnce(&mut ConfigBuilder)) -> (Stage, Party, Party) {
    let mut stage = Stage::new(Transport::Tcp);
    let registrar = stage.scripted("registrar", SS2);
    stage.domain("biloxi.example.com", registrar);
    let mut config = phone("bob", "biloxi.example.com");
    change(&mut config);
    let bob = stage.agent("bob", BOB_HOST, &mut config);
    stage.run();
    (stage, bob, registrar)
}

const CHALLENGE: (&str, &str) = (
    "WWW-Authenticate",
    "Digest realm=\"biloxi.example.com\", nonce=\"ea9c8e88df84f1cec4341ae6cbe5a359\", qop=\"auth\"",
);

#[test]
fn rfc3665_2_1_successful_new_registration() {
    let (mut stage, bob, registrar) = registering(|_| {});
    stage
        .command(bob, "registers", |agent, now| agent.register(now))
        .expect("register");
    stage.run();
    stage.reply(registrar, 401, &[CHALLENGE]);
    stage.grant(registrar, &[]);
    hold("rfc3665-2.1", stage);
}

#[test]
fn rfc3665_2_2_update_of_contact_list() {
    let (mut stage, bob, registrar) = registering(|_| {});
    stage
        .command(bob, "registers", |agent, now| agent.register(now))
        .expect("register");
    stage.run();
    stage.grant(
        registrar,
        &["<mailto:bob@biloxi.example.com>;expires=4294967295"],
    );
    hold("rfc3665-2.2", stage);
}

#[test]
fn rfc3665_2_3_request_for_current_contact_list() {
    let (mut stage, bob, registrar) = registering(|_| {});
    stage
        .command(bob, "fetches the bindings", |agent, now| {
            agent.query_bindings(now)
        })
        .expect("query");
    stage.run();
    let contacts = [
        (
            "Contact",
            "<sip:bob@client.biloxi.example.com>;expires=3600",
        ),
        (
            "Contact",
            "<mailto:bob@biloxi.example.com>;expires=4294967295",
        ),
    ];
    stage.reply(registrar, 200, &contacts);
    hold("rfc3665-2.3", stage);
}

#[test]
fn rfc3665_2_4_cancellation_of_registration() {
    let (mut stage, bob, registrar) = registering(|_| {});
    stage
        .command(bob, "removes all bindings", |agent, now| {
            agent.unregister_all(now)
        })
        .expect("unregister");
    stage.run();
    stage.reply(registrar, 200, &[]);
    hold("rfc3665-2.4", stage);
}

#[test]
fn rfc3665_2_5_unsuccessful_registration() {
    let (mut stage, bob, registrar) = registering(|config| {
        config.password("wrong");
    });
    stage
        .command(bob, "registers", |agent, now| agent.register(now))
        .expect("register");
    stage.run();
    stage.reply(registrar, 401, &[CHALLENGE]);
    let again = (CHALLENGE.0, CHALLENGE.1.replace("ea9c", "cf84"));
    stage.reply(registrar, 401, &[(again.0, &again.1)]);
    hold("rfc3665-2.5", stage);
}

/// Bob's phone rings, Bob answers.
fn answered(stage: &mut Stage, bob: Party) {
    stage.ring(bob);
    stage.run();
    stage.answer(bob);
    stage.run();
}

#[test]
fn rfc3665_3_1_successful_session_establishment() {
    let (mut stage, alice, bob) = direct();
    stage.call(alice, BOB);
    stage.run();
    answered(&mut stage, bob);
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.1", stage);
}

#[test]
fn rfc3665_3_2_session_establishment_through_two_proxies() {
    let (mut stage, alice, bob) = through_proxies([Some("atlanta.example.com"), None]);
    stage.call(alice, BOB);
    stage.run();
    answered(&mut stage, bob);
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.2", stage);
}

#[test]
fn rfc3665_3_3_session_with_multiple_proxy_authentication() {
    let realms = [Some("atlanta.example.com"), Some("biloxi.example.com")];
    let (mut stage, alice, bob) = through_proxies(realms);
    stage.call(alice, BOB);
    stage.run();
    stage.answer(bob);
    stage.run();
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.3", stage);
}

#[test]
fn rfc3665_3_4_successful_session_with_proxy_failure() {
    let mut stage = Stage::new(Transport::Udp);
    let mut config = phone("alice", "atlanta.example.com");
    let config = config.peer_realms(["biloxi.example.com"]);
    let alice = stage.agent("alice", ALICE_HOST, config);
    let bob = stage.agent("bob", BOB_HOST, &mut phone("bob", "biloxi.example.com"));
    let first = stage.dead("proxy 1", SS1);
    let contact = stage.contact(bob);
    let proxy = Proxy::at(SS2)
        .records_route()
        .challenges(Some("biloxi.example.com"));
    let second = stage.proxy("proxy 2", proxy.locates(BOB, contact));
    stage.outbound(alice, first);
    stage.call(alice, BOB);
    stage.run();
    stage.wait(Duration::from_secs(33));
    stage.outbound(alice, second);
    stage.call(alice, BOB);
    stage.run();
    answered(&mut stage, bob);
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.4", stage);
}

#[test]
fn rfc3665_3_5_session_through_a_sip_alg() {
    let (mut stage, alice, bob) = direct();
    let contact = stage.contact(bob);
    let gateway = stage.proxy("alg", Proxy::at(SS1).records_route());
    let proxy = Proxy::at(SS2).records_route().locates(BOB, contact);
    let second = stage.proxy("proxy 2", proxy);
    stage.outbound(alice, gateway);
    stage.outbound(gateway, second);
    stage.call(alice, BOB);
    stage.run();
    answered(&mut stage, bob);
    stage.hang_up(alice);
    stage.run();
    hold("rfc3665-3.5", stage);
}

#[test]
fn rfc3665_3_6_session_via_redirect_and_proxy_servers_with_sdp_in_ack() {
    let (mut stage, alice, bob) = direct();
    let redirect = stage.scripted("redirect server", SS1);
    let contact = stage.contact(bob);
    let proxy = Proxy::at("ss3.chicago.example.com").records_route();
    let third = stage.proxy(
        "proxy 3",
        proxy.locates("sip:bob@chicago.example.com", contact),
    );
    stage.outbound(alice, redirect);
    let options = InviteOptions::new().late_offer().redirects(1);
    stage.call_with(alice, BOB, options);
    stage.run();
    stage.outbound(alice, third);
    let contact = ("Contact", "<sip:bob@chicago.example.com>");
    stage.reply(redirect, 302, &[contact]);
    answered(&mut stage, bob);
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.6", stage);
}

#[test]
fn rfc3665_3_7_session_with_reinvite_after_a_change_of_address() {
    let (mut stage, alice, bob) = direct();
    let contact = stage.contact(bob);
    let second = stage.proxy("proxy 2", Proxy::at(SS2).locates(BOB, contact));
    stage.outbound(alice, second);
    stage.call(alice, BOB);
    stage.run();
    answered(&mut stage, bob);
    stage.change_network(bob);
    stage.wait(5 * SECOND);
    stage.hang_up(alice);
    stage.run();
    hold("rfc3665-3.7", stage);
}

#[test]
fn rfc3665_3_8_unsuccessful_no_answer() {
    let (mut stage, alice, bob) = through_proxies([None, None]);
    stage.call(alice, BOB);
    stage.run();
    stage.ring(bob);
    stage.run();
    stage.hang_up(alice);
    stage.run();
    hold("rfc3665-3.8", stage);
}

#[test]
fn rfc3665_3_9_unsuccessful_busy() {
    let (mut stage, alice, bob) = through_proxies([None, None]);
    stage.call(alice, BOB);
    stage.run();
    stage.reject(bob, FailureStatus::BUSY_HERE);
    stage.run();
    hold("rfc3665-3.9", stage);
}

#[test]
fn rfc3665_3_10_unsuccessful_no_response_from_user_agent() {
    let mut stage = Stage::new(Transport::Udp);
    let alice = stage.agent(
        "alice",
        ALICE_HOST,
        &mut phone("alice", "atlanta.example.com"),
    );
    let first = stage.proxy("proxy 1", Proxy::at(SS1));
    let proxy = Proxy::at(SS2).locates(BOB, format!("sip:bob@{BOB_HOST}"));
    let second = stage.proxy("proxy 2", proxy);
    let _bob = stage.dead("bob", BOB_HOST);
    stage.outbound(alice, first);
    stage.outbound(first, second);
    stage.call(alice, BOB);
    stage.run();
    stage.give_up(second, 480);
    hold("rfc3665-3.10", stage);
}

#[test]
fn rfc3665_3_11_unsuccessful_temporarily_unavailable() {
    let (mut stage, alice, bob) = through_proxies([None, None]);
    stage.call(alice, BOB);
    stage.run();
    stage.ring(bob);
    stage.run();
    stage.hang_up(bob);
    stage.run();
    hold("rfc3665-3.11", stage);
}
