//! The fences of the workspace, as data and pure functions.
//!
//! [`load::load`] reads a checkout into a [`Workspace`]; [`check`] reads that value against the tables in [`tables`] and the
//! rules in [`rules`] and says every [`Violation`]. Nothing else decides: `cargo xtask arch-check` and the tests both call it.

pub(crate) mod load;
mod model;
#[cfg(test)]
mod planted;
mod rules;
mod scope;
mod source;
pub(crate) mod tables;

use std::path::Path;

use anyhow::{Result, bail};

pub(crate) use model::{Crate, Dep, DepKind, Rule, SourceFile, Violation, Workspace};

/// Everything in `workspace` that a rule forbids, ordered by place.
pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    let code = scope::read_code(workspace);
    let mut found = Vec::new();
    rules::edges::check(workspace, &mut found);
    rules::owners::check(workspace, &mut found);
    rules::manifests::check(workspace, &mut found);
    rules::shape::check(&code, &mut found);
    rules::words::check(&code, &mut found);
    rules::surface::check(&code, &mut found);
    rules::wildcard::check(&code, &mut found);
    rules::unsafety::check(&code, &mut found);
    rules::tracked::check(workspace, &mut found);
    found.sort_by(|a, b| (&a.path, a.line, a.rule).cmp(&(&b.path, b.line, b.rule)));
    found
}

/// Checks the checkout at `root` and prints what is wrong.
///
/// # Errors
/// When the checkout cannot be read, or when a rule is violated.
pub(crate) fn run(root: &Path) -> Result<()> {
    let workspace = load::load(root)?;
    let found = check(&workspace);
    for violation in &found {
        println!("{violation}");
    }
    if !found.is_empty() {
        bail!("{} violation(s) of the rules in docs/layers.md and xtask/src/arch/", found.len());
    }
    println!(
        "arch-check: {} crates, {} files, {} rules: clean",
        workspace.crates.len(),
        workspace.files.len(),
        Rule::ALL.len()
    );
    Ok(())
}
