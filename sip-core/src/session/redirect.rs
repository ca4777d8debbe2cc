//! Redirections of a call that this side makes (RFC 3261 sections 8.1.3.4 and 13.2.2.3), which the core follows only as far as
//! [`InviteOptions::redirects`](super::InviteOptions::redirects) allows: each URI once, the preferred ones first, and never from a SIPS
//! URI to another scheme (section 26.2.2).

use alloc::boxed::Box;
use alloc::vec::Vec;

use sip_parse::{Contact, Method, NameAddr, Request, UriBuf};

use super::context::Context;
use super::input::ResponseTo;
use super::state::{NewInvite, Redirection};
use crate::dialog::is_sips;
use crate::endpoint::{MaySend, NewCall, SessionRequest};
use crate::event::Event;
use crate::header::ExtraHeader;
use crate::ids::ConnectionId;
use crate::transaction::{ClientTransactionId, SendError};

/// The preference of a target without `q`, in thousandths (RFC 3261 section 20.10).
const HIGHEST: u16 = 1_000;

impl NewInvite {
    /// Sends the INVITE to its own target, or to that of a redirection with the next CSeq number.
    pub(crate) fn send(
        &self,
        connection: ConnectionId,
        redirected: Option<(&UriBuf, u32)>,
        context: &mut Context<'_>,
    ) -> Result<ClientTransactionId, SendError> {
        let to = &self.target;
        let (target, number) = match redirected {
            Some((target, number)) => (target, Some(number)),
            None => (to, None),
        };
        let mut headers = self.options.headers.clone();
        if redirected.is_some() {
            // RFC 3261 section 19.1.5. Those of the own target are among the options.
            headers.extend(ExtraHeader::of_uri(&target.as_uri()));
        }
        let target = target.as_uri().request_uri_text();
        let fields = context.timer_fields();
        let from = self.options.from.as_ref();
        let call = NewCall {
            connection,
            target: &target,
            to: to.as_bytes(),
            number,
            expires: self.options.expires,
            from: from.map(|from| (from.uri.as_bytes(), from.display.as_deref())),
            own: &fields.own(),
            anonymous: self.options.anonymous,
            headers: &headers,
            offer: self.offer.as_ref(),
        };
        let user = context.common.user(SessionRequest::Invite);
        let set = context.common.set;
        context.endpoint.send_invite(set, &call, user)
    }
}

impl Redirection {
    /// What an INVITE needs to follow redirections, if it may.
    pub(crate) fn of(invite: NewInvite) -> Option<Box<Self>> {
        let left = invite.options.redirects;
        (left > 0).then(|| {
            Box::new(Self {
                invite,
                left,
                tried: Vec::new(),
                targets: Vec::new(),
            })
        })
    }

    /// Sends the INVITE to the next target after a final response of 300 to 699, if there is one: a 3xx brings targets, and a 6xx
    /// ends the search, because no other target would answer.
    pub(crate) fn follow(
        &mut self,
        response: &ResponseTo<'_>,
        context: &mut Context<'_>,
    ) -> Option<ClientTransactionId> {
        match response.status().as_u16() {
            300..=399 => self.collect(response),
            600.. => return None,
            _ => {}
        }
        let number = response.request.request()?.sequence().ok()?;
        let number = number.checked_add(1)?;
        while self.left > 0 && !self.targets.is_empty() {
            let (_, target) = self.targets.remove(0);
            self.left -= 1;
            let duty = self.invite.duty();
            let may_send = context.endpoint.may_send(duty, target.as_bytes());
            let sent = match may_send {
                MaySend::Now(connection) => {
                    let redirected = Some((&target, number));
                    let sent = self.invite.send(connection, redirected, context);
                    sent.ok().map(|transaction| (connection, transaction))
                }
                MaySend::Later | MaySend::Never(_) => None,
            };
            self.tried.push(target.clone());
            if let Some((connection, transaction)) = sent {
                context.common.connection = Some(connection);
                let session = context.common.id;
                context.event(Event::Redirected {
                    session,
                    target: Box::new(target),
                    response: Box::new(response.response.clone()),
                });
                return Some(transaction);
            }
        }
        None
    }

    /// Takes the targets of a 3xx that may be followed; those with a higher `q` go first.
    fn collect(&mut self, response: &ResponseTo<'_>) {
        // The call may have come to a SIPS URI by an earlier redirection.
        let sent_to = response.request.request().map(Request::uri_bytes);
        let secure = is_sips(self.invite.target.as_bytes()) || sent_to.is_some_and(is_sips);
        for contact in response.response.contacts() {
            let Ok(Contact::Addr(address)) = contact else {
                continue;
            };
            let Some(target) = usable(&address, secure) else {
                continue;
            };
            if self.knows(&target) {
                continue;
            }
            let q = address.q().unwrap_or(HIGHEST);
            let place = self.targets.partition_point(|(known, _)| *known >= q);
            self.targets.insert(place, (q, target));
            self.targets.truncate(usize::from(self.left));
        }
    }

    /// Whether a target has been tried or waits (RFC 3261 section 19.1.4).
    fn knows(&self, target: &UriBuf) -> bool {
        let waiting = self.targets.iter().map(|(_, known)| known);
        let mut known = self
            .tried
            .iter()
            .chain([&self.invite.target])
            .chain(waiting);
        known.any(|known| known.as_uri().equivalent(&target.as_uri()))
    }
}

/// The URI of a Contact, if an INVITE may go there.
fn usable(address: &NameAddr<'_>, secure: bool) -> Option<UriBuf> {
    let uri = UriBuf::strict(address.uri().as_bytes()).ok()?;
    let is_invite = uri
        .as_uri()
        .method()
        .is_none_or(|method| method == Method::Invite);
    let fits = uri.as_uri().is_sip() && is_invite && (!secure || is_sips(uri.as_bytes()));
    fits.then_some(uri)
}
