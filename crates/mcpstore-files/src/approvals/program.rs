//! Which file a command is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use mcpstore_types::{Secret, StdioSpec};
use rustix::fs::{Access, access};

/// The file that would be executed: looked up in the `PATH` that the service's own `env` sets, else in `path_variable`, unless
/// the command has a slash. Relative means to the service's working directory. Links are not followed. `None` when there is no
/// such program.
#[must_use]
pub fn find_program(stdio: &StdioSpec, path_variable: Option<&OsStr>) -> Option<PathBuf> {
    let within = |path: &Path| {
        let path = stdio.cwd.as_deref().map_or_else(|| path.to_path_buf(), |cwd| cwd.join(path));
        std::path::absolute(path).ok()
    };
    if stdio.command.contains('/') {
        return within(Path::new(&stdio.command)).filter(|file| is_program(file));
    }
    let own = stdio.env.get("PATH").map(Secret::expose).map(OsStr::new);
    // An empty entry means the working directory to a shell; a launch passes it over, and so does this.
    let mut folders = std::env::split_paths(own.or(path_variable)?).filter(|folder| !folder.as_os_str().is_empty());
    folders.find_map(|folder| within(&folder.join(&stdio.command)).filter(|file| is_program(file)))
}

/// The file that a program beside a server would be: of a probe, a condition or an alert sink.
pub(super) fn find_beside(command: &str, path_variable: Option<&OsStr>) -> Option<PathBuf> {
    find_program(&StdioSpec { command: command.to_owned(), ..StdioSpec::default() }, path_variable)
}

fn is_program(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn the_first_program_of_the_path_is_found() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for (name, mode) in [("one/x", 0o644), ("two/x", 0o755), ("three/x", 0o755)] {
            std::fs::create_dir(at(name).parent().unwrap()).unwrap();
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(at(name)).unwrap();
        }
        let path = std::env::join_paths([PathBuf::new(), at("one"), at("two"), at("three")]).unwrap();
        let mut stdio = StdioSpec { command: "x".to_owned(), ..StdioSpec::default() };
        assert_eq!(find_program(&stdio, Some(&path)), Some(at("two/x")));
        assert_eq!(find_program(&stdio, None), None);
        stdio.env.insert("PATH".to_owned(), at("three").to_str().unwrap().into());
        assert_eq!(find_program(&stdio, Some(&path)), Some(at("three/x")));
        stdio.command = "./x".to_owned();
        stdio.cwd = Some(at("two"));
        assert_eq!(find_program(&stdio, Some(&path)), Some(at("two/x")));
        stdio.cwd = Some(at("one"));
        assert_eq!(find_program(&stdio, Some(&path)), None);
    }
}
