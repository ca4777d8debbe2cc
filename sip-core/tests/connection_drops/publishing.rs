//! What a dropped connection means for a publication (RFC 3903).

use sip_core::{Body, PublishOptions};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, value};

use super::{DROPS, LOST, and_unregistered, back, config, lose, nothing_follows, online, told};

/// The agent publishes a state, and the server accepts the last one under this entity tag, for `expires` seconds.
fn published(bench: &mut Bench, tag: &str, expires: &str) {
    let publish = bench.next_request();
    assert_eq!(publish.method(), Method::Publish);
    let headers = [("SIP-ETag", tag), ("Expires", expires)];
    bench.reply(&publish, 200, &headers);
    assert_eq!(told(bench), ["Published"]);
}

/// The entity tag and the body of the next PUBLISH.
fn publish(bench: &mut Bench) -> (Request, Option<String>, String) {
    let publish = bench.next_request();
    assert_eq!(publish.method(), Method::Publish);
    let tag = publish.sip_if_match();
    let tag = tag.map(|tag| String::from_utf8(tag.to_vec()).unwrap());
    let body = String::from_utf8(publish.body().to_vec()).unwrap();
    (publish, tag, body)
}

/// A publication survives its connection, whatever is under way.
pub(super) fn every_case() {
    let pidf = |state: &str| Body::new("application/pidf+xml", state.to_owned());
    let lost = format!("PublicationFailed: {LOST}");
    for drop in DROPS {
        // Nothing is in flight, and nothing is due.
        let mut bench = online(&config());
        let (state, options) = (pidf("open"), PublishOptions::new());
        let id = bench.agent.publish("presence", state, options, bench.now);
        let id = id.unwrap();
        bench.pump();
        published(&mut bench, "1", "3600");
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        assert!(back(&mut bench).is_empty());
        bench.silence();

        // A change is in flight; the server has taken it under a tag that never arrived.
        let changed = bench.agent.modify_publication(id, pidf("busy"), bench.now);
        changed.unwrap();
        bench.pump();
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&lost]));
        assert!(back(&mut bench).is_empty());
        let (change, tag, body) = publish(&mut bench);
        assert_eq!((tag.as_deref(), &*body), (Some("1"), "busy"));
        bench.reply(&change, 412, &[]);
        let (new, tag, body) = publish(&mut bench);
        assert_eq!((tag, &*body), (None, "busy"));
        let headers = [("SIP-ETag", "3"), ("Expires", "60")];
        bench.reply(&new, 200, &headers);
        assert_eq!(told(&mut bench), ["Published"]);

        // The state expires meanwhile, and is published as new.
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[]));
        bench.wait(70 * SECOND);
        assert!(back(&mut bench).is_empty());
        let (_, tag, body) = publish(&mut bench);
        assert_eq!((tag, &*body), (None, "busy"));
        bench.silence();

        // The first PUBLISH is in flight.
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&lost]));
        assert!(back(&mut bench).is_empty());
        published(&mut bench, "4", "3600");

        // A removal is in flight.
        bench.agent.unpublish(id, bench.now).unwrap();
        bench.pump();
        assert_eq!(lose(&mut bench, drop), and_unregistered(&[&lost]));
        assert!(back(&mut bench).is_empty());
        let (last, tag, _) = publish(&mut bench);
        assert_eq!(tag.as_deref(), Some("4"));
        assert_eq!(value(&last, HeaderName::Expires), "0");
        bench.reply(&last, 412, &[]);
        assert_eq!(told(&mut bench), ["PublicationEnded"]);
        nothing_follows(&mut bench);
    }
}
