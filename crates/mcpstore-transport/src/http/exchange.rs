//! One request and its answer: a POST, and what comes back for it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::body;
use super::driver::{Driver, lock};
use super::fault::Fault;
use super::message::Message;
use super::refusal::{Refusal, may_be_lost};
use super::sse::Decoder;
use super::stream::Origin;
use super::under_way::Asked;
use crate::clip::clip;
use crate::wire::MAX_LINE_BYTES;

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
}
