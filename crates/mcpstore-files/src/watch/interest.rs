//! Which events of the system matter, decided as they come.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Mutex, PoisonError};

use notify::{Event, EventKind};

/// What the watcher of the system and the thread that looks share. Nothing in it grows with the number of events.
#[derive(Debug)]
pub(super) struct Shared {
    names: Mutex<Names>,
    /// An event about one of the files came since the last look.
    dirty: AtomicBool,
    /// The `Watch` is gone.
    stop: AtomicBool,
    /// Has room for one word: whoever looks, sees all that happened before.
    wake: SyncSender<()>,
    /// Why the system does not tell us everything.
    trouble: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Names {
    /// The files, and each link on the way to them.
    files: BTreeSet<PathBuf>,
    /// The folders they lie in.
    folders: BTreeSet<PathBuf>,
    /// Folders that something happened to: the system may have stopped to watch them.
    stale: BTreeSet<PathBuf>,
}

impl Shared {
    pub(super) const fn new(wake: SyncSender<()>) -> Self {
        Self {
            names: Mutex::new(Names { files: BTreeSet::new(), folders: BTreeSet::new(), stale: BTreeSet::new() }),
            dirty: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            wake,
            trouble: Mutex::new(None),
        }
    }

    /// From now on, these files in these folders matter.
    pub(super) fn set(&self, files: BTreeSet<PathBuf>, folders: BTreeSet<PathBuf>) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.files = files;
        names.folders = folders;
    }

    /// Takes note of what the system told. Called on its thread, which must not wait.
    pub(super) fn note(&self, event: notify::Result<Event>) {
        let matters = match event {
            // Reading a file is no change, and our own reading must not wake us.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => false,
            // Events were lost, or what they are about is not said.
            Ok(event) if event.need_rescan() || event.paths.is_empty() => true,
            Ok(event) => self.note_paths(&event.paths),
            Err(_) => true,
        };
        if matters {
            self.wake();
        }
    }

    fn note_paths(&self, paths: &[PathBuf]) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut matters = false;
        for path in paths {
            if names.files.contains(path) {
                self.dirty.store(true, Ordering::Release);
                matters = true;
            }
            if names.folders.contains(path) {
                names.stale.insert(path.clone());
                matters = true;
            }
        }
        matters
    }

    /// Folders that must be watched anew.
    pub(super) fn take_stale(&self) -> BTreeSet<PathBuf> {
        std::mem::take(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner).stale)
    }

    /// Whether one of the files had an event since this was last asked.
    pub(super) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::AcqRel)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wake(&self) {
        match self.wake.try_send(()) {
            // Full: a word is waiting already, and says the same. Gone: nobody looks any more.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use notify::event::{AccessKind, CreateKind, Flag, ModifyKind};

    use super::*;

    fn shared() -> (Shared, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        let shared = Shared::new(wake);
        shared.set(BTreeSet::from(["/a/mcp.json".into()]), BTreeSet::from(["/a".into()]));
        (shared, woken)
    }

    /// Whether this event wakes, and whether it is about a file.
    fn noted(event: Event) -> (bool, bool) {
        let (shared, woken) = shared();
        shared.note(Ok(event));
        (woken.try_recv().is_ok(), shared.take_dirty())
    }

    #[test]
    fn only_what_matters_wakes() {
        let modified = Event::new(EventKind::Modify(ModifyKind::Any));
        assert_eq!(noted(modified.clone().add_path("/a/mcp.json".into())), (true, true));
        assert_eq!(noted(modified.clone().add_path("/a/other".into())), (false, false));
        assert_eq!(noted(modified.add_path("/a/other".into()).add_path("/a/mcp.json".into())), (true, true));
        assert_eq!(noted(Event::new(EventKind::Create(CreateKind::Any)).add_path("/a".into())), (true, false));
        let opened = Event::new(EventKind::Access(AccessKind::Any)).add_path("/a/mcp.json".into());
        assert_eq!(noted(opened), (false, false));
        assert_eq!(noted(Event::new(EventKind::Other).set_flag(Flag::Rescan)), (true, false));
    }

    #[test]
    fn a_thousand_events_are_one_word() {
        let (shared, woken) = shared();
        for _ in 0..1000 {
            shared.note(Ok(Event::new(EventKind::Modify(ModifyKind::Any)).add_path("/a".into())));
        }
        assert_eq!(woken.try_iter().count(), 1);
        assert_eq!(shared.take_stale(), BTreeSet::from(["/a".into()]));
        assert!(shared.take_stale().is_empty());
    }
}
