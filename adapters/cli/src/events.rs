//! Events of the core in words and in JSON.

use serde_json::{Value, json};
use sip_core::{
    Cause, DescriptionKind, EndReason, Event, ExchangeOutcome, SessionId, Timestamp,
    TransferOutcome, sdp,
};

use crate::report::{Report, printable};
use crate::subscriptions;
use crate::words::{again_in, caller, in_words, reason_fields, reason_phrase, retry_field};

/// Prints an event. Events for the program alone are left out.
pub(crate) fn print(report: &Report, event: &Event) {
    match event {
        Event::InstanceIdDrawn(id) if report.is_json() => {
            report.event("instance_id", [("id", json!(id))], "");
        }
        Event::Connecting { server, attempt } => report.event(
            "connecting",
            [
                ("server", json!(report.server(*server))),
                ("attempt", json!(attempt)),
            ],
            format_args!(
                "connecting to {}, attempt {attempt}",
                report.server(*server)
            ),
        ),
        Event::Connected { server } => report.event(
            "connected",
            [("server", json!(report.server(*server)))],
            format_args!("connected to {}", report.server(*server)),
        ),
        Event::ConnectFailed { server, error } => report.event(
            "connect_failed",
            [
                ("server", json!(report.server(*server))),
                ("reason", json!(error.to_string())),
            ],
            format_args!("{}: {error}", report.server(*server)),
        ),
        Event::Disconnected { server, reason } => report.event(
            "disconnected",
            [
                ("server", json!(report.server(*server))),
                ("reason", json!(reason.to_string())),
            ],
            format_args!("disconnected from {}: {reason}", report.server(*server)),
        ),
        Event::ReconnectScheduled { at, attempt } => report.event(
            "reconnect_scheduled",
            [("failed", json!(attempt))]
                .into_iter()
                .chain(retry_field(report, Some(*at))),
            format_args!("connecting {}", again_in(report.until(*at))),
        ),
        Event::Registered(registration) => report.event(
            "registered",
            [
                ("flow", json!(registration.reg_id)),
                ("expires", json!(registration.expires.as_secs())),
                ("refreshed", json!(registration.refreshed)),
                ("bindings", json!(registration.bindings)),
            ],
            format_args!(
                "{}{} for {} s; bindings: {}",
                if registration.refreshed {
                    "registered again"
                } else {
                    "registered"
                },
                on_flow(registration.reg_id),
                registration.expires.as_secs(),
                registration.bindings.join(", "),
            ),
        ),
        Event::RegistrationFailed { reason, retry_at } => report.event(
            "registration_failed",
            reason_fields(reason)
                .into_iter()
                .chain([("will_retry", json!(retry_at.is_some()))])
                .chain(retry_field(report, *retry_at)),
            format_args!(
                "registration failed: {}{}",
                in_words(reason),
                after_reason(report, reason, *retry_at)
            ),
        ),
        Event::Unregistered { reason } => report.event(
            "unregistered",
            reason_fields(reason),
            format_args!("unregistered: {reason}"),
        ),
        Event::Stopped { unfinished } => report.event(
            "stopped",
            [("unfinished", json!(unfinished))],
            format_args!("stopped"),
        ),
        _ => print_exchange(report, event),
    }
}

/// The events of calls and requests.
fn print_exchange(report: &Report, event: &Event) {
    match event {
        Event::IncomingCall {
            session,
            request,
            replaces,
            ..
        } => {
            let replaces = replaces.map(SessionId::to_bits);
            report.event(
                "incoming",
                [
                    ("call", json!(session.to_bits())),
                    ("from", json!(caller(request))),
                ]
                .into_iter()
                .chain(replaces.map(|call| ("replaces", json!(call)))),
                format_args!(
                    "call from {}{}",
                    caller(request),
                    replaces.map_or("", |_| ", in place of one that is up"),
                ),
            );
        }
        Event::Replaced { session, by } => report.event(
            "replaced",
            [
                ("call", json!(session.to_bits())),
                ("by", json!(by.to_bits())),
            ],
            "call replaced by another one",
        ),
        Event::IncomingRefer {
            session, referral, ..
        } => {
            let target = referral.target.to_string();
            let optional = [
                ("call", session.map(|session| json!(session.to_bits()))),
                (
                    "replaces",
                    referral.replaces.as_ref().map(|text| json!(text)),
                ),
                (
                    "referred_by",
                    referral.referred_by.as_ref().map(|text| json!(text)),
                ),
            ];
            let optional = optional.into_iter();
            report.event(
                "refer",
                [
                    ("from", json!(caller(&referral.request))),
                    ("target", json!(target)),
                ]
                .into_iter()
                .chain(optional.filter_map(|(name, value)| Some((name, value?)))),
                format_args!(
                    "REFER from {} to {}{}",
                    caller(&referral.request),
                    // Without its Replaces, because that means nothing to a person.
                    target.split('?').next().unwrap_or_default(),
                    referral
                        .replaces
                        .as_ref()
                        .map_or("", |_| ", in place of a call there"),
                ),
            );
        }
        Event::TransferProgress {
            session, status, ..
        } => report.event(
            "transfer_progress",
            call_of(*session)
                .into_iter()
                .chain([("status", json!(status.as_u16()))]),
            format_args!("transfer: {} {}", status.as_u16(), status.reason()),
        ),
        Event::TransferEnded {
            session, outcome, ..
        } => {
            let fields = match outcome {
                TransferOutcome::Succeeded(status) | TransferOutcome::Failed(status) => {
                    vec![("status", json!(status.as_u16()))]
                }
                TransferOutcome::Refused(reason) => reason_fields(reason),
                _ => Vec::new(),
            };
            report.event(
                "transfer_ended",
                call_of(*session)
                    .into_iter()
                    .chain([("outcome", json!(outcome_name(outcome)))])
                    .chain(fields),
                outcome,
            );
        }
        Event::Progress {
            session,
            response,
            preview,
            ..
        } => report.event(
            "progress",
            [
                ("call", json!(session.to_bits())),
                ("status", json!(response.status().as_u16())),
                ("reason", json!(reason_phrase(response))),
                ("early_media", json!(preview.is_some())),
            ],
            format_args!(
                "{} {}{}",
                response.status().as_u16(),
                reason_phrase(response),
                preview.as_ref().map_or("", |_| ", with early media"),
            ),
        ),
        // People see the answer, or why there is none.
        Event::ExchangeEnded {
            session, outcome, ..
        } if report.is_json() => report.event(
            "exchange_ended",
            [
                ("call", json!(session.to_bits())),
                ("outcome", json!(exchange_outcome(outcome))),
            ]
            .into_iter()
            .chain(outcome.reason().into_iter().flat_map(reason_fields)),
            "",
        ),
        Event::RemoteDescription {
            session,
            kind,
            body,
            ..
        } => {
            let direction = sdp::direction(&body.bytes).ok().flatten();
            let direction = direction.map(sdp::Direction::name);
            report.event(
                "remote_description",
                [
                    ("call", json!(session.to_bits())),
                    ("kind", json!(kind_name(*kind))),
                    ("type", json!(body.content_type)),
                    ("bytes", json!(body.bytes.len())),
                ]
                .into_iter()
                .chain(direction.map(|direction| ("direction", json!(direction)))),
                format_args!(
                    "{} received: {}, {} bytes{}",
                    kind_name(*kind),
                    body.content_type,
                    body.bytes.len(),
                    direction.map_or_else(String::new, |direction| format!(", {direction}")),
                ),
            );
        }
        Event::Established { session } => report.event(
            "established",
            [("call", json!(session.to_bits()))],
            "call established",
        ),
        Event::CallBranched { session, of } => report.event(
            "branched",
            [
                ("call", json!(session.to_bits())),
                ("of", json!(of.to_bits())),
            ],
            "another branch answered",
        ),
        Event::Redirected {
            session, target, ..
        } => report.event(
            "redirected",
            [
                ("call", json!(session.to_bits())),
                ("target", json!(target.to_string())),
            ],
            format_args!("redirected to {target}"),
        ),
        Event::EarlyDialogEnded {
            session, reason, ..
        } => report.event(
            "early_dialog_ended",
            [("call", json!(session.to_bits()))]
                .into_iter()
                .chain(reason_fields(reason)),
            format_args!("branch of the call over: {}", in_words(reason)),
        ),
        Event::PrackFailed {
            session, reason, ..
        } => report.event(
            "prack_failed",
            [("call", json!(session.to_bits()))]
                .into_iter()
                .chain(reason_fields(reason)),
            format_args!("PRACK failed: {}", in_words(reason)),
        ),
        Event::ModificationEnded {
            session,
            outcome: Ok(()),
        } => report.event(
            "modified",
            [("call", json!(session.to_bits()))],
            "change of the call accepted",
        ),
        Event::ModificationEnded {
            session,
            outcome: Err(reason),
        } => report.event(
            "modification_failed",
            [("call", json!(session.to_bits()))]
                .into_iter()
                .chain(reason_fields(reason)),
            format_args!("change of the call refused: {}", in_words(reason)),
        ),
        Event::RepairFailed {
            session,
            reason,
            retry_at,
        } => report.event(
            "repair_failed",
            [
                ("call", json!(session.to_bits())),
                ("will_retry", json!(retry_at.is_some())),
            ]
            .into_iter()
            .chain(reason_fields(reason))
            .chain(retry_field(report, *retry_at)),
            format_args!(
                "the peer does not learn the new connection: {}{}",
                in_words(reason),
                after_reason(report, reason, *retry_at)
            ),
        ),
        Event::Ended { session, reason } => report.event(
            "ended",
            [("call", json!(session.to_bits()))]
                .into_iter()
                .chain(reason_fields(reason)),
            format_args!("call ended: {}", in_words(reason)),
        ),
        Event::Dtmf {
            session,
            tone,
            duration,
        } => report.event(
            "dtmf",
            [
                ("call", json!(session.to_bits())),
                ("tone", json!(tone.symbol().to_string())),
                (
                    "milliseconds",
                    json!(duration.map(|duration| duration.as_millis() as u64)),
                ),
            ],
            format_args!("tone {tone}"),
        ),
        Event::IncomingRequest { request, .. } | Event::LegacyNotification { request } => report
            .event(
                "request",
                [
                    ("method", json!(request.method().to_string())),
                    ("from", json!(caller(request))),
                    ("body", json!(sip_parse::text(request.body()).to_string())),
                ],
                format_args!(
                    "{} from {}: {}",
                    request.method(),
                    caller(request),
                    printable(&sip_parse::text(request.body()).to_string()),
                ),
            ),
        Event::RequestCompleted {
            outcome: Ok(response),
            ..
        } => report.event(
            "response",
            [
                ("status", json!(response.status().as_u16())),
                ("reason", json!(reason_phrase(response))),
            ],
            format_args!("{} {}", response.status().as_u16(), reason_phrase(response)),
        ),
        Event::RequestCompleted {
            outcome: Err(reason),
            ..
        } => report.event(
            "request_failed",
            reason_fields(reason),
            format_args!("no response: {reason}"),
        ),
        _ => subscriptions::print(report, event),
    }
}

/// When the core tries again, behind the reason of a failure.
fn after_reason(report: &Report, reason: &EndReason, retry_at: Option<Timestamp>) -> String {
    match retry_at {
        Some(at) => format!("; {}", again_in(report.until(at))),
        None if reason.cause == Cause::ConnectionLost => {
            "; again with the next connection".to_owned()
        }
        None => "; no further attempt".to_owned(),
    }
}

/// The number of a call, if the event is about one.
fn call_of(session: Option<SessionId>) -> Option<(&'static str, Value)> {
    session.map(|session| ("call", json!(session.to_bits())))
}

const fn exchange_outcome(outcome: &ExchangeOutcome) -> &'static str {
    match outcome {
        ExchangeOutcome::Complete => "complete",
        ExchangeOutcome::Refused(_) => "refused",
        ExchangeOutcome::RolledBack(_) => "rolled back",
        ExchangeOutcome::Aborted(_) => "aborted",
        _ => "over",
    }
}

const fn outcome_name(outcome: &TransferOutcome) -> &'static str {
    match outcome {
        TransferOutcome::Succeeded(_) => "succeeded",
        TransferOutcome::Failed(_) => "failed",
        TransferOutcome::Unreported => "unreported",
        TransferOutcome::Refused(_) => "refused",
        TransferOutcome::Terminated => "terminated",
        TransferOutcome::TimedOut => "timed out",
        TransferOutcome::CallEnded => "call ended",
        _ => "over",
    }
}

/// Empty for the first flow, because most agents have only that.
fn on_flow(reg_id: u8) -> String {
    match reg_id {
        1 => String::new(),
        flow => format!(" on flow {flow}"),
    }
}

const fn kind_name(kind: DescriptionKind) -> &'static str {
    match kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_flow_has_its_number() {
        assert_eq!(on_flow(1), "");
        assert_eq!(on_flow(2), " on flow 2");
    }
}
