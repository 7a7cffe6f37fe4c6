//! The task that reads lines from the server.

use std::pin::pin;

use tokio::io::AsyncRead;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep};

use super::dispatch::Dispatch;
use super::glimpse::Glimpse;
use super::lines::{Line, LineReader};
use super::{DRAIN, MAX_LINE_BYTES, QUIET};

/// Bytes at the beginning of a skipped line in which its id is looked for.
const HEAD_BYTES: usize = 64 * 1024;

/// Reads until the stream ends or the wire closes; closes the wire then.
pub(super) async fn run<R: AsyncRead + Unpin>(dispatch: Dispatch, input: R) {
    let hub = dispatch.hub();
    let mut lines = LineReader::new(input, MAX_LINE_BYTES);
    // What the head of the line that is being skipped says.
    let mut skipped = Glimpse::default();
    // Once the server is gone: when reading ends at the latest.
    let mut last_call: Option<Instant> = None;
    // Kept from one line to the next: each would put itself into a list and take itself out again for every line.
    let (mut closed, mut doomed) = (pin!(hub.closed.cancelled()), pin!(hub.doomed.cancelled()));
    loop {
        // Both are asked here and not in the select below, where a flood of lines could keep them from being seen.
        if hub.closed.is_cancelled() {
            break;
        }
        if last_call.is_none() && hub.doomed.is_cancelled() {
            last_call = Some(Instant::now() + DRAIN);
        }
        if last_call.is_some_and(|at| at <= Instant::now()) {
            break;
        }
        tokio::select! {
            biased;
            line = lines.next() => match line {
                Ok(Some(Line::Whole { text, ended })) => dispatch.on_text(text, ended, None),
                Ok(Some(Line::Head(text))) => skipped = Glimpse::of(&text[..text.len().min(HEAD_BYTES)]),
                Ok(Some(Line::Tail { text, bytes })) => {
                    dispatch.on_oversized(std::mem::take(&mut skipped).answers_with(text), bytes);
                }
                Ok(None) | Err(_) => break,
            },
            () = &mut closed => break,
            () = &mut doomed, if last_call.is_none() => {}
            () = sleep(QUIET), if last_call.is_some() => break,
        }
        // Lines out of a full buffer cost no budget by themselves: a flood of short ones would hold the thread.
        consume_budget().await;
    }
    hub.close();
}
