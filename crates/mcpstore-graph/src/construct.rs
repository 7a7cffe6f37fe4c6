//! From lists of dependencies to a graph, or to everything that is wrong with them.

use indexmap::IndexSet;
use mcpstore_types::{DepKind, Dependency, ServiceName, nearest};

use crate::adjacency::Adjacency;
use crate::{DepGraph, Edge, GraphError, NodeId, cycle, order};

/// For how many unknown names the nearest known one is looked for: each look-up reads all names.
const NEAREST_LOOKUPS: usize = 64;

impl DepGraph {
    /// Builds the graph of these services, each with its list of dependencies. A node is the position in this order.
    ///
    /// A dependency listed twice stays as two edges; they order no more than one does. Only the kinds that order (see
    /// [`DepKind::orders`]) can make a cycle. Takes time in proportion to services and dependencies, times a logarithm.
    ///
    /// # Errors
    /// Every problem at once, in an order that depends on the names only: [`GraphError::Duplicate`] by name; then
    /// [`GraphError::SelfDependency`] and [`GraphError::Unknown`] by service and place; then one [`GraphError::Cycle`] for
    /// each strongly connected component, by its first name. Cycles are looked for over the dependencies that are known.
    pub fn build<'a>(
        services: impl IntoIterator<Item = (&'a ServiceName, &'a [Dependency])>,
    ) -> Result<Self, Vec<GraphError>> {
        let mut names = IndexSet::new();
        let mut lists: Vec<&'a [Dependency]> = Vec::new();
        let mut again: Vec<(&'a ServiceName, &'a [Dependency])> = Vec::new();
        for (name, list) in services {
            if names.insert(name.clone()) {
                lists.push(list);
            } else {
                again.push((name, list));
            }
        }

        let mut errors = duplicates(&again);
        let mut graph = Self::default();
        graph.set_names(names);
        errors.append(&mut graph.set_edges(&lists, &again));

        let (start_order, stuck) = order::kahn(&graph);
        if !stuck.is_empty() {
            errors.extend(cycle::shortest_cycles(&graph, &stuck).iter().map(|path| graph.cycle_error(path, &lists)));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        graph.start_rank = vec![0; graph.len()];
        for (rank, node) in (0..).zip(&start_order) {
            graph.start_rank[node.index()] = rank;
        }
        graph.start_order = start_order;
        Ok(graph)
    }

    fn set_names(&mut self, names: IndexSet<ServiceName>) {
        self.by_name = (0..names.len()).map(NodeId::from_index).collect();
        self.by_name.sort_unstable_by(|a, b| names[a.index()].cmp(&names[b.index()]));
        self.name_rank = vec![0; names.len()];
        for (rank, node) in (0..).zip(&self.by_name) {
            self.name_rank[node.index()] = rank;
        }
        self.names = names;
    }

    /// Fills the edges that are sound, and reports the others. `again` are the services whose name was taken.
    fn set_edges(&mut self, lists: &[&[Dependency]], again: &[(&ServiceName, &[Dependency])]) -> Vec<GraphError> {
        let mut faults: Vec<(&ServiceName, usize, Fault<'_>)> = Vec::new();
        let mut dependencies = Adjacency::with_capacity(self.len());
        let mut row = Vec::new();
        for (name, list) in self.names.iter().zip(lists) {
            for (place, dependency) in list.iter().enumerate() {
                match self.id(dependency.on.as_str()) {
                    None => faults.push((name, place, Fault::Unknown(&dependency.on))),
                    Some(_) if dependency.on == *name => faults.push((name, place, Fault::OnItself)),
                    Some(node) => row.push(Edge { node, kind: dependency.kind, condition: dependency.condition }),
                }
            }
            row.sort_by_key(|edge| (self.name_rank[edge.node.index()], edge.kind, edge.condition));
            dependencies.push_node(&mut row);
        }
        for &(name, list) in again {
            for (place, dependency) in list.iter().enumerate() {
                match self.id(dependency.on.as_str()) {
                    None => faults.push((name, place, Fault::Unknown(&dependency.on))),
                    Some(_) if dependency.on == *name => faults.push((name, place, Fault::OnItself)),
                    Some(_) => {}
                }
            }
        }
        faults.sort();
        let mut lookups = NEAREST_LOOKUPS;
        let errors = faults.iter().map(|(name, place, fault)| self.fault_error(name, *place, fault, &mut lookups));
        let errors = errors.collect();

        // Going through the nodes by name leaves every reverse list sorted by name.
        let edges = self.by_name.iter().flat_map(|&from| {
            dependencies.of(from.index()).iter().map(move |edge| (edge.node.index(), Edge { node: from, ..*edge }))
        });
        self.dependents = Adjacency::from_pairs(self.len(), edges);
        self.dependencies = dependencies;
        self.set_conflicts();
        errors
    }

    fn set_conflicts(&mut self) {
        let mut conflicts = Adjacency::with_capacity(self.len());
        let mut row: Vec<NodeId> = Vec::new();
        for node in self.nodes() {
            let both_ways = self.dependencies(node).iter().chain(self.dependents(node));
            row.extend(both_ways.filter(|edge| edge.kind == DepKind::Conflicts).map(|edge| edge.node));
            row.sort_unstable_by_key(|other| self.name_rank[other.index()]);
            row.dedup();
            conflicts.push_node(&mut row);
        }
        self.conflicts = conflicts;
    }

    fn fault_error(
        &self,
        service: &ServiceName,
        dependency: usize,
        fault: &Fault<'_>,
        lookups: &mut usize,
    ) -> GraphError {
        let service = service.clone();
        match *fault {
            Fault::OnItself => GraphError::SelfDependency { service, dependency },
            Fault::Unknown(on) => {
                let mut found = None;
                if *lookups > 0 {
                    *lookups -= 1;
                    // Never itself: that would only be the next error.
                    let others = self.names.iter().filter(|name| **name != service);
                    found = nearest(on.as_str(), others).and_then(|name| self.names.get(name)).cloned();
                }
                GraphError::Unknown { service, dependency, on: on.clone(), nearest: found }
            }
        }
    }

    /// Names an open path of nodes, and the places in the lists that close it.
    fn cycle_error(&self, path: &[NodeId], lists: &[&[Dependency]]) -> GraphError {
        let next = path.iter().cycle().skip(1);
        let edges = path.iter().zip(next).map(|(&from, &to)| {
            let leads_on = |d: &Dependency| d.kind.orders() && d.on == *self.name(to);
            let place = lists[from.index()].iter().position(leads_on);
            (self.name(from).clone(), place.expect("every step of a cycle is a dependency that was given"))
        });
        GraphError::Cycle {
            edges: edges.collect(),
            path: path.iter().chain(path.first()).map(|&node| self.name(node).clone()).collect(),
        }
    }
}

/// What is wrong with one dependency.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Fault<'a> {
    OnItself,
    Unknown(&'a ServiceName),
}

fn duplicates(again: &[(&ServiceName, &[Dependency])]) -> Vec<GraphError> {
    let mut names: Vec<&ServiceName> = again.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| GraphError::Duplicate { name: name.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::{build, build_from, services};

    fn check(text: &str, expected: &Expect) {
        let errors = build(text).unwrap_err();
        let lines: Vec<String> = errors.iter().map(|error| format!("{error}\n")).collect();
        expected.assert_eq(&lines.concat());
        // The order of the services changes nothing; but of two with one name the first one counts.
        if !matches!(errors.first(), Some(GraphError::Duplicate { .. })) {
            let mut reversed = services(text);
            reversed.reverse();
            assert_eq!(build_from(&reversed).unwrap_err(), errors);
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        check(
            "b: a | a: c | c: b, datbase, c part_of | database: x conflicts | x: y | y: x after | solo: sole",
            &expect![[r#"
                unknown dependency `datbase` of service `c`; did you mean `database`?
                service `c` depends on itself
                unknown dependency `sole` of service `solo`
                dependency cycle: a -> c -> b -> a
                dependency cycle: x -> y -> x
            "#]],
        );
        check(
            "twin: one | one | twin: two, twin, one | twin | lone: lone",
            &expect![[r#"
            service `twin` is defined more than once
            service `lone` depends on itself
            unknown dependency `two` of service `twin`
            service `twin` depends on itself
        "#]],
        );
    }

    #[test]
    fn each_component_gives_its_shortest_cycle() {
        check(
            "a: b | b: c, d | c: d | d: e | e: b, a | p: q wants | q: p | t: a",
            &expect![[r#"
            dependency cycle: b -> d -> e -> b
            dependency cycle: p -> q -> p
        "#]],
        );
    }

    #[test]
    fn places_point_into_the_lists() {
        let errors = build("m: k part_of, l, k started, k | k: m conflicts, m wants | l: nobody, l").unwrap_err();
        let name = |text: &str| ServiceName::new(text).unwrap();
        assert_eq!(
            errors,
            [
                GraphError::Unknown { service: name("l"), dependency: 0, on: name("nobody"), nearest: None },
                GraphError::SelfDependency { service: name("l"), dependency: 1 },
                GraphError::Cycle {
                    path: vec![name("k"), name("m"), name("k")],
                    edges: vec![(name("k"), 1), (name("m"), 2)],
                },
            ]
        );
    }

    #[test]
    fn kinds_without_order_make_no_cycle() {
        assert!(build("a: b part_of, c conflicts | b: a | c: a").is_ok());
    }

    #[test]
    fn the_nearest_name_is_never_its_own() {
        let errors = build("service-a: service-b").unwrap_err();
        assert!(matches!(errors.as_slice(), [GraphError::Unknown { nearest: None, .. }]), "{errors:?}");
    }

    #[test]
    fn a_flood_of_unknown_names_is_told_in_full() {
        let list: Vec<String> = (0..200).map(|i| format!("filesystm{i}")).collect();
        let errors = build(&format!("a: {} | filesystem", list.join(", "))).unwrap_err();
        let helped = errors.iter().filter(|e| matches!(e, GraphError::Unknown { nearest: Some(_), .. })).count();
        assert_eq!((errors.len(), helped), (200, NEAREST_LOOKUPS));
    }

    #[test]
    fn a_long_cycle_has_a_short_message() {
        let ring: Vec<String> = (0..40).map(|i| format!("s{i:02}: s{:02}", (i + 1) % 40)).collect();
        check(
            &ring.join(" | "),
            &expect![[r#"
            dependency cycle: s00 -> s01 -> s02 -> s03 -> s04 -> s05 -> s06 -> s07 -> s08 -> s09 -> s10 -> s11 -> s12 -> s13 -> s14 -> s15 -> (9 more) -> s25 -> s26 -> s27 -> s28 -> s29 -> s30 -> s31 -> s32 -> s33 -> s34 -> s35 -> s36 -> s37 -> s38 -> s39 -> s00
        "#]],
        );
    }
}
