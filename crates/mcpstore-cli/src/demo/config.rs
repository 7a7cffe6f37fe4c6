//! The config behind `up --demo`: as specs to run, and as text to read and to start one's own from.

use std::path::Path;

use mcpstore::types::TransportSpec;
use mcpstore::{Dependency, ServiceName, ServiceSpec};
use serde::{Serialize, Serializer};

use super::{NAMES, clock, digest, notes};

/// The demo services: `notes` requires `clock`, and `digest` requires both, so that start and stop have an order to show.
///
/// `program` is this binary; each server runs as `program demo-server NAME`.
///
/// # Errors
/// None that a user could cause: the names are constants.
pub(crate) fn services(program: &Path) -> anyhow::Result<Vec<ServiceSpec>> {
    NAMES.iter().map(|name| service(program, name)).collect()
}

fn service(program: &Path, name: &str) -> anyhow::Result<ServiceSpec> {
    let (description, needs): (&str, &[&str]) = match name {
        clock::NAME => (clock::DESCRIPTION, &[]),
        notes::NAME => (notes::DESCRIPTION, &[clock::NAME]),
        _ => (digest::DESCRIPTION, &[clock::NAME, notes::NAME]),
    };
    let command = program.to_string_lossy().into_owned();
    let mut spec = ServiceSpec::stdio(ServiceName::new(name)?, command, ["demo-server", name]);
    for on in needs {
        spec = spec.with_dependency(Dependency::requires(ServiceName::new(on)?));
    }
    spec.description = Some(description.to_owned());
    spec.tags = vec!["demo".to_owned()];
    Ok(spec)
}

/// The same services as the `mcpServers` JSON that would start them, pretty-printed.
///
/// # Errors
/// None that a user could cause: it is plain data.
pub(crate) fn config_text(services: &[ServiceSpec]) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&ConfigOut { mcp_servers: ServersOut(services) })?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigOut<'a> {
    mcp_servers: ServersOut<'a>,
}

/// A map in the order of the services, not of their names.
struct ServersOut<'a>(&'a [ServiceSpec]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryOut<'a> {
    command: &'a str,
    args: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<&'a str>,
    description: Option<&'a str>,
    tags: &'a [String],
}

impl Serialize for ServersOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter_map(|spec| Some((spec.name.as_str(), entry(spec)?))))
    }
}

fn entry(spec: &ServiceSpec) -> Option<EntryOut<'_>> {
    let TransportSpec::Stdio(stdio) = &spec.transport else { return None };
    Some(EntryOut {
        command: &stdio.command,
        args: &stdio.args,
        depends_on: spec.dependencies.iter().map(|dependency| dependency.on.as_str()).collect(),
        description: spec.description.as_deref(),
        tags: &spec.tags,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use mcpstore::config::Source;
    use mcpstore::{LoadOptions, load};

    use super::*;

    #[test]
    fn the_printed_config_says_what_the_demo_runs() {
        let services = services(Path::new("mcpstore")).unwrap();
        let text = config_text(&services).unwrap();
        expect![[r#"
            {
              "mcpServers": {
                "clock": {
                  "command": "mcpstore",
                  "args": [
                    "demo-server",
                    "clock"
                  ],
                  "description": "The time of day, and arithmetic on it",
                  "tags": [
                    "demo"
                  ]
                },
                "notes": {
                  "command": "mcpstore",
                  "args": [
                    "demo-server",
                    "notes"
                  ],
                  "dependsOn": [
                    "clock"
                  ],
                  "description": "Notes under keys, kept in memory until the server ends",
                  "tags": [
                    "demo"
                  ]
                },
                "digest": {
                  "command": "mcpstore",
                  "args": [
                    "demo-server",
                    "digest"
                  ],
                  "dependsOn": [
                    "clock",
                    "notes"
                  ],
                  "description": "What is in a text: counts and a checksum",
                  "tags": [
                    "demo"
                  ]
                }
              }
            }"#]]
        .assert_eq(&text);

        let loaded = load(&[Source::new("demo.json", text)], &mcpstore::config::Nothing, LoadOptions { strict: true });
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let read = loaded.config.services;
        assert_eq!(read, services);
        let order: Vec<String> =
            loaded.graph.start_order().iter().map(|id| loaded.graph.name(*id).to_string()).collect();
        assert_eq!(order, NAMES);
    }
}
