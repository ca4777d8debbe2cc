//! The memory of a transaction beyond the one message that it must keep: at most 500 bytes, with the slack of
//! all tables, measured over 10,000 of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sip_core::transaction::{Output, TransactionLayer};
use sip_core::{ConnectionId, ConnectionInfo, Limits, Timestamp, Transport};
use sip_parse::{Builder, Bytes, HeaderName, Method, StatusCode};
use sip_testing::layer_with;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Threads that end free after their locals are gone; they are not measured.
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

#[allow(unsafe_code)] // An allocator cannot be written without.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MANY: usize = 10_000;
const MOST: isize = 500;

type Layer = TransactionLayer<u64>;

fn layer() -> (Layer, ConnectionId) {
    let mut limits = Limits::default();
    limits.client_transactions = MANY;
    limits.server_transactions = MANY;
    let mut layer: Layer = layer_with(limits, 1);
    let connection = layer.accept(ConnectionInfo {
        transport: Transport::Udp,
        remote: None,
    });
    (layer, connection)
}

fn request(method: Method<'static>, number: usize, via: bool) -> Builder<'static> {
    let mut request = Builder::request(method, b"sip:bob@192.0.2.2");
    if via {
        let via = format!("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKpeer{number:020}");
        request.append(HeaderName::Via, via);
    }
    request
        .append(HeaderName::MaxForwards, 70)
        .append(
            HeaderName::From,
            format!("<sip:alice@192.0.2.1>;tag=a{number:010}"),
        )
        .append(HeaderName::To, "<sip:bob@192.0.2.2>")
        .append(HeaderName::CallId, format!("call-{number:020}@192.0.2.1"))
        .append(HeaderName::CSeq, sip_parse::Value::CSeq(1, method))
        .append(HeaderName::Contact, "<sip:alice@192.0.2.1>");
    request
}

/// Live bytes for each transaction beyond `kept` bytes of message.
fn beyond(before: isize, kept: usize) -> isize {
    (LIVE.with(Cell::get) - before) / MANY as isize - kept as isize
}

fn show(what: &str, bytes: isize) {
    println!("{what}: {bytes} bytes beyond its message");
    assert!(bytes <= MOST, "{what}: {bytes} bytes");
}

fn drain(layer: &mut Layer) -> usize {
    let mut length = 0;
    while let Some(output) = layer.poll() {
        if let Output::Transmit { bytes, .. } = output {
            length = bytes.len();
        }
    }
    length
}

fn clients(method: Method<'static>) {
    let before = LIVE.with(Cell::get);
    let (mut layer, connection) = layer();
    let mut length = 0;
    for number in 0..MANY {
        let request = request(method, number, false);
        layer
            .send_request(connection, request, number as u64, Timestamp::ZERO)
            .expect("room");
        length = drain(&mut layer);
    }
    assert_eq!(layer.client_transactions(), MANY);
    show(
        &format!("{} client", sip_parse::text(method.as_bytes())),
        beyond(before, length),
    );
}

#[test]
fn tx_memory_an_invite_client_needs_500_bytes() {
    clients(Method::Invite);
}

#[test]
fn tx_memory_a_non_invite_client_needs_500_bytes() {
    clients(Method::Message);
}

fn servers(method: Method<'static>) {
    let before = LIVE.with(Cell::get);
    let (mut layer, connection) = layer();
    let mut waiting = Vec::with_capacity(MANY);
    let mut length = 0;
    for number in 0..MANY {
        let bytes = request(method, number, true).build().expect("sound");
        length = bytes.bytes().len();
        let bytes = Bytes::copy_from_slice(bytes.bytes());
        let taken = layer.receive(connection, bytes, Timestamp::ZERO);
        taken.expect("room in the queue");
        while let Some(output) = layer.poll() {
            if let Output::Request { transaction, .. } = output {
                waiting.push(transaction);
            }
        }
    }
    assert_eq!(waiting.len(), MANY);
    let own = (waiting.capacity() * size_of_val(&waiting[0])) as isize;
    let name = sip_parse::text(method.as_bytes()).to_string();
    show(&format!("{name} server"), beyond(before + own, length));
    for &transaction in &waiting {
        let request = layer.request(transaction).expect("waits");
        let response = Builder::response_to(&request, StatusCode::BUSY_HERE, Some(b"tag"));
        layer
            .respond(transaction, response, Timestamp::ZERO)
            .expect("waits");
        length = drain(&mut layer);
    }
    assert_eq!(layer.server_transactions(), MANY);
    show(
        &format!("{name} server, answered"),
        beyond(before + own, length),
    );
}

#[test]
fn tx_memory_an_invite_server_needs_500_bytes() {
    servers(Method::Invite);
}

#[test]
fn tx_memory_a_non_invite_server_needs_500_bytes() {
    servers(Method::Message);
}
