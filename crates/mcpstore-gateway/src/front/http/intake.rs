//! The body of a request, within its bounds.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use hyper::body::{Body, Incoming};

use super::Front;
use super::reply::{Reply, fault, last};
use super::watch::Watch;
use crate::front::read::{INVALID_REQUEST, PARSE_ERROR};

/// Reads the JSON body of a request.
///
/// # Errors
/// What the client gets instead of an answer.
///
/// # Cancel safety
/// What was read is lost.
pub(crate) async fn body(
    headers: &HeaderMap,
    mut body: Incoming,
    front: &Front,
    watch: &Watch,
) -> Result<Bytes, Box<Reply>> {
    let Front { limits, counters, .. } = front;
    if !is_json(headers) {
        let what = "the body must be `application/json`";
        return Err(Box::new(fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, what)));
    }
    watch.reads_body();
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut seen = 0_usize;
    loop {
        let since = watch.looks();
        let next = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            // What watches the connection polls it with every look that it takes: so no timer is needed.
            Poll::Pending if watch.since(since, limits) >= limits.body_idle => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let frame = match next.await {
            Some(Some(Ok(frame))) => frame,
            Some(None) => break,
            Some(Some(Err(_))) => {
                return Err(Box::new(last(StatusCode::BAD_REQUEST, PARSE_ERROR, "the body is broken")));
            }
            None => {
                counters.slow_senders_total.up();
                return Err(Box::new(last(StatusCode::REQUEST_TIMEOUT, PARSE_ERROR, "the body took too long")));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        length = length.max(seen);
        if length > limits.body_bytes {
            // One that is still sending would not hear a word: so the rest is read, up to as much again.
            if seen < limits.body_bytes.saturating_mul(2) {
                continue;
            }
            break;
        }
        if first.is_empty() && more.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.reserve(length);
                more.extend_from_slice(&std::mem::take(&mut first));
            }
            more.extend_from_slice(&data);
        }
    }
    if length > limits.body_bytes {
        let what = format!("the body has more than {} bytes", limits.body_bytes);
        return Err(Box::new(last(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, &what)));
    }
    watch.has_body();
    Ok(if more.is_empty() { first } else { more.freeze() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
