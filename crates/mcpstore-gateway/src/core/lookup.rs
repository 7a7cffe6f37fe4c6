//! Looking names up, though they were made a moment ago.

use std::time::Duration;

use mcpstore_transport::RpcError;
use tokio::time::timeout;

use super::Inner;
use super::names::Names;

/// Many times what names are behind.
const LONG: Duration = Duration::from_secs(1);

impl Inner {
    /// Looks something up in the names. What is not there may be of a service that came up a moment ago: then it is looked up
    /// again when the names are those of now.
    ///
    /// # Errors
    /// What the look-up says.
    ///
    /// # Cancel safety
    /// Nothing is lost when it is dropped.
    pub(crate) async fn find<T>(&self, look: impl Fn(&Names) -> Result<T, RpcError>) -> Result<T, RpcError> {
        let first = look(&self.names.load());
        if first.is_err() && Box::pin(self.catch_up()).await { look(&self.names.load()) } else { first }
    }

    /// Waits until the names are those of now; false when they are that already.
    async fn catch_up(&self) -> bool {
        let now = self.supervisor.snapshot().version;
        if *self.names_of.borrow() >= now {
            return false;
        }
        let mut made = self.names_of.subscribe();
        // The end of the gateway, or a machine that is very busy: the names are what they are.
        let _ = timeout(LONG, made.wait_for(|of| *of >= now)).await;
        true
    }
}
