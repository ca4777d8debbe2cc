//! Allocations: the reader makes none for a message of up to 24 header fields, the builder makes one.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Method, StatusCode, Value};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[allow(unsafe_code)] // A global allocator needs unsafe code.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.with(Cell::get);
    let result = work();
    (COUNT.with(Cell::get) - before, result)
}

fn shared(bytes: Vec<u8>) -> Bytes {
    // The first clone of a `Bytes` made from a vector allocates its shared count.
    let bytes = Bytes::from(bytes);
    let _ = bytes.clone();
    bytes
}

#[test]
fn reading_up_to_24_fields_allocates_nothing() {
    let limits = Limits::default();
    let mut read = 0;
    for (path, bytes) in common::message_files().iter().zip(common::messages()) {
        let bytes = shared(bytes);
        let (count, message) = allocations(|| Message::parse(bytes.clone(), &limits).unwrap());
        if message.headers().len() > 24 {
            continue;
        }
        read += 1;
        assert_eq!(count, 0, "parse {path:?}");
        let (count, values) = allocations(|| common::walk(&message));
        assert_eq!(count, 0, "typed access {path:?}");
        assert!(values > 12, "{path:?}");
        let (count, result) = allocations(|| message.validate());
        assert_eq!((count, result), (0, Ok(())), "validate {path:?}");
        let (count, _) = allocations(|| message.clone());
        assert_eq!(count, 0, "clone {path:?}");
    }
    assert!(read >= 26, "{read}");
}

#[test]
fn more_fields_allocate_and_are_read() {
    let extra = "X: y\r\n".repeat(40);
    let bytes = shared(format!("OPTIONS sip:a SIP/2.0\r\n{extra}\r\n").into_bytes());
    let (count, message) =
        allocations(|| Message::parse(bytes.clone(), &Limits::default()).unwrap());
    assert!(count > 0 && message.headers().len() == 40);
}

#[test]
fn a_write_allocates_once() {
    for bytes in common::messages() {
        let message = Message::parse(shared(bytes), &Limits::default()).unwrap();
        // A builder has room for 24 rows and 1,536 bytes.
        if message.headers().len() >= 24 || message.head().len() > 1_400 {
            continue;
        }
        let via = Value::Via {
            transport: b"UDP",
            sent_by: b"192.0.2.1",
            branch: b"z9hG4bKx",
            rport: true,
        };
        let (count, edited) = allocations(|| {
            Builder::from_message(&message)
                .prepend(HeaderName::Via, via)
                .set(HeaderName::MaxForwards, 69)
                .build()
                .unwrap()
        });
        assert_eq!(count, 1, "edit");
        assert_eq!(edited.max_forwards().unwrap(), Some(69));
        if let Some(request) = message.as_request() {
            let (count, response) = allocations(|| {
                Builder::response_to(&request, StatusCode::OK, Some(b"tag"))
                    .build()
                    .unwrap()
            });
            assert_eq!(count, 1, "response");
            assert!(!response.is_request());
        }
    }
    let (count, request) = allocations(|| {
        Builder::request(Method::Options, b"sip:bob@example.com")
            .append(
                HeaderName::Via,
                Value::Via {
                    transport: b"WS",
                    sent_by: b"x.invalid",
                    branch: b"z9hG4bK1",
                    rport: false,
                },
            )
            .append(
                HeaderName::From,
                Value::NameAddr {
                    display: Some("A \"B\""),
                    uri: b"sip:a@b",
                    tag: Some(b"t"),
                    params: b"",
                },
            )
            .append(HeaderName::To, "<sip:bob@example.com>")
            .append(HeaderName::CallId, "1@x")
            .append(HeaderName::CSeq, Value::CSeq(1, Method::Options))
            .append(HeaderName::MaxForwards, 70)
            .body(b"text/plain", b"hello")
            .build()
            .unwrap()
    });
    assert_eq!(count, 1, "from parts");
    assert_eq!(request.body(), b"hello");
}
