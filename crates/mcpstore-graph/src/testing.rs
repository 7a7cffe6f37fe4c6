//! Graphs from short texts, for the tests of this crate.

use mcpstore_types::{DepCondition, DepKind, Dependency, ServiceName};

use crate::{DepGraph, GraphError, NodeId};

/// Services with their dependencies, owned, as a caller would have them.
pub(crate) type Services = Vec<(ServiceName, Vec<Dependency>)>;

/// Reads `"api: database, auth wants started | auth"`: services apart by `|`, dependencies by `,`.
pub(crate) fn services(text: &str) -> Services {
    let name = |text: &str| ServiceName::new(text.trim()).unwrap();
    let parts = text.split('|').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (service, list) = part.split_once(':').unwrap_or((part, ""));
            let list = list.split(',').map(str::trim).filter(|item| !item.is_empty());
            let dependencies = list.map(|item| {
                let mut dependency = Dependency::requires(name("x"));
                let mut words = item.split(' ');
                dependency.on = name(words.next().unwrap());
                for word in words {
                    let kind = DepKind::ALL.into_iter().find(|kind| kind.as_str() == word);
                    let condition = DepCondition::ALL.into_iter().find(|condition| condition.as_str() == word);
                    assert!(kind.is_some() || condition.is_some(), "{word}");
                    dependency.kind = kind.unwrap_or(dependency.kind);
                    dependency.condition = condition.unwrap_or(dependency.condition);
                }
                dependency
            });
            (name(service), dependencies.collect())
        })
        .collect()
}

/// Builds what [`services`] reads.
pub(crate) fn build(text: &str) -> Result<DepGraph, Vec<GraphError>> {
    build_from(&services(text))
}

/// Builds from owned lists.
pub(crate) fn build_from(services: &Services) -> Result<DepGraph, Vec<GraphError>> {
    DepGraph::build(services.iter().map(|(name, list)| (name, list.as_slice())))
}

/// The seed's example: `api` on `database` and `auth`, `auth` on `database`, `web` on `api`.
pub(crate) fn seed() -> DepGraph {
    build("api: database, auth | auth: database | web: api | database").unwrap()
}

/// Names joined by blanks.
pub(crate) fn named(graph: &DepGraph, nodes: &[NodeId]) -> String {
    nodes.iter().map(|&node| graph.name(node).as_str()).collect::<Vec<_>>().join(" ")
}

/// The nodes of these names.
pub(crate) fn ids(graph: &DepGraph, names: &str) -> Vec<NodeId> {
    names.split(' ').map(|name| graph.id(name).unwrap()).collect()
}
