//! Launching fixtures, and making sure that none is left.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_testkit::{TAG_VARIABLE, fixture_path, no_survivors, unique_tag};
use mcpstore_transport::{
    Adapter, CallError, CallLimits, Endpoint, HandshakeError, LaunchRequest, Launched, LogRing, Session, call_tool,
};
use mcpstore_types::{Era, EraChoice, Incarnation, Secret, ServiceName, ServiceSpec, TransportSpec};
use serde_json::value::RawValue;

/// Longer than anything in here takes, on a loaded machine too.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A fixture that was launched, and perhaps initialised.
pub(crate) struct Server {
    pub(crate) endpoint: Arc<dyn Endpoint>,
    pub(crate) session: Arc<dyn Session>,
    pub(crate) logs: Arc<LogRing>,
    pub(crate) tag: String,
}

/// A stdio spec for the fixture with these flags (split at spaces), marked with a tag.
pub(crate) fn spec(flags: &str) -> (ServiceSpec, String) {
    let name = ServiceName::new("fixture").unwrap();
    let args = flags.split_whitespace().map(ToOwned::to_owned);
    tagged(ServiceSpec::stdio(name, fixture_path().display().to_string(), args))
}

/// The spec, its process marked with a tag.
pub(crate) fn tagged(mut spec: ServiceSpec) -> (ServiceSpec, String) {
    let tag = unique_tag("transport");
    if let TransportSpec::Stdio(stdio) = &mut spec.transport {
        stdio.env.insert(TAG_VARIABLE.to_owned(), Secret::from(tag.as_str()));
    }
    (spec, tag)
}

pub(crate) fn request(spec: ServiceSpec) -> LaunchRequest {
    LaunchRequest::new(Arc::new(spec), Incarnation(1), Arc::new(LogRing::new(Incarnation(1))))
}

/// Launches the fixture without waiting for its handshake.
pub(crate) async fn launch(flags: &str) -> (Launched, Arc<LogRing>, String) {
    let (spec, tag) = spec(flags);
    let request = request(spec);
    let logs = Arc::clone(&request.logs);
    (crate::stdio().launch(request).await.unwrap(), logs, tag)
}

/// Launches the fixture, offers it the handshake alone, and returns why that failed; nothing is left of it then.
pub(crate) async fn failed_handshake(flags: &str, timeout: Duration) -> HandshakeError {
    let (mut spec, tag) = spec(flags);
    spec.policy.timeouts.handshake = timeout;
    spec.era = EraChoice::Only(Era::Handshake);
    let launched = crate::stdio().launch(request(spec)).await.unwrap();
    let error = launched.handshake.await.err().expect("the handshake fails");
    end(launched.endpoint, &tag).await;
    error
}

/// Kills what is left and waits for its end.
pub(crate) async fn end(endpoint: Arc<dyn Endpoint>, tag: &str) {
    endpoint.kill();
    within(async {
        endpoint.exited().await;
        endpoint.group_empty().await;
    })
    .await;
    assert_eq!(no_survivors(tag, LONG), Vec::<u32>::new(), "processes survive");
}

/// A running fixture with these flags.
pub(crate) async fn start(flags: &str) -> Server {
    let (launched, logs, tag) = launch(flags).await;
    let session = within(launched.handshake).await.unwrap();
    Server { endpoint: launched.endpoint, session, logs, tag }
}

/// A server of this adapter.
pub(crate) async fn start_with(adapter: &dyn Adapter, spec: ServiceSpec) -> Server {
    let request = request(spec);
    let logs = Arc::clone(&request.logs);
    let launched = adapter.launch(request).await.unwrap();
    let session = within(launched.handshake).await.unwrap();
    Server { endpoint: launched.endpoint, session, logs, tag: unique_tag("none") }
}

impl Server {
    /// Calls a tool with these arguments and much time.
    pub(crate) async fn call(&self, tool: &str, arguments: &str) -> Result<Box<RawValue>, CallError> {
        self.call_within(tool, arguments, CallLimits::within(LONG)).await
    }

    pub(crate) async fn call_within(
        &self,
        tool: &str,
        arguments: &str,
        limits: CallLimits,
    ) -> Result<Box<RawValue>, CallError> {
        let arguments = RawValue::from_string(arguments.to_owned()).unwrap();
        call_tool(&*self.session, tool, arguments, limits).await
    }

    /// The text a tool answers with.
    pub(crate) async fn text(&self, tool: &str, arguments: &str) -> String {
        let result = self.call(tool, arguments).await.unwrap();
        let value: serde_json::Value = serde_json::from_str(result.get()).unwrap();
        value["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Ends it; fails when a process of it survives.
    pub(crate) async fn end(self) {
        end(self.endpoint, &self.tag).await;
    }
}

/// The outcome of something that must not take for ever.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LONG, future).await.expect("it ends in time")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
