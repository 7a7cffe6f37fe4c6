//! The writer of a connection of lines: in order, several at once, and not for ever.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::front::pipe::Pipe;
use crate::front::stats::Counters;

/// Messages that are ready go out together up to so many bytes.
const TOGETHER: usize = 64 * 1024;
/// Messages of at least so many bytes are written without another copy.
const LARGE: usize = 16 * 1024;

/// Writes until there is no more, or the other side takes no more: nothing of it for `stall`, or too much of it waits.
pub(super) async fn run<W: AsyncWrite + Unpin>(mut pipe: Pipe, mut writer: W, stall: Duration, counters: &Counters) {
    loop {
        let (small, large) = poll_fn(|cx| {
            let mut out = BytesMut::new();
            loop {
                match pipe.poll_next(cx) {
                    Poll::Ready(Some(message)) if message.len() >= LARGE && !has_line_end(&message) => {
                        return Poll::Ready((out, Some(message)));
                    }
                    Poll::Ready(Some(message)) => put_line(&mut out, &message),
                    Poll::Pending if out.is_empty() => return Poll::Pending,
                    Poll::Ready(None) | Poll::Pending => return Poll::Ready((out, None)),
                }
                if out.len() >= TOGETHER {
                    return Poll::Ready((out, None));
                }
            }
        })
        .await;
        if pipe.overrun() {
            counters.slow_readers_total.up();
            return;
        }
        if small.is_empty() && large.is_none() {
            // One that only goes into a buffer would be lost with it.
            let _ = tokio::time::timeout(stall, writer.shutdown()).await;
            return;
        }
        let last = large.is_some().then(|| Bytes::from_static(b"\n"));
        for bytes in [Some(small.freeze()), large, last].into_iter().flatten() {
            match write(&mut writer, &bytes, stall).await {
                Ok(()) => {}
                Err(error) => {
                    if error.kind() == io::ErrorKind::TimedOut {
                        counters.slow_readers_total.up();
                    }
                    return;
                }
            }
        }
    }
}

/// Writes all of it; each piece of progress has the whole wait.
async fn write<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8], stall: Duration) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match tokio::time::timeout(stall, writer.write(rest)).await?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            more => rest = &rest[more..],
        }
    }
    tokio::time::timeout(stall, writer.flush()).await?
}

fn has_line_end(message: &[u8]) -> bool {
    message.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

/// JSON as one line: a line end can only stand between its tokens, where a space means the same.
fn put_line(out: &mut BytesMut, message: &[u8]) {
    let from = out.len();
    out.extend_from_slice(message);
    for byte in &mut out[from..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n");
}
