//! A server of event states, as plain as RFC 3903 section 6 allows.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Limits, Message, Request, StatusCode};

use crate::exploration::digest_message;
use crate::time::Timestamp;

/// How the server treats a PUBLISH.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Treatment {
    /// As the RFC says.
    Obey,
    /// 423, with a Min-Expires above what the publisher asks for.
    TooBrief,
    /// 503 with Retry-After.
    Unavailable,
    Forbidden,
}

pub(super) const REFUSALS: [Treatment; 3] = [
    Treatment::TooBrief,
    Treatment::Unavailable,
    Treatment::Forbidden,
];

/// A state that the server keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    pub(super) tag: String,
    pub(super) body: Vec<u8>,
    pub(super) until: Timestamp,
}

#[derive(Clone, Default, Debug)]
pub(super) struct Server {
    pub(super) kept: Vec<Kept>,
    /// The number of entity tags made.
    tags: u8,
    /// The PUBLISHes that were answered, and the responses, for repeats.
    answered: Vec<(Bytes, Bytes)>,
}

impl Server {
    /// Forgets what has expired.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.kept.retain(|kept| now < kept.until);
    }

    /// The response to a PUBLISH; a repeat gets that of the first.
    pub(super) fn answer(&mut self, bytes: &Bytes, how: Treatment, now: Timestamp) -> Bytes {
        self.advance(now);
        let mut answered = self.answered.iter();
        if let Some((_, response)) = answered.find(|(known, _)| known == bytes) {
            return response.clone();
        }
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("ours");
        let request = message.into_request().expect("a request");
        let (status, granted) = match how {
            Treatment::Obey => self.obey(&request, now),
            Treatment::TooBrief => (423, None),
            Treatment::Unavailable => (503, None),
            Treatment::Forbidden => (403, None),
        };
        let status = StatusCode::new(status).expect("a status");
        let mut response = Builder::response_to(&request, status, Some(b"server"));
        match how {
            Treatment::TooBrief => {
                response.append(HeaderName::MinExpires, 900);
            }
            Treatment::Unavailable => {
                response.append(HeaderName::RetryAfter, 30);
            }
            Treatment::Obey | Treatment::Forbidden => {}
        }
        if let Some((tag, expires)) = granted {
            response.append(HeaderName::SipEtag, tag);
            response.append(HeaderName::Expires, expires);
        }
        let response = response.build().expect("a response").bytes().clone();
        self.answered.push((bytes.clone(), response.clone()));
        response
    }

    /// The status, and the entity tag and the duration of a 2xx.
    fn obey(&mut self, request: &Request, now: Timestamp) -> (u16, Option<(String, u32)>) {
        let expires = request.expires().ok().flatten().unwrap_or(600);
        let body = request.body().to_vec();
        let known = match request.sip_if_match() {
            None => None,
            Some(tag) => {
                let mut kept = self.kept.iter();
                let place = kept.position(|kept| kept.tag.as_bytes() == tag);
                let Some(place) = place else {
                    return (412, None);
                };
                Some(self.kept.remove(place))
            }
        };
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        if expires > 0 {
            let body = match known {
                Some(known) if body.is_empty() => known.body,
                _ => body,
            };
            self.kept.push(Kept {
                tag: tag.clone(),
                body,
                until: now + core::time::Duration::from_secs(expires.into()),
            });
        }
        (200, Some((tag, expires)))
    }

    /// What a new connection leaves: no repeat comes from an earlier one.
    pub(super) fn connected(&mut self) {
        self.answered.clear();
    }

    /// Whether the publisher goes on for ever.
    pub(super) const fn is_flooded(&self) -> bool {
        self.tags > 60
    }

    /// The entity tags made, and the PUBLISHes answered.
    pub(super) fn numbers(&self) -> [u64; 2] {
        let answered = self.answered.iter();
        let answered =
            answered.map(|(request, response)| digest_message(request) ^ digest_message(response));
        [self.tags.into(), answered.fold(0, u64::wrapping_add)]
    }
}
