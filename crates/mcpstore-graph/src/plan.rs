//! A plan: the orders with names, to be shown.

use mcpstore_types::ServiceName;

use crate::{DepGraph, NodeId};

/// In which order services would start and stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What can start together, wave after wave; sorted by name inside each.
    pub waves: Vec<Vec<ServiceName>>,
    /// One by one: dependencies first, by name wherever that leaves a choice.
    pub start_order: Vec<ServiceName>,
    /// Exactly the reverse of `start_order`.
    pub stop_order: Vec<ServiceName>,
}

impl DepGraph {
    /// The plan for all services, or for `only` these.
    ///
    /// `only` is taken as it is: for a service with all it needs, hand in its [`DepGraph::closure_up`]. Two chosen services
    /// keep their order when only a service that is not chosen stands between them.
    #[must_use]
    pub fn plan(&self, only: Option<&[NodeId]>) -> Plan {
        let mut chosen = vec![only.is_none(); self.len()];
        for node in only.unwrap_or_default() {
            chosen[node.index()] = true;
        }
        let named = |nodes: Vec<NodeId>| nodes.into_iter().map(|node| self.name(node).clone()).collect();
        let start_order: Vec<NodeId> = self.start_order().iter().copied().filter(|node| chosen[node.index()]).collect();
        Plan {
            waves: self.waves_of(&chosen).into_iter().map(named).collect(),
            stop_order: named(start_order.iter().rev().copied().collect()),
            start_order: named(start_order),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::{build, ids, seed};

    fn check(plan: &Plan, expected: &Expect) {
        let join = |names: &[ServiceName]| names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(" ");
        let waves: Vec<String> = plan.waves.iter().map(|wave| format!("[{}]", join(wave))).collect();
        let (start, stop) = (join(&plan.start_order), join(&plan.stop_order));
        expected.assert_eq(&format!("waves {}\nstart {start}\nstop  {stop}\n", waves.join(" ")));
    }

    #[test]
    fn of_all() {
        check(
            &seed().plan(None),
            &expect![[r#"
                waves [database] [auth] [api] [web]
                start database auth api web
                stop  web api auth database
            "#]],
        );
        let wide = build("b: a | c: a | a | e: c, b | d").unwrap();
        check(
            &wide.plan(None),
            &expect![[r#"
            waves [a d] [b c] [e]
            start a b c d e
            stop  e d c b a
        "#]],
        );
    }

    #[test]
    fn of_some_keeps_the_order_through_those_left_out() {
        let graph = seed();
        check(
            &graph.plan(Some(&ids(&graph, "web database web"))),
            &expect![[r#"
            waves [database] [web]
            start database web
            stop  web database
        "#]],
        );
        check(
            &graph.plan(Some(&ids(&graph, "auth"))),
            &expect![[r#"
            waves [auth]
            start auth
            stop  auth
        "#]],
        );
        assert_eq!(graph.plan(Some(&[])), Plan::default());
    }
}
