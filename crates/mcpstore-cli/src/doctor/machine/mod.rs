//! The machine itself: where the facts come from.

mod contain;
mod disk;
mod programs;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mcpstore::ServiceSpec;
use mcpstore::config::Severity;
use mcpstore::types::{AlertsSpec, Sandbox, TransportSpec};
use rustix::process::{Resource, getrlimit};

use super::DoctorInputs;
use super::facts::{ConfigFacts, Facts, LimitFacts, ManagerFacts, PortFacts, WantedPort};
use crate::args::ConfigArgs;
use crate::config::{Chosen, Config, ConfigFiles};
use crate::control::Client;
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::paths::Paths;

/// How long the manager may take to say that it is there.
const MANAGER_PATIENCE: Duration = Duration::from_secs(3);
/// The variables of the environment that are looked at; no other is taken along.
const VARIABLES: [&str; 7] =
    ["PATH", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// This machine, as seen by this user.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    paths: &'a Paths,
    client: &'a Client,
}

impl<'a> Machine<'a> {
    /// With the state folder of this manager.
    pub(super) const fn new(paths: &'a Paths, client: &'a Client) -> Self {
        Self { paths, client }
    }

    /// Looks at everything. What cannot be seen is a fact of its own; nothing fails.
    pub(super) async fn look(&self, args: &ConfigArgs, inputs: DoctorInputs) -> Facts {
        let env = chosen(|name| std::env::var(name).ok());
        let manager_env = inputs.manager_env.map(|theirs| chosen(|name| theirs.get(name).cloned()));
        let (config, services, alerts) = config(args);
        let manager_path = manager_env.as_ref().map(|env| env.get("PATH").cloned().unwrap_or_default());
        let path = env.get("PATH").map(String::as_str).unwrap_or_default();
        let programs = programs::look(&services, &alerts, path, manager_path.as_deref());
        let ((programs, runtimes), manager) = tokio::join!(programs, self.manager(manager_env));
        Facts {
            newest_file_seconds: newest(&config.files),
            folders: disk::folders(self.paths, &config.files),
            missing_cwds: disk::missing_cwds(&services),
            limits: limits(services.len()),
            containment: contain::look(
                path,
                sandboxed(&services, Sandbox::Restricted),
                sandboxed(&services, Sandbox::Isolated),
            ),
            ports: inputs.ports.into_iter().map(port).collect(),
            now_seconds: seconds(SystemTime::now()),
            config,
            programs,
            runtimes,
            manager,
            env,
        }
    }

    async fn manager(&self, env: Option<BTreeMap<String, String>>) -> ManagerFacts {
        let request = Request::new(Op::Files);
        let asked = tokio::time::timeout(MANAGER_PATIENCE, self.client.raw(&request)).await;
        let there = self.paths.socket.symlink_metadata().is_ok();
        let (running, trouble, stale_socket) = match asked {
            Ok(Ok(_)) => (true, None, false),
            Ok(Err(failure)) if failure.exit == Exit::Unreachable => (false, None, there),
            Ok(Err(failure)) => (false, Some(failure.message), false),
            Err(_) => (false, Some(format!("no word within {}s", MANAGER_PATIENCE.as_secs())), false),
        };
        let left_behind = disk::left_behind(&self.paths.state_dir);
        ManagerFacts { running, trouble, socket: self.paths.socket.clone(), stale_socket, left_behind, env }
    }
}

fn chosen(look_up: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), look_up(name)?))).collect()
}

fn config(args: &ConfigArgs) -> (ConfigFacts, Vec<ServiceSpec>, AlertsSpec) {
    let files = ConfigFiles::find(&args.config);
    let wanted = files.is_ok();
    let config = match files.and_then(|files| Config::load_files(files, args)) {
        Ok(config) => config,
        Err(failure) => {
            let facts = ConfigFacts { missing: Some(failure.message), wanted, ..ConfigFacts::default() };
            return (facts, Vec::new(), AlertsSpec::default());
        }
    };
    let count = |severity| config.loaded.diagnostics.iter().filter(|one| one.severity == severity).count();
    let facts = ConfigFacts {
        missing: None,
        wanted,
        files: config.files.files.iter().map(|file| file.display().to_string()).collect(),
        found_here: config.files.chosen == Chosen::Found,
        services: config.loaded.config.services.len(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
    };
    (facts, config.loaded.config.services, config.loaded.config.alerts)
}

fn newest(files: &[String]) -> Option<i64> {
    files.iter().filter_map(|file| Some(seconds(Path::new(file).metadata().ok()?.modified().ok()?))).max()
}

fn seconds(at: SystemTime) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    at.duration_since(SystemTime::UNIX_EPOCH).map_or_else(|before| -whole(before.duration()), whole)
}

fn limits(services: usize) -> LimitFacts {
    let (files, processes) = (getrlimit(Resource::Nofile), getrlimit(Resource::Nproc));
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok();
    LimitFacts {
        open_files: files.current,
        open_files_hard: files.maximum,
        processes: processes.current,
        inotify_watches: kernel("max_user_watches"),
        inotify_instances: kernel("max_user_instances"),
        services: services as u64,
    }
}

fn sandboxed(services: &[ServiceSpec], sandbox: Sandbox) -> Vec<String> {
    let asks = |spec: &&ServiceSpec| matches!(&spec.transport, TransportSpec::Stdio(stdio) if stdio.sandbox == sandbox);
    services.iter().filter(asks).map(|spec| spec.name.to_string()).collect()
}

/// Whether somebody could listen there: by doing it, for a moment.
fn port(wanted: WantedPort) -> PortFacts {
    let refused = std::net::TcpListener::bind(&wanted.address).err().map(|error| error.to_string());
    PortFacts { wanted, refused }
}

/// The folders of a `PATH`. An empty or relative entry means the working directory, from which nothing is taken.
fn folders_of(path: &str) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    std::env::split_paths(path).filter(|folder| folder.is_absolute() && seen.insert(folder.clone())).collect()
}
