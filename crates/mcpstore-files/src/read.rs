//! Reading a config file: bounded, never hanging, and only when nobody else can change it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcpstore_config::{MAX_SOURCE_BYTES, Source};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::judge::{self, Unsafe};
use crate::trail::{self, Trail};

/// How long all of a pipe is waited for.
pub const MAX_PIPE_WAIT: Duration = Duration::from_secs(30);

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no such file.
    #[error("there is no file `{}`", path.display())]
    Missing {
        /// Its path as it was given.
        path: PathBuf,
    },
    /// It is a folder.
    #[error("`{}` is a folder", path.display())]
    Folder {
        /// Its path as it was given.
        path: PathBuf,
    },
    /// It is neither a file nor a pipe: a device, a socket.
    #[error("`{}` is neither a file nor a pipe", path.display())]
    NotAFile {
        /// Its path as it was given.
        path: PathBuf,
    },
    /// Somebody else can change it; nothing of it was read.
    #[error("{0}")]
    Unsafe(Unsafe),
    /// It is no text in UTF-8.
    #[error(
        "`{}` is no text in UTF-8: line {line}, byte {byte}{}",
        path.display(), if *utf16 { "; it looks like UTF-16, save it as UTF-8" } else { "" }
    )]
    NotText {
        /// Its path as it was given.
        path: PathBuf,
        /// The line with the first wrong byte, counted from 1.
        line: usize,
        /// Which byte of that line it is, counted from 1.
        byte: usize,
        /// The file begins as UTF-16 does.
        utf16: bool,
    },
    /// A pipe whose writer did not finish within [`MAX_PIPE_WAIT`].
    #[error("`{}` is a pipe whose writer did not finish within {} s", path.display(), MAX_PIPE_WAIT.as_secs())]
    SlowPipe {
        /// Its path as it was given.
        path: PathBuf,
    },
    /// The system did not let us.
    #[error("cannot {step} `{}`", path.display())]
    Io {
        /// Its path as it was given.
        path: PathBuf,
        /// What was tried: `open`, `look at`, `read`.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a config file. Its name in the result is the path as it was given.
///
/// Links are followed; the file at their end is opened once and judged by what was opened. Refused are a file that everyone
/// or a group of others may write to, one of another user than us or root, and one that lies, or has a link on the way to
/// it, in a folder where everyone can replace files. A pipe of ours (`/dev/stdin`, `/dev/fd/63`) is read to its end.
/// Of a text larger than [`MAX_SOURCE_BYTES`] a little more is read than that, so that
/// [`parse`](mcpstore_config::parse()) can say so.
///
/// # Errors
///
/// [`ReadError`]: missing, a folder, no file, unsafe, no UTF-8, a pipe without an end, or what the system says.
pub fn read_source(path: &Path) -> Result<Source, ReadError> {
    Ok(Source::new(path.display().to_string(), read_text(path)?))
}

/// The text of a file that is safe.
pub(crate) fn read_text(path: &Path) -> Result<String, ReadError> {
    let mut bytes = read_bytes(path)?;
    if bytes.len() > MAX_SOURCE_BYTES {
        // Cut between characters, yet beyond the bound: it must stay too large.
        let over = (MAX_SOURCE_BYTES + 1..bytes.len()).find(|&at| bytes[at] & 0b1100_0000 != 0b1000_0000);
        bytes.truncate(over.unwrap_or(bytes.len()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let start = bytes[..good].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = bytes[..good].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        ReadError::NotText { path: path.to_path_buf(), line, byte: good - start + 1, utf16 }
    })
}

/// The bytes of a file that is safe; at most a few more than [`MAX_SOURCE_BYTES`].
fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let (mut file, meta) = open(path)?;
    let failed = |source| ReadError::Io { path: path.to_path_buf(), step: "read", source };
    // The longest character has four bytes: one that is cut in two lies beyond the bound.
    let most = MAX_SOURCE_BYTES as u64 + 5;
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(most)).unwrap_or(0) + 1);
    if !meta.file_type().is_fifo() {
        file.take(most).read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    let deadline = Instant::now() + MAX_PIPE_WAIT;
    let mut piece = vec![0; 64 * 1024];
    while (bytes.len() as u64) < most {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(ReadError::SlowPipe { path: path.to_path_buf() });
                }
                wait(&file, left).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(bytes)
}

/// Opens a file or pipe without waiting for anybody, and judges it.
fn open(path: &Path) -> Result<(File, Metadata), ReadError> {
    let named = || path.to_path_buf();
    // A named pipe without a writer would hold a blocking open for ever; a terminal must not become ours.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = file.map_err(|source| match Errno::from_io_error(&source) {
        _ if trail::is_missing(&source) => ReadError::Missing { path: named() },
        // What Linux says of a socket.
        Some(Errno::NXIO) => ReadError::NotAFile { path: named() },
        _ => ReadError::Io { path: named(), step: "open", source },
    })?;
    let look = |source| ReadError::Io { path: named(), step: "look at", source };
    let meta = file.metadata().map_err(look)?;
    if meta.is_dir() {
        return Err(ReadError::Folder { path: named() });
    }
    if !meta.is_file() && !meta.file_type().is_fifo() {
        return Err(ReadError::NotAFile { path: named() });
    }
    if !meta.is_file() {
        judge::judge_file(path, &file, &meta).map_err(ReadError::Unsafe)?;
        return Ok((file, meta));
    }
    let trail = Trail::follow(path).map_err(look)?;
    judge::judge_file(&trail.real, &file, &meta).map_err(ReadError::Unsafe)?;
    judge::judge_folders(&trail).map_err(ReadError::Unsafe)?;
    Ok((file, meta))
}

/// Waits until a pipe has something to read, or ends.
fn wait(file: &File, at_most: Duration) -> io::Result<()> {
    let timeout = Timespec { tv_sec: at_most.as_secs().cast_signed(), tv_nsec: i64::from(at_most.subsec_nanos()) };
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mcp.json");
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        (home, path)
    }

    #[test]
    fn a_text_is_read_as_it_is_under_the_name_it_was_given() {
        let (_home, path) = file("\u{feff}{ }\r\n".as_bytes());
        let source = read_source(&path).unwrap();
        assert_eq!((source.name, source.text), (path.display().to_string(), "\u{feff}{ }\r\n".to_owned()));
    }

    #[test]
    fn a_wrong_byte_has_its_place() {
        let (_home, path) = file(b"{\n  \"\xc3\xa9\": \"\xff\"\n}");
        let error = read_source(&path).unwrap_err();
        assert!(matches!(error, ReadError::NotText { line: 2, byte: 10, utf16: false, .. }), "{error}");
        let (_home, path) = file(&[0xff, 0xfe, b'{', 0]);
        assert!(read_source(&path).unwrap_err().to_string().contains("line 1, byte 1; it looks"));
    }

    #[test]
    fn a_text_over_the_bound_stays_over_it_and_a_text() {
        for shift in 0..4 {
            let mut text = " ".repeat(MAX_SOURCE_BYTES - shift);
            text.push_str(&"🞄".repeat(9));
            let (_home, path) = file(text.as_bytes());
            let read = read_source(&path).unwrap().text;
            assert!(read.len() > MAX_SOURCE_BYTES && read.len() < MAX_SOURCE_BYTES + 6, "{}", read.len());
        }
        let (_home, path) = file(&vec![b' '; MAX_SOURCE_BYTES]);
        assert_eq!(read_source(&path).unwrap().text.len(), MAX_SOURCE_BYTES);
    }

    #[test]
    fn what_is_no_file_is_said_to_be_none() {
        let (home, path) = file(b"{}");
        assert!(matches!(read_source(home.path()), Err(ReadError::Folder { .. })));
        assert!(matches!(read_source(&home.path().join("none")), Err(ReadError::Missing { .. })));
        assert!(matches!(read_source(&path.join("x")), Err(ReadError::Missing { .. })));
        assert!(matches!(read_source(Path::new("/dev/null")), Err(ReadError::NotAFile { .. })));
        let socket = home.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = read_source(&socket).unwrap_err();
        assert!(matches!(error, ReadError::NotAFile { .. } | ReadError::Io { .. }), "{error:?}");
    }
}
