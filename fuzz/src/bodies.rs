//! Mutations of the bodies of event packages that keep most of them well-formed.

use crate::mutate::Dice;

/// Elements and marks that are well-formed in an element.
const ELEMENTS: &[&str] = &[
    "<tuple id='a'><status><basic>open</basic></status></tuple>",
    "<tuple><status/><contact priority='0.25'>sip:a@b</contact><timestamp>2026-01-01T00:00:00Z</timestamp></tuple>",
    "<note xml:lang='en'>a &lt;b&gt; &#xe4;</note>",
    "<note/>",
    "<d:person xmlns:d='urn:ietf:params:xml:ns:pidf:data-model' id='p'><r:activities \
     xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'><r:away/><r:other>x</r:other><r:note>n</r:note></r:activities></d:person>",
    "<dialog id='1'><state>early</state></dialog>",
    "<dialog id='2' call-id='c' local-tag='l' remote-tag='r' direction='recipient'><state event='timeout' code='408'>terminated\
     </state><local><identity display='A'>sip:a@b</identity><target uri='sip:a'><param pname='p' pval='v'/></target></local></dialog>",
    "<registration aor='sip:a@b' id='1' state='active'/>",
    "<contact id='1' state='active' event='created' q='0.5' expires='60'><uri>sip:a</uri><unknown-param name='x'>y</unknown-param></contact>",
    "<!-- -->",
    "<![CDATA[<&>]]>",
    "<?x y?>",
    "<x:y xmlns:x='urn:x'/>",
    "text &amp; more",
];

/// Attributes.
const ATTRIBUTES: &[&str] = &[
    " id='x'",
    " state='partial'",
    " version='4294967295'",
    " xmlns:q='urn:q'",
    " xml:lang='de'",
    " code='487'",
    " priority='1.000'",
    " entity='sip:a&amp;b'",
];

/// Words that a value may be.
const WORDS: &[&str] = &[
    "open",
    "closed",
    "full",
    "partial",
    "early",
    "terminated",
    "active",
    "init",
    "expired",
    "0",
    "1",
    "4294967295",
    "4294967296",
    "0.5",
    "",
    " ",
    "&amp;",
    "&#13;",
    "&#9;",
    "\u{e4}\u{1f980}",
    "sip:a@b;x=y?z=1",
    "UTF-8",
];

/// Lines of the plain texts.
const LINES: &[&str] = &[
    "Messages-Waiting: yes\r\n",
    "Messages-Waiting: no\n",
    "Message-Account: sip:a@b\r\n",
    "Voice-Message: 1/2 (3/4)\r\n",
    "fax-message:4294967295/0\r\n",
    "None: 7\r\n",
    "\r\n",
    "Subject: a\r\n b\r\n",
    "SIP/2.0 180 Ringing\r\n",
    "X: \u{e4}\t\u{1}\r\n",
];

/// The places of `mark`.
fn places(bytes: &[u8], mark: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(mark.len()).enumerate();
    windows
        .filter(|(_, window)| *window == mark)
        .map(|(at, _)| at)
        .collect()
}

fn pick<'a, T>(all: &'a [T], dice: &mut Dice) -> &'a T {
    &all[dice.roll(all.len())]
}

fn insert(bytes: &mut Vec<u8>, at: usize, text: &str) {
    bytes.splice(at..at, text.bytes());
}

/// Replaces what is between `open` and the next `close`.
fn replace(bytes: &mut Vec<u8>, open: &[u8], close: u8, dice: &mut Dice) {
    let places = places(bytes, open);
    if places.is_empty() {
        return;
    }
    let from = pick(&places, dice) + open.len();
    let length = bytes[from..].iter().position(|&byte| byte == close);
    let to = from + length.unwrap_or(0);
    bytes.splice(from..to, pick(WORDS, dice).bytes());
}

/// Mutates a body, mostly so that it stays well-formed.
pub fn mutate(bytes: &mut Vec<u8>, limit: usize, dice: &mut Dice) {
    let before = bytes.clone();
    if dice.roll(12) == 0 {
        let size = bytes.len();
        bytes.resize(limit.max(size), 0);
        let size = libfuzzer_sys::fuzzer_mutate(bytes, size, limit);
        bytes.truncate(size);
        return;
    }
    if bytes.contains(&b'<') {
        xml(bytes, dice);
    } else {
        plain(bytes, dice);
    }
    if bytes.len() > limit {
        *bytes = before;
    }
}

fn xml(bytes: &mut Vec<u8>, dice: &mut Dice) {
    match dice.roll(6) {
        0 | 1 => {
            let ends = places(bytes, b"</");
            if !ends.is_empty() {
                insert(bytes, *pick(&ends, dice), pick(ELEMENTS, dice));
            }
        }
        2 => {
            let mut ends = places(bytes, b"'>");
            ends.extend(places(bytes, b"\">"));
            if !ends.is_empty() {
                insert(bytes, pick(&ends, dice) + 1, pick(ATTRIBUTES, dice));
            }
        }
        3 => replace(bytes, b"=\"", b'"', dice),
        4 => replace(bytes, b"='", b'\'', dice),
        _ => replace(bytes, b">", b'<', dice),
    }
}

fn plain(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut starts = vec![0];
    starts.extend(places(bytes, b"\n").iter().map(|at| at + 1));
    match dice.roll(3) {
        0 => replace(bytes, b": ", b'\r', dice),
        _ => insert(bytes, *pick(&starts, dice), pick(LINES, dice)),
    }
}
