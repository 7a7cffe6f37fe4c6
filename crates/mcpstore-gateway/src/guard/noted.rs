//! From a request to its line in the audit log.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mcpstore_transport::{RpcError, is_tool_error};
use serde::Deserialize;

use super::audit::{Audit, Entry, Outcome};
use crate::seam::{Call, Peer};

/// Methods that only look: nothing is noted of them.
const ONLY_LOOK: [&str; 14] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tasks/get",
    "tasks/list",
    "tools/list",
];

/// A request that will be noted: when it is over, or when this is dropped, which means that it was given up.
pub(crate) struct Noted<'a> {
    audit: Arc<Audit>,
    call: &'a Call,
    began: Instant,
    ended: Option<(Outcome, u64)>,
}

impl<'a> Noted<'a> {
    /// Of a request that uses or changes something; `None` of one that only looks.
    pub(super) fn of(audit: &Arc<Audit>, call: &'a Call) -> Option<Self> {
        if ONLY_LOOK.binary_search(&&*call.method).is_ok() {
            return None;
        }
        Some(Self { audit: Arc::clone(audit), call, began: Instant::now(), ended: None })
    }

    /// It is over.
    pub(crate) fn over(mut self, answer: &Result<Bytes, RpcError>) {
        let (outcome, bytes) = match answer {
            Ok(result) if &*self.call.method == "tools/call" && says_error(result) => {
                (Outcome::ToolError, result.len())
            }
            Ok(result) => (Outcome::Done, result.len()),
            Err(_) if self.call.trail.was_taken_back() => (Outcome::Cancelled, 0),
            Err(error) => {
                let bytes = error.message.len() + error.data.as_ref().map_or(0, |data| data.get().len());
                let outcome =
                    if self.call.trail.went().is_none() { Outcome::Refused } else { Outcome::Error(error.code) };
                (outcome, bytes)
            }
        };
        self.ended = Some((outcome, bytes as u64));
    }

    /// What was asked for, as the client calls it.
    fn asked(&self) -> Option<Arc<str>> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            name: Option<Arc<str>>,
            #[serde(default)]
            uri: Option<Arc<str>>,
        }
        let params = self.call.params.as_deref().filter(|params| params.get().len() <= MAX_READ)?;
        let named: Named = serde_json::from_str(params.get()).ok()?;
        named.name.or(named.uri)
    }
}

/// Bytes of params that are read for the name of what was refused.
const MAX_READ: usize = 4096;

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let (outcome, bytes_out) = self.ended.unwrap_or((Outcome::Cancelled, 0));
        let Call { peer, client, method, params, trail, .. } = self.call;
        let went = trail.went();
        let hello = client.as_ref().and_then(|client| client.name());
        self.audit.note(Entry {
            at_unix_ms: now_unix_ms(),
            principal: Arc::clone(&peer.principal),
            client: went.and_then(|went| went.client.clone()).or(hello),
            session: client.as_ref().and_then(|client| client.tag.get().cloned()),
            view: peer.view.clone(),
            method: Arc::clone(method),
            service: went.map(|went| went.service.shared()),
            tool: match went {
                Some(went) => went.what.clone(),
                None => self.asked(),
            },
            arguments: went.and_then(|went| went.arguments.clone()),
            outcome,
            duration_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes_in: params.as_deref().map_or(0, |params| params.get().len() as u64),
            bytes_out,
        });
    }
}

/// Of somebody who asked too often, whatever it was.
pub(super) fn too_many(peer: &Peer) -> Entry {
    Entry {
        at_unix_ms: now_unix_ms(),
        principal: Arc::clone(&peer.principal),
        client: None,
        session: None,
        view: peer.view.clone(),
        method: "".into(),
        service: None,
        tool: None,
        arguments: None,
        outcome: Outcome::TooMany,
        duration_ms: 0,
        bytes_in: 0,
        bytes_out: 0,
    }
}

fn says_error(result: &[u8]) -> bool {
    str::from_utf8(result).is_ok_and(is_tool_error)
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_is_sorted() {
        assert!(ONLY_LOOK.is_sorted());
    }
}
