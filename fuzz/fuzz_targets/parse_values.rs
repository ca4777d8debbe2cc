#![no_main]
//! One value of any typed header field, or a URI: no input panics; what is read and written reads back as the same.
//!
//! The first byte chooses what to read, the rest is the value.

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use sip_fuzz::mutate::{self, Dice};
use sip_fuzz::tally;
use sip_fuzz::typed::{FIELDS, written};
use sip_parse::{
    Contact, Host, Method, NameAddr, Params, Uri, UriBuf, Via, quote_into, unescape, unquote,
};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((&choice, value)) = data.split_first() else {
        return Corpus::Reject;
    };
    let accepted = match FIELDS.get(usize::from(choice) % (FIELDS.len() + 4)) {
        Some(&name) => match written(name, value).expect("a typed field") {
            Ok(text) => {
                let again = written(name, &text).expect("a typed field");
                assert_eq!(
                    again,
                    Ok(text),
                    "{name}: what was written reads as the same"
                );
                same_parts(value);
                true
            }
            Err(error) => {
                assert!(error.offset as usize <= value.len(), "{name}: {error}");
                false
            }
        },
        None => uri(value),
    };
    tally::count(accepted);
    // A refused input makes a poor parent.
    if accepted {
        Corpus::Keep
    } else {
        Corpus::Reject
    }
});

/// The parts of the values that every message has, before and after.
fn same_parts(value: &[u8]) {
    use sip_parse::HeaderValue;
    if let Ok(via) = Via::parse(value) {
        let text = via.to_bytes();
        let again = Via::parse(&text).expect("reads again");
        assert_eq!(via.branch(), again.branch());
        assert_eq!(via.host(), again.host());
        assert_eq!(via.port(), again.port());
        assert_eq!(via.rport(), again.rport());
        assert_eq!(via.received_ip(), again.received_ip());
    }
    if let Ok(Contact::Addr(address)) = Contact::parse(value) {
        same_address(&address);
    }
    if let Ok(address) = NameAddr::parse(value) {
        same_address(&address);
    }
}

fn same_address(address: &NameAddr<'_>) {
    use sip_parse::HeaderValue;
    let text = address.to_bytes();
    let again = NameAddr::parse(&text).expect("reads again");
    assert_eq!(address.tag(), again.tag());
    let tidied = address.uri().tidied();
    assert!([address.uri_text(), tidied.as_bytes()].contains(&again.uri_text()));
    // Of several parameters of one name the first is written.
    let mut names: Vec<Vec<u8>> = Vec::new();
    for (name, _) in address.params() {
        let name = name.to_ascii_lowercase();
        assert!(again.params().has(&name), "each parameter is written");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    assert_eq!(names.len(), again.params().iter().count());
    assert_eq!(address.q(), again.q());
    assert_eq!(address.expires(), again.expires());
}

fn uri(value: &[u8]) -> bool {
    let quoted = {
        let mut text = Vec::new();
        quote_into(value, &mut text);
        text
    };
    let plain: Vec<u8> = value
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
        .collect();
    assert_eq!(unquote(&quoted).as_ref(), plain, "quoting is undone");
    assert!(unescape(value).len() <= value.len());
    if let Ok(params) = Params::parse(value) {
        for (name, _) in params {
            assert!(params.has(name), "each parameter is found by its name");
        }
    }
    let _ = Host::parse(value);
    let _ = Method::parse(value);
    let Ok(uri) = Uri::parse(value) else {
        assert!(UriBuf::parse(value).is_err(), "borrowed and owned agree");
        return false;
    };
    tally::reached("URIs", 1);
    let owned = UriBuf::parse(value).expect("borrowed and owned agree");
    assert_eq!(owned.as_bytes(), uri.as_bytes());
    assert!(
        uri.equivalent(&owned.as_uri()),
        "a URI is equivalent to itself"
    );
    if uri.is_sip() {
        assert!(!uri.host_bytes().is_empty(), "a SIP URI has a host");
        let (user, host) = (uri.user().map_or(0, <[u8]>::len), uri.host_bytes().len());
        assert!(user + host <= value.len());
    }
    let lower = value.to_ascii_lowercase();
    if let Ok(other) = Uri::parse(&lower) {
        assert_eq!(
            uri.equivalent(&other),
            other.equivalent(&uri),
            "equivalence is symmetric"
        );
    }
    true
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = Dice::new(seed);
    let mut bytes = data[..size].to_vec();
    if bytes.is_empty() {
        bytes.push(0);
    }
    // The seeds fit their type; another type would mostly refuse them.
    if dice.roll(16) == 0 {
        bytes[0] = dice.roll(256) as u8;
    }
    let mut value = bytes.split_off(1);
    let room = (max_size - 1).saturating_sub(value.len());
    mutate::value(&mut value, room, &mut dice);
    bytes.append(&mut value);
    mutate::give_back(&bytes, data)
});
