//! The ledger's file, and the lock beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::LedgerError;
use super::line::{Line, Lives, account, lines};

/// Bytes of a ledger that are read; one that is longer is damaged.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// A file of fewer lines is not written anew.
const COMPACT_FROM: usize = 512;
/// A file is written anew when it has so many times the lines that it needs.
const COMPACT_TIMES: usize = 8;
/// Damaged files kept side by side; the next replaces the last.
const ASIDE: u32 = 8;

/// How long a lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);
/// How often it is tried meanwhile.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// The lock: who holds it is the manager of this folder. It goes with its process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join("ledger.lock");
        let failed = |error: io::Error| LedgerError::io(&path, error);
        let mut file = private().create(true).truncate(false).open(&path).map_err(failed)?;
        let began = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // A manager that ended just now may have a child left that is not its own program yet.
                Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < LOCK_PATIENCE => sleep(LOCK_POLL),
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(held(folder, &mut file)),
                Err(error) => return Err(failed(error.into())),
            }
        }
        // Who is told of it is helped by it; who cannot be told is locked out all the same.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn held(folder: &Path, file: &mut File) -> LedgerError {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    LedgerError::Held { folder: folder.to_owned(), pid: text.trim().parse().ok() }
}

/// The file, and what it says.
#[derive(Debug)]
pub(super) struct Book {
    path: PathBuf,
    file: File,
    lines: usize,
    lives: Lives,
    /// What an earlier manager wrote; part of `lives` too.
    earlier: Lives,
    /// Where a damaged file was put.
    pub(super) aside: Option<PathBuf>,
}

impl Book {
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError::io(path, error);
        let bytes = match File::open(path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let (lives, whole) = read(&bytes);
        let aside = if whole { None } else { Some(set_aside(path).map_err(failed)?) };
        let (file, lines) = write_anew(path, &lives).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, lines, earlier: lives.clone(), lives, aside })
    }

    /// What an earlier manager wrote, the first time it is asked for.
    pub(super) fn take_earlier(&mut self) -> Lives {
        std::mem::take(&mut self.earlier)
    }

    /// Writes a line; and, when most of the file is about what is over, the file.
    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        account(&mut self.lives, line);
        self.lines += 1;
        if self.lines >= COMPACT_FROM && self.lines >= COMPACT_TIMES * (2 * self.lives.len() + 1) {
            (self.file, self.lines) = write_anew(&self.path, &self.lives)?;
            return Ok(());
        }
        // In one piece: a manager that is killed leaves a line or none, if the disk is not full.
        self.file.write_all(&encode(line)?)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    options
}

fn encode(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What the bytes tell, and whether all of it could be read. The last line may be torn: its writer was killed.
fn read(bytes: &[u8]) -> (Lives, bool) {
    let mut lives = Lives::new();
    let mut whole = bytes.len() as u64 <= MAX_BYTES;
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Line>(&rest[..end]) {
            Ok(line) => account(&mut lives, &line),
            Err(_) => whole = false,
        }
        rest = &rest[end + 1..];
    }
    (lives, whole)
}

fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| path.with_extension(format!("damaged-{number}"));
    let free = (1..ASIDE).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(ASIDE));
    std::fs::rename(path, &free)?;
    Ok(free)
}

/// Replaces the file by one that tells these lives and no more. Returns it, open at its end, and its lines.
fn write_anew(path: &Path, lives: &Lives) -> io::Result<(File, usize)> {
    let made = path.with_extension("new");
    let _ = std::fs::remove_file(&made);
    let mut file = private().append(true).create_new(true).open(&made)?;
    let lines = lines(lives);
    let mut bytes = Vec::new();
    for line in &lines {
        bytes.extend(encode(line)?);
    }
    file.write_all(&bytes)?;
    std::fs::rename(&made, path)?;
    Ok((file, lines.len()))
}
