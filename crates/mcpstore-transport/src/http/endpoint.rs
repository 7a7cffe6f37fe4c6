//! The connection to a server over HTTP, as something that has an exit.

use std::sync::Arc;

use async_trait::async_trait;
use mcpstore_types::ExitStatus;

use super::driver::Driver;
use crate::Endpoint;

/// The connection to a server over HTTP. It ends when we end it, or the server's side of it is lost; the server lives on.
pub(super) struct Connection {
    driver: Arc<Driver>,
}

impl Connection {
    pub(super) fn new(driver: Arc<Driver>) -> Self {
        Self { driver }
    }
}

#[async_trait]
impl Endpoint for Connection {
    fn pid(&self) -> Option<u32> {
        None
    }

    /// Once the goodbye is said, or was not heard within 2 s.
    async fn exited(&self) -> ExitStatus {
        self.driver.over.cancelled().await;
        ExitStatus::Closed
    }

    async fn group_empty(&self) {
        self.driver.over.cancelled().await;
    }

    fn close_input(&self) {
        self.driver.hub.close_input();
    }

    fn terminate(&self) {
        self.driver.hub.close();
    }

    fn kill(&self) {
        self.driver.abandoned.cancel();
        self.driver.hub.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.kill();
    }
}
