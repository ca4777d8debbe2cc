//! The response context of one forwarded request (RFC 3261 section 16.7): its branches, their outcomes, and the
//! best response.

use sip_core::ConnectionId;
use sip_core::transaction::{ClientTransactionId, ServerTransactionId};
use sip_parse::{Request, Response, StatusCode, UriBuf};

use crate::calls::Attempt;

/// The destination of one branch.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) connection: ConnectionId,
    /// The Request-URI of the copy; `None` keeps that of the request.
    pub(crate) uri: Option<UriBuf>,
    /// The response for a lost flow: 430 if a flow token led here (RFC 5626 section 5.3.1), 480 if the location
    /// service did.
    pub(crate) lost: StatusCode,
}

/// One forwarded copy of the request.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) connection: ConnectionId,
    /// Other flows of the same instance, the next to try last (RFC 5626 section 7).
    pub(crate) spare: Vec<Target>,
    pub(crate) lost: StatusCode,
    pub(crate) state: BranchState,
}

#[derive(Debug)]
pub(crate) enum BranchState {
    /// No final response yet.
    Pending {
        client: ClientTransactionId,
    },
    Done(Outcome),
}

/// The outcome of a branch without success.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A final response other than 2xx.
    Response(Box<Response>),
    /// No final response; the status stands for it (RFC 3261 section 16.7 "timer C", 16.9).
    Failed(StatusCode),
}

impl Outcome {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Response(response) => response.status(),
            Self::Failed(status) => *status,
        }
    }
}

/// One forwarded request.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) server: ServerTransactionId,
    /// The connection that the request arrived on.
    pub(crate) upstream: ConnectionId,
    pub(crate) request: Box<Request>,
    pub(crate) branches: Vec<Branch>,
    /// The call that the request begins, if it begins one.
    pub(crate) call: Option<Attempt>,
    /// The caller has cancelled the request, or a 6xx has ended it: no new branch starts.
    pub(crate) stopped: bool,
}

impl Forward {
    /// The number of the call if this provisional response is the first that says that the callee is alerted.
    pub(crate) fn rings_first(&mut self, status: StatusCode) -> Option<u64> {
        let call = self.call.as_mut()?;
        let first = status == StatusCode::RINGING && !call.rings;
        call.rings |= first;
        first.then_some(call.number)
    }

    /// The index of the best final response, once every branch is done (RFC 3261 section 16.7 step 6).
    pub(crate) fn best(&self) -> Option<usize> {
        let mut ranks = Vec::with_capacity(self.branches.len());
        for (index, branch) in self.branches.iter().enumerate() {
            match &branch.state {
                BranchState::Pending { .. } => return None,
                BranchState::Done(outcome) => ranks.push((rank(outcome.status()), index)),
            }
        }
        ranks.into_iter().min().map(|(_, index)| index)
    }
}

/// The rank of a status; the lowest wins: a 6xx, else the lowest class. Within a class, statuses that tell the
/// caller what to change come first, and 503 comes last (RFC 3261 section 16.7 step 6).
fn rank(status: StatusCode) -> (u8, u8) {
    let class = match status.class() {
        6 => 0,
        class => class,
    };
    let within = match status.as_u16() {
        401 | 407 | 415 | 420 | 484 => 0,
        503 => 2,
        _ => 1,
    };
    (class, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 section 16.7 step 6, each sentence a row.
    #[test]
    fn rfc3261_16_7_6_the_best_of_several_finals() {
        let best = |statuses: &[u16]| {
            let all = statuses
                .iter()
                .filter_map(|&status| StatusCode::new(status));
            all.min_by_key(|&status| rank(status))
                .map(StatusCode::as_u16)
        };
        assert_eq!(best(&[486, 603, 302]), Some(603), "a 6xx before all others");
        assert_eq!(best(&[500, 486]), Some(486), "the lowest class");
        assert_eq!(best(&[404, 302]), Some(302), "the lowest class");
        for telling in [401, 407, 415, 420, 484] {
            assert_eq!(
                best(&[404, telling, 486]),
                Some(telling),
                "what the caller can change"
            );
        }
        assert_eq!(best(&[503, 504]), Some(504), "another before 503");
        assert_eq!(best(&[486, 404]), Some(486), "else the first");
    }
}
