//! What a server and we agreed on, and how it is agreed anew when the server has forgotten it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::body;
use super::driver::{Driver, lock};
use super::exchange::Content;
use super::fault::Fault;
use super::headers::SESSION_ID;
use super::message::Message;
use super::params::Wishes;
use super::sse::{Data, Decoder};
use crate::clip::clip;
use crate::object::object;
use crate::wire::{Envelope, MAX_LINE_BYTES};

/// Bytes of the name of a session.
const MAX_SESSION_BYTES: usize = 1024;
/// How long the renewal of a session may take.
const RENEWAL: Duration = Duration::from_secs(30);
/// The notification that ends a handshake.
const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// What a server and we agreed on.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The name of the session, when the server keeps one.
    pub(super) session: Option<HeaderValue>,
    /// The version of the handshake era; `None` before the handshake, and in the stateless era.
    pub(super) version: Option<HeaderValue>,
    /// How often it was agreed anew.
    pub(super) generation: u64,
    /// Cancelled when it is agreed anew.
    pub(super) stale: CancellationToken,
    /// The request that opened the session.
    opening: Option<Bytes>,
}

impl Talk {
    /// Takes the version out of the result of `initialize`.
    pub(super) fn learn_version(&mut self, result: &RawValue) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Agreed {
            protocol_version: String,
        }
        let agreed = object::<Agreed>(result.get()).ok();
        self.version = agreed.and_then(|agreed| HeaderValue::from_str(&agreed.protocol_version).ok());
    }
}

impl Driver {
    /// The server answers the handshake: from now on there may be a session.
    pub(super) fn begin_session(&self, message: &Message, headers: &HeaderMap) -> Result<(), Fault> {
        let session = session_of(headers)?;
        let mut talk = lock(&self.talk);
        talk.session = session;
        talk.opening = Some(message.body.clone());
        Ok(())
    }

    /// Agrees on a new session, unless that of this generation was renewed already.
    pub(super) async fn renew(self: &Arc<Self>, generation: u64) -> Result<(), Fault> {
        let _one_at_a_time = self.renewing.lock().await;
        let opening = {
            let talk = lock(&self.talk);
            if talk.generation != generation {
                return Ok(());
            }
            talk.opening.clone()
        };
        let gone = || Fault::Status { status: 404, message: "the session is gone".to_owned(), retry_after: None };
        let opening = opening.ok_or_else(gone)?;
        timeout(RENEWAL, self.open_anew(opening))
            .await
            .map_err(|_| Fault::Broken(format!("the server gave no new session within {RENEWAL:?}")))?
    }

    async fn open_anew(self: &Arc<Self>, opening: Bytes) -> Result<(), Fault> {
        let no_session = |what: String| Fault::Malformed(clip(&format!("it gave no new session: {what}")));
        let message = Message::read(opening.to_vec(), &Wishes::default()).map_err(no_session)?;
        let mut response = self.http.send(&self.outbound(&message).await).await?;
        if !response.status().is_success() {
            return Err(no_session(format!("HTTP status {}", response.status())));
        }
        let session = session_of(response.headers())?;
        let answer = match Content::of(&response) {
            Content::Json => body::whole(&mut response, MAX_LINE_BYTES, |bytes| self.hub.received(bytes)).await?,
            Content::Events => self.first_answer(response).await?,
            Content::None | Content::Other(_) => Vec::new(),
        };
        let text = String::from_utf8_lossy(&answer);
        let result = Envelope::peek(text.trim()).and_then(|answer| answer.result);
        let result = result.ok_or_else(|| no_session("its answer has no result".to_owned()))?;
        {
            let mut talk = lock(&self.talk);
            talk.learn_version(result);
            talk.session = session;
            talk.generation += 1;
            std::mem::take(&mut talk.stale).cancel();
        }
        let note = Message::read(INITIALIZED.to_vec(), &Wishes::default()).map_err(no_session)?;
        let status = self.http.send(&self.outbound(&note).await).await?.status();
        if status == StatusCode::NOT_FOUND {
            return Err(no_session("it forgets it at once".to_owned()));
        }
        drop(self.listen());
        // What the server says now may be said by its next version.
        self.hub.lists_may_differ();
        Ok(())
    }

    /// The first message with a result on a stream; what comes before it goes its way.
    async fn first_answer(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Fault> {
        let mut decoder = Decoder::new(MAX_LINE_BYTES);
        while let Some(piece) = response.chunk().await? {
            self.hub.received(piece.len());
            decoder.feed(&piece);
            while let Some(event) = decoder.next() {
                let Data::Whole(data) = event.data else { continue };
                let is_answer =
                    std::str::from_utf8(&data).ok().and_then(Envelope::peek).is_some_and(|e| e.method.is_none());
                if is_answer {
                    return Ok(data);
                }
                self.deliver(&data, true, None);
            }
        }
        Err(Fault::Broken("the stream ended before the new session was there".to_owned()))
    }
}

fn session_of(headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    let session = headers.get(SESSION_ID).filter(|session| !session.is_empty());
    if session.is_some_and(|session| session.len() > MAX_SESSION_BYTES) {
        return Err(Fault::Malformed(format!("the name of its session has more than {MAX_SESSION_BYTES} bytes")));
    }
    Ok(session.cloned().map(|mut session| {
        session.set_sensitive(true);
        session
    }))
}
