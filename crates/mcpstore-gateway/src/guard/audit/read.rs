//! Reading a log back, for people.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::file::{current, numbered, open_to_read};
use super::verify::MAX_LINE_BYTES;

/// The last lines of the log of this folder that `wanted` takes, at most so many, the oldest first. Blocks on the disk.
///
/// # Errors
/// What the system says; that there is no log is no error.
pub(crate) fn last(folder: &Path, most: usize, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for file in std::iter::once(current(folder)).chain(numbered(folder)) {
        let mut found = std::collections::VecDeque::new();
        let file = match open_to_read(&file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::with_capacity(64 * 1024, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let Ok(text) = str::from_utf8(line.trim_ascii_end()) else { continue };
            if wanted(text) {
                found.push_back(text.to_owned());
                if found.len() + out.len() > most {
                    found.pop_front();
                }
            }
        }
        let mut all: Vec<String> = found.into();
        all.append(&mut out);
        out = all;
        if out.len() >= most {
            break;
        }
    }
    Ok(out)
}
