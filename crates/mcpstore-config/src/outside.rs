//! What a config refers to outside its texts.

use std::path::Path;

/// What a look-up of a program gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// It is there and may be executed.
    Found,
    /// There is no such file, or none in `PATH`.
    Missing,
    /// There is a file, but nobody may execute it (or it is a folder).
    NotExecutable,
    /// Nobody looked.
    Unknown,
}

/// The world around a config: variables, files, what users were asked. The crate itself touches none of it.
///
/// Look-ups are repeated as often as a reference stands in a text, so a slow one keeps its answers.
pub trait Outside {
    /// The value of an environment variable; `None` when it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The text of a file that `${file:path}` names, as it is; `from` is the name of the source with the reference, from whose
    /// folder a relative path counts.
    ///
    /// # Errors
    /// Why it cannot be read, in words that follow "…: ". The default reads no file.
    fn file(&self, path: &str, from: &str) -> Result<String, String> {
        let _ = (path, from);
        Err("files are not read here".to_owned())
    }

    /// The value of an input that `${input:id}` names; `None` when nobody gave one. The default has none.
    fn input(&self, id: &str) -> Option<String> {
        let _ = id;
        None
    }

    /// The folder of the project that the source of this name belongs to, for `${workspaceFolder}`. The default has none.
    fn workspace(&self, from: &str) -> Option<String> {
        let _ = from;
        None
    }

    /// Looks for a program as the start of a server would: a name in `path` (or the manager's own `PATH`), a relative path
    /// from `cwd`. The default does not look.
    fn program(&self, command: &str, cwd: Option<&Path>, path: Option<&str>) -> Program {
        let _ = (command, cwd, path);
        Program::Unknown
    }

    /// Whether a folder is there; `None`: nobody looked. The default does not look.
    fn is_folder(&self, path: &Path) -> Option<bool> {
        let _ = path;
        None
    }
}

/// A world that has variables and nothing else.
#[derive(Clone, Copy)]
pub struct Variables<F>(pub F);

impl<F: Fn(&str) -> Option<String>> Outside for Variables<F> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

impl<F> std::fmt::Debug for Variables<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables")
    }
}

/// A world with nothing in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Outside for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}
