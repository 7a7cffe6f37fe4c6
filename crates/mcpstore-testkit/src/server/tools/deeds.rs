//! Tools that do something beside answering: to the process, to its streams, to the client.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};

use super::Outcome;
use crate::server::odd::Odd;
use crate::server::peer::{Out, Peer};
use crate::server::{Server, era};

/// What asks the client, and what the client must be able to for it.
const ASKS: &[(&str, &str)] =
    &[("sampling/createMessage", "sampling"), ("elicitation/create", "elicitation"), ("roots/list", "roots")];

/// Ends or stops the whole process by a signal.
pub(super) async fn die(server: &Server, how: &str) -> String {
    server.behaviour.log.note(how);
    let signal = match how {
        "segv" => Signal::SEGV,
        "abort" => Signal::ABORT,
        "stop" => Signal::STOP,
        _ => Signal::KILL,
    };
    loop {
        // Again and again: the first fault only takes the handler away that Rust's runtime set.
        let sent = kill_process(getpid(), signal);
        // A signal to the process may reach this thread a moment after the other one.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if sent.is_err() || signal == Signal::STOP {
            return "alive".to_owned();
        }
    }
}

/// Closes one of the server's streams.
pub(super) async fn close(peer: &Peer, what: &str) -> String {
    if what == "stdout" {
        peer.send(Out::Close).await;
    } else {
        peer.client.deaf.cancel();
    }
    format!("closed {what}")
}

/// Reports progress on a call that has a token.
pub(super) async fn progress(peer: &Peer, params: &Value, n: u64, apart: Duration) {
    let token = &params["_meta"]["progressToken"];
    for done in 1..=n {
        if !apart.is_zero() {
            tokio::time::sleep(apart).await;
        }
        if !token.is_null() {
            let note = json!({ "progressToken": token, "progress": done, "total": n });
            peer.notify("notifications/progress", &note.to_string()).await;
        }
    }
}

/// Asks the client: by a request of our own, or by an answer that wants more (spec: MCP 2026-07-28, multi round-trip).
pub(super) async fn ask(server: &Server, peer: &Peer, params: &Value) -> Outcome {
    let arguments = &params["arguments"];
    let method = arguments["method"].as_str().unwrap_or_default();
    if !peer.stateless {
        return Outcome::Text(peer.ask(method, &arguments["params"]).await);
    }
    if let Some(answer) = params["inputResponses"].get("asked") {
        // The state comes back as it went out.
        return match params["requestState"].as_str() {
            Some(state) if state == format!("asked {method}") => Outcome::Text(answer.to_string()),
            _ => Outcome::Error(-32602, "the request state is not ours".to_owned(), Value::Null),
        };
    }
    let needs = ASKS.iter().find(|(known, _)| *known == method).map(|(_, needs)| *needs);
    if let Some(needs) = needs
        && arguments["force"] != true
        && !era::can(params, needs)
    {
        let data = json!({ "requiredCapabilities": { needs: {} } });
        return Outcome::Error(-32021, "missing required client capability".to_owned(), data);
    }
    let mut result = json!({
        "resultType": "input_required",
        "inputRequests": { "asked": { "method": method, "params": arguments["params"] } },
        "requestState": format!("asked {method}"),
    });
    era::stamp(&mut result, &server.behaviour.name);
    Outcome::Raw(result.to_string())
}

/// Writes a message in pieces, or half of it.
pub(super) async fn in_pieces(server: &Server, peer: &Peer, odd: Odd, message: &str) {
    let bytes = message.as_bytes();
    if odd == Odd::Dribble {
        for piece in bytes.chunks(3) {
            peer.send(Out::Bytes(piece.to_vec())).await;
        }
        return peer.send(Out::Bytes(b"\n".to_vec())).await;
    }
    peer.send(Out::Bytes(bytes[..bytes.len() / 2].to_vec())).await;
    if odd == Odd::HalfThenDie {
        server.behaviour.log.note("exit 6");
        peer.send(Out::Die(6)).await;
    }
    std::future::pending().await
}
