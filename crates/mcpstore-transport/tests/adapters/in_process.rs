//! What is particular to servers inside this process.

use mcpstore_testkit::server::{self, Behaviour};
use mcpstore_transport::{Adapter, CallError, HandshakeError, InProcess, LaunchError};
use mcpstore_types::{ExitStatus, ServiceName, ServiceSpec};

use crate::support::{request, start_with, until, within};

fn spec(factory: &str) -> ServiceSpec {
    ServiceSpec::in_process(ServiceName::new("s").unwrap(), factory)
}

#[tokio::test]
async fn an_unknown_name_shows_the_known_ones() {
    let adapter = InProcess::new().with("search", server::well_behaved("search"));
    let error = adapter.launch(request(spec("serach"))).await.expect_err("there is none");
    assert!(matches!(&error, LaunchError::NoFactory { known, .. } if known == &["search"]));
    assert_eq!(error.to_string(), "no in-process server `serach`; did you mean `search`?; known are search");
}

#[tokio::test]
async fn a_kill_closes_both_directions() {
    let adapter = InProcess::new().with("it", server::well_behaved("it"));
    let server = start_with(&adapter, spec("it")).await;
    let (outcome, ()) = tokio::join!(server.call("hang", "{}"), async {
        until("the call is under way", || server.session.in_flight() == 1).await;
        server.endpoint.kill();
    });
    assert!(matches!(outcome, Err(CallError::Closed)), "{outcome:?}");
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Closed);
    within(server.endpoint.group_empty()).await;
}

#[tokio::test]
async fn the_end_of_the_conversation_is_its_exit() {
    let adapter = InProcess::new().with("it", server::well_behaved("it"));
    let server = start_with(&adapter, spec("it")).await;
    server.session.close();
    assert_eq!(within(server.endpoint.exited()).await, ExitStatus::Closed);
    within(server.endpoint.group_empty()).await;
}

#[tokio::test]
async fn nothing_runs_on_when_it_is_gone() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let adapter = InProcess::new().with("it", server::well_behaved("it"));
    let server = start_with(&adapter, spec("it")).await;
    assert!(tasks() > before);
    drop(server);
    until("every task has ended", || tasks() == before).await;
}

#[tokio::test]
async fn a_server_that_ends_in_the_handshake_is_closed() {
    let adapter = InProcess::new().with("gone", std::sync::Arc::new(|| tokio::io::duplex(64).0));
    let launched = adapter.launch(request(spec("gone"))).await.unwrap();
    assert_eq!(within(launched.handshake).await.err(), Some(HandshakeError::Closed));
    assert_eq!(within(launched.endpoint.exited()).await, ExitStatus::Closed);
}

#[tokio::test]
async fn a_silent_one_meets_the_deadline() {
    let silent = Behaviour { hang_init: true, ..Behaviour::default() };
    let adapter = InProcess::new().with("it", server::factory(silent));
    let mut spec = spec("it");
    let after = std::time::Duration::from_millis(200);
    spec.policy.timeouts.handshake = after;
    let launched = adapter.launch(request(spec)).await.unwrap();
    assert_eq!(within(launched.handshake).await.err(), Some(HandshakeError::TimedOut { after }));
}
