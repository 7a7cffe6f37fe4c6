//! The diagnostic of a dependency cycle; the graph finds the cycle, the config knows where it is written.

use mcpstore_types::ServiceName;

use crate::{Code, Config, Diagnostic, Place};

/// An error that points at every step of a cycle of dependencies.
///
/// `path` names the services of the cycle in order, with or without the first one again at the end. `edges` has one step
/// each: the service, and the index of the dependency in its list that leads to the next one. Steps that the config does
/// not know are left out; the first known one is the primary place.
#[must_use]
pub fn cycle_diagnostic(config: &Config, path: &[ServiceName], edges: &[(ServiceName, usize)]) -> Diagnostic {
    let mut names: Vec<&str> = path.iter().map(ServiceName::as_str).collect();
    if names.len() == 1 || names.first() != names.last() {
        names.extend(path.first().map(ServiceName::as_str));
    }
    let mut diagnostic = Diagnostic::error(Code::DependencyCycle, format!("dependency cycle: {}", names.join(" -> ")))
        .with_help("take out one of these dependencies, or make it of a kind without order: \"part_of\"");
    for (service, index) in edges {
        let Some((place, what)) = step(config, service, *index) else { continue };
        if diagnostic.primary.is_none() {
            diagnostic.service = Some(service.clone());
            diagnostic.label = Some(what);
            diagnostic.primary = Some(place);
        } else {
            diagnostic.related.push((place, what));
        }
    }
    diagnostic
}

/// Where a step stands, and what it says.
fn step(config: &Config, service: &ServiceName, index: usize) -> Option<(Place, String)> {
    let place = *config.origins.get(service)?.dependency_spans.get(index)?;
    let spec = config.services.iter().find(|spec| spec.name == *service);
    let what = match spec.and_then(|spec| spec.dependencies.get(index)) {
        Some(dependency) => format!("`{service}` -> `{}` ({})", dependency.on, dependency.kind),
        None => format!("a dependency of `{service}`"),
    };
    Some((place, what))
}
