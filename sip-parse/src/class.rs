//! Character classes of RFC 3261 section 25.1 as one 256-entry table, and the loops that use it.

/// `token`.
pub(crate) const TOKEN: u32 = 1;
/// `word`, the two halves of a Call-ID.
pub(crate) const WORD: u32 = 1 << 1;
/// `user`, plus `#`, which dial strings carry unescaped; without `%`.
pub(crate) const USER: u32 = 1 << 2;
/// `user` without `,` `;` `?`, which an addr-spec outside angle brackets must not contain (section 20).
pub(crate) const BARE_USER: u32 = 1 << 3;
/// `password`, without `%`.
pub(crate) const PASSWORD: u32 = 1 << 4;
/// `paramchar`, without `%`.
pub(crate) const URI_PARAM: u32 = 1 << 5;
/// `hname` and `hvalue`, without `%`.
pub(crate) const URI_HEADER: u32 = 1 << 6;
/// Host name characters, plus `_`, which deployed networks use.
pub(crate) const HOST: u32 = 1 << 7;
/// `DIGIT`.
pub(crate) const DIGIT: u32 = 1 << 8;
/// Hexadecimal digit.
pub(crate) const HEX: u32 = 1 << 9;
/// Unquoted `gen-value`: token or host, plus `/` `@` `=` `&` `$` `?`, because deployed peers send them.
pub(crate) const VALUE: u32 = 1 << 10;
/// `uric` of an absolute URI, without `%`.
pub(crate) const URIC: u32 = 1 << 11;
/// `uric` without `,` `;` `?`.
pub(crate) const BARE_URIC: u32 = 1 << 12;
/// Bytes of a quoted string that need no backslash: `qdtext`, and every byte above 127.
pub(crate) const QUOTED: u32 = 1 << 13;
/// TEXT-UTF8 and blanks: every byte except controls.
pub(crate) const TEXT: u32 = 1 << 14;
/// Space and tab: the `LWS` bytes that need no look-ahead.
pub(crate) const BLANK: u32 = 1 << 15;

/// `user`, exactly as the grammar defines it.
pub(crate) const STRICT_USER: u32 = 1 << 16;
/// `user` without `,` `;` `?`, exactly as the grammar defines it.
pub(crate) const STRICT_BARE_USER: u32 = 1 << 17;
/// Host name characters, exactly as the grammar defines them.
pub(crate) const STRICT_HOST: u32 = 1 << 18;
/// Unquoted `gen-value`, exactly as the grammar defines it: `token` or `host`.
pub(crate) const STRICT_VALUE: u32 = 1 << 19;
/// The characters of base64 and of token68.
pub(crate) const BASE64: u32 = 1 << 20;

/// `uric`, exactly as the grammar defines it: without `[` `]` `#`.
pub(crate) const STRICT_URIC: u32 = 1 << 21;
/// [`STRICT_URIC`] without `,` `;` `?`.
pub(crate) const STRICT_BARE_URIC: u32 = 1 << 22;
/// `Reason-Phrase`, without `%`.
pub(crate) const REASON: u32 = 1 << 23;

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

const fn class(byte: u8) -> u32 {
    let alphanum = byte.is_ascii_alphanumeric();
    let unreserved = alphanum || contains(b"-_.!~*'()", byte);
    let mut class = 0u32;
    if alphanum || contains(b"-.!%*_+`'~", byte) {
        class |= TOKEN | WORD | VALUE | STRICT_VALUE;
    }
    if contains(b"()<>:\\\"/[]?{}", byte) {
        class |= WORD;
    }
    if contains(b"[]:/@=&$?", byte) {
        class |= VALUE;
        if contains(b"[]:", byte) {
            class |= STRICT_VALUE;
        }
    }
    if unreserved || contains(b"&=+$,;?/#", byte) {
        class |= USER;
        if byte != b'#' {
            class |= STRICT_USER;
        }
        if !contains(b",;?", byte) {
            class |= BARE_USER;
            if byte != b'#' {
                class |= STRICT_BARE_USER;
            }
        }
    }
    if unreserved || contains(b"&=+$,", byte) {
        class |= PASSWORD;
    }
    if unreserved || contains(b"[]/:&+$", byte) {
        class |= URI_PARAM;
    }
    if unreserved || contains(b"[]/?:+$", byte) {
        class |= URI_HEADER;
    }
    if alphanum || contains(b"-._", byte) {
        class |= HOST;
        if byte != b'_' {
            class |= STRICT_HOST;
        }
    }
    if alphanum || contains(b"-._~+/=", byte) {
        class |= BASE64;
    }
    if byte.is_ascii_digit() {
        class |= DIGIT;
    }
    if byte.is_ascii_hexdigit() {
        class |= HEX;
    }
    if unreserved || contains(b";/?:@&=+$,[]#", byte) {
        class |= URIC;
        if !contains(b",;?", byte) {
            class |= BARE_URIC;
        }
        if !contains(b"[]#", byte) {
            class |= STRICT_URIC | REASON;
            if !contains(b",;?", byte) {
                class |= STRICT_BARE_URIC;
            }
        }
    }
    if byte == b' ' || byte == b'\t' {
        class |= BLANK | REASON;
    }
    if byte >= 0x80 {
        class |= REASON;
    }
    if byte == b'\t' || byte >= 0x20 && byte != 0x7F {
        class |= TEXT;
        if byte != b'"' && byte != b'\\' {
            class |= QUOTED;
        }
    }
    class
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};

/// Whether `byte` belongs to one of the classes in `mask`.
#[inline]
pub(crate) const fn is(byte: u8, mask: u32) -> bool {
    TABLE[byte as usize] & mask != 0
}

/// Whether the byte at offset `at` belongs to `mask`.
#[inline]
pub(crate) fn at(input: &[u8], at: usize, mask: u32) -> bool {
    matches!(input.get(at), Some(&byte) if is(byte, mask))
}

/// The offset of the first byte from `at` on that is outside `mask`.
#[inline(never)]
pub(crate) fn run(input: &[u8], at: usize, mask: u32) -> usize {
    let mut rest = input.get(at..).unwrap_or(&[]);
    // Eight bytes at a time: the bounds of one check serve them all.
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        for (i, &byte) in chunk.iter().enumerate() {
            if !is(byte, mask) {
                return input.len() - rest.len() + i;
            }
        }
        rest = tail;
    }
    for (i, &byte) in rest.iter().enumerate() {
        if !is(byte, mask) {
            return input.len() - rest.len() + i;
        }
    }
    input.len().max(at)
}

/// Like [`run`], but also accepts `%` with two hexadecimal digits; stops at a malformed escape.
#[inline]
pub(crate) fn run_escaped(input: &[u8], mut at: usize, mask: u32) -> usize {
    at = run(input, at, mask);
    while input.get(at) == Some(&b'%')
        && self::at(input, at + 1, HEX)
        && self::at(input, at + 2, HEX)
    {
        at = run(input, at + 3, mask);
    }
    at
}

/// Skips LWS: blanks, and line ends that a blank follows (a fold).
#[inline]
pub(crate) fn skip_lws(input: &[u8], at: usize) -> usize {
    match input.get(at) {
        Some(&byte) if byte <= b' ' => skip_lws_slow(input, at),
        _ => at,
    }
}

/// [`skip_lws`] where one space is the rule.
#[inline]
pub(crate) fn skip_space(input: &[u8], at: usize) -> usize {
    match input.get(at..) {
        Some(&[b' ', next, ..]) if next > b' ' => at + 1,
        _ => skip_lws(input, at),
    }
}

/// Whether `name` is `letters`, in any case. `letters` are lower-case letters, so that one bit alone is their case.
#[inline(always)]
pub(crate) fn is_word<const N: usize>(name: &[u8], letters: &[u8; N]) -> bool {
    name.len() == N
        && name.iter().zip(letters).fold(0, |differs, (byte, letter)| {
            differs | (byte | 0x20) ^ letter
        }) == 0
}

fn skip_lws_slow(input: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = input.get(at) {
        match byte {
            b' ' | b'\t' => at += 1,
            b'\r' if input.get(at + 1) == Some(&b'\n') && self::at(input, at + 2, BLANK) => at += 3,
            b'\n' if self::at(input, at + 1, BLANK) => at += 2,
            _ => break,
        }
    }
    at
}

/// `input` without the blanks and line ends at both ends.
pub(crate) fn trim(input: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = input
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(input.len());
    let end = input
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(start, |last| last + 1);
    &input[start..end]
}

/// `input` without the blanks and line ends at its end.
pub(crate) fn trim_end(input: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let end = input.iter().rposition(|byte| !blank(byte));
    &input[..end.map_or(0, |last| last + 1)]
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}
