//! Taking the control socket: private, and only one manager at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixListener;

use crate::exit::{Exit, Failure};
use crate::paths::{look_at, make_private_dir};

/// A bound socket. Dropping it removes the socket and lets the next manager in.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    socket: PathBuf,
    /// Device and inode of the socket we made: a file that somebody else put there is not ours to remove.
    made: (u64, u64),
    lock: Lock,
}

impl Drop for Bound {
    fn drop(&mut self) {
        if identity(&self.socket).is_some_and(|found| found == self.made) {
            let _ = std::fs::remove_file(&self.socket);
        }
        let _ = std::fs::remove_file(&self.lock.path);
    }
}

/// Binds the socket, for this user only. A socket that a dead manager left behind is replaced.
///
/// Who holds the lock beside the socket is the manager; it goes with its process, however that ends.
///
/// # Errors
/// Another manager runs there, something that is no socket lies there, or the folder cannot be used.
pub(super) fn bind(socket: &Path) -> Result<Bound, Failure> {
    let cannot = |what: &str, error: &io::Error| {
        Failure::new(Exit::Failed, format!("the control socket {} cannot {what}: {error}", socket.display()))
            .next(look_at(socket))
    };
    let folder = socket.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_private_dir(folder).map_err(|error| cannot("have its folder", &error))?;
    let lock = match Lock::take(socket).map_err(|error| cannot("be locked", &error))? {
        Ok(lock) => lock,
        Err(pid) => return Err(taken(socket, pid)),
    };
    refuse_what_is_there(socket)?;
    let listener = listen(folder, socket).map_err(|error| cannot("be bound", &error))?;
    let made = identity(socket).unwrap_or_default();
    Ok(Bound { listener, socket: socket.to_owned(), made, lock })
}

/// Says who runs on this socket, if anybody does.
///
/// # Errors
/// As [`bind`]. Otherwise the socket is left free.
pub(crate) fn refuse_taken(socket: &Path) -> Result<(), Failure> {
    bind(socket).map(drop)
}

fn taken(socket: &Path, pid: Option<i32>) -> Failure {
    let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let message = format!("another mcpstore up{pid} runs on this socket: {}", socket.display());
    Failure::new(Exit::Failed, message).next("mcpstore down")
}

/// Lets a dead socket pass, and nothing else.
fn refuse_what_is_there(socket: &Path) -> Result<(), Failure> {
    let Ok(found) = std::fs::symlink_metadata(socket) else { return Ok(()) };
    if !found.file_type().is_socket() {
        let message = format!("{} exists and is no socket", socket.display());
        return Err(Failure::new(Exit::Failed, message).next(look_at(socket)));
    }
    match StdStream::connect(socket) {
        // Somebody listens there without our lock: not one of ours, and not ours to replace.
        Ok(_) => Err(taken(socket, None)),
        Err(_) => Ok(()),
    }
}

/// Listens on a socket that nobody else can have opened before its mode is 0600.
fn listen(folder: &Path, socket: &Path) -> io::Result<UnixListener> {
    let own = std::fs::metadata(folder)
        .is_ok_and(|found| found.mode() & 0o077 == 0 && found.uid() == rustix::process::geteuid().as_raw());
    let listener = if own {
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        bind_private(socket)?
    } else {
        // Others may look into the folder: the socket is made in one of our own, and moved when it is ready.
        let hidden = folder.join(format!(".mcpstore-{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&hidden)?;
        let made = hidden.join("s");
        let bound = bind_private(&made).and_then(|listener| std::fs::rename(&made, socket).map(|()| listener));
        let _ = std::fs::remove_file(&made);
        let _ = std::fs::remove_dir(&hidden);
        bound?
    };
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn bind_private(path: &Path) -> io::Result<StdListener> {
    let listener = StdListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

/// The lock beside a socket, held while the manager lives.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock, or tells who holds it.
    fn take(socket: &Path) -> io::Result<Result<Self, Option<i32>>> {
        let mut name = socket.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut text = String::new();
                    let _ = io::Read::by_ref(&mut file).take(32).read_to_string(&mut text);
                    return Ok(Err(text.trim().parse().ok()));
                }
                Err(error) => return Err(error.into()),
            }
            // Its last holder may have removed it between our opening and our locking: then it locks nobody out.
            let opened = file.metadata()?;
            if identity(&path) != Some((opened.dev(), opened.ino())) {
                continue;
            }
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            return Ok(Ok(Self { path, _file: file }));
        }
    }
}
