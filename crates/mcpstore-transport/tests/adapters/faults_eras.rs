//! Faults around the era of a server: what it does when asked which one it speaks, and both eras done well.

use std::sync::Arc;

use mcpstore_testkit::faults::fault;
use mcpstore_transport::{
    Adapter, CallError, CallLimits, HandshakeError, LaunchRequest, Session, Stdio, list_tools, ping,
};
use mcpstore_types::{Era, EraChoice, ExitStatus};

use crate::faults_support::{SOON, works_on};
use crate::support::{LONG, Server, end, request, spec, within};

/// The outcome of a launch by this adapter, in this era; what is left of a failed one is ended.
async fn launched(adapter: &Stdio, flags: &str, era: EraChoice) -> Result<Server, HandshakeError> {
    let (mut spec, tag) = spec(flags);
    spec.era = era;
    let request = request(spec);
    let logs = Arc::clone(&request.logs);
    let launched = adapter.launch(request).await.unwrap();
    match within(launched.handshake).await {
        Ok(session) => Ok(Server { endpoint: launched.endpoint, session, logs, tag }),
        Err(error) => {
            end(launched.endpoint, &tag).await;
            Err(error)
        }
    }
}

/// A server of both eras with this fault.
fn both(name: &str) -> String {
    format!("--era both {}", fault(name).flags)
}

#[tokio::test]
async fn who_exits_at_the_probe_is_started_again_without_it() {
    let (adapter, flags) = (Stdio::new(), both("exit-at-the-probe"));
    let error = launched(&adapter, &flags, EraChoice::Auto).await.err().unwrap();
    let expected = matches!(error, HandshakeError::ExitedAtProbe { status: ExitStatus::Code(4), .. });
    assert!(expected && !error.is_permanent(), "{error:?}");
    let server = launched(&adapter, &flags, EraChoice::Auto).await.unwrap();
    assert_eq!(server.session.server().era, Era::Handshake);
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn who_hangs_at_the_probe_is_offered_the_handshake() {
    let server = launched(&Stdio::new(), &both("hang-at-the-probe"), EraChoice::Auto).await.unwrap();
    assert_eq!(server.session.server().era, Era::Handshake);
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn who_is_lost_after_the_probe_is_given_up_in_time_and_works_unasked() {
    let flags = both("blocked-by-the-probe");
    let (mut spec, tag) = spec(&flags);
    spec.policy.timeouts.handshake = SOON;
    let launch: LaunchRequest = request(spec);
    let hanging = Stdio::new().launch(launch).await.unwrap();
    assert_eq!(within(hanging.handshake).await.err(), Some(HandshakeError::TimedOut { after: SOON }));
    end(hanging.endpoint, &tag).await;
    let server = launched(&Stdio::new(), &flags, EraChoice::Only(Era::Handshake)).await.unwrap();
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn who_refuses_the_probe_is_led_through_the_handshake() {
    let server = launched(&Stdio::new(), &both("probe-refused"), EraChoice::Auto).await.unwrap();
    assert_eq!(server.session.server().era, Era::Handshake);
    works_on(&server).await;
    server.end().await;
}

/// What a session of either era must do.
async fn does_all(session: &dyn Session, era: Era) {
    assert_eq!(session.server().era, era);
    let info = session.server();
    assert!(info.has_tools && info.has_resources && info.has_prompts);
    let limits = CallLimits::within(LONG);
    assert!(list_tools(session, limits).await.unwrap().hidden.is_empty());
    ping(session, LONG).await.unwrap();
    for method in ["resources/list", "resources/templates/list", "prompts/list"] {
        assert!(session.request(method, None, limits).await.is_ok(), "{method}");
    }
    let unknown = session.request("no/such", None, limits).await;
    assert!(matches!(unknown, Err(CallError::Rpc { code: -32601, .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_server_of_one_era_or_of_both_is_spoken_to_in_the_one_it_knows() {
    for (flags, choice, era) in [
        ("--era handshake", EraChoice::Auto, Era::Handshake),
        ("--era stateless", EraChoice::Auto, Era::Stateless),
        ("--era both", EraChoice::Auto, Era::Stateless),
        ("--era both", EraChoice::Only(Era::Handshake), Era::Handshake),
        ("--era both", EraChoice::Only(Era::Stateless), Era::Stateless),
    ] {
        let server = launched(&Stdio::new(), flags, choice).await.unwrap();
        works_on(&server).await;
        does_all(&*server.session, era).await;
        server.end().await;
    }
    let error = launched(&Stdio::new(), "--era handshake", EraChoice::Only(Era::Stateless)).await.err().unwrap();
    assert!(matches!(error, HandshakeError::NotStateless { .. }), "{error:?}");
    let error = launched(&Stdio::new(), "--era stateless", EraChoice::Only(Era::Handshake)).await.err().unwrap();
    assert!(matches!(error, HandshakeError::Rejected { code: -32601, .. }), "{error:?}");
}
