//! What was found on the machine, as plain values: what tests script, and what the checks are made from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything that was looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) config: ConfigFacts,
    /// The programs that the config names, each once.
    pub(super) programs: Vec<ProgramFacts>,
    /// What those need in turn: Node.js for npx, for example.
    pub(super) runtimes: Vec<ProgramFacts>,
    pub(super) folders: Vec<FolderFacts>,
    /// Folders that services are to run in and that are not there, each with those services.
    pub(super) missing_cwds: Vec<(PathBuf, Vec<String>)>,
    pub(super) limits: LimitFacts,
    pub(super) containment: ContainmentFacts,
    pub(super) ports: Vec<PortFacts>,
    pub(super) manager: ManagerFacts,
    /// `PATH` and the proxies, of this shell.
    pub(super) env: BTreeMap<String, String>,
    /// The time, in seconds since the Unix epoch; negative before it.
    pub(super) now_seconds: i64,
    /// When the newest file of the config was changed, in the same.
    pub(super) newest_file_seconds: Option<i64>,
}

/// The config.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigFacts {
    /// Why there is none that can be read.
    pub(super) missing: Option<String>,
    /// It was named, or is there: that there is none to read is no choice.
    pub(super) wanted: bool,
    pub(super) files: Vec<String>,
    /// Found in the working directory: it runs nothing before it was approved.
    pub(super) found_here: bool,
    pub(super) services: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

/// A program, and whether it is there.
#[derive(Clone, Debug)]
pub(super) struct ProgramFacts {
    /// As the config names it.
    pub(super) command: String,
    /// Who needs it: services, or for a runtime programs.
    pub(super) needed_by: Vec<String>,
    pub(super) found: Found,
    /// What it answered to `--version`; none when it was not asked.
    pub(super) version: Option<Result<String, String>>,
    /// Where the running manager would find it; none when that does not tell its `PATH`.
    pub(super) by_manager: Option<Found>,
}

/// What a look along `PATH` came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    At(PathBuf),
    /// A file of that name is there, and may not be run.
    NotExecutable(PathBuf),
    Missing,
}

/// A folder of ours.
#[derive(Clone, Debug)]
pub(super) struct FolderFacts {
    /// What it is for, in a word or two.
    pub(super) role: &'static str,
    pub(super) path: PathBuf,
    /// None when it is not there.
    pub(super) there: Option<FolderState>,
    /// It must be for its owner alone.
    pub(super) private: bool,
    /// It must be possible to write there.
    pub(super) writes: bool,
    /// The manager refuses to work with it as a link, or open to others.
    pub(super) strict: bool,
}

/// A folder that is there, or what is in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct FolderState {
    pub(super) is_folder: bool,
    /// A link leads there.
    pub(super) is_link: bool,
    pub(super) ours: bool,
    /// The permission bits.
    pub(super) mode: u32,
    pub(super) writable: bool,
    pub(super) free_bytes: Option<u64>,
}

/// What this user may have; none: no limit, or it cannot be told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LimitFacts {
    pub(super) open_files: Option<u64>,
    pub(super) open_files_hard: Option<u64>,
    pub(super) processes: Option<u64>,
    pub(super) inotify_watches: Option<u64>,
    pub(super) inotify_instances: Option<u64>,
    /// Services of the config, which is what the limits are measured by.
    pub(super) services: u64,
}

/// What can hold servers together and keep them from things.
#[derive(Clone, Debug, Default)]
pub(super) struct ContainmentFacts {
    /// Not Linux: there are no wardens, and nothing else is asked.
    pub(super) elsewhere: bool,
    /// This program can be a warden.
    pub(super) warden: bool,
    /// This process can take orphans over.
    pub(super) subreaper: bool,
    pub(super) pidfd: bool,
    /// A cgroup of ours can be made.
    pub(super) cgroup: bool,
    /// The kernel's list of security modules has Landlock; none when the list cannot be read.
    pub(super) landlock: Option<bool>,
    /// The kernel's release.
    pub(super) kernel: String,
    pub(super) bubblewrap: Option<PathBuf>,
    /// Services that ask for the sandbox `restricted`, and for `isolated`.
    pub(super) restricted: Vec<String>,
    pub(super) isolated: Vec<String>,
}

/// An address that a manager would listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedPort {
    /// For what: `gateway`, `admin`.
    pub(crate) role: String,
    /// `host:port`.
    pub(crate) address: String,
    /// The running manager listens there: then it is taken, by us.
    pub(crate) ours: bool,
}

/// What was found there.
#[derive(Clone, Debug)]
pub(super) struct PortFacts {
    pub(super) wanted: WantedPort,
    /// Why nobody can listen there now; none: it is free.
    pub(super) refused: Option<String>,
}

/// The manager of this state folder.
#[derive(Clone, Debug, Default)]
pub(super) struct ManagerFacts {
    /// It answers.
    pub(super) running: bool,
    /// Why it does not, when there is something but no answer.
    pub(super) trouble: Option<String>,
    pub(super) socket: PathBuf,
    /// A socket lies there that nobody listens on.
    pub(super) stale_socket: bool,
    /// Services that the ledger of an earlier manager still has; none when it cannot be read.
    pub(super) left_behind: Option<Vec<String>>,
    /// Its `PATH` and proxies, when it tells.
    pub(super) env: Option<BTreeMap<String, String>>,
}
