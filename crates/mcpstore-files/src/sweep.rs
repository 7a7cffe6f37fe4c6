//! The names of half-written files, and taking away those that a killed writer left.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const BEFORE: &str = ".mcpstore-";
const AFTER: &str = ".tmp";

/// Names of a folder that are looked at; in a folder of more, what a killed writer left may stay.
const MAX_LOOKED_AT: usize = 10_000;

/// A name in `folder` for a file that is being written: hidden, and not used before by this process.
pub(crate) fn fresh_name(folder: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    folder.join(format!("{BEFORE}{}-{}{AFTER}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// Removes what killed writers left in `folder`. Under its lock only: there, nobody is writing.
///
/// What cannot be removed stays; it harms nobody.
pub(crate) fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.take(MAX_LOOKED_AT).flatten() {
        let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_half_written(&entry.file_name()) && is_file() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// True for exactly the names that [`fresh_name`] gives.
fn is_half_written(name: &OsStr) -> bool {
    let numbers = name.to_str().and_then(|name| name.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(pid, nth)| is_number(pid) && is_number(nth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_writer_left_goes_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let left = fresh_name(home.path());
        assert_ne!(left, fresh_name(home.path()));
        let others = [".mcpstore-1-.tmp", ".mcpstore-notes.tmp", "mcpstore-1-1.tmp", ".mcpstore-1-1.tmp.bak"];
        let others = others.map(|name| home.path().join(name));
        for path in others.iter().chain([&left]) {
            std::fs::write(path, "").unwrap();
        }
        std::fs::create_dir(home.path().join(".mcpstore-1-1.tmp")).unwrap();
        sweep(home.path());
        assert!(!left.exists());
        assert!(others.iter().all(|path| path.exists()));
        assert!(home.path().join(".mcpstore-1-1.tmp").is_dir());
    }
}
