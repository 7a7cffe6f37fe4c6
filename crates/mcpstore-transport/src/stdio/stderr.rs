//! The child's stderr, line by line into the log ring.

use tokio::io::AsyncRead;
use tokio::task::coop::consume_budget;

use crate::wire::{Line, LineReader};
use crate::{LogRing, LogStream};

/// Reads until the stream ends.
pub(super) async fn read<R: AsyncRead + Unpin>(stream: R, logs: &LogRing) {
    // One byte more than is kept, so that the ring sees that it must cut.
    let mut lines = LineReader::new(stream, LogRing::MAX_LINE_BYTES + 1);
    while let Ok(Some(line)) = lines.next().await {
        match line {
            Line::Whole { text, .. } | Line::Head(text) => {
                logs.push(LogStream::Stderr, &String::from_utf8_lossy(text));
            }
            Line::Tail { .. } => {}
        }
        // Lines out of a full buffer cost no budget by themselves: a flood of short ones would hold the thread.
        consume_budget().await;
    }
}
