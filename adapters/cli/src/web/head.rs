//! The head of an HTTP request (RFC 9112), and whether the page answers it. No I/O.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The largest head, in bytes.
pub(super) const LARGEST: usize = 8 * 1024;

/// How many header fields a head may have.
pub(super) const MOST_FIELDS: usize = 64;

/// What the page needs of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    /// The path, without its query.
    pub(super) path: String,
    /// The host that the client has named, without its port: an IP address, `localhost`, or the name of the page. An IPv6 address has its brackets.
    pub(super) host: String,
    /// The number of the last message of the ladder that the client has seen (`Last-Event-ID`).
    pub(super) seen: Option<u64>,
}

/// Why the page does not answer a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// 400.
    Malformed(&'static str),
    /// 403: a page of another origin has caused it.
    Origin,
    /// 404.
    NotFound,
    /// 405.
    Method,
    /// 408.
    Late,
    /// 421: the host is a name. A page elsewhere whose name leads here for a moment could read what this one shows (DNS rebinding).
    Host,
    /// 431.
    TooLarge,
    /// 503.
    Full,
}

impl Refusal {
    /// The status line behind the version, and a sentence for people.
    pub(super) const fn status(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed(why) => ("400 Bad Request", why),
            Self::Origin => (
                "403 Forbidden",
                "A page of another origin may not read this.",
            ),
            Self::NotFound => ("404 Not Found", "There is no such page."),
            Self::Method => ("405 Method Not Allowed", "Only GET is allowed."),
            Self::Late => ("408 Request Timeout", "The request took too long."),
            Self::Host => (
                "421 Misdirected Request",
                "Open this page by an IP address, as localhost, or by the name in --web.",
            ),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "The request has more than 8 KiB or 64 header fields.",
            ),
            Self::Full => (
                "503 Service Unavailable",
                "The server has no room for another connection.",
            ),
        }
    }
}

/// Reads a head; `None` if it is not complete. `name` is the host on which the user has the page listen, which may be a name.
///
/// # Errors
/// The head is malformed or too large, or its client may not read the page.
pub(super) fn read(bytes: &[u8], name: &str) -> Result<Option<Request>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= LARGEST => {}
        Ok(httparse::Status::Partial) if bytes.len() < LARGEST => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
        Err(_) => return Err(Refusal::Malformed("This is no HTTP request.")),
    }
    if head.method != Some("GET") {
        return Err(Refusal::Method);
    }
    let fields = Fields(head.headers);
    if fields.one("transfer-encoding")?.is_some()
        || fields.one("content-length")?.is_some_and(|it| it != "0")
    {
        return Err(Refusal::Malformed("A GET has no body here."));
    }
    let authority = fields.one("host")?;
    let authority = authority.ok_or(Refusal::Malformed("Host is missing."))?;
    let host = host(authority, name).ok_or(Refusal::Host)?;
    let target = head.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    may_read(&fields, authority, path)?;
    Ok(Some(Request {
        path: path.to_owned(),
        host: host.to_owned(),
        seen: fields.one("last-event-id")?.and_then(|id| id.parse().ok()),
    }))
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    /// The value of a field that must not come twice.
    fn one(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.0.iter();
        let mut values = values
            .by_ref()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Refusal::Malformed("A header field comes twice."));
        }
        let value = std::str::from_utf8(first.value);
        let value = value.map_err(|_| Refusal::Malformed("A header field is no text."))?;
        Ok(Some(value.trim()))
    }
}

/// The host of `host [":" port]` if it is an IP address, `localhost` or `name`.
fn host<'a>(authority: &'a str, name: &str) -> Option<&'a str> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => authority.split_at(colon),
        _ => (authority, ":0"),
    };
    port.strip_prefix(':')?.parse::<u16>().ok()?;
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let fits = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let is_name = ["localhost", name]
                .into_iter()
                .any(|own| host.eq_ignore_ascii_case(own));
            is_name || host.parse::<Ipv4Addr>().is_ok()
        }
    };
    fits.then_some(host)
}

/// Whether the client is a page of this origin, or no page at all. A link of another page may open this one.
fn may_read(fields: &Fields<'_>, authority: &str, path: &str) -> Result<(), Refusal> {
    let own = |origin: &str| {
        origin
            .strip_prefix("http://")
            .is_some_and(|of| of.eq_ignore_ascii_case(authority))
    };
    if fields.one("origin")?.is_some_and(|origin| !own(origin)) {
        return Err(Refusal::Origin);
    }
    match fields.one("sec-fetch-site")? {
        None | Some("none" | "same-origin") => Ok(()),
        Some(_) if path == "/" && fields.one("sec-fetch-mode")? == Some("navigate") => Ok(()),
        Some(_) => Err(Refusal::Origin),
    }
}

#[cfg(test)]
mod tests {
    use super::{read as read_named, *};

    fn read(bytes: &[u8]) -> Result<Option<Request>, Refusal> {
        read_named(bytes, "phones.example")
    }

    fn request(fields: &str) -> Result<Option<Request>, Refusal> {
        read(format!("GET /ladder?x=1 HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn a_request_has_path_host_and_the_last_number() {
        let request = request(
            "Host: LocalHost:8088\r\nlast-event-id: 7\r\nOrigin: http://localhost:8088\r\n",
        );
        let expected = Request {
            path: "/ladder".to_owned(),
            host: "LocalHost".to_owned(),
            seen: Some(7),
        };
        assert_eq!(request, Ok(Some(expected)));
    }

    #[test]
    fn a_head_is_complete_with_its_empty_line() {
        let whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), Ok(None), "{end}");
        }
        assert!(matches!(read(whole), Ok(Some(_))));
    }

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for (good, host) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:8088", "[::1]"),
            ("192.0.2.7:1", "192.0.2.7"),
            ("localhost:65535", "localhost"),
            ("phones.example:8088", "phones.example"),
        ] {
            let read = request(&format!("Host: {good}\r\n"));
            assert_eq!(
                read.map(|read| read.map(|read| read.host)),
                Ok(Some(host.to_owned()))
            );
        }
        for wrong in [
            "",
            "evil.example",
            "evil.example:8088",
            "localhost.evil.example",
            "localhost:",
            "localhost:x",
            "localhost:65536",
            "::1",
            "[::1",
            "[::1]x",
            "[localhost]",
            "127.0.0.1:80:80",
            "user@localhost",
            "127.1",
            "localhost/",
            "localhost; script-src *",
        ] {
            assert_eq!(
                request(&format!("Host: {wrong}\r\n")),
                Err(Refusal::Host),
                "{wrong}"
            );
        }
        assert!(matches!(request(""), Err(Refusal::Malformed(_))));
        assert!(matches!(
            request("Host: localhost\r\nhost: 127.0.0.1\r\n"),
            Err(Refusal::Malformed(_))
        ));
    }

    #[test]
    fn a_page_of_another_origin_reads_nothing() {
        let host = "Host: 127.0.0.1:8088\r\n";
        for fields in [
            "Origin: http://evil.example\r\n",
            "Origin: https://127.0.0.1:8088\r\n",
            "Origin: http://127.0.0.1:8089\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: navigate\r\n",
        ] {
            assert_eq!(
                request(&format!("{host}{fields}")),
                Err(Refusal::Origin),
                "{fields}"
            );
        }
        assert!(request(&format!("{host}Sec-Fetch-Site: same-origin\r\n")).is_ok());
        let linked = |mode| {
            read(format!("GET / HTTP/1.1\r\n{host}Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\n\r\n").as_bytes())
        };
        assert!(linked("navigate").is_ok());
        assert_eq!(linked("no-cors"), Err(Refusal::Origin));
    }

    #[test]
    fn only_get_without_a_body() {
        for method in ["POST", "HEAD", "PUT", "OPTIONS", "get"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(read(head.as_bytes()), Err(Refusal::Method), "{method}");
        }
        for body in [
            "Content-Length: 5",
            "Content-Length: x",
            "Transfer-Encoding: chunked",
        ] {
            let read = request(&format!("Host: localhost\r\n{body}\r\n"));
            assert!(matches!(read, Err(Refusal::Malformed(_))), "{body}");
        }
    }

    #[test]
    fn a_head_has_bounds() {
        let many = "X: 1\r\n".repeat(MOST_FIELDS);
        assert_eq!(
            request(&format!("Host: localhost\r\n{many}")),
            Err(Refusal::TooLarge)
        );
        let long = "x".repeat(LARGEST);
        assert_eq!(
            request(&format!("Host: localhost\r\nX: {long}\r\n")),
            Err(Refusal::TooLarge)
        );
        assert_eq!(read(&vec![b'A'; LARGEST]), Err(Refusal::TooLarge));
        assert_eq!(
            read(format!("GET /{long}").as_bytes()),
            Err(Refusal::TooLarge)
        );
    }

    /// Every head with one byte exchanged is read or refused.
    #[test]
    fn no_byte_makes_it_panic() {
        let whole = b"GET /phones.json HTTP/1.1\r\nHost: [::1]:8088\r\nOrigin: http://[::1]:8088\r\nLast-Event-ID: 1\r\n\r\n";
        for place in 0..whole.len() {
            for byte in 0..=255 {
                let mut bytes = *whole;
                bytes[place] = byte;
                if let Ok(Some(request)) = read(&bytes) {
                    assert!(
                        host(&request.host, "phones.example").is_some(),
                        "{}",
                        request.host
                    );
                }
            }
        }
    }
}
