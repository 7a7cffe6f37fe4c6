//! The server side: the reference directly, and the gateway before it, lane after lane.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};

use super::explained::Explained;
use super::lane::Lane;
use super::programs::Gateway;
use super::table::{Found, Table};
use super::{Args, Suite, checks, programs};
use crate::test::survivors::Run;

/// For one scenario, in milliseconds.
const SCENARIO_MS: &str = "30000";
/// The same where a server of the other era stands behind: some that are never scored wait there for what cannot come.
const CROSS_SCENARIO_MS: &str = "15000";
/// Where what was found is kept.
const RESULTS: &str = "target/conformance-results";

/// The scenario that wants the stream of an answer to be closed before the answer: a gateway does that where its config says
/// so.
const POLLING: &str = "server-sse-polling";

/// Lanes that are under way at once: the suite mostly waits.
const AT_ONCE: usize = 4;

/// Runs every lane, prints and keeps the table, and tells what is lost.
pub(super) fn hold(suite: &Suite, args: &Args) -> Result<Vec<String>> {
    let explained = Explained::load(&suite.root)?;
    let mut tables: Vec<Table> = Vec::new();
    for revision in args.revisions() {
        let mut scenarios = suite.scenarios("server", revision)?;
        scenarios.required.retain(|scenario| args.wants(scenario));
        scenarios.others.retain(|scenario| args.wants(scenario));
        if !(scenarios.required.is_empty() && scenarios.others.is_empty()) {
            tables.push(Table::new(revision, scenarios, args.scenario.is_none()));
        }
    }
    let run = Run::begin()?;
    let found = run_lanes(suite, args, run.tag(), &tables);
    let left = run.end();
    for (at, lane, found) in found {
        tables[at].add(lane, found.map_err(|error| format!("{error:#}")));
    }
    let text: String = tables.iter().map(|table| table.show(&explained)).collect();
    println!("{text}");
    let file = suite.root.join(RESULTS).join("table.txt");
    std::fs::write(&file, &text).with_context(|| format!("failed to write {}", file.display()))?;
    let mut wrong: Vec<String> = tables.iter().flat_map(|table| table.wrong(&explained)).collect();
    if !left.is_empty() {
        wrong.push(format!("{} process(es) outlived the suite (now killed):\n{}", left.len(), left.join("\n")));
    }
    Ok(wrong)
}

/// Runs the lanes of every table, some at once: for each its table, and what it found, in the order of the lanes.
fn run_lanes(suite: &Suite, args: &Args, tag: &str, tables: &[Table]) -> Vec<(usize, Lane, Result<Found>)> {
    let lanes = args.lanes();
    let all: Vec<_> = (0..tables.len()).flat_map(|at| lanes.iter().map(move |lane| (at, *lane))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            // The last ones first: they take the longest.
            let turn = all.len().checked_sub(1 + next.fetch_add(1, Ordering::Relaxed));
            let Some((turn, (at, lane))) = turn.map(|turn| (turn, all[turn])) else { return done };
            let began = Instant::now();
            let found = run_lane(suite, args, lane, tag, &tables[at]);
            println!("{} {}: {:.1} s", tables[at].revision(), lane.name(), began.elapsed().as_secs_f64());
            done.push((turn, (at, lane, found)));
        }
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_unstable_by_key(|(turn, _)| *turn);
    done.into_iter().map(|(_, found)| found).collect()
}

fn run_lane(suite: &Suite, args: &Args, lane: Lane, tag: &str, table: &Table) -> Result<Found> {
    let (root, revision) = (&suite.root, table.revision());
    let results = root.join(RESULTS);
    let out = results.join(revision).join(format!("server-{}", lane.name()));
    let behind = if lane.over_http() { Some(programs::fixture(root, tag, &lane.fixture(revision))?) } else { None };
    let url = behind.as_ref().map(|program| program.url.as_str());
    if let (Lane::Direct, Some(url)) = (lane, url) {
        return ask(suite, lane, url, &out, table, args.scenario.as_deref());
    }
    let fixture = root.join("target/debug/mcpstore-fixture").display().to_string();
    let service = lane.entry(revision, &fixture, url);
    let folder = programs::folder(lane.name(), revision);
    std::fs::create_dir_all(&results).with_context(|| format!("failed to make {RESULTS}"))?;
    let of = |polled: bool, out: &Path, scenario: Option<&str>| {
        let name = if polled { format!("{}-polled", lane.name()) } else { lane.name().to_owned() };
        let log = results.join(format!("gateway-{name}-{revision}.log"));
        let with = Gateway { folder: &folder, log: &log, service: &service, revision, polled };
        let gateway = programs::gateway(root, tag, &with)?;
        ask(suite, lane, &gateway.url, out, table, scenario)
    };
    let mut found = match args.scenario.as_deref() {
        Some(POLLING) => Ok(Found::new()),
        scenario => of(false, &out, scenario),
    };
    if found.is_ok() && table.scenarios().any(|scenario| scenario == POLLING) {
        found = found.and_then(|mut found| {
            let polled = of(true, &out.with_extension("polled"), Some(POLLING))?;
            found.extend(polled.into_iter().filter(|(scenario, _)| scenario == POLLING));
            Ok(found)
        });
    }
    if args.keep {
        println!("kept {}", folder.display());
    } else {
        // What is left of it is in the folder for what is temporary.
        let _ = std::fs::remove_dir_all(&folder);
        let _ = folder.parent().map(std::fs::remove_dir);
    }
    found
}

/// Lets the suite talk to this address: of one scenario, or of all.
fn ask(suite: &Suite, lane: Lane, url: &str, out: &Path, table: &Table, scenario: Option<&str>) -> Result<Found> {
    let (revision, limit) = (table.revision(), if lane.crosses() { CROSS_SCENARIO_MS } else { SCENARIO_MS });
    let mut command = suite.command(&["server", "--url", url, "--timeout", limit]);
    match scenario {
        None => command.args(["--requirements", revision]),
        Some(scenario) => command.args(["--spec-version", revision, "--scenario", scenario]),
    };
    // Its verdict is on what nobody has to pass, too; ours is on what it found.
    suite.run(&mut command, out)?;
    let found = table.scenarios().map(|name| (name.to_owned(), checks::read(out, "server-", name).ok()));
    Ok(found.collect())
}
