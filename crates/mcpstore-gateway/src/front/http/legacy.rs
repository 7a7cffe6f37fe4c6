//! The transport of 2024-11-05: one stream of events, and POSTs that are answered on it (spec: MCP 2024-11-05, HTTP with
//! SSE).

use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, mpsc};

use super::body::Events;
use super::reply::{self, Reply};
use super::watch::Watch;
use super::{Front, intake};
use crate::client::Client;
use crate::front::legacy::Lane;
use crate::front::pipe::{Answers, Pipe};
use crate::front::read::{INVALID_REQUEST, Message, message};
use crate::front::running::{Running, answer};
use crate::front::sessions::Sessions;
use crate::guard::Trail;
use crate::outlet::outlet;
use crate::seam::{Call, Peer};

/// Opens a stream, and with it a session.
pub(crate) fn get(front: &Front, peer: Peer, headers: &HeaderMap) -> Reply {
    if !reply::reads(headers).events {
        let what = "this is a stream of events: `Accept` must have `text/event-stream`";
        return reply::fault(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, what);
    }
    let (outlet, notices) = outlet();
    let (sender, answers) = mpsc::channel(front.limits.requests.max(1));
    let lane =
        Lane { notices: outlet.clone(), answers: sender, seats: Arc::new(Semaphore::new(front.limits.requests)) };
    let client = Arc::new(Client::new(peer));
    client.set_main(Some(outlet));
    let Ok((id, used)) = front.sessions.begin(client, Some(lane)) else {
        return reply::busy(None, "there are too many sessions, and all are in use");
    };
    let first = format!("event: endpoint\ndata: /messages?sessionId={id}\n\n");
    let pipe = Pipe::new(notices, Answers::Many(answers));
    let end = End { sessions: Arc::clone(&front.sessions), id };
    let events = Events::new(pipe, front.limits.stream_ping, &front.counters);
    reply::events(events.after(first).until(&used.client.over).keeping((end, used)))
}

/// Ends the session with its stream.
struct End {
    sessions: Arc<Sessions>,
    id: Arc<str>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.sessions.end(&self.id);
    }
}

/// Takes a message; what is answered goes into the stream.
pub(crate) async fn post(front: &Front, principal: &str, request: Request<Incoming>, watch: &Watch) -> Reply {
    let (parts, body) = request.into_parts();
    let mut pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let id = pairs.find(|(key, _)| *key == "sessionId").map(|(_, id)| id);
    let Some(session) = id.and_then(|id| front.sessions.find_legacy(id, principal)) else {
        return reply::fault(StatusCode::NOT_FOUND, INVALID_REQUEST, "there is no such session: open `/sse` first");
    };
    let body = match intake::body(&parts.headers, body, front, watch).await {
        Ok(body) => body,
        Err(reply) => return *reply,
    };
    let client = Arc::clone(&session.client);
    match message(&body) {
        Ok(Message::Request { id, method, params }) => {
            let Some(lane) = session.lane.clone() else { return reply::accepted(StatusCode::ACCEPTED) };
            let Ok(seat) = lane.seats.try_acquire_owned() else {
                return reply::busy(Some(id), "too many requests of this session are under way");
            };
            let call = Call {
                peer: client.peer.clone(),
                client: Some(Arc::clone(&client)),
                id: id.to_owned(),
                method: method.into(),
                params: params.map(ToOwned::to_owned),
                headers: None,
                outlet: lane.notices,
                trail: Trail::default(),
            };
            let running = Running::begin(&front.core, &front.counters, call, Some(session));
            let answers = lane.answers;
            tokio::spawn(async move {
                let id = running.id.clone();
                let work = async {
                    let outcome = running.await;
                    // Fails when nobody listens any more.
                    let _ = answers.send(answer(&id, &outcome)).await;
                };
                tokio::select! {
                    biased;
                    () = client.over.cancelled() => {}
                    () = work => {}
                }
                drop(seat);
            });
        }
        Ok(Message::Notification { method, params }) => front.core.notification(&client, &method, params),
        Ok(Message::Answer { id, outcome }) => front.core.answer(&client, id, outcome.map(ToOwned::to_owned)),
        Err(bad) => return reply::error(StatusCode::BAD_REQUEST, bad.id, &bad.error),
    }
    reply::accepted(StatusCode::ACCEPTED)
}
