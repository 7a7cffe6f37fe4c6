//! The house as data: which floor a crate lives on, and which crate owns what comes from outside.

/// The top of the house: members that look at everything and that nobody looks at.
pub(crate) const TOP: u8 = 7;

/// The crate with fixtures and fakes. It stands beside the house: a dev-dependency of any floor.
pub(crate) const TESTKIT: &str = "mcpstore-testkit";

/// The one crate with unsafe code, for system calls that no safe crate wraps.
pub(crate) const UNSAFE_CRATE: &str = "mcpstore-warden";

/// The one file with unsafe code.
pub(crate) const UNSAFE_FILE: &str = "crates/mcpstore-warden/src/sys.rs";

/// The file that lets it.
pub(crate) const UNSAFE_DOOR: &str = "crates/mcpstore-warden/src/lib.rs";

/// Most lines of it, tests included.
pub(crate) const UNSAFE_LINES: usize = 200;

/// The facade.
pub(crate) const FACADE: &str = "mcpstore";

/// One member and its floor.
pub(crate) struct Floor {
    /// The package name.
    pub(crate) name: &'static str,
    /// Its floor; a crate sees lower floors only.
    pub(crate) rank: u8,
    /// True when it must do no I/O, wait for nothing and read no clock.
    pub(crate) pure: bool,
    /// What it is for.
    pub(crate) purpose: &'static str,
}

const fn floor(name: &'static str, rank: u8, pure: bool, purpose: &'static str) -> Floor {
    Floor { name, rank, pure, purpose }
}

/// The rank table. A crate that does not exist yet may stand here; one that exists must.
pub(crate) const FLOORS: &[Floor] = &[
    floor("mcpstore-types", 0, true, "names, specs, states, points in time, notices"),
    floor("mcpstore-config", 1, true, "config text to validated specs and diagnostics"),
    floor("mcpstore-graph", 1, true, "dependency graph: orders, cycles, closures, plans"),
    floor("mcpstore-monitor", 1, true, "probe verdicts, sample windows, metrics, alerts"),
    floor(UNSAFE_CRATE, 1, false, "the small process that ends everything a server started"),
    floor("mcpstore-core", 2, true, "the unit machine and the fleet machine"),
    floor("mcpstore-files", 2, false, "config on disk: judged reading, atomic edits, watching, approvals"),
    floor("mcpstore-alerts", 2, false, "delivery of alerts: sinks, templates, retries in order"),
    floor("mcpstore-history", 2, false, "what happened, on disk: an append-only log"),
    floor("mcpstore-transport", 2, false, "processes, sockets, and the client side of MCP"),
    floor("mcpstore-runtime", 3, false, "the async supervisor: effects, tasks, timers, state on disk"),
    floor("mcpstore-gateway", 4, false, "one MCP endpoint out of many"),
    floor("mcpstore-observe", 4, false, "watches over a supervisor: alerts, history"),
    floor("mcpstore-console", 4, false, "HTTP API, dashboard, metrics page"),
    floor(FACADE, 5, false, "the thin facade: re-exports and `McpStore`"),
    floor("mcpstore-cli", 6, false, "the `mcpstore` program"),
    // Beside the house. It implements the traits of transport for tests, so it sees up to L2 and nothing that drives them.
    floor(TESTKIT, 3, false, "fixtures and fakes; a dev-dependency only"),
    floor("xtask", TOP, false, "builds, checks and measures the workspace"),
    floor("mcpstore-tests", TOP, false, "whole-system tests"),
    floor("mcpstore-out-of-tree", TOP, false, "an adapter as others write it: against the public traits alone"),
];

/// The floor of a member.
pub(crate) fn floor_of(name: &str) -> Option<&'static Floor> {
    FLOORS.iter().find(|floor| floor.name == name)
}

/// True for a crate without I/O and clocks.
pub(crate) fn is_pure(name: &str) -> bool {
    floor_of(name).is_some_and(|floor| floor.pure)
}

/// External crates with owners: `(crate, who may depend on it)`. Dev-dependencies count too.
pub(crate) const OWNERS: &[(&str, &[&str])] = &[
    ("petgraph", &["mcpstore-graph", "xtask"]),
    ("rmcp", &["mcpstore-transport", "mcpstore-gateway", TESTKIT, "mcpstore-cli", "mcpstore-tests"]),
    ("landlock", &[UNSAFE_CRATE]),
    ("reqwest", &["mcpstore-transport", "mcpstore-alerts", "mcpstore-console"]),
    ("rustls", &["mcpstore-transport", "mcpstore-alerts", "mcpstore-console", "mcpstore-gateway"]),
    ("rustls-native-certs", &["mcpstore-transport", "mcpstore-alerts", "mcpstore-console"]),
    ("tokio-rustls", &["mcpstore-transport", "mcpstore-gateway"]),
    ("rcgen", &["mcpstore-transport", "mcpstore-gateway", TESTKIT]),
    ("libc", &[UNSAFE_CRATE]),
    ("clap", &["mcpstore-cli", "xtask"]),
    ("clap_complete", &["mcpstore-cli"]),
    ("anyhow", &["mcpstore-cli", "xtask"]),
    ("indicatif", &["mcpstore-cli"]),
    ("comfy-table", &["mcpstore-cli"]),
    ("crossterm", &["mcpstore-cli"]),
    ("ratatui", &["mcpstore-cli"]),
    ("tracing-subscriber", &["mcpstore-cli"]),
    ("jsonc-parser", &["mcpstore-config"]),
    ("toml_edit", &["mcpstore-config"]),
    ("toml_parser", &["mcpstore-config"]),
    ("saphyr-parser", &["mcpstore-config"]),
    ("annotate-snippets", &["mcpstore-config"]),
    ("schemars", &["mcpstore-config"]),
    ("crc32fast", &["mcpstore-history", "mcpstore-runtime"]),
    ("histogram", &["mcpstore-monitor"]),
    ("prometheus-client", &["mcpstore-monitor"]),
    ("axum", &["mcpstore-gateway", "mcpstore-console"]),
    ("hyper", &["mcpstore-gateway", "mcpstore-console", "mcpstore-transport", "mcpstore-tests"]),
    ("utoipa", &["mcpstore-console"]),
    ("rust-embed", &["mcpstore-console"]),
    ("notify", &["mcpstore-files"]),
    ("hmac", &["mcpstore-alerts", "mcpstore-gateway"]),
    ("lettre", &["mcpstore-alerts"]),
    ("arc-swap", &["mcpstore-runtime", "mcpstore-observe", "mcpstore-gateway"]),
    ("cargo_metadata", &["xtask"]),
];

/// External crates that a pure crate may not have, not even for its tests: I/O, tasks, clocks, chance.
pub(crate) const IMPURE: &[&str] = &[
    "async-channel",
    "async-std",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "futures",
    "futures-util",
    "getrandom",
    "hyper",
    "jiff",
    "libc",
    "log",
    "mio",
    "nix",
    "parking_lot",
    "rand",
    "rayon",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tokio-stream",
    "tokio-util",
    "tracing",
    "ureq",
    "uuid",
    "web-time",
];

/// External crates whose types stay out of public signatures: `(crate as named in code, the one owner)`.
pub(crate) const PRIVATE_TYPES: &[(&str, &str)] = &[
    ("petgraph", "mcpstore-graph"),
    ("rmcp", "mcpstore-transport"),
    ("reqwest", "mcpstore-transport"),
    ("rustls", "mcpstore-transport"),
];

/// Where printing is the job: path prefixes.
pub(crate) const PRINTERS: &[&str] = &["crates/mcpstore-cli/", "crates/mcpstore-testkit/src/bin/", "xtask/", "tests/"];

/// The clippy.toml whose text every pure crate has.
pub(crate) const BAN_LIST: &str = "crates/mcpstore-types/clippy.toml";

/// What the ban list must ban, so that it is not emptied for all at once.
pub(crate) const BANNED: &[&str] = &[
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::process::Command",
    "std::env::var",
    "std::fs::read_to_string",
    "std::thread::sleep",
];

/// Most lines of a file outside its test modules.
pub(crate) const FILE_CAP: usize = 700;

/// What nine files of ten keep to.
pub(crate) const FILE_MOST: usize = 400;
