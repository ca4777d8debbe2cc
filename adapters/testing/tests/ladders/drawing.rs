//! Draws what happened, and numbers each message as the figure of the RFC does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sip_parse::{HeaderName, Message};

use crate::proxy::branch;

/// One message on one leg.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// The method of a request, the status of a response.
    pub(crate) kind: String,
    /// The method that a response answers.
    answers: String,
    /// The branch, by which a response finds its request.
    branch: Vec<u8>,
    label: String,
    /// When it was sent; a count of all that happens.
    pub(crate) sent: u64,
    /// When it arrived; `None` if the network lost it, or still has it.
    pub(crate) arrived: Option<u64>,
}

impl Carried {
    pub(crate) fn new(
        from: &'static str,
        to: &'static str,
        message: &Message,
        again: bool,
        sent: u64,
    ) -> Self {
        let answers = message
            .cseq()
            .map(|cseq| cseq.method.to_string())
            .unwrap_or_default();
        let (kind, mut label) = match (message.as_request(), message.as_response()) {
            (Some(request), _) => {
                let uri = request.uri_bytes().split(|&byte| byte == b';').next();
                let uri = sip_parse::text(uri.unwrap_or_default()).to_string();
                (
                    request.method().to_string(),
                    format!("{} {uri}", request.method()),
                )
            }
            (_, Some(response)) => {
                let status = response.status().as_u16().to_string();
                let label = format!(
                    "{status} {} to {answers}",
                    sip_parse::text(response.reason())
                );
                (status, label)
            }
            _ => unreachable!("a message is one of the two"),
        };
        let mut carries: Vec<String> = Vec::new();
        let media = message.content_type().ok().flatten();
        if let Some(media) = media.filter(|_| !message.body().is_empty()) {
            let subtype = sip_parse::text(media.subtype).to_string();
            carries.push(match subtype.as_str() {
                "sdp" => format!("SDP{}", direction_of(message.body())),
                "sipfrag" => {
                    let body = String::from_utf8_lossy(message.body());
                    format!("{:?}", body.lines().next().unwrap_or_default())
                }
                "plain" => format!("{:?}", sip_parse::text(message.body()).to_string()),
                _ => subtype,
            });
        }
        let credentials = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
        let credentials = credentials
            .iter()
            .map(|name| message.headers_named(*name).count());
        match credentials.sum() {
            0 => {}
            1 => carries.push("credentials".into()),
            more => carries.push(format!("{more} credentials")),
        }
        if let Some(header) = message.header(HeaderName::ReferTo) {
            let value = sip_parse::text(header.value).to_string();
            let uri = value.split(['?', ';', '>']).next().unwrap_or_default();
            // Without the Call-ID and the tags, which only make the line long.
            let replaces = value.contains("Replaces=");
            let more = if replaces { "?Replaces" } else { "" };
            carries.push(format!("Refer-To {}{more}", uri.trim_start_matches('<')));
        }
        if message.has(HeaderName::Replaces) {
            carries.push("Replaces".into());
        }
        if !carries.is_empty() {
            label.push_str(&format!(" with {}", carries.join(", ")));
        }
        if again {
            label.push_str(" (again)");
        }
        let arrived = None;
        Self {
            from,
            to,
            kind,
            answers,
            branch: branch(message),
            label,
            sent,
            arrived,
        }
    }

    /// Both were on their way at the same time, in opposite directions of one leg.
    fn crosses(&self, other: &Self) -> bool {
        let facing = (self.from, self.to) == (other.to, other.from);
        let before =
            |sent: u64, arrived: Option<u64>| arrived.is_some_and(|arrived| sent < arrived);
        facing && before(self.sent, other.arrived) && before(other.sent, self.arrived)
    }

    /// A later message of the same direction arrived first.
    fn is_overtaken_by(&self, other: &Self) -> bool {
        let same = (self.from, self.to) == (other.from, other.to);
        same && self.sent < other.sent && other.arrived.is_some() && other.arrived < self.arrived
    }
}

/// The direction of the media, if it is not both ways.
fn direction_of(sdp: &[u8]) -> &'static str {
    let has = |line: &str| sip_parse::text(sdp).to_string().contains(line);
    match () {
        () if has("a=sendonly") => " (sendonly)",
        () if has("a=recvonly") => " (recvonly)",
        () if has("a=inactive") => " (inactive)",
        () => "",
    }
}

/// What a ladder shows.
#[derive(Debug)]
pub(crate) enum Entry {
    Carried(Carried),
    /// A command or an event of a party, or time that passes.
    Note {
        at: u64,
        party: &'static str,
        text: String,
    },
}

/// A message of the figure of the RFC: its number, what it is, and between whom.
#[derive(Debug)]
pub(crate) struct Arrow {
    pub(crate) number: u32,
    kind: String,
    /// The method that a response answers, if the figure says so: `200-BYE`.
    answers: Option<String>,
    /// What a request carries, if the figure says so: `NOTIFY:200`.
    carries: Option<String>,
    from: String,
    to: String,
    used: bool,
}

/// Reads `F1 INVITE alice>bob, F2 180 bob>alice`.
pub(crate) fn figure(text: &str) -> Vec<Arrow> {
    let arrows = text
        .split([',', '\n'])
        .map(str::trim)
        .filter(|arrow| !arrow.is_empty());
    arrows
        .map(|arrow| {
            let read = || {
                let mut words = arrow.splitn(3, ' ');
                let number = words.next()?.strip_prefix('F')?.parse().ok()?;
                let mut word = words.next()?.splitn(2, ':');
                let (mut kind, carries) = (word.next()?.splitn(2, '-'), word.next());
                let (from, to) = words.next()?.split_once('>')?;
                Some(Arrow {
                    number,
                    kind: kind.next()?.to_owned(),
                    answers: kind.next().map(str::to_owned),
                    carries: carries.map(str::to_owned),
                    from: from.to_owned(),
                    to: to.to_owned(),
                    used: false,
                })
            };
            read().unwrap_or_else(|| panic!("no arrow of a figure: {arrow:?}"))
        })
        .collect()
}

/// The number of the message in the figure, if the figure has it. A response to a request that the figure does not have has none.
fn number(carried: &Carried, figure: &mut [Arrow]) -> String {
    let fits = |arrow: &&mut Arrow| {
        !arrow.used
            && (arrow.from.as_str(), arrow.to.as_str()) == (carried.from, carried.to)
            && arrow.kind == carried.kind
            && arrow
                .answers
                .as_ref()
                .is_none_or(|method| *method == carried.answers)
            && arrow
                .carries
                .as_ref()
                .is_none_or(|text| carried.label.contains(text.as_str()))
    };
    match figure.iter_mut().find(fits) {
        Some(arrow) => {
            arrow.used = true;
            format!("F{}", arrow.number)
        }
        None => "-".to_owned(),
    }
}

/// A drawn ladder, and how it differs from the figure.
#[derive(Debug)]
pub(crate) struct Drawing {
    pub(crate) text: String,
    /// Numbers of the figure that no message has.
    pub(crate) missing: Vec<u32>,
    /// Whether a message has no number.
    pub(crate) more: bool,
}

/// Draws one line for each message, or two if it crosses another one.
pub(crate) fn draw(log: &[Entry], mut figure: Vec<Arrow>) -> Drawing {
    let all: Vec<&Carried> = log
        .iter()
        .filter_map(|entry| match entry {
            Entry::Carried(carried) => Some(carried),
            Entry::Note { .. } => None,
        })
        .collect();
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut more = false;
    let mut numbered: BTreeMap<(&[u8], &str), bool> = BTreeMap::new();
    for entry in log {
        match entry {
            Entry::Note { at, party, text } => lines.push((*at, line(party, "", text))),
            Entry::Carried(carried) => {
                let transaction = (carried.branch.as_slice(), carried.answers.as_str());
                let is_in_figure = *numbered.get(&transaction).unwrap_or(&true);
                let number = match carried.is_request() || is_in_figure {
                    true => number(carried, &mut figure),
                    false => "-".to_owned(),
                };
                numbered.entry(transaction).or_insert(number != "-");
                more |= number == "-";
                let (from, to, label) = (carried.from, carried.to, &carried.label);
                let apart = all
                    .iter()
                    .any(|other| carried.crosses(other) || carried.is_overtaken_by(other));
                match carried.arrived {
                    None => {
                        let label = format!("{label} (lost)");
                        lines.push((
                            carried.sent,
                            line(&format!("{from} -x {to}"), &number, &label),
                        ));
                    }
                    Some(arrived) if apart => {
                        lines.push((carried.sent, line(&format!("{from} ->"), &number, label)));
                        let arrives = format!("{} arrives", carried.short());
                        lines.push((arrived, line(&format!("  -> {to}"), &number, &arrives)));
                    }
                    Some(_) => lines.push((
                        carried.sent,
                        line(&format!("{from} -> {to}"), &number, label),
                    )),
                }
            }
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let text = lines.into_iter().map(|(_, line)| line + "\n").collect();
    let missing = figure
        .iter()
        .filter(|arrow| !arrow.used)
        .map(|arrow| arrow.number)
        .collect();
    Drawing {
        text,
        missing,
        more,
    }
}

impl Carried {
    fn is_request(&self) -> bool {
        self.kind == self.answers
    }

    fn short(&self) -> String {
        if self.is_request() {
            self.kind.clone()
        } else {
            format!("{} to {}", self.kind, self.answers)
        }
    }
}

fn line(parties: &str, number: &str, text: &str) -> String {
    let mut line = String::new();
    let _ = write!(line, "{parties:<26}{number:<5}{text}");
    line.trim_end().to_owned()
}
