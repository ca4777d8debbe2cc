//! Header field names: known names as numbers, all others as received (RFC 3261 section 7.3.1).

use core::fmt;

use crate::block;
use crate::class;
use crate::text::text;

/// How often a header field may occur, and whether a comma in it separates values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// At most once in a message.
    Single,
    /// Any number of rows, each with a comma-separated list.
    List,
    /// Any number of rows; a comma does not separate values.
    Rows,
}

macro_rules! headers {
    ($($variant:ident $text:literal $compact:literal $shape:ident $rfc:literal;)*) => {
        /// A header field name. Compact and long forms are one name; other names compare without regard to case.
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub enum HeaderName<'a> {
            $(#[doc = concat!($text, " (RFC ", $rfc, ").")] $variant,)*
            /// Any other name, as spelled in the message.
            Other(&'a [u8]),
        }

        #[allow(dead_code)] // `Other` reserves the number 0.
        #[repr(u8)]
        enum Number { Other, $($variant,)* }

        const TEXTS: &[&str] = &["", $($text,)*];
        static SHAPES: &[Shape] = &[Shape::Rows, $(Shape::$shape,)*];
        static COMPACT: &[(u8, u8)] = &[$(($compact, Number::$variant as u8),)*];
        static NAMES: &[HeaderName<'static>] = &[HeaderName::Other(b""), $(HeaderName::$variant,)*];

        impl HeaderName<'_> {
            /// The number of this name; all [`HeaderName::Other`] share [`HeaderId::OTHER`].
            #[inline]
            pub const fn id(&self) -> HeaderId {
                match self {
                    $(HeaderName::$variant => HeaderId(Number::$variant as u8),)*
                    HeaderName::Other(_) => HeaderId::OTHER,
                }
            }
        }
    };
}

headers! {
    Via "Via" b'v' List "3261";
    From "From" b'f' Single "3261";
    To "To" b't' Single "3261";
    CallId "Call-ID" b'i' Single "3261";
    CSeq "CSeq" 0 Single "3261";
    MaxForwards "Max-Forwards" 0 Single "3261";
    Contact "Contact" b'm' List "3261";
    ContentLength "Content-Length" b'l' Single "3261";
    ContentType "Content-Type" b'c' Single "3261";
    Route "Route" 0 List "3261";
    RecordRoute "Record-Route" 0 List "3261";
    Expires "Expires" 0 Single "3261";
    Supported "Supported" b'k' List "3261";
    Require "Require" 0 List "3261";
    Allow "Allow" 0 List "3261";
    UserAgent "User-Agent" 0 Single "3261";
    Authorization "Authorization" 0 Rows "3261";
    ProxyAuthorization "Proxy-Authorization" 0 Rows "3261";
    WwwAuthenticate "WWW-Authenticate" 0 Rows "3261";
    ProxyAuthenticate "Proxy-Authenticate" 0 Rows "3261";
    AuthenticationInfo "Authentication-Info" 0 Rows "3261";
    ProxyAuthenticationInfo "Proxy-Authentication-Info" 0 Rows "7615";
    Accept "Accept" 0 List "3261";
    AcceptEncoding "Accept-Encoding" 0 List "3261";
    AcceptLanguage "Accept-Language" 0 List "3261";
    AlertInfo "Alert-Info" 0 List "3261";
    CallInfo "Call-Info" 0 List "3261";
    ContentDisposition "Content-Disposition" 0 Single "3261";
    ContentEncoding "Content-Encoding" b'e' List "3261";
    ContentLanguage "Content-Language" 0 List "3261";
    Date "Date" 0 Single "3261";
    ErrorInfo "Error-Info" 0 List "3261";
    InReplyTo "In-Reply-To" 0 List "3261";
    MimeVersion "MIME-Version" 0 Single "3261";
    MinExpires "Min-Expires" 0 Single "3261";
    Organization "Organization" 0 Single "3261";
    Priority "Priority" 0 Single "3261";
    ProxyRequire "Proxy-Require" 0 List "3261";
    ReplyTo "Reply-To" 0 Single "3261";
    RetryAfter "Retry-After" 0 Single "3261";
    Server "Server" 0 Single "3261";
    Subject "Subject" b's' Single "3261";
    Timestamp "Timestamp" 0 Single "3261";
    Unsupported "Unsupported" 0 List "3261";
    Warning "Warning" 0 List "3261";
    RAck "RAck" 0 Single "3262";
    RSeq "RSeq" 0 Single "3262";
    Event "Event" b'o' Single "6665";
    AllowEvents "Allow-Events" b'u' List "6665";
    SubscriptionState "Subscription-State" 0 Single "6665";
    Privacy "Privacy" 0 Single "3323";
    PAssertedIdentity "P-Asserted-Identity" 0 List "3325";
    PPreferredIdentity "P-Preferred-Identity" 0 List "3325";
    Reason "Reason" 0 List "3326";
    Path "Path" 0 List "3327";
    ServiceRoute "Service-Route" 0 List "3608";
    SecurityClient "Security-Client" 0 List "3329";
    SecurityServer "Security-Server" 0 List "3329";
    SecurityVerify "Security-Verify" 0 List "3329";
    ReferTo "Refer-To" b'r' Single "3515";
    ReferredBy "Referred-By" b'b' Single "3892";
    ReferSub "Refer-Sub" 0 Single "4488";
    Replaces "Replaces" 0 Single "3891";
    Join "Join" 0 Single "3911";
    TargetDialog "Target-Dialog" 0 Single "4538";
    AcceptContact "Accept-Contact" b'a' List "3841";
    RejectContact "Reject-Contact" b'j' List "3841";
    RequestDisposition "Request-Disposition" b'd' List "3841";
    SipEtag "SIP-ETag" 0 Single "3903";
    SipIfMatch "SIP-If-Match" 0 Single "3903";
    SuppressIfMatch "Suppress-If-Match" 0 Single "5839";
    SessionExpires "Session-Expires" b'x' Single "4028";
    MinSe "Min-SE" 0 Single "4028";
    ResourcePriority "Resource-Priority" 0 List "4412";
    AcceptResourcePriority "Accept-Resource-Priority" 0 List "4412";
    FlowTimer "Flow-Timer" 0 Single "5626";
    InfoPackage "Info-Package" 0 Single "6086";
    RecvInfo "Recv-Info" 0 List "6086";
    FeatureCaps "Feature-Caps" 0 List "6809";
    HistoryInfo "History-Info" 0 List "7044";
    PAccessNetworkInfo "P-Access-Network-Info" 0 List "7315";
    PAssociatedUri "P-Associated-URI" 0 List "7315";
    PCalledPartyId "P-Called-Party-ID" 0 Single "7315";
    PChargingFunctionAddresses "P-Charging-Function-Addresses" 0 List "7315";
    PChargingVector "P-Charging-Vector" 0 Single "7315";
    PVisitedNetworkId "P-Visited-Network-ID" 0 List "7315";
    SessionId "Session-ID" 0 Single "7989";
    Identity "Identity" b'y' List "8224";
    IdentityInfo "Identity-Info" b'n' Single "4474";
    AnswerMode "Answer-Mode" 0 Single "5373";
    PrivAnswerMode "Priv-Answer-Mode" 0 Single "5373";
    MaxBreadth "Max-Breadth" 0 Single "5393";
    UserToUser "User-to-User" 0 List "7433";
    Geolocation "Geolocation" 0 List "6442";
    Diversion "Diversion" 0 List "5806";
    ContentId "Content-ID" 0 Single "8262";
}

/// The number of a header field name in records and errors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderId(pub(crate) u8);

impl HeaderId {
    /// The number that all unknown names share.
    pub const OTHER: HeaderId = HeaderId(0);
    pub(crate) const VIA: HeaderId = HeaderName::Via.id();
    pub(crate) const FROM: HeaderId = HeaderName::From.id();
    pub(crate) const TO: HeaderId = HeaderName::To.id();
    pub(crate) const CALL_ID: HeaderId = HeaderName::CallId.id();
    pub(crate) const CSEQ: HeaderId = HeaderName::CSeq.id();
    pub(crate) const MAX_FORWARDS: HeaderId = HeaderName::MaxForwards.id();
    pub(crate) const CONTACT: HeaderId = HeaderName::Contact.id();
    pub(crate) const CONTENT_LENGTH: HeaderId = HeaderName::ContentLength.id();
    pub(crate) const TIMESTAMP: HeaderId = HeaderName::Timestamp.id();

    /// The name with this number; `None` for [`HeaderId::OTHER`].
    pub fn name(self) -> Option<HeaderName<'static>> {
        match self {
            HeaderId::OTHER => None,
            HeaderId(number) => NAMES.get(usize::from(number)).copied(),
        }
    }

    /// Whether this is the number of `name`.
    fn is(self, name: &[u8]) -> bool {
        self.text().as_bytes().eq_ignore_ascii_case(name)
    }

    fn text(self) -> &'static str {
        TEXTS.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// Whether the values are routes, which the grammar wants in angle brackets.
    pub(crate) fn is_route(self) -> bool {
        const ROUTES: [HeaderId; 4] = [
            HeaderName::Route.id(),
            HeaderName::RecordRoute.id(),
            HeaderName::Path.id(),
            HeaderName::ServiceRoute.id(),
        ];
        ROUTES.contains(&self)
    }

    pub(crate) fn is_single(self) -> bool {
        self.shape() == Shape::Single
    }

    fn shape(self) -> Shape {
        SHAPES
            .get(usize::from(self.0))
            .copied()
            .unwrap_or(Shape::Rows)
    }
}

impl fmt::Display for HeaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            HeaderId::OTHER => "extension header",
            id => id.text(),
        })
    }
}

impl fmt::Debug for HeaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name of up to sixteen bytes as two words; of a longer name the first and last eight bytes.
#[derive(Clone, Copy)]
struct Words {
    low: u64,
    high: u64,
}

const CASE: u64 = 0x2020_2020_2020_2020;

impl Words {
    const fn of(name: &[u8]) -> Words {
        let mut words = [0u64; 2];
        let length = name.len();
        let mut i = 0;
        while i < 16 && i < length {
            let byte = if length > 16 && i >= 8 {
                name[length - 16 + i]
            } else {
                name[i]
            };
            words[i / 8] |= (byte as u64) << (8 * (i % 8));
            i += 1;
        }
        Words {
            low: words[0],
            high: words[1],
        }
    }

    /// [`Words::of`] a name of sixteen bytes or more, in two loads; `None` for a shorter one.
    #[inline]
    fn of_long(name: &[u8]) -> Option<Words> {
        let (_, last) = name.split_last_chunk::<8>()?;
        let first = name.first_chunk::<8>().filter(|_| name.len() >= 16)?;
        Some(Words {
            low: u64::from_le_bytes(*first),
            high: u64::from_le_bytes(*last),
        })
    }

    /// The slot of [`SLOT_OF`] for these words, without regard to case.
    #[inline]
    const fn slot(self, length: usize) -> usize {
        let low = (self.low | CASE).wrapping_mul(MULTIPLIERS.0);
        let high = (self.high | CASE).wrapping_mul(MULTIPLIERS.1);
        (((low ^ high).wrapping_add((length as u64).wrapping_mul(MULTIPLIERS.2)))
            >> (64 - SLOT_BITS)) as usize
    }
}

const SLOT_BITS: u32 = 9;
const SLOTS: usize = 1 << SLOT_BITS;
/// Found by trial, so that no two known names share a slot. [`SLOT_OF`] is correct with any others, because it probes.
const MULTIPLIERS: (u64, u64, u64) = (
    0x295B_494D_82B1_D025,
    0x3F38_91D7_CE1E_A825,
    0x3DC6_C905_13F8_21D3,
);

/// A known name to compare with: its words, and the bits that must not differ: all but the case of each letter.
struct Entry {
    words: Words,
    exact: Words,
}

const fn case_bits(word: u64) -> u64 {
    let mut bits = 0;
    let mut i = 0;
    while i < 8 {
        if ((word >> (8 * i)) as u8).is_ascii_alphabetic() {
            bits |= 0x20 << (8 * i);
        }
        i += 1;
    }
    bits
}

static ENTRIES: [Entry; TEXTS.len()] = {
    let mut entries = [const {
        Entry {
            words: Words::of(b""),
            exact: Words::of(b""),
        }
    }; TEXTS.len()];
    let mut number = 0;
    while number < TEXTS.len() {
        let words = Words::of(TEXTS[number].as_bytes());
        let exact = Words {
            low: !case_bits(words.low),
            high: !case_bits(words.high),
        };
        entries[number] = Entry { words, exact };
        number += 1;
    }
    entries
};

/// Slot to header number. Names that fall on an occupied slot take the next free one.
static SLOT_OF: [u8; SLOTS] = {
    let mut slots = [0u8; SLOTS];
    let mut number = 1;
    while number < TEXTS.len() {
        let name = TEXTS[number].as_bytes();
        let mut at = Words::of(name).slot(name.len());
        while slots[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        slots[at] = number as u8;
        number += 1;
    }
    slots
};

static COMPACT_OF: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < COMPACT.len() {
        let (letter, number) = COMPACT[i];
        if letter != 0 {
            table[letter as usize] = number;
            table[letter.to_ascii_uppercase() as usize] = number;
        }
        i += 1;
    }
    table
};

/// The number of a name.
pub(crate) fn lookup(name: &[u8]) -> HeaderId {
    match name {
        [] => HeaderId::OTHER,
        [letter] => HeaderId(COMPACT_OF[usize::from(*letter)]),
        _ => {
            let words = Words::of_long(name).unwrap_or_else(|| Words::of(name));
            find(words, name.len(), |id| id.is(name))
        }
    }
}

/// For each length of a name below sixteen, the mask of its bytes.
static KEEP: [Words; 16] = {
    let mut keep = [const { Words { low: 0, high: 0 } }; 16];
    let mut length = 1;
    while length < 16 {
        keep[length] = Words {
            low: if length < 8 {
                (1 << (8 * length)) - 1
            } else {
                u64::MAX
            },
            high: match length {
                ..9 => 0,
                _ => (1 << (8 * (length - 8))) - 1,
            },
        };
        length += 1;
    }
    keep
};

/// The end and the number of the known name that `chunk` starts with and that a colon follows; [`HeaderId::OTHER`] for a
/// longer name and for any other.
#[inline(always)]
pub(crate) fn lookup_start(chunk: &[u8; 16]) -> (usize, HeaderId) {
    let length = block::position(chunk, b':');
    if length == 1 {
        return (1, HeaderId(COMPACT_OF[usize::from(chunk[0])]));
    }
    // Sixteen means that there is no colon.
    let Some(keep) = KEEP.get(length) else {
        return (length, HeaderId::OTHER);
    };
    let (low, high) = block::halves(chunk);
    // The words hold the whole name, padded with zeros, which no name contains.
    let words = Words {
        low: low & keep.low,
        high: high & keep.high,
    };
    (length, find(words, length, |_| true))
}

/// The end and the number of the name that `line` starts with; `None` unless it is a token and a colon follows.
#[inline(never)]
pub(crate) fn token_start(line: &[u8]) -> Option<(usize, HeaderId)> {
    let length = class::run(line, 0, class::TOKEN);
    if line.get(length) != Some(&b':') || length == 0 {
        return None;
    }
    let name = &line[..length];
    // The caller knows that a shorter name is not in the table.
    match Words::of_long(name) {
        Some(words) => Some((length, find(words, length, |id| id.is(name)))),
        None => Some((length, HeaderId::OTHER)),
    }
}

#[inline(always)]
fn find(words: Words, length: usize, same: impl Fn(HeaderId) -> bool) -> HeaderId {
    let mut at = words.slot(length);
    loop {
        let number = SLOT_OF[at];
        let Some(entry) = ENTRIES.get(usize::from(number)).filter(|_| number != 0) else {
            return HeaderId::OTHER;
        };
        let low = (entry.words.low ^ words.low) & entry.exact.low;
        let high = (entry.words.high ^ words.high) & entry.exact.high;
        if low | high == 0 && same(HeaderId(number)) {
            return HeaderId(number);
        }
        at = (at + 1) % SLOTS;
    }
}

impl<'a> HeaderName<'a> {
    /// The name with number `id`, spelled `raw` in the message.
    #[inline]
    pub(crate) fn of(id: HeaderId, raw: &'a [u8]) -> Self {
        id.name().unwrap_or(HeaderName::Other(raw))
    }

    /// The name as RFCs spell it; other names as received.
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            HeaderName::Other(name) => name,
            known => known.id().text().as_bytes(),
        }
    }

    /// Whether rows hold comma-separated lists (RFC 3261 section 7.3.1). False for the four authentication fields.
    pub fn is_list(&self) -> bool {
        self.id().shape() == Shape::List
    }

    /// Whether the field may occur at most once in a message.
    pub fn is_single(&self) -> bool {
        self.id().shape() == Shape::Single
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => self.id() == other.id(),
        }
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&text(self.as_bytes()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 7.3.1: names are case-insensitive and compact forms are the same name.
    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (number, text) in TEXTS.iter().enumerate().skip(1) {
            let id = HeaderId(number as u8);
            assert_eq!(lookup(text.as_bytes()), id, "{text}");
            assert_eq!(lookup(text.to_ascii_lowercase().as_bytes()), id, "{text}");
            assert_eq!(lookup(text.to_ascii_uppercase().as_bytes()), id, "{text}");
            let line = [text, ": a line that is long enough"].concat().into_bytes();
            let started = match lookup_start(line.first_chunk().unwrap()) {
                (_, HeaderId::OTHER) => token_start(&line),
                found => Some(found),
            };
            assert_eq!(started, Some((text.len(), id)), "{text}");
            // A shorter name is padded with zeros to compare; one with zeros in it is no name.
            for zeros in 1..16usize.saturating_sub(text.len()) {
                let line = [text, &*"\0".repeat(zeros), ": a line that is long"].concat();
                let (_, found) = lookup_start(line.as_bytes().first_chunk().unwrap());
                assert_eq!(found, HeaderId::OTHER, "{line:?}");
            }
            assert_eq!(
                HeaderName::parse(text.as_bytes()).unwrap().as_bytes(),
                text.as_bytes()
            );
        }
        for (letter, number) in COMPACT.iter().filter(|(letter, _)| *letter != 0) {
            assert_eq!(lookup(&[*letter]), HeaderId(*number));
            assert_eq!(lookup(&[letter.to_ascii_uppercase()]), HeaderId(*number));
        }
        for name in [
            "X-Unknown",
            "Vi",
            "Vias",
            "Content-Lengti",
            "Proxy-Authenticatf",
            "Max\rForwards",
            "To\0",
        ] {
            assert_eq!(lookup(name.as_bytes()), HeaderId::OTHER, "{name}");
        }
    }

    /// A lookup is one probe: no two known names share a slot.
    #[test]
    fn known_names_have_slots_of_their_own() {
        let slots: alloc::collections::BTreeSet<_> = TEXTS[1..]
            .iter()
            .map(|text| Words::of(text.as_bytes()).slot(text.len()))
            .collect();
        assert_eq!(slots.len(), TEXTS.len() - 1);
    }
}
