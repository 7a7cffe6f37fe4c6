//! Edges between members: they point strictly down.

use super::manifest;
use crate::arch::tables::{Floor, TESTKIT, TOP, floor_of};
use crate::arch::{Crate, Dep, DepKind, Rule, Violation, Workspace};

pub(in crate::arch) fn check(workspace: &Workspace, found: &mut Vec<Violation>) {
    for member in &workspace.crates {
        let Some(floor) = floor_of(&member.name) else {
            let message = format!("`{}` has no floor: add it to FLOORS in xtask/src/arch/tables.rs", member.name);
            found.push(Violation::of(Rule::Unranked, &manifest(member), message));
            continue;
        };
        for dep in member.deps.iter().filter(|dep| workspace.is_member(&dep.name)) {
            edge(member, floor, dep, found);
        }
    }
}

fn edge(member: &Crate, floor: &Floor, dep: &Dep, found: &mut Vec<Violation>) {
    // A crate turns its own features on for its tests by dev-depending on itself: no edge at all.
    if dep.name == member.name && dep.kind == DepKind::Dev {
        return;
    }
    // A member without a floor is reported at its own manifest.
    let Some(below) = floor_of(&dep.name) else { return };
    let mut report = |rule, why: String| {
        let section = if dep.kind == DepKind::Dev { "dev-depends" } else { "depends" };
        let message = format!("`{}` {section} on `{}`: {why}", member.name, dep.name);
        found.push(Violation::of(rule, &manifest(member), message));
    };
    if dep.name == TESTKIT {
        // It stands beside the house: any floor may test with it, nothing that ships may hold it.
        if dep.kind == DepKind::Normal && member.name != "mcpstore-tests" {
            report(Rule::TestkitShipped, "the testkit is for tests; make it a dev-dependency".into());
        }
    } else if below.rank == floor.rank {
        report(
            Rule::SameFloor,
            format!("both are on {}, and crates on one floor never see each other", name(floor.rank)),
        );
    } else if below.rank > floor.rank {
        report(Rule::UpwardEdge, format!("that is up, from {} to {}", name(floor.rank), name(below.rank)));
    }
}

fn name(rank: u8) -> String {
    if rank == TOP { "the top".to_owned() } else { format!("floor L{rank}") }
}
