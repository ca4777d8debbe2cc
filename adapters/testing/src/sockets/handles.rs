//! What an application sees of its handles against a registrar on real sockets: the same list for both adapters.

/// Calls the macro `$test` with every scenario: its name, and a body in which `$wait!(..)` waits for what a method of a handle
/// returns, and `start(&Registrar, bool) -> (Agent, Events)` starts alice, who registers if the flag says so and has a media side.
///
/// The calling module imports what it calls `Agent`, `Events` and so on from its adapter, and `sip_testing::sockets::handles::prelude`.
#[macro_export]
macro_rules! for_each_handle_scenario {
    ($test:ident, $wait:ident) => {
        $test!(registered_returns_the_binding, {
            let registrar = Registrar::start(600);
            let (agent, _events) = start(&registrar, true);
            let registration = $wait!(agent.registered()).unwrap();
            assert!(!registration.bindings.is_empty());
            // A registered agent has nothing to wait for.
            $wait!(agent.registered()).unwrap();
            registrar.end();
        });
        $test!(an_agent_that_does_not_register_says_so, {
            let registrar = Registrar::start(600);
            let (agent, _events) = start(&registrar, false);
            let refused = $wait!(agent.registered());
            assert_eq!(refused.unwrap_err(), RegistrationError::NotWanted);
            registrar.end();
        });
        $test!(a_call_right_after_the_start_comes_up_and_is_hung_up, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let call = $wait!(agent.call("bob")).unwrap();
            $wait!(call.established()).unwrap();
            assert_eq!(call.end(), None);
            let end = $wait!(call.hang_up());
            assert_eq!((end.originator, end.cause), (Originator::Local, Cause::Requested));
            // Too late is no error: each question has the same answer.
            assert_eq!($wait!(call.hang_up()), end);
            assert_eq!($wait!(call.ended()), end);
            assert_eq!(call.end().as_ref(), Some(&end));
            assert_eq!($wait!(call.established()), Ok(()));
            assert!(matches!($wait!(call.hold()), Err(CallError::Ended(reason)) if reason == end));
            registrar.end();
        });
        $test!(a_call_that_is_dropped_is_hung_up, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let call = $wait!(agent.call("bob")).unwrap();
            $wait!(call.established()).unwrap();
            drop(call);
            registrar.hear(0, "BYE ");
            registrar.end();
        });
        $test!(a_call_that_is_detached_goes_on, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let call = $wait!(agent.call("bob")).unwrap();
            $wait!(call.established()).unwrap();
            let id = call.detach();
            // The agent carries out chores before commands, so that a BYE of the drop would be out by now.
            let is_up = $wait!(agent.commands().with(move |agent, _| agent.session(id).is_ok()));
            assert!(is_up.unwrap());
            assert!(registrar.heard(0, "BYE ").is_empty());
            $wait!(agent.commands().hang_up(id)).unwrap();
            registrar.hear(0, "BYE ");
            registrar.end();
        });
        $test!(a_call_keeps_its_agent, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let call = $wait!(agent.call("bob")).unwrap();
            drop(agent);
            $wait!(call.established()).unwrap();
            assert_eq!(call.end(), None);
            drop(call);
            registrar.hear(0, "BYE ");
            registrar.end();
        });
        $test!(the_last_agent_that_is_dropped_unregisters, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, true);
            $wait!(agent.registered()).unwrap();
            drop(agent.clone());
            drop(agent);
            registrar.until("it unregisters", |registrar| {
                let last = registrar.heard(0, "REGISTER ");
                last.iter().any(|register| register.contains("expires=0") || register.contains("Expires: 0"))
            });
            registrar.end();
        });
        $test!(a_peer_calls_and_is_answered, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, true);
            $wait!(agent.registered()).unwrap();
            registrar.send(0, &invite(&contact(&registrar)));
            let incoming = $wait!(agent.incoming().next()).unwrap();
            assert_eq!(incoming.from(), "sip:bob@example.com");
            $wait!(incoming.ring());
            registrar.hear(0, "SIP/2.0 180");
            let call = $wait!(incoming.answer());
            let accepted = registrar.hear(0, "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS bob");
            registrar.send(0, &ack(&accepted));
            $wait!(call.established()).unwrap();
            $wait!(call.hang_up());
            registrar.hear(0, "BYE ");
            registrar.end();
        });
        $test!(a_peer_whose_call_is_dropped_is_refused, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, true);
            $wait!(agent.registered()).unwrap();
            registrar.send(0, &invite(&contact(&registrar)));
            drop($wait!(agent.incoming().next()).unwrap());
            registrar.hear(0, "SIP/2.0 480");
            registrar.end();
        });
        $test!(a_message_has_its_response, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let pending = $wait!(agent.message("bob", "hello")).unwrap();
            let response = $wait!(pending.response()).unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            registrar.end();
        });
        $test!(messages_of_peers_are_accepted_or_refused, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let mut messages = agent.messages();
            $wait!(agent.connected()).unwrap();
            registrar.send(0, &request("MESSAGE", 1, "hello"));
            let message = $wait!(messages.next()).unwrap();
            assert_eq!(message.text(), "hello");
            $wait!(message.accept());
            registrar.hear(0, "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS bob");
            registrar.send(0, &request("MESSAGE", 2, "hello again"));
            drop($wait!(messages.next()).unwrap());
            registrar.hear(0, "SIP/2.0 480");
            registrar.end();
        });
        $test!(a_stop_ends_calls_and_streams, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, true);
            let call = $wait!(agent.call("bob")).unwrap();
            $wait!(call.established()).unwrap();
            $wait!(agent.stop());
            assert!(call.end().is_some());
            assert!($wait!(agent.incoming().next()).is_none());
            assert!($wait!(agent.messages().next()).is_none());
            assert_eq!($wait!(agent.connected()), Err(NotConnected::Stopped));
            assert_eq!($wait!(agent.registered()).unwrap_err(), RegistrationError::Stopped);
            // An agent that has stopped stops at once.
            $wait!(agent.stop());
            $wait!(agent.commands().start()).unwrap();
            $wait!(agent.connected()).unwrap();
            registrar.end();
        });
        $test!(without_a_server_a_call_fails_at_once, {
            let registrar = Registrar::start(600);
            let port = registrar.port;
            registrar.end();
            registrar.until("the port is free", |_| {
                std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
            });
            let (agent, _) = start(&registrar, false);
            let failure = $wait!(agent.call("bob")).unwrap_err();
            assert!(
                matches!(&failure, CallError::NotConnected(NotConnected::Failed(failure))
                    if failure.server.contains(&port.to_string())),
                "{failure:?}"
            );
        });
        $test!(a_target_that_is_no_uri_is_refused, {
            let registrar = Registrar::start(600);
            let (agent, _) = start(&registrar, false);
            let refused = $wait!(agent.call("sip:b c@"));
            assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
            registrar.end();
        });
        $test!(events_that_the_application_never_reads_do_not_stop_the_agent, {
            let registrar = Registrar::start(600);
            // The queue of the events has one place, and a reserve of 63.
            let (agent, mut events) = start(&registrar, false);
            let mut calls = 0;
            while events.missed() < 10 {
                let call = $wait!(agent.call("bob")).unwrap();
                $wait!(call.established()).unwrap();
                $wait!(call.hang_up());
                calls += 1;
                assert!(calls < 100, "no event is discarded");
            }
            let first = $wait!(events.next());
            assert!(matches!(first, Some(Event::InstanceIdDrawn(_) | Event::Connecting { .. })));
            let missed = events.missed();
            let call = $wait!(agent.call("bob")).unwrap();
            while let Some(event) = $wait!(events.next()) {
                if matches!(event, Event::Established { .. }) {
                    break;
                }
            }
            assert_eq!(events.missed(), missed);
            drop(call);
            registrar.end();
        });
    };
}

/// What the scenarios name.
pub mod prelude {
    pub use super::super::registrar::{Registrar, ack, header, invite};
    pub use super::super::request::request;
    pub use sip_core::{Cause, Event, Originator};
    pub use sip_parse::StatusCode;

    /// The Contact by which alice has registered.
    ///
    /// # Panics
    /// If she has not.
    #[must_use]
    pub fn contact(registrar: &Registrar) -> String {
        let register = registrar.hear(0, "REGISTER ");
        let contact = header(&register, "Contact").expect("a Contact");
        let uri = contact.split(['<', '>']).nth(1).expect("a URI");
        uri.to_owned()
    }
}
