//! What to do about a cause: a table, with commands that can be copied as they stand.

use mcpstore::types::{Desired, Phase};

use super::cause::Cause;
use super::explain::{Fix, pids, time};
use super::find::{Finding, find};
use super::model::WhyModel;
use crate::quote::quoted;

/// What to do, one to three things in order; none where nothing is to be done.
pub(super) fn fixes(model: &WhyModel, finding: &Finding) -> Vec<Fix> {
    let mut fixes = of_cause(model, finding);
    // Who gave up, or was refused, does not try again by itself.
    let stays = matches!(model.phase, Phase::Failed { .. }) && model.desired == Desired::Up;
    let waits = matches!(finding.cause, Cause::DependencyDown | Cause::ExternalPending);
    if model.never_again() {
        let what = "to have it started again after failures, take `never` out of `restart.policy`";
        fixes.push(run(what, format!("mcpstore edit {}", name(model))));
    }
    if stays && !waits {
        fixes.push(run("then start it again; that forgets its failures", format!("mcpstore start {}", name(model))));
    }
    fixes
}

fn of_cause(model: &WhyModel, finding: &Finding) -> Vec<Fix> {
    let name = name(model);
    let object = finding.object.as_deref();
    let mcpstore = |verb: &str| format!("mcpstore {verb} {name}");
    match finding.cause {
        Cause::Running | Cause::Recycled | Cause::Starting | Cause::Stopping | Cause::WaitsForSlot | Cause::Removed => {
            Vec::new()
        }
        Cause::AlertFiring => {
            vec![run("see what fires", "mcpstore alerts ls".to_owned()), run("and what it says", mcpstore("logs"))]
        }
        // One that is to stay up must not end.
        Cause::Completed if !matches!(model.phase, Phase::Stopped { .. }) => vec![
            run("read what it said", mcpstore("logs")),
            run("correct its command: a server stays until its stdin is closed", mcpstore("edit")),
        ],
        Cause::NeverStarted | Cause::StoppedByUser | Cause::StoppedWithDependency | Cause::Completed => {
            vec![run("start it", mcpstore("start"))]
        }
        Cause::Asleep => vec![run("call it, or start it now", mcpstore("start"))],
        Cause::Disabled => vec![run("have it started with the others", mcpstore("enable"))],
        Cause::Conflict => {
            vec![run("see with whom it conflicts, then start it", format!("mcpstore config show {name}"))]
        }
        Cause::ConfigChanged => vec![
            run("see what the config asks for", "mcpstore plan".to_owned()),
            run("or start it all the same", mcpstore("start")),
        ],
        Cause::ExternalPending if matches!(model.phase, Phase::Failed { .. }) => vec![
            say("bring up what it waits for: it is still looked for, and the service starts by itself when it comes"),
            run("or start it again: then it waits anew", mcpstore("start")),
            run("or take it out of `waitFor`", mcpstore("edit")),
        ],
        Cause::ExternalPending => vec![
            say("bring up what it waits for; it starts by itself when that comes"),
            run("or take it out of `waitFor`", mcpstore("edit")),
        ],
        Cause::WaitsForDependency | Cause::DependencyDown | Cause::DependencyMissing => of_dependencies(model),
        Cause::ProgramMissing => program(object.or(model.launch.command.as_deref())),
        Cause::ModuleMissing => module(model, object),
        Cause::PackageMissing => vec![
            run("correct the package's name or version", mcpstore("edit")),
            say("a package of a private registry needs its address and a login in the environment of the manager"),
        ],
        Cause::PermissionDenied => match object.filter(|object| object.contains('/')) {
            Some(path) => vec![run("see who may use it", format!("ls -ld {}", quoted(path))), sandbox(&name)],
            None => vec![run("see what it was not allowed", mcpstore("logs")), sandbox(&name)],
        },
        Cause::AddressInUse => match object {
            Some(port) => vec![
                run(
                    "see which program has the port (`ss -ltnp` where there is no lsof)",
                    format!("lsof -nP -iTCP:{port} -sTCP:LISTEN"),
                ),
                run("end that, or give this one another port", mcpstore("edit")),
            ],
            None => vec![
                run("see which program has the port", "ss -ltnp".to_owned()),
                run("end that, or give this one another port", mcpstore("edit")),
            ],
        },
        Cause::VariableMissing => {
            let variable = object.unwrap_or("the variable");
            let value =
                object.map_or_else(String::new, |variable| format!(": \"{variable}\": \"${{env:{variable}}}\""));
            vec![run(&format!("give it {variable} under `env` in its entry{value}"), mcpstore("edit"))]
        }
        Cause::Unreachable => vec![
            run("see what stands in the way: names, proxies, the clock", "mcpstore doctor".to_owned()),
            run("correct the address, or start what listens there", mcpstore("edit")),
        ],
        Cause::OutOfMemory => vec![run("give it more memory (`limits`), or less to do", mcpstore("edit"))],
        Cause::Unusable => vec![
            run("see what is wrong with its entry", "mcpstore config check".to_owned()),
            run("correct it", mcpstore("edit")),
        ],
        Cause::LoginNeeded => vec![run("log in", format!("mcpstore auth login {name}"))],
        Cause::AuthRefused => vec![
            run("log in again, when it is a login", format!("mcpstore auth login {name}")),
            run("or correct the token under `headers` or `env`", mcpstore("edit")),
        ],
        Cause::HandshakeTimeout => vec![
            run("see what it was doing; a first start may download for long", mcpstore("logs")),
            run("give it more time (`timeouts.handshake`), or correct its arguments", mcpstore("edit")),
        ],
        Cause::HandshakeFailed if model.launch.url.is_some() => vec![
            run("see whether there is an MCP server at its address", mcpstore("check")),
            run("correct its address (`url`)", mcpstore("edit")),
        ],
        Cause::HandshakeFailed => vec![
            run("see what it said instead", mcpstore("logs")),
            run("correct its command: it must speak MCP, and nothing else, on stdout", mcpstore("edit")),
        ],
        Cause::StartTimeout => vec![
            run("see what it was doing", mcpstore("logs")),
            run("give it more time (`timeouts.start`)", mcpstore("edit")),
        ],
        Cause::ProbeFailing if !matches!(model.phase, Phase::Degraded) => vec![
            run("correct `health.probe`, or what it asks", mcpstore("edit")),
            run("see what the service says", mcpstore("logs")),
        ],
        Cause::ProbeFailing => vec![run("check it now", mcpstore("check")), run("see what it says", mcpstore("logs"))],
        Cause::Hung => vec![
            run("see what it was doing", mcpstore("logs")),
            run("if it was only busy, give the check more time (`health.timeout`, `health.fall`)", mcpstore("edit")),
        ],
        Cause::CircuitOpen => vec![
            run("see which calls failed", mcpstore("metrics")),
            run("or begin anew with a fresh life", mcpstore("restart")),
        ],
        // The log of a remote server is with that.
        Cause::ConnectionLost | Cause::Unclear if model.launch.url.is_some() => {
            vec![run("check it now; what it says itself stands in its own log", mcpstore("check"))]
        }
        Cause::Crashed | Cause::Killed | Cause::ConnectionLost | Cause::Unclear => {
            vec![run("read what it said", mcpstore("logs"))]
        }
        Cause::Leaked | Cause::StopFailed => leaked(model, &name),
        Cause::Unseen => {
            vec![run("check it now", mcpstore("check")), run("or start a fresh life", mcpstore("restart"))]
        }
    }
}

/// What to do about the first dependency that is really broken, not only waiting itself.
fn of_dependencies(model: &WhyModel) -> Vec<Fix> {
    let Some(dependency) = model.because.first() else {
        return vec![run("see what it needs", format!("mcpstore status {}", name(model)))];
    };
    let finding = find(dependency);
    let on = &dependency.service;
    let mut out = Vec::new();
    if let Some(left) = dependency.retry_in_seconds {
        out.push(say(&format!("`{on}` is tried again by itself in {}", time(left))));
    }
    out.extend(fixes(dependency, &finding).into_iter().map(|fix| {
        let deeper = matches!(finding.cause, Cause::WaitsForDependency | Cause::DependencyDown);
        // What is said for a dependency of it names that already.
        let say = if deeper || fix.say.starts_with('`') { fix.say } else { format!("`{on}`: {}", fix.say) };
        Fix { say, run: fix.run }
    }));
    if out.is_empty() {
        out.push(run(&format!("wait for `{on}`"), format!("mcpstore wait {}", quoted(on.as_str()))));
    }
    out
}

fn program(program: Option<&str>) -> Vec<Fix> {
    let Some(program) = program else {
        return vec![run("see which programs are missing", "mcpstore doctor".to_owned())];
    };
    let base = program.rsplit('/').next().unwrap_or(program);
    let install = match base {
        "npx" | "npm" | "node" => "install Node.js",
        "uvx" | "uv" => "install uv",
        "python" | "python3" | "pip" | "pip3" => "install Python 3",
        "bunx" | "bun" => "install Bun",
        "deno" => "install Deno",
        "docker" => "install Docker",
        "podman" => "install Podman",
        _ => "install it, or write its whole path as `command`",
    };
    vec![
        run(install, format!("command -v {}", quoted(program))),
        run("if your shell finds it, the manager has another PATH", "mcpstore doctor".to_owned()),
    ]
}

fn module(model: &WhyModel, module: Option<&str>) -> Vec<Fix> {
    let name = name(model);
    let edit = |what: &str| run(what, format!("mcpstore edit {name}"));
    let command = model.launch.command.as_deref().unwrap_or_default();
    let base = command.rsplit('/').next().unwrap_or(command);
    // A name of a module is no path, and nothing a shell or a package manager would take for an option.
    let plain = |module: &&str| !module.starts_with(['.', '/', '-']) && !module.contains("://");
    match (base, module.filter(plain)) {
        ("npx", _) => vec![
            run("its download may be broken: have npm look through its cache", "npm cache verify".to_owned()),
            edit("or ask for another version of the package"),
        ],
        ("uvx", Some(module)) => {
            vec![edit(&format!("add `--with {module}` before the package, or ask for another version"))]
        }
        (python, Some(module)) if python.starts_with("python") => {
            let pip = format!("{} -m pip install {}", quoted(command), quoted(module));
            vec![run("install it where the service finds it", pip)]
        }
        ("node", Some(module)) => {
            vec![run("install it in the folder of the service", format!("npm install {}", quoted(module)))]
        }
        _ => vec![run("see what it misses", format!("mcpstore logs {name}")), edit("correct its command or its `cwd`")],
    }
}

fn leaked(model: &WhyModel, name: &str) -> Vec<Fix> {
    if model.leaked_pids.is_empty() {
        return vec![run("kill what is left", format!("mcpstore stop {name} --force"))];
    }
    let list: Vec<String> = model.leaked_pids.iter().map(ToString::to_string).collect();
    vec![
        run(
            &format!("see what {} are", pids(&model.leaked_pids)),
            format!("ps -o pid,ppid,stat,args -p {}", list.join(",")),
        ),
        run(
            "kill them; those in state D wait for a disk or a network that does not answer",
            format!("kill -9 {}", list.join(" ")),
        ),
    ]
}

fn sandbox(name: &str) -> Fix {
    run("or its sandbox forbids it: let it through", format!("mcpstore config show {name}"))
}

fn name(model: &WhyModel) -> String {
    quoted(model.service.as_str())
}

fn say(what: &str) -> Fix {
    Fix { say: what.to_owned(), run: None }
}

fn run(what: &str, command: String) -> Fix {
    Fix { say: what.to_owned(), run: Some(command) }
}
