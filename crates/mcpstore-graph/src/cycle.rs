//! Cycles: one shortest closed path for each knot of services that wait for each other.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use crate::{DepGraph, NodeId};

/// How many edges the search inside one component may look at before it settles for the shortest cycle found so far.
///
/// Far above what 10,000 services with 50,000 dependencies need. It exists for components that are both huge and without
/// short cycles, where finding *the* shortest one would take longer than anyone waits for a message.
const MAX_STEPS: usize = 100_000_000;

/// For each strongly connected component of the ordering edges among `stuck` (sorted by name): a shortest cycle as an
/// open path that begins at the smallest name in it. Sorted by first name.
pub(crate) fn shortest_cycles(graph: &DepGraph, stuck: &[NodeId]) -> Vec<Vec<NodeId>> {
    let mut place = vec![None; graph.len()];
    let mut knots: DiGraph<NodeId, ()> = DiGraph::with_capacity(stuck.len(), stuck.len());
    for &node in stuck {
        place[node.index()] = Some(knots.add_node(node));
    }
    for &node in stuck {
        for edge in graph.dependencies(node).iter().filter(|edge| edge.kind.orders()) {
            if let (Some(from), Some(to)) = (place[node.index()], place[edge.node.index()]) {
                knots.add_edge(from, to, ());
            }
        }
    }
    // Not `tarjan_scc`: petgraph's recurses once per node on the way down, and a long chain would end the stack.
    let mut cycles: Vec<Vec<NodeId>> = kosaraju_scc(&knots)
        .into_iter()
        .filter(|component| component.len() > 1)
        .map(|component| {
            let mut members: Vec<NodeId> = component.into_iter().map(|index| knots[index]).collect();
            members.sort_unstable_by_key(|node| graph.name_rank[node.index()]);
            let path = Component::new(graph, &members).shortest_cycle();
            path.into_iter().map(|member| members[member]).collect()
        })
        .collect();
    cycles.sort_by_key(|path| path.first().map(|node| graph.name_rank[node.index()]));
    cycles
}

/// A strongly connected component of two nodes or more, numbered by name, from which the search strikes out nodes.
struct Component {
    next: Vec<Vec<usize>>,
    previous: Vec<Vec<usize>>,
    alive: Vec<bool>,
    /// For each node its neighbours alive, ahead and behind.
    ahead: Vec<usize>,
    behind: Vec<usize>,
}

impl Component {
    /// `members` are sorted by name.
    fn new(graph: &DepGraph, members: &[NodeId]) -> Self {
        let mut number = vec![None; graph.len()];
        for (i, node) in members.iter().enumerate() {
            number[node.index()] = Some(i);
        }
        let mut next: Vec<Vec<usize>> = Vec::with_capacity(members.len());
        let mut previous = vec![Vec::new(); members.len()];
        for (i, &node) in members.iter().enumerate() {
            let ordering = graph.dependencies(node).iter().filter(|edge| edge.kind.orders());
            let mut row: Vec<usize> = ordering.filter_map(|edge| number[edge.node.index()]).collect();
            row.dedup();
            row.iter().for_each(|&to| previous[to].push(i));
            next.push(row);
        }
        let ahead = next.iter().map(Vec::len).collect();
        let behind = previous.iter().map(Vec::len).collect();
        Self { alive: vec![true; members.len()], next, previous, ahead, behind }
    }

    /// Takes the nodes by name. The shortest cycle through a node is a breadth-first search from it; after that the node
    /// is struck out, and with it all that is on no other cycle. So the node searched from is always the smallest name of
    /// what is found, and a plain ring costs one search.
    fn shortest_cycle(mut self) -> Vec<usize> {
        let mut best: Vec<usize> = Vec::new();
        let mut search = Search::new(self.alive.len());
        for root in 0..self.alive.len() {
            if !self.alive[root] {
                continue;
            }
            if let Some(path) = search.cycle_through(&self, root, best.len()) {
                best = path;
            }
            // Nothing is shorter than two: a dependency on itself never gets here.
            if best.len() == 2 || search.steps > MAX_STEPS {
                break;
            }
            self.strike_out(root);
        }
        best
    }

    fn strike_out(&mut self, node: usize) {
        let mut doomed = vec![node];
        self.alive[node] = false;
        while let Some(node) = doomed.pop() {
            for &to in &self.next[node] {
                self.behind[to] -= 1;
                if self.alive[to] && self.behind[to] == 0 {
                    self.alive[to] = false;
                    doomed.push(to);
                }
            }
            for &from in &self.previous[node] {
                self.ahead[from] -= 1;
                if self.alive[from] && self.ahead[from] == 0 {
                    self.alive[from] = false;
                    doomed.push(from);
                }
            }
        }
    }
}

/// Breadth-first searches that share their memory.
struct Search {
    /// For each node the root of the search that saw it last, and from where.
    seen_by: Vec<Option<usize>>,
    from: Vec<usize>,
    queue: Vec<(usize, usize)>,
    /// Edges looked at, in all searches.
    steps: usize,
}

impl Search {
    fn new(nodes: usize) -> Self {
        Self { seen_by: vec![None; nodes], from: vec![0; nodes], queue: Vec::new(), steps: 0 }
    }

    /// A shortest cycle through `root`, if there is one shorter than `limit` (0: no limit).
    fn cycle_through(&mut self, component: &Component, root: usize, limit: usize) -> Option<Vec<usize>> {
        self.queue.clear();
        self.queue.push((root, 1));
        self.seen_by[root] = Some(root);
        let mut at = 0;
        while let Some(&(node, length)) = self.queue.get(at) {
            at += 1;
            if limit > 0 && length >= limit {
                return None;
            }
            self.steps += component.next[node].len();
            for &to in component.next[node].iter().filter(|&&to| component.alive[to]) {
                if to == root {
                    let mut path = vec![node];
                    let mut last = node;
                    while last != root {
                        last = self.from[last];
                        path.push(last);
                    }
                    path.reverse();
                    return Some(path);
                }
                if self.seen_by[to] != Some(root) {
                    self.seen_by[to] = Some(root);
                    self.from[to] = node;
                    self.queue.push((to, length + 1));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::GraphError;
    use crate::testing::build;

    fn cycles(text: &str) -> Vec<String> {
        let errors = build(text).unwrap_err();
        let paths = errors.iter().map(|error| match error {
            GraphError::Cycle { path, .. } => path.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
            other => panic!("{other}"),
        });
        paths.collect()
    }

    #[test]
    fn the_shortest_is_found_wherever_it_lies() {
        assert_eq!(cycles("a: b | b: c | c: a, d | d: e | e: d, a"), ["d e d"]);
        assert_eq!(cycles("a: b | b: c | c: d | d: a, b | z: a"), ["b c d b"]);
    }

    #[test]
    fn of_equal_ones_the_first_by_name_is_told() {
        assert_eq!(cycles("c: a | b: a | a: c, b"), ["a b a"]);
        assert_eq!(cycles("a: y, b | b: z | y: z | z: a"), ["a b z a"]);
        assert_eq!(cycles("a: b | b: c | c: a, d | d: e | e: f | f: d, c"), ["a b c a"]);
    }

    #[test]
    fn components_do_not_mix() {
        assert_eq!(cycles("x: y | y: x, a | a: b | b: c | c: a | q: x"), ["a b c a", "x y x"]);
    }
}
