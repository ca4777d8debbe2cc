//! Publications under any order of commands, responses, time and lost connections.

use super::*;

/// A generator of small numbers, the same for the same seed.
struct Walk(u64);

impl Walk {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What the test knows of its publications.
#[derive(Default)]
struct Seen {
    /// How often each has ended.
    ends: Vec<(PublicationId, u32)>,
    /// The PUBLISHes without a final response.
    open: Vec<Request>,
    tags: u32,
}

impl Seen {
    /// Takes what the agent sent and reported. At most one PUBLISH is in flight to each Request-URI.
    fn take(&mut self, bench: &mut Bench) {
        while let Some(message) = bench.sent.pop_front() {
            let request = message.into_request().expect("a request");
            if request.method() != Method::Publish {
                continue;
            }
            let (tag, expires, body) = parts(&request);
            assert!(tag.is_some() || !body.is_empty(), "new state needs a body");
            assert!(body.is_empty() || expires != "0", "a removal has no body");
            let same = |open: &Request| open.uri_bytes() == request.uri_bytes();
            assert!(!self.open.iter().any(same), "two in flight");
            self.open.push(request);
        }
        for event in bench.events.drain(..) {
            if let Event::PublicationEnded { publication, .. } = event {
                let mut ends = self.ends.iter_mut();
                let own = ends.find(|(id, _)| *id == publication);
                own.expect("ours").1 += 1;
            }
        }
    }
}

fn step(bench: &mut Bench, walk: &mut Walk, seen: &mut Seen) {
    let ids: Vec<_> = seen.ends.iter().map(|(id, _)| *id).collect();
    let now = bench.now;
    let pick = |walk: &mut Walk| {
        let some = u64::try_from(ids.len().max(1)).unwrap();
        let place = usize::try_from(walk.below(some)).unwrap();
        ids.get(place).copied()
    };
    match walk.below(9) {
        0 => {
            let target =
                ["sip:a@example.com", "sip:b@example.com"][usize::from(walk.below(2) == 0)];
            let options = PublishOptions::new().expires(60);
            let id = bench
                .agent
                .publish_for(target, "presence", pidf(OPEN), options, now);
            if let Ok(id) = id {
                seen.ends.push((id, 0));
            }
        }
        1 => {
            if let Some(id) = pick(walk) {
                let _ = bench.agent.modify_publication(id, pidf(BUSY), now);
            }
        }
        2 => {
            if let Some(id) = pick(walk) {
                let _ = bench.agent.unpublish(id, now);
            }
        }
        3 | 4 if !seen.open.is_empty() => {
            let open = u64::try_from(seen.open.len()).unwrap();
            let request = seen.open.remove(usize::try_from(walk.below(open)).unwrap());
            let status =
                [200, 200, 200, 412, 423, 403, 503][usize::try_from(walk.below(7)).unwrap()];
            seen.tags += 1;
            let tag = seen.tags.to_string();
            let minimum = (60 + walk.below(90)).to_string();
            let headers = [
                ("SIP-ETag", &*tag),
                ("Expires", "60"),
                ("Min-Expires", &*minimum),
            ];
            bench.reply(&request, status, &headers);
        }
        5 if bench.agent.is_connected() => {
            bench.lose();
            seen.open.clear();
            bench.sent.clear();
        }
        6 if !bench.agent.is_connected() => bench.reconnect(Transport::Ws),
        _ => {
            // The server answers no PUBLISH of a long time.
            if walk.below(4) == 0 {
                bench.wait(33 * SECOND);
                bench.sent.clear();
                seen.open.clear();
            } else {
                bench.wait(SECOND);
            }
        }
    }
    bench.pump();
}

/// Each publication ends exactly once, at most one PUBLISH to a Request-URI is in flight, and nothing is left behind.
#[test]
fn rfc3903_4_any_order_of_inputs_ends_each_publication_once() {
    for seed in 0..60 {
        let mut walk = Walk(seed);
        let mut seen = Seen::default();
        let mut bench = Bench::new(&queueing());
        for _ in 0..60 {
            step(&mut bench, &mut walk, &mut seen);
            seen.take(&mut bench);
        }
        bench.agent.stop(Some(SECOND), bench.now);
        bench.pump();
        bench.wait(2 * SECOND);
        seen.open.clear();
        seen.take(&mut bench);
        assert!(seen.ends.iter().all(|(_, ends)| *ends == 1), "seed {seed}");
        bench.assert_nothing_left();
    }
}
