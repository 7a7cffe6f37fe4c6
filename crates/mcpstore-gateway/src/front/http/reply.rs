//! Whole responses.

use std::cmp::Ordering;

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mcpstore_transport::RpcError;
use serde_json::value::RawValue;

use super::body::{Events, FrontBody};
use crate::front::gate::Refusal;
use crate::front::running::around;
use crate::guard::rate::TooMany;
use crate::message;

/// A response.
pub(crate) type Reply = Response<FrontBody>;

/// Results of at least so many bytes are written without a copy.
const LARGE: usize = 8 * 1024;

/// What most clients say that they read (spec: MCP 2025-11-25, streamable HTTP). More of that header adds nothing to it.
const USUAL: &str = "application/json, text/event-stream";

/// What a client can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    /// `application/json`.
    pub(crate) json: bool,
    /// `text/event-stream`.
    pub(crate) events: bool,
    /// It names `text/event-stream` with more weight than `application/json`, or before it: where both would do, it gets events.
    pub(crate) events_first: bool,
}

/// What a client says that it can read; all, when it says nothing.
pub(crate) fn reads(headers: &HeaderMap) -> Reads {
    if let Some(values) = headers.get(ACCEPT)
        && values == USUAL
    {
        return Reads { json: true, events: true, events_first: false };
    }
    let (mut json, mut events) = (false, false);
    // The weight of each by its own name, and which name came first.
    let (mut of_json, mut of_events, mut first) = (None, None, None);
    let mut said = false;
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        said = true;
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let weights = parts.filter_map(|part| part.split_once('='));
        let mut weights = weights.filter(|(key, _)| key.trim().eq_ignore_ascii_case("q"));
        let weight = weights.next().and_then(|(_, weight)| weight.trim().parse::<f32>().ok()).unwrap_or(1.0);
        let is = |name: &str| kind.eq_ignore_ascii_case(name) && weight > 0.0;
        json |= is("application/json") || is("application/*") || is("*/*");
        events |= is("text/event-stream") || is("text/*") || is("*/*");
        for (name, own) in [("application/json", &mut of_json), ("text/event-stream", &mut of_events)] {
            if is(name) {
                first.get_or_insert(name);
                own.get_or_insert(weight);
            }
        }
    }
    if !said {
        return Reads { json: true, events: true, events_first: false };
    }
    let events_first = match (of_json, of_events) {
        (Some(json), Some(events)) => match f32::total_cmp(&events, &json) {
            Ordering::Equal => first == Some("text/event-stream"),
            Ordering::Greater => true,
            Ordering::Less => false,
        },
        (None, Some(_)) => true,
        (_, None) => false,
    };
    Reads { json, events, events_first }
}

/// A result as the whole answer.
pub(crate) fn result(id: &RawValue, result: Bytes) -> Reply {
    let (head, tail) = around(id);
    if result.len() >= LARGE {
        return json(StatusCode::OK, FrontBody::pieces([head, result, tail]));
    }
    let mut whole = Vec::with_capacity(head.len() + result.len() + tail.len());
    [head, result, tail].iter().for_each(|piece| whole.extend_from_slice(piece));
    json(StatusCode::OK, FrontBody::whole(whole.into()))
}

/// JSON as the whole answer.
pub(crate) fn text(json_text: Bytes) -> Reply {
    json(StatusCode::OK, FrontBody::whole(json_text))
}

/// An error as the whole answer.
pub(crate) fn error(status: StatusCode, id: Option<&RawValue>, error: &RpcError) -> Reply {
    json(status, FrontBody::whole(message::error(id, error)))
}

/// Something is wrong with a request of HTTP itself.
pub(crate) fn fault(status: StatusCode, code: i64, what: &str) -> Reply {
    error(status, None, &RpcError::new(code, what))
}

/// The same, and the connection is closed: the rest of the request is not read.
pub(crate) fn last(status: StatusCode, code: i64, what: &str) -> Reply {
    let mut reply = fault(status, code, what);
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// There is no such page.
pub(crate) fn missing(what: &str) -> Reply {
    json(StatusCode::NOT_FOUND, FrontBody::whole(serde_json::json!({ "error": what }).to_string().into()))
}

/// There is no room now.
pub(crate) fn busy(id: Option<&RawValue>, what: &str) -> Reply {
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, id, &RpcError::new(-32000, what));
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// The client asks too often.
pub(crate) fn too_many(many: TooMany) -> Reply {
    let mut reply = error(StatusCode::TOO_MANY_REQUESTS, None, &many.rpc_error());
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(many.retry_after_seconds()));
    reply
}

/// Other methods are wanted.
pub(crate) fn not_allowed(allow: &'static str) -> Reply {
    let mut reply = fault(StatusCode::METHOD_NOT_ALLOWED, -32600, "this method is not taken here");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// Nothing to say.
pub(crate) fn accepted(status: StatusCode) -> Reply {
    let mut reply = Response::new(FrontBody::empty());
    *reply.status_mut() = status;
    reply
}

/// A stream of events.
pub(crate) fn events(events: Events) -> Reply {
    let mut reply = with_type(StatusCode::OK, "text/event-stream", FrontBody::events(events));
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    reply
}

/// Why somebody is not answered.
pub(crate) fn refused(refusal: Refusal) -> Reply {
    let challenge = match refusal {
        Refusal::BadHost => return fault(StatusCode::BAD_REQUEST, -32600, "the request needs one `Host`"),
        Refusal::ForeignHost => {
            return fault(StatusCode::FORBIDDEN, -32600, "`Host` is no name of this gateway: see its `hosts`");
        }
        Refusal::ForeignOrigin => {
            return fault(StatusCode::FORBIDDEN, -32600, "pages of this origin are not answered: see `origins`");
        }
        Refusal::NoToken => r#"Bearer realm="mcpstore""#,
        Refusal::WrongToken => r#"Bearer realm="mcpstore", error="invalid_token""#,
    };
    let mut reply = fault(StatusCode::UNAUTHORIZED, -32600, "the token of this gateway is wanted, as a bearer token");
    reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    reply
}

fn json(status: StatusCode, body: FrontBody) -> Reply {
    with_type(status, "application/json", body)
}

fn with_type(status: StatusCode, kind: &'static str, body: FrontBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_read() {
        let read = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            let found = reads(&headers);
            (found.json, found.events)
        };
        let first = |accept: &str| reads(&[(ACCEPT, accept.parse().unwrap())].into_iter().collect()).events_first;
        assert_eq!(read(&[]), (true, true));
        assert_eq!(read(&["application/json, text/event-stream"]), (true, true));
        assert_eq!(read(&["Application/JSON;q=0.5", "text/event-stream"]), (true, true));
        assert_eq!(read(&["*/*"]), (true, true));
        assert_eq!(read(&["application/json"]), (true, false));
        assert_eq!(read(&["text/event-stream, application/json;q=0"]), (false, true));
        assert_eq!(read(&["text/html", "image/*"]), (false, false));
        assert!(
            first("text/event-stream, application/json") && first("application/json;q=0.5, text/event-stream;q=0.9")
        );
        assert!(!first("application/json, text/event-stream") && !first("*/*"));
        assert!(!first("text/event-stream;q=0.5, application/json"));
    }
}
