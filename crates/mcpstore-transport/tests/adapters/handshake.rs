//! Handshakes that fail, each for a reason of its own.

use std::time::Duration;

use mcpstore_transport::HandshakeError;
use mcpstore_types::ExitStatus;

use crate::support::{LONG, end, failed_handshake, launch, within};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn an_exit_carries_its_code_and_its_last_words() {
    let error = failed_handshake("--exit-at-once 3 --stderr-text one --stderr-text no-such-database", LONG).await;
    let HandshakeError::Exited { status, stderr } = &error else { panic!("{error:?}") };
    assert_eq!(
        (*status, stderr.as_slice()),
        (ExitStatus::Code(3), ["one".to_owned(), "no-such-database".into()].as_slice())
    );
    assert!(error.to_string().ends_with("(exit code 3); its last line on stderr was \"no-such-database\""), "{error}");
}

#[tokio::test]
async fn half_a_line_and_death_is_an_exit() {
    let error = failed_handshake("--half-line-then-die", LONG).await;
    assert!(matches!(error, HandshakeError::Exited { status: ExitStatus::Code(1), .. }), "{error:?}");
}

#[tokio::test]
async fn death_is_seen_while_a_grandchild_holds_the_pipes() {
    let error = failed_handshake("--children 1 --hang-init --die-after 50", LONG).await;
    assert!(matches!(error, HandshakeError::Exited { status: ExitStatus::Code(9), .. }), "{error:?}");
}

#[tokio::test]
async fn a_rejection_passes_on_the_servers_words() {
    let error = failed_handshake("--reject-init", LONG).await;
    let expected = HandshakeError::Rejected { code: -32602, message: "this client is not welcome".to_owned() };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn silence_times_out_and_noise_is_told_apart() {
    assert_eq!(failed_handshake("--hang-init", SHORT).await, HandshakeError::TimedOut { after: SHORT });
    let error = failed_handshake("--half-line-then-die --noise", LONG).await;
    assert!(matches!(error, HandshakeError::Exited { .. }), "{error:?}");
}

#[tokio::test]
async fn a_program_that_speaks_no_mcp_is_told_apart() {
    use mcpstore_transport::Adapter;
    use mcpstore_types::{ServiceName, ServiceSpec};
    let script = "echo Welcome to the shop; exec sleep 60";
    let spec = ServiceSpec::stdio(ServiceName::new("sh").unwrap(), "sh", ["-c", script]);
    let (mut spec, tag) = crate::support::tagged(spec);
    spec.policy.timeouts.handshake = Duration::from_secs(2);
    let launched = crate::stdio().launch(crate::support::request(spec)).await.unwrap();
    let error = launched.handshake.await.err().unwrap();
    assert_eq!(error, HandshakeError::NoJson { line: "Welcome to the shop".to_owned() });
    end(launched.endpoint, &tag).await;
}

#[tokio::test]
async fn an_odd_answer_and_an_unknown_version_are_told_apart() {
    let error = failed_handshake("--odd-init", LONG).await;
    assert!(matches!(error, HandshakeError::Malformed { .. }), "{error:?}");
    for version in ["1999-01-01", "2026-07-28"] {
        let error = failed_handshake(&format!("--protocol {version}"), LONG).await;
        assert!(matches!(&error, HandshakeError::UnsupportedVersion { version: v, .. } if v == version), "{error:?}");
        assert!(error.is_permanent());
    }
}

#[tokio::test]
async fn an_answer_to_the_handshake_has_a_bound() {
    let error = failed_handshake("--big-init 2000000", LONG).await;
    assert!(matches!(&error, HandshakeError::Malformed { what } if what.contains("1048576")), "{error:?}");
    let (launched, _, tag) = launch("--big-init 1000000").await;
    assert!(within(launched.handshake).await.is_ok());
    end(launched.endpoint, &tag).await;
}

#[tokio::test]
async fn a_slow_server_gets_its_time() {
    let (launched, _, tag) = launch("--delay-init 300").await;
    assert!(within(launched.handshake).await.is_ok());
    end(launched.endpoint, &tag).await;
}

#[tokio::test]
async fn a_handshake_given_up_leaves_the_endpoint_to_its_owner() {
    let (launched, _, tag) = launch("--hang-init --ignore-eof").await;
    drop(launched.handshake);
    assert!(tokio::time::timeout(Duration::from_millis(50), launched.endpoint.exited()).await.is_err());
    end(launched.endpoint, &tag).await;
}
