//! One connection: request after request, each answered as the behaviour has it.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadHalf, WriteHalf};

use super::events::{self, Events};
use super::fault::HttpFault;
use super::headers;
use super::message::{self, Recorded};
use super::respond::{self, After};
use super::state::{Session, State};
use crate::server::{Conversation, Era, Out, Peer, lock};

/// How a handler leaves the connection.
pub(super) type Done = std::io::Result<After>;

/// Both halves of a connection.
pub(super) struct Wire<S> {
    pub(super) input: BufReader<ReadHalf<S>>,
    pub(super) output: WriteHalf<S>,
}

/// Serves a connection until it ends.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Send>(state: Arc<State>, stream: S) {
    let (input, output) = tokio::io::split(stream);
    let mut wire = Wire { input: BufReader::new(input), output };
    loop {
        let request = match message::read(&mut wire.input).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(_) => {
                // Whoever speaks something else is told so, as servers of HTTP do.
                let _ = message::answer(&mut wire.output, 400, &[], "this is no HTTP").await;
                return;
            }
        };
        lock(&state.requests).push(request.clone());
        match handle(&state, &mut wire, &request).await {
            Ok(After::Next) if request.header("connection") != Some("close") => {}
            _ => return,
        }
    }
}

async fn handle<S: AsyncRead + AsyncWrite>(state: &Arc<State>, wire: &mut Wire<S>, request: &Recorded) -> Done {
    if let Some((_, kind, body)) = state.http.pages.iter().find(|(path, ..)| path == request.path()) {
        message::answer(&mut wire.output, 200, &[("content-type", kind)], body).await?;
        return Ok(After::Next);
    }
    if let Some(token) = &state.http.token
        && request.header("authorization") != Some(&format!("Bearer {token}"))
    {
        return respond::refuse(wire, 401, &[("www-authenticate", &state.http.challenge)], "who are you?").await;
    }
    if state.http.local_only && !headers::local(request) {
        return respond::refuse(wire, 403, &[], "not from there").await;
    }
    let body: Value = serde_json::from_str(&request.body).unwrap_or(Value::Null);
    let name = body["method"].as_str().unwrap_or(&request.method).to_owned();
    let fault = state.fault(&name);
    if let Some(fault) = &fault {
        state.server.behaviour.log.note(&format!("fault in {name}"));
        if let Some(done) = respond::fault(state, wire, request, &body, fault).await {
            return done;
        }
    }
    if state.http.legacy {
        return legacy(state, wire, request, fault.as_ref()).await;
    }
    if request.path() != "/mcp" {
        return respond::refuse(wire, 404, &[], "no such path").await;
    }
    let stateless = match state.server.behaviour.era {
        Era::Handshake => false,
        Era::Stateless => true,
        Era::Both => headers::stateless(request, &body),
    };
    match request.method.as_str() {
        "POST" if body.is_null() => respond::refuse(wire, 400, &[], "the body is no JSON").await,
        "POST" if stateless => post_stateless(state, wire, request, &body, fault.as_ref()).await,
        "POST" => post(state, wire, request, &body, fault.as_ref()).await,
        "GET" if state.http.get_stream => get(state, wire, request, fault.as_ref()).await,
        "DELETE" if state.http.sessions => match session_of(state, request) {
            Ok(session) => {
                lock(&state.sessions).remove(&session.id);
                message::answer(&mut wire.output, 200, &[], "").await?;
                Ok(After::Next)
            }
            Err(status) => respond::refuse(wire, status, &[], "no such session").await,
        },
        _ => respond::refuse(wire, 405, &[("allow", "POST")], "not here").await,
    }
}

/// The session a request names, or the status that refuses it (spec: MCP 2025-11-25, session management).
fn session_of(state: &State, request: &Recorded) -> Result<Arc<Session>, u16> {
    let sessions = lock(&state.sessions);
    if !state.http.sessions {
        return sessions.values().next().cloned().ok_or(400);
    }
    let id = request.header("mcp-session-id").ok_or(400_u16)?;
    sessions.get(id).cloned().ok_or(404)
}

/// A message of the handshake era.
async fn post<S: AsyncRead + AsyncWrite>(
    state: &Arc<State>,
    wire: &mut Wire<S>,
    request: &Recorded,
    body: &Value,
    fault: Option<&HttpFault>,
) -> Done {
    let opens = body["method"] == "initialize";
    let session = if opens {
        if !state.http.sessions {
            lock(&state.sessions).clear();
        }
        state.open()
    } else {
        match session_of(state, request) {
            Ok(session) => session,
            Err(status) => return respond::refuse(wire, status, &[], "no such session").await,
        }
    };
    let (peer, messages) = Peer::new(Arc::clone(&session.conversation.client));
    let taken = session.conversation.take(&request.body, &peer);
    drop(peer);
    if taken.task.is_none() {
        message::answer(&mut wire.output, 202, &[], "").await?;
        return Ok(After::Next);
    }
    let given = if opens && state.http.sessions { Some(session.id.as_str()) } else { None };
    let headers: Vec<_> = given.map(|id| ("mcp-session-id", id)).into_iter().collect();
    if state.http.json {
        let answer = sift(messages, Some(&session.peer)).await;
        return respond::json(wire, 200, &headers, &answer.unwrap_or_default(), fault).await;
    }
    let stream = Arc::new(Events::new(state.number(), state.http.event_ids));
    lock(&session.streams).insert(stream.number, Arc::clone(&stream));
    let filled = Arc::clone(&stream);
    tokio::spawn(async move { filled.fill(messages, true).await });
    let done = respond::events(state, wire, &headers, &stream, None, fault).await;
    if !state.http.event_ids {
        // Nobody can come back for it.
        lock(&session.streams).remove(&stream.number);
    }
    done
}

/// A message of the stateless era: the end of its stream is its cancel (spec: MCP 2026-07-28, cancellation).
async fn post_stateless<S: AsyncRead + AsyncWrite>(
    state: &Arc<State>,
    wire: &mut Wire<S>,
    request: &Recorded,
    body: &Value,
    fault: Option<&HttpFault>,
) -> Done {
    if let Some(id) = body.get("id")
        && let Err(what) = headers::agree(request, body)
    {
        let error = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32020,"message":"{what}"}}}}"#);
        return respond::json(wire, 400, &[], &error, None).await;
    }
    let conversation = Conversation::new(Arc::clone(&state.server));
    let (peer, mut messages) = Peer::new(Arc::clone(&conversation.client));
    let peer = peer.of_era(true);
    let taken = conversation.take(&request.body, &peer);
    drop(peer);
    if taken.task.is_none() {
        message::answer(&mut wire.output, 202, &[], "").await?;
        return Ok(After::Next);
    }
    // The first message decides over the status.
    let first = tokio::select! {
        first = messages.recv() => first,
        () = respond::gone(wire) => return Ok(After::Close),
    };
    let Some(Out::Message(first)) = first else { return Ok(After::Close) };
    if events::is_answer(&first) {
        let status = status_of(&first);
        if state.http.json || status != 200 {
            return respond::json(wire, status, &[], &first, fault).await;
        }
    } else if state.http.json && body["method"] != "subscriptions/listen" {
        let answer = tokio::select! {
            answer = sift(messages, None) => answer,
            () = respond::gone(wire) => return Ok(After::Close),
        };
        return respond::json(wire, 200, &[], &answer.unwrap_or_default(), fault).await;
    }
    // There is nothing to come back for: this era resumes no stream.
    let stream = Arc::new(Events::new(state.number(), false));
    let filled = Arc::clone(&stream);
    let filling = tokio::spawn(async move {
        let last = events::is_answer(&first);
        filled.push(first, last);
        if !last {
            filled.fill(messages, true).await;
        }
    });
    let done = respond::events(state, wire, &[], &stream, None, fault).await;
    filling.abort();
    done
}

/// The status of an answer in the stateless era.
fn status_of(answer: &str) -> u16 {
    let answer: Value = serde_json::from_str(answer).unwrap_or(Value::Null);
    match answer["error"]["code"].as_i64() {
        Some(-32601) => 404,
        Some(-32022..=-32020) => 400,
        Some(-32602) if answer["error"]["message"].as_str().is_some_and(|text| text.contains("_meta")) => 400,
        _ => 200,
    }
}

/// The answer among these messages; the others go to this peer, or nowhere.
async fn sift(mut messages: tokio::sync::mpsc::Receiver<Out>, others: Option<&Peer>) -> Option<String> {
    while let Some(out) = messages.recv().await {
        match out {
            Out::Message(message) if events::is_answer(&message) => return Some(message),
            Out::Long { head, bytes, tail } => {
                return Some(format!("{head}{}{tail}", "x".repeat(usize::try_from(bytes).unwrap_or(0))));
            }
            other => {
                if let Some(peer) = others {
                    peer.send(other).await;
                }
            }
        }
    }
    None
}

/// The stream of a session, or the rest of one that broke.
async fn get<S: AsyncRead + AsyncWrite>(
    state: &Arc<State>,
    wire: &mut Wire<S>,
    request: &Recorded,
    fault: Option<&HttpFault>,
) -> Done {
    let session = match session_of(state, request) {
        Ok(session) => session,
        Err(status) => return respond::refuse(wire, status, &[], "no such session").await,
    };
    let after = request.header("last-event-id").and_then(|id| {
        let (stream, place) = id.split_once('-')?;
        Some((stream.parse::<u64>().ok()?, place.parse::<usize>().ok()?))
    });
    let (stream, from) = match after {
        Some((number, place)) if number == session.own.number => (Arc::clone(&session.own), place),
        Some((number, place)) => match lock(&session.streams).get(&number) {
            Some(stream) => (Arc::clone(stream), place),
            None => (Arc::new(Events::over(number)), 0),
        },
        None => {
            let sent = *session.own.sent.borrow();
            (Arc::clone(&session.own), sent)
        }
    };
    let from = (after.is_some() || from > 0).then_some(from);
    respond::events(state, wire, &[], &stream, from, fault).await
}

/// The transport before streamable HTTP (spec: MCP 2024-11-05, transports).
async fn legacy<S: AsyncRead + AsyncWrite>(
    state: &Arc<State>,
    wire: &mut Wire<S>,
    request: &Recorded,
    fault: Option<&HttpFault>,
) -> Done {
    match (request.method.as_str(), request.path()) {
        ("GET", "/sse") => {
            let session = state.open();
            let endpoint = format!("event: endpoint\ndata: /messages?sessionId={}\n\n", session.id);
            let done = respond::legacy(state, wire, &endpoint, &session.own, fault).await;
            lock(&state.sessions).remove(&session.id);
            done
        }
        ("POST", "/messages") => {
            let id = request.target.split_once("sessionId=").map_or("", |(_, id)| id);
            let Some(session) = lock(&state.sessions).get(id).cloned() else {
                return respond::refuse(wire, 404, &[], "no such session").await;
            };
            session.conversation.take(&request.body, &session.peer);
            message::answer(&mut wire.output, 202, &[], "Accepted").await?;
            Ok(After::Next)
        }
        _ => respond::refuse(wire, 404, &[], "no such path").await,
    }
}
