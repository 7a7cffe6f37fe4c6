//! The unix socket: for this user alone, in a folder that nobody else can enter.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::LineFront;
use crate::front::limits::Limits;
use crate::front::options::ListenError;
use crate::front::stats::{Counters, FrontStats};
use crate::seam::{Core, Peer};

/// After how long it is tried again when the system has no connection to give (no file left, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens on this socket and serves from now on. A socket that nobody listens on any more is replaced.
///
/// # Errors
/// [`ListenError`].
///
/// # Cancel safety
/// Nothing listens when it is dropped.
pub(crate) async fn bind_unix(
    path: &Path,
    core: Arc<dyn Core>,
    view: Option<Arc<str>>,
    limits: Limits,
) -> Result<BoundUnix, ListenError> {
    let failed = |source| ListenError::Io { what: format!("`{}`", path.display()), source };
    private_folder(path)?;
    match std::fs::symlink_metadata(path) {
        Ok(about) if !about.file_type().is_socket() => {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "something else is there")));
        }
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            return Err(ListenError::SocketInUse { path: path.to_owned() });
        }
        Ok(_) => std::fs::remove_file(path).map_err(failed)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    let counters = Arc::new(Counters::default());
    let front = LineFront {
        core,
        counters: Arc::clone(&counters),
        limits,
        peer: Peer { principal: "local".into(), view },
        grace: Duration::ZERO,
    };
    let end = CancellationToken::new();
    let task = tokio::spawn(run(listener, front, end.clone(), file));
    Ok(BoundUnix { counters, end, task })
}

/// A front that listens on a unix socket. Dropped, it ends at once, with all its connections.
#[derive(Debug)]
pub struct BoundUnix {
    counters: Arc<Counters>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl BoundUnix {
    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> FrontStats {
        self.counters.read()
    }

    /// Ends it: the socket goes, and requests under way are given up.
    ///
    /// # Cancel safety
    /// Dropped, it ends at once.
    pub async fn shutdown(mut self) {
        self.end.cancel();
        let _ = (&mut self.task).await;
    }
}

impl Drop for BoundUnix {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The socket in the file system, as long as somebody listens.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Fails when somebody has removed it already.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn run(listener: UnixListener, front: LineFront, end: CancellationToken, file: SocketFile) {
    let seats = Arc::new(Semaphore::new(front.limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            // Without a seat there is nobody to take: they wait in the queue of the system.
            accepted = listener.accept(), if seats.available_permits() > 0 => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the gateway cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !is_own(&stream) {
            front.counters.forbidden_total.up();
            continue;
        }
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
        front.counters.connections.up();
        front.counters.connections_total.up();
        let (front, end) = (front.clone(), end.clone());
        let leaves = Leaves(Arc::clone(&front.counters));
        connections.spawn(async move {
            let (_seat, _leaves) = (seat, leaves);
            let (reader, writer) = stream.into_split();
            front.serve(reader, writer, &end).await;
        });
    }
    drop((listener, file));
    while connections.join_next().await.is_some() {}
}

/// One connection less.
struct Leaves(Arc<Counters>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.connections.down();
    }
}

/// True when the other end is a process of this user, or of root.
fn is_own(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Makes sure that nobody else can reach what is in the folder of this path.
fn private_folder(path: &Path) -> Result<(), ListenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let open = |what: String| ListenError::OpenFolder { path: folder.to_owned(), what };
    if !folder.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| open(format!("it cannot be made: {error}")))?;
    }
    let about = std::fs::metadata(folder).map_err(|error| open(error.to_string()))?;
    if !about.is_dir() {
        return Err(open("it is no folder".to_owned()));
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(open("it is of another user".to_owned()));
    }
    if about.mode() & 0o077 != 0 {
        return Err(open(format!("its mode is {:o}", about.mode() & 0o777)));
    }
    Ok(())
}
