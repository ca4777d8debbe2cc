//! Challenges of servers and proxies: the ones that the client can answer, and errors for the others.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str;

use sip_parse::{Challenge, ParseError, Response};

use super::digest::{Algorithm, Qop};
use super::policy::{DigestPolicy, push_escaped};

/// How many challenges a [`ChallengeSummary`] keeps.
const SUMMARY_CHALLENGES: usize = 8;

/// How many parameters of each challenge it keeps.
const SUMMARY_PARAMETERS: usize = 16;

/// The longest value that it keeps, in bytes.
const SUMMARY_VALUE: usize = 2_048;

/// A parameter's value, bare for hashing and as it goes between quotes on the wire.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) value: Box<str>,
    /// As the peer escaped it, because the answer must repeat it byte by byte (RFC 7616 section 3.4); `None` if it needs no
    /// escape.
    escaped: Option<Box<str>>,
}

impl Text {
    /// Reads a value as received, quotes and escapes included. `None` unless it is UTF-8 without control
    /// characters other than tabs; a fold counts as a space.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let value = String::from_utf8(sip_parse::unquote(raw).into_owned()).ok()?;
        if has_control(&value) {
            return None;
        }
        let quoted = raw
            .strip_prefix(b"\"")
            .and_then(|raw| raw.strip_suffix(b"\""));
        let verbatim = quoted
            .and_then(|quoted| str::from_utf8(quoted).ok())
            .filter(|quoted| !has_control(quoted));
        let escaped = match verbatim {
            Some(verbatim) => (*verbatim != *value).then(|| verbatim.into()),
            None => {
                let mut escaped = String::with_capacity(value.len());
                push_escaped(&mut escaped, &value);
                (escaped != value).then(|| escaped.into())
            }
        };
        Some(Self {
            value: value.into(),
            escaped,
        })
    }

    /// As it goes between quotes on the wire.
    pub(super) fn wire(&self) -> &str {
        self.escaped.as_deref().unwrap_or(&self.value)
    }
}

fn has_control(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
}

/// A digest challenge that can be answered.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) proxy: bool,
    pub(super) realm: Text,
    pub(super) nonce: Text,
    pub(super) opaque: Option<Text>,
    /// As named in the challenge; `None` means MD5 and is not named in the answer either.
    pub(super) algorithm: Option<Algorithm>,
    /// `None`: the challenge has no qop; the answer has the form of RFC 2069.
    pub(super) qop: Option<Qop>,
    pub(super) stale: bool,
    pub(super) userhash: bool,
    pub(super) utf8: bool,
}

impl Offer {
    /// Reads a challenge; `None` if it is to be skipped: another scheme, an unknown algorithm or
    /// quality of protection (RFC 7616 section 3.3), a missing realm or nonce, or beyond the policy.
    pub(super) fn read(challenge: &Challenge<'_>, policy: &DigestPolicy) -> Option<Self> {
        if !challenge.is_digest() {
            return None;
        }
        let algorithm = match challenge.algorithm() {
            None => None,
            Some(name) => Some(Algorithm::parse(&name)?),
        };
        let used = algorithm.unwrap_or(Algorithm::Md5);
        if used.strength() < policy.weakest.strength() {
            return None;
        }
        let mut qop: Option<Qop> = None;
        let mut offered = false;
        for token in challenge.qop() {
            offered = true;
            let preferred = if policy.prefer_auth_int {
                Qop::AuthInt
            } else {
                Qop::Auth
            };
            if let Some(known) = Qop::parse(token) {
                qop = Some(if known == preferred {
                    known
                } else {
                    qop.unwrap_or(known)
                });
            }
        }
        // Without qop there is no cnonce, and without a cnonce no session key.
        if (offered || used.is_session()) && qop.is_none() {
            return None;
        }
        let text = |name: &[u8], longest: usize| {
            Text::read(challenge.raw(name)?).filter(|text| text.wire().len() <= longest)
        };
        let opaque = match challenge.raw(b"opaque") {
            None => None,
            Some(_) => Some(text(b"opaque", policy.opaque_length)?),
        };
        let is = |name: &[u8], wanted: &[u8]| {
            challenge
                .value(name)
                .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        Some(Self {
            proxy: challenge.proxy,
            realm: text(b"realm", policy.realm_length)?,
            nonce: text(b"nonce", policy.nonce_length)?,
            opaque,
            algorithm,
            qop,
            stale: challenge.stale(),
            userhash: is(b"userhash", b"true"),
            utf8: is(b"charset", b"UTF-8"),
        })
    }

    /// The algorithm to use.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm.unwrap_or(Algorithm::Md5)
    }

    /// The order of preference among the challenges of a realm.
    pub(super) fn rank(&self) -> (u8, bool) {
        (self.algorithm().strength(), self.qop.is_some())
    }

    pub(super) fn strength(&self) -> Strength {
        let (algorithm, qop) = self.rank();
        Strength { algorithm, qop }
    }

    /// How many bytes of the peer an answer repeats.
    pub(super) fn bytes(&self) -> usize {
        let opaque = self.opaque.as_ref().map_or(0, |opaque| opaque.wire().len());
        self.realm.wire().len() + self.nonce.wire().len() + opaque
    }
}

/// The strength of a challenge: of its hash function, and whether it has qop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Strength {
    pub(super) algorithm: u8,
    pub(super) qop: bool,
}

impl Strength {
    /// Whether neither part is weaker.
    pub(super) const fn reaches(self, least: Self) -> bool {
        self.algorithm >= least.algorithm && (self.qop || !least.qop)
    }

    /// The weaker of both parts.
    pub(super) fn weakest(self, other: Self) -> Self {
        Self {
            algorithm: self.algorithm.min(other.algorithm),
            qop: self.qop && other.qop,
        }
    }
}

/// One challenge as the server sent it, of any scheme, such as Bearer (RFC 8898).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedChallenge {
    /// Whether a proxy sent it (Proxy-Authenticate).
    pub proxy: bool,
    /// The scheme, as spelled.
    pub scheme: String,
    /// The parameters in order, without quotes.
    pub parameters: Vec<(String, String)>,
}

impl OfferedChallenge {
    /// The value of a parameter, such as `realm`, or `authz_server` of Bearer; names compare
    /// without regard to case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The challenges of a 401 or 407, for an application that answers them: at most 8 challenges of 16
/// parameters; values longer than 2048 bytes are left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChallengeSummary {
    challenges: Vec<OfferedChallenge>,
}

impl ChallengeSummary {
    /// Collects the well-formed challenges of a response, those for servers and for proxies.
    #[must_use]
    pub fn of(response: &Response) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let read = |challenge: Challenge<'_>| OfferedChallenge {
            proxy: challenge.proxy,
            scheme: text(challenge.scheme),
            parameters: challenge
                .params
                .iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .filter(|(name, value)| name.len().max(value.len()) <= SUMMARY_VALUE)
                .map(|(name, value)| (text(name), text(&sip_parse::unquote(value))))
                .take(SUMMARY_PARAMETERS)
                .collect(),
        };
        let challenges = response.challenges().flatten().take(SUMMARY_CHALLENGES);
        Self {
            challenges: challenges.map(read).collect(),
        }
    }

    /// The challenges in the order of the response.
    #[must_use]
    pub fn challenges(&self) -> &[OfferedChallenge] {
        &self.challenges
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.challenges.is_empty()
    }
}

/// Why the client does not answer a challenge.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ChallengeError {
    /// The response is not a 401 or 407, or has no well-formed challenge.
    Missing,
    /// No challenge can be answered: another scheme, unknown algorithms, or a realm for which there
    /// is no secret.
    Unsupported(ChallengeSummary),
    /// The realm refused credentials that were computed with the nonce of its challenge, and does not call it stale: the user name
    /// or the password is wrong (RFC 7616 section 3.3). If it offers another nonce, it has not accepted the same credentials before.
    Rejected {
        /// The realm.
        realm: String,
    },
    /// The realm offered another nonce although its challenge was answered, more often than the policy allows. The password may be
    /// right: the realm calls the nonce stale, or has accepted the same credentials before, so that another server may have made it.
    Unsettled {
        /// The realm.
        realm: String,
    },
    /// The configuration does not allow to answer this realm here, because a peer may have sent the challenge.
    NotAllowed {
        /// The realm.
        realm: String,
    },
    /// More realms challenged the request than the policy allows.
    TooManyRealms,
    /// The credentials would be longer than the policy allows for one request.
    TooLarge,
    /// There is no password.
    NoCredentials,
    /// The application declined to answer.
    Declined,
    /// The application did not answer in time.
    NoAnswer,
    /// The application answered as often as it may for one request, and was challenged again.
    TooManyAnswers,
}

impl ChallengeError {
    /// Whether the same credentials would fail again: the server rejected them, or there are none.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Rejected { .. } | Self::NoCredentials | Self::Declined
        )
    }
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the response holds no challenge"),
            Self::Unsupported(summary) => {
                f.write_str("no challenge can be answered; offered:")?;
                for (place, challenge) in summary.challenges.iter().enumerate() {
                    f.write_str(if place == 0 { " " } else { ", " })?;
                    f.write_str(&challenge.scheme)?;
                    if let Some(algorithm) = challenge.parameter("algorithm") {
                        write!(f, " {algorithm}")?;
                    }
                    if let Some(realm) = challenge.parameter("realm") {
                        write!(f, " for {realm:?}")?;
                    }
                }
                Ok(())
            }
            Self::Rejected { realm } => write!(
                f,
                "the user name or password was rejected; the realm is {realm:?}"
            ),
            Self::Unsettled { realm } => {
                write!(
                    f,
                    "{realm:?} refuses credentials that it accepted before or calls stale, each time with another nonce"
                )
            }
            Self::NotAllowed { realm } => write!(
                f,
                "{realm:?} is not answered here, because a peer may have sent the challenge"
            ),
            Self::TooManyRealms => f.write_str("too many realms ask for credentials"),
            Self::TooLarge => f.write_str("the credentials would be too large"),
            Self::NoCredentials => f.write_str("there is no password"),
            Self::Declined => f.write_str("the application declined to answer"),
            Self::NoAnswer => f.write_str("the application did not answer"),
            Self::TooManyAnswers => f.write_str("the application answered too often"),
        }
    }
}

impl core::error::Error for ChallengeError {}

/// Why an Authentication-Info does not prove that the server knows the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationInfoError {
    /// The header field cannot be read.
    #[error("Authentication-Info cannot be read: {0}")]
    Malformed(#[source] ParseError),
    /// `rspauth` is wrong: the server does not know the secret (RFC 7616 section 3.5).
    #[error("the server does not know the secret: rspauth is wrong")]
    Mismatch,
    /// `rspauth` does not belong to credentials of the request.
    #[error("rspauth answers no credentials of the request")]
    Unverified,
}
