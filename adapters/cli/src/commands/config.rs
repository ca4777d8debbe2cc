//! `sip config`: the effective configuration, parameter by parameter.

use serde_json::{Value, json};
use sip_core::config::Explained;

use crate::arguments::ShowConfig;
use crate::outcome::Failure;
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
            print_line(&object(row)?.to_string());
        } else {
            let line = format!(
                "{:name$}  {:value$}  {:7}  {}",
                row.parameter.name(),
                row.value,
                row.source.as_str(),
                row.note.unwrap_or_default(),
            );
            print_line(line.trim_end());
        }
    }
    Ok(())
}

fn object(row: &Explained) -> Result<Value, Failure> {
    let name = row.parameter.name();
    let value: Value = serde_json::from_str(&row.value)
        .map_err(|error| Failure::Outcome(format!("{name} cannot be shown: {error}")))?;
    Ok(json!({
        "parameter": name,
        "value": value,
        "source": row.source.as_str(),
        "note": row.note,
    }))
}
