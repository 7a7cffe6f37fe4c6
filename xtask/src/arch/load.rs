//! Reads a checkout into the model: `cargo metadata` for the members, git (or the folder) for the files.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{Crate, Dep, DepKind, SourceFile, Workspace};

/// Reads the workspace at `root`.
///
/// # Errors
/// When `cargo metadata` fails there or a file cannot be read.
pub(crate) fn load(root: &Path) -> Result<Workspace> {
    Ok(Workspace { crates: members(root)?, files: files(root)? })
}

fn members(root: &Path) -> Result<Vec<Crate>> {
    // `--no-deps` tells what the manifests declare: all the rules need, and it works with no network and no lock file.
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .with_context(|| format!("failed to read the workspace at {} with cargo metadata", root.display()))?;
    let base = metadata.workspace_root.clone();
    Ok(metadata
        .packages
        .into_iter()
        .map(|package| {
            let dir = package.manifest_path.parent().and_then(|dir| dir.strip_prefix(&base).ok());
            Crate {
                name: package.name.to_string(),
                dir: dir.map(ToString::to_string).unwrap_or_default(),
                deps: package
                    .dependencies
                    .into_iter()
                    .map(|dep| Dep { name: dep.name, kind: kind(dep.kind) })
                    .collect(),
            }
        })
        .collect())
}

fn kind(kind: DependencyKind) -> DepKind {
    match kind {
        DependencyKind::Development => DepKind::Dev,
        _ => DepKind::Normal,
    }
}

fn files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut paths = match listed_by_git(root) {
        Some(paths) => paths,
        None => {
            let mut paths = Vec::new();
            walk(root, "", &mut paths)?;
            paths
        }
    };
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let bytes = match std::fs::read(root.join(&path)) {
            Ok(bytes) => bytes,
            // git still lists a file that was deleted and not yet committed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("failed to read {path}")),
        };
        // What is not text has no lines to check.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(SourceFile { path, text });
        }
    }
    Ok(files)
}

/// Tracked files and new ones that are not ignored; nothing when `root` is not the top of a git checkout.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(root: &Path, dir: &str, paths: &mut Vec<String>) -> Result<()> {
    let place = root.join(dir);
    for entry in std::fs::read_dir(&place).with_context(|| format!("failed to list {}", place.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && name != ".git" && name != "node_modules" && !name.starts_with("target") {
            walk(root, &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::{Rule, check};

    fn write(root: &Path, path: &str, text: &str) {
        let place = root.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    #[test]
    fn a_planted_workspace_is_read_from_disk_and_its_upward_edge_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(
            root,
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
        );
        let manifest = |name: &str, tail: &str| {
            format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n[lints]\nworkspace = true\n{tail}")
        };
        write(
            root,
            "crates/mcpstore-transport/Cargo.toml",
            &manifest("mcpstore-transport", "[dependencies]\nmcpstore-runtime = { path = \"../mcpstore-runtime\" }\n"),
        );
        write(root, "crates/mcpstore-runtime/Cargo.toml", &manifest("mcpstore-runtime", ""));
        write(root, "crates/mcpstore-transport/src/lib.rs", "//! Pipes.\n");
        write(root, "crates/mcpstore-runtime/src/lib.rs", "//! Tasks.\n");
        write(root, "target/debug/left.rs", "no head line, and not ours");
        let workspace = load(root).unwrap();
        assert_eq!(workspace.crates.len(), 2);
        assert_eq!(workspace.text("crates/mcpstore-runtime/src/lib.rs"), Some("//! Tasks.\n"));
        assert_eq!(workspace.text("target/debug/left.rs"), None);
        let found: Vec<_> = check(&workspace).into_iter().map(|violation| (violation.rule, violation.path)).collect();
        assert_eq!(found, [(Rule::UpwardEdge, "crates/mcpstore-transport/Cargo.toml".to_owned())]);
    }
}
