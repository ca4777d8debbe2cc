//! Ten thousand calls and messages between agents and peers that challenge as they like; a sniffer reads each request.
//!
//! Every challenge has a nonce of its own, so that the nonce in a request says who asked for its credentials. The
//! registrar is honest. The own proxies and the servers of the own domain ask whom they like. Strangers ask with any
//! realm, also with those of the registrar, with any algorithm, and try to set the next nonce.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use sip_core::{Body, InviteOptions, Session, SessionId};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, alice, value, values};

const AGENTS: u32 = 40;
const CALLS: u32 = 250;

/// The realms with which peers challenge; the first one is the registrar's.
const REALMS: [&str; 5] = ["example.com", "Example.com", "evil", "friends", "asterisk"];

/// Who asks for credentials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Party {
    Registrar,
    /// The proxies of the server, on a REGISTER.
    Proxies,
    /// The proxy of the server, on another request.
    Proxy,
    /// A server or a user of the own domain.
    OwnDomain,
    Stranger,
}

/// A challenge that a party made.
struct Issued {
    party: Party,
    is_proxy: bool,
    realm: &'static str,
    is_strong: bool,
    has_qop: bool,
    call_id: String,
}

/// One agent and the network around it.
struct World {
    bench: Bench,
    random: u64,
    issued: BTreeMap<String, Issued>,
    /// How many credentials each party has got.
    seen: BTreeMap<Party, u32>,
    /// Whether the agent lists the realm `friends`.
    lists_friends: bool,
    /// Whether the proxy asks on each request.
    proxy_asks: bool,
    /// Whether the proxies ask on REGISTER, before the registrar does.
    proxies_ask: bool,
    /// Whether the peer of the request under way is a stranger.
    stranger: bool,
    /// Requests that the peer has challenged since its last answer.
    challenged: u32,
}

impl World {
    fn new(agent: u32) -> Self {
        let mut config = alice();
        config.register(agent % 5 != 4);
        let lists_friends = agent.is_multiple_of(3);
        if lists_friends {
            config.peer_realms(["friends"]);
        }
        Self {
            bench: Bench::new(&config),
            random: u64::from(agent) + 1,
            issued: BTreeMap::new(),
            seen: BTreeMap::new(),
            lists_friends,
            proxy_asks: agent.is_multiple_of(2),
            proxies_ask: agent % 4 < 2,
            stranger: true,
            challenged: 0,
        }
    }

    /// A number below `limit` (a linear congruential generator: the test needs variety, not quality).
    fn below(&mut self, limit: u32) -> u32 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) as u32) % limit
    }

    /// A header field that challenges a request.
    fn challenge(
        &mut self,
        party: Party,
        is_proxy: bool,
        realm: &'static str,
        request: &Request,
    ) -> (u16, &'static str, String) {
        let is_strong = self.below(3) == 0;
        let is_own = matches!(party, Party::Registrar | Party::Proxies | Party::Proxy);
        let has_qop = is_own || self.below(3) > 0;
        let stale = self.below(4) == 0;
        let nonce = self.issue(party, is_proxy, realm, is_strong, has_qop, request);
        let mut field = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\"");
        field += if is_strong {
            ", algorithm=SHA-256"
        } else {
            ", algorithm=MD5"
        };
        if has_qop {
            field += ", qop=\"auth\"";
        }
        if stale {
            field += ", stale=true";
        }
        if is_proxy {
            (407, "Proxy-Authenticate", field)
        } else {
            (401, "WWW-Authenticate", field)
        }
    }

    fn issue(
        &mut self,
        party: Party,
        is_proxy: bool,
        realm: &'static str,
        is_strong: bool,
        has_qop: bool,
        request: &Request,
    ) -> String {
        let nonce = format!("{party:?}-{}", self.issued.len());
        let call_id = value(request, HeaderName::CallId);
        let issued = Issued {
            party,
            is_proxy,
            realm,
            is_strong,
            has_qop,
            call_id,
        };
        self.issued.insert(nonce.clone(), issued);
        nonce
    }

    /// Looks at a request on the wire: each of its credentials is in its space.
    fn sniff(&mut self, request: &Request) {
        let text = || String::from_utf8_lossy(request.bytes()).into_owned();
        let anonymous = request
            .from()
            .unwrap()
            .uri()
            .as_bytes()
            .ends_with(b"@anonymous.invalid");
        let mut bytes = 0;
        for (field, is_proxy) in [
            (HeaderName::Authorization, false),
            (HeaderName::ProxyAuthorization, true),
        ] {
            for value in values(request, field) {
                bytes += value.len();
                let carried = sip_parse::Credentials::parse(value.as_bytes(), is_proxy).unwrap();
                let nonce = String::from_utf8(carried.nonce().unwrap().into_owned()).unwrap();
                let issued = &self.issued[&nonce];
                assert_eq!(issued.is_proxy, is_proxy, "{}", text());
                assert_eq!(
                    &*carried.realm().unwrap(),
                    issued.realm.as_bytes(),
                    "{}",
                    text()
                );
                let is_call = issued.call_id.as_bytes() == request.call_id().unwrap();
                let is_own = issued.realm == "example.com";
                let fits = match issued.party {
                    Party::Registrar => request.method() == Method::Register,
                    Party::Proxies => !anonymous,
                    Party::Proxy => is_call,
                    Party::OwnDomain => is_call && (is_proxy || !anonymous),
                    Party::Stranger if is_own => is_call && is_proxy && issued.has_qop,
                    Party::Stranger => {
                        let is_listed = self.lists_friends && issued.realm == "friends";
                        is_call && is_listed && issued.is_strong && issued.has_qop && !anonymous
                    }
                };
                assert!(fits, "{:?} got\n{}", issued.party, text());
                *self.seen.entry(issued.party).or_default() += 1;
            }
        }
        assert!(bytes <= sip_core::Limits::default().credential_bytes);
        if anonymous {
            let names_alice = |line: &&str| {
                line.contains("alice")
                    && !line.starts_with("P-Preferred-Identity:")
                    && !line.starts_with("Proxy-Authorization:")
            };
            assert_eq!(text().lines().find(names_alice), None);
        }
    }

    /// Answers the requests of the agent until there are no more.
    fn serve(&mut self) {
        while let Some(message) = self.bench.sent.pop_front() {
            let Ok(request) = message.into_request() else {
                continue;
            };
            self.sniff(&request);
            match request.method() {
                Method::Ack => {}
                Method::Register => self.serve_register(&request),
                _ => self.serve_request(&request),
            }
        }
        self.bench.events.clear();
        self.bench.others.clear();
        self.bench.raw.clear();
    }

    fn serve_register(&mut self, request: &Request) {
        let answered = |field, party: &str| {
            values(request, field)
                .iter()
                .any(|value| value.contains(party))
        };
        let realm = "example.com";
        if self.proxies_ask && !answered(HeaderName::ProxyAuthorization, "Proxies-") {
            let (status, name, field) = self.challenge(Party::Proxies, true, realm, request);
            return self.bench.reply(request, status, &[(name, &field)]);
        }
        if !answered(HeaderName::Authorization, "Registrar-") {
            let (status, name, field) = self.challenge(Party::Registrar, false, realm, request);
            return self.bench.reply(request, status, &[(name, &field)]);
        }
        let contact = value(request, HeaderName::Contact);
        let mut fields = vec![("Contact", contact)];
        if self.below(2) == 0 {
            let next = self.issue(Party::Registrar, false, realm, false, true, request);
            fields.push(("Authentication-Info", format!("nextnonce=\"{next}\"")));
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.bench.reply(request, 200, &fields);
    }

    fn serve_request(&mut self, request: &Request) {
        let asked = values(request, HeaderName::ProxyAuthorization);
        if self.proxy_asks && !asked.iter().any(|value| value.contains("nonce=\"Prox")) {
            let (status, name, field) = self.challenge(Party::Proxy, true, "example.com", request);
            return self.bench.reply(request, status, &[(name, &field)]);
        }
        let party = if self.stranger {
            Party::Stranger
        } else {
            Party::OwnDomain
        };
        if self.challenged < 3 && self.below(5) < 2 {
            self.challenged += 1;
            let realm = REALMS[self.below(5) as usize];
            let is_proxy = self.below(2) == 0;
            let (status, name, field) = self.challenge(party, is_proxy, realm, request);
            return self.bench.reply(request, status, &[(name, &field)]);
        }
        self.challenged = 0;
        // The next nonce is for the realm whose credentials the request carried; with none or several, for nothing.
        let carried = values(request, HeaderName::Authorization);
        let is_of =
            |realm: &&str| carried.len() == 1 && carried[0].contains(&format!("\"{realm}\""));
        let realm = REALMS.into_iter().find(is_of).unwrap_or("nothing");
        let next = self.issue(party, false, realm, true, true, request);
        let next = format!("nextnonce=\"{next}\"");
        let fields = [
            ("Contact", "<sip:mallory@192.0.2.66>"),
            ("Authentication-Info", &*next),
        ];
        let sdp = (request.method() == Method::Invite).then_some(OFFER);
        self.bench.reply_tagged(request, 200, "peer", &fields, sdp);
    }

    fn message(&mut self, target: &str) {
        let body = Body::new("text/plain", "hello");
        self.bench
            .agent
            .message(target, body, self.bench.now)
            .expect("MESSAGE");
        self.bench.pump();
        self.serve();
    }

    /// Calls `target`; the call may fail.
    fn call(&mut self, target: &str, anonymous: bool) -> SessionId {
        let options = InviteOptions::new();
        let options = if anonymous {
            options.anonymous()
        } else {
            options
        };
        let id = self
            .bench
            .agent
            .invite(target, options, self.bench.now)
            .expect("INVITE");
        self.bench.describe(id, OFFER);
        self.serve();
        id
    }

    fn is_up(&mut self, id: SessionId) -> bool {
        matches!(self.bench.agent.session(id), Ok(Session::Established(_)))
    }

    /// INFO, re-INVITE and BYE in a call, as far as it is up.
    fn talk(&mut self, id: SessionId) {
        if self.below(4) == 0
            && let Ok(Session::Established(call)) = self.bench.agent.session(id)
        {
            let body = Body::new("application/x-test", "1");
            call.info(&body, self.bench.now).expect("INFO");
            self.bench.pump();
            self.serve();
        }
        if self.below(6) == 0 && self.is_up(id) {
            self.bench.reinvite(id);
            self.bench.describe(id, OFFER);
            self.serve();
        }
        if self.is_up(id) {
            self.bench.hang_up(id);
            self.serve();
        }
    }

    fn run(mut self, agent: u32) -> BTreeMap<Party, u32> {
        self.serve();
        for number in 0..CALLS {
            self.stranger = self.below(4) > 0;
            let target = if self.stranger {
                "sip:mallory@evil.example"
            } else {
                "sip:bob@example.com"
            };
            match self.below(6) {
                0 => self.message(target),
                1 => {
                    // The caller names the own domain in its From, and is no part of it.
                    self.stranger = true;
                    let id = self.bench.invite_from_bob(number);
                    let ok = self.bench.answer(id, OFFER);
                    self.bench
                        .in_dialog("ACK", 7, &format!("ack{number}"), &ok, "");
                    self.talk(id);
                }
                kind => {
                    let id = self.call(target, kind == 2);
                    self.talk(id);
                }
            }
            let pause = Duration::from_secs(u64::from(self.below(40)));
            self.bench.wait(pause);
            self.serve();
            self.challenged = 0;
        }
        assert!(agent % 5 == 4 || self.bench.agent.is_registered());
        self.seen
    }
}

/// RFC 3261 22.2, 22.3: no credential leaves its protection space, and each party that may ask gets some.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the agents know nothing of each other, and of the threads that drive them"
)]
fn fault_b1_a_sniffer_of_10_000_calls_finds_no_credential_outside_its_space() {
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            thread::spawn(move || {
                let agents = (0..AGENTS).filter(|agent| agent % 4 == worker);
                let seen = agents.map(|agent| World::new(agent).run(agent));
                seen.collect::<Vec<_>>()
            })
        })
        .collect();
    let mut all = BTreeMap::<Party, u32>::new();
    for worker in workers {
        for (party, count) in worker.join().expect("a worker").into_iter().flatten() {
            *all.entry(party).or_default() += count;
        }
    }
    for party in [
        Party::Registrar,
        Party::Proxies,
        Party::Proxy,
        Party::OwnDomain,
        Party::Stranger,
    ] {
        assert!(all.get(&party).is_some_and(|count| *count > 100), "{all:?}");
    }
    println!("{all:?}");
}
