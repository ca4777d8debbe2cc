//! The keys of a call: bytes of the terminal to keys, keys to intents; and the line of a password. Pure.

use std::str::Utf8Error;

use sip_core::Tones;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What the help line says.
pub(crate) const HELP: &str = "keys: h hold or resume, 0-9 * # a-d tone, t transfer, T transfer after a talk, q hang up, ? help";

/// The same while the target of an attended transfer is being called.
pub(crate) const CONSULTING_HELP: &str =
    "keys: t complete the transfer, q hang up on the target, 0-9 * # a-d tone, ? help";

/// The longest target that the prompt takes.
const TARGET_LIMIT: usize = 256;

/// One key.
#[cfg_attr(
    not(unix),
    allow(dead_code, reason = "only a Unix terminal is read key by key")
)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    /// A printable character of ASCII.
    Character(char),
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C, of a terminal that makes no signal of it, and Ctrl-D.
    Interrupt,
}

/// What the user, or a flag, wants of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Intent {
    Hold,
    Resume,
    /// Holds the call, or resumes it if this side holds it.
    ToggleHold,
    Tones(Tones),
    /// A blind transfer to this target.
    Transfer(String),
    /// Calls this target first; [`Intent::CompleteTransfer`] connects it with the peer.
    Consult(String),
    CompleteTransfer,
    HangUp,
    /// Ends the command, as Ctrl-C does.
    Quit,
    Help,
}

/// Where the keys go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Situation {
    /// There is no call.
    Idle,
    /// A call is not answered yet.
    Ringing,
    /// A call is up.
    Up,
    /// A call is up, and the target of an attended transfer is being called or is up, too.
    Consulting,
}

/// What a key leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pressed {
    Intent(Intent),
    /// The key changed the prompt, or closed it.
    Prompt,
    /// The key has no meaning here.
    Nothing,
}

/// The machine. Without a prompt a key is a command; `t` and `T` open the prompt for a target, Enter gives the transfer,
/// Escape goes back.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keys {
    prompt: Option<Prompt>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Prompt {
    attended: bool,
    target: String,
}

impl Keys {
    /// Takes one key.
    pub(crate) fn press(&mut self, key: Key, situation: Situation) -> Pressed {
        match self.prompt.take() {
            Some(prompt) => self.edit(prompt, key),
            None => self.command(key, situation),
        }
    }

    /// The prompt as it stands on the screen.
    pub(crate) fn prompt(&self) -> Option<String> {
        let prompt = self.prompt.as_ref()?;
        let what = if prompt.attended {
            "call before the transfer"
        } else {
            "transfer to"
        };
        Some(format!("{what} (Enter: go, Esc: back): {}", prompt.target))
    }

    /// Closes the prompt, because its call is over. Returns whether there was one.
    pub(crate) fn close(&mut self) -> bool {
        self.prompt.take().is_some()
    }

    fn command(&mut self, key: Key, situation: Situation) -> Pressed {
        let up = matches!(situation, Situation::Up | Situation::Consulting);
        Pressed::Intent(match key {
            Key::Interrupt => Intent::Quit,
            Key::Character('?') => Intent::Help,
            Key::Character('q') if situation == Situation::Idle => Intent::Quit,
            Key::Character('q') => Intent::HangUp,
            Key::Character('h') if situation == Situation::Up => Intent::ToggleHold,
            Key::Character('t' | 'T') if situation == Situation::Consulting => {
                Intent::CompleteTransfer
            }
            Key::Character(key @ ('t' | 'T')) if up => {
                self.prompt = Some(Prompt {
                    attended: key == 'T',
                    target: String::new(),
                });
                return Pressed::Prompt;
            }
            Key::Character(tone @ ('0'..='9' | '*' | '#' | 'a'..='d')) if up => {
                match Tones::new(tone.encode_utf8(&mut [0; 4])) {
                    Ok(tones) => Intent::Tones(tones),
                    Err(_) => return Pressed::Nothing,
                }
            }
            _ => return Pressed::Nothing,
        })
    }

    fn edit(&mut self, mut prompt: Prompt, key: Key) -> Pressed {
        match key {
            Key::Interrupt => return Pressed::Intent(Intent::Quit),
            Key::Escape => return Pressed::Prompt,
            Key::Enter => {
                let target = prompt.target.trim();
                return match (target, prompt.attended) {
                    ("", _) => Pressed::Prompt,
                    (target, false) => Pressed::Intent(Intent::Transfer(target.to_owned())),
                    (target, true) => Pressed::Intent(Intent::Consult(target.to_owned())),
                };
            }
            Key::Backspace => {
                prompt.target.pop();
            }
            Key::Character(character) if prompt.target.len() < TARGET_LIMIT => {
                prompt.target.push(character);
            }
            Key::Character(_) => {}
        }
        self.prompt = Some(prompt);
        Pressed::Prompt
    }
}

/// A line that is typed without echo.
#[derive(Default)]
pub(crate) struct Line(Zeroizing<Vec<u8>>);

/// What a byte does to a [`Line`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Typed {
    More,
    Done,
    Interrupt,
}

/// The longest line, in bytes. The room is there from the start, so that no part of a password stays behind in freed memory.
const LINE_LIMIT: usize = 4 * 1024;

impl Line {
    /// Takes one byte of the terminal: Backspace removes a character, Ctrl-U all.
    pub(crate) fn press(&mut self, byte: u8) -> Typed {
        match byte {
            b'\r' | b'\n' => return Typed::Done,
            0x04 if !self.0.is_empty() => return Typed::Done,
            0x03 | 0x04 => return Typed::Interrupt,
            0x08 | 0x7f => {
                // A character of UTF-8 ends with its bytes of the form 10xxxxxx.
                while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            0x15 => self.0.clear(),
            byte if self.0.len() < LINE_LIMIT => {
                let room = LINE_LIMIT - self.0.len();
                self.0.reserve_exact(room);
                self.0.push(byte);
            }
            _ => {}
        }
        Typed::More
    }

    /// The line; `None` if it is empty.
    ///
    /// # Errors
    /// It is no UTF-8.
    pub(crate) fn into_secret(self) -> Result<Option<Secret>, Utf8Error> {
        let text = std::str::from_utf8(&self.0)?;
        Ok((!text.is_empty()).then(|| Secret::from(text)))
    }
}

/// The keys in what one read of the terminal returned. An Escape that ends the bytes is the key; one before `[` or `O`
/// begins the sequence of an arrow or function key, which is left out.
#[cfg_attr(
    not(unix),
    allow(dead_code, reason = "only a Unix terminal is read key by key")
)]
pub(crate) fn decode(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'\r' | b'\n' => keys.push(Key::Enter),
            0x08 | 0x7f => keys.push(Key::Backspace),
            0x03 | 0x04 => keys.push(Key::Interrupt),
            0x1b => match rest {
                [b'[' | b'O', sequence @ ..] => {
                    let end = sequence
                        .iter()
                        .position(|byte| (0x40..=0x7e).contains(byte));
                    rest = end.map_or(&[], |end| &sequence[end + 1..]);
                }
                _ => keys.push(Key::Escape),
            },
            0x20..=0x7e => keys.push(Key::Character(char::from(*byte))),
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use Situation::{Consulting, Idle, Ringing, Up};

    const SITUATIONS: [Situation; 4] = [Idle, Ringing, Up, Consulting];

    fn intent(key: char, situation: Situation) -> Option<Intent> {
        match Keys::default().press(Key::Character(key), situation) {
            Pressed::Intent(intent) => Some(intent),
            Pressed::Nothing => None,
            Pressed::Prompt => panic!("{key} opens a prompt"),
        }
    }

    /// The intents of a text typed in one situation.
    fn typed(keys: &mut Keys, text: &str, situation: Situation) -> Vec<Intent> {
        decode(text.as_bytes())
            .into_iter()
            .filter_map(|key| match keys.press(key, situation) {
                Pressed::Intent(intent) => Some(intent),
                Pressed::Prompt | Pressed::Nothing => None,
            })
            .collect()
    }

    #[test]
    fn a_key_has_its_intent_in_each_situation() {
        use Intent::{CompleteTransfer, HangUp, Help, Quit, ToggleHold};
        for (key, idle, ringing, up, consulting) in [
            ('h', None, None, Some(ToggleHold), None),
            ('q', Some(Quit), Some(HangUp), Some(HangUp), Some(HangUp)),
            ('?', Some(Help), Some(Help), Some(Help), Some(Help)),
            ('x', None, None, None, None),
        ] {
            let expected = [idle, ringing, up, consulting];
            for (situation, expected) in SITUATIONS.into_iter().zip(expected) {
                assert_eq!(intent(key, situation), expected, "{key} {situation:?}");
            }
        }
        for key in ['t', 'T'] {
            assert_eq!(intent(key, Consulting), Some(CompleteTransfer));
            assert_eq!(intent(key, Ringing), None);
        }
        for situation in SITUATIONS {
            let pressed = Keys::default().press(Key::Interrupt, situation);
            assert_eq!(pressed, Pressed::Intent(Quit));
        }
    }

    /// RFC 4733 section 2.3.1: the sixteen tones.
    #[test]
    fn every_tone_has_a_key() {
        let mut tones = String::new();
        for key in "0123456789*#abcd".chars() {
            for situation in [Up, Consulting] {
                match intent(key, situation) {
                    Some(Intent::Tones(tone)) if situation == Up => tones += &tone.to_string(),
                    Some(Intent::Tones(_)) => {}
                    other => panic!("{key}: {other:?}"),
                }
            }
            assert_eq!(intent(key, Ringing), None);
        }
        assert_eq!(tones, "0123456789*#ABCD");
    }

    #[test]
    fn a_prompt_takes_a_target_until_enter() {
        let mut keys = Keys::default();
        assert_eq!(typed(&mut keys, "tcarql\x7f\x08", Up), []);
        assert_eq!(
            keys.prompt().as_deref(),
            Some("transfer to (Enter: go, Esc: back): car")
        );
        let transfer = |target: &str| [Intent::Transfer(target.to_owned())];
        assert_eq!(typed(&mut keys, "ol\r", Up), transfer("carol"));
        assert_eq!(keys.prompt(), None);
        // The keys are commands again, and the prompt of the other kind gives the other intent.
        let five = Tones::new("5").unwrap();
        assert_eq!(typed(&mut keys, "5", Up), [Intent::Tones(five)]);
        let consult = [Intent::Consult("sip:carol@example.com".to_owned())];
        assert_eq!(typed(&mut keys, "T sip:carol@example.com \n", Up), consult);
    }

    #[test]
    fn escape_and_an_empty_target_close_the_prompt() {
        for text in ["tcarol\x1b", "T\r", "t  \n"] {
            let mut keys = Keys::default();
            assert_eq!(typed(&mut keys, text, Up), [], "{text:?}");
            assert_eq!(keys.prompt(), None, "{text:?}");
        }
        let mut keys = Keys::default();
        assert_eq!(typed(&mut keys, "tcarol\x03", Up), [Intent::Quit]);
        assert_eq!(keys.prompt(), None);
        assert_eq!(typed(&mut keys, "tcarol", Up), []);
        assert!(keys.close());
        assert!(!keys.close());
    }

    #[test]
    fn a_target_has_a_limit() {
        let mut keys = Keys::default();
        let long = "x".repeat(2 * TARGET_LIMIT);
        assert_eq!(typed(&mut keys, &format!("t{long}"), Up), []);
        let expected = Intent::Transfer("x".repeat(TARGET_LIMIT));
        assert_eq!(typed(&mut keys, "\r", Up), [expected]);
    }

    #[test]
    fn arrow_keys_and_other_bytes_are_no_keys() {
        assert_eq!(decode(b"\x1b[A\x1bOP\x1b[1;5C"), []);
        assert_eq!(decode(b"\x1b"), [Key::Escape]);
        assert_eq!(decode(b"\x1b\x1b"), [Key::Escape, Key::Escape]);
        assert_eq!(decode(b"\x1b["), []);
        assert_eq!(decode("é\0\x01".as_bytes()), []);
        assert_eq!(
            decode(b"h\x1b[Aq"),
            [Key::Character('h'), Key::Character('q')]
        );
    }

    #[test]
    fn a_line_is_edited_without_being_shown() {
        let line = |bytes: &[u8]| {
            let mut line = Line::default();
            let ends = bytes.iter().map(|&byte| line.press(byte));
            let end = ends.take_while(|typed| *typed == Typed::More).count();
            let rest = &bytes[end..];
            let secret = line.into_secret().unwrap();
            (secret.map(|secret| secret.reveal().to_owned()), rest.len())
        };
        let is = |text: &str, rest| (Some(text.to_owned()), rest);
        assert_eq!(line(b"secret\r"), is("secret", 1));
        assert_eq!(line(b"secret\nmore"), is("secret", 5));
        assert_eq!(line(b"se\x08\x7f\x7fabc\n"), is("abc", 1));
        assert_eq!(line("a\u{fc}\u{20ac}\x7f\x7fb\n".as_bytes()), is("ab", 1));
        assert_eq!(line(b"wrong\x15right\x04"), is("right", 1));
        assert_eq!(line(b"\n"), (None, 1));
        assert_eq!(line(b"\x04"), (None, 1));
        assert_eq!(line(b"half\x03"), is("half", 1));
        assert_eq!(line(&[b'x'; 10_000]).0.unwrap().len(), LINE_LIMIT);
        assert_eq!(Line::default().press(0x03), Typed::Interrupt);
        assert_eq!(Line::default().press(0x04), Typed::Interrupt);
    }
}
