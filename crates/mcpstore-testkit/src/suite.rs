//! The adapter suite: what every adapter must do, whoever wrote it and whatever it reaches.
//!
//! [`check`] launches servers through an adapter, one life after another, and holds what comes back against the contract
//! of the traits of `mcpstore-transport`. It panics with the name of what was broken, so a test of an adapter is one
//! call. The server behind the spec needs the tools `echo { text }`, `add { a, b }`, `progress { n, ms }` (n steps, some
//! milliseconds apart) and `fail {}`: the fixture has them, in every form in which the testkit offers it.

mod calls;
mod lives;

use std::sync::Arc;
use std::time::Duration;

use mcpstore_transport::{
    Adapter, CallError, CallLimits, Endpoint, LaunchError, LaunchRequest, Launched, LogRing, ServerInfo, Session,
    call_tool,
};
use mcpstore_types::{Incarnation, ServiceSpec};
use serde_json::Value;
use serde_json::value::RawValue;

/// Longer than anything in here takes, on a loaded machine too.
const LONG: Duration = Duration::from_secs(60);

/// What a server said and showed while it was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Who it said it is.
    pub server: ServerInfo,
    /// Tools in its list.
    pub tools: usize,
    /// Resources in its list; 0 when it offers none.
    pub resources: usize,
    /// Prompts in its list; 0 when it offers none.
    pub prompts: usize,
    /// How long its input was closed before it ended; `None` when it did not within 5 s and was told to.
    pub polite_end: Option<Duration>,
}

/// Holds an adapter against its contract, with a server that has the tools of the fixture. Every launch of the spec must
/// reach a server that is as good as new.
///
/// # Panics
/// When the contract is broken; the message says where.
///
/// # Cancel safety
/// Dropped half-way, what was launched ends as its endpoint's last handle is dropped.
pub async fn check(adapter: &dyn Adapter, spec: &ServiceSpec) -> Checked {
    refuses_other_kinds(adapter, spec).await;
    let life = Life::start(adapter, spec).await;
    let mut checked = calls::check(&life).await;
    checked.polite_end = lives::ends_politely(life).await;
    lives::closing_fails_what_is_under_way(adapter, spec).await;
    lives::a_drop_leaves_nothing(adapter, spec).await;
    checked
}

/// A spec of a kind that the adapter does not serve is refused, and nothing is launched.
async fn refuses_other_kinds(adapter: &dyn Adapter, spec: &ServiceSpec) {
    assert_eq!(adapter.kind(), spec.transport.kind(), "the adapter serves the kind of the spec");
    let other = ServiceSpec::other(spec.name.clone(), "kind-of-nobody", [("a", "b")]);
    match within("a launch with a spec of another kind", adapter.launch(request(&other))).await {
        Err(LaunchError::NoAdapter { kind, .. }) => {
            assert_eq!(kind, "kind-of-nobody", "it names the kind it was given")
        }
        Err(error) => panic!("a spec of another kind gives LaunchError::NoAdapter, not: {error}"),
        Ok(_) => panic!("a spec of another kind was launched"),
    }
}

/// A launched and initialised server.
struct Life {
    endpoint: Arc<dyn Endpoint>,
    session: Arc<dyn Session>,
}

impl Life {
    async fn start(adapter: &dyn Adapter, spec: &ServiceSpec) -> Self {
        let (launched, logs) = launch(adapter, spec).await;
        match within("a handshake", launched.handshake).await {
            Ok(session) => Self { endpoint: launched.endpoint, session },
            Err(error) => panic!("the handshake failed: {error}; its log: {:?}", logs.tail(20)),
        }
    }

    async fn call(&self, tool: &str, arguments: &str) -> Result<Box<RawValue>, CallError> {
        let call = call_tool(&*self.session, tool, raw(arguments), CallLimits::within(LONG));
        within(tool, call).await
    }

    /// The text that a tool answers with.
    async fn text(&self, tool: &str, arguments: &str) -> String {
        let result = self.call(tool, arguments).await.unwrap_or_else(|error| panic!("`{tool}` failed: {error}"));
        text_of(&result).unwrap_or_else(|| panic!("`{tool}` gave no text: {result}"))
    }

    /// It still answers.
    async fn lives(&self, after: &str) {
        assert_eq!(self.text("echo", r#"{"text":"alive"}"#).await, "alive", "after {after}");
    }
}

async fn launch(adapter: &dyn Adapter, spec: &ServiceSpec) -> (Launched, Arc<LogRing>) {
    let request = request(spec);
    let logs = Arc::clone(&request.logs);
    match within("a launch", adapter.launch(request)).await {
        Ok(launched) => (launched, logs),
        Err(error) => panic!("the launch failed: {error}"),
    }
}

fn request(spec: &ServiceSpec) -> LaunchRequest {
    let incarnation = Incarnation(1);
    LaunchRequest::new(Arc::new(spec.clone()), incarnation, Arc::new(LogRing::new(incarnation)))
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|error| panic!("`{text}` is no JSON: {error}"))
}

fn json(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_else(|error| panic!("`{raw}` is no JSON: {error}"))
}

fn text_of(result: &RawValue) -> Option<String> {
    json(result)["content"][0]["text"].as_str().map(ToOwned::to_owned)
}

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(LONG, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what} took more than {LONG:?}"),
    }
}
