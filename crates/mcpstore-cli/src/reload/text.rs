//! A reload in words.

use super::doc::{Outcome, ReloadDoc, ReloadRow};

/// What a command prints about a reload or a plan: one line for each service.
pub(crate) fn lines(document: &ReloadDoc) -> Vec<String> {
    let planned = document.outcome == Outcome::Planned;
    match document.outcome {
        Outcome::Unchanged => vec!["nothing to change: what runs is what the config says".to_owned()],
        Outcome::Refused => {
            let mut out = vec![format!("nothing was changed: {}", document.message.as_deref().unwrap_or("refused"))];
            out.extend(document.problems.iter().flat_map(|text| text.trim_end().lines().map(str::to_owned)));
            out
        }
        Outcome::Changed | Outcome::Planned => {
            let rows: Vec<[String; 3]> = document.services.iter().map(|row| cells(row, planned)).collect();
            let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let (first, second) = (width(0), width(1));
            let alerts = document
                .alerts
                .then(|| if planned { "~ alerts  would be taken over" } else { "~ alerts  taken over" }.to_owned());
            let gateway = (!document.gateway.is_empty()).then(|| {
                let what = if planned { "would be taken over" } else { "taken over" };
                format!("~ gateway  {what}: {}", document.gateway.join(", "))
            });
            let rows = rows
                .iter()
                .map(|[name, what, why]| format!("{name:<first$}  {what:<second$}  {why}").trim_end().to_owned());
            rows.chain(alerts).chain(gateway).chain(document.notes.iter().cloned()).collect()
        }
    }
}

/// What the manager says of a reload: one line, and what is wrong where it was refused.
pub(crate) fn notice(document: &ReloadDoc) -> Vec<String> {
    match document.outcome {
        Outcome::Unchanged | Outcome::Planned => Vec::new(),
        Outcome::Refused => {
            let why = document.message.as_deref().unwrap_or("refused");
            let mut out = vec![format!("config not taken over, everything stays as it is: {why}")];
            out.extend(document.problems.iter().flat_map(|text| text.trim_end().lines().map(str::to_owned)));
            out
        }
        Outcome::Changed => {
            let alerts = document.alerts.then(|| "alerts".to_owned());
            let parts: Vec<String> =
                document.services.iter().map(part).chain(alerts).chain(document.gateway.iter().cloned()).collect();
            let first = (!parts.is_empty()).then(|| format!("config taken over: {}", parts.join(", ")));
            first.into_iter().chain(document.notes.iter().cloned()).collect()
        }
    }
}

fn part(row: &ReloadRow) -> String {
    let fields: Vec<&str> = row.fields.iter().map(|field| field.field.as_str()).collect();
    let why = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    format!("{} {}{why}", row.name, row.action)
}

fn cells(row: &ReloadRow, planned: bool) -> [String; 3] {
    let sign = match row.change.as_deref() {
        Some("added") => '+',
        Some("removed") => '-',
        Some(_) => '~',
        None => ' ',
    };
    let what = match (row.action.as_str(), planned) {
        ("started", false) => "started",
        ("started", true) => "would start",
        ("restarted", false) => "restarted",
        ("restarted", true) => "would restart",
        ("stopped", false) => "stopped",
        ("stopped", true) => "would stop",
        ("removed", false) => "stopped and removed",
        ("removed", true) => "would be stopped and removed",
        ("updated", false) => "updated while it runs",
        ("updated", true) => "would be updated while it runs",
        ("stored", false) => "taken over for its next start",
        ("stored", true) => "would be taken over for its next start",
        (other, _) => other,
    };
    let mut why: Vec<String> = row
        .fields
        .iter()
        .map(|field| {
            field.place.as_ref().map_or_else(|| field.field.clone(), |place| format!("{} ({place})", field.field))
        })
        .collect();
    if why.is_empty() {
        match (row.change.as_deref(), &row.place) {
            (Some("removed"), _) => why.push("the config does not name it".to_owned()),
            (None, _) => why.push("because of another one".to_owned()),
            (_, Some(place)) => why.push(place.clone()),
            (_, None) => {}
        }
    }
    [format!("{sign} {}", row.name), what.to_owned(), why.join(", ")]
}
