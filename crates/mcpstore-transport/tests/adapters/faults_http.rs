//! Faults of a server over HTTP: each fails its one request, in words of its own, and the session goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_testkit::faults::fault;
use mcpstore_testkit::http::{Connection, HttpBehaviour, HttpServer, UNRESOLVABLE_URL, Wrap};
use mcpstore_testkit::server::Behaviour;
use mcpstore_transport::{AdapterSet, CallError, CallLimits, HandshakeError, LaunchError, Launched};
use mcpstore_types::{HttpSpec, ServiceName, ServiceSpec, TransportSpec};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::faults_support::{Neighbour, SOON, fails_at_its_deadline, works_on};
use crate::support::{LONG, Server, request, start_with, within};

fn spec(http: HttpSpec) -> ServiceSpec {
    ServiceSpec::new(ServiceName::new("web").unwrap(), TransportSpec::Http(http))
}

fn at(url: &str) -> ServiceSpec {
    spec(HttpSpec { url: url.to_owned(), ..HttpSpec::default() })
}

async fn launch(spec: ServiceSpec) -> Result<Launched, LaunchError> {
    within(AdapterSet::builtin().get("http").unwrap().launch(request(spec))).await
}

/// Why a server cannot be reached.
async fn unreachable(spec: ServiceSpec) -> String {
    match launch(spec).await {
        Err(LaunchError::Unreachable { message, .. }) => message,
        other => panic!("{other:?}"),
    }
}

/// A behaviour whose calls have the fault of this name.
fn in_calls(name: &str) -> HttpBehaviour {
    let flags = fault(name).flags;
    HttpBehaviour {
        json: flags.contains("--json"),
        event_ids: flags.contains("--event-ids"),
        retry_ms: flags.contains("--retry ").then_some(20),
        retry_after: flags.contains("--retry-after").then(|| "7".to_owned()),
        fault_times: usize::from(flags.contains("--fault-times 1")),
        ..HttpBehaviour::default()
    }
    .with_fault_in_calls(fault(name).over_http("http://127.0.0.1:9/mcp"))
}

/// A server that behaves like this, and a client of it.
pub(crate) async fn start(http: HttpBehaviour) -> (HttpServer, Server) {
    let web = HttpServer::start(Behaviour { name: "web".to_owned(), ..Behaviour::default() }, http).await.unwrap();
    let client = start_with(&*AdapterSet::builtin().get("http").unwrap(), at(web.url())).await;
    (web, client)
}

/// A server whose calls have the fault of this name, and a client of it.
pub(crate) async fn start_fault(name: &str) -> (HttpServer, Server) {
    start(in_calls(name)).await
}

/// What becomes of a call with the fault of this name; another call of the session passes afterwards, and the neighbour
/// feels nothing.
async fn call_with(name: &str) -> Result<String, CallError> {
    let neighbour = Neighbour::start().await;
    let once = HttpBehaviour { fault_times: 1, ..in_calls(name) };
    let (_web, client) = start(once).await;
    let (outcome, ()) = tokio::join!(client.call("echo", r#"{"text":"x"}"#), neighbour.is_well());
    works_on(&client).await;
    assert_eq!(client.session.in_flight(), 0, "{name}");
    client.end().await;
    neighbour.end().await;
    outcome.map(|result| result.get().to_owned())
}

#[tokio::test]
async fn who_cannot_be_reached_is_told_so_at_the_launch() {
    // Nothing has to be done to make them happen.
    assert_eq!((fault("http-refused").flags, fault("http-dns-failure").flags), ("", ""));
    let words = unreachable(at(&HttpServer::refused_url().await.unwrap())).await;
    assert!(words.contains("refused"), "{words}");
    let words = unreachable(at(UNRESOLVABLE_URL)).await;
    assert!(words.contains("name"), "{words}");
}

#[tokio::test]
async fn who_takes_everything_and_answers_nothing_is_given_up_at_the_deadline() {
    let web = HttpServer::start(
        Behaviour::default(),
        HttpBehaviour::default().with_fault(fault("http-blackhole").over_http("")),
    )
    .await
    .unwrap();
    let mut spec = at(web.url());
    spec.policy.timeouts.handshake = SOON;
    let start = Instant::now();
    let launched = launch(spec).await.unwrap();
    assert_eq!(within(launched.handshake).await.err(), Some(HandshakeError::TimedOut { after: SOON }));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    launched.endpoint.kill();
    within(launched.endpoint.exited()).await;
}

#[tokio::test]
async fn silence_in_a_call_ends_at_its_deadline() {
    let neighbour = Neighbour::start().await;
    for name in ["http-blackhole", "http-stall"] {
        for json in [false, true] {
            let (_web, client) = start(HttpBehaviour { json, ..in_calls(name) }).await;
            let limits = CallLimits::within(SOON);
            tokio::join!(
                fails_at_its_deadline(client.call_within("echo", "{}", limits)),
                fails_at_its_deadline(client.call_within("echo", "{}", limits)),
                neighbour.is_well()
            );
            mcpstore_transport::ping(&*client.session, LONG).await.unwrap();
            client.end().await;
        }
    }
    neighbour.end().await;
}

#[tokio::test]
async fn a_status_is_told_with_the_wait_that_it_asks_for() {
    let seven = Some(Duration::from_secs(7));
    for (name, status, wait) in [("http-500", 500, None), ("http-503", 503, seven), ("http-429", 429, seven)] {
        let outcome = call_with(name).await;
        let Err(CallError::Http { status: told, retry_after, .. }) = outcome else { panic!("{name}: {outcome:?}") };
        assert_eq!((told, retry_after), (status, wait), "{name}");
    }
    for name in ["http-401", "http-403"] {
        let outcome = call_with(name).await;
        assert!(matches!(outcome, Err(CallError::Auth { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_at_home_and_nowhere_else() {
    assert!(call_with("http-redirect-at-home").await.is_ok());
    let (_web, client) = start_fault("http-redirect-in-a-circle").await;
    let outcome = client.call("echo", "{}").await;
    assert!(matches!(outcome, Err(CallError::Http { status: 307, .. })), "{outcome:?}");
    client.end().await;
    let elsewhere = HttpServer::start(Behaviour::default(), HttpBehaviour::default()).await.unwrap();
    let away = fault("http-redirect-across-origins").over_http(elsewhere.url());
    let (_web, client) = start(HttpBehaviour::default().with_fault_in_calls(away)).await;
    let outcome = client.call("echo", "{}").await;
    assert!(matches!(outcome, Err(CallError::Http { status: 307, .. })), "{outcome:?}");
    // Not one byte went there, credentials least of all.
    assert!(elsewhere.requests().is_empty());
    client.end().await;
}

#[tokio::test]
async fn a_connection_that_breaks_fails_its_call() {
    for name in ["http-reset-after-request", "http-truncated-events", "http-short-body", "http-endless-headers"] {
        let outcome = call_with(name).await;
        assert!(matches!(outcome, Err(CallError::Broken { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_or_too_much_fails_its_call() {
    for name in ["http-wrong-type", "http-huge-body", "http-huge-event"] {
        let outcome = call_with(name).await;
        assert!(matches!(outcome, Err(CallError::Malformed { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_can_be_understood_is() {
    for name in ["http-byte-split", "http-junk-events", "http-cut-stream", "http-session-lost"] {
        let outcome = call_with(name).await;
        assert!(outcome.as_ref().is_ok_and(|result| result.contains(r#""text":"x""#)), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_lost_is_opened_again_once_for_each_call() {
    let (web, client) = start_fault("http-session-lost").await;
    assert_eq!(client.text("echo", r#"{"text":"x"}"#).await, "x");
    let opened = |web: &HttpServer| web.requests().iter().filter(|asked| asked.body.contains("\"initialize\"")).count();
    assert_eq!(opened(&web), 2);
    client.end().await;
    // One whose sessions never last is given up, and not asked for ever.
    let (web, client) = start_fault("http-session-lost-for-good").await;
    let outcome = client.call("echo", "{}").await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(opened(&web) <= 3, "{}", opened(&web));
    client.end().await;
}

/// A server of HTTPS with a certificate of its own making, good until this year.
async fn https(until: i32) -> (HttpServer, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(1990, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let wrap: Wrap = Arc::new(move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move { Ok(Box::new(acceptor.accept(stream).await?) as Box<dyn Connection>) })
    });
    let behaviour = Behaviour::default();
    let web = HttpServer::start_wrapped("https", 0, behaviour, HttpBehaviour::default(), wrap).await.unwrap();
    (web, pem)
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_named_and_nothing_is_sent() {
    assert_eq!((fault("http-tls-self-signed").flags, fault("http-tls-expired").flags), ("", ""));
    let (web, _) = https(2200).await;
    let words = unreachable(at(web.url())).await;
    assert!(words.contains("signed"), "{words}");
    assert!(web.requests().is_empty());
    // Trusted as it is, it is still too old.
    let (web, pem) = https(2000).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let words =
        unreachable(spec(HttpSpec { url: web.url().to_owned(), ca_file: Some(file), ..Default::default() })).await;
    assert!(words.contains("expired"), "{words}");
    assert!(web.requests().is_empty());
    // A server of plain HTTP at an address of HTTPS.
    assert_eq!(fault("http-tls-missing").flags, "");
    let web = HttpServer::start(Behaviour::default(), HttpBehaviour::default()).await.unwrap();
    let words = unreachable(at(&web.url().replace("http:", "https:"))).await;
    assert!(words.contains("TLS"), "{words}");
}
