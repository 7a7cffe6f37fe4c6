//! Everything that is checked without running the product.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cmd::{self, Steps};
use crate::{arch, codegen};

/// Runs every check, also after one failed, and gives one verdict.
///
/// # Errors
/// When a check failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new("lint");
    steps.run("fmt", || cmd::run(&mut cmd::cargo(root, &["fmt", "--all", "--", "--check"])));
    steps.run("arch-check", || arch::run(root));
    steps.run("codegen", || codegen::run(root, true));
    steps.run("clippy", || clippy(root));
    steps.run("docs", || docs(root));
    let skipped = deny(root, &mut steps);
    steps.finish(&skipped.join("; "))
}

fn clippy(root: &Path) -> Result<()> {
    cmd::run(&mut cmd::cargo(
        root,
        &["clippy", "--workspace", "--all-targets", "--locked", "--features", cmd::FEATURES, "--", "-D", "warnings"],
    ))?;
    // The program as it is built by default.
    cmd::run(&mut cmd::cargo(root, &["clippy", "--package", "mcpstore-cli", "--locked", "--", "-D", "warnings"]))
}

fn docs(root: &Path) -> Result<()> {
    let mut doc = cmd::cargo(root, &["doc", "--workspace", "--no-deps", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    let line = cmd::line(&doc);
    println!("$ {line}");
    let output = doc.output().with_context(|| format!("failed to start `{line}`"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    // Cargo's own warnings (two targets that document to one file) do not obey RUSTDOCFLAGS.
    if let Some(warning) = said.lines().find(|line| line.starts_with("warning:")) {
        bail!("`{line}` warned: {warning}");
    }
    Ok(())
}

/// Licences, bans and sources, and the advisories where their database can be had. Returns what was skipped, and why.
fn deny(root: &Path, steps: &mut Steps) -> Vec<&'static str> {
    let quiet = |args: &[&str]| cmd::cargo(root, args).output().is_ok_and(|output| output.status.success());
    if !quiet(&["deny", "--version"]) {
        return vec!["deny skipped: cargo-deny is not installed (`cargo install --locked cargo-deny` gets it)"];
    }
    let mut check = cmd::cargo(root, &["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
    let advisories = quiet(&["deny", "fetch", "db"]);
    if advisories {
        check.arg("advisories");
    }
    steps.run("deny", || cmd::run(&mut check));
    if advisories { vec![] } else { vec!["deny advisories skipped: their database cannot be fetched from here"] }
}
