//! Everyday and hard valid messages: typed accessors return every fact in the file beside the message.

mod common;

use std::fs;

use sip_parse::{Bytes, Limits, Message, NameAddr, Uri, text};

fn uri_fact(uri: &Uri<'_>, what: &str) -> String {
    match what {
        "user" => uri
            .user()
            .map(|user| text(user).to_string())
            .unwrap_or_default(),
        "host" => text(uri.host_bytes()).to_string(),
        "port" => uri.port().map(|port| port.to_string()).unwrap_or_default(),
        other => panic!("unknown URI fact {other}"),
    }
}

fn address_fact(address: &NameAddr<'_>, what: &str) -> String {
    match what {
        "tag" => address
            .tag()
            .map(|tag| text(tag).to_string())
            .unwrap_or_default(),
        what => uri_fact(address.uri(), what),
    }
}

fn fact(message: &Message, name: &str) -> String {
    let (head, what) = name.split_once('.').unwrap_or((name, ""));
    match head {
        "method" => message.as_request().unwrap().method().to_string(),
        "status" => {
            let status = message.as_response().unwrap().status();
            status.as_u16().to_string()
        }
        "ruri" => uri_fact(&message.as_request().unwrap().uri().unwrap(), what),
        "via" => {
            let via = message.top_via().unwrap();
            match what {
                "transport" => text(via.transport()).to_string(),
                "host" => text(via.host_bytes()).to_string(),
                "port" => via.port().map(|port| port.to_string()).unwrap_or_default(),
                "branch" => text(via.branch().unwrap_or_default()).to_string(),
                other => panic!("unknown Via fact {other}"),
            }
        }
        "from" => address_fact(&message.from().unwrap(), what),
        "to" => address_fact(&message.to().unwrap(), what),
        "contact" => {
            let contact = message.contacts().next().unwrap().unwrap();
            address_fact(contact.addr().unwrap(), what)
        }
        "callid" => text(message.call_id().unwrap()).to_string(),
        "cseq" => {
            let cseq = message.cseq().unwrap();
            if what == "num" {
                cseq.number.to_string()
            } else {
                cseq.method.to_string()
            }
        }
        "maxfwd" => message.max_forwards().unwrap().unwrap().to_string(),
        "clen" => message.content_length().unwrap().unwrap().to_string(),
        "body" => message.body().len().to_string(),
        other => panic!("unknown fact {other}"),
    }
}

#[test]
fn every_fact_of_every_message() {
    let mut facts = 0;
    for path in common::message_files() {
        let bytes = Bytes::from(fs::read(&path).unwrap());
        let message = Message::parse(bytes.clone(), &Limits::default())
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        message
            .validate()
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        for line in fs::read_to_string(path.with_extension("facts"))
            .unwrap()
            .lines()
        {
            let (name, expected) = line.split_once('=').unwrap();
            let found = fact(&message, name);
            assert!(
                expected.split('|').any(|one| one == found),
                "{path:?} {name}: {found:?} is not {expected:?}"
            );
            facts += 1;
        }
        assert!(bytes.starts_with(message.bytes()));
    }
    assert!(facts > 400, "{facts}");
}

/// RFC 3261 section 7: accessors read the start line of requests and responses alike.
#[test]
fn start_lines_by_reference() {
    let (mut requests, mut responses) = (0, 0);
    for path in common::message_files() {
        let bytes = Bytes::from(fs::read(&path).unwrap());
        let message = Message::parse(bytes, &Limits::default()).unwrap();
        let uri = message.request_uri().unwrap();
        match message.as_request() {
            Some(request) => {
                requests += 1;
                assert_eq!(message.request_method(), Some(request.method()));
                assert_eq!(uri, Some(request.uri().unwrap()));
                assert_eq!(message.response_status(), None);
            }
            None => {
                responses += 1;
                let status = message.as_response().unwrap().status();
                assert_eq!(message.response_status(), Some(status));
                assert_eq!((message.request_method(), uri), (None, None));
            }
        }
    }
    assert!(requests > 10 && responses > 3, "{requests} {responses}");
}
