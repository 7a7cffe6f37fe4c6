//! One request and its answer: a POST, and what comes back for it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::body;
use super::client::retry_after;
use super::driver::{Driver, lock};
use super::fault::Fault;
use super::message::Message;
use super::sse::Decoder;
use super::stream::Origin;
use super::under_way::Asked;
use crate::clip::clip;
use crate::object::object;
use crate::wire::{Envelope, MAX_LINE_BYTES, wire_id};

/// Bytes of the body of a refusal that are read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;
/// Characters of it that an error shows.
const SHOWN_CHARS: usize = 300;
/// How often a broken stream is taken up again, without an event in between.
const MAX_RESUMES: u32 = 5;
/// The wait before a broken stream is taken up again, where the server names none.
pub(super) const RESUME_AFTER: Duration = Duration::from_secs(1);
/// The shortest such wait, whatever the server names.
const RESUME_AT_LEAST: Duration = Duration::from_millis(100);
/// The longest such wait, unless the server names a longer one.
pub(super) const RESUME_AT_MOST: Duration = Duration::from_secs(30);

impl Driver {
    /// Sends a request and brings its answer, unless it is given up.
    pub(super) async fn exchange(self: Arc<Self>, asked: Asked) {
        let Asked { id, message, room, given_up } = asked;
        if !self.hub.waits(id) {
            // Given up before it was sent.
            return self.leave(id);
        }
        let outcome = tokio::select! {
            biased;
            () = given_up.cancelled() => Ok(()),
            outcome = self.ask(id, &message, room) => outcome,
        };
        self.leave(id);
        if let Err(fault) = outcome {
            self.fail(id, &message, fault);
        }
    }

    async fn ask(
        self: &Arc<Self>,
        id: u64,
        message: &Message,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Fault> {
        let mut room = room;
        let mut renewed = false;
        loop {
            let generation = lock(&self.talk).generation;
            let response = self.http.send(&self.outbound(message).await).await?;
            // It was read by the server.
            drop(room.take());
            let status = response.status();
            if !may_be_lost(status) || !self.has_session(message) {
                return self.answer(id, message, response).await;
            }
            let refusal = self.refusal(id, response).await;
            if renewed || !refusal.says_lost(status) {
                return match refusal {
                    Refusal::Answer(answer) => self.settle(id, message, &answer),
                    Refusal::Fault(fault) => Err(fault),
                };
            }
            renewed = true;
            if let Err(fault) = self.renew(generation).await {
                self.fail(id, message, fault.clone());
                self.give_in(fault);
                return Ok(());
            }
        }
    }

    fn has_session(&self, message: &Message) -> bool {
        !message.is_stateless() && !message.is("initialize") && lock(&self.talk).session.is_some()
    }

    /// Takes the answer out of a response.
    async fn answer(self: &Arc<Self>, id: u64, message: &Message, mut response: Response) -> Result<(), Fault> {
        let status = response.status();
        if !status.is_success() {
            return match self.refusal(id, response).await {
                Refusal::Answer(answer) => self.settle(id, message, &answer),
                Refusal::Fault(fault) => Err(hinted(fault, message)),
            };
        }
        if message.is("initialize") {
            self.begin_session(message, response.headers())?;
        }
        match Content::of(&response) {
            // A legacy server answers on its one stream.
            Content::None | Content::Other(_) if self.endpoint.is_some() => Ok(()),
            Content::Events => self.read_answer(id, message, response).await,
            Content::Json => {
                let body = body::whole(&mut response, MAX_LINE_BYTES, |bytes| self.hub.received(bytes)).await?;
                if body.trim_ascii().is_empty() && self.endpoint.is_some() {
                    return Ok(());
                }
                self.settle(id, message, &body)
            }
            Content::None => Err(Fault::Malformed(format!("HTTP status {status} and no answer"))),
            Content::Other(kind) => {
                Err(Fault::Malformed(format!("it is `{}`, neither JSON nor an event stream", clip(&kind))))
            }
        }
    }

    /// Brings a body that should be the answer.
    fn settle(&self, id: u64, message: &Message, body: &[u8]) -> Result<(), Fault> {
        self.deliver(body, true, Some(Origin { id, message }));
        if self.hub.waits(id) && self.endpoint.is_none() {
            return Err(Fault::Malformed("it is no answer to the request".to_owned()));
        }
        Ok(())
    }

    /// Reads a response stream until the answer is there; takes it up again when it breaks.
    async fn read_answer(&self, id: u64, message: &Message, response: Response) -> Result<(), Fault> {
        let mut decoder = Decoder::new(MAX_LINE_BYTES);
        let mut stream = Some(response);
        let mut resumes = 0;
        let mut broke = String::new();
        loop {
            if let Some(mut response) = stream.take() {
                let events = decoder.events();
                broke = self.pour(&mut response, &mut decoder, Some(Origin { id, message })).await;
                if decoder.events() > events {
                    resumes = 0;
                }
            }
            if !self.hub.waits(id) {
                return Ok(());
            }
            let Some(last) = decoder.last_id().filter(|_| !message.is_stateless()).map(str::to_owned) else {
                return Err(Fault::Broken(broke));
            };
            if resumes == MAX_RESUMES {
                return Err(Fault::Broken(format!("{broke}, and again after {MAX_RESUMES} tries")));
            }
            sleep(pause(decoder.retry(), resumes)).await;
            resumes += 1;
            match self.http.send(&self.get(Some(&last))).await {
                Ok(response) if response.status().is_success() => {
                    decoder.start_over();
                    stream = Some(response);
                }
                Ok(response) if response.status().is_server_error() => broke = refused_with(response.status()),
                Ok(response) => {
                    let how = refused_with(response.status());
                    return Err(Fault::Broken(format!("{broke}; the server does not take it up again ({how})")));
                }
                Err(fault @ (Fault::Auth(_) | Fault::Login(_))) => return Err(fault),
                Err(Fault::Unreachable(how) | Fault::Broken(how)) => broke = how,
                Err(_) => {}
            }
        }
    }

    /// What a response with an error status says.
    async fn refusal(&self, id: u64, mut response: Response) -> Refusal {
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

/// What a response with an error status says.
enum Refusal {
    /// The JSON-RPC answer to the request.
    Answer(Vec<u8>),
    Fault(Fault),
}

/// Whether a response with this status may mean that the session is gone: 404 (spec: MCP 2025-03-26, transports), and 400, with
/// which servers out of the SDKs' examples answer when they were started anew.
const fn may_be_lost(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
}

impl Refusal {
    /// Whether it says that the session is gone: then the request was not looked at.
    fn says_lost(&self, status: StatusCode) -> bool {
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

/// The codes of errors that servers define for themselves (spec: JSON-RPC 2.0, 5.1).
const SERVER_ERRORS: std::ops::RangeInclusive<i64> = -32099..=-32000;

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

fn refused_with(status: StatusCode) -> String {
    format!("HTTP status {status}")
}

/// A server that does not know the POST of the handshake may be an older one.
fn hinted(fault: Fault, message: &Message) -> Fault {
    match fault {
        Fault::Status { status: status @ (404 | 405), message: words, retry_after } if message.is("initialize") => {
            let words = format!("{words}; is the path right? A server of the older HTTP+SSE needs \"type\": \"sse\"");
            Fault::Status { status, message: words, retry_after }
        }
        other => other,
    }
}

/// How long to wait before the next try, after so many: what the server asked for at least.
pub(super) fn pause(retry: Option<Duration>, tries: u32) -> Duration {
    let first = retry.unwrap_or(RESUME_AFTER).max(RESUME_AT_LEAST);
    first.saturating_mul(1 << tries.min(10)).min(RESUME_AT_MOST.max(first))
}

/// What a response carries, as it says.
pub(super) enum Content {
    Json,
    Events,
    Other(String),
    /// Nothing.
    None,
}

impl Content {
    pub(super) fn of(response: &Response) -> Self {
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) || response.content_length() == Some(0) {
            return Self::None;
        }
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .map(|kind| String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase());
        let essence = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        match essence {
            "text/event-stream" => Self::Events,
            // Some forget to say so; the dispatch finds out whether it is.
            "" | "application/json" => Self::Json,
            json if json.ends_with("+json") => Self::Json,
            other => Self::Other(other.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_what_the_server_asks_for() {
        let seconds = |retry: Option<u64>, tries| pause(retry.map(Duration::from_secs), tries).as_secs();
        assert_eq!([0, 1, 4, 5, 99].map(|tries| seconds(None, tries)), [1, 2, 16, 30, 30]);
        assert_eq!((seconds(Some(60), 0), seconds(Some(60), 5), seconds(Some(0), 5)), (60, 60, 3));
    }

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
