//! Session timers (RFC 4028): which side refreshes a call, when it does so, and when a call without a refresh is over.
//!
//! | state | input | does | next |
//! |-------|-------|------|------|
//! | Off, Ours, Overdue, Theirs | 1800 s for us | refresh after 900 s, expire after 1800 s | Ours |
//! | Off, Ours, Overdue, Theirs | 90 s for us | refresh after 45 s, expire after 90 s | Ours |
//! | Off, Ours, Overdue, Theirs | 1800 s for the peer | expire after 1768 s | Theirs |
//! | Off, Ours, Overdue, Theirs | 90 s for the peer | expire after 60 s | Theirs |
//! | Off, Ours, Overdue, Theirs | no timer |  | Off |
//! | Ours, Overdue | due 900 s before the end | refresh after 450 s, refresh | Overdue |
//! | Ours, Overdue | due 15 s before the end | refresh after 10 s, refresh | Overdue |
//! | Ours, Overdue | due 8 s before the end | refresh | Overdue |
//! | Ours, Overdue | due at the end | end | Off |
//! | Overdue | connection | refresh | Overdue |
//! | Ours, Overdue, Theirs | expired | end | Off |
//!
//! What is not listed changes nothing. A time `for us` is one of a 2xx that makes this side the refresher; each 2xx to an
//! INVITE, a re-INVITE or an UPDATE, of either side, begins the session anew, and one without Session-Expires ends the
//! timers (section 7.2). A refresh that fails is repeated after half of the time that is left, because the status may
//! concern this request alone (section 10); 408, 481 and silence end the call by RFC 5057 before that. The side that does
//! not refresh ends the call `min(32 s, a third)` before the session expires, so that the BYE arrives in time.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use sip_parse::{HeaderName, Message, Refresher, Request, Response, SessionExpires, StatusCode};
use smallvec::SmallVec;

use crate::config::SessionRefresher;
use crate::dialog::DialogSetId;
use crate::endpoint::Endpoint;
use crate::time::Timestamp;
use crate::transaction::ServerTransactionId;

/// The shortest session interval, in seconds (RFC 4028 section 5).
const SHORTEST: u32 = 90;

/// The recommended session interval, in seconds (RFC 4028 section 4): that of a call whose INVITE asked for none and got 422.
const RECOMMENDED: u32 = 1_800;

/// A 422 raises the interval of a call this often, because two proxies that take turns would otherwise go on without end.
const MOST_RAISES: u8 = 4;

/// A failed refresh is not repeated sooner.
const SHORTEST_RETRY: Duration = Duration::from_secs(10);

/// The side that does not refresh ends the call this long before the session expires, or a third of the interval (RFC 4028
/// section 10).
const MARGIN: u32 = 32;

/// What the endpoint wants of session timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerPolicy {
    /// The interval to ask for, in seconds; `None`: timers only if the peer or a proxy asks.
    interval: Option<u32>,
    /// The shortest interval that this side accepts, in seconds.
    min_se: u32,
    refresher: SessionRefresher,
}

impl TimerPolicy {
    /// The policy of an endpoint; `None` if its Supported does not list `timer`.
    pub(crate) fn of(endpoint: &Endpoint) -> Option<Self> {
        let behaviour = endpoint.behaviour();
        endpoint.supports(b"timer").then(|| Self {
            interval: behaviour.session_expires.map(whole_seconds),
            min_se: whole_seconds(behaviour.min_se).max(SHORTEST),
            refresher: behaviour.session_refresher,
        })
    }
}

fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Where the session timer of a call stands; the intervals are in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timing {
    /// The session does not expire.
    Off,
    /// This side refreshes.
    Ours(u32),
    /// As `Ours`; the refresh was due and has not succeeded yet.
    Overdue(u32),
    /// The peer refreshes.
    Theirs(u32),
}

/// The inputs of a session timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimingInput {
    /// A 2xx: the interval in seconds, and whether this side refreshes.
    Agreed(u32, bool),
    /// A 2xx without Session-Expires.
    NotAgreed,
    /// The refresh is due, with so much left of the session.
    Due(Duration),
    /// A connection is available.
    Connected,
    /// The session has expired.
    Expired,
}

/// The effects of a session timer. `Agreed` and `NotAgreed` stop both timers first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimingEffect {
    /// The refresh is due after this time.
    RefreshAfter(Duration),
    /// The session expires after this time.
    ExpireAfter(Duration),
    /// This side refreshes now.
    Refresh,
    /// The call is over.
    End,
}

/// The effects of one step.
pub(crate) type TimingEffects = SmallVec<[TimingEffect; 2]>;

impl Timing {
    /// Takes one input.
    pub(crate) fn step(self, input: TimingInput, effects: &mut TimingEffects) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        match (self, input) {
            (_, TimingInput::Agreed(interval, true)) => {
                effects.push(TimingEffect::RefreshAfter(seconds(interval / 2)));
                effects.push(TimingEffect::ExpireAfter(seconds(interval)));
                Self::Ours(interval)
            }
            (_, TimingInput::Agreed(interval, false)) => {
                let margin = MARGIN.min(interval / 3);
                effects.push(TimingEffect::ExpireAfter(seconds(interval - margin)));
                Self::Theirs(interval)
            }
            (_, TimingInput::NotAgreed) => Self::Off,
            (Self::Ours(_) | Self::Overdue(_), TimingInput::Due(Duration::ZERO))
            | (Self::Ours(_) | Self::Overdue(_) | Self::Theirs(_), TimingInput::Expired) => {
                effects.push(TimingEffect::End);
                Self::Off
            }
            (Self::Ours(interval) | Self::Overdue(interval), TimingInput::Due(rest)) => {
                if rest > SHORTEST_RETRY {
                    let retry = (rest / 2).max(SHORTEST_RETRY);
                    effects.push(TimingEffect::RefreshAfter(retry));
                }
                effects.push(TimingEffect::Refresh);
                Self::Overdue(interval)
            }
            (Self::Overdue(_), TimingInput::Connected) => {
                effects.push(TimingEffect::Refresh);
                self
            }
            _ => self,
        }
    }
}

/// The session timer of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refresh {
    pub(crate) timing: Timing,
    /// When the session expires.
    expires: Timestamp,
    /// The largest Min-SE that the call has seen, in seconds; 0 before the first.
    min_se: u32,
    /// How often a 422 has raised the interval.
    raises: u8,
}

/// The header fields of session timers in a request or a 2xx.
#[derive(Default, Debug)]
pub(crate) struct TimerFields {
    session_expires: Option<String>,
    min_se: Option<String>,
    require: bool,
}

/// The fields of a message by name and value.
pub(crate) type OwnFields<'a> = SmallVec<[(HeaderName<'static>, &'a str); 3]>;

impl TimerFields {
    /// The fields by name and value.
    pub(crate) fn own(&self) -> OwnFields<'_> {
        let fields = [
            (HeaderName::Require, self.require.then_some("timer")),
            (HeaderName::SessionExpires, self.session_expires.as_deref()),
            (HeaderName::MinSe, self.min_se.as_deref()),
        ];
        let fields = fields.into_iter();
        fields
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

impl Refresh {
    pub(crate) const fn new() -> Self {
        Self {
            timing: Timing::Off,
            expires: Timestamp::ZERO,
            min_se: 0,
            raises: 0,
        }
    }

    /// Records when the session expires.
    pub(crate) fn expire_at(&mut self, at: Timestamp) {
        self.expires = at;
    }

    /// What is left of the session.
    pub(crate) fn rest(&self, now: Timestamp) -> Duration {
        self.expires.saturating_since(now)
    }

    /// Takes the Min-SE of a request of the peer, below which no later request of the call may go (RFC 4028 section 7.4).
    pub(crate) fn read(&mut self, request: &Request) {
        self.min_se = self.min_se.max(min_se_of(request));
    }

    /// The fields of an INVITE, a re-INVITE or an UPDATE of this side (RFC 4028 sections 7.1 and 7.4). The role of the
    /// refresher stays as it is.
    pub(crate) fn of_request(&self, policy: TimerPolicy) -> TimerFields {
        let least = policy.min_se.max(self.min_se);
        let (interval, refresher) = match self.timing {
            Timing::Ours(interval) | Timing::Overdue(interval) => {
                (Some(interval), SessionRefresher::Uac)
            }
            Timing::Theirs(interval) => (Some(interval), SessionRefresher::Uas),
            Timing::Off => {
                let asked = policy.interval;
                let raised = (self.raises > 0).then_some(RECOMMENDED);
                (asked.or(raised), policy.refresher)
            }
        };
        let parameter = match refresher {
            SessionRefresher::Auto => "",
            SessionRefresher::Uac => ";refresher=uac",
            SessionRefresher::Uas => ";refresher=uas",
        };
        TimerFields {
            session_expires: interval.map(|interval| format!("{}{parameter}", interval.max(least))),
            min_se: (least > SHORTEST || self.raises > 0).then(|| format!("{least}")),
            require: false,
        }
    }

    /// Takes a 422 of the peer (RFC 4028 section 7.3); whether the request is to be sent again with
    /// [`of_request`](Self::of_request). A Min-SE that the request already had ends the attempts.
    pub(crate) fn raise(&mut self, request: &Request, response: &Response) -> bool {
        let least = min_se_of(response);
        let asked = request.session_expires().ok().flatten();
        let asked = asked.map_or(0, |asked| asked.seconds);
        if self.raises == MOST_RAISES || least <= asked.max(min_se_of(request)) {
            return false;
        }
        self.raises += 1;
        self.min_se = self.min_se.max(least);
        true
    }

    /// What a 2xx of the peer agrees on (RFC 4028 section 7.2). A 2xx that names no refresher makes this side the refresher,
    /// because a refresh too many does no harm, and one too few ends the call.
    pub(crate) fn agreed(response: &Response) -> TimingInput {
        match response.session_expires() {
            Ok(Some(SessionExpires {
                seconds, refresher, ..
            })) => TimingInput::Agreed(seconds.max(SHORTEST), refresher != Some(Refresher::Uas)),
            _ => TimingInput::NotAgreed,
        }
    }

    /// What this side agrees on in the 2xx to a request of the peer, and its fields (RFC 4028 section 9).
    pub(crate) fn answer(
        &self,
        policy: TimerPolicy,
        request: &Request,
    ) -> (TimingInput, TimerFields) {
        let asked = request.session_expires().ok().flatten();
        let supports = supports_timer(request);
        let least = policy.min_se.max(min_se_of(request));
        let interval = match (asked, policy.interval) {
            // Only a proxy asks for a peer that does not support timers, and it may not be refused.
            (Some(asked), _) if !supports => Some(asked.seconds),
            (Some(asked), wanted) => {
                let wanted = wanted.map_or(asked.seconds, |wanted| wanted.max(least));
                Some(asked.seconds.min(wanted))
            }
            (None, Some(wanted)) if supports => Some(match self.timing {
                Timing::Off => wanted.max(least),
                Timing::Ours(interval) | Timing::Overdue(interval) | Timing::Theirs(interval) => {
                    interval.max(least)
                }
            }),
            (None, _) => None,
        };
        // An interval below the minimum must neither be raised nor accepted.
        let Some(interval) = interval.filter(|interval| *interval >= SHORTEST) else {
            return (TimingInput::NotAgreed, TimerFields::default());
        };
        let named = asked.and_then(|asked| asked.refresher);
        let ours = !supports
            || match (named, self.timing) {
                (Some(named), _) => named == Refresher::Uas,
                (None, Timing::Ours(_) | Timing::Overdue(_)) => true,
                (None, Timing::Theirs(_)) => false,
                // The side that asks refreshes, unless the configuration says otherwise.
                (None, Timing::Off) => match policy.refresher {
                    SessionRefresher::Uac => false,
                    SessionRefresher::Uas => true,
                    SessionRefresher::Auto => asked.is_none(),
                },
            };
        let refresher = if ours { "uas" } else { "uac" };
        let fields = TimerFields {
            session_expires: Some(format!("{interval};refresher={refresher}")),
            min_se: None,
            require: supports,
        };
        (TimingInput::Agreed(interval, ours), fields)
    }
}

/// Refuses a request whose session interval is too short by 422 with the shortest one as Min-SE (RFC 4028 section 9); false if
/// it is not. `set` is that of a request within a call. A peer that does not support timers is not refused, because it could
/// not raise the interval of its proxy.
pub(crate) fn refuse_interval(
    endpoint: &mut Endpoint,
    set: Option<DialogSetId>,
    transaction: ServerTransactionId,
    request: &Request,
) -> bool {
    let Some(policy) = TimerPolicy::of(endpoint) else {
        return false;
    };
    let asked = request.session_expires().ok().flatten();
    let asked = asked.map_or(u32::MAX, |asked| asked.seconds);
    let refused = asked < policy.min_se && supports_timer(request);
    if refused {
        let least = format!("{}", policy.min_se);
        let headers = [(HeaderName::MinSe, least.as_str())];
        let status = StatusCode::SESSION_INTERVAL_TOO_SMALL;
        match set {
            Some(_) => endpoint.answer_from(set, transaction, status, &headers),
            None => {
                let why = "the session interval is below minSe";
                endpoint.refuse(transaction, status, why, &headers);
            }
        }
    }
    refused
}

fn supports_timer(request: &Request) -> bool {
    let tags = request.supported().chain(request.require());
    tags.into_iter()
        .any(|tag| tag.eq_ignore_ascii_case(b"timer"))
}

/// The Min-SE of a message, in seconds; 0 if it has none.
fn min_se_of(message: &Message) -> u32 {
    message.min_se().ok().flatten().unwrap_or(0)
}
