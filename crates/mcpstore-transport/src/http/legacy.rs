//! HTTP+SSE, the transport before streamable HTTP (spec: MCP 2024-11-05, transports): one stream for all that the server
//! says, and an address, told on it, for all that we say.

use std::sync::Arc;

use super::driver::Driver;
use super::exchange::Content;
use super::fault::Fault;
use super::guard::origin;
use super::sse::Decoder;
use crate::clip::clip;
use crate::wire::MAX_LINE_BYTES;

impl Driver {
    /// Reads the one stream; its end is the end of the conversation.
    pub(super) async fn read_legacy(self: Arc<Self>) {
        if let Some(Err(fault)) = self.unless_closed(self.legacy_stream()).await {
            self.give_in(fault);
        }
        self.hub.close();
    }

    async fn legacy_stream(&self) -> Result<(), Fault> {
        let mut response = self.http.send(&self.get(None)).await?;
        let status = response.status();
        if !status.is_success() || !matches!(Content::of(&response), Content::Events) {
            let message = "its address gives no event stream; a server of streamable HTTP needs \"type\": \"http\"";
            return Err(Fault::Status { status: status.as_u16(), message: message.to_owned(), retry_after: None });
        }
        let mut decoder = Decoder::new(MAX_LINE_BYTES);
        let how = self.pour(&mut response, &mut decoder, None).await;
        Err(Fault::Broken(how))
    }

    /// The server says where it wants our messages: at its own origin, nowhere else.
    pub(super) fn on_endpoint(&self, data: &[u8]) {
        let Some(endpoint) = &self.endpoint else { return };
        let here = &self.http.target.url;
        let Some(url) = std::str::from_utf8(data).ok().and_then(|text| here.join(text.trim()).ok()) else {
            return self.give_in(Fault::Malformed("it wants its messages at something that is no address".to_owned()));
        };
        if url.origin() != here.origin() {
            let message = format!("it wants its messages at another origin, `{}`", clip(&origin(&url)));
            return self.give_in(Fault::Malformed(message));
        }
        if let Err(error) = self.http.guard.check(&url) {
            return self.give_in(Fault::Unreachable(error.to_string()));
        }
        endpoint.send_replace(Some(url));
    }
}
