//! The doctor on scripted machines, and once on this one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser as _;
use expect_test::expect_file;

use super::facts::{
    ConfigFacts, ContainmentFacts, Facts, FolderFacts, FolderState, Found, LimitFacts, ManagerFacts, PortFacts,
    ProgramFacts, WantedPort,
};
use super::judge::{Level, judge};
use super::{DoctorInputs, machine::Machine, report};
use crate::args::{Cli, ConfigArgs};
use crate::control::Client;
use crate::output::{Schema, Term};
use crate::paths::Paths;
use crate::views_doc::View;

fn program(command: &str, found: Found, version: Option<Result<&str, &str>>) -> ProgramFacts {
    let version = version.map(|version| version.map(str::to_owned).map_err(str::to_owned));
    ProgramFacts { command: command.to_owned(), needed_by: vec!["api".to_owned()], found, version, by_manager: None }
}

fn at(path: &str) -> Found {
    Found::At(PathBuf::from(path))
}

fn folder(role: &'static str, path: &str, mode: u32) -> FolderFacts {
    let state = FolderState {
        is_folder: true,
        is_link: false,
        ours: true,
        mode,
        writable: true,
        free_bytes: Some(90_000_000_000),
    };
    let (private, strict) = (role != "config folder", role == "history folder");
    FolderFacts { role, path: path.into(), there: Some(state), private, writes: true, strict }
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A machine on which everything is as it should be.
fn healthy() -> Facts {
    Facts {
        config: ConfigFacts { files: vec!["mcp.json".to_owned()], services: 3, ..ConfigFacts::default() },
        programs: vec![
            program("npx", at("/usr/bin/npx"), Some(Ok("10.9.2"))),
            program("/opt/acme/server", at("/opt/acme/server"), None),
        ],
        runtimes: vec![program("node", at("/usr/bin/node"), Some(Ok("v22.14.0")))],
        folders: vec![
            folder("state folder", "/srv/me/.local/state/mcpstore", 0o700),
            folder("history folder", "/srv/me/.local/state/mcpstore/history", 0o700),
            FolderFacts { there: None, ..folder("socket folder", "/run/user/1000/mcpstore", 0o700) },
            folder("config folder", "/srv/me/project", 0o755),
        ],
        missing_cwds: Vec::new(),
        limits: LimitFacts {
            open_files: Some(1_024),
            open_files_hard: Some(524_288),
            processes: None,
            inotify_watches: Some(65_536),
            inotify_instances: Some(128),
            services: 3,
        },
        containment: ContainmentFacts {
            warden: true,
            subreaper: true,
            pidfd: true,
            cgroup: true,
            landlock: Some(true),
            kernel: "6.12.1-amd64".to_owned(),
            bubblewrap: Some("/usr/bin/bwrap".into()),
            ..ContainmentFacts::default()
        },
        ports: vec![PortFacts {
            wanted: WantedPort { role: "gateway".to_owned(), address: "127.0.0.1:8420".to_owned(), ours: false },
            refused: None,
        }],
        manager: ManagerFacts {
            running: true,
            socket: "/run/user/1000/mcpstore/mcpstore.sock".into(),
            left_behind: Some(Vec::new()),
            env: Some(env(&[("PATH", "/usr/bin:/bin")])),
            ..ManagerFacts::default()
        },
        env: env(&[("PATH", "/usr/bin:/bin:relative")]),
        now_seconds: 1_795_000_000,
        newest_file_seconds: Some(1_794_000_000),
    }
}

/// A machine on which next to nothing is.
fn broken() -> Facts {
    let mut facts = healthy();
    facts.config.errors = 2;
    facts.config.warnings = 1;
    facts.config.found_here = true;
    facts.programs = vec![
        program("npx", Found::Missing, None),
        program("./run.sh", Found::NotExecutable("/srv/run.sh".into()), None),
        program("uvx", at("/srv/me/.local/bin/uvx"), Some(Ok("uvx 0.5.1"))),
        program("python3", at("/usr/bin/python3"), Some(Ok("Python 3.9.2"))),
        program("docker", at("/usr/bin/docker"), Some(Err("it did not tell its version within 5s"))),
        program("x\u{1b}[31m", Found::Missing, None),
    ];
    facts.programs[2].by_manager = Some(Found::Missing);
    facts.programs[3].needed_by = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    facts.runtimes = Vec::new();
    facts.folders = vec![
        folder("state folder", "/srv/me/my state", 0o755),
        folder("history folder", "/srv/me/my state/history", 0o750),
        FolderFacts {
            there: Some(FolderState {
                is_folder: false,
                is_link: false,
                ours: true,
                mode: 0o600,
                writable: true,
                free_bytes: None,
            }),
            ..folder("socket folder", "/run/mcp", 0o700)
        },
    ];
    facts.missing_cwds = vec![("/srv/no such".into(), vec!["api".to_owned()])];
    facts.limits = LimitFacts {
        open_files: Some(256),
        processes: Some(64),
        inotify_instances: Some(8),
        services: 40,
        ..facts.limits
    };
    facts.containment = ContainmentFacts {
        kernel: "5.15.0".to_owned(),
        landlock: Some(true),
        restricted: vec!["files".to_owned()],
        isolated: vec!["browser".to_owned()],
        ..ContainmentFacts::default()
    };
    facts.ports[0].refused = Some("Address already in use (os error 98)".to_owned());
    facts.manager = ManagerFacts {
        socket: "/run/mcp/mcpstore.sock".into(),
        stale_socket: true,
        left_behind: Some(vec!["api".to_owned(), "db".to_owned()]),
        ..ManagerFacts::default()
    };
    facts.env = env(&[("PATH", "/usr/bin"), ("HTTPS_PROXY", "http://me:hunter2@proxy.example:3128/x")]);
    facts.now_seconds = 12;
    facts
}

fn text(facts: &Facts) -> String {
    report::text(&judge(facts), &Term::PLAIN, &str::to_owned)
}

/// What the docs show.
pub(crate) fn views() -> Vec<View> {
    let mut facts = healthy();
    facts.programs.push(program("uvx", Found::Missing, None));
    facts.manager.env = Some(env(&[("PATH", "/usr/bin")]));
    vec![View::console("doctor", "mcpstore doctor", &text(&facts))]
}

#[test]
fn a_machine_in_order() {
    let text = text(&healthy());
    expect_file!["snapshots/healthy.txt"].assert_eq(&text);
    assert!(text.ends_with("0 warn, 0 fail\n"), "{text}");
}

#[test]
fn a_machine_out_of_order() {
    let text = text(&broken());
    expect_file!["snapshots/broken.txt"].assert_eq(&text);
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn the_rest_of_what_can_be_wrong() {
    let mut facts = healthy();
    facts.config = ConfigFacts { missing: Some("no config: there is none".to_owned()), ..ConfigFacts::default() };
    facts.programs[0].by_manager = Some(at("/opt/node/bin/npx"));
    facts.env = env(&[("PATH", "/usr/bin:/opt/new/bin"), ("http_proxy", "proxy:1"), ("no_proxy", "not looked at")]);
    facts.folders[0].there = facts.folders[0].there.map(|state| FolderState { free_bytes: Some(1_000_000), ..state });
    facts.folders[3].there = facts.folders[3].there.map(|state| FolderState { ours: false, ..state });
    facts.containment = ContainmentFacts {
        landlock: None,
        cgroup: false,
        bubblewrap: None,
        restricted: vec!["files".to_owned()],
        ..facts.containment
    };
    facts.folders[1].there = None;
    facts.manager.left_behind = None;
    facts.ports[0].wanted.ours = true;
    facts.ports[0].refused = Some("in use".to_owned());
    facts.newest_file_seconds = Some(facts.now_seconds + 3_600);
    let first = text(&facts);
    facts.containment =
        ContainmentFacts { elsewhere: true, isolated: vec!["b".to_owned()], ..ContainmentFacts::default() };
    facts.folders[1] = folder("history folder", "/srv/me/.local/state/mcpstore/history", 0o700);
    facts.folders[1].there = facts.folders[1].there.map(|state| FolderState { is_link: true, ..state });
    facts.manager.trouble = Some("no word within 3s".to_owned());
    facts.config =
        ConfigFacts { files: vec!["a b.json".to_owned()], services: 1, warnings: 1, ..ConfigFacts::default() };
    expect_file!["snapshots/mixed.txt"].assert_eq(&format!("{first}\n{}", text(&facts)));
}

#[test]
fn what_is_not_ok_says_how_to_mend_it() {
    for facts in [healthy(), broken()] {
        for check in judge(&facts).groups.iter().flat_map(|group| &group.checks) {
            assert_eq!(check.level != Level::Ok, check.fix.is_some(), "{check:?}");
            assert!(!check.found.ends_with('.'), "{check:?}");
            if let Some(command) = check.run.as_deref().filter(|command| command.starts_with("mcpstore ")) {
                assert!(Cli::try_parse_from(command.split(' ')).is_ok(), "{command}");
            }
        }
    }
}

#[test]
fn the_document() {
    let mut facts = healthy();
    facts.programs[0].found = Found::Missing;
    let json = serde_json::to_string_pretty(&Schema::new("mcpstore.doctor/1", judge(&facts))).unwrap();
    expect_file!["snapshots/doctor.json"].assert_eq(&format!("{json}\n"));
}

#[tokio::test]
async fn a_config_that_is_named_and_not_there_fails() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("state");
    let paths = Paths { socket: state_dir.join("mcpstore.sock"), state_dir };
    let client = Client::new(&paths.socket);
    let args = ConfigArgs { config: vec![dir.path().join("nofile.json")], ..ConfigArgs::default() };
    let facts = Machine::new(&paths, &client).look(&args, DoctorInputs::default()).await;
    let report = judge(&facts);
    assert_eq!(report.groups[0].checks[0].level, Level::Fail, "{:?}", report.groups[0]);
    assert!(report.groups[0].checks[0].found.contains("nofile.json"));
}

#[tokio::test]
async fn what_is_run_and_used_beside_servers_is_looked_at_too() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("mcp.json");
    let text = r#"{ "mcpServers": { "a": { "command": "sh", "cwd": "/no/such/folder",
            "health": { "probe": { "exec": ["no-such-probe"] }, "readiness": { "exec": ["no-such-readiness"] } },
            "waitFor": [{ "exec": ["no-such-wait"] }] } },
        "alerts": { "sinks": [{ "name": "page", "type": "command", "command": "no-such-pager" }] } }"#;
    std::fs::write(&config, text).unwrap();
    let state_dir = dir.path().join("state");
    let paths = Paths { socket: state_dir.join("mcpstore.sock"), state_dir };
    paths.make_state_dir().unwrap();
    std::os::unix::fs::symlink("/nowhere", paths.state_dir.join("history")).unwrap();
    let client = Client::new(&paths.socket);
    let args = ConfigArgs { config: vec![config], ..ConfigArgs::default() };
    let facts = Machine::new(&paths, &client).look(&args, DoctorInputs::default()).await;
    let text = self::text(&facts);
    for line in [
        "FAIL `no-such-probe` is not there (needed by `health.probe` of a)",
        "FAIL `no-such-readiness` is not there (needed by `health.readiness` of a)",
        "FAIL `no-such-wait` is not there (needed by `waitFor` of a)",
        "FAIL `no-such-pager` is not there (needed by alert sink page)",
        "FAIL working folder: /no/such/folder is not there (needed by a)",
        "/history is a link",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

/// On this very machine: it has a shell, a clock and a folder, and no program of a name that nobody gives.
#[tokio::test]
async fn on_this_machine_it_says_something_true() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("mcp.json");
    let text = r#"{ "mcpServers": {
        "shell": { "command": "sh", "args": ["-c", "true"] },
        "gone": { "command": "no-such-program-of-mcpstore" },
        "path": { "command": "/bin/sh" },
        "remote": { "url": "http://127.0.0.1:1/mcp" } } }"#;
    std::fs::write(&config, text).unwrap();
    let state_dir = dir.path().join("state");
    let paths = Paths { socket: state_dir.join("mcpstore.sock"), state_dir };
    paths.make_state_dir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |role: &str, address: String| WantedPort { role: role.to_owned(), address, ours: false };
    let inputs = DoctorInputs {
        ports: vec![port("gateway", taken.local_addr().unwrap().to_string()), port("admin", "127.0.0.1:0".to_owned())],
        manager_env: Some(BTreeMap::from([
            ("PATH".to_owned(), "/nowhere".to_owned()),
            ("TOKEN".to_owned(), "s3cret".to_owned()),
        ])),
    };
    let args = ConfigArgs { config: vec![config], ..ConfigArgs::default() };
    let client = Client::new(&paths.socket);
    let facts = Machine::new(&paths, &client).look(&args, inputs).await;
    let found = |command: &str| facts.programs.iter().find(|one| one.command == command).unwrap();
    assert!(matches!(&found("sh").found, Found::At(path) if path.ends_with("sh")), "{:?}", found("sh"));
    assert_eq!(found("sh").by_manager, Some(Found::Missing));
    assert_eq!(found("/bin/sh").found, at("/bin/sh"));
    assert_eq!(found("no-such-program-of-mcpstore").found, Found::Missing);
    assert!(facts.programs.iter().all(|one| one.version.is_none()), "nothing unknown is run");
    assert_eq!((facts.config.services, facts.config.errors), (4, 0));
    assert_eq!(facts.folders[0].there.unwrap().mode, 0o700);
    assert!(facts.folders[0].there.unwrap().free_bytes.is_some() && facts.limits.open_files != Some(0));
    assert!(facts.ports[0].refused.is_some() && facts.ports[1].refused.is_none());
    assert!(!facts.manager.running && facts.manager.trouble.is_none() && !facts.manager.stale_socket);
    assert!(!format!("{facts:?}").contains("s3cret"), "only what is looked at is taken along");
    let text = self::text(&facts);
    assert!(text.contains("FAIL `no-such-program-of-mcpstore` is not there (needed by gone)"), "{text}");
    assert_eq!(facts.containment.elsewhere, !cfg!(target_os = "linux"));
}
