//! The published states of the users: the event state compositor (RFC 3903 section 6), which knows no message.
//!
//! What [`Publications::step`] does with a PUBLISH; `*` stands for any value. The first row that fits counts, because RFC 3903
//! section 6 has the checks in this order. A brief lifetime is one below the minimum, other than 0.
//!
//! | SIP-If-Match | lifetime | body       | does                                                       |
//! |--------------|----------|------------|------------------------------------------------------------|
//! | unknown      | *        | *          | refuses: the tag is unknown or its publication has expired |
//! | *            | brief    | *          | refuses: the lifetime is too brief                         |
//! | *            | *        | unreadable | refuses: the body                                          |
//! | none         | *        | none       | refuses: there is no state to publish                      |
//! | none         | 0        | state      | keeps nothing                                              |
//! | none         | long     | state      | publishes                                                  |
//! | known        | 0        | *          | removes                                                    |
//! | known        | long     | none       | refreshes                                                  |
//! | known        | long     | state      | modifies                                                   |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use sip_core::Timestamp;

/// The state that one device of a user has published.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    /// The document, as published.
    pub(crate) state: Bytes,
    tag: String,
    expires_at: Timestamp,
}

/// The body of a PUBLISH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PublishedBody<E> {
    None,
    State(Bytes),
    /// It cannot be read, for this reason.
    Unreadable(E),
}

/// A PUBLISH as the compositor sees it.
#[derive(Clone, Debug)]
pub(crate) struct Publish<'a, E> {
    /// SIP-If-Match.
    pub(crate) tag: Option<&'a [u8]>,
    /// Expires; a compositor chooses the lifetime of one without (RFC 3903 section 6 step 4).
    pub(crate) lifetime: Option<Duration>,
    pub(crate) body: PublishedBody<E>,
}

/// What the compositor grants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicationRules {
    pub(crate) shortest: Duration,
    pub(crate) longest: Duration,
    /// The lifetime of a PUBLISH without Expires.
    pub(crate) usual: Duration,
    /// Publications of one user.
    pub(crate) most: usize,
}

/// What an accepted PUBLISH has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PublishEffect {
    /// There is one publication more.
    Published,
    /// A publication lasts longer.
    Refreshed,
    /// A publication has another state.
    Modified,
    /// There is one publication less.
    Removed,
    /// A lifetime of 0 has left nothing to keep.
    Nothing,
}

/// Why the compositor has refused a PUBLISH and changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PublishError<E> {
    /// No publication of the user has this tag.
    UnknownTag,
    TooBrief,
    Unreadable(E),
    /// An initial PUBLISH without a body.
    NoState,
    TooMany,
}

/// The publications of all users.
#[derive(Default)]
pub(crate) struct Publications {
    /// The newest last.
    users: BTreeMap<String, Vec<Publication>>,
    deadlines: BTreeSet<(Timestamp, String, String)>,
}

impl Publications {
    /// Carries out a PUBLISH of a user; see the table of this file. `fresh` is the entity tag of the publication from now on.
    /// Returns what it has done and the granted lifetime.
    pub(crate) fn step<E>(
        &mut self,
        user: &str,
        publish: Publish<'_, E>,
        fresh: String,
        rules: PublicationRules,
        now: Timestamp,
    ) -> Result<(PublishEffect, Duration), PublishError<E>> {
        let place = match publish.tag {
            None => None,
            Some(tag) => Some(self.find(user, tag, now).ok_or(PublishError::UnknownTag)?),
        };
        let lifetime = publish.lifetime.unwrap_or(rules.usual).min(rules.longest);
        if !lifetime.is_zero() && lifetime < rules.shortest {
            return Err(PublishError::TooBrief);
        }
        let state = match publish.body {
            PublishedBody::None => None,
            PublishedBody::State(state) => Some(state),
            PublishedBody::Unreadable(fault) => return Err(PublishError::Unreadable(fault)),
        };
        let effect = match (place, lifetime.is_zero(), state) {
            (None, _, None) => return Err(PublishError::NoState),
            (None, true, Some(_)) => PublishEffect::Nothing,
            (None, false, Some(state)) => {
                if self.of(user, now).count() >= rules.most {
                    return Err(PublishError::TooMany);
                }
                self.put(user, state, fresh, now + lifetime);
                PublishEffect::Published
            }
            (Some(place), true, _) => {
                self.take(user, place);
                PublishEffect::Removed
            }
            (Some(place), false, None) => {
                if let Some(old) = self.take(user, place) {
                    self.put(user, old.state, fresh, now + lifetime);
                }
                PublishEffect::Refreshed
            }
            (Some(place), false, Some(state)) => {
                self.take(user, place);
                self.put(user, state, fresh, now + lifetime);
                PublishEffect::Modified
            }
        };
        Ok((effect, lifetime))
    }

    /// The publications of a user that have not expired, the newest first: a refresh makes one the newest, too.
    pub(crate) fn of(&self, user: &str, now: Timestamp) -> impl Iterator<Item = &Publication> {
        let all = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .rev()
            .filter(move |publication| publication.expires_at > now)
    }

    /// When the next publication expires.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, ..)| *at)
    }

    /// Removes one publication that has expired by `now`; returns its user.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Option<String> {
        let (at, user, tag) = self.deadlines.first()?;
        if *at > now {
            return None;
        }
        let (user, tag) = (user.clone(), tag.clone());
        self.deadlines.pop_first();
        let all = self.users.get(&user)?;
        let place = all.iter().position(|publication| publication.tag == tag)?;
        self.take(&user, place);
        Some(user)
    }

    fn find(&self, user: &str, tag: &[u8], now: Timestamp) -> Option<usize> {
        let all = self.users.get(user)?;
        all.iter().position(|publication| {
            publication.tag.as_bytes() == tag && publication.expires_at > now
        })
    }

    fn put(&mut self, user: &str, state: Bytes, tag: String, expires_at: Timestamp) {
        self.deadlines
            .insert((expires_at, user.to_owned(), tag.clone()));
        let publication = Publication {
            state,
            tag,
            expires_at,
        };
        self.users
            .entry(user.to_owned())
            .or_default()
            .push(publication);
    }

    fn take(&mut self, user: &str, place: usize) -> Option<Publication> {
        let all = self.users.get_mut(user)?;
        let taken = all.remove(place);
        if all.is_empty() {
            self.users.remove(user);
        }
        let deadline = (taken.expires_at, user.to_owned(), taken.tag.clone());
        self.deadlines.remove(&deadline);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PublicationRules = PublicationRules {
        shortest: Duration::from_secs(60),
        longest: Duration::from_secs(3600),
        usual: Duration::from_secs(1800),
        most: 2,
    };
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    type Stepped = Result<(PublishEffect, Duration), PublishError<()>>;

    fn publish(
        all: &mut Publications,
        tag: &str,
        seconds: u64,
        body: &str,
        fresh: &str,
    ) -> Stepped {
        let body = match body {
            "none" => PublishedBody::None,
            "unreadable" => PublishedBody::Unreadable(()),
            state => PublishedBody::State(Bytes::copy_from_slice(state.as_bytes())),
        };
        let publish = Publish {
            tag: (tag != "none").then_some(tag.as_bytes()),
            lifetime: Some(Duration::from_secs(seconds)),
            body,
        };
        all.step("bob", publish, fresh.to_owned(), RULES, NOW)
    }

    fn one() -> Publications {
        let mut all = Publications::default();
        publish(&mut all, "none", 600, "first", "known").unwrap();
        all
    }

    fn states(all: &Publications, now: Timestamp) -> Vec<&[u8]> {
        all.of("bob", now).map(|each| &each.state[..]).collect()
    }

    /// The texts of the column `does`.
    fn text(stepped: Stepped) -> &'static str {
        match stepped {
            Ok((PublishEffect::Published, _)) => "publishes",
            Ok((PublishEffect::Refreshed, _)) => "refreshes",
            Ok((PublishEffect::Modified, _)) => "modifies",
            Ok((PublishEffect::Removed, _)) => "removes",
            Ok((PublishEffect::Nothing, _)) => "keeps nothing",
            Err(PublishError::UnknownTag) => {
                "refuses: the tag is unknown or its publication has expired"
            }
            Err(PublishError::TooBrief) => "refuses: the lifetime is too brief",
            Err(PublishError::Unreadable(())) => "refuses: the body",
            Err(PublishError::NoState) => "refuses: there is no state to publish",
            Err(PublishError::TooMany) => "refuses: too many",
        }
    }

    /// RFC 3903 section 6: the table in the documentation of this file says what `step` does, for every input.
    #[test]
    fn rfc3903_6_the_table_of_the_compositor() {
        let rows: Vec<[&str; 4]> = include_str!("publications.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | "))
            .map(|line| {
                let mut cells = line.trim_end_matches('|').split('|').map(str::trim);
                [(); 4].map(|()| cells.next().expect("a cell"))
            })
            .filter(|row| row[0] != "SIP-If-Match")
            .collect();
        let mut used = vec![false; rows.len()];
        for tag in ["none", "known", "unknown"] {
            for lifetime in ["0", "brief", "long"] {
                for body in ["none", "state", "unreadable"] {
                    let fits = |row: &[&str; 4]| {
                        let pairs = [tag, lifetime, body].into_iter().zip(row);
                        pairs
                            .into_iter()
                            .all(|(value, cell)| *cell == "*" || *cell == value)
                    };
                    let place = rows.iter().position(fits).expect("a row");
                    used[place] = true;
                    let seconds = match lifetime {
                        "0" => 0,
                        "brief" => 59,
                        _ => 60,
                    };
                    let stepped = publish(&mut one(), tag, seconds, body, "fresh");
                    assert_eq!(text(stepped), rows[place][3], "{tag} {lifetime} {body}");
                }
            }
        }
        assert_eq!(used, [true; 9]);
    }

    /// RFC 3903 section 6: after each step the old tag is unknown and the new one is known.
    #[test]
    fn rfc3903_6_each_success_has_a_new_tag() {
        let mut all = one();
        let long = Duration::from_secs(3600);
        let refreshed = publish(&mut all, "known", 1_000_000, "none", "second");
        assert_eq!(refreshed, Ok((PublishEffect::Refreshed, long)));
        assert_eq!(states(&all, NOW), [b"first"]);
        let late = publish(&mut all, "known", 600, "none", "third");
        assert_eq!(late, Err(PublishError::UnknownTag));
        publish(&mut all, "second", 600, "another", "third").unwrap();
        assert_eq!(states(&all, NOW), [b"another"]);
        publish(&mut all, "third", 0, "none", "fourth").unwrap();
        let removed = publish(&mut all, "fourth", 600, "none", "fifth");
        assert_eq!(removed, Err(PublishError::UnknownTag));
        assert!(states(&all, NOW).is_empty());
        assert_eq!(all.next_expiry(), None);
    }

    #[test]
    fn the_newest_comes_first_and_expired_ones_do_not_count() {
        let mut all = one();
        publish(&mut all, "none", 60, "second", "other").unwrap();
        let third = publish(&mut all, "none", 600, "third", "more");
        assert_eq!(third, Err(PublishError::TooMany));
        assert_eq!(states(&all, NOW), [&b"second"[..], b"first"]);
        publish(&mut all, "known", 600, "none", "known").unwrap();
        assert_eq!(states(&all, NOW), [&b"first"[..], b"second"]);
        let later = NOW + Duration::from_secs(60);
        assert_eq!(all.next_expiry(), Some(later));
        assert_eq!(states(&all, later), [b"first"]);
        assert_eq!(all.expire(NOW), None);
        assert_eq!(all.expire(later).as_deref(), Some("bob"));
        assert_eq!(all.expire(later), None);
        // The tags of one user say nothing about another.
        let body = PublishedBody::<()>::None;
        let publish = Publish {
            tag: Some(b"known"),
            lifetime: None,
            body,
        };
        let stepped = all.step("alice", publish, "fresh".to_owned(), RULES, NOW);
        assert_eq!(stepped, Err(PublishError::UnknownTag));
    }
}
