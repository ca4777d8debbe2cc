//! The flags of a call as intents at their times.

use std::collections::VecDeque;
use std::time::Duration;

use crate::arguments::InCall;
use crate::keys::Intent;
use crate::outcome::Failure;

/// What a call does by itself, in order; each time counts from the moment at which the call is up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Script {
    steps: Vec<(Duration, Intent)>,
    /// Whether the program does what a REFER of the peer asks for.
    pub(crate) follows_refers: bool,
}

impl Script {
    /// The script of these flags.
    ///
    /// # Errors
    /// They contradict each other.
    pub(crate) fn new(flags: &InCall) -> Result<Self, Failure> {
        if flags.resume_after < flags.hold_after && flags.resume_after.is_some() {
            let sentence = "--resume-after: the hold begins later, at --hold-after";
            return Err(Failure::Usage(sentence.to_owned()));
        }
        let mut steps = Vec::new();
        let mut add = |after: Option<u64>, intent| {
            steps.extend(after.map(|seconds| (Duration::from_secs(seconds), intent)));
        };
        add(flags.hold_after, Intent::Hold);
        add(flags.resume_after, Intent::Resume);
        add(flags.hangup_after, Intent::HangUp);
        if let Some(tones) = flags.dtmf.clone() {
            let tones = tones.format(flags.dtmf_format.into());
            steps.push((Duration::ZERO, Intent::Tones(tones)));
        }
        if let Some(target) = flags.transfer.clone() {
            let transfer = match flags.attended {
                true => Intent::Consult(target),
                false => Intent::Transfer(target),
            };
            steps.push((Duration::from_secs(flags.transfer_after), transfer));
        }
        // A stable sort, and hanging up is the last of what is due at the same time.
        steps.sort_by_key(|(at, intent)| (*at, *intent == Intent::HangUp));
        Ok(Self {
            steps,
            follows_refers: flags.follow_refer,
        })
    }

    /// The steps for a call that is up since `start`.
    pub(crate) fn steps<T>(&self, start: T) -> VecDeque<(T, Intent)>
    where
        T: Copy + std::ops::Add<Duration, Output = T>,
    {
        let steps = self.steps.iter().cloned();
        steps
            .map(|(after, intent)| (start + after, intent))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use sip_core::Tones;

    use super::*;

    #[test]
    fn the_flags_come_in_the_order_of_their_times() {
        let tones = Tones::new("1#").unwrap();
        let flags = InCall {
            hold_after: Some(1),
            resume_after: Some(1),
            dtmf: Some(tones.clone()),
            hangup_after: Some(0),
            transfer: Some("carol".to_owned()),
            transfer_after: 2,
            ..InCall::default()
        };
        let steps: Vec<_> = Script::new(&flags).unwrap().steps(Duration::ZERO).into();
        let millis = Duration::from_millis;
        assert_eq!(
            steps,
            [
                (millis(0), Intent::Tones(tones)),
                (millis(0), Intent::HangUp),
                (millis(1000), Intent::Hold),
                (millis(1000), Intent::Resume),
                (millis(2000), Intent::Transfer("carol".to_owned())),
            ]
        );
        let none = Script::new(&InCall::default()).unwrap();
        assert!(none.steps(Duration::ZERO).is_empty());
    }
}
