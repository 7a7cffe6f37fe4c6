//! The body of a request, within its bounds.

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::reply::{Reply, fault, last};
use crate::front::limits::Limits;
use crate::front::read::{INVALID_REQUEST, PARSE_ERROR};
use crate::front::stats::Counters;

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
    limits: &Limits,
    counters: &Counters,
) -> Result<Bytes, Box<Reply>> {
    if !is_json(headers) {
        let what = "the body must be `application/json`";
        return Err(Box::new(fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, what)));
    }
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    let mut length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut seen = 0_usize;
    loop {
        let frame = match tokio::time::timeout(limits.body_idle, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(Box::new(last(StatusCode::BAD_REQUEST, PARSE_ERROR, "the body is broken")));
            }
            Err(_) => {
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
    Ok(if more.is_empty() { first } else { more.freeze() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
