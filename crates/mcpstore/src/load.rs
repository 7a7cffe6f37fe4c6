//! From config text to services that fit together: the config crate and the graph crate, one after the other.

use std::collections::BTreeSet;

use mcpstore_config::{
    Code, Config, Diagnostic, Options, Outside, Source, cycle_diagnostic, left_out_diagnostic, parse,
};
use mcpstore_graph::{DepGraph, GraphError};
use mcpstore_types::ServiceName;

/// How a config is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Unknown keys are errors.
    pub strict: bool,
}

/// A config that was read and checked in full.
#[derive(Debug)]
pub struct Loaded {
    /// The services that can run, and the settings around them. Empty when the dependencies go round in a circle.
    pub config: Config,
    /// The graph of exactly those services.
    pub graph: DepGraph,
    /// All problems: of the text, and of the dependencies.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// True when anything is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == mcpstore_config::Severity::Error)
    }
}

/// Reads config sources (later ones win), checks them, and builds the dependency graph. Total: every problem is a
/// diagnostic.
///
/// A service with an error in its own entry is left out, and so are those that cannot be without it; the others stay. When
/// there is a cycle, nothing is left: no order could be right.
#[must_use]
pub fn load(sources: &[Source], outside: &dyn Outside, options: LoadOptions) -> Loaded {
    let parsed = parse(sources, outside, &Options { strict: options.strict });
    let (mut config, mut diagnostics) = (parsed.config, parsed.diagnostics);
    leave_out_dependents(&mut config, &mut diagnostics);
    let services = config.services.iter().map(|spec| (&spec.name, spec.dependencies.as_slice()));
    match DepGraph::build(services) {
        Ok(graph) => Loaded { config, graph, diagnostics },
        Err(errors) => {
            diagnostics.extend(errors.iter().map(|error| explain(&config, error)));
            config.services.clear();
            Loaded { config, graph: DepGraph::default(), diagnostics }
        }
    }
}

fn explain(config: &Config, error: &GraphError) -> Diagnostic {
    match error {
        GraphError::Cycle { path, edges } => cycle_diagnostic(config, path, edges),
        // The config crate has named these with their places already; they cannot come from a parsed config.
        other => Diagnostic::error(Code::UnknownDependency, other.to_string()),
    }
}

/// Services whose hard dependency was left out are left out too, each with a word; a soft dependency is dropped.
fn leave_out_dependents(config: &mut Config, diagnostics: &mut Vec<Diagnostic>) {
    let mut out: BTreeSet<ServiceName> = config.left_out.clone();
    loop {
        let lost = config.services.iter().find_map(|spec| {
            let dependency = spec.dependencies.iter().find(|d| d.kind.is_hard() && out.contains(&d.on))?;
            Some((spec.name.clone(), dependency.on.clone()))
        });
        let Some((name, on)) = lost else { break };
        diagnostics.push(left_out_diagnostic(config, &name, &on));
        config.services.retain(|spec| spec.name != name);
        out.insert(name);
    }
    for spec in &mut config.services {
        spec.dependencies.retain(|d| !out.contains(&d.on));
    }
    config.left_out = out;
}
