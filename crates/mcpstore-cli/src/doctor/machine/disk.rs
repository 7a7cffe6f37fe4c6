//! Folders, and the ledger of an earlier manager.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mcpstore::ServiceSpec;
use mcpstore::transport::Ledger;
use mcpstore::types::TransportSpec;
use rustix::fs::{Access, access, statvfs};
use serde_json::Value;

use super::super::facts::{FolderFacts, FolderState};
use crate::paths::Paths;

/// Of a ledger that is longer than this, the rest is not looked at.
const MAX_LEDGER: u64 = 16 * 1024 * 1024;

pub(super) fn folders(paths: &Paths, config: &[String]) -> Vec<FolderFacts> {
    let history = look("history folder", paths.state_dir.join("history"), true, true);
    let mut folders =
        vec![look("state folder", paths.state_dir.clone(), true, true), FolderFacts { strict: true, ..history }];
    let run = paths.socket.parent().map(Path::to_path_buf).unwrap_or_default();
    if run != paths.state_dir {
        folders.push(look("socket folder", run, true, true));
    }
    let mut seen: Vec<PathBuf> = Vec::new();
    for file in config.iter().filter(|file| file.as_str() != "-") {
        let Ok(file) = std::path::absolute(file) else { continue };
        let Some(folder) = file.parent().map(Path::to_path_buf) else { continue };
        if !seen.contains(&folder) {
            seen.push(folder.clone());
            folders.push(look("config folder", folder, false, false));
        }
    }
    folders
}

fn look(role: &'static str, path: PathBuf, private: bool, writes: bool) -> FolderFacts {
    let is_link = path.is_symlink();
    // A link that leads nowhere is there too.
    let meta = path.metadata().or_else(|_| path.symlink_metadata());
    let there = meta.ok().map(|meta| FolderState {
        is_folder: meta.is_dir(),
        is_link,
        // A config may be everybody's: that of the system.
        ours: !private || meta.uid() == rustix::process::geteuid().as_raw(),
        mode: meta.permissions().mode() & 0o7777,
        writable: access(&path, Access::WRITE_OK).is_ok(),
        free_bytes: statvfs(&path).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    });
    FolderFacts { role, path, there, private, writes, strict: false }
}

/// The folders that services are to run in and that are not there.
pub(super) fn missing_cwds(services: &[ServiceSpec]) -> Vec<(PathBuf, Vec<String>)> {
    let mut missing: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for spec in services {
        let TransportSpec::Stdio(stdio) = &spec.transport else { continue };
        if let Some(cwd) = stdio.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
            missing.entry(cwd.clone()).or_default().push(spec.name.to_string());
        }
    }
    missing.into_iter().collect()
}

/// The services whose lives a ledger still has, each once; `None` when it cannot be read.
pub(super) fn left_behind(state_dir: &Path) -> Option<Vec<String>> {
    let file = match std::fs::File::open(state_dir.join(Ledger::FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Vec::new()),
        Err(_) => return None,
    };
    let mut text = Vec::new();
    file.take(MAX_LEDGER).read_to_end(&mut text).ok()?;
    Some(open_lives(&String::from_utf8_lossy(&text)))
}

/// Lines of the ledger are objects: `what` says whether a `life` begins or is over, and a beginning names its `service`.
fn open_lives(text: &str) -> Vec<String> {
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let word = |key: &str| line.get(key).and_then(Value::as_str).map(str::to_owned);
        match (word("what").as_deref(), word("life"), word("service")) {
            (Some("begin"), Some(life), Some(service)) => drop(open.insert(life, service)),
            (Some("over"), Some(life), _) => drop(open.remove(&life)),
            _ => {}
        }
    }
    let mut services: Vec<String> = open.into_values().collect();
    services.sort_unstable();
    services.dedup();
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_tells_what_is_still_there() {
        let text = "{\"what\":\"begin\",\"life\":\"1-1\",\"service\":\"a\"}\n\
                    {\"what\":\"begin\",\"life\":\"1-2\",\"service\":\"b\"}\n\
                    {\"what\":\"server\",\"life\":\"1-2\"}\n{\"what\":\"over\",\"life\":\"1-1\"}\n{\"wha";
        assert_eq!(open_lives(text), ["b"]);
        assert_eq!(open_lives(""), [""; 0]);
    }

    #[test]
    fn the_ledger_of_a_manager_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(left_behind(dir.path()), Some(Vec::new()), "there is none");
        let ledger = Ledger::open(dir.path()).unwrap();
        assert_eq!(left_behind(dir.path()), Some(Vec::new()));
        drop(ledger);
    }
}
