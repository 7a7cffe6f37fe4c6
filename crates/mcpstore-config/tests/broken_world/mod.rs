//! The world around the broken configs, and what the whole product tells of one.

use std::collections::BTreeSet;
use std::path::Path;

use mcpstore_config::{
    Config, Diagnostic, Options, Outside, Program, Source, cycle_diagnostic, left_out_diagnostic, parse,
};
use mcpstore_types::ServiceName;

/// A few variables, files, programs and folders, always the same.
pub(crate) struct World;

impl Outside for World {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/srv/me".to_owned()),
            "EMPTY" => Some(String::new()),
            "TOKEN" => Some("expanded-secret".to_owned()),
            "MULTILINE" => Some("expanded-secret\n".to_owned()),
            _ => None,
        }
    }

    fn file(&self, path: &str, _: &str) -> Result<String, String> {
        if path == "token.txt" { Ok("expanded-secret\n".to_owned()) } else { Err("no such file".to_owned()) }
    }

    fn workspace(&self, _: &str) -> Option<String> {
        Some("/srv/project".to_owned())
    }

    fn program(&self, command: &str, _: Option<&Path>, _: Option<&str>) -> Program {
        match command {
            "npx" | "uvx" | "node" | "python3" | "docker" | "sh" | "files" | "search" | "x" | "bin/run" => {
                Program::Found
            }
            "/srv/server.py" | "/srv/tool" => Program::NotExecutable,
            _ => Program::Missing,
        }
    }

    fn is_folder(&self, path: &Path) -> Option<bool> {
        Some(["/srv", "/srv/me", "/srv/project", "project"].iter().any(|known| path == Path::new(known)))
    }
}

/// Everything that is told of a config: what the config itself says, then what the graph of its services does.
pub(crate) fn check(sources: &[Source]) -> Vec<Diagnostic> {
    let parsed = parse(sources, &World, &Options::default());
    let mut out = parsed.diagnostics;
    out.extend(left_out(&parsed.config));
    out.extend(cycle(&parsed.config));
    out
}

/// Services that cannot be without one that was left out, over any number of steps.
fn left_out(config: &Config) -> Vec<Diagnostic> {
    let mut gone: BTreeSet<&ServiceName> = config.left_out.iter().collect();
    let mut out = Vec::new();
    loop {
        let next = config.services.iter().filter(|spec| !gone.contains(&spec.name)).find_map(|spec| {
            let on = spec.dependencies.iter().find(|d| d.kind.is_hard() && gone.contains(&d.on))?;
            Some((&spec.name, &on.on))
        });
        let Some((service, on)) = next else { return out };
        out.push(left_out_diagnostic(config, service, on));
        gone.insert(service);
    }
}

/// A circle of dependencies with an order, as the graph would find it.
fn cycle(config: &Config) -> Option<Diagnostic> {
    config.services.iter().find_map(|spec| {
        let mut path: Vec<ServiceName> = Vec::new();
        let mut edges: Vec<(ServiceName, usize)> = Vec::new();
        let mut at = &spec.name;
        loop {
            if let Some(first) = path.iter().position(|name| name == at) {
                return Some(cycle_diagnostic(config, &path[first..], &edges[first..]));
            }
            let this = config.services.iter().find(|spec| spec.name == *at)?;
            let index = this.dependencies.iter().position(|d| d.kind.orders())?;
            path.push(at.clone());
            edges.push((at.clone(), index));
            at = &this.dependencies[index].on;
        }
    })
}
