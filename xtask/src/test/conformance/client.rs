//! The client side: every scenario that a revision requires of a client, through ours, driven by `tests/conformance`.

use anyhow::{Result, bail};

use super::checks::{self, Counts};
use super::{Args, Suite};

/// For one scenario, in milliseconds. All of them run side by side.
const SCENARIO_MS: &str = "60000";

/// Runs what `revision` requires, and tells what did not pass.
pub(super) fn hold(suite: &Suite, revision: &str, args: &Args) -> Result<Vec<String>> {
    let mut required = suite.scenarios("client", revision)?.required;
    required.retain(|scenario| args.wants(scenario));
    if required.is_empty() {
        return Ok(Vec::new());
    }
    let out = suite.root.join("target/conformance-results").join(revision).join("client");
    let mut command = suite.command(&["client", "--timeout", SCENARIO_MS]);
    match &args.scenario {
        None => command.args(["--requirements", revision]),
        Some(scenario) => command.args(["--spec-version", revision, "--scenario", scenario]),
    };
    command.arg("--command").arg(suite.root.join("target/debug/conformance-driver"));
    let status = suite.run(&mut command, &out)?;
    let mut wrong: Vec<String> = Vec::new();
    for scenario in &required {
        let counts = checks::read(&out, "", scenario);
        if let Err(what) = counts.and_then(|counts| passed(&counts)) {
            wrong.push(format!("{revision} {scenario}: {what:#}"));
        }
    }
    println!("{revision}: {} of {} required client scenarios pass", required.len() - wrong.len(), required.len());
    if wrong.is_empty() && !status.success() {
        wrong.push(format!("{revision}: the suite ended with {status}; see {}", out.display()));
    }
    Ok(wrong)
}

/// A scenario counts when something succeeded, and nothing failed.
fn passed(counts: &Counts) -> Result<()> {
    match counts.failed.first() {
        Some(first) => bail!("{} checks failed, {first}", counts.failed.len()),
        None if counts.success == 0 => bail!("nothing was checked"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_counts_only_when_something_succeeded_and_nothing_failed() {
        let verdict = |counts: Counts| passed(&counts).map_err(|error| error.to_string());
        assert_eq!(verdict(Counts { success: 1, ..Counts::default() }), Ok(()));
        assert_eq!(verdict(Counts::default()), Err("nothing was checked".into()));
        let failed = Counts { success: 1, failed: vec!["a: b".to_owned()], ..Counts::default() };
        assert_eq!(verdict(failed), Err("1 checks failed, a: b".into()));
    }
}
