//! How a life ends: politely, by our side, by a drop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_transport::{Adapter, CallError, Endpoint};
use mcpstore_types::ServiceSpec;

use super::{Life, launch, within};

/// How long a server may take to end when its input is closed.
const POLITE: Duration = Duration::from_secs(5);

/// The input is closed, and the server ends; one that does not is told to. Returns how long the polite way took.
pub(super) async fn ends_politely(life: Life) -> Option<Duration> {
    let began = Instant::now();
    life.endpoint.close_input();
    let polite = tokio::time::timeout(POLITE, life.endpoint.exited()).await.is_ok().then(|| began.elapsed());
    if polite.is_none() {
        life.endpoint.terminate();
        if tokio::time::timeout(POLITE, life.endpoint.exited()).await.is_err() {
            life.endpoint.kill();
        }
    }
    over(&life.endpoint, "a stop").await;
    within("the end of its session", life.session.closed()).await;
    match life.call("echo", "{}").await {
        Err(CallError::Closed) => {}
        other => panic!("a call after the end gives CallError::Closed, not: {other:?}"),
    }
    polite
}

/// Our side closes the session: what is under way fails, and so does what comes later.
pub(super) async fn closing_fails_what_is_under_way(adapter: &dyn Adapter, spec: &ServiceSpec) {
    let life = Life::start(adapter, spec).await;
    let session = Arc::clone(&life.session);
    let (outcome, ()) = tokio::join!(life.call("progress", r#"{"n":1,"ms":60000}"#), async {
        while session.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        session.close();
    });
    assert!(matches!(outcome, Err(CallError::Closed)), "a close fails what is under way: {outcome:?}");
    within("the end of a closed session", life.session.closed()).await;
    life.endpoint.kill();
    over(&life.endpoint, "a kill").await;
}

/// A handshake that is given up, polled or not, and an endpoint that nobody holds any more: the server ends.
pub(super) async fn a_drop_leaves_nothing(adapter: &dyn Adapter, spec: &ServiceSpec) {
    for polled in [false, true] {
        let (mut launched, _) = launch(adapter, spec).await;
        if polled {
            // Once: it begins, and does not wait for the answer.
            let _ = futures_util::poll!(&mut launched.handshake);
        }
        drop(launched.handshake);
        launched.endpoint.kill();
        over(&launched.endpoint, "a handshake that was given up").await;
    }
    // The last handles go without a word; whoever checks for survivors finds none.
    drop(Life::start(adapter, spec).await);
}

/// The end is seen, at once by whoever asks later, and what would end it again does nothing.
async fn over(endpoint: &Arc<dyn Endpoint>, after: &str) {
    let status = within(&format!("the exit after {after}"), endpoint.exited()).await;
    within(&format!("the end of everything after {after}"), endpoint.group_empty()).await;
    for end in [Endpoint::close_input, Endpoint::terminate, Endpoint::kill] {
        end(&**endpoint);
    }
    let again = within("an exit asked for again", endpoint.exited()).await;
    assert_eq!(again, status, "the exit stays the same");
    within("an empty group asked for again", endpoint.group_empty()).await;
}
