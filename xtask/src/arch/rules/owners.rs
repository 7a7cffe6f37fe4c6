//! Crates from outside: only where they belong.

use super::manifest;
use crate::arch::tables::{IMPURE, OWNERS, is_pure};
use crate::arch::{Crate, Dep, Rule, Violation, Workspace};

pub(in crate::arch) fn check(workspace: &Workspace, found: &mut Vec<Violation>) {
    for member in &workspace.crates {
        for dep in member.deps.iter().filter(|dep| !workspace.is_member(&dep.name)) {
            owned(member, dep, found);
            if is_pure(&member.name) && IMPURE.contains(&dep.name.as_str()) {
                let message = format!(
                    "`{}` is pure and depends on `{}`: no I/O, tasks, clocks or chance there",
                    member.name, dep.name
                );
                found.push(Violation::of(Rule::PureIo, &manifest(member), message));
            }
        }
    }
}

fn owned(member: &Crate, dep: &Dep, found: &mut Vec<Violation>) {
    let Some((_, owners)) = OWNERS.iter().find(|(name, _)| *name == dep.name) else { return };
    if !owners.contains(&member.name.as_str()) {
        let message = format!("`{}` depends on `{}`, which belongs to {}", member.name, dep.name, owners.join(", "));
        found.push(Violation::of(Rule::ForeignOwner, &manifest(member), message));
    }
}
