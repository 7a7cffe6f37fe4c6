//! What a child process is kept from.

/// How much of the system a child process can reach. Whatever is chosen, it is contained: what it starts ends with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sandbox {
    /// Nothing is taken away: file mode mask, core files and privileges are those of the manager.
    None,
    /// No new privileges, new files for its user only, no core files. The default.
    #[default]
    Basic,
    /// `Basic`, and of the files those alone that programs need and its spec names (Landlock, Linux 6.2).
    Restricted,
    /// `Restricted`, and a root folder, processes and a `/tmp` of its own (bubblewrap).
    Isolated,
}

impl Sandbox {
    /// Every word for one, from the weakest to the strongest.
    pub const WORDS: [(&str, Self); 4] =
        [("none", Self::None), ("basic", Self::Basic), ("restricted", Self::Restricted), ("isolated", Self::Isolated)];

    /// Its word in a config.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Restricted => "restricted",
            Self::Isolated => "isolated",
        }
    }
}

/// How much a child process may take; each limit holds for its whole tree, process by process. Default: the manager's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that a process may write to and shares with nobody (Linux, `RLIMIT_DATA`): heap and stacks of
    /// threads, not the program itself and not what is reserved without being used.
    pub memory: Option<u64>,
    /// Open files of a process.
    pub files: Option<u64>,
    /// Processes and threads of the *user*, whoever started them: more than these, and a new one is refused. Does not
    /// bind root.
    pub processes: Option<u64>,
}

impl Limits {
    /// True when nothing is limited.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.memory.is_none() && self.files.is_none() && self.processes.is_none()
    }
}
