//! Reliable provisional responses of the callee (RFC 3262 section 3).

use sip_core::config::{ConfigBuilder, Support};
use sip_parse::HeaderName;
use sip_testing::{Bench, alice, value};

/// The configuration of alice with `rel100`.
fn with(support: Support) -> ConfigBuilder {
    let mut config = alice();
    config.rel100(support);
    config
}

/// 3261-8.2.4-A, RFC 3261 21.4.15: an agent that requires 100rel answers 421 with Require to an INVITE without it, and to nothing else.
#[test]
fn rfc3261_21_4_15_an_agent_that_requires_100rel_refuses_an_invite_without_it() {
    let mut bench = Bench::new(&with(Support::Required));
    let user = bench.contact_user();
    for (method, status) in [("INVITE", 421), ("OPTIONS", 200)] {
        bench.feed(&format!(
            "{method} sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{method}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=1\nTo: <sip:x@y>\nCall-ID: 1\nCSeq: 1 {method}\n\
             Contact: <sip:bob@b.invalid>\nContent-Length: 0\n\n"
        ));
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), status, "{method}");
        if status == 421 {
            assert_eq!(value(&response, HeaderName::Require), "100rel");
        }
    }
    bench.no_events();
}

/// 3262-3-E: a PRACK outside any dialog, and one for which no provisional response waits, get 481.
#[test]
fn rfc3262_3_a_prack_that_matches_nothing_gets_481() {
    let mut bench = Bench::new(&with(Support::Supported));
    let user = bench.contact_user();
    for to in ["<sip:x@y>", "<sip:x@y>;tag=unknown"] {
        bench.feed(&format!(
            "PRACK sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{}\nMax-Forwards: 70\n\
             From: <sip:bob@example.com>;tag=1\nTo: {to}\nCall-ID: 1\nCSeq: 2 PRACK\nRAck: 1 1 INVITE\nContent-Length: 0\n\n",
            to.len()
        ));
        assert_eq!(bench.next_response().status().as_u16(), 481, "{to}");
    }
    let id = bench.invite_from_bob(1);
    let ok = bench.answer(id, "v=0\r\n");
    bench.in_dialog("PRACK", 8, "late", &ok, "RAck: 1 7 INVITE\n");
    assert_eq!(bench.next_response().status().as_u16(), 481);
}
