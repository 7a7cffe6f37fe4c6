//! A message of a client, and what is answered to it (spec: MCP 2025-11-25 and 2026-07-28, streamable HTTP).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;

use super::body::Events;
use super::reply::{self, Reads, Reply};
use super::watch::Watch;
use super::{Front, intake};
use crate::client::{Client, Ending};
use crate::front::batch;
use crate::front::headers::{self, Facts, Said};
use crate::front::pipe::{Answers, Pipe};
use crate::front::read::{INVALID_REQUEST, Message, message};
use crate::front::resume::Streams;
use crate::front::running::{Running, answer};
use crate::front::sessions::InUse;
use crate::guard::Trail;
use crate::outlet::{OutletStream, outlet};
use crate::seam::{Call, Peer};

/// Answers a POST to the endpoint.
pub(crate) async fn post(front: &Front, peer: Peer, request: Request<Incoming>, watch: &Watch) -> Reply {
    let (parts, body) = request.into_parts();
    let reads = reply::reads(&parts.headers);
    if !reads.json && !reads.events {
        let what = "the answer is `application/json` or `text/event-stream`, and `Accept` has neither";
        return reply::fault(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, what);
    }
    let body = match intake::body(&parts.headers, body, front, watch).await {
        Ok(body) => body,
        Err(reply) => return *reply,
    };
    let session = session(front, &peer, &parts.headers);
    let session = match session {
        Ok(Some(session)) if batch::is_batch(&body) && batch::may(&session.client) => {
            return Box::pin(super::batch::post(front, session, &body, reads)).await;
        }
        other => other,
    };
    let begun = take(front, peer, &parts.headers, &body, session);
    // What the request was read into is not held for as long as its answer takes.
    drop((parts, body));
    match begun {
        Ok(Begun::Request(asked)) => run(front, asked, reads, watch).await,
        Ok(Begun::Session(asked, client)) => Box::pin(initialize(front, asked, client, reads)).await,
        Ok(Begun::Nothing) => reply::accepted(StatusCode::ACCEPTED),
        Err(reply) => *reply,
    }
}

/// What came of a message.
enum Begun {
    /// It is a request that runs.
    Request(Asked),
    /// It begins a session, with this client.
    Session(Asked, Arc<Client>),
    /// Nothing is to be waited for.
    Nothing,
}

/// A request that runs.
struct Asked {
    running: Running,
    notices: OutletStream,
    /// It has no end of its own (spec: MCP 2026-07-28, subscriptions).
    lasts: bool,
    /// What its headers were compared with, where it has no session.
    facts: Option<Facts>,
}

/// Takes a message, and gives it to the core.
///
/// # Errors
/// What the client gets instead of an answer.
fn take(
    front: &Front,
    peer: Peer,
    headers: &HeaderMap,
    body: &[u8],
    session: Result<Option<InUse>, (StatusCode, &'static str)>,
) -> Result<Begun, Box<Reply>> {
    let message = message(body).map_err(|bad| Box::new(reply::error(StatusCode::BAD_REQUEST, bad.id, &bad.error)))?;
    let session = session.map_err(|(status, what)| {
        let id = if let Message::Request { id, .. } = message { Some(id) } else { None };
        Box::new(refuse(status, id, what))
    })?;
    match (message, session) {
        (Message::Request { id, method, params }, Some(session)) => {
            if method == "initialize" {
                return Err(Box::new(refuse(StatusCode::BAD_REQUEST, Some(id), "this session has begun already")));
            }
            let client = Some(Arc::clone(&session.client));
            let call = Parts { peer, client, id, method: &method, params, headers: None };
            Ok(Begun::Request(begin(front, call, Some(session), None)))
        }
        (Message::Request { id, method, params }, None) => sessionless(front, peer, headers, (id, &method, params)),
        (Message::Notification { method, params }, Some(session)) => {
            front.core.notification(&session.client, &method, params);
            Ok(Begun::Nothing)
        }
        // The stateless era defines none (spec: MCP 2026-07-28, streamable HTTP): it is taken and means nothing.
        (Message::Notification { .. }, None) if headers::version(headers) != Said::Handshake => Ok(Begun::Nothing),
        (Message::Answer { id, outcome }, Some(session)) => {
            front.core.answer(&session.client, id, outcome.map(ToOwned::to_owned));
            Ok(Begun::Nothing)
        }
        (Message::Notification { .. } | Message::Answer { .. }, None) => {
            let what = "this needs a session: send `initialize` first";
            Err(Box::new(refuse(StatusCode::BAD_REQUEST, None, what)))
        }
    }
}

/// The session that a request names. One of the stateless era has none, whatever it names (spec: MCP 2026-07-28, earlier
/// streamable HTTP revisions).
///
/// # Errors
/// The status and the words for a client that names one that it has not.
pub(super) fn session(
    front: &Front,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<Option<InUse>, (StatusCode, &'static str)> {
    let said = headers::version(headers);
    let mut ids = headers.get_all(headers::SESSION).iter();
    let Some(id) = ids.next().filter(|_| said != Said::Stateless) else { return Ok(None) };
    let id = if ids.next().is_some() { None } else { id.to_str().ok() };
    let Some(session) = id.and_then(|id| front.sessions.find(id, peer)) else {
        return Err((StatusCode::NOT_FOUND, "there is no such session: send `initialize` to begin one"));
    };
    if said == Said::Other {
        return Err((StatusCode::BAD_REQUEST, "the version in MCP-Protocol-Version is not known"));
    }
    Ok(Some(session))
}

/// A request to be given to the core, as slices of its text.
struct Parts<'a> {
    peer: Peer,
    client: Option<Arc<Client>>,
    id: &'a RawValue,
    method: &'a str,
    params: Option<&'a RawValue>,
    headers: Option<Vec<(String, String)>>,
}

fn sessionless(
    front: &Front,
    peer: Peer,
    headers: &HeaderMap,
    (id, method, params): (&RawValue, &str, Option<&RawValue>),
) -> Result<Begun, Box<Reply>> {
    let said = headers::version(headers);
    if method == "initialize" && said != Said::Stateless {
        let client = Arc::new(Client::new(peer.clone()));
        let parts = Parts { peer, client: Some(Arc::clone(&client)), id, method, params, headers: None };
        return Ok(Begun::Session(begin(front, parts, None, None), client));
    }
    if said == Said::Handshake {
        let what = "this needs a session: send `initialize` first";
        return Err(Box::new(refuse(StatusCode::BAD_REQUEST, Some(id), what)));
    }
    let facts = headers::check(headers, method, params)
        .map_err(|error| Box::new(reply::error(StatusCode::BAD_REQUEST, Some(id), &error)))?;
    let parts = Parts { peer, client: None, id, method, params, headers: Some(headers::of_arguments(headers)) };
    Ok(Begun::Request(begin(front, parts, None, Some(facts))))
}

/// Begins a session.
async fn initialize(front: &Front, asked: Asked, client: Arc<Client>, reads: Reads) -> Reply {
    // Whatever the core begins for a client that gets no session ends.
    let over = Ending::of(&client);
    let Asked { mut running, notices, .. } = asked;
    let outcome = (&mut running).await;
    let id = &running.id;
    let result = match outcome {
        Ok(result) => result,
        Err(error) => return reply::error(StatusCode::OK, Some(id), &error),
    };
    let Ok((session, _used)) = front.sessions.begin(client, None) else {
        return reply::busy(Some(id), "there are too many sessions, and all are in use");
    };
    over.disarm();
    let mut reply = finished(front, id, Ok(result), notices, reads, StatusCode::OK);
    if let Ok(session) = HeaderValue::from_str(&session) {
        reply.headers_mut().insert(headers::SESSION, session);
    }
    reply
}

fn begin(front: &Front, parts: Parts<'_>, session: Option<InUse>, facts: Option<Facts>) -> Asked {
    let (outlet, notices) = outlet();
    let lasts = parts.method == "subscriptions/listen";
    let call = Call {
        peer: parts.peer,
        client: parts.client,
        id: parts.id.to_owned(),
        method: parts.method.into(),
        params: parts.params.map(ToOwned::to_owned),
        headers: parts.headers,
        outlet,
        trail: Trail::default(),
    };
    let running = Running::begin(&front.core, &front.counters, call, session);
    Asked { running, notices, lasts, facts }
}

/// Runs a request to its end, or until it says something before that, or is silent for long: then it goes on as a stream, so
/// that nothing on the way takes the silence for the end.
async fn run(front: &Front, asked: Asked, reads: Reads, watch: &Watch) -> Reply {
    let Asked { mut running, mut notices, lasts, facts } = asked;
    let streams = running.session().and_then(streams);
    let at_once = !reads.json || (reads.events_first && streams.is_some());
    let ping = front.limits.stream_ping;
    let patience = streams.as_ref().map_or(ping, |streams| streams.patience(ping));
    let streamed = |pipe| {
        let events = events(front, pipe, streams.map(|streams| (streams, watch.since(0, &front.limits))));
        reply::events(if lasts { events.until(&front.end) } else { events })
    };
    if at_once {
        return streamed(Pipe::new(notices, Answers::One(running)));
    }
    if !reads.events {
        // Nobody reads what comes before the answer: whoever asks something there hears so at once.
        drop(notices);
        let outcome = (&mut running).await;
        return whole(&running.id, outcome, facts);
    }
    let first = poll_fn(|cx| {
        if let Poll::Ready(Some(notice)) = notices.poll_next(cx) {
            return Poll::Ready(Err(Some(notice)));
        }
        match Pin::new(&mut running).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Ok(outcome)),
            // What watches the connection polls it with every look that it takes.
            Poll::Pending if watch.since(0, &front.limits) >= patience => Poll::Ready(Err(None)),
            Poll::Pending => Poll::Pending,
        }
    });
    match first.await {
        Ok(outcome) => {
            let status = status(&outcome, facts);
            finished(front, &running.id, outcome, notices, reads, status)
        }
        Err(notice) => streamed(Pipe::new(notices, Answers::One(running)).after(notice)),
    }
}

/// Where the answers of a session can be resumed. Clients from before 2025-11-25 do not know the event that says so (spec: MCP
/// 2025-11-25, streamable HTTP).
fn streams(session: &InUse) -> Option<Arc<Streams>> {
    let streams = session.streams.as_ref()?;
    let hello = session.client.hello.get()?;
    // Versions are dates.
    (*hello.version >= *"2025-11-25").then(|| Arc::clone(streams))
}

/// The answer to a request that is over: as a stream when something was said before it, or when the client would rather have
/// one. An error on its own keeps its status.
fn finished(
    front: &Front,
    id: &RawValue,
    outcome: Result<Bytes, RpcError>,
    mut notices: OutletStream,
    reads: Reads,
    status: StatusCode,
) -> Reply {
    let first = if reads.events { notices.try_next() } else { None };
    match first {
        Some(first) => {
            reply::events(events(front, Pipe::ending(notices, answer(id, &outcome)).after(Some(first)), None))
        }
        None if !reads.json || (reads.events_first && outcome.is_ok()) => {
            reply::events(events(front, Pipe::ending(notices, answer(id, &outcome)), None))
        }
        None => answered(id, outcome, status),
    }
}

fn whole(id: &RawValue, outcome: Result<Bytes, RpcError>, facts: Option<Facts>) -> Reply {
    let status = status(&outcome, facts);
    answered(id, outcome, status)
}

fn answered(id: &RawValue, outcome: Result<Bytes, RpcError>, status: StatusCode) -> Reply {
    match outcome {
        Ok(result) => reply::result(id, result),
        Err(error) => reply::error(status, Some(id), &error),
    }
}

/// In the era with sessions every answer has status 200.
fn status(outcome: &Result<Bytes, RpcError>, facts: Option<Facts>) -> StatusCode {
    let code = match (outcome, facts) {
        (Err(error), Some(facts)) => headers::status(error.code, facts),
        _ => 200,
    };
    StatusCode::from_u16(code).unwrap_or_default()
}

/// A stream of events; one that can be resumed where that is wanted, for which the client has waited so long.
fn events(front: &Front, pipe: Pipe, streams: Option<(Arc<Streams>, Duration)>) -> Events {
    let (ping, counters) = (front.limits.stream_ping, &front.counters);
    let Some((streams, waited)) = streams else { return Events::new(pipe, ping, counters) };
    match streams.begin(Box::new(pipe), waited) {
        Ok(reader) => Events::answer(reader, ping, counters),
        Err(pipe) => Events::new(*pipe, ping, counters),
    }
}

pub(super) fn refuse(status: StatusCode, id: Option<&RawValue>, what: &str) -> Reply {
    reply::error(status, id, &RpcError::new(INVALID_REQUEST, what))
}
