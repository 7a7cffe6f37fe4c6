//! The stream of what belongs to no request, and the end of a session (spec: MCP 2025-11-25, streamable HTTP).

use http::{HeaderMap, StatusCode};

use super::Front;
use super::body::Events;
use super::post::{refuse, session};
use super::reply::{self, Reply};
use crate::front::headers;
use crate::front::pipe::{Answers, Pipe};
use crate::front::read::INVALID_REQUEST;
use crate::front::resume::event_id;
use crate::outlet::outlet;
use crate::seam::Peer;

/// Methods of the endpoint.
const ALLOW: &str = "POST, GET, DELETE";
/// The same for a client without a session.
const ALLOW_STATELESS: &str = "POST";

/// Opens the stream of a session. It takes the place of an earlier one, which ends. What the client says that it has not
/// seen of that (`Last-Event-ID`) comes once more, as far as it is kept. With the event of an answer the stream of that goes on
/// instead.
pub(crate) fn get(front: &Front, peer: &Peer, headers: &HeaderMap) -> Reply {
    let used = match session(front, peer, headers) {
        Ok(Some(used)) => used,
        Ok(None) => return reply::not_allowed(ALLOW_STATELESS),
        Err((status, what)) => return refuse(status, None, what),
    };
    if !reply::reads(headers).events {
        let what = "this is a stream of events: `Accept` must have `text/event-stream`";
        return reply::fault(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, what);
    }
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok());
    if let Some(event) = last.and_then(event_id) {
        let Some(reader) = used.streams.as_ref().and_then(|streams| streams.resume(event)) else {
            let what = "what this event was of is over, and is not kept any more";
            return refuse(StatusCode::BAD_REQUEST, None, what);
        };
        front.counters.streams_resumed_total.up();
        return reply::events(Events::answer(reader, front.limits.stream_ping, &front.counters).keeping(used));
    }
    let (outlet, notices) = outlet();
    used.client.set_main(Some(outlet));
    let pipe = Pipe::new(notices, Answers::None);
    let seen = last.and_then(|seen| seen.trim().parse().ok());
    let events = Events::new(pipe, front.limits.stream_ping, &front.counters);
    reply::events(events.replayed(&used.replay, seen).until(&used.client.over).keeping(used))
}

/// Ends a session.
pub(crate) fn delete(front: &Front, peer: &Peer, headers: &HeaderMap) -> Reply {
    match session(front, peer, headers) {
        Ok(Some(used)) => {
            drop(used);
            if let Some(id) = headers.get(headers::SESSION).and_then(|id| id.to_str().ok()) {
                front.sessions.end(id);
            }
            reply::accepted(StatusCode::NO_CONTENT)
        }
        Ok(None) => reply::not_allowed(ALLOW_STATELESS),
        Err((status, what)) => refuse(status, None, what),
    }
}

/// Any other method.
pub(crate) fn other() -> Reply {
    reply::not_allowed(ALLOW)
}
