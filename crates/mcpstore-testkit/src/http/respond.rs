//! Answers over HTTP, as they should be and as they should not.

use std::io::Result;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt};

use super::connection::{Done, Wire};
use super::events::{BREAK, Events};
use super::fault::HttpFault;
use super::message::{self, Recorded, chunk};
use super::state::State;
use crate::server::lock;

const EVENTS: (&str, &str) = ("content-type", "text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");
const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

/// What follows an answer.
pub(super) enum After {
    /// Another request on the same connection.
    Next,
    /// Its end.
    Close,
}

/// Answers with a status and a word.
pub(super) async fn refuse<S>(wire: &mut Wire<S>, status: u16, headers: &[(&str, &str)], word: &str) -> Done
where
    S: AsyncRead + AsyncWrite,
{
    let mut all = headers.to_vec();
    all.push(("content-type", "text/plain"));
    message::answer(&mut wire.output, status, &all, word).await?;
    Ok(After::Next)
}

/// Answers with JSON.
pub(super) async fn json<S>(
    wire: &mut Wire<S>,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
    fault: Option<&HttpFault>,
) -> Done
where
    S: AsyncRead + AsyncWrite,
{
    let mut all = headers.to_vec();
    all.push(JSON);
    if !matches!(fault, Some(HttpFault::Stall | HttpFault::ShortBody | HttpFault::ByteSplit)) {
        message::answer(&mut wire.output, status, &all, body).await?;
        return Ok(After::Next);
    }
    let length = body.len().to_string();
    all.push(("content-length", &length));
    wire.output.write_all(message::head(status, &all).as_bytes()).await?;
    if fault == Some(&HttpFault::ByteSplit) {
        for byte in body.as_bytes().chunks(1) {
            wire.output.write_all(byte).await?;
            wire.output.flush().await?;
        }
        return Ok(After::Next);
    }
    wire.output.write_all(&body.as_bytes()[..body.len() / 2]).await?;
    wire.output.flush().await?;
    if fault == Some(&HttpFault::Stall) {
        gone(wire).await;
    }
    Ok(After::Close)
}

/// Carries a stream of events until it is over or the client is gone: anew, or resumed at this place.
pub(super) async fn events<S>(
    state: &State,
    wire: &mut Wire<S>,
    headers: &[(&str, &str)],
    stream: &Events,
    from: Option<usize>,
    fault: Option<&HttpFault>,
) -> Done
where
    S: AsyncRead + AsyncWrite,
{
    start(wire, headers).await?;
    let ids = stream.ids || fault == Some(&HttpFault::Cut);
    if ids && from.is_none() {
        let mut first = format!("id: {}-0\n", stream.number);
        if let Some(ms) = state.http.retry_ms {
            first.push_str(&format!("retry: {ms}\n"));
        }
        first.push_str("data:\n\n");
        chunk(&mut wire.output, first.as_bytes()).await?;
    }
    if fault == Some(&HttpFault::Cut) {
        return Ok(After::Close);
    }
    carry(wire, stream, from, ids, fault).await
}

/// Carries the one stream of the legacy transport, which begins by saying where messages go.
pub(super) async fn legacy<S>(
    state: &State,
    wire: &mut Wire<S>,
    endpoint: &str,
    stream: &Events,
    fault: Option<&HttpFault>,
) -> Done
where
    S: AsyncRead + AsyncWrite,
{
    start(wire, &[]).await?;
    chunk(&mut wire.output, endpoint.as_bytes()).await?;
    carry(wire, stream, None, state.http.event_ids, fault).await
}

async fn start<S: AsyncRead + AsyncWrite>(wire: &mut Wire<S>, headers: &[(&str, &str)]) -> Result<()> {
    let mut all = headers.to_vec();
    all.extend([EVENTS, CHUNKED, ("cache-control", "no-cache")]);
    wire.output.write_all(message::head(200, &all).as_bytes()).await?;
    wire.output.flush().await
}

async fn carry<S>(
    wire: &mut Wire<S>,
    stream: &Events,
    from: Option<usize>,
    ids: bool,
    fault: Option<&HttpFault>,
) -> Done
where
    S: AsyncRead + AsyncWrite,
{
    if fault == Some(&HttpFault::Junk) {
        let junk = ": a comment\n\nevent: ping\ndata: now\n\ndata: this is no JSON\n\ndata: [1,2\ndata: ,3]\n\nfoo\n\n";
        chunk(&mut wire.output, junk.as_bytes()).await?;
    }
    let mut place = from.unwrap_or(0);
    loop {
        let message = tokio::select! {
            message = stream.next(place) => message,
            () = gone(wire) => return Ok(After::Close),
        };
        let Some(message) = message else { break };
        place += 1;
        stream.sent.send_replace(place);
        if message == BREAK {
            if from.is_some() {
                continue;
            }
            break;
        }
        let id = if ids { format!("id: {}-{place}\n", stream.number) } else { String::new() };
        let event = format!("event: message\n{id}data: {message}\n\n");
        match fault {
            Some(HttpFault::Truncated | HttpFault::Stall) => {
                chunk(&mut wire.output, &event.as_bytes()[..event.len() / 2]).await?;
                if fault == Some(&HttpFault::Stall) {
                    gone(wire).await;
                }
                return Ok(After::Close);
            }
            Some(HttpFault::ByteSplit) => {
                for byte in event.as_bytes().chunks(1) {
                    chunk(&mut wire.output, byte).await?;
                }
            }
            _ => chunk(&mut wire.output, event.as_bytes()).await?,
        }
    }
    wire.output.write_all(b"0\r\n\r\n").await?;
    wire.output.flush().await?;
    Ok(After::Next)
}

/// Resolves when the client closed the connection. Never, when it sent the next request already.
pub(super) async fn gone<S: AsyncRead + AsyncWrite>(wire: &mut Wire<S>) {
    match wire.input.fill_buf().await {
        Ok([]) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

/// Answers a request by a fault that comes before any handling; `None` when this one comes later.
pub(super) async fn fault<S>(
    state: &Arc<State>,
    wire: &mut Wire<S>,
    request: &Recorded,
    body: &Value,
    fault: &HttpFault,
) -> Option<Done>
where
    S: AsyncRead + AsyncWrite,
{
    let done = match fault {
        HttpFault::Blackhole => {
            gone(wire).await;
            Ok(After::Close)
        }
        HttpFault::Status(status) => {
            let mut headers = Vec::new();
            if let Some(after) = &state.http.retry_after {
                headers.push(("retry-after", after.as_str()));
            }
            if matches!(status, 401 | 403) {
                headers.push(("www-authenticate", &state.http.challenge));
            }
            refuse(wire, *status, &headers, "not now").await
        }
        HttpFault::Redirect(status, to) => refuse(wire, *status, &[("location", to)], "not here").await,
        HttpFault::Reset => Ok(After::Close),
        HttpFault::WrongType => {
            let page = "<html><body>Welcome to the shop</body></html>";
            message::answer(&mut wire.output, 200, &[("content-type", "text/html")], page).await.map(|()| After::Next)
        }
        HttpFault::Mute => {
            let fine = r#"{"status":"ok"}"#;
            message::answer(&mut wire.output, 200, &[JSON], fine).await.map(|()| After::Next)
        }
        HttpFault::Comments => comments(wire).await,
        HttpFault::HugeBody(bytes) => huge(wire, &body["id"], *bytes, false).await,
        HttpFault::HugeEvent(bytes) => huge(wire, &body["id"], *bytes, true).await,
        HttpFault::EndlessHeaders => endless(wire).await,
        HttpFault::SessionLost => {
            if let Some(id) = request.header("mcp-session-id") {
                lock(&state.sessions).remove(id);
            }
            refuse(wire, 404, &[], "no such session").await
        }
        HttpFault::Truncated
        | HttpFault::ByteSplit
        | HttpFault::Stall
        | HttpFault::ShortBody
        | HttpFault::Cut
        | HttpFault::Junk => return None,
    };
    Some(done)
}

/// A right answer with so much in it.
async fn huge<S: AsyncRead + AsyncWrite>(wire: &mut Wire<S>, id: &Value, bytes: u64, event: bool) -> Done {
    let kind = if event { EVENTS } else { JSON };
    wire.output.write_all(message::head(200, &[kind, CHUNKED]).as_bytes()).await?;
    let begin = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
    let begin = if event { format!("data: {begin}") } else { begin };
    chunk(&mut wire.output, begin.as_bytes()).await?;
    let piece = vec![b'x'; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(piece.len() as u64);
        chunk(&mut wire.output, &piece[..usize::try_from(now).unwrap_or(piece.len())]).await?;
        left -= now;
    }
    chunk(&mut wire.output, b"\"}]}}\n\n").await?;
    wire.output.write_all(b"0\r\n\r\n").await?;
    wire.output.flush().await?;
    Ok(After::Next)
}

/// Comments until the client has enough of them.
async fn comments<S: AsyncRead + AsyncWrite>(wire: &mut Wire<S>) -> Done {
    wire.output.write_all(message::head(200, &[EVENTS, CHUNKED]).as_bytes()).await?;
    loop {
        chunk(&mut wire.output, b": still here\n\n").await?;
        wire.output.flush().await?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn endless<S: AsyncRead + AsyncWrite>(wire: &mut Wire<S>) -> Done {
    wire.output.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    for n in 0_u64.. {
        // Until the client has enough of it.
        wire.output.write_all(format!("x-{n}: {}\r\n", "y".repeat(200)).as_bytes()).await?;
        wire.output.flush().await?;
        tokio::task::yield_now().await;
    }
    Ok(After::Close)
}
