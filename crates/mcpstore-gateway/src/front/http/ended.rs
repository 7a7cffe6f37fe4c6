//! Whether a client closed its side while its request is answered.

use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A stream that may know when its client closed its side.
pub(crate) trait Ended {
    /// It knows. Elsewhere hyper has to look, for which it takes a new buffer with each request.
    const KNOWS: bool;

    /// Ready when nothing more comes from the client; else the task is woken then. Behind a next request that waits already the
    /// end is not seen.
    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()>;
}

impl Ended for TcpStream {
    const KNOWS: bool = true;

    fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        // The end, an error, or the next request, which stays where it is.
        match self.poll_peek(cx, &mut ReadBuf::new(&mut [0])) {
            Poll::Ready(Ok(bytes)) if bytes > 0 => Poll::Pending,
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Ended for TlsStream<TcpStream> {
    // What is written to it last is not its end.
    const KNOWS: bool = false;

    fn poll_ended(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
