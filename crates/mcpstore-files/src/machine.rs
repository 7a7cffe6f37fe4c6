//! The world around a config, as it is on this machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mcpstore_config::{Outside, Program};
use mcpstore_types::StdioSpec;

use crate::find_program;
use crate::read::read_text;

/// The largest text that `${file:path}` reads, in bytes.
pub const MAX_REFERENCED_BYTES: usize = 1024 * 1024;

/// Folders in a project in which editors keep their settings: the project is around them.
const EDITOR_FOLDERS: [&str; 6] = [".vscode", ".cursor", ".zed", ".codex", ".gemini", ".windsurf"];

/// A program, and what it is looked up with.
type Asked = (String, Option<PathBuf>, Option<String>);

/// The variables, files and programs of this machine, and the inputs that were given by hand.
///
/// Files are read with the same care as configs ([`read_source`](crate::read_source)). Programs are looked up once each.
#[derive(Debug, Default)]
pub struct Machine {
    inputs: BTreeMap<String, String>,
    programs: RefCell<BTreeMap<Asked, Program>>,
}

impl Machine {
    /// This machine, with these values for inputs.
    #[must_use]
    pub fn new(inputs: BTreeMap<String, String>) -> Self {
        Self { inputs, programs: RefCell::default() }
    }
}

impl Outside for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str, from: &str) -> Result<String, String> {
        let file = match path.strip_prefix("~/") {
            Some(rest) => Path::new(&self.variable("HOME").ok_or("HOME is not set")?).join(rest),
            None => folder_of(from).join(path),
        };
        let text = read_text(&file).map_err(|error| error.to_string())?;
        if text.len() > MAX_REFERENCED_BYTES {
            return Err(format!("it has more than {MAX_REFERENCED_BYTES} bytes"));
        }
        Ok(text)
    }

    fn input(&self, id: &str) -> Option<String> {
        self.inputs.get(id).cloned()
    }

    fn workspace(&self, from: &str) -> Option<String> {
        if from.starts_with('<') {
            return None;
        }
        let folder = folder_of(from);
        // The folder of a bare name is this one.
        let folder = if folder.as_os_str().is_empty() {
            std::env::current_dir().ok()?
        } else {
            std::path::absolute(folder).ok()?
        };
        let is_editors = folder.file_name().is_some_and(|name| EDITOR_FOLDERS.iter().any(|known| *known == name));
        let project = if is_editors { folder.parent()?.to_path_buf() } else { folder };
        project.to_str().map(str::to_owned)
    }

    fn program(&self, command: &str, cwd: Option<&Path>, path: Option<&str>) -> Program {
        let asked = (command.to_owned(), cwd.map(Path::to_path_buf), path.map(str::to_owned));
        if let Some(known) = self.programs.borrow().get(&asked) {
            return *known;
        }
        let mut stdio = StdioSpec { command: command.to_owned(), cwd: asked.1.clone(), ..StdioSpec::default() };
        if let Some(path) = path {
            stdio.env.insert("PATH".to_owned(), path.into());
        }
        let search = std::env::var_os("PATH");
        let found = match find_program(&stdio, search.as_deref()) {
            Some(_) => Program::Found,
            None if exists(command, cwd, path.map(OsString::from).or(search)) => Program::NotExecutable,
            None => Program::Missing,
        };
        self.programs.borrow_mut().insert(asked, found);
        found
    }

    fn is_folder(&self, path: &Path) -> Option<bool> {
        Some(path.is_dir())
    }
}

/// The folder that relative paths of a source count from.
fn folder_of(source: &str) -> PathBuf {
    if source.starts_with('<') {
        PathBuf::new()
    } else {
        Path::new(source).parent().map(Path::to_path_buf).unwrap_or_default()
    }
}

/// True when there is something of this name, whoever may execute it.
fn exists(command: &str, cwd: Option<&Path>, path: Option<OsString>) -> bool {
    let within = |file: &Path| cwd.map_or_else(|| file.to_path_buf(), |cwd| cwd.join(file));
    if command.contains('/') {
        return within(Path::new(command)).exists();
    }
    let Some(path) = path else { return false };
    std::env::split_paths(&path).any(|folder| !folder.as_os_str().is_empty() && within(&folder.join(command)).exists())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    #[test]
    fn programs_files_and_projects_are_found() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::create_dir(at(".vscode")).unwrap();
        for (name, mode) in [("good", 0o755), ("plain", 0o644)] {
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(at(name)).unwrap();
        }
        let machine = Machine::new(BTreeMap::from([("id".to_owned(), "value".to_owned())]));
        let path = home.path().to_str();
        let look = |command: &str| machine.program(command, None, path);
        assert_eq!(
            [look("good"), look("plain"), look("none")],
            [Program::Found, Program::NotExecutable, Program::Missing]
        );
        assert_eq!(machine.program("./good", Some(home.path()), None), Program::Found);

        let config = at(".vscode/mcp.json").display().to_string();
        std::fs::write(at(".vscode/token"), "s3cret\n").unwrap();
        assert_eq!(machine.file("token", &config).unwrap(), "s3cret\n");
        let missing = machine.file("none", &config).unwrap_err();
        assert!(missing.contains("none"), "{missing}");
        let large = std::fs::File::create(at(".vscode/large")).unwrap();
        large.set_len(MAX_REFERENCED_BYTES as u64 + 1).unwrap();
        assert!(machine.file("large", &config).unwrap_err().contains("more than"));

        assert_eq!(machine.workspace(&config).as_deref(), home.path().to_str());
        assert_eq!(machine.workspace(&at("mcp.json").display().to_string()).as_deref(), home.path().to_str());
        assert_eq!(machine.workspace("<stdin>"), None);
        assert_eq!(machine.workspace("mcp.json").map(PathBuf::from), std::env::current_dir().ok());
        assert_eq!((machine.input("id").as_deref(), machine.input("x")), (Some("value"), None));
        assert_eq!((machine.is_folder(home.path()), machine.is_folder(&at("good"))), (Some(true), Some(false)));
    }
}
