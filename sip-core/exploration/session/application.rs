//! What one application knows of its calls from events alone, and what events it never may see.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::body::Body;
use crate::event::{DescriptionKind, Event, ExchangeOutcome};
use crate::ids::{ExchangeId, ReferId, SessionId, TransferId};
use crate::reason::{Cause, Originator};

/// A session description: who made it, and the how many-th it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Description(pub(super) u8, pub(super) u8);

impl Description {
    pub(super) fn body(self) -> Body {
        let Self(side, number) = self;
        Body::sdp(format!("v=0\r\ns={side} {number}\r\n"))
    }

    fn of(body: &Body) -> Option<Self> {
        let text = core::str::from_utf8(&body.bytes).ok()?;
        let (side, number) = text.split("s=").nth(1)?.trim_end().split_once(' ')?;
        Some(Self(side.parse().ok()?, number.parse().ok()?))
    }
}

/// An exchange that has begun and not ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Open {
    pub(super) exchange: ExchangeId,
    /// The core waits for this application's description.
    pub(super) asked: bool,
    local: Option<Description>,
    remote: Option<Description>,
}

/// A call as its application sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Call {
    pub(super) id: SessionId,
    pub(super) incoming: bool,
    pub(super) rung: bool,
    pub(super) answered: bool,
    pub(super) established: bool,
    pub(super) hung_up: bool,
    pub(super) ended: Option<(Originator, Cause)>,
    pub(super) open: Option<Open>,
    last: Option<ExchangeId>,
    /// The session in force: the own description and the peer's.
    pub(super) session: Option<(Description, Description)>,
}

impl Call {
    fn new(id: SessionId, incoming: bool) -> Self {
        Self {
            id,
            incoming,
            rung: false,
            answered: false,
            established: false,
            hung_up: false,
            ended: None,
            open: None,
            last: None,
            session: None,
        }
    }

    /// The last exchange, if it is over: a description of it is stale.
    pub(super) fn stale(&self) -> Option<ExchangeId> {
        self.last.filter(|_| self.open.is_none())
    }
}

/// A REFER of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Refer {
    pub(super) id: ReferId,
    pub(super) session: SessionId,
    pub(super) accepted: bool,
}

#[derive(Clone, Default, Hash, Debug)]
pub(super) struct Application {
    pub(super) side: u8,
    pub(super) calls: Vec<Call>,
    /// The own REFERs, and whether each has ended.
    pub(super) transfers: Vec<(TransferId, bool)>,
    /// The REFERs of the peer that this application has not refused or completed.
    pub(super) refers: Vec<Refer>,
    made: u8,
}

impl Application {
    pub(super) fn new(side: u8) -> Self {
        Self {
            side,
            ..Self::default()
        }
    }

    pub(super) fn calls_out(&mut self, id: SessionId) {
        // The question for the offer may already have come.
        if self.calls.iter().all(|call| call.id != id) {
            self.calls.push(Call::new(id, false));
        }
    }

    /// A new description for the open exchange of a call.
    pub(super) fn describe(&mut self, call: usize) -> (ExchangeId, Body) {
        self.made += 1;
        let description = Description(self.side, self.made);
        let open = self.calls[call].open.as_mut().expect("an open exchange");
        open.asked = false;
        open.local = Some(description);
        (open.exchange, description.body())
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), String> {
        let Some(id) = event.session() else {
            return Ok(());
        };
        if let Event::IncomingCall { .. } = event {
            self.calls.push(Call::new(id, true));
            return Ok(());
        }
        if let (Event::DescriptionNeeded { .. }, false) =
            (event, self.calls.iter().any(|call| call.id == id))
        {
            self.calls.push(Call::new(id, false));
        }
        if let Event::TransferEnded { transfer, .. } = event {
            // The subscription of a REFER may outlive its call.
            let mut transfers = self.transfers.iter_mut();
            let known = transfers.find(|(known, _)| known == transfer);
            let (_, ended) = known.ok_or("the end of an unknown transfer")?;
            return match core::mem::replace(ended, true) {
                false => Ok(()),
                true => Err("a transfer ended twice".into()),
            };
        }
        if let Event::TransferProgress { transfer, .. } = event {
            return match self.transfers.contains(&(*transfer, false)) {
                true => Ok(()),
                false => Err("progress of a transfer that is over".into()),
            };
        }
        let call = self.calls.iter_mut().find(|call| call.id == id);
        let call = call.ok_or("an event of an unknown call")?;
        if call.ended.is_some() {
            return Err(format!("an event after the end: {event:?}"));
        }
        match event {
            Event::IncomingRefer { refer, session, .. } => {
                self.refers.extend(session.map(|session| Refer {
                    id: *refer,
                    session,
                    accepted: false,
                }));
                Ok(())
            }
            _ => call.take(event),
        }
    }
}

impl Call {
    fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::DescriptionNeeded { exchange, kind, .. } => match (kind, &mut self.open) {
                (DescriptionKind::Offer, None) => self.begin(*exchange, true, None),
                (DescriptionKind::Answer, Some(open))
                    if open.exchange == *exchange && open.remote.is_some() && !open.asked =>
                {
                    open.asked = true;
                    Ok(())
                }
                _ => Err(format!("a question out of turn: {event:?}")),
            },
            Event::RemoteDescription {
                exchange,
                kind,
                body,
                ..
            } => {
                let theirs = Description::of(body);
                match (kind, &mut self.open) {
                    (DescriptionKind::Offer, None) => self.begin(*exchange, false, theirs),
                    (DescriptionKind::Answer, Some(open))
                        if open.exchange == *exchange
                            && open.local.is_some()
                            && open.remote.is_none() =>
                    {
                        open.remote = theirs;
                        Ok(())
                    }
                    _ => Err(format!("a description out of turn: {event:?}")),
                }
            }
            Event::ExchangeEnded {
                exchange, outcome, ..
            } => {
                let open = self.open.take_if(|open| open.exchange == *exchange);
                let open = open.ok_or("the end of an exchange that is not open")?;
                if matches!(outcome, ExchangeOutcome::Complete) {
                    let session = open.local.zip(open.remote);
                    self.session = Some(session.ok_or("complete without both descriptions")?);
                }
                Ok(())
            }
            Event::Established { .. } => {
                if core::mem::replace(&mut self.established, true) {
                    return Err("established twice".into());
                }
                match self.session {
                    Some(_) => Ok(()),
                    None => Err("established without a session".into()),
                }
            }
            Event::Ended { reason, .. } => {
                self.ended = Some((reason.originator, reason.cause));
                match self.open.take() {
                    None => Ok(()),
                    Some(_) => Err("the call ended before its exchange".into()),
                }
            }
            _ => Ok(()),
        }
    }

    fn begin(
        &mut self,
        exchange: ExchangeId,
        asked: bool,
        remote: Option<Description>,
    ) -> Result<(), String> {
        if self.last.is_some_and(|last| last >= exchange) {
            return Err("the number of an exchange is not new".into());
        }
        self.last = Some(exchange);
        self.open = Some(Open {
            exchange,
            asked,
            local: None,
            remote,
        });
        Ok(())
    }
}
