//! Which folders the system watches for us, kept in step with where the paths lead.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher};

use super::interest::Shared;
use super::stamp::Stamp;
use crate::trail::Trail;

/// How often the paths are followed anew when they moved while watches were set; the next look goes on from there.
const MAX_ROUNDS: usize = 4;

/// The watches of the system.
pub(super) struct Arms {
    /// `None` where the system has none to give: then looking from time to time must do.
    watcher: Option<RecommendedWatcher>,
    /// The folders that are watched, each with its device and inode.
    armed: BTreeMap<PathBuf, (u64, u64)>,
    shared: Arc<Shared>,
}

impl Arms {
    /// No watch of the system at all: for tests of what is left then.
    #[cfg(test)]
    pub(super) const fn without_events(shared: Arc<Shared>) -> Self {
        Self { watcher: None, armed: BTreeMap::new(), shared }
    }

    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let noting = Arc::clone(&shared);
        let watcher = RecommendedWatcher::new(move |event| noting.note(event), Config::default());
        if let Err(error) = &watcher {
            shared.set_trouble(Some(error.to_string()));
        }
        Self { watcher: watcher.ok(), armed: BTreeMap::new(), shared }
    }

    /// Watches what these paths lead to now, and tells its state. What changes after the states were taken is told by
    /// events, as far as the system can.
    pub(super) fn refresh(&mut self, paths: &[PathBuf]) -> Vec<Stamp> {
        let mut trails = follow(paths);
        for _ in 0..MAX_ROUNDS {
            self.arm(&trails);
            // A link may have moved before its folder was watched.
            let again = follow(paths);
            if names(&again) == names(&trails) {
                break;
            }
            trails = again;
        }
        let stamp = |(path, trail): (&PathBuf, &Result<Trail, _>)| match trail {
            Ok(trail) => Stamp::of(trail),
            Err(error) => Stamp::lost(path, std::io::Error::kind(error)),
        };
        paths.iter().zip(&trails).map(stamp).collect()
    }

    fn arm(&mut self, trails: &[std::io::Result<Trail>]) {
        let found = || trails.iter().flatten();
        let folders: BTreeSet<PathBuf> = found().flat_map(Trail::folders).map(Path::to_path_buf).collect();
        // Before the watches are set: an event that comes at once must find its name.
        self.shared.set(names(trails), folders.clone());
        let Some(watcher) = &mut self.watcher else { return };
        let stale = self.shared.take_stale();
        let mut trouble = None;
        for folder in &folders {
            let identity = std::fs::symlink_metadata(folder).map(|meta| (meta.dev(), meta.ino())).ok();
            if identity.is_some() && self.armed.get(folder).copied() == identity && !stale.contains(folder) {
                continue;
            }
            if self.armed.remove(folder).is_some() {
                // Mostly it ended by itself, with the folder.
                let _ = watcher.unwatch(folder);
            }
            // Gone meanwhile: the next round follows the path anew.
            let Some(identity) = identity else { continue };
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.armed.insert(folder.clone(), identity)),
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        self.armed.retain(|folder, _| {
            let wanted = folders.contains(folder);
            if !wanted {
                let _ = watcher.unwatch(folder);
            }
            wanted
        });
        self.shared.set_trouble(trouble);
    }
}

fn follow(paths: &[PathBuf]) -> Vec<std::io::Result<Trail>> {
    paths.iter().map(|path| Trail::follow(path)).collect()
}

fn names(trails: &[std::io::Result<Trail>]) -> BTreeSet<PathBuf> {
    trails.iter().flatten().flat_map(|trail| trail.names.iter().cloned()).collect()
}
