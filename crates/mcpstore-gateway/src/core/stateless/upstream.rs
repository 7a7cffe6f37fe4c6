//! Updates of resources of servers without a handshake: they only tell those who listen (spec: MCP 2026-07-28,
//! subscriptions).

use std::sync::{Arc, Weak};
use std::time::Duration;

use mcpstore_transport::{CallError, CallLimits, Session};
use mcpstore_types::{Era, ServiceName};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::sleep;

use super::super::Inner;

/// Longer than any process lives.
const FOR_EVER: Duration = Duration::from_secs(31_536_000);
/// How soon after a request its server tells; until then the one before stays open.
const OPENING: Duration = Duration::from_millis(500);
/// How long is waited until it is listened again; twice as long each time, up to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Listens to a server for what clients want of it, for as long as its conversation lasts. What it says comes over the
/// notices of its session.
pub(crate) async fn follow(inner: &Arc<Inner>, service: &ServiceName, session: &Arc<dyn Session>) {
    if session.server().era == Era::Handshake {
        return;
    }
    let mut changes = inner.subscriptions.changes();
    let mut open = None;
    let mut heard = Vec::new();
    let inner = Arc::downgrade(inner);
    loop {
        changes.mark_unchanged();
        let Some(wanted) = inner.upgrade().map(|inner| inner.subscriptions.wanted(service)) else { return };
        if wanted != heard {
            let before = open.take();
            if !wanted.is_empty() {
                let keep = keep(Weak::clone(&inner), service.clone(), Arc::clone(session), wanted.clone());
                open = Some(tokio_util::task::AbortOnDropHandle::new(tokio::spawn(keep)));
                // Nothing is missed between the two.
                sleep(OPENING).await;
            }
            drop(before);
            heard = wanted;
        }
        tokio::select! {
            () = session.closed() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Listens again and again.
async fn keep(inner: Weak<Inner>, service: ServiceName, session: Arc<dyn Session>, uris: Vec<String>) {
    let mut pause = FIRST_PAUSE;
    let mut again = false;
    loop {
        let Ok(params) = to_raw_value(&json!({ "notifications": { "resourceSubscriptions": uris } })) else { return };
        let request = session.request("subscriptions/listen", Some(params), CallLimits::within(FOR_EVER));
        let catch_up = async {
            if again {
                sleep(OPENING).await;
                missed(&inner, &service, &uris);
            }
            std::future::pending().await
        };
        let outcome: Result<Box<RawValue>, CallError> = tokio::select! {
            outcome = request => outcome,
            () = catch_up => return,
        };
        match outcome {
            // It knows no such request, or it is gone: asking again would change nothing.
            Err(CallError::Rpc { .. } | CallError::Closed) => return,
            Ok(_) => {}
            Err(error) => tracing::debug!(%service, %error, "a server is not heard any more"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        again = true;
    }
}

/// It was not listened for a while: each of its resources may have changed.
fn missed(inner: &Weak<Inner>, service: &ServiceName, uris: &[String]) {
    let Some(inner) = inner.upgrade() else { return };
    for uri in uris {
        if let Ok(params) = to_raw_value(&json!({ "uri": uri })) {
            inner.resource_updated(service, uri, &params);
        }
    }
}
