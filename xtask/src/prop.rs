//! Deep runs of the property and model tests.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use cargo_metadata::{MetadataCommand, Package, Target};

use crate::cmd;

/// Up to this many cases the debug profile is quicker, for it has less to compile.
const DEBUG_UP_TO: u32 = 2_000;

/// A test may reject inputs; proptest's own bound of 1024 belongs to its own 256 cases.
const REJECTS_PER_CASE: u32 = 4;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Cases of each property
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// Seed of the run, to replay one; drawn and printed when not given
    #[arg(long)]
    seed: Option<u64>,
    /// Only test targets whose name contains one of these words, as in `prop_fleet`
    only: Vec<String>,
}

/// A test target with properties in it.
#[derive(Debug, PartialEq, Eq)]
struct Properties {
    package: String,
    target: String,
}

/// Runs them.
///
/// # Errors
/// When there are none, or one fails.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let chosen = chosen(all(root)?, &args.only)?;
    let seed = args.seed.unwrap_or_else(draw_seed);
    println!("prop: {} test targets, {} cases each, seed {seed}", chosen.len(), args.cases);
    for Properties { package, target } in &chosen {
        println!("  {package} {target}");
    }
    let result = cmd::run(&mut command(root, &chosen, args.cases, seed));
    println!(
        "prop: to run the same again: cargo xtask prop --cases {} --seed {seed} {}",
        args.cases,
        args.only.join(" ")
    );
    result
}

fn command(root: &Path, chosen: &[Properties], cases: u32, seed: u64) -> Command {
    let mut test = cmd::cargo(root, &["test", "--locked", "--no-fail-fast"]);
    if cases > DEBUG_UP_TO {
        // Optimised, yet with the checks of a debug build: an overflow or a debug assertion is what such a run hopes to find.
        // A profile of its own, so that the release build of the product is not thrown away for it.
        for setting in [
            "inherits='release'",
            "lto=false",
            "debug='line-tables-only'",
            "debug-assertions=true",
            "overflow-checks=true",
        ] {
            test.args(["--config", &format!("profile.prop.{setting}")]);
        }
        test.args(["--profile", "prop"]);
    }
    for Properties { package, target } in chosen {
        test.args(["--package", package, "--test", target]);
    }
    test.env("PROPTEST_CASES", cases.to_string());
    test.env("PROPTEST_RNG_SEED", seed.to_string());
    let rejects = cases.saturating_mul(REJECTS_PER_CASE);
    test.env("PROPTEST_MAX_GLOBAL_REJECTS", rejects.max(1_024).to_string());
    test.env("PROPTEST_MAX_LOCAL_REJECTS", rejects.max(65_536).to_string());
    test
}

/// Every test target of the workspace whose source speaks of proptest, or whose name says it is a property or a model test.
fn all(root: &Path) -> Result<Vec<Properties>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("failed to read the workspace with cargo metadata")?;
    let mut found = Vec::new();
    for package in &metadata.packages {
        for target in package.targets.iter().filter(|target| target.is_test()) {
            if has_properties(package, target)? {
                found.push(Properties { package: package.name.to_string(), target: target.name.clone() });
            }
        }
    }
    Ok(found)
}

fn has_properties(package: &Package, target: &Target) -> Result<bool> {
    // arch-check holds xtask's own sources; what it plants there is no property.
    if package.name.as_str() == "xtask" {
        return Ok(false);
    }
    if target.name.starts_with("prop_") || target.name.starts_with("model") {
        return Ok(true);
    }
    let text =
        std::fs::read_to_string(&target.src_path).with_context(|| format!("failed to read {}", target.src_path))?;
    Ok(text.contains("proptest!"))
}

fn chosen(all: Vec<Properties>, only: &[String]) -> Result<Vec<Properties>> {
    let names: Vec<String> = all.iter().map(|one| one.target.clone()).collect();
    let wanted = |one: &Properties| only.is_empty() || only.iter().any(|word| one.target.contains(word.as_str()));
    let chosen: Vec<Properties> = all.into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        bail!("no property test is named like {only:?}; there are: {}", names.join(", "));
    }
    Ok(chosen)
}

fn draw_seed() -> u64 {
    // The keys of a new RandomState come from the system's generator.
    RandomState::new().hash_one("mcpstore")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[&str]) -> Vec<Properties> {
        names.iter().map(|name| Properties { package: "p".into(), target: (*name).into() }).collect()
    }

    #[test]
    fn words_choose_among_the_targets() {
        let all = || targets(&["prop_fleet", "prop_unit", "model_fleet"]);
        assert_eq!(chosen(all(), &[]).unwrap().len(), 3);
        assert_eq!(chosen(all(), &["fleet".into()]).unwrap(), targets(&["prop_fleet", "model_fleet"]));
        let error = chosen(all(), &["flaet".into()]).unwrap_err().to_string();
        assert!(error.ends_with("there are: prop_fleet, prop_unit, model_fleet"), "{error}");
    }

    #[test]
    fn a_run_says_its_seed_and_its_cases_to_proptest() {
        let test = command(Path::new("."), &targets(&["prop_fleet"]), 5_000, 7);
        let env = |name: &str| {
            let found = test.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
            found.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
        };
        assert_eq!((env("PROPTEST_CASES"), env("PROPTEST_RNG_SEED")), ("5000".into(), "7".into()));
        assert_eq!(env("PROPTEST_MAX_GLOBAL_REJECTS"), "20000");
        assert!(cmd::line(&test).ends_with("--profile prop --package p --test prop_fleet"));
        assert!(!cmd::line(&command(Path::new("."), &[], 256, 7)).contains("--profile"));
    }

    #[test]
    fn a_seed_is_drawn_anew() {
        assert_ne!(draw_seed(), draw_seed());
    }
}
