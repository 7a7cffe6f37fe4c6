//! Finding the program of a child, and saying what is wrong with it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use mcpstore_types::nearest;
use rustix::fs::{Access, access};

use crate::LaunchError;

/// Names of programs that are looked at for the nearest one.
const MAX_CANDIDATES: usize = 20_000;

/// The file to execute for `command`: looked up in `path` unless it has a slash. Relative means to `cwd`.
pub(super) fn resolve(command: &str, path: Option<&OsStr>, cwd: Option<&Path>) -> Result<PathBuf, LaunchError> {
    if command.contains('/') {
        let file = cwd.map_or_else(|| PathBuf::from(command), |cwd| cwd.join(command));
        return match look(&file) {
            Found::Program => Ok(file),
            Found::NotExecutable => Err(LaunchError::NotExecutable { path: file }),
            Found::Nothing => {
                let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
                let base = file.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned();
                let near = nearest_in(&base, std::slice::from_ref(&folder));
                let nearest = near.map(|near| folder.join(near).display().to_string());
                Err(LaunchError::NotFound { program: command.to_owned(), searched: vec![file], nearest })
            }
        };
    }
    // An empty entry means the working directory to a shell; to us it means nothing, for safety.
    // A relative one is meant from where the child will be.
    let folders: Vec<PathBuf> = path
        .map(std::env::split_paths)
        .into_iter()
        .flatten()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| cwd.map_or_else(|| folder.clone(), |cwd| cwd.join(&folder)))
        .collect();
    let mut blocked = None;
    if !command.is_empty() {
        for folder in &folders {
            let file = folder.join(command);
            match look(&file) {
                Found::Program => return Ok(file),
                Found::NotExecutable => blocked = blocked.or(Some(file)),
                Found::Nothing => {}
            }
        }
    }
    if let Some(path) = blocked {
        return Err(LaunchError::NotExecutable { path });
    }
    let nearest = nearest_in(command, &folders);
    Err(LaunchError::NotFound { program: command.to_owned(), searched: folders, nearest })
}

enum Found {
    Program,
    NotExecutable,
    Nothing,
}

fn look(file: &Path) -> Found {
    match fs::metadata(file) {
        Ok(meta) if meta.is_file() && access(file, Access::EXEC_OK).is_ok() => Found::Program,
        Ok(_) => Found::NotExecutable,
        Err(_) => Found::Nothing,
    }
}

/// The nearest program that exists in these folders.
fn nearest_in(name: &str, folders: &[PathBuf]) -> Option<String> {
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let names: BTreeSet<String> =
        entries.take(MAX_CANDIDATES).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let near = nearest(name, &names)?;
    folders.iter().any(|folder| matches!(look(&folder.join(near)), Found::Program)).then(|| near.to_owned())
}

/// The interpreter named in the `#!` line of a script.
pub(super) fn interpreter(file: &Path) -> Option<String> {
    let mut head = [0; 256];
    let read = fs::File::open(file).and_then(|mut file| file.read(&mut head)).ok()?;
    let line = head[..read].split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line.strip_prefix(b"#!")?).into_owned();
    line.split_whitespace().next().map(ToOwned::to_owned)
}
