//! The transaction layer alone, rule by rule: RFC 3261 sections 8, 9, 16.3, 17 and 18, RFC 3581, 4320, 6026.

mod client;
mod server;

use std::time::Duration;

use sip_core::transaction::{Output, SendError, TransactionError, forwards_left};
use sip_core::{Limits, Timestamp, Transport};
use sip_parse::{Builder, HeaderName, Message, Method, StatusCode};
use sip_testing::{LayerBench as Bench, parse, value};

fn request(method: &str, via: &str, more: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP {via}\nMax-Forwards: 70\n\
         From: <sip:bob@192.0.2.2>;tag=b\nTo: <sip:alice@192.0.2.1>\nCall-ID: c1\n\
         CSeq: 1 {method}\nContact: <sip:bob@192.0.2.2>\n{more}Content-Length: 0\n\n"
    )
}

const VIA: &str = "192.0.2.2:5060;branch=z9hG4bKone";
