//! The scripted adapter does what its scripts say, in virtual time.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::scripted::{Answering, Happened, Life, ScriptedAdapter};
use mcpstore_transport::{Adapter, CallError, CallLimits, HandshakeError, LaunchRequest, LogRing, list_tools, ping};
use mcpstore_types::{ExitStatus, Incarnation, ServiceName, ServiceSpec};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn name() -> ServiceName {
    ServiceName::new("s").unwrap()
}

fn request(incarnation: u64) -> LaunchRequest {
    let incarnation = Incarnation(incarnation);
    let spec = ServiceSpec::stdio(name(), "scripted", Vec::<String>::new());
    LaunchRequest::new(Arc::new(spec), incarnation, Arc::new(LogRing::new(incarnation)))
}

#[tokio::test(start_paused = true)]
async fn lives_come_one_after_the_other_and_the_last_repeats() {
    let adapter = ScriptedAdapter::new("stdio");
    adapter.script(&name(), [Life::not_found("x"), Life::crashes_after(5 * SECOND, ExitStatus::Code(3)), Life::good()]);
    assert!(adapter.launch(request(1)).await.is_err());
    let start = Instant::now();
    let second = adapter.launch(request(2)).await.unwrap();
    let session = second.handshake.await.unwrap();
    assert_eq!(list_tools(&*session, CallLimits::within(SECOND)).await.unwrap().tools[0].name, "echo");
    assert_eq!(second.endpoint.exited().await, ExitStatus::Code(3));
    assert_eq!(start.elapsed(), 5 * SECOND);
    session.closed().await;
    assert!(matches!(ping(&*session, SECOND).await, Err(CallError::Closed)));
    for incarnation in 3..5 {
        let good = adapter.launch(request(incarnation)).await.unwrap();
        assert!(good.handshake.await.is_ok());
        good.endpoint.close_input();
        assert_eq!(good.endpoint.exited().await, ExitStatus::Code(0));
        good.endpoint.group_empty().await;
    }
    assert_eq!((adapter.alive(), adapter.most_alive_at_once()), (Vec::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn the_stubborn_yield_to_a_kill_and_may_linger() {
    let adapter = ScriptedAdapter::new("stdio");
    adapter.script(&name(), [Life { linger: Duration::MAX, ..Life::stubborn() }]);
    let launched = adapter.launch(request(1)).await.unwrap();
    launched.endpoint.close_input();
    launched.endpoint.terminate();
    assert!(tokio::time::timeout(60 * SECOND, launched.endpoint.exited()).await.is_err());
    assert!(adapter.crash(&name(), ExitStatus::Signal(11)));
    assert_eq!(launched.endpoint.exited().await, ExitStatus::Signal(11));
    assert!(!adapter.crash(&name(), ExitStatus::Signal(11)));
    assert!(tokio::time::timeout(60 * SECOND, launched.endpoint.group_empty()).await.is_err());
    assert_eq!(adapter.alive(), [name()]);
    launched.endpoint.kill();
    launched.endpoint.group_empty().await;
    let happened: Vec<_> = adapter.records().into_iter().map(|record| record.what).collect();
    assert_eq!(
        happened,
        [
            Happened::Launched { ok: true },
            Happened::InputClosed,
            Happened::Terminated,
            Happened::Exited(ExitStatus::Signal(11)),
            Happened::Killed,
            Happened::GroupEmpty,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn handshakes_and_answers_keep_their_times() {
    let adapter = ScriptedAdapter::new("stdio");
    let slow = Life { ping: Answering::Never, list: Answering::Error(-1), ..Life::slow(7 * SECOND) };
    adapter.script(&name(), [Life::hangs_in_handshake(), slow]);
    let hanging = adapter.launch(request(1)).await.unwrap();
    let start = Instant::now();
    let after = Duration::from_secs(30);
    assert_eq!(hanging.handshake.await.err(), Some(HandshakeError::TimedOut { after }));
    assert_eq!(start.elapsed(), after);
    let orphan = adapter.launch(request(2)).await.unwrap();
    // A dropped endpoint kills what is behind it.
    drop(orphan.endpoint);
    let session = orphan.handshake.await;
    assert!(matches!(session, Err(HandshakeError::Exited { status: ExitStatus::Signal(9), .. })));
    let start = Instant::now();
    let slow = adapter.launch(request(3)).await.unwrap();
    let session = slow.handshake.await.unwrap();
    assert_eq!(start.elapsed(), 7 * SECOND);
    assert!(matches!(ping(&*session, SECOND).await, Err(CallError::TimedOut { .. })));
    assert!(matches!(list_tools(&*session, CallLimits::within(SECOND)).await, Err(CallError::Rpc { code: -1, .. })));
    adapter.tools_changed(&name());
    assert_eq!(*session.changes().borrow(), 1);
}
