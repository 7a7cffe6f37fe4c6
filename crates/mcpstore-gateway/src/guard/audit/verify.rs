//! Whether a log is as it was written.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::chain::Link;
use super::file::{numbered, open_to_read};

/// The longest line, in bytes. Those that are written are far shorter.
pub(super) const MAX_LINE_BYTES: u64 = 64 * 1024;

/// A log that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Lines of all files.
    pub(crate) lines: u64,
    /// Its last hash, as 64 hexadecimal digits. Kept elsewhere, it shows later that nothing is missing at the end.
    pub(crate) last_hash: String,
}

/// The first line that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The file.
    pub(crate) file: PathBuf,
    /// The line, counted from 1.
    pub(crate) line: u64,
    /// What is wrong.
    pub(crate) what: &'static str,
}

/// Why a log is not known to be whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VerifyError {
    /// It is not.
    #[error("`{}` is broken at line {}: {}", broken.file.display(), broken.line, broken.what)]
    Broken {
        /// Where.
        broken: Broken,
    },
    /// It cannot be read.
    #[error("cannot read `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How far one file is whole.
pub(super) struct Walk {
    /// What its first line says of the file before.
    pub(super) prev: Link,
    /// The hash of its last whole line.
    pub(super) last: Link,
    /// The number of that line, and how many there are.
    pub(super) n: u64,
    pub(super) lines: u64,
    /// Bytes up to its end.
    pub(super) whole_bytes: u64,
    /// What is wrong behind that.
    pub(super) fault: Option<&'static str>,
    /// All that is wrong is that the last line has no end.
    pub(super) torn: bool,
}

/// Checks one file. Blocks on the disk.
///
/// # Errors
/// [`VerifyError`]: the first line that is not as it was written, or what the system says.
#[cfg(test)]
pub(crate) fn verify(file: &Path) -> Result<Verified, VerifyError> {
    let walk = walk_file(file)?;
    Ok(Verified { lines: walk.lines, last_hash: walk.last.digits() })
}

/// Checks all files of the log in this folder, and that each follows the one before. Blocks on the disk.
///
/// # Errors
/// [`VerifyError`]: the first line that is not as it was written, or what the system says.
pub(crate) fn verify_all(folder: &Path) -> Result<Verified, VerifyError> {
    let mut lines = 0;
    let mut last: Option<Link> = None;
    for file in numbered(folder).into_iter().rev().chain([super::file::current(folder)]) {
        let walk = walk_file(&file)?;
        if last.is_some_and(|last| last != walk.prev) {
            return Err(broken(&file, 1, "it does not follow the file before it"));
        }
        lines += walk.lines;
        last = Some(walk.last);
    }
    Ok(Verified { lines, last_hash: last.unwrap_or_default().digits() })
}

fn broken(file: &Path, line: u64, what: &'static str) -> VerifyError {
    VerifyError::Broken { broken: Broken { file: file.to_path_buf(), line, what } }
}

fn walk_file(file: &Path) -> Result<Walk, VerifyError> {
    let failed = |source| VerifyError::Io { file: file.to_path_buf(), source };
    let walk = walk(&open_to_read(file).map_err(failed)?).map_err(failed)?;
    match walk.fault {
        Some(what) => Err(broken(file, walk.lines + 1, what)),
        None => Ok(walk),
    }
}

#[derive(Deserialize)]
struct First<'a> {
    kind: &'a str,
    prev: &'a str,
}

#[derive(Deserialize)]
struct Numbered {
    n: u64,
}

/// Reads up to the first line that is not whole.
pub(super) fn walk(file: &File) -> io::Result<Walk> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let none = Link::default();
    let mut walk = Walk { prev: none, last: none, n: 0, lines: 0, whole_bytes: 0, fault: None, torn: false };
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? as u64;
        if bytes == 0 {
            if walk.lines == 0 {
                walk.fault = Some("it has no first line");
            }
            return Ok(walk);
        }
        let Some(whole) = line.strip_suffix(b"\n") else {
            walk.torn = bytes < MAX_LINE_BYTES;
            walk.fault = Some(if walk.torn { "it has no end" } else { "it is too long" });
            return Ok(walk);
        };
        let text = str::from_utf8(whole).unwrap_or_default();
        if walk.lines == 0 {
            let first = serde_json::from_str::<First<'_>>(text).ok().filter(|first| first.kind == "begin");
            let Some(prev) = first.and_then(|first| Link::parse(first.prev)) else {
                walk.fault = Some("it is no first line");
                return Ok(walk);
            };
            (walk.prev, walk.last) = (prev, prev);
        }
        let Some(link) = walk.last.follow(text) else {
            walk.fault = Some("it does not follow from those before it");
            return Ok(walk);
        };
        walk.last = link;
        walk.n = serde_json::from_str::<Numbered>(text).map_or(walk.n + 1, |line| line.n);
        walk.lines += 1;
        walk.whole_bytes += bytes;
    }
}
