//! Where a message of a capture comes from: its time and its ends, read from what the capture says of it. Pure.

use super::captured::Captured;

/// Who sent a message to whom.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    Between {
        from: String,
        to: String,
    },
    /// One side writes down what it sends and receives; the names are missing where the capture has none.
    Sent {
        by: Option<String>,
        to: Option<String>,
    },
    Received {
        by: Option<String>,
        from: Option<String>,
    },
    /// The capture does not say.
    Unknown,
}

/// The time of a message, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Time {
    /// Since 1970.
    Absolute(f64),
    /// Since a start that the capture does not name.
    Relative(f64),
}

/// What a capture says of one message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    pub(super) time: Option<Time>,
    pub(super) way: Way,
}

/// Reads the origin of a message.
pub(super) fn of(message: &Captured) -> Origin {
    if let Some(packet) = &message.packet {
        return Origin {
            time: Some(Time::Absolute(packet.seconds)),
            way: Way::Between {
                from: packet.from.to_string(),
                to: packet.to.to_string(),
            },
        };
    }
    if let Some(dumped) = of_sipdump(&message.notes) {
        return dumped;
    }
    match &message.label {
        Some(label) => of_label(label),
        None => Origin {
            time: None,
            way: Way::Unknown,
        },
    }
}

/// The line above a message.
fn of_label(label: &str) -> Origin {
    let words: Vec<&str> = label.split_whitespace().collect();
    let time = time(&words);
    let after = |word: &str| {
        let at = words.iter().position(|its| *its == word)?;
        words.get(at + 1).copied().and_then(address)
    };
    let is_at_server = label.ends_with(", server");
    let user = |rest| Some(agent(rest).unwrap_or_else(|| "client".to_owned()));
    let server = || Some("server".to_owned());
    let way = if let Some(rest) = label.strip_prefix(">>>").filter(|_| is_at_server) {
        Way::Sent {
            by: server(),
            to: user(rest),
        }
    } else if let Some(rest) = label.strip_prefix("<<<").filter(|_| is_at_server) {
        Way::Received {
            by: server(),
            from: user(rest),
        }
    } else if let Some(rest) = label.strip_prefix(">>>") {
        Way::Sent {
            by: agent(rest),
            to: None,
        }
    } else if let Some(rest) = label.strip_prefix("<<<") {
        Way::Received {
            by: agent(rest),
            from: None,
        }
    } else if let Some(arrow) = words.iter().position(|word| *word == "->") {
        let before = arrow.checked_sub(1).and_then(|at| address(words[at]));
        match (before, after("->")) {
            (Some(from), Some(to)) => Way::Between { from, to },
            _ => Way::Unknown,
        }
    } else if words.contains(&"Received") || words.first() == Some(&"recv") {
        Way::Received {
            by: None,
            from: after("from"),
        }
    } else if label.contains("ransmitting") || words.first() == Some(&"send") {
        Way::Sent {
            by: None,
            to: after("to"),
        }
    } else {
        Way::Unknown
    };
    Origin { time, way }
}

/// The name of the agent in `>>> alice 1.250 ms`.
fn agent(rest: &str) -> Option<String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let number = words.iter().position(|word| word.parse::<f64>().is_ok());
    let name = words.get(..number?)?.join(" ");
    (!name.is_empty()).then_some(name)
}

/// `WS:192.0.2.1:5060`, `udp/[192.0.2.1]:5060` and `192.0.2.1:5060` as the last one.
fn address(word: &str) -> Option<String> {
    let word = word.trim_end_matches([',', ';']);
    let word = word.rsplit('/').next().unwrap_or(word);
    let word = match word.split_once(':') {
        Some((transport, rest))
            if !transport.is_empty()
                && transport.bytes().all(|byte| byte.is_ascii_alphabetic())
                && rest.contains(':') =>
        {
            rest
        }
        _ => word,
    };
    let plain = match word.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if !host.contains(':') => format!("{host}{port}"),
        _ => word.to_owned(),
    };
    let is_address =
        plain.contains([':', '.']) || plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!plain.is_empty() && is_address).then_some(plain)
}

/// The first time among the words above a message.
fn time(words: &[&str]) -> Option<Time> {
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        let word = word.trim_end_matches([',', ':', ';']);
        if let Some(seconds) = date_and_time(word) {
            return Some(Time::Absolute(seconds));
        }
        let next = words.get(at + 1).copied().unwrap_or_default();
        if let Some(days) = days(word, '/')
            && let Some(of_day) = time_of_day(next)
        {
            return Some(Time::Absolute(days * 86_400.0 + of_day));
        }
        let is_milliseconds = next.trim_end_matches(',') == "ms";
        if let Ok(milliseconds) = word.parse::<f64>()
            && is_milliseconds
            && milliseconds.is_finite()
        {
            found = Some(Time::Relative(milliseconds / 1e3));
        }
        if let Some(of_day) = time_of_day(word) {
            found.get_or_insert(Time::Relative(of_day));
        }
    }
    found
}

/// `2026-11-28T08:00:00.000001Z` (RFC 3339), in UTC, in seconds since 1970.
pub(super) fn date_and_time(word: &str) -> Option<f64> {
    let (date, time) = word.split_once('T')?;
    Some(days(date, '-')? * 86_400.0 + time_of_day(time.strip_suffix('Z')?)?)
}

/// `2026/11/28` as days since 1970.
fn days(date: &str, separator: char) -> Option<f64> {
    let mut parts = date.split(separator);
    let mut next = |length: usize| -> Option<i64> {
        let part = parts.next()?;
        let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1;
    Some((days - 719_468) as f64)
}

/// `08:00:00.000001` in seconds.
fn time_of_day(word: &str) -> Option<f64> {
    let mut parts = word.trim_end_matches(':').split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |text: &str, limit: u32| {
        let number: u32 = text.parse().ok()?;
        (text.len() == 2 && number < limit).then_some(f64::from(number))
    };
    let is_decimal = seconds
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = seconds.parse().ok().filter(|_| is_decimal)?;
    if parts.next().is_some() || seconds >= 61.0 {
        return None;
    }
    Some(whole(hours, 24)? * 3_600.0 + whole(minutes, 60)? * 60.0 + seconds)
}

/// Kamailio's sipdump: a line for each of `srcip`, `srcport`, `dstip` and `dstport`, and perhaps `time`.
fn of_sipdump(notes: &[String]) -> Option<Origin> {
    let field = |name: &str| {
        notes.iter().rev().find_map(|line| {
            let (its, value) = line.split_once(':')?;
            (its.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let end = |host: &str, port: &str| {
        let host = field(host)?;
        Some(match field(port) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        })
    };
    let (source, destination) = (end("srcip", "srcport"), end("dstip", "dstport"));
    let way = match (source, destination, field("tag").as_deref()) {
        (Some(from), Some(to), _) => Way::Between { from, to },
        (Some(from), None, Some("rcv")) => Way::Received {
            by: None,
            from: Some(from),
        },
        (Some(to), None, Some("snd")) => Way::Sent {
            by: None,
            to: Some(to),
        },
        _ => return None,
    };
    let words = field("time").unwrap_or_default();
    let seconds: Option<f64> = words.parse().ok();
    let time = match seconds.filter(|seconds| seconds.is_finite()) {
        Some(seconds) => Some(Time::Absolute(seconds)),
        None => time(&words.split_whitespace().collect::<Vec<_>>()),
    };
    Some(Origin { time, way })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORNING: f64 = 1_795_824_000.0;

    #[test]
    fn the_line_above_a_message_is_read() {
        let some = |text: &str| Some(text.to_owned());
        let between = |from: &str, to: &str| Way::Between {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        for (label, time, way) in [
            (
                ">>> alice 1.250 ms",
                Some(Time::Relative(0.00125)),
                Way::Sent {
                    by: some("alice"),
                    to: None,
                },
            ),
            (
                "<<< 7000.000 ms, 2026-11-28T08:00:00.500Z",
                Some(Time::Absolute(MORNING + 8.0 * 3_600.0 + 0.5)),
                Way::Received {
                    by: None,
                    from: None,
                },
            ),
            (
                "<<< alice 1.000 ms, 2026-11-28T00:00:01Z, server",
                Some(Time::Absolute(MORNING + 1.0)),
                Way::Received {
                    by: some("server"),
                    from: some("alice"),
                },
            ),
            (
                ">>> 1.000 ms, 2026-11-28T00:00:01Z, server",
                Some(Time::Absolute(MORNING + 1.0)),
                Way::Sent {
                    by: some("server"),
                    to: some("client"),
                },
            ),
            (
                "2026/11/28 08:00:00.25 192.0.2.1:5060 -> 192.0.2.2:5060",
                Some(Time::Absolute(MORNING + 8.0 * 3_600.0 + 0.25)),
                between("192.0.2.1:5060", "192.0.2.2:5060"),
            ),
            (
                "U 2026/11/28 00:00:01 192.0.2.1:5060 -> 192.0.2.2:5060 #3",
                Some(Time::Absolute(MORNING + 1.0)),
                between("192.0.2.1:5060", "192.0.2.2:5060"),
            ),
            (
                "<--- Received SIP request (500 bytes) from WS:192.0.2.1:5060 --->",
                None,
                Way::Received {
                    by: None,
                    from: some("192.0.2.1:5060"),
                },
            ),
            (
                "<--- Transmitting SIP response (400 bytes) to WS:192.0.2.1:5060 --->",
                None,
                Way::Sent {
                    by: None,
                    to: some("192.0.2.1:5060"),
                },
            ),
            (
                "recv 500 bytes from ws/[192.0.2.1]:5060 at 08:00:00.000001:",
                Some(Time::Relative(28_800.000_001)),
                Way::Received {
                    by: None,
                    from: some("192.0.2.1:5060"),
                },
            ),
            (
                "send 5 bytes to udp/[2001:db8::1]:5060 at 00:00:01:",
                Some(Time::Relative(1.0)),
                Way::Sent {
                    by: None,
                    to: some("[2001:db8::1]:5060"),
                },
            ),
            ("-> x", None, Way::Unknown),
            ("what else", None, Way::Unknown),
        ] {
            assert_eq!(of_label(label), Origin { time, way }, "{label}");
        }
    }

    #[test]
    fn a_date_counts_from_1970() {
        assert_eq!(date_and_time("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(date_and_time("2000-03-01T00:00:00Z"), Some(951_868_800.0));
        assert_eq!(date_and_time("2024-02-29T12:00:00Z"), Some(1_709_208_000.0));
        assert_eq!(date_and_time("2026-11-28T00:00:00Z"), Some(MORNING));
        for wrong in [
            "",
            "T",
            "2026-13-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-11-28T24:00:00Z",
            "2026-11-28T00:00:00",
            "2026-11-28T00:00:1e3Z",
        ] {
            assert_eq!(date_and_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sipdump_names_both_ends() {
        let notes = [
            "tag: snd",
            "time: 1795824000.5",
            "srcip: 192.0.2.1",
            "srcport: 5060",
            "dstip: 192.0.2.2",
            "dstport: 5061",
        ];
        let notes: Vec<String> = notes.map(str::to_owned).to_vec();
        let origin = of_sipdump(&notes).unwrap();
        assert_eq!(origin.time, Some(Time::Absolute(MORNING + 0.5)));
        let way = Way::Between {
            from: "192.0.2.1:5060".to_owned(),
            to: "192.0.2.2:5061".to_owned(),
        };
        assert_eq!(origin.way, way);
        assert_eq!(of_sipdump(&notes[..2]), None);
    }
}
