//! Capabilities by type: what a call in its present state cannot do does not compile, or is a typed error. A command that
//! the core takes has an effect that the peer or the application sees.

use std::time::Duration;

use sip_core::Requirement;
use sip_core::{
    CommandError, DescriptionFailed, MessageOptions, ModifyOptions, Session, SessionId, Tones,
};
use sip_parse::Method;
use sip_testing::{Bench, OFFER, alice};

const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

/// The phase that the application sees.
fn phase(bench: &mut Bench, id: SessionId) -> &'static str {
    match bench.agent.session(id) {
        Ok(Session::Incoming(_)) => "incoming",
        Ok(Session::Outgoing(_)) => "outgoing",
        Ok(Session::Established(_)) => "established",
        Ok(Session::Ending) => "ending",
        Err(_) => "over",
    }
}

type State = (&'static str, &'static str, fn(&mut Bench) -> SessionId);

fn reoffered(bench: &mut Bench) -> SessionId {
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    bench.in_dialog(
        "INVITE",
        8,
        "re",
        &answer,
        "Contact: <sip:bob@bob.invalid>\n",
    );
    id
}

/// Each state that an application can meet, with its phase.
const STATES: &[State] = &[
    ("AwaitingOffer", "outgoing", |bench| {
        let id = bench.agent.invite("bob", Default::default(), bench.now);
        id.unwrap()
    }),
    ("Calling", "outgoing", |bench| bench.call().0),
    ("Cancelling", "ending", |bench| {
        let (id, invite) = bench.call();
        bench.reply(&invite, 180, &[]);
        bench.hang_up(id);
        id
    }),
    ("Incoming", "incoming", |bench| bench.invite_from_bob(1)),
    ("Accepting", "incoming", |bench| {
        let id = bench.invite_from_bob(1);
        bench.accept(id);
        id
    }),
    ("Answered", "established", |bench| {
        let id = bench.invite_from_bob(1);
        bench.answer(id, OFFER);
        id
    }),
    ("HangingUp", "ending", |bench| {
        let id = bench.invite_from_bob(1);
        bench.answer(id, OFFER);
        bench.hang_up(id);
        id
    }),
    ("Confirmed", "established", |bench| {
        bench.established_call().0
    }),
    ("Offering", "established", |bench| {
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        id
    }),
    ("Reinviting", "established", |bench| {
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        id
    }),
    ("Glare", "established", |bench| {
        let (id, _) = bench.established_call();
        bench.reinvite(id);
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        bench.reply_tagged(&invite, 491, "bob1", &[CONTACT], None);
        id
    }),
    ("Answering", "established", reoffered),
    ("Reanswered", "established", |bench| {
        let id = reoffered(bench);
        bench.describe(id, OFFER);
        id
    }),
    ("Terminating", "ending", |bench| {
        let (id, _) = bench.established_call();
        bench.hang_up(id);
        id
    }),
    ("LostBye", "ending", |bench| {
        let (id, _) = bench.established_call();
        bench.hang_up(id);
        bench.lose();
        id
    }),
];

/// A command, as the host gives it: by its handle alone.
type Command = (
    &'static str,
    fn(&mut Bench, SessionId) -> Result<(), CommandError>,
);

macro_rules! established {
    ($bench:ident, $id:ident, $call:ident => $command:expr) => {
        match $bench.agent.session($id) {
            Ok(Session::Established($call)) => $command.map(|_| ()),
            // What does not compile for a call in another phase.
            _ => Err(CommandError::WrongState(Requirement::Unanswered)),
        }
    };
}

macro_rules! incoming {
    ($bench:ident, $id:ident, $call:ident => $command:expr) => {
        match $bench.agent.session($id) {
            Ok(Session::Incoming($call)) => {
                $command;
                Ok(())
            }
            _ => Err(CommandError::WrongState(Requirement::Unanswered)),
        }
    };
}

const COMMANDS: &[Command] = &[
    ("ring", |bench, id| {
        let now = bench.now;
        incoming!(bench, id, call => call.ring(now))
    }),
    ("answer", |bench, id| {
        let now = bench.now;
        incoming!(bench, id, call => call.answer(now))
    }),
    ("reject", |bench, id| {
        let now = bench.now;
        incoming!(bench, id, call => call.reject(sip_core::FailureStatus::BUSY_HERE, now))
    }),
    ("cancel", |bench, id| {
        let now = bench.now;
        match bench.agent.session(id) {
            Ok(Session::Outgoing(call)) => {
                call.cancel(now);
                Ok(())
            }
            _ => Err(CommandError::WrongState(Requirement::Unanswered)),
        }
    }),
    ("bye", |bench, id| {
        let now = bench.now;
        established!(bench, id, call => {
            call.bye(now);
            Ok::<_, CommandError>(())
        })
    }),
    ("reinvite", |bench, id| {
        let now = bench.now;
        established!(bench, id, call => call.reinvite(ModifyOptions::new(), now))
    }),
    ("update", |bench, id| {
        let now = bench.now;
        established!(bench, id, call => call.update(ModifyOptions::new(), now))
    }),
    ("hold", |bench, id| {
        let now = bench.now;
        established!(bench, id, call => call.hold(now))
    }),
    ("tones", |bench, id| {
        let now = bench.now;
        let tones = Tones::new("1").unwrap();
        established!(bench, id, call => call.send_tones(tones, now))
    }),
    ("request", |bench, id| {
        let now = bench.now;
        let options = MessageOptions::new();
        established!(bench, id, call => call.request(Method::Message, options, now))
    }),
    ("package", |bench, id| {
        let now = bench.now;
        let options = MessageOptions::new();
        established!(bench, id, call => call.info_package("x", options, now))
    }),
    ("describe", |bench, id| {
        bench.try_describe(id, Err(DescriptionFailed))
    }),
];

/// A command that fits by its type and is accepted has an effect: a message, an event, or another phase. Only what is
/// documented as idempotent may have none.
#[test]
fn no_command_is_lost() {
    for (state, expected, make) in STATES {
        for (name, command) in COMMANDS {
            let mut bench = Bench::new(&alice());
            let id = make(&mut bench);
            bench.pump();
            assert_eq!(phase(&mut bench, id), *expected, "{state}");
            bench.sent.clear();
            bench.events.clear();
            let taken = command(&mut bench, id);
            bench.pump();
            let seen = !bench.sent.is_empty() || !bench.events.is_empty();
            let after = phase(&mut bench, id);
            match taken {
                Ok(()) => {
                    // `answer` is idempotent, as its documentation says.
                    let idempotent = (*state, *name) == ("Accepting", "answer");
                    let effect = seen || after != *expected || idempotent;
                    assert!(effect, "{name} is lost in {state}");
                }
                Err(error) => {
                    assert!(!seen && after == *expected, "{name} in {state}: {error}");
                }
            }
        }
    }
}

/// `hang_up` ends a call in every state, at the latest when the peer is silent for 64 T1 after the BYE; a second one changes nothing.
#[test]
fn hanging_up_ends_every_call() {
    for (state, _, make) in STATES {
        let mut bench = Bench::new(&alice());
        let id = make(&mut bench);
        bench.pump();
        for _ in 0..2 {
            if bench.agent.hang_up(id, bench.now).is_ok() {
                bench.pump();
            }
        }
        let phase = phase(&mut bench, id);
        assert!(matches!(phase, "ending" | "over"), "{state}: {phase}");
        bench.wait(Duration::from_secs(400));
        assert!(bench.agent.session(id).is_err(), "{state} does not end");
    }
}
