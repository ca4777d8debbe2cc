//! The page of `sip serve --web`: its files, its users, and the messages that it draws, over HTTP as a browser asks for them.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use common::{Background, run};
use serde_json::Value;

/// A server with a page: the program, the URL of the edge, and the address of the page.
fn serve(arguments: &[&str]) -> (Background, String, String) {
    let command = ["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"];
    let mut server = Background::start(&[&command[..], arguments].concat());
    let line = server.line("listening on ");
    let edge = line.split([' ', ',']).nth(2).expect("the URL").to_owned();
    let line = server.line("open http://");
    let page = line.split(['/', ' ']).nth(3).expect("the address");
    (server, edge, page.to_owned())
}

fn ask(page: &str, head: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(page).expect("the page listens");
    stream.write_all(head.as_bytes()).expect("it reads");
    BufReader::new(stream)
}

/// Head and body of the response to a whole head.
fn exchange(page: &str, head: &str) -> (String, String) {
    let mut text = String::new();
    let mut response = ask(page, head);
    response.read_to_string(&mut text).expect("it is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

fn get(page: &str, path: &str) -> (String, String) {
    exchange(
        page,
        &format!("GET {path} HTTP/1.1\r\nHost: {page}\r\n\r\n"),
    )
}

#[test]
fn without_users_there_are_three_and_the_page_knows_their_passwords() {
    let (_server, edge, page) = serve(&[]);
    let (head, body) = get(&page, "/");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        body.contains("<script type=\"module\" src=\"/page.js\">"),
        "{body}"
    );
    let policy = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Security-Policy: "));
    let policy = policy.expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; "),
        "{policy}"
    );
    assert!(
        policy.contains(&format!("connect-src 'self' {edge};")),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let (_, document) = get(&page, "/phones.json");
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    assert_eq!(document["server"], edge);
    assert_eq!(document["answering"], "carol");
    for (index, name) in ["alice", "bob"].into_iter().enumerate() {
        let phone = &document["phones"][index];
        assert_eq!(phone["user"], name);
        let uri = format!("sip:{name}@localhost");
        let password = phone["password"].as_str().expect("a password");
        let registered = run(&[
            "register",
            "--for",
            "0",
            "--server",
            &edge,
            "--uri",
            &uri,
            "--password",
            password,
        ]);
        assert_eq!(registered.code, 0, "{}\n{}", registered.out, registered.err);
    }
}

#[test]
fn given_passwords_stay_out_of_the_page() {
    let (_server, _, page) = serve(&["--user", "dave:hush", "--user", "erin:hush"]);
    let (_, document) = get(&page, "/phones.json");
    assert!(
        document.contains("\"dave\"") && document.contains("\"erin\""),
        "{document}"
    );
    assert!(!document.contains("hush"), "{document}");
}

#[test]
fn the_ladder_has_each_message_without_credentials() {
    let (_server, edge, page) = serve(&["--user", "alice:a-secret"]);
    let head = format!("GET /ladder HTTP/1.1\r\nHost: {page}\r\nAccept: text/event-stream\r\n\r\n");
    let mut lines = ask(&page, &head).lines().map(|line| line.expect("text"));
    assert!(lines.any(|line| line == "Content-Type: text/event-stream"));
    let account = [
        "--server",
        &edge,
        "--uri",
        "sip:alice@localhost",
        "--password",
        "a-secret",
    ];
    let registered = run(&[&["register", "--for", "0"], &account[..]].concat());
    assert_eq!(registered.code, 0, "{}\n{}", registered.out, registered.err);
    let messages = lines.filter_map(|line| {
        let message = line.strip_prefix("data: ")?;
        Some(serde_json::from_str::<Value>(message).expect("it is JSON"))
    });
    let messages: Vec<Value> = messages.take(4).collect();
    let labels: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["label"].as_str())
        .collect();
    let register = "REGISTER sip:localhost";
    assert_eq!(labels, [register, "401 Unauthorized", register, "200 OK"]);
    for message in &messages {
        assert_eq!(message["user"], "alice");
        assert_eq!(message["received"], message["label"] == register);
    }
    let text = messages[2]["text"].as_str().expect("a text");
    assert!(
        text.contains("\r\nAuthorization: Digest [redacted]\r\n"),
        "{text}"
    );
}

/// A name stands for each of its addresses.
#[test]
fn a_page_listens_on_a_name() {
    let command = ["serve", "--listen", "127.0.0.1:0", "--web", "localhost:0"];
    let mut server = Background::start(&command);
    let line = server.line("open http://localhost:");
    let page = line.split(['/', ' ']).nth(3).expect("the address");
    assert!(get(page, "/").0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn hostile_requests_are_refused_and_the_page_stays() {
    let (_server, _, page) = serve(&[]);
    let long = "x".repeat(20_000);
    let host = format!("Host: {page}\r\n");
    for (head, status) in [
        ("\0\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), "400"),
        (
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
            "400",
        ),
        (
            format!("GET /ladder HTTP/1.1\r\n{host}Origin: http://evil.example\r\n\r\n"),
            "403",
        ),
        (
            format!("GET /phones.json HTTP/1.1\r\n{host}Sec-Fetch-Site: cross-site\r\n\r\n"),
            "403",
        ),
        (
            format!("GET /../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
            "404",
        ),
        (
            format!("GET /%2e%2e/Cargo.toml HTTP/1.1\r\n{host}\r\n"),
            "404",
        ),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"),
            "405",
        ),
        (
            "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            "421",
        ),
        (format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), "431"),
    ] {
        let start: String = head.chars().take(60).collect();
        let (response, _) = exchange(&page, &head);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{start:?}: {response}"
        );
    }
    // Many that say nothing, and leave. One that comes at once may find no room, or not even an answer.
    for _ in 0..200 {
        drop(TcpStream::connect(&page).expect("the page listens"));
    }
    let answers = || {
        let mut text = String::new();
        let head = format!("GET /style.css HTTP/1.1\r\nHost: {page}\r\n\r\n");
        let read = ask(&page, &head).read_to_string(&mut text);
        read.is_ok() && text.starts_with("HTTP/1.1 200 ")
    };
    assert!((0..10_000).any(|_| answers()), "the page is gone");
}

#[test]
fn a_page_that_cannot_be_is_refused_by_name() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    for (arguments, words) in [
        (
            ["--web", &taken, "--web-sipjs", "Cargo.toml"],
            taken.as_str(),
        ),
        (
            ["--web", "127.0.0.1:0", "--web-sipjs", "no-such-file.js"],
            "no-such-file.js",
        ),
    ] {
        let refused = run(&[&["serve", "--listen", "127.0.0.1:0"], &arguments[..]].concat());
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(words), "{}", refused.err);
    }
}
