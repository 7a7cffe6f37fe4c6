//! Properties of the graph, against naive models: `PROPTEST_CASES` sets how many cases are tried (256 by default).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use mcpstore_graph::{DepGraph, GraphError, NodeId};
use mcpstore_types::{DepCondition, DepKind, Dependency, ServiceName};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Services = Vec<(ServiceName, Vec<Dependency>)>;

/// Neither in order nor tame. The last one is never a service.
const NAMES: [&str; 11] = ["m", "B", "a.b", "@x/y", "zz", "a", "9", "q r", "a-b", "b", "nobody"];

fn name(i: usize) -> ServiceName {
    ServiceName::new(NAMES[i]).unwrap()
}

fn dependency((to, kind, condition): (usize, DepKind, DepCondition)) -> Dependency {
    Dependency { on: name(to), kind, condition }
}

fn edge(to: impl Strategy<Value = usize>) -> impl Strategy<Value = (usize, DepKind, DepCondition)> {
    (to, select(&DepKind::ALL[..]), select(&DepCondition::ALL[..]))
}

/// Anything goes: cycles, oneself, no one, a name used again.
fn any_services() -> impl Strategy<Value = Services> {
    let target = || prop_oneof![20 => 0..10_usize, 1 => Just(10)];
    let list = || vec(edge(target()), 0..4).prop_map(|list| list.into_iter().map(dependency).collect::<Vec<_>>());
    (vec(list(), 0..=10), proptest::option::weighted(0.1, (0..10_usize, list()))).prop_map(|(lists, again)| {
        let mut services: Services = lists.into_iter().enumerate().map(|(i, list)| (name(i), list)).collect();
        services.extend(again.map(|(i, list)| (name(i), list)));
        services
    })
}

/// Only what builds: ordering edges lead to a lower number, and which name has which number is drawn.
fn sound_services() -> impl Strategy<Value = Services> {
    let numbers = Just((0..10).collect::<Vec<usize>>()).prop_shuffle();
    (vec(vec(edge(0..10_usize), 0..5), 0..=10), numbers).prop_map(|(lists, numbers)| {
        let count = lists.len();
        let lists = lists.into_iter().enumerate().map(|(i, list)| {
            let kept = list.into_iter().filter_map(|(to, kind, condition)| {
                let to = if kind.orders() { to.checked_rem(i)? } else { to % count };
                (to != i).then(|| dependency((numbers[to], kind, condition)))
            });
            (name(numbers[i]), kept.collect())
        });
        lists.collect()
    })
}

/// The same services in two orders.
fn twice(services: impl Strategy<Value = Services>) -> impl Strategy<Value = (Services, Services)> {
    services.prop_flat_map(|services| (Just(services.clone()), Just(services).prop_shuffle()))
}

fn build(services: &Services) -> Result<DepGraph, Vec<GraphError>> {
    DepGraph::build(services.iter().map(|(name, list)| (name, list.as_slice())))
}

fn names(graph: &DepGraph, nodes: &[NodeId]) -> Vec<ServiceName> {
    nodes.iter().map(|&node| graph.name(node).clone()).collect()
}

fn place(services: &Services, name: &ServiceName) -> Option<usize> {
    services.iter().position(|(other, _)| other == name)
}

/// Lengths of the shortest non-empty walks between the services, over edges of these kinds; oneself and no one left out.
fn distances(services: &Services, follow: impl Fn(DepKind) -> bool) -> Vec<Vec<Option<usize>>> {
    let n = services.len();
    let mut lengths = vec![vec![None; n]; n];
    for (i, (name, list)) in services.iter().enumerate() {
        for dependency in list.iter().filter(|d| follow(d.kind) && d.on != *name) {
            if let Some(j) = place(services, &dependency.on) {
                lengths[i][j] = Some(1);
            }
        }
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                if let (Some(a), Some(b)) = (lengths[i][k], lengths[k][j]) {
                    lengths[i][j] = Some(lengths[i][j].map_or(a + b, |old: usize| old.min(a + b)));
                }
            }
        }
    }
    lengths
}

/// Sorted places of the services of each strongly connected component of two or more.
fn knots(services: &Services, lengths: &[Vec<Option<usize>>]) -> BTreeSet<Vec<usize>> {
    let n = services.len();
    let mutual = |i: usize, j: usize| lengths[i][j].is_some() && lengths[j][i].is_some();
    (0..n).filter(|&i| mutual(i, i)).map(|i| (0..n).filter(|&j| mutual(i, j)).collect()).collect()
}

/// The plainest start order: again and again the first by name of those that wait for no one.
fn naive_start_order(services: &Services) -> Vec<ServiceName> {
    let mut left: BTreeSet<&ServiceName> = services.iter().map(|(name, _)| name).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().copied().find(|name| {
            let (_, list) = &services[place(services, name).unwrap()];
            list.iter().all(|d| !d.kind.orders() || !left.contains(&d.on))
        });
        let ready = ready.expect("the services have no cycle");
        left.remove(ready);
        order.push(ready.clone());
    }
    order
}

fn config() -> ProptestConfig {
    // The failing input is printed and small; a file of seeds beside the sources would add nothing.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn problems_are_exactly_those_a_naive_check_finds((services, shuffled) in twice(any_services())) {
        let unique: BTreeSet<&ServiceName> = services.iter().map(|(name, _)| name).collect();
        let duplicate = unique.len() != services.len();
        let lengths = distances(&services, DepKind::orders);
        let knots = knots(&services, &lengths);
        let mut expected = BTreeSet::new();
        for (service, list) in &services {
            for (i, dependency) in list.iter().enumerate() {
                if dependency.on == *service {
                    expected.insert((service.clone(), i, None));
                } else if !unique.contains(&dependency.on) {
                    expected.insert((service.clone(), i, Some(dependency.on.clone())));
                }
            }
        }
        match build(&services) {
            Ok(graph) => {
                prop_assert!(!duplicate && expected.is_empty() && knots.is_empty());
                prop_assert_eq!(graph.len(), services.len());
                prop_assert_eq!(graph.edge_count(), services.iter().map(|(_, list)| list.len()).sum::<usize>());
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                let mut found = BTreeSet::new();
                let mut found_knots = BTreeSet::new();
                let mut starts = Vec::new();
                for error in &errors {
                    match error {
                        GraphError::Duplicate { name } => {
                            prop_assert_eq!(services.iter().filter(|(other, _)| other == name).count(), 2);
                        }
                        GraphError::SelfDependency { service, dependency } => {
                            found.insert((service.clone(), *dependency, None));
                        }
                        GraphError::Unknown { service, dependency, on, nearest } => {
                            found.insert((service.clone(), *dependency, Some(on.clone())));
                            prop_assert!(nearest.as_ref().is_none_or(|near| unique.contains(near) && near != service));
                        }
                        GraphError::Cycle { path, edges } => {
                            let (first, steps) = (&path[0], path.len() - 1);
                            prop_assert_eq!(Some(first), path.last());
                            prop_assert_eq!(Some(first), path.iter().min());
                            prop_assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), steps);
                            prop_assert_eq!(edges.len(), steps);
                            for (step, (service, i)) in edges.iter().enumerate() {
                                prop_assert_eq!(service, &path[step]);
                                let dependency = &services[place(&services, service).unwrap()].1[*i];
                                prop_assert_eq!(&dependency.on, &path[step + 1]);
                                prop_assert!(dependency.kind.orders());
                            }
                            let at = place(&services, first).unwrap();
                            // Of a name used twice the first one counts; the model above takes both, so leave it out.
                            if !duplicate {
                                let knot = knots.iter().find(|knot| knot.contains(&at)).unwrap();
                                let shortest = knot.iter().filter_map(|&i| lengths[i][i]).min();
                                prop_assert_eq!(Some(steps), shortest);
                                found_knots.insert(knot.clone());
                            }
                            starts.push(first.clone());
                        }
                        other => prop_assert!(false, "{}", other),
                    }
                }
                prop_assert_eq!(found, expected);
                prop_assert_eq!(errors.iter().any(|e| matches!(e, GraphError::Duplicate { .. })), duplicate);
                prop_assert!(starts.is_sorted());
                if !duplicate {
                    prop_assert_eq!(starts.len(), found_knots.len());
                    prop_assert_eq!(found_knots, knots);
                    prop_assert_eq!(build(&shuffled).unwrap_err(), errors);
                }
            }
        }
    }

    #[test]
    fn orders_are_the_naive_ones_and_stable_by_name((services, shuffled) in twice(sound_services())) {
        let graph = build(&services).unwrap();
        let order = names(&graph, graph.start_order());
        prop_assert_eq!(&order, &naive_start_order(&services));
        for (service, list) in &services {
            for dependency in list.iter().filter(|d| d.kind.orders()) {
                let rank = |name: &ServiceName| graph.rank(graph.id(name.as_str()).unwrap());
                prop_assert!(rank(&dependency.on) < rank(service));
            }
        }
        for (i, &node) in graph.start_order().iter().enumerate() {
            prop_assert_eq!(graph.rank(node) as usize, i);
        }
        let stop: Vec<ServiceName> = order.iter().rev().cloned().collect();
        prop_assert_eq!(names(&graph, &graph.stop_order()), &stop[..]);

        let plan = graph.plan(None);
        prop_assert_eq!((&plan.start_order, &plan.stop_order), (&order, &stop));
        let waves: Vec<_> = graph.waves().iter().map(|wave| names(&graph, wave)).collect();
        prop_assert_eq!(&plan.waves, &waves);

        let other = build(&shuffled).unwrap();
        prop_assert_eq!(other.plan(None), plan);
        prop_assert_eq!(other.to_dot(), graph.to_dot());
        prop_assert_eq!(other.to_mermaid(), graph.to_mermaid());
        prop_assert_eq!(other.to_ascii(), graph.to_ascii());
    }

    #[test]
    fn a_wave_is_one_after_the_last_it_waits_for(services in sound_services()) {
        let graph = build(&services).unwrap();
        let waves = graph.waves();
        let wave_of = |node: NodeId| waves.iter().position(|wave| wave.contains(&node)).unwrap();
        prop_assert_eq!(waves.iter().map(Vec::len).sum::<usize>(), services.len());
        for node in graph.nodes() {
            let edges = graph.dependencies(node).iter().filter(|edge| edge.kind.orders());
            prop_assert_eq!(wave_of(node), edges.map(|edge| wave_of(edge.node) + 1).max().unwrap_or(0));
        }
        for wave in &waves {
            prop_assert!(!wave.is_empty() && names(&graph, wave).is_sorted());
        }
    }

    #[test]
    fn a_plan_of_some_is_made_of_walks_between_them(services in sound_services(), picks in vec(0..10_usize, 0..8)) {
        let graph = build(&services).unwrap();
        let only: Vec<NodeId> = picks.into_iter().filter(|&i| i < graph.len()).map(NodeId::from_index).collect();
        let plan = graph.plan(Some(&only));
        let chosen: BTreeSet<ServiceName> = names(&graph, &only).into_iter().collect();
        let order: Vec<_> = naive_start_order(&services).into_iter().filter(|name| chosen.contains(name)).collect();
        prop_assert_eq!(&plan.start_order, &order);
        prop_assert_eq!(plan.stop_order.iter().rev().collect::<Vec<_>>(), order.iter().collect::<Vec<_>>());
        prop_assert_eq!(plan.waves.iter().map(Vec::len).sum::<usize>(), order.len());
        let lengths = distances(&services, DepKind::orders);
        let at = |name: &ServiceName| place(&services, name).unwrap();
        let wave_of = |name: &ServiceName| plan.waves.iter().position(|wave| wave.contains(name)).unwrap();
        for name in &order {
            let needed = order.iter().filter(|other| lengths[at(name)][at(other)].is_some());
            prop_assert_eq!(wave_of(name), needed.map(|other| wave_of(other) + 1).max().unwrap_or(0));
        }
    }

    #[test]
    fn closures_are_reachability(services in sound_services(), roots in vec(0..10_usize, 0..4), kinds in 0..64_u8) {
        let graph = build(&services).unwrap();
        let follow = |kind: DepKind| kinds & (1 << kind as u8) != 0;
        let roots: Vec<usize> = roots.into_iter().filter(|&i| i < graph.len()).collect();
        let root_ids: Vec<NodeId> = roots.iter().map(|&i| NodeId::from_index(i)).collect();
        let lengths = distances(&services, follow);
        let model = |reaches: &dyn Fn(usize, usize) -> bool| {
            let mut all: Vec<NodeId> = (0..graph.len())
                .filter(|&i| roots.iter().any(|&root| root == i || reaches(root, i)))
                .map(NodeId::from_index)
                .collect();
            all.sort_by_key(|&node| graph.rank(node));
            all
        };
        prop_assert_eq!(graph.closure_up(&root_ids, follow), model(&|root, i| lengths[root][i].is_some()));
        prop_assert_eq!(graph.closure_down(&root_ids, follow), model(&|root, i| lengths[i][root].is_some()));
    }

    #[test]
    fn edges_are_those_given_from_both_ends(services in sound_services()) {
        let graph = build(&services).unwrap();
        let mut forth = Vec::new();
        let mut back = Vec::new();
        for (i, (service, list)) in services.iter().enumerate() {
            let node = NodeId::from_index(i);
            prop_assert_eq!((graph.name(node), graph.id(service.as_str())), (service, Some(node)));
            let mut given = list.clone();
            given.sort();
            let read = graph.dependencies(node).iter();
            let read: Vec<Dependency> =
                read.map(|e| Dependency { on: graph.name(e.node).clone(), kind: e.kind, condition: e.condition }).collect();
            prop_assert_eq!(read, given);
            prop_assert!(graph.dependents(node).is_sorted_by_key(|e| (graph.name(e.node), e.kind, e.condition)));
            forth.extend(graph.dependencies(node).iter().map(|e| (node, e.node, e.kind, e.condition)));
            back.extend(graph.dependents(node).iter().map(|e| (e.node, node, e.kind, e.condition)));
            let enemies: BTreeSet<&ServiceName> = services
                .iter()
                .flat_map(|(a, list)| list.iter().map(move |d| (a, d)))
                .filter(|(_, d)| d.kind == DepKind::Conflicts)
                .filter_map(|(a, d)| if a == service { Some(&d.on) } else { (d.on == *service).then_some(a) })
                .collect();
            let conflicts = names(&graph, graph.conflicts(node));
            prop_assert_eq!(conflicts.iter().collect::<Vec<_>>(), Vec::from_iter(enemies));
        }
        forth.sort();
        back.sort();
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn the_critical_path_is_a_longest_chain(services in sound_services(), seconds in vec(0..5_u64, 10)) {
        let graph = build(&services).unwrap();
        let weight = |node: NodeId| Duration::from_secs(seconds[node.index()]);
        let found = graph.critical_path(weight);
        prop_assert_eq!(found.path.is_empty(), graph.is_empty());
        prop_assert_eq!(found.path.iter().map(|&node| weight(node)).sum::<Duration>(), found.total);
        for pair in found.path.windows(2) {
            prop_assert!(graph.dependencies(pair[1]).iter().any(|edge| edge.kind.orders() && edge.node == pair[0]));
        }
        // As many rounds as there are services settle every chain, in whatever order they are taken.
        let mut up_at = vec![Duration::ZERO; graph.len()];
        for _ in 0..graph.len() {
            for node in graph.nodes() {
                let edges = graph.dependencies(node).iter().filter(|edge| edge.kind.orders());
                let begins = edges.map(|edge| up_at[edge.node.index()]).max().unwrap_or_default();
                up_at[node.index()] = begins + weight(node);
            }
        }
        prop_assert_eq!(up_at.into_iter().max().unwrap_or_default(), found.total);
    }
}
