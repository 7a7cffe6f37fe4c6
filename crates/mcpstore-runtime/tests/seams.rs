//! What the supervisor asks of an adapter and of a session, and hands on untouched.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic, its helpers too")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use common::{SECOND, name, spec};
use mcpstore_monitor::ErrorKind;
use mcpstore_runtime::{CallFailure, CallTrace, CallTracer, Goal, Supervisor, SupervisorConfig, Target, TracedCall};
use mcpstore_transport::{
    Adapter, AdapterSet, CallError, CallLimits, Endpoint, HandshakeError, LaunchError, LaunchRequest, Launched,
    NoticeFeed, RequestOptions, ServerInfo, Session,
};
use mcpstore_types::{ExitStatus, Incarnation, Reason, ServiceName, ServiceSpec, ServiceState};
use mockall::{Sequence, mock};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

mock! {
    #[derive(Debug)]
    Adapter {}
    #[async_trait]
    impl Adapter for Adapter {
        fn kind(&self) -> &'static str;
        async fn launch(&self, request: LaunchRequest) -> Result<Launched, LaunchError>;
    }
}

mock! {
    Session {}
    #[async_trait]
    impl Session for Session {
        fn server(&self) -> &ServerInfo;
        async fn request(
            &self,
            method: &str,
            params: Option<Box<RawValue>>,
            limits: CallLimits,
        ) -> Result<Box<RawValue>, CallError>;
        async fn request_with(
            &self,
            method: &str,
            params: Option<Box<RawValue>>,
            limits: CallLimits,
            options: RequestOptions,
        ) -> Result<Box<RawValue>, CallError>;
        async fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> Result<(), CallError>;
        fn notices(&self) -> NoticeFeed;
        fn changes(&self) -> watch::Receiver<u64>;
        fn in_flight(&self) -> usize;
        async fn closed(&self);
        fn close(&self);
    }
}

/// A connection that ends when it is told to, in whatever way.
#[derive(Default)]
struct Connection {
    over: CancellationToken,
    /// It does not end when its input closes.
    deaf: bool,
}

#[async_trait]
impl Endpoint for Connection {
    fn pid(&self) -> Option<u32> {
        None
    }
    async fn exited(&self) -> ExitStatus {
        self.over.cancelled().await;
        ExitStatus::Closed
    }
    async fn group_empty(&self) {
        self.over.cancelled().await;
    }
    fn close_input(&self) {
        if !self.deaf {
            self.over.cancel();
        }
    }
    fn terminate(&self) {
        self.over.cancel();
    }
    fn kill(&self) {
        self.over.cancel();
    }
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// A session of which anything but a call may be asked as often as one likes.
fn session() -> MockSession {
    let mut session = MockSession::new();
    let info = ServerInfo { name: "mock".into(), has_tools: true, ..ServerInfo::default() };
    session.expect_server().return_const(info);
    session.expect_request().withf(|method, _, _| method == "ping").returning(|_, _, _| Ok(raw("{}")));
    session
        .expect_request()
        .withf(|method, params, _| method == "tools/list" && params.is_none())
        .returning(|_, _, _| Ok(raw(r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#)));
    session.expect_in_flight().return_const(0_usize);
    // Its tools never change.
    let changes = watch::Sender::new(0);
    session.expect_changes().returning(move || changes.subscribe());
    session
}

/// A mock session that stays open until its mock is told to close: a mock's own future is ready at once.
struct Open {
    mock: MockSession,
    over: CancellationToken,
}

#[async_trait]
impl Session for Open {
    fn server(&self) -> &ServerInfo {
        self.mock.server()
    }
    async fn request_with(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        limits: CallLimits,
        _: RequestOptions,
    ) -> Result<Box<RawValue>, CallError> {
        self.mock.request(method, params, limits).await
    }
    async fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> Result<(), CallError> {
        self.mock.notify(method, params).await
    }
    fn notices(&self) -> NoticeFeed {
        self.mock.notices()
    }
    fn changes(&self) -> watch::Receiver<u64> {
        self.mock.changes()
    }
    fn in_flight(&self) -> usize {
        self.mock.in_flight()
    }
    async fn closed(&self) {
        self.over.cancelled().await;
    }
    fn close(&self) {
        self.mock.close();
    }
}

/// What a launch gives whose handshake ends with this session, closed at least once in the end.
fn launched(mut mock: MockSession, connection: Connection) -> Launched {
    let over = CancellationToken::new();
    let close = over.clone();
    mock.expect_close().times(1..).returning(move || close.cancel());
    let session: Arc<dyn Session> = Arc::new(Open { mock, over });
    Launched { endpoint: Arc::new(connection), handshake: Box::pin(async { Ok(session) }) }
}

fn adapter() -> MockAdapter {
    let mut adapter = MockAdapter::new();
    adapter.expect_kind().return_const("stdio");
    adapter
}

async fn supervisor(adapter: MockAdapter, spec: ServiceSpec) -> Supervisor {
    let adapters = AdapterSet::empty().with(Arc::new(adapter));
    let supervisor = Supervisor::launch(SupervisorConfig { adapters, ..SupervisorConfig::default() });
    supervisor.add(vec![spec]).await.unwrap();
    supervisor
}

#[tokio::test(start_paused = true)]
async fn each_life_is_launched_once_with_its_number_its_spec_and_a_log_of_its_own() {
    let mut adapter = adapter();
    let mut order = Sequence::new();
    let crash = CancellationToken::new();
    for life in 1..=2 {
        let over = crash.clone();
        adapter
            .expect_launch()
            .withf(move |request| {
                request.incarnation == Incarnation(life)
                    && request.spec.name == "s"
                    && request.logs.incarnation() == Incarnation(life)
            })
            .times(1)
            .in_sequence(&mut order)
            .returning(move |_| {
                let connection = Connection { over: over.child_token(), ..Connection::default() };
                Ok(launched(session(), connection))
            });
    }
    let mut spec = spec("s");
    spec.policy.restart.mode = mcpstore_types::RestartMode::Always;
    let supervisor = supervisor(adapter, spec).await;
    supervisor.start_and_wait(&name("s")).await.unwrap();
    assert_eq!(supervisor.info("s").unwrap().server.as_ref().unwrap().name, "mock");
    supervisor.restart_and_wait(&name("s"), false).await.unwrap();
    let down = supervisor.stop_and_wait(&name("s"), false).await.unwrap().unwrap();
    assert_eq!(down.status.state, ServiceState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_through_untouched_both_ways() {
    let arguments = r#"{ "b":1.0, "a":[ 1e3 ],"text":"\u00e9" }"#;
    let answer = r#"{"content" : [],"x":0.10}"#;
    let mut mock = session();
    let params = format!(r#"{{"name":"t","arguments":{arguments}}}"#);
    mock.expect_request()
        .withf(move |method, given, limits| {
            method == "tools/call"
                && given.as_ref().is_some_and(|given| given.get() == params)
                && *limits == CallLimits::new(7 * SECOND, 70 * SECOND)
        })
        .times(1)
        .returning(move |_, _, _| Ok(raw(answer)));
    // The server has the last word on which tools it has.
    mock.expect_request()
        .withf(|method, given, _| {
            method == "tools/call" && given.as_ref().is_some_and(|given| given.get().contains(r#""name":"u""#))
        })
        .times(1)
        .returning(|_, _, _| Err(CallError::Rpc { code: -32_602, message: "unknown tool".into(), data: None }));
    let mut adapter = adapter();
    let mut made = Some(launched(mock, Connection::default()));
    adapter.expect_launch().times(1).returning(move |_| Ok(made.take().unwrap()));
    let mut spec = spec("s");
    spec.policy.timeouts.call = 7 * SECOND;
    spec.policy.timeouts.call_total = 70 * SECOND;
    let supervisor = supervisor(adapter, spec).await;
    supervisor.start_and_wait(&name("s")).await.unwrap();
    let result = supervisor.call_tool("s", "t", raw(arguments)).await.unwrap();
    assert_eq!(result.get(), answer);
    assert!(matches!(supervisor.call_tool("s", "u", raw("{}")).await, Err(CallFailure::UnknownTool { .. })));
    // What cannot be a call never reaches the session: the mock expects no other.
    assert!(matches!(supervisor.call_tool("s", "t", raw("[]")).await, Err(CallFailure::BadArguments { .. })));
    // Both were the caller's doing, and are counted as that; so is one to a service that is down.
    supervisor.stop_and_wait(&name("s"), false).await.unwrap();
    assert!(matches!(supervisor.call_tool("s", "t", raw("{}")).await, Err(CallFailure::NotRunning { .. })));
    let report = supervisor.metrics_report().services.remove(0);
    let expected = [("bad_arguments".to_owned(), 2), ("not_running".to_owned(), 1)];
    assert_eq!((report.calls.calls_total, report.calls.errors), (4, expected.into()));
    let ended: Vec<_> = report.tools.iter().map(|(tool, calls)| (tool.as_str(), calls.calls_total)).collect();
    assert_eq!(ended, [(" other", 1), ("t", 3)]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_server_is_told_as_it_came_and_changes_no_state() {
    let mut mock = session();
    let data = r#"{"why" : [1]}"#;
    mock.expect_request().withf(|method, _, _| method == "tools/call").times(1).returning(move |_, _, _| {
        Err(CallError::Rpc { code: -32_602, message: "no such file".into(), data: Some(raw(data)) })
    });
    let mut adapter = adapter();
    let mut made = Some(launched(mock, Connection::default()));
    adapter.expect_launch().times(1).returning(move |_| Ok(made.take().unwrap()));
    let supervisor = supervisor(adapter, spec("s")).await;
    supervisor.start_and_wait(&name("s")).await.unwrap();
    let seen = supervisor.events().last_seq();
    match supervisor.call_tool("s", "t", raw("{}")).await.unwrap_err() {
        CallFailure::Call { service, source: CallError::Rpc { code, message, data: Some(given) } } => {
            assert_eq!((service.as_str(), code, message.as_str(), given.get()), ("s", -32_602, "no such file", data));
        }
        other => panic!("{other:?}"),
    }
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(supervisor.events().last_seq(), seen);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_tools_is_not_asked_for_them() {
    let mut mock = MockSession::new();
    mock.expect_server().return_const(ServerInfo::default());
    mock.expect_request().withf(|method, _, _| method == "ping").times(1..).returning(|_, _, _| {
        // An answer that is an error is an answer: this one lives.
        Err(CallError::Rpc { code: -32_601, message: "what is a ping?".into(), data: None })
    });
    mock.expect_in_flight().return_const(0_usize);
    let changes = watch::Sender::new(0);
    mock.expect_changes().returning(move || changes.subscribe());
    let mut adapter = adapter();
    let mut made = Some(launched(mock, Connection::default()));
    adapter.expect_launch().times(1).returning(move |_| Ok(made.take().unwrap()));
    let supervisor = supervisor(adapter, spec("s")).await;
    let info = supervisor.start_and_wait(&name("s")).await.unwrap().unwrap();
    assert_eq!(info.tool_count(), Some(0));
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(supervisor.info("s").unwrap().status.phase.to_string(), "ready");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_panics_is_a_failed_launch_and_no_more() {
    let mut adapter = adapter();
    let mut order = Sequence::new();
    adapter.expect_launch().times(1).in_sequence(&mut order).returning(|_| panic!("not today"));
    adapter
        .expect_launch()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(launched(session(), Connection::default())));
    let supervisor = supervisor(adapter, spec("s")).await;
    let info = supervisor.start_and_wait(&name("s")).await.unwrap().unwrap();
    assert_eq!((info.status.incarnation, info.status.restarts), (Incarnation(2), 1));
    let notices = supervisor.events().since(0);
    let failed = notices.iter().find(|notice| notice.reason == Reason::SpawnFailed).unwrap();
    assert!(failed.detail.as_ref().unwrap().contains("not today"), "{failed:?}");
    // Nor does a stop wait for it in vain.
    supervisor.stop_and_wait(&name("s"), false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_ends_after_the_stop_leaves_no_open_session() {
    let mut mock = session();
    let over = CancellationToken::new();
    let (close, closed) = (over.clone(), over.clone());
    mock.expect_close().times(1..).returning(move || close.cancel());
    let session: Arc<dyn Session> = Arc::new(Open { mock, over });
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let handshake = Box::pin(async move {
        gone.await.unwrap();
        Ok(session)
    });
    let connection = Connection { deaf: true, ..Connection::default() };
    let mut made = Some(Launched { endpoint: Arc::new(connection), handshake });
    let mut adapter = adapter();
    adapter.expect_launch().times(1).returning(move |_| Ok(made.take().unwrap()));
    let supervisor = supervisor(adapter, spec("s")).await;
    supervisor.start(Target::All).await.unwrap();
    tokio::time::sleep(SECOND).await;
    // The handshake ends before the stop is heard of, and is heard of after it.
    go.send(()).unwrap();
    supervisor.stop(Target::All, false).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(supervisor.info("s").unwrap().status.state, ServiceState::Stopping);
    assert!(closed.is_cancelled(), "nobody wants it any more, and it is open");
    supervisor.wait(&name("s"), Goal::Down, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_an_adapter_a_service_fails_with_the_known_kinds() {
    let supervisor = supervisor(adapter(), ServiceSpec::in_process(name("inside"), "x")).await;
    let error = supervisor.start_and_wait(&name("inside")).await.unwrap_err();
    let words = error.to_string();
    assert!(words.contains("no adapter for transport `in_process`") && words.ends_with("known are stdio"), "{words}");
    assert_eq!(supervisor.info("inside").unwrap().status.phase.to_string(), "failed(config)");
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_handshake_error_reach_whoever_waits() {
    let mut adapter = adapter();
    adapter.expect_launch().returning(|_| {
        let error = HandshakeError::NoJson { line: "Welcome!".into() };
        Ok(Launched { endpoint: Arc::new(Connection::default()), handshake: Box::pin(async { Err(error) }) })
    });
    let mut spec = spec("s");
    spec.policy.restart.mode = mcpstore_types::RestartMode::Never;
    let supervisor = supervisor(adapter, spec).await;
    let words = supervisor.start_and_wait(&name("s")).await.unwrap_err().to_string();
    assert!(
        words.ends_with(r#"handshake failed: the server writes no JSON on its stdout; it wrote "Welcome!""#),
        "{words}"
    );
}

/// Makes the same span of every call, and notes how each ended.
#[derive(Default)]
struct Notes(Arc<std::sync::Mutex<Vec<String>>>);

struct Noted(Option<Arc<std::sync::Mutex<Vec<String>>>>, String);

impl CallTracer for Notes {
    fn begin(&self, service: &ServiceName, tool: &str, trace: &CallTrace) -> Option<Box<dyn TracedCall>> {
        let words = format!("{service}.{tool} from {:?}", trace.traceparent);
        (tool != "quiet").then(|| Box::new(Noted(Some(Arc::clone(&self.0)), words)) as Box<dyn TracedCall>)
    }
}

impl TracedCall for Noted {
    fn traceparent(&self) -> &str {
        "00-ours"
    }
    fn end(mut self: Box<Self>, outcome: Result<(), ErrorKind>) {
        let notes = self.0.take().unwrap();
        notes.lock().unwrap().push(format!("{}: {outcome:?}", self.1));
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(notes) = self.0.take() {
            notes.lock().unwrap().push(format!("{}: given up", self.1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_a_call_goes_to_the_server_and_its_span_to_the_tracer() {
    let mut mock = session();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    mock.expect_request().withf(|method, _, _| method == "tools/call").returning(move |_, params, _| {
        let params: serde_json::Value = serde_json::from_str(params.unwrap().get()).unwrap();
        seen.lock().unwrap().push(params["_meta"].to_string());
        Ok(raw(r#"{"content":[],"isError":true}"#))
    });
    let mut adapter = adapter();
    let mut made = Some(launched(mock, Connection::default()));
    adapter.expect_launch().times(1).returning(move |_| Ok(made.take().unwrap()));
    let supervisor = supervisor(adapter, spec("s")).await;
    supervisor.start_and_wait(&name("s")).await.unwrap();
    let theirs = CallTrace { traceparent: Some("00-theirs".into()), tracestate: Some("a=1".into()) };
    let call = async |tool: &str, trace: &CallTrace| {
        supervisor.call_tool_traced("s", tool, raw("{}"), trace).await.unwrap();
    };
    call("t", &CallTrace::default()).await;
    call("t", &theirs).await;
    let notes = Notes::default();
    let told = Arc::clone(&notes.0);
    supervisor.set_tracer(Arc::new(notes));
    call("t", &theirs).await;
    call("quiet", &theirs).await;
    let passed = r#"{"traceparent":"00-theirs","tracestate":"a=1"}"#;
    assert_eq!(*asked.lock().unwrap(), ["null", passed, r#"{"traceparent":"00-ours","tracestate":"a=1"}"#, passed]);
    assert_eq!(*told.lock().unwrap(), [r#"s.t from Some("00-theirs"): Err(Tool)"#]);
}
