//! The three pages, and what is said to all other requests.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::accept::format_for;
use crate::guard::{Refusal, judge};
use crate::source::{Liveness, Source};

/// How long the manager may take to answer.
const LIVENESS_WAIT: Duration = Duration::from_secs(1);

/// What there is.
const PATHS: [&str; 3] = ["/metrics", "/healthz", "/readyz"];

/// A whole response.
pub(crate) type Page = Response<Full<Bytes>>;

/// What is wrong with a request.
#[derive(Serialize)]
struct Complaint<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<[&'static str; 3]>,
}

/// Answers a request. Its body is never looked at.
pub(crate) async fn answer<B>(request: &Request<B>, source: &dyn Source) -> Page {
    if let Err(refusal) = judge(request.uri(), request.headers()) {
        return refused(refusal);
    }
    let path = request.uri().path();
    if !PATHS.contains(&path) {
        let complaint = Complaint { error: "there is no such page", paths: Some(PATHS) };
        return json(StatusCode::NOT_FOUND, &complaint);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut page = complaint(StatusCode::METHOD_NOT_ALLOWED, "pages are only read here");
        page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return page;
    }
    match path {
        "/metrics" => {
            let format = format_for(request.headers());
            page(StatusCode::OK, format.content_type(), source.metrics(format).into())
        }
        "/healthz" => {
            let found = tokio::time::timeout(LIVENESS_WAIT, source.liveness()).await;
            let found = found.unwrap_or_else(|_| Liveness {
                live: false,
                why: Some(format!("the manager did not answer within {} s", LIVENESS_WAIT.as_secs())),
            });
            json(ok_or_unavailable(found.live), &found)
        }
        _ => {
            let name = request.uri().query().and_then(|query| parameter(query, "service"));
            let found = source.readiness(name.as_deref());
            let status = if found.unknown.is_some() { StatusCode::NOT_FOUND } else { ok_or_unavailable(found.ready) };
            json(status, &found)
        }
    }
}

/// What one connection too many gets.
pub(crate) fn too_many() -> Page {
    complaint(StatusCode::SERVICE_UNAVAILABLE, "too many connections")
}

fn refused(refusal: Refusal) -> Page {
    match refusal {
        Refusal::BadHost => complaint(StatusCode::BAD_REQUEST, "the request needs one `Host`"),
        Refusal::ForeignHost => {
            complaint(StatusCode::FORBIDDEN, "`Host` is not this machine: use localhost or a loopback address")
        }
        Refusal::ForeignOrigin => complaint(StatusCode::FORBIDDEN, "pages of other origins are not answered"),
    }
}

const fn ok_or_unavailable(ok: bool) -> StatusCode {
    if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn complaint(status: StatusCode, error: &str) -> Page {
    json(status, &Complaint { error, paths: None })
}

fn json(status: StatusCode, body: &impl Serialize) -> Page {
    let mut text = serde_json::to_vec(body).unwrap_or_default();
    text.push(b'\n');
    page(status, "application/json", text.into())
}

fn page(status: StatusCode, content_type: &'static str, body: Bytes) -> Page {
    let mut page = Response::new(Full::new(body));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    page
}

/// The first value of this parameter of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
}

/// A value without its escapes (source: WHATWG URL, application/x-www-form-urlencoded parsing). What is no escape stays.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = if *first == b'%' { after.first_chunk::<2>().and_then(|two| hex(*two)) } else { None };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => bytes.push(if *first == b'+' { b' ' } else { *first }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_as_forms_write_it() {
        assert_eq!(parameter("service=web", "service").unwrap(), "web");
        assert_eq!(parameter("a=1&service=%40scope%2Fmy+one%&service=2", "service").unwrap(), "@scope/my one%");
        assert_eq!(parameter("service", "service").unwrap(), "");
        assert_eq!(parameter("services=web", "service"), None);
        assert_eq!(parameter("service=%zz%e4", "service").unwrap(), "%zz\u{fffd}");
    }
}
