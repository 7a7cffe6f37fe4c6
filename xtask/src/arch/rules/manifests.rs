//! What the manifests and clippy.toml files must say.

use std::collections::BTreeSet;

use super::manifest;
use crate::arch::tables::{BAN_LIST, BANNED, UNSAFE_CRATE, is_pure};
use crate::arch::{Crate, Rule, Violation, Workspace};

pub(in crate::arch) fn check(workspace: &Workspace, found: &mut Vec<Violation>) {
    root(workspace, found);
    for member in &workspace.crates {
        let path = manifest(member);
        let text = workspace.text(&path).unwrap_or_default();
        if member.name == UNSAFE_CRATE {
            repeats_lints(workspace, &path, text, found);
        } else if !takes_workspace_lints(text) {
            found.push(Violation::of(Rule::LintsTable, &path, "add `[lints]` with `workspace = true`"));
        }
        versions(&path, text, found);
        if is_pure(&member.name) {
            bans(workspace, member, found);
        }
    }
}

fn root(workspace: &Workspace, found: &mut Vec<Violation>) {
    let text = workspace.text("Cargo.toml").unwrap_or_default();
    let forbids = |(_, line): (usize, &str)| compact(line) == "unsafe_code=\"forbid\"";
    if !section(text, "workspace.lints.rust").any(forbids) {
        let message = "`[workspace.lints.rust]` must say `unsafe_code = \"forbid\"`";
        found.push(Violation::of(Rule::UnsafeForbid, "Cargo.toml", message));
    }
}

fn takes_workspace_lints(text: &str) -> bool {
    section(text, "lints").any(|(_, line)| compact(line) == "workspace=true")
        || section(text, "").any(|(_, line)| compact(line) == "lints.workspace=true")
}

/// Cargo takes no exception beside `workspace = true`: the crate that needs one says all the rest word for word.
fn repeats_lints(workspace: &Workspace, path: &str, text: &str, found: &mut Vec<Violation>) {
    let root = workspace.text("Cargo.toml").unwrap_or_default();
    for tool in ["rust", "rustdoc", "clippy"] {
        let lints = |text: &str, name: &str| -> BTreeSet<String> {
            let lines = section(text, name).map(|(_, line)| compact(line));
            lines.filter(|line| !line.is_empty()).collect()
        };
        let mut wanted = lints(root, &format!("workspace.lints.{tool}"));
        if wanted.remove("unsafe_code=\"forbid\"") {
            wanted.insert("unsafe_code=\"deny\"".to_owned());
        }
        for differs in wanted.symmetric_difference(&lints(text, &format!("lints.{tool}"))) {
            let message = format!("`[lints.{tool}]` must repeat the workspace's, with `unsafe_code` denied: {differs}");
            found.push(Violation::of(Rule::LintsTable, path, message));
        }
    }
}

fn versions(path: &str, text: &str, found: &mut Vec<Violation>) {
    let mut in_deps = false;
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = header(line) {
            in_deps = name.contains("dependencies");
        } else if in_deps && states_version(&compact(line)) {
            let message = format!(
                "`{}` states a version: put it in the root's [workspace.dependencies], here `workspace = true`",
                line.trim()
            );
            found.push(Violation::at(Rule::VersionInMember, path, number + 1, message));
        }
    }
}

/// True for `name="1"`, `name={version="1"}` and `version="1"`, without spaces.
fn states_version(line: &str) -> bool {
    let Some((key, value)) = line.split_once('=') else { return false };
    let plain = value.starts_with('"') && !["path", "package", "git", "branch", "tag", "rev"].contains(&key);
    plain || value.contains("{version=") || value.contains(",version=")
}

fn bans(workspace: &Workspace, member: &Crate, found: &mut Vec<Violation>) {
    let path = format!("{}/clippy.toml", member.dir);
    let Some(text) = workspace.text(&path) else {
        let message = format!("a pure crate has a clippy.toml: copy {BAN_LIST}");
        found.push(Violation::of(Rule::BanList, &path, message));
        return;
    };
    if path == BAN_LIST {
        for banned in BANNED.iter().filter(|banned| !text.contains(&format!("\"{banned}\""))) {
            found.push(Violation::of(Rule::BanList, &path, format!("`{banned}` is no longer banned")));
        }
    } else if workspace.text(BAN_LIST).is_some_and(|model| model != text) {
        found.push(Violation::of(
            Rule::BanList,
            &path,
            format!("it differs from {BAN_LIST}: pure crates share one ban list"),
        ));
    }
}

/// The name in a `[section]` line.
fn header(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    line.strip_prefix('[')?.strip_suffix(']')
}

/// A line without its spaces and its comment.
fn compact(line: &str) -> String {
    line.split('#').next().unwrap_or_default().split_whitespace().collect()
}

/// The numbered lines of one section of a manifest; the part before the first header is section "".
fn section<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let mut current = "";
    text.lines().enumerate().filter(move |(_, line)| match header(line) {
        Some(found) => {
            current = found;
            false
        }
        None => current == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_from_the_rest() {
        for line in [
            "serde=\"1\"",
            "serde={version=\"1\",features=[\"a\"]}",
            "serde={optional=true,version=\"1\"}",
            "version=\"1\"",
        ] {
            assert!(states_version(line), "{line}");
        }
        for line in [
            "serde.workspace=true",
            "serde={workspace=true,features=[\"std\"]}",
            "path=\"../x\"",
            "features=[\"a\"]",
            "",
        ] {
            assert!(!states_version(line), "{line}");
        }
    }

    #[test]
    fn sections_end_at_the_next_header() {
        let text = "a = 1\n[lints] # here\nworkspace = true\n[features]\nworkspace = false\n";
        assert_eq!(section(text, "lints").collect::<Vec<_>>(), [(2, "workspace = true")]);
        assert_eq!(section(text, "").collect::<Vec<_>>(), [(0, "a = 1")]);
        assert!(
            takes_workspace_lints(text)
                && takes_workspace_lints("lints.workspace = true\n")
                && !takes_workspace_lints("[lints.rust]\n")
        );
    }
}
