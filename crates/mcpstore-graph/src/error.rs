//! What can be wrong with a set of dependencies.

use mcpstore_types::ServiceName;

/// A problem that keeps a set of services from being a graph.
///
/// A dependency is named by its service and its place in that service's list, so that a caller can point at the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Two services have one name. Reported once for each such name.
    #[error("service `{name}` is defined more than once")]
    Duplicate {
        /// The name.
        name: ServiceName,
    },
    /// A service depends on itself, in whatever way.
    #[error("service `{service}` depends on itself")]
    SelfDependency {
        /// The service.
        service: ServiceName,
        /// The place of the dependency in its list, counted from 0.
        dependency: usize,
    },
    /// A service depends on one that is not there.
    #[error("unknown dependency `{on}` of service `{service}`{}", did_you_mean(nearest.as_ref()))]
    Unknown {
        /// The service.
        service: ServiceName,
        /// The place of the dependency in its list, counted from 0.
        dependency: usize,
        /// The name that no service has.
        on: ServiceName,
        /// The name that was probably meant. Looked for in the first 64 unknown dependencies only.
        nearest: Option<ServiceName>,
    },
    /// Services wait for each other, so that none of them could ever start.
    ///
    /// One for each strongly connected component of the edges that order (see [`mcpstore_types::DepKind::orders`]): a
    /// shortest closed path in it. The text names at most 32 steps of it.
    #[error("dependency cycle: {}", arrows(path))]
    Cycle {
        /// The closed path, each service depending on the next: first and last are the same, the smallest name in it.
        path: Vec<ServiceName>,
        /// For each step of the path: the service, and the place in its list of the dependency on the next one.
        edges: Vec<(ServiceName, usize)>,
    },
}

/// How many steps of a cycle a message shows before it leaves out the middle.
const SHOWN_STEPS: usize = 32;

fn did_you_mean(nearest: Option<&ServiceName>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn arrows(path: &[ServiceName]) -> String {
    let join = |part: &[ServiceName]| part.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" -> ");
    if path.len() <= SHOWN_STEPS + 1 {
        return join(path);
    }
    let half = SHOWN_STEPS / 2;
    let left_out = path.len() - 2 * half;
    format!("{} -> ({left_out} more) -> {}", join(&path[..half]), join(&path[path.len() - half..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_as_designed() {
        let name = |text: &str| ServiceName::new(text).unwrap();
        let unknown = |nearest| GraphError::Unknown { service: name("a"), dependency: 0, on: name("x"), nearest };
        assert_eq!(unknown(Some(name("y"))).to_string(), "unknown dependency `x` of service `a`; did you mean `y`?");
        assert_eq!(unknown(None).to_string(), "unknown dependency `x` of service `a`");
        let path = vec![name("a"), name("b"), name("c"), name("a")];
        assert_eq!(GraphError::Cycle { path, edges: Vec::new() }.to_string(), "dependency cycle: a -> b -> c -> a");
    }
}
