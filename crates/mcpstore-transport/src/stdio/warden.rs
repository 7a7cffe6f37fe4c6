//! Which program is the warden, and who gets its orphans.

use std::io;
use std::path::{Path, PathBuf};

/// The program that is started as the warden of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WardenProgram {
    file: PathBuf,
    /// The first argument, by which a program is asked to be a warden.
    argument: Option<&'static str>,
}

impl WardenProgram {
    /// The running program itself; nothing unless it called [`mcpstore_warden::run_if_asked`] first thing in its `main`, and
    /// nothing where there are no wardens.
    #[must_use]
    pub fn this_program() -> Option<Self> {
        // By what runs, not by its path: the file may be replaced by a newer one while the manager runs.
        let file = PathBuf::from("/proc/self/exe");
        mcpstore_warden::can_be_asked().then_some(Self { file, argument: Some(mcpstore_warden::ARGUMENT) })
    }

    /// The helper program `mcpstore-warden` at this path.
    #[must_use]
    pub fn helper(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), argument: None }
    }

    /// The file that is executed.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The command of a warden for a service, which stands in lists of processes under that name.
    #[cfg(target_os = "linux")]
    pub(super) fn command(&self, service: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.file);
        if let Some(argument) = self.argument {
            command.arg0("mcpstore").arg(argument);
        }
        // Nothing of the environment: a warden needs none, and everybody of this user could read it.
        command.arg(service).env_clear();
        command
    }
}

/// Makes this process the parent of whatever its wardens leave behind when one is killed: the subreaper of its children.
///
/// It holds for the whole process, and for its whole life. Orphans of other children come to it too, and stay zombies
/// unless the program waits for them. Without it such processes come to the init process, and those alone are found that
/// kept their session or their environment.
///
/// # Errors
/// What the system says. Where there are no wardens it does nothing.
pub fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}
