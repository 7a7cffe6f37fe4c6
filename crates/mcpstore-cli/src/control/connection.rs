//! One conversation on the control socket.

use std::os::fd::AsFd as _;
use std::time::Duration;

use mcpstore::types::suggestion;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::time::timeout;

use super::handlers::handle;
use super::protocol::{Line, Op, ReadError, Request, VERSION, read_line, write_line};
use super::server::{Context, MAX_CONNECTIONS};
use crate::exit::{Exit, Failure};
use crate::far_end;

/// How long a client may take to say what it wants.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long a request may still take when the manager ends.
const GRACE: Duration = Duration::from_millis(200);

/// Where a handler writes what it finds on the way.
#[derive(Debug)]
pub(super) struct Items {
    write: OwnedWriteHalf,
}

impl Items {
    /// Writes one item. What cannot be written ends the conversation.
    ///
    /// # Errors
    /// When the client is gone.
    pub(super) async fn send(&mut self, item: &impl Serialize) -> Result<(), Failure> {
        let body = raw(item)?;
        write_line(&mut self.write, &Line::item(body)).await.map_err(|error| gone(&error))
    }
}

/// Listens to one request and answers it. Ends when the client goes away; what is under way for it is dropped then.
pub(super) async fn converse(stream: UnixStream, context: &Context) {
    let stranger = stream.peer_cred().map_or(true, |peer| peer.uid() != rustix::process::geteuid().as_raw());
    let (read, write) = stream.into_split();
    let mut reader = BufReader::new(read);
    let mut items = Items { write };
    let outcome = if stranger {
        Err(Failure::new(Exit::Refused, "the manager belongs to another user"))
    } else {
        match request(&mut reader).await {
            Ok(Some(request)) if request.op == Op::Mcp => {
                match serve_client(&mut reader, &mut items, &request, context).await {
                    Ok(()) => return,
                    Err(failure) => Err(failure),
                }
            }
            Ok(Some(request)) => {
                let hears_the_end = matches!(request.op, Op::Logs | Op::Events | Op::Down);
                tokio::select! {
                    outcome = handle(request, context, &mut items) => outcome,
                    () = closed(&mut reader) => return,
                    () = cut_off(context), if !hears_the_end => {
                        Err(Failure::new(Exit::Unreachable, "the manager ended before it was done").next("mcpstore up"))
                    }
                }
            }
            Ok(None) => return,
            Err(failure) => Err(failure),
        }
    };
    let line = match outcome {
        Ok(body) => Line::ok(body),
        Err(failure) => Line::error(&failure),
    };
    // A client that went away needs no answer.
    let _ = write_line(&mut items.write, &line).await;
    let _ = items.write.shutdown().await;
}

/// Lets a client speak MCP from now on.
async fn serve_client(
    reader: &mut (impl AsyncRead + Unpin + Send),
    items: &mut Items,
    request: &Request,
    context: &Context,
) -> Result<(), Failure> {
    let profile = request.profile.as_deref();
    if let Some(profile) = profile {
        known_profile(&context.gateway.views(), profile)?;
    }
    write_line(&mut items.write, &Line::ok(raw(&())?)).await.map_err(|error| gone(&error))?;
    // Apart from the other half, which is written to meanwhile.
    let far_end = items.write.as_ref().as_fd().try_clone_to_owned().map_err(|error| gone(&error))?;
    tokio::select! {
        () = far_end::gone(far_end) => {}
        () = context.gateway.serve_lines(reader, &mut items.write, profile) => {}
        () = cut_off(context) => {}
    }
    Ok(())
}

/// Makes sure that there is such a profile among those that are known.
///
/// # Errors
/// [`Failure`], with the nearest one.
pub(crate) fn known_profile(known: &[String], profile: &str) -> Result<(), Failure> {
    if known.iter().any(|name| name == profile) {
        return Ok(());
    }
    let message = format!("no profile `{profile}` in the config{}", suggestion(profile, known));
    Err(Failure::new(Exit::Usage, message).next("mcpstore config show"))
}

/// Tells a client that there is no place for it, if that can be told at once.
pub(super) fn turn_away(stream: &UnixStream) {
    let message = format!("{MAX_CONNECTIONS} commands speak to the manager already");
    let line = Line::error(&Failure::new(Exit::Refused, message).next("mcpstore ls"));
    if let Ok(mut text) = serde_json::to_vec(&line) {
        text.push(b'\n');
        let _ = stream.try_write(&text);
    }
}

async fn request(reader: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Option<Request>, Failure> {
    let bad = |what: String| Failure::new(Exit::Failed, what).next("mcpstore version");
    let line = match timeout(REQUEST_WITHIN, read_line(reader)).await {
        Ok(Ok(Some(line))) => line,
        Ok(Ok(None) | Err(ReadError::Cut | ReadError::Io(_))) => return Ok(None),
        Ok(Err(error @ ReadError::TooLong)) => return Err(bad(format!("the request cannot be read: {error}"))),
        Err(_) => return Err(bad(format!("no request came within {REQUEST_WITHIN:?}"))),
    };
    match serde_json::from_slice::<Request>(&line) {
        Ok(request) if request.v == VERSION => Ok(Some(request)),
        Ok(request) => Err(bad(format!(
            "the manager speaks version {VERSION} of the control language, the command version {}",
            request.v
        ))),
        Err(error) => Err(bad(format!("the manager does not understand the request: {error}"))),
    }
}

/// Resolves a moment after the manager ended: what was waited for may be that end, and is told then.
async fn cut_off(context: &Context) {
    context.closed().await;
    tokio::time::sleep(GRACE).await;
}

/// Resolves when the client closes its side. It has nothing more to say; what it says all the same is passed over.
async fn closed(reader: &mut (impl AsyncRead + Unpin)) {
    let mut scrap = [0_u8; 256];
    while matches!(reader.read(&mut scrap).await, Ok(count) if count > 0) {}
}

/// A document as raw JSON.
pub(super) fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(|error| Failure::new(Exit::Failed, format!("the answer cannot be written: {error}")))
}

fn gone(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("the command went away: {error}"))
}
