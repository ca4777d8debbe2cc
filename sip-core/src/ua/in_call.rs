//! Requests of the application within a call, and those of the peer: INFO, MESSAGE, OPTIONS and the methods of extensions.

use alloc::boxed::Box;

use sip_parse::{HeaderName, Method, Request, StatusCode};

use super::agent::UserAgent;
use super::request_table::{QueuedContent, QueuedRequest};
use crate::dialog::DialogId;
use crate::dtmf::{carries_tone, received_tone};
use crate::endpoint::{Duty, InDialog, MaySend, TransactionUser};
use crate::error::CommandError;
use crate::event::Event;
use crate::header::ExtraHeader;
use crate::ids::{ConnectionId, RequestId, SessionId};
use crate::requirement::Requirement;
use crate::session::MessageOptions;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId};

impl UserAgent {
    /// Sends a request within a call that is up.
    pub(super) fn request_in_call(
        &mut self,
        id: SessionId,
        method: Method<'_>,
        options: MessageOptions,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        if !matches!(
            method,
            Method::Info | Method::Message | Method::Options | Method::Other(_)
        ) {
            return Err(CommandError::WrongState(Requirement::MethodWithoutCommand));
        }
        let dialog = self.sessions.established_dialog(id)?;
        self.check_requests()?;
        let request = self.requests.next_id();
        let queued = self.send_or_queue_in_call(request, dialog, method, options)?;
        self.requests.insert(Some(dialog), queued);
        self.endpoint.log_request(request, method, None);
        self.settle();
        Ok(request)
    }

    /// Sends an INFO of a package within a call that is up.
    pub(super) fn info_package(
        &mut self,
        id: SessionId,
        package: &str,
        mut options: MessageOptions,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        if !self.sessions.peer_takes_package(id, package)? {
            return Err(CommandError::InfoPackage);
        }
        let has_disposition = options
            .headers
            .iter()
            .any(|header| header.header_name() == HeaderName::ContentDisposition);
        if options.body.is_some() && !has_disposition {
            // RFC 6086 section 4.2.1.
            options = options.header(header("Content-Disposition", "Info-Package")?);
        }
        options = options.header(header("Info-Package", package)?);
        self.request_in_call(id, Method::Info, options, now)
    }

    /// Sends a request within a dialog, or returns what waits for a connection.
    pub(super) fn send_or_queue_in_call(
        &mut self,
        id: RequestId,
        dialog: DialogId,
        method: Method<'_>,
        options: MessageOptions,
    ) -> Result<Option<QueuedRequest>, SendError> {
        match self.endpoint.may_send_in(dialog, Duty::Command) {
            MaySend::Now(connection) => {
                self.send_in_call(connection, id, dialog, method, &options)?;
                Ok(None)
            }
            MaySend::Later => {
                let method = method.as_bytes().into();
                let content = QueuedContent::InDialog {
                    dialog,
                    method,
                    options,
                };
                Ok(Some(self.queued(id, content)))
            }
            MaySend::Never(error) => Err(error),
        }
    }

    /// Sends a request of the application within a dialog.
    pub(super) fn send_in_call(
        &mut self,
        connection: ConnectionId,
        id: RequestId,
        dialog: DialogId,
        method: Method<'_>,
        options: &MessageOptions,
    ) -> Result<(), SendError> {
        let accept = self.endpoint.with_accepted_bodies("application/sdp");
        let accept = [(HeaderName::Accept, &*accept)];
        let parts = InDialog {
            connection,
            dialog,
            method,
            body: options.body.as_ref(),
            own: if method == Method::Options {
                &accept
            } else {
                &[]
            },
            extra: &options.headers,
        };
        let user = TransactionUser::Request(id);
        self.endpoint.send_in_dialog(&parts, user).map(|_| ())
    }

    /// Handles an INFO within a call: the core takes the tones of legacy INFO (RFC 6086 section 2), and passes the rest to
    /// the application.
    pub(super) fn on_info(
        &mut self,
        transaction: ServerTransactionId,
        id: SessionId,
        request: Box<Request>,
    ) {
        match request.info_package() {
            Ok(None) => {}
            Ok(Some(package)) if self.endpoint.takes_package(package.token) => {
                return self.on_application_request(transaction, Some(id), request);
            }
            // RFC 6086 section 4.2.2.
            Ok(Some(_)) => {
                let packages = self.endpoint.recv_info().unwrap_or_default();
                let headers = [(HeaderName::RecvInfo, packages.as_str())];
                let status = StatusCode::BAD_INFO_PACKAGE;
                let why = "an info package that the application does not take";
                return self.endpoint.refuse(transaction, status, why, &headers);
            }
            Err(_) => {
                let (status, why) = (StatusCode::BAD_REQUEST, "malformed Info-Package");
                return self.endpoint.refuse(transaction, status, why, &[]);
            }
        }
        let media = request.content_type();
        if !media.is_ok_and(|media| media.is_some_and(|media| carries_tone(&media))) {
            return self.on_application_request(transaction, Some(id), request);
        }
        match received_tone(request.body()) {
            Some((tone, duration)) => {
                self.endpoint.answer(transaction, StatusCode::OK, &[]);
                self.endpoint.event(Event::Dtmf {
                    session: id,
                    tone,
                    duration,
                });
            }
            None => {
                let (status, why) = (StatusCode::BAD_REQUEST, "no tone in the body");
                self.endpoint.refuse(transaction, status, why, &[]);
            }
        }
    }
}

fn header(name: &str, value: &str) -> Result<ExtraHeader, CommandError> {
    ExtraHeader::new(name, value).map_err(CommandError::Header)
}
