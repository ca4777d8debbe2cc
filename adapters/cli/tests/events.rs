//! Subscriptions and publications: `sip subscribe`, `sip publish`, `sip watch`, `sip answer --presence`, `sip request`.
#![cfg(unix)]

mod common;

use std::io::Write;

use common::terminal::Terminal;
use common::{Background, answering, run, serve, sip};
use serde_json::Value;
use sip_testing::sockets::registrar::{Registrar, ack, answer, header, invite};

const ACCOUNT: &str = "sip:alice@example.com";
const REGISTRATION: &str = "the registration of sip:alice@example.com";

fn start(registrar: &Registrar, adapter: &str, command: &[&str]) -> Background {
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", ACCOUNT, "--adapter", adapter];
    Background::start_with_errors(&mut sip(&[command, &account].concat()))
}

/// The request number `index` of a method that came on any connection so far, waited for.
fn nth(registrar: &Registrar, connection: usize, start: &str, index: usize) -> String {
    registrar.until(start, |registrar| {
        registrar.heard(connection, start).len() > index
    });
    registrar.heard(connection, start)[index].clone()
}

fn refuse(registrar: &Registrar, request: &str, status: &str) {
    let response = answer(request, "", "");
    let response = response.replacen("200 OK", status, 1);
    registrar.send(0, &response);
}

/// The notifier of a subscription, on one connection.
struct Notifier<'a> {
    registrar: &'a Registrar,
    connection: usize,
    /// The first SUBSCRIBE.
    subscribe: String,
    sent: u32,
}

impl<'a> Notifier<'a> {
    /// Waits for the SUBSCRIBE number `index` on a connection and accepts it for so many seconds.
    fn accept(registrar: &'a Registrar, connection: usize, index: usize, expires: u32) -> Self {
        let subscribe = nth(registrar, connection, "SUBSCRIBE ", index);
        let notifier = Self {
            registrar,
            connection,
            subscribe,
            sent: 0,
        };
        notifier.grant(&notifier.subscribe, expires);
        notifier
    }

    fn grant(&self, subscribe: &str, expires: u32) {
        let contact = "<sip:notifier@server.invalid;transport=ws>";
        let extra = format!("Contact: {contact}\r\nExpires: {expires}\r\n");
        let response = answer(subscribe, &extra, "");
        self.registrar.send(self.connection, &response);
    }

    fn field(&self, name: &str) -> &str {
        header(&self.subscribe, name).unwrap()
    }

    /// Sends a NOTIFY, and waits until it is answered 200.
    fn notify(&mut self, state: &str, content_type: &str, body: &str) {
        self.sent += 1;
        let sent = self.sent;
        let target = self.field("Contact").split(['<', '>']).nth(1).unwrap();
        let content_type = match body {
            "" => String::new(),
            _ => format!("Content-Type: {content_type}\r\n"),
        };
        let call_id = self.field("Call-ID");
        let text = format!(
            "NOTIFY {target} SIP/2.0\r\nVia: SIP/2.0/WS server.invalid;branch=z9hG4bK{call_id}{sent}\r\n\
             Max-Forwards: 70\r\nFrom: {};tag=registrar\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: {sent} NOTIFY\r\n\
             Contact: <sip:notifier@server.invalid;transport=ws>\r\nEvent: {}\r\nSubscription-State: {state}\r\n\
             {content_type}Content-Length: {}\r\n\r\n{body}",
            self.field("To").split(";tag=").next().unwrap(),
            self.field("From"),
            self.field("Event"),
            body.len(),
        );
        self.registrar.send(self.connection, &text);
        let cseq = format!("{sent} NOTIFY");
        self.registrar.until("the 200 to a NOTIFY", |registrar| {
            let heard = registrar.heard(self.connection, "SIP/2.0 200 ");
            heard.iter().any(|response| {
                header(response, "Call-ID") == Some(call_id)
                    && header(response, "CSeq") == Some(&cseq)
            })
        });
    }

    fn presence(&mut self, state: &str, basic: &str, more: &str) {
        self.notify(state, "application/pidf+xml", &pidf(basic, more));
    }

    /// Waits for the SUBSCRIBE that ends the subscription, and ends it.
    fn end(&mut self) {
        self.grant(&self.last(), 0);
        self.notify("terminated;reason=timeout", "", "");
    }

    /// The SUBSCRIBE with `Expires: 0` of this subscription.
    fn last(&self) -> String {
        let call_id = self.field("Call-ID");
        let is_last = |subscribe: &String| {
            header(subscribe, "Call-ID") == Some(call_id)
                && header(subscribe, "Expires") == Some("0")
        };
        let find = |registrar: &Registrar| {
            let mut all = registrar.heard(self.connection, "SUBSCRIBE ").into_iter();
            all.find(is_last)
        };
        self.registrar
            .until("the last SUBSCRIBE", |registrar| find(registrar).is_some());
        find(self.registrar).unwrap()
    }
}

fn pidf(basic: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:bob@example.com\">\
         <tuple id=\"t1\"><status><basic>{basic}</basic></status></tuple>{more}</presence>"
    )
}

const ON_THE_PHONE: &str =
    "<dm:person id=\"p1\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>";

fn registrar() -> Registrar {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("SUBSCRIBE");
    registrar.leave_unanswered("PUBLISH");
    registrar
}

/// RFC 6665 sections 4.1.2.1 and 4.1.2.3: the flags are in the SUBSCRIBE, and the last one ends the subscription.
fn the_states_of_a_subscription(adapter: &str) {
    let registrar = registrar();
    let flags = [
        "--event",
        "presence",
        "--id",
        "7",
        "--expires",
        "500",
        "--count",
        "2",
    ];
    let accept = ["--accept", "application/pidf+xml"];
    let command = [&["subscribe", "bob"][..], &flags, &accept].concat();
    let mut program = start(&registrar, adapter, &command);
    let mut notifier = Notifier::accept(&registrar, 0, 0, 400);
    let subscribe = &notifier.subscribe;
    assert!(subscribe.starts_with("SUBSCRIBE sip:bob@example.com SIP/2.0\r\n"));
    assert_eq!(notifier.field("Event"), "presence;id=7");
    assert_eq!(notifier.field("Expires"), "500");
    assert_eq!(notifier.field("Accept"), "application/pidf+xml");
    notifier.notify("pending;expires=400", "", "");
    assert_eq!(program.line("presence "), "presence pending for 400 s");
    notifier.presence("active;expires=300", "open", ON_THE_PHONE);
    let line = program.line("presence ");
    assert_eq!(line, "presence active for 300 s: open: on the phone");
    notifier.end();
    program.line("presence terminated");
    assert_eq!(
        program.line("subscription over: "),
        "subscription over: as asked"
    );
    let (code, errors) = program.finish_with_errors();
    assert_eq!((code, &*errors), (0, ""));
    registrar.end();
}

/// RFC 6665 section 4.4.3: a poll ends with the state that it asked for.
fn a_poll(adapter: &str) {
    let registrar = registrar();
    let command = [
        "subscribe",
        "bob",
        "--event",
        "message-summary",
        "--poll",
        "--json",
    ];
    let mut program = start(&registrar, adapter, &command);
    let mut notifier = Notifier::accept(&registrar, 0, 0, 0);
    assert_eq!(notifier.field("Expires"), "0");
    let body = "Messages-Waiting: yes\r\nVoice-Message: 2/5 (0/1)\r\n";
    let state = "terminated;reason=timeout";
    notifier.notify(state, "application/simple-message-summary", body);
    let event: Value = serde_json::from_str(&program.line("{\"event\":\"notified\"")).unwrap();
    assert_eq!(event["package"], "message-summary");
    assert_eq!(event["state"], "terminated");
    assert_eq!(event["reason"], "timeout");
    assert_eq!(event["body"], body);
    assert_eq!(event["messages"]["waiting"], true);
    assert_eq!(event["messages"]["Voice-Message"]["new"], 2);
    let ended = program.line("{\"event\":\"subscription_ended\"");
    assert!(ended.contains("\"cause\":\"unsubscribed\""), "{ended}");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// RFC 6665 section 4.1.3: a refusal ends the command as a failure, and so does the notifier.
fn a_subscription_that_is_refused(adapter: &str) {
    let registrar = registrar();
    let command = ["subscribe", "bob", "--event", "weather"];
    let program = start(&registrar, adapter, &command);
    let subscribe = nth(&registrar, 0, "SUBSCRIBE ", 0);
    refuse(&registrar, &subscribe, "489 Bad Event");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("subscription to bob: "), "{errors}");
    assert!(errors.contains("489"), "{errors}");
    registrar.end();

    let registrar = self::registrar();
    let mut program = start(&registrar, adapter, &command);
    let mut notifier = Notifier::accept(&registrar, 0, 0, 600);
    // What a peer writes does not control the terminal.
    notifier.notify("active;expires=600", "text/plain", "sun\u{1b}[2J");
    let line = program.line("weather active");
    assert_eq!(line, "weather active for 600 s: sun\\u{1b}[2J");
    notifier.notify("terminated;reason=noresource", "", "");
    program.line("weather terminated (noresource)");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("noresource"), "{errors}");
    registrar.end();
}

/// The first Ctrl-C unsubscribes and says what it waits for; the second one ends at once.
fn a_subscription_whose_end_is_unanswered(adapter: &str) {
    let registrar = registrar();
    let mut program = start(
        &registrar,
        adapter,
        &["subscribe", "bob", "--event", "presence"],
    );
    let mut notifier = Notifier::accept(&registrar, 0, 0, 600);
    notifier.presence("active;expires=600", "closed", "");
    program.line("presence active for 600 s: closed");
    program.signal("INT");
    notifier.last();
    program.signal("INT");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    let open = format!("the subscription to bob, {REGISTRATION}");
    let lines: Vec<&str> = errors.lines().collect();
    let first = format!("sip: ending {open}; Ctrl-C again ends at once");
    assert_eq!(
        lines,
        [first, format!("sip: ended at once; left open: {open}")]
    );
    registrar.end();
}

/// Ctrl-C once: exit code 0, because the subscription ended as asked.
fn a_subscription_until_ctrl_c(adapter: &str) {
    let registrar = registrar();
    let mut program = start(
        &registrar,
        adapter,
        &["subscribe", "bob", "--event", "presence"],
    );
    let mut notifier = Notifier::accept(&registrar, 0, 0, 600);
    notifier.presence("active;expires=600", "open", "");
    program.line("presence active");
    program.signal("INT");
    notifier.end();
    program.line("subscription over: as asked");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// RFC 3903 section 4.4: a line on standard input changes the state; one that says nothing usable is named and has no effect.
fn lines_change_the_state(adapter: &str) {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("PUBLISH");
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", ACCOUNT, "--adapter", adapter];
    let flags = ["publish", "--basic", "open", "--changes"];
    let mut command = sip(&[&flags[..], &account].concat());
    let (mut user, program) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut program = {
        let input: std::os::fd::OwnedFd = program.into();
        Background::start_with_errors(command.stdin(input))
    };
    drop(command);
    let accept = |index: usize, etag: &str| {
        let publish = nth(&registrar, 0, "PUBLISH ", index);
        let granted = format!("Expires: 400\r\nSIP-ETag: {etag}\r\n");
        registrar.send(0, &answer(&publish, &granted, ""));
        publish
    };
    accept(0, "one");
    program.line("published for 400 s");
    user.write_all(b"later\n\nclosed away back at 5\n").unwrap();
    let changed = accept(1, "two");
    assert_eq!(header(&changed, "SIP-If-Match"), Some("one"));
    for part in ["<basic>closed</basic>", "away/>", ">back at 5</"] {
        assert!(changed.contains(part), "{part}: {changed}");
    }
    program.line("published for 400 s");
    user.write_all(b"q\n").unwrap();
    let removed = accept(2, "two");
    assert_eq!(header(&removed, "SIP-If-Match"), Some("two"));
    assert_eq!(header(&removed, "Expires"), Some("0"));
    program.line("publication removed");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    assert!(
        errors.contains("sip: later: a line changes the state: open or closed"),
        "{errors}"
    );
    registrar.end();
}

/// The end of the input, as with `< /dev/null`, ends nothing; with `--body` a line is a file.
fn a_line_names_a_body(adapter: &str) {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = |name: &str, text: &str| {
        let path = folder.join(format!("{adapter}-{name}"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (first, second) = (file("first", "sunny"), file("second", "rainy"));
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("PUBLISH");
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", ACCOUNT, "--adapter", adapter];
    let flags = [
        "publish",
        "--event",
        "weather",
        "--changes",
        "--content-type",
        "text/plain",
        "--body",
        &first,
    ];
    let input = file("lines", &format!("/nowhere/file\n{second}"));
    let mut command = sip(&[&flags[..], &account].concat());
    let mut program =
        Background::start_with_errors(command.stdin(std::fs::File::open(input).unwrap()));
    let publish = nth(&registrar, 0, "PUBLISH ", 0);
    assert!(publish.ends_with("\r\n\r\nsunny"), "{publish}");
    registrar.send(
        0,
        &answer(&publish, "Expires: 400\r\nSIP-ETag: one\r\n", ""),
    );
    let publish = nth(&registrar, 0, "PUBLISH ", 1);
    assert!(publish.ends_with("\r\n\r\nrainy"), "{publish}");
    registrar.send(
        0,
        &answer(&publish, "Expires: 400\r\nSIP-ETag: two\r\n", ""),
    );
    program.line("published for 400 s");
    program.line("published for 400 s");
    assert!(program.is_running());
    program.signal("INT");
    let publish = nth(&registrar, 0, "PUBLISH ", 2);
    registrar.send(0, &answer(&publish, "Expires: 0\r\nSIP-ETag: two\r\n", ""));
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("/nowhere/file"), "{errors}");
    registrar.end();
}

/// RFC 3903 sections 4.1 and 4.4: the state of the flags is published, and removed at Ctrl-C by its entity tag.
fn a_publication(adapter: &str) {
    let registrar = registrar();
    let flags = [
        "--basic",
        "open",
        "--note",
        "at my desk",
        "--activity",
        "busy",
    ];
    let command = [&["publish", "--expires", "500"][..], &flags].concat();
    let mut program = start(&registrar, adapter, &command);
    let publish = nth(&registrar, 0, "PUBLISH ", 0);
    assert!(publish.starts_with("PUBLISH sip:alice@example.com SIP/2.0\r\n"));
    assert_eq!(header(&publish, "Event"), Some("presence"));
    assert_eq!(header(&publish, "Expires"), Some("500"));
    assert_eq!(
        header(&publish, "Content-Type"),
        Some("application/pidf+xml")
    );
    for part in [
        "<basic>open</basic>",
        "at my desk",
        "busy",
        "sip:alice@example.com",
    ] {
        assert!(publish.contains(part), "{part}: {publish}");
    }
    let granted = "SIP-ETag: one\r\nExpires: 400\r\n";
    registrar.send(0, &answer(&publish, granted, ""));
    assert_eq!(program.line("published "), "published for 400 s");
    program.signal("INT");
    let removal = nth(&registrar, 0, "PUBLISH ", 1);
    assert_eq!(header(&removal, "SIP-If-Match"), Some("one"));
    assert_eq!(header(&removal, "Expires"), Some("0"));
    registrar.send(0, &answer(&removal, "SIP-ETag: two\r\nExpires: 0\r\n", ""));
    program.line("publication removed");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    assert_eq!(
        errors,
        "sip: ending the publication of presence; Ctrl-C again ends at once\n"
    );
    registrar.end();
}

/// RFC 3903 section 6: a state that the server refuses is a failure; any state can come from a file.
fn a_publication_that_is_refused(adapter: &str) {
    let registrar = registrar();
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("state-{adapter}.txt"));
    std::fs::write(&path, "sunny").unwrap();
    let body = [
        "--body",
        path.to_str().unwrap(),
        "--content-type",
        "text/plain",
    ];
    let flags = ["publish", "--target", "bob", "--event", "weather"];
    let command = [&flags[..], &body, &["--json"]].concat();
    let mut program = start(&registrar, adapter, &command);
    let publish = nth(&registrar, 0, "PUBLISH ", 0);
    assert!(publish.starts_with("PUBLISH sip:bob@example.com SIP/2.0\r\n"));
    assert_eq!(header(&publish, "Event"), Some("weather"));
    assert_eq!(header(&publish, "Content-Type"), Some("text/plain"));
    assert!(publish.ends_with("\r\n\r\nsunny"), "{publish}");
    refuse(&registrar, &publish, "403 Forbidden");
    let line = program.line("{\"event\":\"publication_ended\"");
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["outcome"], "failed");
    assert_eq!(event["status"], 403);
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("publication of weather: "), "{errors}");
    registrar.end();
}

/// One line for each change, per person: what is not known, what is lost, and what comes back.
fn the_lines_of_a_watch(adapter: &str) {
    let registrar = registrar();
    let mut program = start(&registrar, adapter, &["watch", "bob", "--mwi"]);
    nth(&registrar, 0, "SUBSCRIBE ", 1);
    let package = |notifier: &Notifier<'_>| notifier.field("Event").to_owned();
    let mut both = [0, 1].map(|index| Notifier::accept(&registrar, 0, index, 600));
    both.sort_by_key(|notifier| package(notifier) == "message-summary");
    let [mut bob, mut mailbox] = both;
    assert_eq!(package(&bob), "presence");
    assert!(
        mailbox
            .subscribe
            .starts_with("SUBSCRIBE sip:alice@example.com ")
    );
    bob.notify("pending;expires=600", "", "");
    assert_eq!(program.line("bob: "), "bob: unknown");
    bob.presence("active;expires=600", "open", "");
    assert!(program.line("bob: ").starts_with("bob: open, after "));
    let text = "Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n";
    let content_type = "application/simple-message-summary";
    mailbox.notify("active;expires=600", content_type, text);
    let line = program.line("sip:alice@example.com: ");
    assert_eq!(line, "sip:alice@example.com: 1 new, 0 old voice messages");
    // The same state again is no change.
    bob.presence("active;expires=600", "open", "");
    bob.presence("active;expires=600", "closed", ON_THE_PHONE);
    let line = program.line("bob: ");
    assert!(
        line.starts_with("bob: closed, on the phone, after "),
        "{line}"
    );
    bob.notify("terminated;reason=deactivated", "", "");
    assert!(program.line("bob: ").starts_with("bob: lost, after "));
    let mut bob = Notifier::accept(&registrar, 0, 2, 600);
    bob.presence("active;expires=600", "closed", "");
    assert!(program.line("bob: ").starts_with("bob: closed, after "));
    program.signal("INT");
    bob.end();
    mailbox.end();
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// The subscription outlives its connection, and the refresh on the next one brings the state back.
fn a_watch_over_a_lost_connection(adapter: &str) {
    let registrar = registrar();
    let mut program = start(&registrar, adapter, &["watch", "bob"]);
    let mut bob = Notifier::accept(&registrar, 0, 0, 600);
    bob.presence("active;expires=600", "open", "");
    assert_eq!(program.line("bob: "), "bob: open");
    registrar.cut(0);
    assert!(program.line("bob: ").starts_with("bob: lost, after "));
    let refresh = nth(&registrar, 1, "SUBSCRIBE ", 0);
    assert_eq!(header(&refresh, "Call-ID"), Some(bob.field("Call-ID")));
    bob.connection = 1;
    bob.subscribe = refresh.clone();
    bob.grant(&refresh, 600);
    bob.presence("active;expires=600", "open", "");
    assert!(program.line("bob: ").starts_with("bob: open, after "));
    program.signal("INT");
    bob.end();
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
    registrar.end();
}

/// A watch that has nothing left to watch is a failure, and says why.
fn a_watch_that_is_refused(adapter: &str) {
    let registrar = registrar();
    let command = ["watch", "bob", "--dialog", "--json"];
    let mut program = start(&registrar, adapter, &command);
    let subscribe = nth(&registrar, 0, "SUBSCRIBE ", 0);
    assert_eq!(header(&subscribe, "Event"), Some("dialog"));
    refuse(&registrar, &subscribe, "403 Forbidden");
    let event: Value = serde_json::from_str(&program.line("{\"event\":\"watched\"")).unwrap();
    assert_eq!(event["name"], "bob");
    let state = event["state"].as_str().unwrap();
    assert!(state.starts_with("not watched: "), "{state}");
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("subscription to bob: "), "{errors}");
    registrar.end();
}

/// A SUBSCRIBE of a peer to the Contact of the program.
fn subscribe(target: &str, package: &str) -> String {
    format!(
        "SUBSCRIBE {target} SIP/2.0\r\nVia: SIP/2.0/WS carol.invalid;branch=z9hG4bK{package}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:carol@example.com>;tag={package}\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: {package}@carol.invalid\r\nCSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:carol@carol.invalid;transport=ws>\r\nEvent: {package}\r\nExpires: 600\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// The NOTIFY of a package that has this in its body, waited for.
fn notified(registrar: &Registrar, package: &str, what: &str) {
    registrar.until(what, |registrar| {
        let heard = registrar.heard(0, "NOTIFY ");
        let mut heard = heard
            .iter()
            .filter(|notify| header(notify, "Event") == Some(package));
        heard.any(|notify| notify.contains(what))
    });
}

/// RFC 6665 section 4.2.1, RFC 3856, RFC 4235: the subscribers learn whether this side is free.
fn an_answering_side_that_reports_its_calls(adapter: &str) {
    let registrar = registrar();
    let mut program = answering(&registrar, adapter, &["--presence"]);
    program.line("registered for 600 s");
    let register = registrar.hear(0, "REGISTER ");
    let contact = header(&register, "Contact").unwrap();
    let contact = contact.split(['<', '>']).nth(1).unwrap();
    for package in ["presence", "dialog"] {
        registrar.send(0, &subscribe(contact, package));
        let line = program.line("subscription to ");
        let expected = format!("subscription to {package} from sip:carol@example.com for 600 s");
        assert_eq!(line, expected);
    }
    notified(&registrar, "presence", "<basic>open</basic>");
    notified(&registrar, "dialog", "version=\"0\"");
    registrar.send(0, &invite(contact));
    let accepts = |response: &String| header(response, "CSeq") == Some("1 INVITE");
    let accepted = |registrar: &Registrar| {
        let mut heard = registrar.heard(0, "SIP/2.0 200 ").into_iter();
        heard.find(accepts)
    };
    registrar.until("the 200 to the INVITE", |registrar| {
        accepted(registrar).is_some()
    });
    registrar.send(0, &ack(&accepted(&registrar).unwrap()));
    notified(&registrar, "presence", "on-the-phone");
    notified(&registrar, "dialog", "confirmed");
    program.signal("INT");
    notified(&registrar, "presence", "Subscription-State: terminated");
    notified(&registrar, "dialog", "Subscription-State: terminated");
    assert_eq!(program.finish(), 0);
    registrar.end();
}

/// Any method goes out with its header fields and its body; its outcome is that of the command.
fn any_request(adapter: &str) {
    let registrar = registrar();
    registrar.leave_unanswered("KNOCK");
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("knock-{adapter}.txt"));
    std::fs::write(&path, "knock").unwrap();
    let body = [
        "--body",
        path.to_str().unwrap(),
        "--content-type",
        "text/plain",
    ];
    let command = [
        &["request", "KNOCK", "bob", "--header", "X-Door: 1"][..],
        &body,
    ]
    .concat();
    for (status, code) in [("200 OK", 0), ("405 Method Not Allowed", 1)] {
        let connection = registrar.connections();
        let mut program = start(&registrar, adapter, &command);
        let knock = nth(&registrar, connection, "KNOCK ", 0);
        assert!(knock.starts_with("KNOCK sip:bob@example.com SIP/2.0\r\n"));
        assert_eq!(header(&knock, "X-Door"), Some("1"));
        assert!(knock.ends_with("\r\n\r\nknock"), "{knock}");
        let response = answer(&knock, "", "").replacen("200 OK", status, 1);
        registrar.send(connection, &response);
        program.line(status);
        assert_eq!(program.finish_with_errors().0, code);
    }
    // A request with a state of its own has a command of its own.
    let program = start(&registrar, adapter, &["request", "SUBSCRIBE", "bob"]);
    let (code, errors) = program.finish_with_errors();
    assert_eq!(code, 2, "{errors}");
    registrar.end();
}

macro_rules! on_both_adapters {
    ($($test:ident)+) => {
        mod with_tokio {
            $(#[test] fn $test() { super::$test("tokio"); })+
        }
        mod with_blocking {
            $(#[test] fn $test() { super::$test("blocking"); })+
        }
    };
}

on_both_adapters! {
    lines_change_the_state
    a_line_names_a_body
    the_states_of_a_subscription
    a_poll
    a_subscription_that_is_refused
    a_subscription_whose_end_is_unanswered
    a_subscription_until_ctrl_c
    a_publication
    a_publication_that_is_refused
    the_lines_of_a_watch
    a_watch_over_a_lost_connection
    a_watch_that_is_refused
    an_answering_side_that_reports_its_calls
    any_request
}

/// A command of a user at `sip serve`.
fn through(url: &str, user: &str, command: &[&str]) -> Background {
    let uri = format!("sip:{user}@localhost");
    let password = format!("{}-secret", &user[..1]);
    let account = ["--server", url, "--uri", &uri, "--password", &password];
    Background::start_with_errors(&mut sip(&[command, &account].concat()))
}

/// `sip serve`, which reports at most every five seconds (RFC 3856 section 6.10): a publication reaches a watch, and so does its end.
#[test]
fn a_publication_is_watched_through_the_edge() {
    let (_server, url) = serve();
    let mut watch = through(&url, "alice", &["watch", "bob", "--mwi"]);
    assert_eq!(watch.line("bob: "), "bob: closed");
    let line = watch.line("sip:alice@localhost: ");
    assert_eq!(line, "sip:alice@localhost: no messages");
    let state = ["--basic", "open", "--note", "at my desk"];
    let command = [&["publish", "--adapter", "blocking"][..], &state].concat();
    let mut publish = through(&url, "bob", &command);
    publish.line("published for ");
    let line = watch.line("bob: ");
    assert!(line.starts_with("bob: open (at my desk), after "), "{line}");
    publish.signal("INT");
    publish.line("publication removed");
    assert_eq!(publish.finish_with_errors().0, 0);
    assert!(watch.line("bob: ").starts_with("bob: closed, after "));
    watch.signal("INT");
    let (code, errors) = watch.finish_with_errors();
    assert_eq!(code, 0, "{errors}");
}

/// `sip serve` takes a subscription to the calls of a user to the phone of that user.
#[test]
fn calls_are_watched_through_the_edge() {
    let (_server, url) = serve();
    let mut bob = through(&url, "bob", &["answer", "--presence"]);
    bob.line("registered");
    let mut watch = through(&url, "alice", &["watch", "bob", "--dialog"]);
    assert_eq!(watch.line("bob: "), "bob: free");
    let mut call = through(&url, "alice", &["call", "bob"]);
    call.line("call established");
    assert!(watch.line("bob: on the phone").contains(", after "));
    call.signal("INT");
    assert_eq!(call.finish_with_errors().0, 0);
    assert!(watch.line("bob: ").starts_with("bob: free, after "));
    bob.signal("INT");
    assert_eq!(bob.finish_with_errors().0, 0);
    // The notifier has ended the subscription.
    watch.line("bob: ");
    watch.signal("INT");
    watch.finish_with_errors();
}

/// On a terminal the lines of a watch change in place, other lines go above them, and `q` ends the command.
#[test]
fn the_lines_of_a_watch_on_a_terminal() {
    let registrar = registrar();
    let mut terminal = Terminal::open();
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let account = ["--server", &url, "--uri", ACCOUNT];
    let command = [&["watch", "bob", "carol-of-the-long-name"][..], &account].concat();
    // There is no password, and the program must not ask for one.
    let program = terminal.spawn(sip(&command).env("SIP_PASSWORD", ""));
    nth(&registrar, 0, "SUBSCRIBE ", 1);
    let mut both = [0, 1].map(|index| Notifier::accept(&registrar, 0, index, 600));
    both.sort_by_key(|notifier| !notifier.subscribe.starts_with("SUBSCRIBE sip:bob@"));
    let [mut bob, mut carol] = both;
    terminal.shows("bob                     unknown  ");
    bob.presence("active;expires=600", "open", "");
    terminal.shows("bob                     open     ");
    // Up two lines, and clear from there.
    terminal.shows("\u{1b}[2A\r\u{1b}[J");
    carol.presence("active;expires=600", "open", ON_THE_PHONE);
    terminal.shows("bob                     open          ");
    terminal.shows("carol-of-the-long-name  on the phone  ");
    assert!(!terminal.screen().contains("presence active"));
    terminal.type_keys("q");
    terminal.shows("\u{1b}[Jsip: ending the subscription to bob");
    bob.end();
    carol.end();
    assert_eq!(program.finish(), 0);
    assert!(terminal.is_as_before());
    registrar.end();
}

/// What contradicts itself is refused before anything is sent.
#[test]
fn flags_that_do_not_fit() {
    let account = ["--server", "ws://127.0.0.1:9", "--uri", ACCOUNT];
    for command in [
        &["publish"][..],
        &["publish", "--basic", "open", "--body", "x"],
        &["publish", "--body", "x"],
        &["publish", "--basic", "open", "--event", "weather"],
        &[
            "publish",
            "--body",
            "/does/not/exist",
            "--content-type",
            "text/plain",
        ],
        &["publish", "--basic", "open", "--expires", "0"],
        &["subscribe", "bob"],
        &["subscribe", "bob", "--event", "a b"],
        &[
            "subscribe",
            "bob",
            "--event",
            "presence",
            "--accept",
            "text",
        ],
        &[
            "subscribe",
            "bob",
            "--event",
            "presence",
            "--poll",
            "--expires",
            "1",
        ],
        &["watch", "--dialog"],
    ] {
        let run = run(&[command, &account].concat());
        assert_eq!(run.code, 2, "{command:?}: {}", run.err);
    }
}
