//! The server side: the reference directly, and the gateway before it, lane after lane.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::lane::Lane;
use super::table::{Found, Table};
use super::{Args, Suite, checks, programs};
use crate::test::survivors::Run;

/// For one scenario, in milliseconds.
const SCENARIO_MS: &str = "30000";

/// Runs every lane, prints and keeps the table, and tells what is lost.
pub(super) fn hold(suite: &Suite, args: &Args) -> Result<Vec<String>> {
    let run = Run::begin()?;
    let tables = args.revisions().filter_map(|revision| hold_one(suite, args, revision, run.tag()).transpose());
    let tables: Result<Vec<Table>> = tables.collect();
    let left = run.end();
    let tables = tables?;
    let text: String = tables.iter().map(Table::to_string).collect();
    println!("{text}");
    let file = suite.root.join("target/conformance-results/table.txt");
    std::fs::write(&file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    let mut wrong: Vec<String> = tables.iter().flat_map(Table::wrong).collect();
    if !left.is_empty() {
        wrong.push(format!("{} process(es) outlived the suite (now killed):\n{}", left.len(), left.join("\n")));
    }
    Ok(wrong)
}

/// The table of one revision; `None` when it has nothing of what is wanted.
fn hold_one(suite: &Suite, args: &Args, revision: &'static str, tag: &str) -> Result<Option<Table>> {
    let mut scenarios = suite.scenarios("server", revision)?;
    scenarios.required.retain(|scenario| args.wants(scenario));
    scenarios.others.retain(|scenario| args.wants(scenario));
    if scenarios.required.is_empty() && scenarios.others.is_empty() {
        return Ok(None);
    }
    let mut table = Table::new(revision, scenarios, args.scenario.is_none());
    let lanes: &[Lane] = if args.direct { &[] } else { &Lane::GATEWAY };
    for lane in [Lane::Direct].iter().chain(lanes) {
        let began = Instant::now();
        let found = run_lane(suite, args, *lane, revision, tag, &table);
        println!("{revision} {}: {:.1} s", lane.name(), began.elapsed().as_secs_f64());
        table.add(*lane, found.map_err(|error| format!("{error:#}")));
    }
    Ok(Some(table))
}

fn run_lane(suite: &Suite, args: &Args, lane: Lane, revision: &str, tag: &str, table: &Table) -> Result<Found> {
    let root = &suite.root;
    let out = root.join("target/conformance-results").join(revision).join(format!("server-{}", lane.name()));
    if lane == Lane::Direct {
        let fixture = programs::fixture(root, tag, &lane.fixture(revision))?;
        return ask(suite, args, revision, &fixture.url, &out, table);
    }
    let behind = match lane {
        Lane::Http => Some(programs::fixture(root, tag, &lane.fixture(revision))?),
        Lane::Direct | Lane::Stdio | Lane::Cross => None,
    };
    let fixture = root.join("target/debug/mcpstore-fixture").display().to_string();
    let entry = lane.entry(revision, &fixture, behind.as_ref().map(|program| program.url.as_str()));
    let folder = programs::folder(lane.name(), revision);
    let log = root.join("target/conformance-results").join(format!("gateway-{}-{revision}.log", lane.name()));
    std::fs::create_dir_all(root.join("target/conformance-results"))?;
    let found = programs::gateway(root, tag, &folder, &log, &entry)
        .and_then(|gateway| ask(suite, args, revision, &gateway.url, &out, table));
    if args.keep {
        println!("kept {}", folder.display());
    } else {
        // What is left of it is in the folder for what is temporary.
        let _ = std::fs::remove_dir_all(&folder);
        let _ = folder.parent().map(std::fs::remove_dir);
    }
    found
}

/// Lets the suite talk to this address.
fn ask(suite: &Suite, args: &Args, revision: &str, url: &str, out: &Path, table: &Table) -> Result<Found> {
    let mut command = suite.command(&["server", "--url", url, "--timeout", SCENARIO_MS]);
    match &args.scenario {
        None => command.args(["--requirements", revision]),
        Some(scenario) => command.args(["--spec-version", revision, "--scenario", scenario]),
    };
    // Its verdict is on what nobody has to pass, too; ours is on what it found.
    suite.run(&mut command, out)?;
    let found = table.scenarios().map(|name| (name.to_owned(), checks::read(out, "server-", name).ok()));
    Ok(found.collect())
}
