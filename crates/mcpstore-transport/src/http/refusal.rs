//! What a server says with an error status: an answer to the request, that the session is gone, or why it does not take it.

use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::body;
use super::client::retry_after;
use super::driver::Driver;
use super::exchange::Content;
use super::fault::Fault;
use crate::object::object;
use crate::wire::{Envelope, wire_id};

/// Bytes of the body of a refusal that are read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;
/// Characters of it that an error shows.
const SHOWN_CHARS: usize = 300;
/// The codes of errors that servers define for themselves (spec: JSON-RPC 2.0, 5.1).
const SERVER_ERRORS: std::ops::RangeInclusive<i64> = -32099..=-32000;

/// What a response with an error status says.
pub(super) enum Refusal {
    /// The JSON-RPC answer to the request.
    Answer(Vec<u8>),
    Fault(Fault),
}

impl Driver {
    /// What a response with an error status says.
    pub(super) async fn refusal(&self, id: u64, mut response: Response) -> Refusal {
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let (json, shows) = match Content::of(&response) {
            Content::Json => (true, true),
            Content::Other(kind) => (false, kind.starts_with("text/plain")),
            Content::None | Content::Events => (false, false),
        };
        let mut text = String::new();
        if json || shows {
            // Not counted as a sign of life: a gateway refuses on behalf of a dead server too.
            let body = body::whole(&mut response, MAX_REFUSAL_BYTES, |_| {}).await;
            text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        }
        // Whoever asks us to wait means all requests, whatever it says of this one.
        let waits = status == StatusCode::TOO_MANY_REQUESTS || retry_after.is_some();
        if let Some(answer) = Some(&text).filter(|_| json && !waits).and_then(|text| as_answer(id, status, text)) {
            return Refusal::Answer(answer);
        }
        let mut message: String = text.trim().chars().take(SHOWN_CHARS).collect();
        if message.is_empty() && !status.is_redirection() {
            message = status.canonical_reason().unwrap_or_default().to_owned();
        }
        Refusal::Fault(Fault::Status { status: status.as_u16(), message, retry_after })
    }
}

/// Whether a response with this status may mean that the session is gone: 404 (spec: MCP 2025-03-26, transports), and 400, with
/// which servers out of the SDKs' examples answer when they were started anew.
pub(super) const fn may_be_lost(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
}

impl Refusal {
    /// Whether it says that the session is gone: then the request was not looked at.
    pub(super) fn says_lost(&self, status: StatusCode) -> bool {
        let about_session = |words: &str| {
            let words = words.to_ascii_lowercase();
            words.contains("session") || words.contains("not initialized")
        };
        match self {
            // With 404, an answer says that it is the method that is unknown.
            Self::Answer(_) if status == StatusCode::NOT_FOUND => false,
            Self::Fault(_) if status == StatusCode::NOT_FOUND => true,
            Self::Answer(answer) => {
                let error = std::str::from_utf8(answer).ok().and_then(Envelope::peek).and_then(|answer| answer.error);
                let error = error.and_then(|error| object::<Said>(error.get()).ok());
                error.is_some_and(|error| SERVER_ERRORS.contains(&error.code) && about_session(&error.message))
            }
            Self::Fault(Fault::Status { message, .. }) => about_session(message),
            Self::Fault(_) => false,
        }
    }
}

/// What a JSON-RPC error says.
#[derive(Deserialize)]
struct Said {
    code: i64,
    message: String,
}

/// The JSON-RPC error in a refusal. A server that refused the message before it read its id answers nobody: this request
/// was alone in its POST, so it is the one. Where the session may be gone, only an error that names the request counts.
fn as_answer(id: u64, status: StatusCode, text: &str) -> Option<Vec<u8>> {
    let envelope = Envelope::peek(text).filter(|envelope| envelope.method.is_none())?;
    let error = envelope.error?;
    match envelope.id.filter(|id| id.get() != "null") {
        Some(named) if wire_id(named) == Some(id) => {
            let unknown_method = error.get().contains("-32601");
            (status != StatusCode::NOT_FOUND || unknown_method).then(|| text.as_bytes().to_vec())
        }
        Some(_) => None,
        None if status == StatusCode::NOT_FOUND => None,
        None => Some(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_an_id_is_about_the_one_request() {
        let answer = |status: u16, text: &str| {
            as_answer(7, StatusCode::from_u16(status).unwrap(), text).map(|answer| String::from_utf8(answer).unwrap())
        };
        let error = r#"{"code":-32000,"message":"x"}"#;
        let mended = format!(r#"{{"jsonrpc":"2.0","id":7,"error":{error}}}"#);
        assert_eq!(answer(400, &format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#)), Some(mended.clone()));
        assert_eq!(answer(500, &mended), Some(mended.clone()));
        assert_eq!((answer(400, &mended.replace('7', "8")), answer(400, "{}"), answer(400, "odd")), (None, None, None));
        // A lost session is no answer; an unknown method is.
        assert_eq!(answer(404, &mended), None);
        assert!(answer(404, &mended.replace("-32000", "-32601")).is_some());
    }
}
