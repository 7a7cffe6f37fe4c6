//! `audit`: what clients of the gateway did.

use std::time::{Duration, UNIX_EPOCH};

use mcpstore::gateway::{read_audit, verify_audit};
use serde::{Deserialize, Serialize};

use crate::args::{AuditArgs, Global};
use crate::exit::{Exit, Failure};
use crate::output::{Schema, Term, clean_line, finish, new_table, print, print_json, rfc3339, talk};
use crate::paths::Paths;

/// `mcpstore.audit/1` of a line of the log, as far as it is of a request.
#[derive(Debug, Deserialize, Serialize)]
struct Row {
    at_ms: u64,
    principal: String,
    client: Option<String>,
    session: Option<String>,
    view: Option<String>,
    method: String,
    service: Option<String>,
    tool: Option<String>,
    arguments: Option<String>,
    outcome: String,
    code: Option<i64>,
    duration_ms: u64,
    bytes_in: u64,
    bytes_out: u64,
}

/// `mcpstore.audit_check/1`.
#[derive(Serialize)]
struct CheckDoc {
    lines: u64,
    last_hash: String,
}

/// Shows the last of the log, or checks it. Needs no manager.
///
/// # Errors
/// [`Failure`]: it cannot be read, or is not as it was written.
pub(super) fn run(args: &AuditArgs, global: &Global) -> anyhow::Result<Exit> {
    let folder = Paths::resolve(global)?.state_dir;
    let json = global.output.is_json();
    if args.verify {
        let whole = verify_audit(&folder).map_err(|fault| Failure::new(Exit::Failed, fault.to_string()))?;
        if json {
            print_json(&Schema::new(
                "mcpstore.audit_check/1",
                CheckDoc { lines: whole.lines, last_hash: whole.last_hash },
            ))?;
        } else {
            print(&format!(
                "the audit log is as it was written: {} lines, the last {}\n",
                whole.lines, whole.last_hash
            ))?;
        }
        return Ok(Exit::Done);
    }
    let read = read_audit(&folder, args.lines, |line| parsed(line).is_some_and(|row| fits(&row, args)));
    let lines = read.map_err(|error| Failure::new(Exit::Failed, format!("the audit log cannot be read: {error}")))?;
    let rows: Vec<Row> = lines.iter().filter_map(|line| parsed(line)).collect();
    if json {
        for row in rows {
            print_json(&Schema::new("mcpstore.audit/1", row))?;
        }
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        talk("nothing of that kind is in the audit log");
        return Ok(Exit::Done);
    }
    let term = Term::stdout(global.color);
    let mut table = new_table(&["TIME", "WHO", "VIEW", "METHOD", "SERVICE", "WHAT", "OUTCOME", "TOOK"], &term);
    let dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), clean_line);
    for row in &rows {
        let at = UNIX_EPOCH + Duration::from_millis(row.at_ms);
        let outcome = match row.code {
            Some(code) => format!("{} {code}", row.outcome),
            None => row.outcome.clone(),
        };
        let who = match &row.client {
            Some(client) => format!("{} ({})", clean_line(&row.principal), clean_line(client)),
            None => clean_line(&row.principal),
        };
        table.add_row([
            rfc3339(at),
            who,
            dash(&row.view),
            clean_line(&row.method),
            dash(&row.service),
            dash(&row.tool),
            outcome,
            format!("{}ms", row.duration_ms),
        ]);
    }
    print(&finish(&mut table))?;
    Ok(Exit::Done)
}

/// A line of a request; `None`: it tells of the log itself, or is damaged.
fn parsed(line: &str) -> Option<Row> {
    serde_json::from_str(line).ok()
}

fn fits(row: &Row, args: &AuditArgs) -> bool {
    args.service.as_ref().is_none_or(|service| row.service.as_ref() == Some(service))
        && args.outcome.as_ref().is_none_or(|outcome| row.outcome == *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_itself_are_no_rows() {
        let call = r#"{"kind":"call","n":2,"at_ms":1,"principal":"token","method":"tools/call","service":"api","tool":"t","outcome":"error","code":-1,"duration_ms":3,"bytes_in":4,"bytes_out":5,"hash":"00"}"#;
        let row = parsed(call).unwrap();
        assert_eq!((row.service.as_deref(), row.code, row.client), (Some("api"), Some(-1), None));
        assert!(parsed(r#"{"kind":"begin","n":1,"at_ms":1,"prev":"00","hash":"00"}"#).is_none());
        let args = AuditArgs { lines: 1, service: Some("api".into()), outcome: Some("done".into()), verify: false };
        let row = parsed(call).unwrap();
        assert!(!fits(&row, &args) && fits(&row, &AuditArgs { outcome: None, ..args }));
    }
}
