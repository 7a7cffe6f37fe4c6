//! The task that writes to the server: whole lines, in order, from one bounded queue.

use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::{DRAIN, Hub};

/// Lines taken from the queue at once.
const BATCH: usize = 32;

/// Writes until the wire closes, the input is to be closed, or the server takes no more.
pub(super) async fn run<W>(hub: Arc<Hub>, mut queue: mpsc::Receiver<Vec<u8>>, mut output: W)
where
    W: AsyncWrite + Unpin + Send,
{
    let mut batch = Vec::with_capacity(BATCH);
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            () = hub.closed.cancelled() => break,
            () = hub.input.cancelled(), if !closing => {
                // Nothing new comes in; what was asked for before still goes out.
                queue.close();
                closing = true;
                continue;
            }
            taken = queue.recv_many(&mut batch, BATCH) => if taken == 0 { break },
        }
        let written = async {
            // One call of the system for many small lines; a large one is not copied.
            match batch.as_slice() {
                [one] => output.write_all(one).await?,
                many => output.write_all(&many.concat()).await?,
            }
            output.flush().await
        };
        // A server that does not read must not keep its own input open.
        let overdue = async {
            hub.input.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            biased;
            () = hub.closed.cancelled() => break,
            result = written => if result.is_err() {
                hub.doom();
                break;
            },
            () = overdue => break,
        }
        batch.clear();
    }
    // Senders hear at once that nothing more goes out.
    queue.close();
    // A duplex stream only tells the other side when it is shut down; a pipe also when it is dropped.
    let _ = output.shutdown().await;
}
