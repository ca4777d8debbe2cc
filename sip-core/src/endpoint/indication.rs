//! The outputs of the transaction layer, in the form that the usages above take.

use alloc::boxed::Box;

use sip_parse::{Method, Request, Response, StatusCode};

use super::owner::{DialogUsage, Sent, TransactionUser};
use super::sent_request::SentRequest;
use super::state::Endpoint;
use crate::auth::ChallengeError;
use crate::config::LogLevel;
use crate::dialog::{DialogError, DialogId, FailureScope};
use crate::ids::ConnectionId;
use crate::record::LogContent;
use crate::transaction::{ClientTransactionId, Output, ServerTransactionId, TransactionError};

/// An output of the endpoint that a usage has to handle.
#[derive(Debug)]
pub(crate) enum Indication {
    /// A request outside any dialog, checked (RFC 3261 section 8.2).
    Request {
        transaction: ServerTransactionId,
        request: Request,
    },
    /// A request within a dialog, checked and in order (RFC 3261 section 12.2.2).
    RequestInDialog {
        transaction: ServerTransactionId,
        usage: DialogUsage,
        request: Request,
    },
    /// A CANCEL of this INVITE; its usage answers the CANCEL (RFC 3261 section 9.2).
    Cancel {
        transaction: ServerTransactionId,
        invite: ServerTransactionId,
        request: Request,
    },
    /// An ACK to a 2xx.
    Ack {
        usage: DialogUsage,
        request: Request,
    },
    /// A response to a request of the core.
    Response(Received),
    /// A request of the core has no final response.
    Failed { sent: Sent, error: TransactionError },
    /// The connection of a request that a peer sent is gone.
    ServerFailed { transaction: ServerTransactionId },
    /// A keep-alive was answered (RFC 5626 section 4.4.1).
    Pong(ConnectionId),
    /// A stream cannot be read any further (RFC 3261 section 18.3).
    Unreadable(ConnectionId),
}

/// A response, and the request that it answers.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) sent: Sent,
    pub(crate) transaction: ClientTransactionId,
    /// The connection that it came on.
    pub(crate) connection: ConnectionId,
    pub(crate) response: Box<Response>,
    pub(crate) request: SentRequest,
    /// Why the core did not answer the challenge in it.
    pub(crate) unanswered: Option<Box<ChallengeError>>,
}

impl Received {
    /// Whether the response challenges the request (RFC 3261 section 22).
    pub(crate) fn is_challenge(&self) -> bool {
        matches!(self.response.status().as_u16(), 401 | 407)
    }

    /// What the failure of a request within a dialog ends besides its transaction (RFC 5057 section 5.1).
    pub(crate) fn scope(&self) -> FailureScope {
        let status = self.response.status();
        match self.sent.dialog {
            Some(_) if status.as_u16() >= 300 => FailureScope::of(status),
            _ => FailureScope::Transaction,
        }
    }
}

impl Endpoint {
    /// The next indication for a usage; `None` when the transaction layer has no further output, and no further message
    /// that there is room for.
    pub(crate) fn poll_indication(&mut self) -> Option<Indication> {
        loop {
            let Some(output) = self.queue().pop_output() else {
                let now = self.now;
                if self.layer.read_next(now) {
                    continue;
                }
                return None;
            };
            match output {
                // Messages go straight into the queue of actions.
                Output::Transmit { .. } => {}
                Output::Request {
                    transaction,
                    request,
                    cancels,
                    merged,
                    ..
                } => {
                    self.queue().counters.request_received();
                    let content = LogContent::received(request.bytes());
                    self.log_transaction(transaction.to_bits(), content);
                    let indication = self.on_request(transaction, request, cancels, merged);
                    if indication.is_some() {
                        return indication;
                    }
                }
                Output::Ack {
                    connection,
                    request,
                } => {
                    let usage = self.dialogs.find(&request);
                    match usage.and_then(|dialog| self.dialogs.usage_of(dialog)) {
                        Some(usage) => return Some(Indication::Ack { usage, request }),
                        None => {
                            let why = "an ACK that belongs to no call";
                            self.ignored_from(Some(connection), why);
                        }
                    }
                }
                Output::Response {
                    transaction,
                    user,
                    connection,
                    response,
                    request,
                } => {
                    if user.user == TransactionUser::Branch && !response.status().is_provisional() {
                        self.branch_byes = self.branch_byes.saturating_sub(1);
                    }
                    let content = LogContent::Response(response.status());
                    self.log_transaction(transaction.to_bits(), content);
                    let received = Received {
                        sent: user,
                        transaction,
                        connection,
                        response,
                        request: SentRequest::new(request, self.limits().message),
                        unanswered: None,
                    };
                    self.learn_uuid_of_callee(&received.response);
                    self.learn_from_accepted(&received);
                    return Some(Indication::Response(received));
                }
                Output::StrayResponse { connection, .. } => {
                    self.ignored_from(Some(connection), "a 2xx to an INVITE that is over");
                }
                Output::Failed {
                    transaction,
                    user,
                    error,
                    ..
                } => {
                    let content = LogContent::TransactionFailed(error);
                    self.log_transaction(transaction.to_bits(), content);
                    if user.user == TransactionUser::Branch {
                        self.branch_byes = self.branch_byes.saturating_sub(1);
                    }
                    return Some(Indication::Failed { sent: user, error });
                }
                // Timer H: no ACK followed a refusal; the call that it refused is already over.
                Output::ServerFailed {
                    error: TransactionError::Timeout,
                    ..
                } => self.ignored("no ACK came for a refusal"),
                Output::Unanswered { transaction } => {
                    return Some(Indication::ServerFailed { transaction });
                }
                Output::ServerFailed { transaction, error } => {
                    let content = LogContent::TransactionFailed(error);
                    self.log_transaction(transaction.to_bits(), content);
                    return Some(Indication::ServerFailed { transaction });
                }
                Output::KeepAlive {
                    connection,
                    pong: true,
                } => return Some(Indication::Pong(connection)),
                Output::KeepAlive { .. } => {}
                Output::Malformed {
                    connection,
                    error,
                    answered,
                    fatal,
                } => {
                    self.queue().counters.rare().malformed += 1;
                    self.queue().counters.rare().malformed_answered += u64::from(answered);
                    self.log(
                        LogLevel::Warn,
                        "sip.transport",
                        connection.to_bits(),
                        LogContent::Malformed(error),
                    );
                    if fatal {
                        return Some(Indication::Unreadable(connection));
                    }
                }
                Output::Ignored { connection, why } => self.ignored_from(Some(connection), why),
            }
        }
    }

    /// Handles a request that is no retransmission; `None` if the endpoint has answered it.
    fn on_request(
        &mut self,
        transaction: ServerTransactionId,
        request: Request,
        cancels: Option<ServerTransactionId>,
        merged: bool,
    ) -> Option<Indication> {
        let method = request.method();
        if method == Method::Cancel {
            let Some(invite) = cancels else {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.refuse(transaction, status, "CANCEL that matches nothing", &[]);
                return None;
            };
            return Some(Indication::Cancel {
                transaction,
                invite,
                request,
            });
        }
        if request.to_tag().is_ok_and(|tag| tag.is_some()) {
            let usage = self.in_dialog(transaction, &request)?;
            return Some(Indication::RequestInDialog {
                transaction,
                usage,
                request,
            });
        }
        // RFC 3261 section 8.2: method, then header, then content.
        let fits = self.check_method(transaction, method, false)
            && self.check_headers(transaction, &request, merged);
        fits.then_some(Indication::Request {
            transaction,
            request,
        })
    }

    /// The dialog that a NOTIFY makes: of a SUBSCRIBE of this side, as each notifier makes one (RFC 6665 section 4.4.1), or of its
    /// REFER, if the 2xx to that has not come yet (RFC 3515 section 2.4.4).
    fn dialog_of_notify(&mut self, request: &Request) -> Option<DialogId> {
        if request.method() != Method::Notify {
            return None;
        }
        let set = self.dialogs.set_of_notify(request)?;
        let subscribes = match self.dialogs.usage(set)? {
            DialogUsage::Transfer(_) => self.dialogs.has_no_dialog(set),
            DialogUsage::Subscription(_) => true,
            _ => false,
        };
        // One of which no dialog can be made is answered 481.
        subscribes.then(|| self.dialogs.notified(set, request).ok())?
    }

    /// Whether requests of this side can reach the notifier whose NOTIFY made a dialog; refuses the NOTIFY otherwise, because the
    /// subscription could neither be refreshed nor ended (RFC 3261 section 26.2.2).
    fn takes_notifier(&mut self, dialog: DialogId, transaction: ServerTransactionId) -> bool {
        let reaches = self.reaches(dialog, transaction);
        if !reaches {
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            self.refuse_sips(Some(dialog.set()), transaction, status);
        }
        reaches
    }

    /// RFC 3261 section 12.2.2: finds the usage of the dialog of a request. One look-up, however many dialogs
    /// there are, because the local tag carries their handle.
    fn in_dialog(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
    ) -> Option<DialogUsage> {
        let known = self.dialogs.find(request);
        let made = match known {
            Some(_) => None,
            None => self.dialog_of_notify(request),
        };
        let found = known.or(made);
        let found = found.and_then(|dialog| Some((dialog, self.dialogs.usage_of(dialog)?)));
        let is_over = matches!(found, None | Some((_, DialogUsage::Rest(_))));
        if is_over && self.late.take(request, self.now) {
            self.answer_ok(transaction, request);
            return None;
        }
        let Some((dialog, usage)) = found else {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            self.refuse(transaction, status, "no such dialog", &[]);
            return None;
        };
        self.learn_uuid_of_caller(dialog.set(), request);
        match self.dialogs.order(dialog, request) {
            Ok(()) => {}
            Err(DialogError::OutOfOrder) => {
                let status = StatusCode::SERVER_INTERNAL_ERROR;
                self.refuse(transaction, status, "CSeq out of order", &[]);
                return None;
            }
            Err(_) => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.refuse(transaction, status, "no such dialog", &[]);
                return None;
            }
        }
        // Only a call has requests that the application answers.
        let status = match request.method() {
            _ if matches!(usage, DialogUsage::Session(_)) => None,
            Method::Other(_) => Some(StatusCode::NOT_IMPLEMENTED),
            Method::Publish | Method::Register => Some(StatusCode::METHOD_NOT_ALLOWED),
            _ => None,
        };
        if let Some(status) = status {
            self.refuse_method(transaction, status);
            return None;
        }
        let fits = self.check_method(transaction, request.method(), true)
            && self.check_extensions(transaction, request)
            && made.is_none_or(|dialog| self.takes_notifier(dialog, transaction));
        if let Some(dialog) = made.filter(|_| !fits) {
            // A NOTIFY that is refused makes no dialog.
            self.dialogs.remove(dialog);
        }
        fits.then_some(usage)
    }
}
