//! Which era a server is spoken to in: asked, remembered, and offered both ways.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_transport::{Adapter, HandshakeError, Session, Stdio, ping};
use mcpstore_types::{Era, EraChoice, ServiceName, ServiceSpec};

use crate::support::{LONG, end, request, tagged, within};

/// What a shell script says when it is asked for its era.
const DISCOVERY: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}}"#;
/// An answer to `initialize`, the ID to be filled in.
const WELCOME: &str = r#"{"jsonrpc":"2.0","id":ID,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"h","version":"1"}}}"#;

/// The spec of a shell script that is a server.
fn script(text: &str, era: EraChoice) -> (ServiceSpec, String) {
    let name = ServiceName::new("sh").unwrap();
    let mut spec = ServiceSpec::stdio(name, "sh", ["-c".to_owned(), text.to_owned()]);
    spec.era = era;
    tagged(spec)
}

/// Launches the script and gives what came of its handshake; nothing is left of it then.
async fn outcome(
    adapter: &Stdio,
    text: &str,
    era: EraChoice,
) -> Result<(Era, String, Arc<dyn Session>), HandshakeError> {
    let (spec, tag) = script(text, era);
    let launched = adapter.launch(request(spec)).await.unwrap();
    let result = within(launched.handshake).await;
    let result = result.map(|session| (session.server().era, session.server().name.clone(), session));
    end(launched.endpoint, &tag).await;
    result
}

fn welcome(id: u32) -> String {
    format!("echo '{}'", WELCOME.replace("ID", &id.to_string()))
}

#[tokio::test]
async fn a_stateless_server_is_known_by_its_answer_and_remembered() {
    let adapter = crate::stdio();
    let text = format!("read q; case $q in *server/discover*) echo '{DISCOVERY}';; esac; exec sleep 60");
    for _ in 0..2 {
        let (era, name, session) = outcome(&adapter, &text, EraChoice::Auto).await.unwrap();
        assert_eq!((era, name.as_str()), (Era::Stateless, "s"));
        assert_eq!(session.server().protocol_version, "2026-07-28");
        assert!(session.server().has_tools && !session.server().has_prompts);
    }
    let (era, ..) = outcome(&adapter, &text, EraChoice::Only(Era::Stateless)).await.unwrap();
    assert_eq!(era, Era::Stateless);
}

#[tokio::test]
async fn a_refusal_is_followed_by_the_handshake() {
    let refuse = r#"read q; echo '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'"#;
    let text = format!("{refuse}; read i; {}; exec sleep 60", welcome(2));
    let (era, name, _) = outcome(&crate::stdio(), &text, EraChoice::Auto).await.unwrap();
    assert_eq!((era, name.as_str()), (Era::Handshake, "h"));
    let error = outcome(&crate::stdio(), &text, EraChoice::Only(Era::Stateless)).await.err().unwrap();
    assert!(matches!(error, HandshakeError::NotStateless { .. }) && error.is_permanent(), "{error}");
}

#[tokio::test]
async fn a_server_that_ignores_the_question_is_offered_the_handshake_too() {
    let text = format!("read q; read i; {}; exec sleep 60", welcome(2));
    let start = Instant::now();
    let (era, ..) = outcome(&crate::stdio(), &text, EraChoice::Auto).await.unwrap();
    assert_eq!(era, Era::Handshake);
    // Usual: half a second.
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_slow_starter_may_be_of_either_era() {
    let late = "sleep 0.8; read q; read i;";
    let text = format!("{late} echo '{DISCOVERY}'; exec sleep 60");
    assert_eq!(outcome(&crate::stdio(), &text, EraChoice::Auto).await.unwrap().0, Era::Stateless);
    let refuse = r#"echo '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'"#;
    let text = format!("{late} {refuse}; {}; exec sleep 60", welcome(2));
    assert_eq!(outcome(&crate::stdio(), &text, EraChoice::Auto).await.unwrap().0, Era::Handshake);
    // It refuses the handshake before it answers the question.
    let reject = r#"echo '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"no"}}'"#;
    let text = format!("{late} {reject}; sleep 0.1; echo '{DISCOVERY}'; exec sleep 60");
    assert_eq!(outcome(&crate::stdio(), &text, EraChoice::Auto).await.unwrap().0, Era::Stateless);
}

#[tokio::test]
async fn one_that_exits_at_the_question_is_not_asked_again() {
    let adapter = crate::stdio();
    let text = format!("read q; case $q in *discover*) exit 4;; esac; {}; exec sleep 60", welcome(1));
    let error = outcome(&adapter, &text, EraChoice::Auto).await.err().unwrap();
    assert!(matches!(error, HandshakeError::ExitedAtProbe { .. }) && !error.is_permanent(), "{error}");
    let (era, ..) = outcome(&adapter, &text, EraChoice::Auto).await.unwrap();
    assert_eq!(era, Era::Handshake);
}

#[tokio::test]
async fn the_stateless_era_is_pinged_with_its_own_question() {
    let adapter = crate::stdio();
    let answer = DISCOVERY.replace("\"id\":1", "\"id\":2");
    let text =
        format!("read q; echo '{DISCOVERY}'; read p; case $p in *server/discover*) echo '{answer}';; esac; sleep 60");
    let (spec, tag) = script(&text, EraChoice::Auto);
    let launched = adapter.launch(request(spec)).await.unwrap();
    let session = within(launched.handshake).await.unwrap();
    ping(&*session, LONG).await.unwrap();
    end(launched.endpoint, &tag).await;
}

#[tokio::test]
async fn a_slow_server_of_both_eras_goes_by_the_handshake_it_was_offered_and_is_asked_alone_the_next_time() {
    // When it is up it answers what it finds, in order; an opening with a handshake is how it goes on then.
    let opened = format!("case $i in *initialize*) {};; esac", welcome(2));
    let slow = format!("read q; sleep 1; echo '{DISCOVERY}'; read i; {opened}; exec sleep 60");
    let adapter = crate::stdio();
    let (era, name, _) = outcome(&adapter, &slow, EraChoice::Auto).await.unwrap();
    assert_eq!((era, name.as_str()), (Era::Handshake, "h"));
    // It is known to answer, and is waited for longer before anything else is sent.
    let (era, name, _) = outcome(&adapter, &slow, EraChoice::Auto).await.unwrap();
    assert_eq!((era, name.as_str()), (Era::Stateless, "s"));
}

#[tokio::test]
async fn one_that_exits_without_having_read_the_question_ended_for_its_own_reason() {
    let adapter = crate::stdio();
    for text in ["exit 3", "sleep 0.1; exit 3"] {
        let error = outcome(&adapter, text, EraChoice::Auto).await.err().unwrap();
        assert!(matches!(error, HandshakeError::Exited { .. }), "{text}: {error:?}");
    }
}
