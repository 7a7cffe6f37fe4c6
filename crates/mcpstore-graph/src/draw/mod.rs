//! The graph as text for people and for drawing programs. Everything is sorted by name, so that two drawings compare.

mod ascii;
mod dot;
mod mermaid;

use mcpstore_types::{DepCondition, DepKind};

use crate::{DepGraph, Edge, NodeId};

/// What is written at an edge: its kind and its condition, where they are not the default.
fn label(edge: &Edge) -> Option<String> {
    let mut words = Vec::new();
    if edge.kind != DepKind::default() {
        words.push(edge.kind.as_str());
    }
    // The condition says what to wait for; a kind that does not wait has none.
    if edge.condition != DepCondition::default() && edge.kind.orders() {
        words.push(edge.condition.as_str());
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// The dependencies of a service without those that say the same as the one before.
fn distinct(graph: &DepGraph, node: NodeId) -> impl Iterator<Item = &Edge> {
    let edges = graph.dependencies(node);
    edges.iter().enumerate().filter(move |&(i, edge)| i == 0 || edges[i - 1] != *edge).map(|(_, edge)| edge)
}

/// The dependencies to draw as arrows: all but conflicts, which have no direction.
fn arrows(graph: &DepGraph, node: NodeId) -> impl Iterator<Item = &Edge> {
    distinct(graph, node).filter(|edge| edge.kind != DepKind::Conflicts)
}

/// The conflicts to draw at a service: each pair once, at the smaller name.
fn conflicts_once(graph: &DepGraph, node: NodeId) -> impl Iterator<Item = NodeId> {
    let later = move |other: &NodeId| graph.name_rank[other.index()] > graph.name_rank[node.index()];
    graph.conflicts(node).iter().copied().filter(later)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::testing::{build_from, seed, services};

    /// All kinds and conditions, a doubled edge, and names that a drawing program could misread.
    fn odd() -> crate::DepGraph {
        let mut list = services(
            "end: @scope/server.x, api binds_to completed, api binds_to completed | @scope/server.x | \
             api: db started, cache wants, queue after started, end part_of started | db: cache conflicts started | \
             cache: db conflicts | queue: one-x",
        );
        let spaced = mcpstore_types::ServiceName::new("1. Sequential Thinking").unwrap();
        list.push((spaced.clone(), Vec::new()));
        for (_, dependencies) in &mut list {
            for dependency in dependencies.iter_mut().filter(|dependency| dependency.on == "one-x") {
                dependency.on = spaced.clone();
            }
        }
        build_from(&list).unwrap()
    }

    #[test]
    fn dot() {
        expect![[r#"
            digraph mcpstore {
              rankdir=LR;
              node [shape=box];
              "api";
              "auth";
              "database";
              "web";
              "api" -> "auth";
              "api" -> "database";
              "auth" -> "database";
              "web" -> "api";
            }
        "#]]
        .assert_eq(&seed().to_dot());
        expect![[r#"
            digraph mcpstore {
              rankdir=LR;
              node [shape=box];
              "1. Sequential Thinking";
              "@scope/server.x";
              "api";
              "cache";
              "db";
              "end";
              "queue";
              "api" -> "cache" [label="wants"];
              "api" -> "db" [label="started"];
              "api" -> "end" [label="part_of", style=dotted];
              "api" -> "queue" [label="after, started"];
              "cache" -> "db" [label="conflicts", dir=none, style=dashed, constraint=false];
              "end" -> "@scope/server.x";
              "end" -> "api" [label="binds_to, completed"];
              "queue" -> "1. Sequential Thinking";
            }
        "#]]
        .assert_eq(&odd().to_dot());
    }

    #[test]
    fn mermaid() {
        expect![[r#"
            flowchart LR
              n0["api"]
              n1["auth"]
              n2["database"]
              n3["web"]
              n0 --> n1
              n0 --> n2
              n1 --> n2
              n3 --> n0
        "#]]
        .assert_eq(&seed().to_mermaid());
        expect![[r#"
            flowchart LR
              n0["1#46; Sequential Thinking"]
              n1["@scope/server.x"]
              n2["api"]
              n3["cache"]
              n4["db"]
              n5["end"]
              n6["queue"]
              n2 -- "wants" --> n3
              n2 -- "started" --> n4
              n2 -. "part_of" .-> n5
              n2 -- "after, started" --> n6
              n3 -. "conflicts" .- n4
              n5 --> n1
              n5 -- "binds_to, completed" --> n2
              n6 --> n0
        "#]]
        .assert_eq(&odd().to_mermaid());
    }

    #[test]
    fn ascii() {
        expect![[r#"
            wave 1
              database
            wave 2
              auth
                `- database
            wave 3
              api
                |- auth
                `- database
            wave 4
              web
                `- api
        "#]]
        .assert_eq(&seed().to_ascii());
        expect![[r#"
            wave 1
              1. Sequential Thinking
              @scope/server.x
              cache
                `- db [conflicts]
              db
                `- cache [conflicts]
            wave 2
              queue
                `- 1. Sequential Thinking
            wave 3
              api
                |- cache [wants]
                |- db [started]
                |- end [part_of]
                `- queue [after, started]
            wave 4
              end
                |- @scope/server.x
                `- api [binds_to, completed]
        "#]]
        .assert_eq(&odd().to_ascii());
    }
}
