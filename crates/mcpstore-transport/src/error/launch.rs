//! Why a server could not be launched.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mcpstore_types::suggestion;

/// Why a server could not be launched. Completes "failed to launch …".
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is no such program.
    #[error("no program `{program}` {}{}", searched_in(searched), did_you_mean(nearest.as_deref()))]
    NotFound {
        /// The program as the spec names it.
        program: String,
        /// The folders of `PATH` that were searched, or the one path that was tried.
        searched: Vec<PathBuf>,
        /// The nearest program that exists.
        nearest: Option<String>,
    },
    /// The program exists, but may not be executed.
    #[error("`{}` is not executable", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// The program is no program for this machine (exec format error).
    #[error(
        "`{}` is not a program this machine can run: built for another architecture, or a script without `#!`",
        path.display()
    )]
    WrongArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// The script's interpreter, named in its `#!` line, does not exist.
    #[error("the interpreter{} of `{}` does not exist", named(interpreter.as_deref()), path.display())]
    NoInterpreter {
        /// The script.
        path: PathBuf,
        /// The interpreter, when it could be read.
        interpreter: Option<String>,
    },
    /// The working directory does not exist or is no folder.
    #[error("the working directory `{}` is not a folder that can be entered", cwd.display())]
    BadWorkingDirectory {
        /// The folder.
        cwd: PathBuf,
    },
    /// The system could not start the process.
    #[error("the system could not start `{program}`")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The address of a server is none that can be reached.
    #[error("the address is no address of a server: {what}")]
    BadAddress {
        /// What is wrong with it.
        what: String,
    },
    /// The file of certificates cannot be used.
    #[error("the file of certificates `{}` cannot be used: {what}", path.display())]
    BadCaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The server cannot be reached: nobody listens there, its name is unknown, its certificate is no good.
    #[error("`{address}` cannot be reached: {message}")]
    Unreachable {
        /// Where it should be; no more of its address than can be shown.
        address: String,
        /// Why not.
        message: String,
    },
    /// What the spec asks for is the work of a warden, and there is none: in a library that did not name one, and everywhere
    /// but on Linux.
    #[error("{what} needs a warden, and there is none; take it out of the spec, or give the adapter a warden (Linux)")]
    NeedsWarden {
        /// What it asks for.
        what: String,
    },
    /// This kernel has no Landlock, or too old a one, for the sandbox `restricted`.
    #[error(
        "the sandbox `restricted` needs Landlock of Linux 6.2 or newer, which this kernel does not have or has switched off; \
         take `isolated` (needs bubblewrap) or `basic`"
    )]
    NoLandlock {
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// There is no bubblewrap for the sandbox `isolated`.
    #[error(
        "the sandbox `isolated` needs bubblewrap, and there is no program `bwrap` {}; install it (package `bubblewrap`), or \
         take `restricted` or `basic`",
        searched_in(searched)
    )]
    NoBubblewrap {
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// A path that the sandbox shall let through does not exist, or must not be looked at.
    #[error("the sandbox cannot let `{}` through: it does not exist, or cannot be reached", path.display())]
    BadSandboxPath {
        /// The path.
        path: PathBuf,
    },
    /// The warden, the small process that watches over the server, could not be started or did not do its work.
    #[error("the warden `{}` did not start it", program.display())]
    Warden {
        /// The warden's program.
        program: PathBuf,
        /// What went wrong.
        #[source]
        source: Arc<io::Error>,
    },
    /// No adapter serves this kind of transport.
    #[error("no adapter for transport `{kind}`{}; known are {}", suggestion(kind, known), known.join(", "))]
    NoAdapter {
        /// The kind asked for.
        kind: String,
        /// The kinds there are.
        known: Vec<String>,
    },
    /// No in-process server is registered under this name.
    #[error("no in-process server `{name}`{}; known are {}", suggestion(name, known), known.join(", "))]
    NoFactory {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

impl LaunchError {
    /// True when another attempt with the same spec cannot do better: everything but a refusal of the system
    /// or of the network.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        !matches!(self, Self::Spawn { .. } | Self::Warden { .. } | Self::Unreachable { .. })
    }
}

fn searched_in(searched: &[PathBuf]) -> String {
    match searched {
        [] => "(PATH is empty)".to_owned(),
        [one] => format!("in {}", one.display()),
        many => {
            let shown: Vec<_> = many.iter().map(|path| path.display().to_string()).collect();
            format!("in any folder of PATH ({})", shown.join(", "))
        }
    }
}

fn named(interpreter: Option<&str>) -> String {
    interpreter.map_or_else(String::new, |name| format!(" `{name}`"))
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}
