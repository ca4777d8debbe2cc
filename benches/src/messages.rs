//! The messages: ten common ones and eighteen valid hard ones, with the facts that a correct reader finds in
//! each.

use std::collections::BTreeMap;

use crate::typed::Sink;

/// One message and its facts.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The file's name without its ending.
    pub name: &'static str,
    /// The message as it goes over the wire.
    pub bytes: &'static [u8],
    /// `name=value` lines; `|` between values that are equally right; empty means absent.
    facts: &'static str,
}

macro_rules! sample {
    ($name:literal) => {
        Sample {
            name: $name,
            bytes: include_bytes!(concat!("../messages/", $name, ".sip")),
            facts: include_str!(concat!("../messages/", $name, ".facts")),
        }
    };
}

/// All messages; the first [`MIXED`] are the mixed set that is timed.
pub const SAMPLES: [Sample; 28] = [
    sample!("a_options"),
    sample!("b_register_ws"),
    sample!("c_invite_webrtc"),
    sample!("d_401"),
    sample!("e_183"),
    sample!("f_200_invite"),
    sample!("g_ack"),
    sample!("h_bye"),
    sample!("i_notify_mwi"),
    sample!("j_compact_folded"),
    sample!("torture/t01_tortuous_invite"),
    sample!("torture/t02_wide_chars"),
    sample!("torture/t03_esc01"),
    sample!("torture/t04_escnull"),
    sample!("torture/t05_esc02"),
    sample!("torture/t06_lwsdisp"),
    sample!("torture/t07_longreq"),
    sample!("torture/t08_dblreq"),
    sample!("torture/t09_semiuri"),
    sample!("torture/t10_transports"),
    sample!("torture/t11_mpart_binary"),
    sample!("torture/t12_unreason"),
    sample!("torture/t13_noreason"),
    sample!("torture/t14_ipv6"),
    sample!("torture/t15_comma_lists"),
    sample!("torture/t16_no_clen"),
    sample!("torture/t17_tel_uri"),
    sample!("torture/t18_quotes"),
];

/// How many of [`SAMPLES`] make up the mixed set of everyday messages.
pub const MIXED: usize = 9;

/// The messages that are timed.
#[must_use]
pub fn mixed() -> &'static [Sample] {
    &SAMPLES[..MIXED]
}

impl Sample {
    /// Runs `read` on the message and holds what it tells against the facts.
    ///
    /// # Errors
    /// The first fact that is missing or different, or that `read` failed.
    pub fn check(&self, read: impl FnOnce(&[u8], &mut Findings) -> bool) -> Result<(), String> {
        let mut findings = Findings::default();
        if !read(self.bytes, &mut findings) {
            return Err(format!("{}: refused", self.name));
        }
        for line in self.facts.lines() {
            let Some((name, expected)) = line.split_once('=') else {
                return Err(format!("{}: no fact: {line}", self.name));
            };
            // Readers need Content-Length only for the body that it bounds.
            if name == "clen" {
                continue;
            }
            let found = findings.0.get(name).map_or("", String::as_str);
            if !expected.split('|').any(|one| one == found) {
                return Err(format!(
                    "{}: {name} is {found:?}, not {expected:?}",
                    self.name
                ));
            }
        }
        Ok(())
    }
}

/// The values that a reader reported, by fact name.
#[derive(Debug, Default)]
pub struct Findings(BTreeMap<&'static str, String>);

impl Sink for Findings {
    fn text(&mut self, fact: &'static str, value: &[u8]) {
        let value = String::from_utf8_lossy(value).into_owned();
        self.0.insert(fact, value);
    }

    fn number(&mut self, fact: &'static str, value: u64) {
        self.0.insert(fact, value.to_string());
    }

    fn shown<T: std::fmt::Display>(&mut self, fact: &'static str, value: &T) {
        self.0.insert(fact, value.to_string());
    }
}
