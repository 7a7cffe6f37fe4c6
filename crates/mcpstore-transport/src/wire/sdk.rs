//! The wire as rmcp sees it: a transport whose ids are translated.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::mpsc;

use super::outgoing::{Kind, Outgoing};
use super::table::Waiter;
use super::{Hub, line};

/// The wire as rmcp sees it.
pub(crate) struct Wire {
    hub: Arc<Hub>,
    from_peer: mpsc::Receiver<ServerJsonRpcMessage>,
}

/// A message of rmcp's that did not go out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The wire is closed.
    #[error("the connection is closed")]
    Closed,
    /// It has no JSON form.
    #[error("the message cannot be written")]
    Encode(#[source] serde_json::Error),
}

impl Wire {
    pub(super) fn new(hub: Arc<Hub>, from_peer: mpsc::Receiver<ServerJsonRpcMessage>) -> Self {
        Self { hub, from_peer }
    }

    /// The line of a message, a request under a wire id of ours.
    fn encode(&self, mut message: ClientJsonRpcMessage) -> Result<Outgoing, SendError> {
        let mut wire_id = None;
        if let JsonRpcMessage::Request(request) = &mut message {
            let mut table = self.hub.table();
            let id = table.next_id();
            let number = i64::try_from(id).map_err(|_| SendError::Closed)?;
            let original = std::mem::replace(&mut request.id, RequestId::Number(number));
            if !table.enter(id, Waiter::Rmcp { id: original, sent: false }) {
                return Err(SendError::Closed);
            }
            wire_id = Some(id);
        }
        if let JsonRpcMessage::Notification(notification) = &message
            && matches!(notification.notification, ClientNotification::InitializedNotification(_))
        {
            // Before it goes out: the server may ask something the moment it reads this.
            self.hub.set_ready();
        }
        let line = serde_json::to_string(&message).map(line::sealed).map_err(SendError::Encode)?;
        Ok(Outgoing { line, kind: wire_id.map_or(Kind::Note, Kind::Request), room: None })
    }
}

impl Transport<RoleClient> for Wire {
    type Error = SendError;

    fn name() -> Cow<'static, str> {
        "mcpstore".into()
    }

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let encoded = self.encode(message);
        let hub = Arc::clone(&self.hub);
        async move { hub.out.send(encoded?).await.map_err(|_| SendError::Closed) }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        tokio::select! {
            biased;
            // What came before the end is taken first.
            message = self.from_peer.recv() => message,
            () = self.hub.closed.cancelled() => None,
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.hub.close();
        Ok(())
    }
}
