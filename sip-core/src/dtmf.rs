//! DTMF tones, and the bodies that carry them in INFO: `application/dtmf-relay` and `application/dtmf`.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use sip_parse::MediaType;

use crate::body::Body;

/// The tones of one sequence.
const MOST_TONES: usize = 128;

/// How long a comma pauses.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// The shortest and the longest tone, in milliseconds.
const TONE_TIME: core::ops::RangeInclusive<u128> = 70..=6_000;

/// The shortest and the longest time between two tones, in milliseconds.
const GAP_TIME: core::ops::RangeInclusive<u128> = 50..=60_000;

/// A DTMF tone: 0 to 9, `*`, `#`, and A to D.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tone(u8);

/// The symbols by their event codes (RFC 4733 section 3.2).
const SYMBOLS: &[u8; 16] = b"0123456789*#ABCD";

impl Tone {
    /// Takes the symbol on the key; letters of either case. `None` for any other character.
    #[must_use]
    pub fn new(symbol: char) -> Option<Self> {
        let symbol = u8::try_from(symbol).ok()?.to_ascii_uppercase();
        let code = SYMBOLS.iter().position(|&known| known == symbol)?;
        u8::try_from(code).ok().map(Self)
    }

    /// The symbol on the key; letters are upper case.
    #[must_use]
    pub const fn symbol(self) -> char {
        SYMBOLS[self.0 as usize] as char
    }

    /// The event code for the media stream (RFC 4733 section 3.2), 0 to 15.
    #[must_use]
    pub const fn event(self) -> u8 {
        self.0
    }

    /// A symbol, or an event code of two digits, as some gateways write `*`, `#` and the letters.
    fn read(text: &str) -> Option<Self> {
        let mut symbols = text.chars();
        match (symbols.next()?, symbols.next()) {
            (symbol, None) => Self::new(symbol),
            _ => match text.parse() {
                Ok(code @ 10..=15) if text.len() == 2 => Some(Self(code)),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Write::write_char(f, self.symbol())
    }
}

/// The body of an INFO that carries a tone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ToneFormat {
    /// `application/dtmf-relay`: `Signal=5` and `Duration=100`, in milliseconds.
    #[default]
    Relay,
    /// `application/dtmf`: the symbol alone.
    Plain,
}

/// A sequence of tones to send.
///
/// ```
/// use core::time::Duration;
/// use sip_core::Tones;
///
/// let tones = Tones::new("12#,34")?.duration(Duration::from_millis(160))?;
/// assert_eq!(tones.to_string(), "12#,34");
/// assert!(Tones::new("12x").is_err());
/// # Ok::<(), sip_core::TonesError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tones {
    /// `None` is a pause.
    steps: Box<[Option<Tone>]>,
    duration: Duration,
    gap: Duration,
    format: ToneFormat,
}

/// Why a text or a time makes no sequence of tones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TonesError {
    /// The character at this index is neither a tone nor a comma.
    Symbol(usize),
    /// There is no tone, or there are more than 128.
    Number,
    /// A tone lasts 70 ms to 6 s.
    Duration,
    /// The time between two tones is 50 ms to 60 s.
    Gap,
}

impl fmt::Display for TonesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(at) => {
                write!(f, "a tone is one of 0-9, A-D, * and #; not so at {at}")
            }
            Self::Number => write!(f, "a sequence has 1 to {MOST_TONES} tones"),
            Self::Duration => f.write_str("a tone lasts 70 ms to 6 s"),
            Self::Gap => f.write_str("the time between two tones is 50 ms to 60 s"),
        }
    }
}

impl core::error::Error for TonesError {}

impl Tones {
    /// Takes the symbols: 0 to 9, `*`, `#`, A to D, and commas, each of which pauses for 2 s. A tone lasts 100 ms, and the time
    /// between two tones is 500 ms, as in SIP.js.
    ///
    /// # Errors
    /// [`TonesError::Symbol`] or [`TonesError::Number`].
    pub fn new(symbols: &str) -> Result<Self, TonesError> {
        let mut steps = Vec::new();
        for (at, symbol) in symbols.chars().enumerate() {
            let step = match symbol {
                ',' => None,
                symbol => Some(Tone::new(symbol).ok_or(TonesError::Symbol(at))?),
            };
            if steps.len() == MOST_TONES {
                return Err(TonesError::Number);
            }
            steps.push(step);
        }
        if steps.iter().all(Option::is_none) {
            return Err(TonesError::Number);
        }
        // A pause after the last tone delays nothing.
        while steps.last() == Some(&None) {
            steps.pop();
        }
        Ok(Self {
            steps: steps.into(),
            duration: Duration::from_millis(100),
            gap: Duration::from_millis(500),
            format: ToneFormat::default(),
        })
    }

    /// Sets how long each tone lasts.
    ///
    /// # Errors
    /// [`TonesError::Duration`] outside 70 ms to 6 s.
    pub fn duration(mut self, duration: Duration) -> Result<Self, TonesError> {
        if !TONE_TIME.contains(&duration.as_millis()) {
            return Err(TonesError::Duration);
        }
        self.duration = duration;
        Ok(self)
    }

    /// Sets the time from the end of a tone to the next one.
    ///
    /// # Errors
    /// [`TonesError::Gap`] outside 50 ms to 60 s.
    pub fn gap(mut self, gap: Duration) -> Result<Self, TonesError> {
        if !GAP_TIME.contains(&gap.as_millis()) {
            return Err(TonesError::Gap);
        }
        self.gap = gap;
        Ok(self)
    }

    /// Sets the body that carries a tone in INFO.
    #[must_use]
    pub fn format(mut self, format: ToneFormat) -> Self {
        self.format = format;
        self
    }

    /// The tones in order; `None` is a pause of 2 s.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = Option<Tone>> {
        self.steps.iter().copied()
    }

    /// How long each tone lasts.
    #[must_use]
    pub const fn tone_duration(&self) -> Duration {
        self.duration
    }

    /// The time from the end of a tone to the next one.
    #[must_use]
    pub const fn tone_gap(&self) -> Duration {
        self.gap
    }

    /// The step at `index`; `None` after the last one.
    pub(crate) fn step(&self, index: usize) -> Option<Option<Tone>> {
        self.steps.get(index).copied()
    }

    /// The time from the beginning of a tone to the next one.
    pub(crate) fn interval(&self) -> Duration {
        self.duration + self.gap
    }

    /// The body of the INFO that carries `tone`.
    pub(crate) fn body(&self, tone: Tone) -> Body {
        match self.format {
            ToneFormat::Relay => {
                let milliseconds = self.duration.as_millis();
                let text = format!("Signal={tone}\r\nDuration={milliseconds}\r\n");
                Body::new("application/dtmf-relay", text)
            }
            ToneFormat::Plain => Body::new("application/dtmf", format!("{tone}")),
        }
    }
}

impl fmt::Display for Tones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = |step: &Option<Tone>| step.map_or(',', Tone::symbol);
        let mut symbols = self.steps.iter().map(symbol);
        symbols.try_for_each(|symbol| fmt::Write::write_char(f, symbol))
    }
}

/// Whether a body of this type carries a tone.
pub(crate) fn carries_tone(media: &MediaType<'_>) -> bool {
    media.is(b"application", b"dtmf-relay") || media.is(b"application", b"dtmf")
}

/// The tone in the body of an INFO, and how long it lasts if the body says so; `None` if the body is malformed. Both types
/// are read alike, because peers mix their forms.
pub(crate) fn received_tone(body: &[u8]) -> Option<(Tone, Option<Duration>)> {
    let text = core::str::from_utf8(body).ok()?;
    let (mut tone, mut duration) = (None, None);
    let lines = text.split(['\r', '\n']).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        match line.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("signal") && tone.is_none() => {
                tone = Some(Tone::read(value.trim())?);
            }
            Some((name, value)) if name.trim().eq_ignore_ascii_case("duration") => {
                let milliseconds: u32 = value.trim().parse().ok()?;
                duration = Some(Duration::from_millis(milliseconds.into()));
            }
            None if tone.is_none() => tone = Some(Tone::read(line)?),
            _ => return None,
        }
    }
    Some((tone?, duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_symbol_and_an_event_code() {
        for (code, symbol) in (0..).zip("0123456789*#ABCD".chars()) {
            let tone = Tone::new(symbol).unwrap();
            assert_eq!((tone.event(), tone.symbol()), (code, symbol));
        }
        assert_eq!(Tone::new('d'), Tone::new('D'));
        for symbol in ['e', ' ', '\r', 'ä', '١'] {
            assert_eq!(Tone::new(symbol), None);
        }
    }

    #[test]
    fn a_sequence_has_bounds() {
        let milliseconds = Duration::from_millis;
        assert_eq!(Tones::new("1x"), Err(TonesError::Symbol(1)));
        for empty in ["", ",", ",,"] {
            assert_eq!(Tones::new(empty), Err(TonesError::Number));
        }
        let most = "1".repeat(MOST_TONES);
        assert!(Tones::new(&most).is_ok());
        assert_eq!(Tones::new(&format!("{most}1")), Err(TonesError::Number));
        let tones = || Tones::new("1").unwrap();
        for (wrong, right) in [(69, 70), (6_001, 6_000)] {
            let (wrong, right) = (milliseconds(wrong), milliseconds(right));
            assert_eq!(tones().duration(wrong), Err(TonesError::Duration));
            assert!(tones().duration(right).is_ok());
        }
        for (wrong, right) in [(49, 50), (60_001, 60_000)] {
            let (wrong, right) = (milliseconds(wrong), milliseconds(right));
            assert_eq!(tones().gap(wrong), Err(TonesError::Gap));
            assert!(tones().gap(right).is_ok());
        }
        assert_eq!(Tones::new("1,2,").unwrap().steps().len(), 3);
    }

    #[test]
    fn the_bodies_of_peers_are_read_in_all_their_forms() {
        let tone = |symbol, milliseconds: Option<u64>| {
            Some((
                Tone::new(symbol).unwrap(),
                milliseconds.map(Duration::from_millis),
            ))
        };
        for (body, read) in [
            ("Signal=5\r\nDuration=160\r\n", tone('5', Some(160))),
            ("Signal= 5\r\nDuration= 160", tone('5', Some(160))),
            ("signal=a\nduration=0\n\n", tone('A', Some(0))),
            ("Duration=160\r\nSignal=*", tone('*', Some(160))),
            ("Signal=11\r\n", tone('#', None)),
            ("Signal=5\rDuration=160\r", tone('5', Some(160))),
            ("#", tone('#', None)),
            ("5\r\n", tone('5', None)),
            ("10", tone('*', None)),
            ("", None),
            ("16", None),
            ("010", None),
            ("12345", None),
            ("Signal=", None),
            ("Signal=1\r\nSignal=2", None),
            ("Signal=1\r\n2", None),
            ("Signal=1\r\nDuration=-1", None),
            ("Signal=1\r\nVolume=10", None),
            ("Duration=100", None),
        ] {
            assert_eq!(received_tone(body.as_bytes()), read, "{body:?}");
        }
        assert_eq!(received_tone(b"Signal=\xff"), None);
    }
}
