//! What the rules look at and what they say: no I/O, so that a test can plant anything.

use std::fmt;

/// A workspace as the rules see it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    /// The members.
    pub(crate) crates: Vec<Crate>,
    /// Every text file of the checkout, the manifests among them.
    pub(crate) files: Vec<SourceFile>,
}

impl Workspace {
    /// The text of the file at `path`.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// True for the name of a member.
    pub(crate) fn is_member(&self, name: &str) -> bool {
        self.crates.iter().any(|member| member.name == name)
    }
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    /// Its package name.
    pub(crate) name: String,
    /// Its folder, relative to the root.
    pub(crate) dir: String,
    /// What its manifest declares, optional ones included.
    pub(crate) deps: Vec<Dep>,
}

/// A declared dependency.
#[derive(Clone, Debug)]
pub(crate) struct Dep {
    /// The package name (not what it is renamed to).
    pub(crate) name: String,
    /// In which section it stands.
    pub(crate) kind: DepKind,
}

/// The section of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DepKind {
    /// `[dependencies]`, and `[build-dependencies]`: both end up in what users build.
    Normal,
    /// `[dev-dependencies]`.
    Dev,
}

/// A file of the checkout.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// Its place relative to the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident => $id:literal,)+) => {
        /// A rule of the house that a machine can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Rule {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rule {
            /// All rules.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its stable name, as printed and as asserted in tests.
            pub(crate) const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// What it demands, in one line.
            pub(crate) fn demand(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

rules! {
    /// Every member has its floor in the rank table.
    Unranked => "unranked-crate",
    /// A crate depends on lower floors only.
    UpwardEdge => "upward-edge",
    /// Crates on one floor never see each other.
    SameFloor => "same-floor-edge",
    /// The testkit is a dev-dependency, and of nothing that ships.
    TestkitShipped => "testkit-shipped",
    /// An external crate with an owner is used by its owners only.
    ForeignOwner => "external-owner",
    /// A pure crate depends on nothing that does I/O, waits, or draws random numbers.
    PureIo => "pure-io",
    /// Every member takes the workspace's lints; the one crate with unsafe code repeats them.
    LintsTable => "lints-table",
    /// Unsafe code is forbidden in the whole workspace, but for one crate.
    UnsafeForbid => "unsafe-forbid",
    /// Unsafe code stands in `crates/mcpstore-warden/src/sys.rs` and nowhere else, and that has at most 200 lines.
    UnsafePlace => "unsafe-place",
    /// A pure crate has the ban list for clocks, env, fs, process and HashMap as its clippy.toml.
    BanList => "ban-list",
    /// Versions of dependencies are stated in the root manifest only.
    VersionInMember => "version-in-member",
    /// A file begins with a `//!` line that says what it is.
    HeadLine => "head-line",
    /// A file has at most 700 lines outside its test modules.
    FileCap => "file-cap",
    /// Nine files of ten have at most 400 lines outside their test modules.
    FileMost => "file-most",
    /// The facade starts no task and selects nothing.
    FacadeSpawn => "facade-spawn",
    /// Only cli, xtask, the testkit's programs, tests, examples and benches print.
    Printing => "printing",
    /// No `_ =>` arm in the core, with or without a guard, nor a tuple of nothing but `_`.
    WildArm => "wild-arm",
    /// The types of petgraph and rmcp are in no public signature outside their owner, and re-exported by nobody.
    ForeignSignature => "foreign-signature",
    /// Nothing is left to do, skipped, or expected to panic.
    Unfinished => "unfinished",
    /// A property test takes its number of cases from the environment, so that `cargo xtask prop` can raise it.
    FixedCases => "fixed-cases",
    /// No file names a package registry's host.
    RegistryHost => "registry-host",
    /// No file names an absolute path of somebody's machine.
    MachinePath => "machine-path",
}

/// One breach of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The rule.
    pub(crate) rule: Rule,
    /// The file, or the manifest of the crate at fault.
    pub(crate) path: String,
    /// The line, counted from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What was found and what to do.
    pub(crate) message: String,
}

impl Violation {
    /// A breach in a line of a file.
    pub(crate) fn at(rule: Rule, path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { rule, path: path.to_owned(), line, message: message.into() }
    }

    /// A breach by a file or a crate as a whole.
    pub(crate) fn of(rule: Rule, path: &str, message: impl Into<String>) -> Self {
        Self::at(rule, path, 0, message)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "[{}] {}", self.rule.id(), self.message)
    }
}
