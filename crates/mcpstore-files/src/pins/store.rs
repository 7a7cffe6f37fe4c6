//! Pins on the disk: a file for each service, replaced as a whole, with the one before beside it.

use std::path::{Path, PathBuf};

use mcpstore_types::ServiceName;

use super::record::{Approved, ServicePins};
use super::text::{Decoded, decode, encode, service_of};
use crate::Fingerprint;
use crate::lock::Held;
use crate::private::{Closed, StateFileError, hold_private, put_private, read_private, set_aside};
use crate::trail::is_missing;

/// The largest file that is read. The bounds of a record make none that is larger.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of a file that are read for its first line.
const HEAD_BYTES: u64 = 4096;

/// Files that are looked at for the names of services.
const MAX_SERVICES: usize = 10_000;

/// The pins of a state folder, in `pins/`: `SERVICE.pins` for each service. Reads nothing yet.
#[derive(Clone, Debug)]
pub struct PinStore {
    folder: PathBuf,
}

/// The pins of a service, and what was wrong with their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedPins {
    /// What is pinned; nothing when there is no file.
    pub pins: ServicePins,
    /// A damage that was mended by this.
    pub damage: Option<PinsDamage>,
}

/// A damaged file of pins. What of it was whole is in use, and what it lost comes from the file before; tools that were in neither
/// count as new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinsDamage {
    /// What is wrong with it.
    pub what: String,
    /// Where the damaged file is now; `None`: it could not be set aside.
    pub set_aside: Option<PathBuf>,
    /// Tools that came from the file before.
    pub restored: usize,
}

impl PinStore {
    /// The pins of this state folder.
    #[must_use]
    pub fn in_folder(state_folder: &Path) -> Self {
        Self { folder: state_folder.join("pins") }
    }

    /// Reads the pins of a service. A damaged file is mended and set aside by this.
    ///
    /// # Errors
    /// [`StateFileError`]: the file is a link, another user's, or open to the writing of others; or what the system says.
    pub fn read(&self, service: &ServiceName) -> Result<LoadedPins, StateFileError> {
        match read_private(&self.file(service), Closed::ToWriters, MAX_FILE_BYTES)? {
            None => return Ok(LoadedPins::default()),
            Some(bytes) => {
                let Decoded { pins, fault, .. } = whole(&bytes, service);
                if fault.is_none() {
                    return Ok(LoadedPins { pins, damage: None });
                }
            }
        }
        self.edit(service, |_| ((), false)).map(|(loaded, ())| loaded)
    }

    /// Changes the pins of a service under the lock of the folder: `edit` gets them as they are on the disk, and says besides its
    /// answer whether it changed them. When this returns, the disk has what the answer rests on.
    ///
    /// # Errors
    /// As [`PinStore::read`], and the lock and writing. `edit` may have been called by then.
    pub fn edit<T>(
        &self,
        service: &ServiceName,
        edit: impl FnOnce(&mut ServicePins) -> (T, bool),
    ) -> Result<(LoadedPins, T), StateFileError> {
        let file = self.file(service);
        let held = hold_private(&file)?;
        let (mut loaded, there) = match read_private(&file, Closed::ToWriters, MAX_FILE_BYTES)? {
            None => (LoadedPins::default(), false),
            Some(bytes) => {
                let Decoded { pins, fault, .. } = whole(&bytes, service);
                match fault {
                    None => (LoadedPins { pins, damage: None }, true),
                    Some(what) => (self.mend(pins, what, service, &held), false),
                }
            }
        };
        let (answer, changed) = edit(&mut loaded.pins);
        if changed || loaded.damage.is_some() {
            if there {
                // A second name for the old file: what damage costs the new one is found there. Without it all works but that.
                let old = self.old(service);
                let _ = std::fs::remove_file(&old);
                let _ = std::fs::hard_link(&held.real, &old);
            }
            let bytes = encode(service.as_str(), &loaded.pins).map_err(|error| StateFileError::Io {
                path: file,
                step: "write",
                source: error.into(),
            })?;
            put_private(&held, &bytes)?;
        }
        Ok((loaded, answer))
    }

    /// Approves what waits under these names, if it is what was shown.
    ///
    /// # Errors
    /// As [`PinStore::edit`].
    pub fn approve(&self, service: &ServiceName, shown: &[(String, Fingerprint)]) -> Result<Approved, StateFileError> {
        let edited = self.edit(service, |pins| {
            let outcome = pins.approve(shown);
            let changed = !outcome.approved.is_empty();
            (outcome, changed)
        });
        edited.map(|(_, outcome)| outcome)
    }

    /// The services that have pins, sorted. At most 10,000.
    ///
    /// # Errors
    /// What the system says of the folder; that there is none is no error.
    pub fn services(&self) -> Result<Vec<ServiceName>, StateFileError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(source) => return Err(StateFileError::Io { path: self.folder.clone(), step: "open", source }),
        };
        let mut names = Vec::new();
        for path in entries.take(MAX_SERVICES).flatten().map(|entry| entry.path()) {
            if path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            // One that cannot be read is told by whoever reads all of it; its head may be all that is damaged.
            let Ok(Some(bytes)) = read_private(&path, Closed::ToWriters, HEAD_BYTES) else { continue };
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let name = service_of(&bytes).unwrap_or_else(|| stem.to_owned());
            names.extend(ServiceName::new(name).ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What is whole of a damaged file, and the rest from the one before; the damaged one is set aside.
    fn mend(&self, mut pins: ServicePins, what: String, service: &ServiceName, held: &Held) -> LoadedPins {
        let old = read_private(&self.old(service), Closed::ToWriters, MAX_FILE_BYTES).ok().flatten();
        let old = old.map(|bytes| decode(&bytes)).filter(|old| old.service.as_deref() == Some(service.as_str()));
        let mut restored = 0;
        for (tool, pin) in old.into_iter().flat_map(|old| old.pins.tools) {
            pins.tools.entry(tool).or_insert_with(|| {
                restored += 1;
                pin
            });
        }
        LoadedPins { pins, damage: Some(PinsDamage { what, set_aside: set_aside(held).ok(), restored }) }
    }

    fn file(&self, service: &ServiceName) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", service.file_stem()))
    }

    /// The file before this one.
    fn old(&self, service: &ServiceName) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}.old", service.file_stem()))
    }
}

/// What the names of the files end in.
const ENDING: &str = "pins";

/// Decodes a file of this service. One of another service, or one that is too large, is damaged as a whole.
fn whole(bytes: &[u8], service: &ServiceName) -> Decoded {
    let none = |what: String| Decoded { pins: decode(b"").pins, service: None, fault: Some(what) };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return none(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    let decoded = decode(bytes);
    match &decoded.service {
        Some(other) if other != service.as_str() => none(format!("it is of the service `{other}`")),
        _ => decoded,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::{Definition, NewTools, Verdict};
    use super::*;

    struct Home {
        home: tempfile::TempDir,
        store: PinStore,
        service: ServiceName,
    }

    impl Home {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let store = PinStore::in_folder(&home.path().join("state"));
            Self { home, store, service: ServiceName::new("Acme/api").unwrap() }
        }

        fn judge(&self, tools: &[(&str, &str)]) -> Verdict {
            let tools: Vec<_> = tools
                .iter()
                .map(|(name, text)| (*name, Definition::of(&format!(r#"{{"name":"{name}","description":"{text}"}}"#))))
                .collect();
            self.store.edit(&self.service, |pins| pins.judge(&tools, NewTools::Allow)).unwrap().1
        }

        fn file(&self) -> PathBuf {
            self.store.file(&self.service)
        }
    }

    #[test]
    fn pins_are_on_the_disk_and_in_nobody_elses_hands() {
        let home = Home::new();
        assert_eq!(home.store.read(&home.service).unwrap(), LoadedPins::default());
        assert!(home.store.services().unwrap().is_empty());
        assert!(home.judge(&[("a", "1")]).first_sight);
        let other = PinStore::in_folder(&home.home.path().join("state"));
        assert_eq!(other.services().unwrap(), std::slice::from_ref(&home.service));
        assert_eq!(other.read(&home.service).unwrap().pins.len(), 1);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&home.file()), mode(home.file().parent().unwrap())), (0o600, 0o700));
        assert_eq!(home.judge(&[("a", "2")]).changed.len(), 1);
        let change = other.read(&home.service).unwrap().pins.pending().remove(0);
        let approved = other.approve(&home.service, &[("a".to_owned(), change.after.fingerprint())]).unwrap();
        assert_eq!(approved.approved, ["a"]);
        assert_eq!(home.judge(&[("a", "2")]).same, ["a"]);
    }

    #[test]
    fn a_file_cut_or_flipped_anywhere_is_mended_from_the_one_before() {
        let home = Home::new();
        home.judge(&[("a", "1"), ("b", "1")]);
        home.judge(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let good = std::fs::read(home.file()).unwrap();
        let old = std::fs::read(home.store.old(&home.service)).unwrap();
        for at in (0..good.len()).step_by(7).chain([good.len() - 1]) {
            let mut flipped = good.clone();
            flipped[at] ^= 4;
            for damaged in [&good[..at], &flipped] {
                std::fs::write(home.file(), damaged).unwrap();
                std::fs::write(home.store.old(&home.service), &old).unwrap();
                let loaded = home.store.read(&home.service).unwrap();
                let damage = loaded.damage.unwrap();
                assert_eq!(std::fs::read(damage.set_aside.unwrap()).unwrap(), damaged, "{}", damage.what);
                for tool in ["a", "b"] {
                    assert!(loaded.pins.pinned(tool).is_some(), "at {at}: {tool}, {}", damage.what);
                }
                let again = home.store.read(&home.service).unwrap();
                assert_eq!((again.pins, again.damage), (loaded.pins, None), "mended");
            }
        }
        assert_eq!(home.judge(&[("a", "2")]).changed.len(), 1, "what was pinned before the damage is");
    }

    #[test]
    fn files_that_others_can_change_and_links_are_refused() {
        let home = Home::new();
        home.judge(&[("a", "1")]);
        std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(0o660)).unwrap();
        assert!(matches!(home.store.read(&home.service), Err(StateFileError::Open { mode: 0o660, .. })));
        let moved = home.home.path().join("moved");
        std::fs::rename(home.file(), &moved).unwrap();
        symlink(&moved, home.file()).unwrap();
        assert!(matches!(home.store.read(&home.service), Err(StateFileError::NotAFile { .. })));
        let edited = home.store.edit(&home.service, |_| ((), true));
        assert!(matches!(edited, Err(StateFileError::NotAFile { .. })));
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let home = Home::new();
        home.judge(&[]);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let home = &home;
                scope.spawn(move || home.judge(&[(&format!("t{n}"), "1")]));
            }
        });
        assert_eq!(home.store.read(&home.service).unwrap().pins.len(), 8);
    }
}
