//! A batch of messages in one POST (spec: MCP 2025-03-26, streamable HTTP).

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, ready};
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use mcpstore_transport::RpcError;

use super::Front;
use super::body::Events;
use super::reply::{self, Reads, Reply};
use crate::front::batch;
use crate::front::pipe::{Answers, Pipe};
use crate::front::read::{INVALID_REQUEST, Message, message};
use crate::front::running::{Running, answer};
use crate::front::sessions::InUse;
use crate::guard::Trail;
use crate::message;
use crate::outlet::outlet;
use crate::seam::Call;

/// Answers a batch: as a stream where the client reads one, with each answer when it is there; else as one array.
pub(super) async fn post(front: &Front, session: InUse, body: &[u8], reads: Reads) -> Reply {
    let Some(messages) = batch::messages(body) else {
        let what = "a batch has from 1 to 64 messages";
        return reply::fault(StatusCode::BAD_REQUEST, INVALID_REQUEST, what);
    };
    let (outlet, notices) = outlet();
    let answers: FuturesUnordered<BoxFuture<'static, Bytes>> = FuturesUnordered::new();
    for (place, text) in messages.into_iter().enumerate() {
        let message = message(text.get().as_bytes());
        // The first was counted with the POST.
        let admitted = if place == 0 { Ok(()) } else { front.core.admit(&session.client.peer) };
        match (message, admitted) {
            (Ok(Message::Request { id, method, .. }), _) if method == "initialize" => {
                let error = RpcError::new(INVALID_REQUEST, "`initialize` must not be part of a batch");
                answers.push(ready(message::error(Some(id), &error)).boxed());
            }
            (Ok(Message::Request { id, .. }), Err(many)) => {
                answers.push(ready(message::error(Some(id), &many.rpc_error())).boxed());
            }
            (Ok(Message::Request { id, method, params }), Ok(())) => {
                let call = Call {
                    peer: session.client.peer.clone(),
                    client: Some(Arc::clone(&session.client)),
                    id: id.to_owned(),
                    method: method.into(),
                    params: params.map(ToOwned::to_owned),
                    headers: None,
                    outlet: outlet.clone(),
                    trail: Trail::default(),
                };
                let running = Running::begin(&front.core, &front.counters, call, None);
                let id = id.to_owned();
                answers.push(async move { answer(&id, &running.await) }.boxed());
            }
            (Ok(Message::Notification { method, params }), _) => {
                front.core.notification(&session.client, &method, params);
            }
            (Ok(Message::Answer { id, outcome }), _) => {
                front.core.answer(&session.client, id, outcome.map(ToOwned::to_owned));
            }
            (Err(bad), _) => answers.push(ready(message::error(bad.id, &bad.error)).boxed()),
        }
    }
    drop(outlet);
    if answers.is_empty() {
        return reply::accepted(StatusCode::ACCEPTED);
    }
    if reads.events {
        let pipe = Pipe::new(notices, Answers::All(answers));
        return reply::events(Events::new(pipe, front.limits.stream_ping, &front.counters).keeping(session));
    }
    // Nobody reads what comes before the answers: whoever asks something there hears so at once.
    drop(notices);
    let all: Vec<Bytes> = answers.collect().await;
    let mut array = BytesMut::with_capacity(all.iter().map(|one| one.len() + 1).sum::<usize>() + 1);
    for (place, one) in all.iter().enumerate() {
        array.put_u8(if place == 0 { b'[' } else { b',' });
        array.extend_from_slice(one);
    }
    array.put_u8(b']');
    reply::text(array.freeze())
}
