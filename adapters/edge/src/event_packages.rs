//! The event packages that the edge serves: who may subscribe to what (RFC 6665), PUBLISH (RFC 3903 section 6), and the
//! documents of each package.

use std::time::Duration;

use bytes::Bytes;
use sip_core::{Body, ConnectionId, IncomingSubscriptionId, Timestamp};
use sip_parse::{HeaderName, MediaType, Request, StatusCode};

use crate::documents::{self, Contact};
use crate::edge::{Edge, MessagesWaiting, Refusal};
use crate::event::{EdgeEvent, EventPackage};
use crate::publications::{PublicationRules, Publish, PublishEffect, PublishError, PublishedBody};
use crate::registrar::refuse_unknown;
use crate::watchers::{Outcome, Resource};

/// The lifetime of a publication whose PUBLISH has no Expires (RFC 3903 section 6 step 4).
const USUAL_LIFETIME: Duration = Duration::from_secs(3600);

impl Edge {
    /// Sets how many messages wait for a user, and reports it to those that watch `message-summary` (RFC 3842). Returns
    /// whether there is such a user.
    pub fn set_messages_waiting(&mut self, user: &str, new: u32, old: u32, now: Timestamp) -> bool {
        if self.config.password(user).is_none() {
            return false;
        }
        let now = self.advance(now);
        self.messages
            .insert(user.to_owned(), MessagesWaiting { new, old });
        self.watchers
            .changed(EventPackage::MessageSummary, user, now);
        self.drain(now);
        true
    }

    /// The number of publications of a user now.
    #[must_use]
    pub fn publications(&self, user: &str) -> usize {
        self.publications.of(user, self.now()).count()
    }

    /// The number of subscriptions that the edge serves now.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.watchers.len()
    }

    /// Whether the edge serves this package.
    pub(crate) fn serves(&self, package: EventPackage) -> bool {
        self.config.event_packages.contains(&package)
    }

    /// The package of a request, if the edge serves it.
    pub(crate) fn served_package(&self, request: &Request) -> Option<EventPackage> {
        let event = request.event().ok().flatten()?;
        EventPackage::read(event.package).filter(|package| self.serves(*package))
    }

    /// Whether `subscriber`, which has proven who it is, may subscribe to a package of `user` (RFC 6665 section 4.2.1.3).
    pub(crate) fn may_subscribe(
        &self,
        subscriber: Option<&str>,
        user: &str,
        package: EventPackage,
        request: &Request,
    ) -> Result<(), Refusal> {
        let subscriber = subscriber.ok_or(StatusCode::FORBIDDEN)?;
        if package != EventPackage::Presence && subscriber != user {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let wanted = package.media_type();
        if request.has(HeaderName::Accept) && !accepts(request, wanted) {
            return Err(Refusal {
                status: StatusCode::NOT_ACCEPTABLE,
                headers: vec![(HeaderName::Accept, wanted.to_owned())],
            });
        }
        if self.watchers.count(subscriber) >= self.config.limits.subscriptions_per_user {
            return Err(StatusCode::FORBIDDEN.into());
        }
        if self.watchers.len() >= self.config.limits.subscriptions {
            return Err(StatusCode::SERVICE_UNAVAILABLE.into());
        }
        Ok(())
    }

    /// Carries out a PUBLISH; returns the header fields of its 200 (RFC 3903 section 6).
    pub(crate) fn publish(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName<'static>, String)>, Refusal> {
        refuse_unknown(request, HeaderName::Require, &[])?;
        let username = self.authenticate(connection, request, false, now)?;
        let uri = request.uri()?;
        let user = self
            .domain
            .user(&uri)
            .filter(|user| self.config.password(user).is_some());
        let user = user.ok_or(StatusCode::NOT_FOUND)?;
        let from = self.domain.user(request.from()?.uri());
        // A user publishes its own state only.
        if user != username || from.as_deref() != Some(username.as_str()) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let package = request.event()?.map(|event| event.package);
        if package.and_then(EventPackage::read) != Some(EventPackage::Presence) {
            let presence = EventPackage::Presence.as_str().to_owned();
            return Err(Refusal {
                status: StatusCode::BAD_EVENT,
                headers: vec![(HeaderName::AllowEvents, presence)],
            });
        }
        if request.headers_named(HeaderName::SipIfMatch).count() > 1 {
            return Err(StatusCode::BAD_REQUEST.into());
        }
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let publish = Publish {
            tag: request.sip_if_match(),
            lifetime: request.expires()?.map(seconds),
            body: self.published_body(request),
        };
        let longest = self.config.max_expires;
        let rules = PublicationRules {
            shortest: self.config.min_expires,
            longest,
            usual: USUAL_LIFETIME.min(longest),
            most: self.config.limits.publications_per_user,
        };
        let mut bits = [0; 16];
        self.layer.rng().fill_bytes(&mut bits);
        let tag = format!("{:032x}", u128::from_be_bytes(bits));
        let stepped = self
            .publications
            .step(&user, publish, tag.clone(), rules, now);
        let (effect, lifetime) = stepped.map_err(|error| self.refuse_publish(error))?;
        self.counters.published += 1;
        if effect != PublishEffect::Nothing {
            self.on_published(user, now);
        }
        Ok(vec![
            (HeaderName::SipEtag, tag),
            (HeaderName::Expires, lifetime.as_secs().to_string()),
        ])
    }

    /// The publications of a user are others than before.
    pub(crate) fn on_published(&mut self, user: String, now: Timestamp) {
        self.watchers.changed(EventPackage::Presence, &user, now);
        let publications = self.publications.of(&user, now).count();
        self.event(EdgeEvent::Published { user, publications });
    }

    /// Carries out what the notifier wants, and sends it the states that are due. Returns whether there was anything.
    pub(crate) fn drain_watchers(&mut self, now: Timestamp) -> bool {
        let mut worked = false;
        while let Some(outcome) = self.watchers.poll() {
            worked = true;
            match outcome {
                Outcome::Transmit(bytes) => {
                    // Every input empties the queue of the layer, so that it has room.
                    if self.layer.receive(self.notifier, bytes, now).is_err() {
                        self.counters.dropped += 1;
                    }
                    return true;
                }
                Outcome::Subscribes {
                    id,
                    package,
                    request,
                } => self.on_subscribe(id, package, &request, now),
                Outcome::Ended(watcher) => {
                    self.counters.unsubscribed += 1;
                    self.event(EdgeEvent::Unsubscribed {
                        subscriber: watcher.subscriber,
                        user: watcher.resource.user,
                        package: watcher.resource.package,
                    });
                }
            }
        }
        while let Some(watcher) = self.watchers.next_due(now) {
            worked = true;
            let (id, version) = (watcher.id(), watcher.version);
            let resource = watcher.resource.clone();
            let document = self.document(&resource, version, now);
            if self.watchers.notify(id, document, now) {
                self.counters.notified += 1;
            }
        }
        worked
    }

    /// A SUBSCRIBE that the proxy has let through: [`Edge::may_subscribe`]. It has not asked whether one within a dialog is allowed,
    /// so that none begins a further subscription there (RFC 6665 section 4.5.2).
    fn on_subscribe(
        &mut self,
        id: IncomingSubscriptionId,
        package: EventPackage,
        request: &Request,
        now: Timestamp,
    ) {
        if request.to().is_ok_and(|to| to.tag().is_some()) {
            return self.watchers.reject(id);
        }
        let user = request.uri().ok().and_then(|uri| self.domain.user(&uri));
        let from = request.from().ok();
        let subscriber = from.and_then(|from| self.domain.user(from.uri()));
        let (Some(user), Some(subscriber)) = (user, subscriber) else {
            return self.watchers.reject(id);
        };
        let resource = Resource { package, user };
        let document = self.document(&resource, 0, now);
        let event = EdgeEvent::Subscribed {
            subscriber: subscriber.clone(),
            user: resource.user.clone(),
            package,
        };
        if self
            .watchers
            .accept(id, resource, subscriber, document, now)
        {
            self.counters.subscribed += 1;
            self.counters.notified += 1;
            self.event(event);
        }
    }

    /// The document about a resource.
    fn document(&self, resource: &Resource, version: u32, now: Timestamp) -> Body {
        let user = resource.user.as_str();
        let address = documents::address_of_record(user, &self.config.realm);
        match resource.package {
            EventPackage::Presence => {
                let published = self.publications.of(user, now);
                let published: Vec<&Bytes> = published.map(|each| &each.state).collect();
                let is_registered = self.location.bindings(user).next().is_some();
                // The other half is for the head.
                let message = self.config.limits.message;
                let longest = message.body.min(message.message / 2);
                documents::presence(&address, is_registered, &published, longest)
            }
            EventPackage::MessageSummary => {
                let waiting = self.messages.get(user).copied().unwrap_or_default();
                let texts = self.mailbox.len(user);
                documents::message_summary(&address, waiting.new, waiting.old, texts)
            }
            EventPackage::Reg => {
                let contacts = self.location.bindings(user).map(|binding| Contact {
                    id: binding.number,
                    uri: binding.contact.to_string(),
                    expires: binding.remaining(now),
                    is_refreshed: binding.is_refreshed,
                });
                documents::reg(&address, version, contacts)
            }
        }
    }

    /// The body of a PUBLISH, if it is a document that the edge can compose.
    fn published_body(&self, request: &Request) -> PublishedBody<Refusal> {
        let body = request.body();
        if body.is_empty() {
            return PublishedBody::None;
        }
        let media_type = EventPackage::Presence.media_type();
        let is_read = request
            .content_type()
            .is_ok_and(|media| media.is_some_and(|media| is(&media, media_type)));
        if !is_read {
            return PublishedBody::Unreadable(Refusal {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                headers: vec![(HeaderName::Accept, media_type.to_owned())],
            });
        }
        let mut codings = request.content_encoding();
        if codings.any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return PublishedBody::Unreadable(Refusal {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                headers: vec![(HeaderName::AcceptEncoding, "identity".to_owned())],
            });
        }
        if body.len() > self.config.limits.publication_bytes {
            return PublishedBody::Unreadable(StatusCode::REQUEST_ENTITY_TOO_LARGE.into());
        }
        let body = Bytes::copy_from_slice(body);
        if !documents::is_presence(&body) {
            return PublishedBody::Unreadable(StatusCode::BAD_REQUEST.into());
        }
        PublishedBody::State(body)
    }

    fn refuse_publish(&self, error: PublishError<Refusal>) -> Refusal {
        match error {
            PublishError::UnknownTag => StatusCode::CONDITIONAL_REQUEST_FAILED.into(),
            PublishError::TooBrief => {
                let seconds = self.config.min_expires.as_secs();
                Refusal {
                    status: StatusCode::INTERVAL_TOO_BRIEF,
                    headers: vec![(HeaderName::MinExpires, seconds.to_string())],
                }
            }
            PublishError::Unreadable(refusal) => refusal,
            PublishError::NoState => StatusCode::BAD_REQUEST.into(),
            PublishError::TooMany => StatusCode::FORBIDDEN.into(),
        }
    }
}

/// Whether Accept has a range with this media type.
fn accepts(request: &Request, media_type: &str) -> bool {
    let (kind, _) = media_type.split_once('/').unwrap_or_default();
    request.accept().any(|range| {
        range.is_ok_and(|range| {
            is(&range, media_type) || range.is(kind.as_bytes(), b"*") || range.is(b"*", b"*")
        })
    })
}

fn is(media: &MediaType<'_>, media_type: &str) -> bool {
    let (kind, subtype) = media_type.split_once('/').unwrap_or_default();
    media.is(kind.as_bytes(), subtype.as_bytes())
}
