//! `sip config`: the effective configuration, parameter by parameter.

use serde_json::{Value, json};
use sip_core::config::{Explained, Parameter};

use crate::arguments::ShowConfig;
use crate::outcome::Failure;
use crate::password;
use crate::report::{complain, print_line};
use crate::settings;

pub(crate) fn run(arguments: ShowConfig) -> Result<(), Failure> {
    let mut account = arguments.account;
    account.config = account.config.or(arguments.file);
    let (config, warnings) = settings::effective(&account, arguments.output)?;
    for warning in warnings {
        complain(&format!("sip: {warning}"));
    }
    settings::check_wired(&config)?;
    let by_variable = password::is_in_environment(&account);
    let source = |row: &Explained| match row.parameter {
        Parameter::Password if by_variable => "environment",
        _ => row.source.as_str(),
    };
    let rows = config.explain();
    let width = |text: fn(&Explained) -> &str| {
        let lengths = rows.iter().map(|row| text(row).chars().count());
        lengths.max().unwrap_or_default()
    };
    let (name, value) = (
        width(|row| row.parameter.name()),
        width(|row| &row.value).min(40),
    );
    for row in &rows {
        if arguments.output.json {
            print_line(&object(row, source(row))?.to_string());
        } else {
            let line = format!(
                "{:name$}  {:value$}  {:11}  {}",
                row.parameter.name(),
                row.value,
                source(row),
                row.note.unwrap_or_default(),
            );
            print_line(line.trim_end());
        }
    }
    Ok(())
}

fn object(row: &Explained, source: &str) -> Result<Value, Failure> {
    let name = row.parameter.name();
    let value: Value = serde_json::from_str(&row.value)
        .map_err(|error| Failure::Outcome(format!("{name} cannot be shown: {error}")))?;
    Ok(json!({
        "parameter": name,
        "value": value,
        "source": source,
        "note": row.note,
    }))
}
