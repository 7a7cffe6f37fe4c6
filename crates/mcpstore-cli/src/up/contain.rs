//! Containment: wardens for the servers, the ledger, and what an earlier manager left.

use std::sync::Arc;

use mcpstore::AdapterSet;
use mcpstore::transport::{Ledger, LedgerError, Reconciled, Stdio, WardenProgram, adopt_orphans};

use crate::control;
use crate::exit::{Exit, Failure};
use crate::paths::{Paths, look_at};

/// What launches servers so that nothing of them is ever left behind, and what there is to say about an earlier manager.
///
/// # Errors
/// [`Failure`]: another manager keeps its state in the folder, or the folder cannot be used.
pub(super) async fn adapters(paths: &Paths) -> Result<(AdapterSet, Vec<String>), Failure> {
    let ledger = match Ledger::open(&paths.state_dir) {
        Ok(ledger) => Arc::new(ledger),
        Err(error) => {
            // On the same socket too? Then that is what there is to say.
            control::refuse_taken(&paths.socket)?;
            return Err(refused(&error, paths));
        }
    };
    let reconciling = Arc::clone(&ledger);
    let found = tokio::task::spawn_blocking(move || reconciling.reconcile()).await.unwrap_or_default();
    let mut stdio = Stdio::new().with_ledger(ledger);
    if let Some(warden) = WardenProgram::this_program() {
        stdio = stdio.with_warden(warden);
        if adopt_orphans().is_ok() {
            // This program starts nothing but wardens.
            stdio = stdio.owning_all_children();
        }
    }
    Ok((AdapterSet::builtin_with(&paths.logins()).with(Arc::new(stdio)), words(&found)))
}

fn refused(error: &LedgerError, paths: &Paths) -> Failure {
    match error {
        LedgerError::Held { .. } => Failure::new(Exit::Failed, error.to_string()).next("mcpstore down"),
        other => {
            let source = std::error::Error::source(other).map(|source| format!(": {source}")).unwrap_or_default();
            Failure::new(Exit::Failed, format!("{other}{source}")).next(look_at(&paths.state_dir))
        }
    }
}

/// What was found, in lines.
fn words(found: &Reconciled) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(aside) = &found.damaged {
        lines.push(format!("the ledger was damaged; it is kept as {}", aside.display()));
    }
    if found.services > 0 {
        let pids: Vec<String> = found.managers.iter().map(ToString::to_string).collect();
        let (who, whose) = match pids.len() {
            1 => (format!("an earlier manager (pid {})", pids[0]), "its"),
            _ => (format!("earlier managers (pids {})", pids.join(", ")), "their"),
        };
        let services = counted(found.services, "service", "services");
        let head = format!("{who} ended without stopping {whose} {services}");
        let left: Vec<String> = found
            .survivors
            .iter()
            .map(|one| format!("{} ({}{})", one.service, one.processes, if one.gone { "" } else { ", still there" }))
            .collect();
        lines.push(match found.ended {
            0 => format!("{head}; 0 processes had outlived it"),
            ended => {
                let processes = counted(ended, "process", "processes");
                format!("{head}; ended {processes} that it left behind: {}", left.join(", "))
            }
        });
    }
    lines
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use mcpstore::transport::Ended;

    use super::*;

    #[test]
    fn what_was_found_is_said_in_a_line() {
        let mut found = Reconciled::default();
        assert_eq!(words(&found), [""; 0]);
        (found.managers, found.services) = (vec![7], 3);
        let head = "an earlier manager (pid 7) ended without stopping its 3 services; ";
        assert_eq!(words(&found), [format!("{head}0 processes had outlived it")]);
        found.ended = 3;
        found.survivors = vec![
            Ended { service: "a".into(), incarnation: 1, processes: 1, gone: true },
            Ended { service: "b".into(), incarnation: 2, processes: 2, gone: false },
        ];
        let lines = words(&found);
        assert_eq!(lines, [format!("{head}ended 3 processes that it left behind: a (1), b (2, still there)")]);
        found.damaged = Some("/s/ledger.damaged-1".into());
        assert_eq!(words(&found)[0], "the ledger was damaged; it is kept as /s/ledger.damaged-1");
    }
}
