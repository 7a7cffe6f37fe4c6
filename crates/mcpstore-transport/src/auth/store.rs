//! Logins on disk: a file for each service, for this user only.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mcpstore_types::ServiceName;
use rustix::fs::FlockOperation;

use crate::auth::record::Record;

/// The most bytes of a file that are read.
const MAX_BYTES: u64 = 256 * 1024;

/// A folder (0700) with one file (0600) for each service that somebody logged in to.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
}

/// Held while the tokens of one service are renewed, in whichever process. Dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Renewing {
    _file: File,
}

impl Store {
    /// The store in this folder, which is made when something is kept.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn path(&self, service: &ServiceName) -> PathBuf {
        self.dir.join(format!("{}.json", service.file_stem()))
    }

    /// What is kept for a service, when it was kept for this address. A file that cannot be understood counts as none.
    pub(crate) fn load(&self, service: &ServiceName, url: &str) -> io::Result<Option<Record>> {
        Ok(self.peek(service)?.filter(|record| record.url == url))
    }

    /// The file of a service, when there is one.
    pub(crate) fn stamp(&self, service: &ServiceName) -> Option<Metadata> {
        std::fs::symlink_metadata(self.path(service)).ok()
    }

    /// What is kept for a service, whatever its address was.
    pub(crate) fn peek(&self, service: &ServiceName) -> io::Result<Option<Record>> {
        let file = match open(&self.path(service), OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut text)?;
        let record = serde_json::from_slice(&text).ok();
        Ok(record.filter(|record: &Record| record.version == Record::VERSION))
    }

    /// Keeps a record: replaces the file in one step, so that no reader and no crash sees half of it.
    pub(crate) fn save(&self, service: &ServiceName, record: &Record) -> io::Result<()> {
        self.make_dir()?;
        let path = self.path(service);
        let fresh = path.with_extension(format!("{}.new", std::process::id()));
        let written = self.write(&fresh, record).and_then(|()| std::fs::rename(&fresh, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&fresh);
        }
        written?;
        File::open(&self.dir)?.sync_all()
    }

    fn write(&self, path: &Path, record: &Record) -> io::Result<()> {
        // Left by a process that died half-way and had our number.
        let _ = std::fs::remove_file(path);
        let mut file = open(path, OpenOptions::new().write(true).create_new(true))?;
        // The umask may have taken bits away, never added any.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(&serde_json::to_vec_pretty(record)?)?;
        file.sync_all()
    }

    /// Forgets a service; false when nothing was kept.
    pub(crate) fn remove(&self, service: &ServiceName) -> io::Result<bool> {
        match std::fs::remove_file(self.path(service)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until nobody else renews the tokens of this service. Blocks.
    pub(crate) fn renewing(&self, service: &ServiceName) -> io::Result<Renewing> {
        self.make_dir()?;
        let path = self.dir.join(format!("{}.lock", service.file_stem()));
        let file = open(&path, OpenOptions::new().write(true).create(true).truncate(false))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(Renewing { _file: file })
    }

    fn make_dir(&self) -> io::Result<()> {
        if !self.dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        }
        // Also when it was there: tokens are no business of anybody else.
        std::fs::set_permissions(&self.dir, Permissions::from_mode(0o700))
    }
}

/// Opens a file for this user only, and follows no link.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options.mode(0o600).custom_flags(no_follow).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::record::tests::record;

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_kept_comes_back_and_is_for_this_user_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("a/auth"));
        let (api, kept) = (name("@x/api"), record("https://api/mcp", "https://as", 5));
        assert_eq!(store.load(&api, "https://api/mcp").unwrap(), None);
        store.save(&api, &kept).unwrap();
        store.save(&api, &kept).unwrap();
        assert_eq!(store.load(&api, "https://api/mcp").unwrap(), Some(kept));
        assert_eq!(mode(&store.dir), 0o700);
        assert_eq!(mode(&store.path(&api)), 0o600);
        let files: Vec<_> = std::fs::read_dir(&store.dir).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files.len(), 1, "nothing half-written is left: {files:?}");
        assert!(store.remove(&api).unwrap() && !store.remove(&api).unwrap());
    }

    #[test]
    fn a_login_is_bound_to_its_service_and_its_address() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        store.save(&name("api"), &record("https://api/mcp", "https://as", 5)).unwrap();
        assert_eq!(store.load(&name("api"), "https://evil/mcp").unwrap(), None);
        assert_eq!(store.load(&name("web"), "https://api/mcp").unwrap(), None);
    }

    #[test]
    fn a_replacement_never_writes_into_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        let api = name("api");
        store.save(&api, &record("https://api/mcp", "https://one", 5)).unwrap();
        let mut before = File::open(store.path(&api)).unwrap();
        store.save(&api, &record("https://api/mcp", "https://two", 5)).unwrap();
        let mut text = String::new();
        before.read_to_string(&mut text).unwrap();
        assert!(text.contains("https://one"), "who reads the old file reads all of it");
        assert_eq!(store.peek(&api).unwrap().unwrap().issuer, "https://two");
    }

    #[test]
    fn links_are_not_followed_and_rubbish_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("auth"));
        let api = name("api");
        store.save(&api, &record("u", "i", 5)).unwrap();
        std::fs::write(store.path(&api), b"{\"version\":1,\"url\":").unwrap();
        assert_eq!(store.peek(&api).unwrap(), None);
        let elsewhere = dir.path().join("elsewhere");
        std::fs::write(&elsewhere, b"{}").unwrap();
        std::fs::remove_file(store.path(&api)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, store.path(&api)).unwrap();
        assert!(store.peek(&api).is_err());
        store.save(&api, &record("u", "i", 5)).unwrap();
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"{}", "the link was replaced, not followed");
    }

    #[test]
    fn one_process_renews_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().to_owned());
        let api = name("api");
        let held = store.renewing(&api).unwrap();
        let path = dir.path().join("api.lock");
        let other = File::open(&path).unwrap();
        assert!(rustix::fs::flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(held);
        rustix::fs::flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
    }
}
