//! Lists of neighbours, all of them in one allocation.

/// For each of `n` nodes a slice of `T`. Two allocations in all, whatever `n` is.
#[derive(Clone, Debug)]
pub(crate) struct Adjacency<T> {
    /// The slice of node `i` is `items[offsets[i]..offsets[i + 1]]`; always one longer than there are nodes.
    offsets: Vec<usize>,
    items: Vec<T>,
}

impl<T> Default for Adjacency<T> {
    fn default() -> Self {
        Self { offsets: vec![0], items: Vec::new() }
    }
}

impl<T: Copy> Adjacency<T> {
    /// Starts one that is filled node by node.
    pub(crate) fn with_capacity(nodes: usize) -> Self {
        let mut offsets = Vec::with_capacity(nodes + 1);
        offsets.push(0);
        Self { offsets, items: Vec::new() }
    }

    /// Adds the next node, with `list` as its slice. Drains `list`, so that one buffer serves for all nodes.
    pub(crate) fn push_node(&mut self, list: &mut Vec<T>) {
        self.items.append(list);
        self.offsets.push(self.items.len());
    }

    /// Sorts `(node, item)` pairs into slices; inside a slice the pairs keep the order in which they were given.
    pub(crate) fn from_pairs(nodes: usize, pairs: impl Iterator<Item = (usize, T)> + Clone) -> Self {
        let mut offsets = vec![0; nodes + 1];
        let mut filler = None;
        for (node, item) in pairs.clone() {
            offsets[node + 1] += 1;
            filler = Some(item);
        }
        for i in 0..nodes {
            offsets[i + 1] += offsets[i];
        }
        // Any item will do to fill the vector: every place is written below.
        let mut items = filler.map_or_else(Vec::new, |item| vec![item; offsets[nodes]]);
        let mut next = offsets.clone();
        for (node, item) in pairs {
            items[next[node]] = item;
            next[node] += 1;
        }
        Self { offsets, items }
    }

    /// The slice of `node`.
    pub(crate) fn of(&self, node: usize) -> &[T] {
        &self.items[self.offsets[node]..self.offsets[node + 1]]
    }

    /// How many items there are in all slices.
    pub(crate) fn item_count(&self) -> usize {
        self.items.len()
    }
}
