//! Mutations that keep most inputs well-formed, so that the fuzzer gets past the first check.

/// A small generator: a mutation is a function of the seed that libFuzzer gives.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator for one mutation.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed) ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// A number below `sides`; 0 for no sides.
    pub fn roll(&mut self, sides: usize) -> usize {
        // xorshift64* (Marsaglia).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        (wide as usize).checked_rem(sides).unwrap_or(0)
    }
}

/// libFuzzer's own mutation of a vector, with room to grow.
fn raw(bytes: &mut Vec<u8>, room: usize) {
    let size = bytes.len();
    bytes.resize(size + room, 0);
    let size = libfuzzer_sys::fuzzer_mutate(bytes, size, size + room);
    bytes.truncate(size);
}

/// Replaces bytes that are not valid in a header value by valid ones.
fn printable(bytes: &mut [u8]) {
    const COMMON: &[u8] = b"aZ09-.!%*_+~@:;=,<>\"\\/?&$[] ()";
    for byte in bytes {
        if *byte < b' ' || *byte > b'~' {
            *byte = COMMON[usize::from(*byte) % COMMON.len()];
        }
    }
}

/// Texts that may follow a value, or stand in one, and keep it well-formed.
const TAILS: &[&str] = &[
    ";x=y",
    ";x",
    ";x=\"a \\\" b\"",
    ";lr",
    ";tag=1",
    ";q=0.5",
    " ;\r\n x = y",
    ";maddr=192.0.2.1",
    ";received=[2001:db8::1]",
    ", x=y",
    ", x=\"\"",
];

/// Mutates a header value, mostly so that it stays one.
pub fn value(bytes: &mut Vec<u8>, room: usize, dice: &mut Dice) {
    let place = |bytes: &Vec<u8>, dice: &mut Dice, fits: fn(u8) -> bool| {
        let start = dice.roll(bytes.len());
        let from_start = bytes[start..].iter().position(|byte| fits(*byte));
        from_start.map(|found| start + found)
    };
    for _ in 0..=dice.roll(3) {
        match dice.roll(10) {
            0 => {
                raw(bytes, room);
                if dice.roll(8) > 0 {
                    printable(bytes);
                }
            }
            1..=3 => {
                const PLAIN: &[u8] = b"abcXYZ0123456789";
                if let Some(at) = place(bytes, dice, |byte| byte.is_ascii_alphanumeric()) {
                    let new = PLAIN[dice.roll(PLAIN.len())];
                    if dice.roll(2) == 0 {
                        bytes[at] = new;
                    } else {
                        bytes.insert(at, new);
                    }
                }
            }
            4 | 5 => bytes.extend_from_slice(TAILS[dice.roll(TAILS.len())].as_bytes()),
            6 => {
                const BLANKS: [&str; 4] = [" ", "\t", "\r\n ", " \r\n\t"];
                let between = |byte| matches!(byte, b';' | b'=' | b',' | b'<' | b'>');
                if let Some(at) = place(bytes, dice, between) {
                    let at = at + dice.roll(2);
                    let blank = BLANKS[dice.roll(BLANKS.len())];
                    bytes.splice(at..at, blank.bytes());
                }
            }
            7 => {
                if let Some(at) = place(bytes, dice, |byte| byte.is_ascii_alphanumeric()) {
                    let escaped = format!("%{:02X}", bytes[at]);
                    bytes.splice(at..=at, escaped.bytes());
                }
            }
            8 => {
                // One parameter again, or gone.
                if let Some(start) = place(bytes, dice, |byte| byte == b';') {
                    let rest = &bytes[start + 1..];
                    let end = rest.iter().position(|byte| *byte == b';');
                    let end = end.map_or(bytes.len(), |end| start + 1 + end);
                    if dice.roll(2) == 0 {
                        bytes.drain(start..end);
                    } else {
                        bytes.extend_from_within(start..end);
                    }
                }
            }
            _ => {
                if let Some(at) = place(bytes, dice, |byte| !byte.is_ascii_alphanumeric()) {
                    bytes.remove(at);
                }
            }
        }
    }
}

/// Header lines that a mutation may add.
const LINES: &[&str] = &[
    "Accept: application/sdp;level=1, application/x-private, text/html;q=0.5",
    "Alert-Info: <http://www.example.com/sounds/moo.wav>;x=y",
    "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE",
    "Authentication-Info: nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, rspauth=\"1f\"",
    "Authorization: Digest username=\"bob\", realm=\"a\", nonce=\"n\", uri=\"sip:b@c\", response=\"00\", qop=auth, nc=00000001, cnonce=\"c\"",
    "Call-Info: <http://www.example.com/alice/photo.jpg> ;purpose=icon",
    "Contact: \"Mr. Watson\" <sip:watson@worcester.example.com>;q=0.7; expires=3600, <mailto:watson@example.com>;q=.1",
    "Contact: *",
    "Content-Disposition: session;handling=optional",
    "Content-Type: multipart/mixed;boundary=\"x\"",
    "Date: Sat, 13 Nov 2010 23:29:00 GMT",
    "Event: refer;id=93809824",
    "Expires: 4294967295",
    "Geolocation: <cid:target123@atlanta.example.com>",
    "History-Info: <sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
    "Identity: ey.ey.sig;info=<https://cert.example.org/p.cer>;alg=ES256",
    "Max-Forwards: 0",
    "Min-SE: 90",
    "P-Asserted-Identity: \"Cullen\" <sip:fluffy@example.com>, tel:+14085264000",
    "Path: <sip:P3.EXAMPLEHOME.COM;lr>,<sip:P1.EXAMPLEVISITED.COM;lr>",
    "Privacy: header; user; id",
    "Proxy-Authenticate: Digest realm=\"atlanta.example.com\", qop=\"auth,auth-int\", nonce=\"f8\", opaque=\"\", stale=FALSE, algorithm=SHA-256",
    "RAck: 776656 1 INVITE",
    "RSeq: 988789",
    "Reason: Q.850 ;cause=16 ;text=\"Terminated\", SIP;cause=600",
    "Record-Route: <sip:server10.example.com;lr>, <sip:[2001:db8::1]:5061;lr;transport=tls>",
    "Refer-To: <sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    "Referred-By: <sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"",
    "Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only",
    "Require: 100rel, timer",
    "Retry-After: 18000 (in a meeting);duration=3600",
    "Route: <sip:alice@atlanta.example.com;lr>",
    "Service-Route: <sip:P2.HOME.EXAMPLE.COM;lr>",
    "Session-Expires: 4000;refresher=uac",
    "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2",
    "Subject: lunch\r\n with a fold",
    "Subscription-State: active;expires=60;reason=noresource",
    "Supported: replaces, gruu, outbound",
    "Target-Dialog: fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544",
    "Timestamp: 54.1 0.2",
    "Via: SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
    "v: SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255];rport=5;branch=z9hG4bKas3-111",
    "WWW-Authenticate: Digest realm=\"b\\\"c\", nonce=\"7900f98e\", algorithm=MD5, qop=\"auth\"",
    "Warning: 307 isi.edu \"Session parameter 'foo' not understood\"",
    "X-Unknown: \"quoted, comma\" (comment) <angle;brackets>",
];

/// Mutates a message mostly line by line, so that it stays one.
pub fn message(bytes: &mut Vec<u8>, limit: usize, dice: &mut Dice) {
    if dice.roll(6) == 0 {
        raw(bytes, limit.saturating_sub(bytes.len()));
        return;
    }
    let head = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(bytes.len(), |end| end + 2);
    let body = bytes.split_off(head);
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=dice.roll(3) {
        let place = dice.roll(lines.len());
        match dice.roll(8) {
            0 => {
                let again = lines.get(place.max(1)).cloned();
                lines.extend(again);
            }
            1 if place > 0 => drop(lines.remove(place)),
            2 | 3 => {
                let line = format!("{}\r\n", LINES[dice.roll(LINES.len())]);
                lines.insert((place + 1).min(lines.len()), line.into_bytes());
            }
            _ => {
                if let Some(line) = lines.get_mut(place) {
                    mutate_line(line, place == 0, dice);
                }
            }
        }
    }
    *bytes = lines.concat();
    bytes.extend_from_slice(&body);
    bytes.truncate(limit);
}

/// Mutates a line behind its name, or a start line anywhere.
fn mutate_line(line: &mut Vec<u8>, start: bool, dice: &mut Dice) {
    let text = line
        .strip_suffix(b"\r\n")
        .or_else(|| line.strip_suffix(b"\n"))
        .map_or(line.len(), <[u8]>::len);
    let (from, to) = if start {
        // Mostly the Request-URI alone.
        let space = line.iter().position(|&byte| byte == b' ');
        match (space, line[..text].strip_suffix(b" SIP/2.0")) {
            (Some(space), Some(rest)) if space < rest.len() && dice.roll(8) > 0 => {
                (space + 1, rest.len())
            }
            _ => (0, text),
        }
    } else {
        let colon = line.iter().position(|&byte| byte == b':');
        (colon.map_or(0, |colon| colon + 1).min(text), text)
    };
    let mut part = line[from..to].to_vec();
    value(&mut part, 64, dice);
    line.splice(from..to, part);
}

/// Copies a mutated input back into libFuzzer's buffer; returns its size.
pub fn give_back(mutated: &[u8], data: &mut [u8]) -> usize {
    let size = mutated.len().min(data.len());
    data[..size].copy_from_slice(&mutated[..size]);
    size
}
