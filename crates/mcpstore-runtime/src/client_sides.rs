//! What we are towards the servers that are launched.

use std::fmt;

use mcpstore_transport::ClientSide;
use mcpstore_types::{Incarnation, ServiceSpec};

/// Says what we are towards a server: what we can do for it, and who answers what it asks. See
/// [`crate::SupervisorConfig::client_sides`].
pub trait ClientSides: Send + Sync {
    /// For this life of a service. Must return at once.
    fn side(&self, spec: &ServiceSpec, incarnation: Incarnation) -> ClientSide;
}

impl fmt::Debug for dyn ClientSides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSides")
    }
}
