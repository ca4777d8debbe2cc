//! The ends of the help texts: examples and exit codes of each command. A test reads each example as a command line.

/// Joins the examples of a command and what its exit codes mean.
macro_rules! help {
    ($(#[$doc:meta])* $name:ident: $($example:literal)+; $codes:expr) => {
        $(#[$doc])*
        pub(crate) const $name: &str =
            concat!("Examples:\n", $("  ", $example, "\n",)+ "\nExit codes:\n", $codes);
    };
}

/// The codes of a command that goes online; `$good` and `$bad` are its codes 0 and 1.
macro_rules! online {
    ($good:literal, $bad:literal) => {
        concat!(
            "  0  ",
            $good,
            "\n  1  ",
            $bad,
            "\n  2  usage or configuration\n  3  no connection to a server\n",
            "  4  the server does not accept the password, or asks for one and there is none"
        )
    };
}

/// The codes of a command that needs no server.
macro_rules! offline {
    ($good:literal, $bad:literal) => {
        concat!(
            "  0  ",
            $good,
            "\n  1  ",
            $bad,
            "\n  2  usage, or a file that cannot be read"
        )
    };
}

help!(
    /// Of the program.
    PROGRAM:
    "sip demo"
    "sip serve --user alice:a --user bob:b"
    "sip answer --server ws://127.0.0.1:5080 --uri sip:bob@localhost --password b"
    "sip call bob --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a"
    "sip call bob --config account.json5 --dtmf 123# --transfer carol --transfer-after 5"
    "sip parse invite.sip"
    "sip ladder alice.txt bob.txt call.pcap";
    concat!(online!("done", "the SIP outcome was a failure (a call refused, a file that does not parse)"), "\n\n\
Ctrl-C ends a command in good order: calls, registration, connection. A second Ctrl-C ends it at\n\
once, with exit code 1, and says what is left open. Each command has examples: sip help COMMAND.")
);
help!(DEMO:
    "sip demo"
    "sip demo --transfer"
    "sip demo --presence"
    "sip demo --calls 1000 --adapter blocking"
    "sip demo --fault drop-bye";
    "  0  everything happened as it should\n  1  something did not\n  2  usage\n  3  the server cannot start");
help!(SERVE:
    "sip serve --user alice:a --user bob:b"
    "sip serve --listen 127.0.0.1:0 --realm example.com --user alice:a --trace"
    "sip serve --web";
    "  0  ended as asked, by Ctrl-C\n  1  ended at once, by a second Ctrl-C\n  2  usage\n  3  the address cannot be listened at");
help!(REGISTER:
    "sip register --server wss://sip.example.com --uri sip:alice@example.com"
    "sip register --config account.json5 --password-file secret.txt --for 60"
    "sip register --config account.json5 --trace";
    online!("registered, and unregistered at the end", "the registrar refused or did not answer, or Ctrl-C came before"));
help!(CALL:
    "sip call bob --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a"
    "sip call sip:bob@example.com --config account.json5 --hangup-after 10"
    "sip call bob --config account.json5 --hold-after 1 --resume-after 3 --dtmf 123#"
    "sip call bob --config account.json5 --transfer carol --attended"
    "sip call bob --config account.json5 --header 'X-Room: 12' --json";
    online!("the call was up, and one side hung up", "it was refused or not answered, or a step of a flag failed"));
help!(ANSWER:
    "sip answer --server ws://127.0.0.1:5080 --uri sip:bob@localhost --password b"
    "sip answer --config account.json5 --ring 3 --hangup-after 20"
    "sip answer --config account.json5 --reject 486"
    "sip answer --config account.json5 --presence --replaces --follow-refer";
    online!("ended as asked", "the registrar refused, a step of a flag failed, or a peer may not know the end of a call"));
help!(MESSAGE:
    "sip message bob 'Hello Bob' --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a"
    "sip message sip:bob@example.com Hello --config account.json5";
    online!("the message was taken (2xx)", "it was refused, or there was no answer"));
help!(OPTIONS:
    "sip options bob --config account.json5"
    "sip options sip:example.com --server wss://sip.example.com --trace";
    online!("there was an answer of success (2xx)", "it was refused, or there was no answer"));
help!(REQUEST:
    "sip request INFO bob --config account.json5 --header 'X-Room: 12'"
    "sip request INFO bob --config account.json5 --body state.json --content-type application/json";
    online!("there was an answer of success (2xx)", "it was refused, or there was no answer"));
help!(SUBSCRIBE:
    "sip subscribe bob --event presence --config account.json5"
    "sip subscribe bob --event presence --poll --config account.json5 --json"
    "sip subscribe alice --event message-summary --count 1 --config account.json5";
    online!("ended as asked, after at least one report", "the notifier refused or ended the subscription, or reported nothing"));
help!(PUBLISH:
    "sip publish --basic open --note 'at my desk' --config account.json5"
    "sip publish --basic closed --activity away --for 600 --config account.json5"
    "sip publish --basic open --changes --config account.json5"
    "sip publish --event weather --body sunny.txt --content-type text/plain --config account.json5";
    online!("the server had the state and has removed it", "it refused the state or the removal, or never answered"));
help!(WATCH:
    "sip watch bob carol --config account.json5"
    "sip watch bob --dialog --config account.json5"
    "sip watch --mwi --config account.json5 --for 60";
    online!("ended as asked", "no subscription is left"));
help!(CONFIG:
    "sip config account.json5"
    "sip config account.json5 --uri sip:alice@example.com --json";
    "  0  the configuration is sound\n  1  it cannot be shown\n  2  usage, or a fault in it");
help!(PARSE:
    "sip parse invite.sip"
    "sip parse --strict --json trace.txt call.pcap"
    "sip parse --answer invite.sip"
    "sip parse -";
    offline!("every message is sound, or --answer is given", "a file does not parse, or a capture ends early"));
help!(LADDER:
    "sip ladder call.pcap"
    "sip ladder alice.txt bob.txt proxy.log"
    "sip ladder proxy.pcap --call 3848276298 --limit 50";
    offline!("drawn", "there is no message to draw"));
help!(COMPLETIONS:
    "sip completions bash"
    "sip completions zsh";
    "  0  printed\n  2  usage");
help!(MAN:
    "sip man"
    "sip man /usr/local/share/man/man1";
    "  0  written\n  2  usage, or a folder that cannot be written");
