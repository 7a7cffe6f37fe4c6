//! What a graph is made of: nodes and edges.

use mcpstore_types::{DepCondition, DepKind};

/// A service inside one graph: its position in the order in which the services were given.
///
/// Means nothing in another graph; a graph handed the identifier of another one may panic or answer for another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The position, counted from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The node at this position, counted from 0. Whether a graph has it is not checked here.
    ///
    /// # Panics
    /// When `index` does not fit into 32 bits.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).expect("a graph has fewer than 2^32 services"))
    }
}

/// One dependency, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The other end: the dependency in [`crate::DepGraph::dependencies`], the dependent in [`crate::DepGraph::dependents`].
    pub node: NodeId,
    /// In which way the dependent depends.
    pub kind: DepKind,
    /// What must hold before the dependent may spawn.
    pub condition: DepCondition,
}
