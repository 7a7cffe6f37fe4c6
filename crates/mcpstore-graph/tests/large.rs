//! Graphs of extreme shape and size: nothing overflows the stack, nothing takes quadratic time.
//!
//! Time is not asserted: at these sizes a quadratic step would take minutes, and everyone would notice.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use mcpstore_graph::{DepGraph, GraphError, NodeId};
use mcpstore_types::{DepKind, Dependency, ServiceName};

const MANY: usize = 50_000;

type Services = Vec<(ServiceName, Vec<Dependency>)>;

/// Service `i` of `n` requires those of `edges(i)`. Names run against the numbers, so that neither order helps.
fn services(n: usize, edges: impl Fn(usize) -> Vec<usize>) -> Services {
    let names: Vec<ServiceName> = (0..n).map(|i| ServiceName::new(format!("s{:06}", n - i)).unwrap()).collect();
    let list = |i| edges(i).into_iter().map(|to| Dependency::requires(names[to].clone())).collect();
    (0..n).map(|i| (names[i].clone(), list(i))).collect()
}

fn build(services: &Services) -> Result<DepGraph, Vec<GraphError>> {
    DepGraph::build(services.iter().map(|(name, list)| (name, list.as_slice())))
}

/// Runs `check` on a stack on which 50,000 nested calls cannot have a place.
fn on_a_small_stack(check: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(check).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_chain_of_fifty_thousand() {
    on_a_small_stack(|| {
        let graph = build(&services(MANY, |i| if i == 0 { vec![] } else { vec![i - 1] })).unwrap();
        let (bottom, top) = (NodeId::from_index(0), NodeId::from_index(MANY - 1));
        assert_eq!((graph.rank(bottom), graph.rank(top) as usize), (0, MANY - 1));
        assert_eq!(graph.waves().len(), MANY);
        assert_eq!(graph.closure_up(&[top], DepKind::orders), graph.start_order());
        assert_eq!(graph.closure_down(&[bottom], DepKind::orders), graph.start_order());
        let critical = graph.critical_path(|_| Duration::from_millis(1));
        assert_eq!((critical.path.len(), critical.total), (MANY, Duration::from_secs(50)));
        assert_eq!(graph.plan(None).waves.len(), MANY);
        assert_eq!(graph.to_ascii().lines().count(), 3 * MANY - 1);
        assert!(graph.to_dot().lines().count() > 2 * MANY - 1 && graph.to_mermaid().lines().count() > 2 * MANY - 1);
    });
}

#[test]
fn a_ring_of_fifty_thousand() {
    on_a_small_stack(|| {
        let errors = build(&services(MANY, |i| vec![(i + MANY - 1) % MANY])).unwrap_err();
        let [GraphError::Cycle { path, edges }] = errors.as_slice() else { panic!("{} errors", errors.len()) };
        assert_eq!((path.len(), edges.len()), (MANY + 1, MANY));
        assert_eq!((path.first(), path.last()), (path.iter().min(), path.iter().min()));
        assert!(errors[0].to_string().len() < 1_000);
    });
}

#[test]
fn a_long_chain_into_a_ring_tells_the_ring_only() {
    on_a_small_stack(|| {
        // Everything waits for the ring at the bottom; and inside it there is a short cut.
        let errors = build(&services(MANY, |i| match i {
            0 => vec![9_999],
            20 => vec![19, 23],
            _ => vec![i - 1],
        }));
        let errors = errors.unwrap_err();
        let [GraphError::Cycle { path, .. }] = errors.as_slice() else { panic!("{} errors", errors.len()) };
        let name = |i: usize| format!("s{:06}", MANY - i);
        let expected: Vec<String> = [23, 22, 21, 20, 23].map(name).to_vec();
        assert_eq!(path.iter().map(|name| name.as_str()).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_star_of_fifty_thousand_both_ways() {
    on_a_small_stack(|| {
        let inward = build(&services(MANY, |i| if i == 0 { vec![] } else { vec![0] })).unwrap();
        assert_eq!(inward.waves().iter().map(Vec::len).collect::<Vec<_>>(), [1, MANY - 1]);
        assert_eq!(inward.dependents(NodeId::from_index(0)).len(), MANY - 1);
        assert_eq!(inward.closure_down(&[NodeId::from_index(0)], DepKind::orders).len(), MANY);
        let outward = build(&services(MANY, |i| if i == 0 { (1..MANY).collect() } else { vec![] })).unwrap();
        assert_eq!(outward.waves().iter().map(Vec::len).collect::<Vec<_>>(), [MANY - 1, 1]);
        assert_eq!(outward.start_order().last(), Some(&NodeId::from_index(0)));
    });
}

#[test]
fn many_small_knots_are_each_told() {
    on_a_small_stack(|| {
        let errors = build(&services(MANY, |i| vec![i ^ 1])).unwrap_err();
        assert_eq!(errors.len(), MANY / 2);
        assert!(errors.iter().all(|e| matches!(e, GraphError::Cycle { path, .. } if path.len() == 3)));
    });
}

#[test]
fn one_great_knot_without_short_cycles() {
    // 1,000 layers of 10, each service on the whole layer below, and the lowest on the highest: no cycle under 1,000.
    let (layers, width) = (1_000, 10);
    let below = |i: usize| (i / width + layers - 1) % layers * width;
    let errors = build(&services(layers * width, |i| (below(i)..below(i) + width).collect())).unwrap_err();
    let [GraphError::Cycle { path, .. }] = errors.as_slice() else { panic!("{} errors", errors.len()) };
    assert_eq!(path.len(), layers + 1);
}
