//! One connection, from its first request to its last.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Front;
use super::ended::Ended;
use super::watch::{Busy, Overdue, Watch, Watched};

/// The buffer of a connection, for what is read and for what is to be written, beside the bodies themselves.
const BUFFER_BYTES: usize = 64 * 1024;

/// Serves a connection until it ends; `here` is our end of it. Dropped, it is closed, and its request is given up.
pub(crate) async fn connection<S>(front: Arc<Front>, stream: S, here: IpAddr, watch: Arc<Watch>)
where
    S: AsyncRead + AsyncWrite + Ended + Unpin + Send,
{
    let service = service_fn(|request| {
        let busy = Busy::new(&watch);
        let front = Arc::clone(&front);
        async move {
            let mut reply = front.answer(here, request, busy.watch()).await;
            if matches!(reply.status().as_u16(), 400 | 402 | 404..) {
                front.counters.rejected_total.up();
            }
            reply.body_mut().keep(busy);
            Ok::<_, Infallible>(reply)
        }
    });
    let mut server = http1::Builder::new();
    server
        .header_read_timeout(None)
        .half_close(S::KNOWS)
        .max_header_size(front.limits.head_bytes)
        .max_buf_size(front.limits.head_bytes.max(BUFFER_BYTES));
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&watch)));
    let mut serving = std::pin::pin!(server.serve_connection(io, service));
    let mut closing = std::pin::pin!(watch.close.cancelled());
    let mut ends = false;
    let mut look = tokio::time::interval(Watch::pace(&front.limits));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            result = &mut serving => {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection to the gateway ended");
                }
                return;
            }
            () = &mut closing, if !ends => {
                ends = true;
                serving.as_mut().graceful_shutdown();
            }
            // Each look polls the connection once more, and what answers its request with it.
            _ = look.tick() => match watch.look(&front.limits) {
                None => {}
                Some(Overdue::Idle) => return,
                Some(Overdue::Head) => {
                    front.counters.slow_senders_total.up();
                    return;
                }
                Some(Overdue::Stalled) => {
                    front.counters.slow_readers_total.up();
                    return;
                }
            }
        }
    }
}
