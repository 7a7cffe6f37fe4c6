//! The programs of a config: where they are, and which version they have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpstore::ServiceSpec;
use mcpstore::types::{AlertsSpec, ProbeKind, SinkKind, TransportSpec, WaitCondition};
use rustix::fs::{Access, access};
use tokio::task::JoinSet;

use super::super::facts::{Found, ProgramFacts};
use super::folders_of;
use super::version::version;

/// Programs that are asked for their version. A config may be a stranger's: of what it names nothing else is ever run here.
const KNOWN: [&str; 15] = [
    "npx", "npm", "node", "uvx", "uv", "python", "python3", "pipx", "bun", "bunx", "deno", "docker", "podman",
    "dotnet", "java",
];
/// What programs run on, beside themselves.
const RUNTIMES: [(&str, &str); 2] = [("npx", "node"), ("npm", "node")];

/// The programs that these services and alerts name, and what those run on. Versions are asked for at once, five seconds at most.
///
/// # Cancel safety
/// Safe: what was started is killed.
pub(super) async fn look(
    services: &[ServiceSpec],
    alerts: &AlertsSpec,
    path: &str,
    manager_path: Option<&str>,
) -> (Vec<ProgramFacts>, Vec<ProgramFacts>) {
    // By program, and by the folders it is looked for in: a service may have a PATH of its own.
    let mut wanted: BTreeMap<(String, Option<String>, Option<PathBuf>), Vec<String>> = BTreeMap::new();
    for spec in services {
        let TransportSpec::Stdio(stdio) = &spec.transport else { continue };
        let own = stdio.env.get("PATH").map(|path| path.expose().to_owned());
        let cwd = stdio.cwd.clone().filter(|_| stdio.command.contains('/'));
        wanted.entry((stdio.command.clone(), own, cwd)).or_default().push(spec.name.to_string());
    }
    for (command, by) in beside(services, alerts) {
        wanted.entry((command, None, None)).or_default().push(by);
    }
    let mut programs: Vec<ProgramFacts> = wanted
        .into_iter()
        .map(|((command, own, cwd), needed_by)| {
            let file = cwd.map_or_else(|| PathBuf::from(&command), |cwd| cwd.join(&command));
            let look =
                |path: &str| if command.contains('/') { state(&file) } else { find(&command, &folders_of(path)) };
            let found = look(own.as_deref().unwrap_or(path));
            // With a PATH of its own, that of the manager does not count.
            let by_manager = manager_path.filter(|_| own.is_none()).map(look);
            ProgramFacts { command, needed_by, found, version: None, by_manager }
        })
        .collect();
    let mut runtimes: Vec<ProgramFacts> = Vec::new();
    for (program, runtime) in RUNTIMES {
        let there = programs.iter().any(|one| one.command == program && matches!(one.found, Found::At(_)));
        if !there || programs.iter().chain(&runtimes).any(|one| one.command == runtime) {
            continue;
        }
        runtimes.push(ProgramFacts {
            command: runtime.to_owned(),
            needed_by: vec![format!("`{program}`")],
            found: find(runtime, &folders_of(path)),
            version: None,
            by_manager: manager_path.map(|path| find(runtime, &folders_of(path))),
        });
    }
    let mut asked = JoinSet::new();
    for (at, program) in programs.iter().chain(&runtimes).enumerate() {
        if let (Found::At(file), true) = (&program.found, KNOWN.contains(&program.command.as_str())) {
            let file = file.clone();
            asked.spawn(async move { (at, version(&file).await) });
        }
    }
    while let Some(answer) = asked.join_next().await {
        let Ok((at, version)) = answer else { continue };
        if let Some(program) = programs.iter_mut().chain(&mut runtimes).nth(at) {
            program.version = Some(version);
        }
    }
    (programs, runtimes)
}

/// The programs that are run beside servers, each with who has it run: they are looked for on the manager's own PATH.
fn beside(services: &[ServiceSpec], alerts: &AlertsSpec) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for spec in services {
        let health = &spec.policy.health;
        let probes = [("health.probe", Some(&health.probe)), ("health.readiness", health.readiness.as_ref())];
        for (key, probe) in probes {
            if let Some(ProbeKind::Exec { command, .. }) = probe {
                out.push((command.clone(), format!("`{key}` of {}", spec.name)));
            }
        }
        for condition in &spec.wait_for {
            if let WaitCondition::Exec { command, .. } = condition {
                out.push((command.clone(), format!("`waitFor` of {}", spec.name)));
            }
        }
    }
    for sink in &alerts.sinks {
        if let SinkKind::Command { command, .. } = &sink.kind {
            out.push((command.clone(), format!("alert sink {}", sink.name)));
        }
    }
    out
}

/// The first program of this name in these folders; else a file of the name that may not be run.
pub(super) fn find(name: &str, folders: &[PathBuf]) -> Found {
    let mut blocked = Found::Missing;
    for folder in folders {
        match state(&folder.join(name)) {
            found @ Found::At(_) => return found,
            found @ Found::NotExecutable(_) if blocked == Found::Missing => blocked = found,
            Found::NotExecutable(_) | Found::Missing => {}
        }
    }
    blocked
}

fn state(file: &Path) -> Found {
    match file.metadata() {
        Ok(meta) if meta.is_file() && access(file, Access::EXEC_OK).is_ok() => Found::At(file.to_owned()),
        Ok(_) => Found::NotExecutable(file.to_owned()),
        Err(_) => Found::Missing,
    }
}
