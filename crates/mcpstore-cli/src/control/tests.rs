//! Server and client of the control socket, with servers inside this process behind them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mcpstore::gateway::{Prepared, Rules};
use mcpstore::{
    AdapterSet, Gateway, InProcess, McpStore, Observer, ObserverConfig, ServiceName, ServiceSpec, SupervisorConfig,
};
use mcpstore_testkit::server::{Behaviour, EventLog, ODD_RESULT, factory, well_behaved};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::protocol::{Op, Request};
use super::server::{ControlServer, MAX_CONNECTIONS};
use super::{Client, FoundTool, FoundTools, GoingDown, Next, Progress, Served, ShutdownRequest, Streamed, read, serve};
use crate::door::Door;
use crate::exit::{Exit, Failure};
use crate::output::{HealthDoc, StatusDoc, VerbDoc};
use crate::reload::Reloader;
use crate::select::Select;
use crate::up::UpArgs;

/// Of a manager without a config.
fn reloader(store: &McpStore) -> Reloader {
    Reloader::new(store.supervisor().clone(), None, mpsc::channel(8).0)
}

/// One that keeps nothing on disk.
async fn observer(store: &McpStore) -> Observer {
    Observer::start(store.supervisor().clone(), ObserverConfig::default()).await.unwrap().0
}

/// What a manager of this store offers.
fn served(store: &McpStore, observer: Observer) -> Served {
    let gateway = Gateway::launch(Prepared::new(), store.supervisor().clone(), Rules::default());
    let door = Door::shut(gateway.clone(), Path::new("/nonexistent"), &UpArgs::default());
    Served { store: store.clone(), observer, gateway, door }
}

/// Only what hangs meets it.
const LONG: Duration = Duration::from_secs(30);

struct House {
    store: McpStore,
    client: Client,
    server: ControlServer,
    asked: mpsc::Receiver<ShutdownRequest>,
    dir: tempfile::TempDir,
}

impl House {
    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/s.sock")
    }

    fn server_log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default()
    }

    async fn verb(&self, op: Op, name: &str) -> Result<VerbDoc, Failure> {
        let mut request = Request::about(op, Select::one(name));
        request.wait = true;
        self.client.ask(&request).await
    }

    async fn call(&self, service: &str, tool: &str, arguments: &str) -> Result<Box<RawValue>, Failure> {
        let mut request = Request::new(Op::Call);
        request.service = Some(service.to_owned());
        request.tool = Some(tool.to_owned());
        request.arguments = Some(RawValue::from_string(arguments.to_owned()).unwrap());
        self.client.raw(&request).await
    }

    async fn find(&self, text: &str) -> Result<FoundTool, Failure> {
        let mut request = Request::new(Op::FindTool);
        request.tool = Some(text.to_owned());
        self.client.ask(&request).await
    }
}

/// `a` and `a.b` behave well, `odd` answers oddly, `hang` never answers calls and notes what it hears, `never` is no server.
/// `a.b` depends on `a`. Nothing is started.
async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let log = EventLog::to(&dir.path().join("server.log")).unwrap();
    let servers = InProcess::new()
        .with("good", well_behaved("good"))
        .with("odd", factory(Behaviour { odd_result: true, ..Behaviour::default() }))
        .with("hang", factory(Behaviour { hang_call: true, log, ..Behaviour::default() }));
    let adapters = AdapterSet::builtin().with(Arc::new(servers));
    let store = McpStore::with_config(SupervisorConfig { adapters, ..SupervisorConfig::default() });
    let name = |text: &str| ServiceName::new(text).unwrap();
    let mut specs = vec![
        ServiceSpec::in_process(name("a"), "good"),
        ServiceSpec::in_process(name("a.b"), "good").depends_on([name("a")]),
        ServiceSpec::in_process(name("odd"), "odd"),
        ServiceSpec::in_process(name("hang"), "hang"),
        ServiceSpec::in_process(name("never"), "nowhere"),
    ];
    specs[1].tags.push("deep".to_owned());
    store.add_services(specs).await.unwrap();
    let (send, asked) = mpsc::channel(8);
    let socket = dir.path().join("run/s.sock");
    let server = serve(served(&store, observer(&store).await), reloader(&store), &socket, send).unwrap();
    House { store, client: Client::new(&socket), server, asked, dir }
}

#[tokio::test]
async fn verbs_say_what_they_did_and_why_not() {
    let house = house().await;
    let done = house.verb(Op::Start, "a.b").await.unwrap();
    assert_eq!((done.affected.join(","), done.exit()), ("a,a.b".to_owned(), Exit::Done));
    let again = house.verb(Op::Start, "tag:deep").await.unwrap();
    assert_eq!((again.affected.len(), again.already.join(",")), (0, "a,a.b".to_owned()));

    let unknown = house.verb(Op::Start, "od").await.unwrap_err();
    assert_eq!(unknown.exit, Exit::NoSuchService);
    assert_eq!(unknown.message, "no service `od`; did you mean `odd`?");
    let failed = house.verb(Op::Start, "never").await.unwrap();
    assert_eq!(failed.exit(), Exit::Failed);
    assert!(failed.failed[0].message.contains("no in-process server `nowhere`"), "{failed:?}");

    let refused = house.verb(Op::Remove, "odd*").await.unwrap();
    assert_eq!((refused.exit(), house.store.list_services().len()), (Exit::Done, 4), "{refused:?}");
    assert_eq!(
        (refused.affected.join(","), refused.already.len()),
        ("odd".to_owned(), 0),
        "a removal names what is gone"
    );
    let in_use = house.verb(Op::Remove, "a").await.unwrap();
    assert_eq!((in_use.exit(), in_use.refused[0].next.as_str()), (Exit::Refused, "mcpstore graph"));
    assert_eq!((in_use.verb.as_str(), in_use.refused[0].name.as_str(), in_use.affected.len()), ("remove", "a", 0));
    let active = house.verb(Op::Remove, "a.b").await.unwrap();
    assert_eq!((active.exit(), active.refused[0].name.as_str()), (Exit::Refused, "a.b"));
    assert_eq!(active.refused[0].next, "mcpstore remove a.b --force");

    let reset = house.verb(Op::Reset, "never").await.unwrap();
    assert_eq!((reset.affected.join(","), reset.already.len()), ("never".to_owned(), 0), "it had given up");
    let again = house.verb(Op::Reset, "never").await.unwrap();
    assert_eq!((again.affected.len(), again.already.join(",")), (0, "never".to_owned()));

    let stopped = house.verb(Op::Stop, "a").await.unwrap();
    assert_eq!((stopped.exit(), stopped.affected.len()), (Exit::Done, 2));
    let again = house.verb(Op::Stop, "a").await.unwrap();
    assert_eq!((again.exit(), again.affected.len()), (Exit::Done, 0));
}

#[tokio::test]
async fn waits_end_with_the_goal_the_time_or_the_reason() {
    let house = house().await;
    let wait = |goal: &str, timeout_ms| {
        let mut request = Request::about(Op::Wait, Select::one("a"));
        (request.goal, request.timeout_ms) = (Some(goal.to_owned()), timeout_ms);
        let client = house.client.clone();
        async move { client.ask::<VerbDoc>(&request).await.unwrap().exit() }
    };
    assert_eq!(wait("running", None).await, Exit::Failed, "nobody asked it to start");
    assert_eq!(wait("down", None).await, Exit::Done);
    assert_eq!(wait("stopped", Some(10)).await, Exit::TimedOut);
    assert_eq!(wait("error", Some(10)).await, Exit::TimedOut, "it may still get there");
    let mut request = Request::about(Op::Start, Select::one("a"));
    request.wait = true;
    let mut told = Vec::new();
    let done: VerbDoc = house
        .client
        .stream(&request, |progress: Progress| {
            told.push(match progress {
                Progress::Accepted(doc) => format!("accepted {}", doc.affected.join(",")),
                Progress::Reached { name, state, .. } => format!("{name} {}", state.unwrap_or_default()),
                Progress::Failed(failure) => failure.message,
            });
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((told, done.exit()), (vec!["accepted a".to_owned(), "a running".to_owned()], Exit::Done));
}

#[tokio::test]
async fn tools_are_found_and_results_pass_untouched() {
    let house = house().await;
    for name in ["a.b", "odd"] {
        house.verb(Op::Start, name).await.unwrap();
    }
    let found = house.find("a.b.echo").await.unwrap();
    assert_eq!((found.service.as_str(), found.tool.as_str()), ("a.b", "echo"));
    assert!(found.input_schema.unwrap().get().starts_with('{'));
    let found = house.find("a.echo").await.unwrap();
    assert_eq!((found.service.as_str(), found.tool.as_str()), ("a", "echo"));
    let missing = house.find("a.b.nothing").await.unwrap();
    assert_eq!((missing.service.as_str(), missing.input_schema.is_none()), ("a.b", true));
    assert_eq!(house.find("b.echo").await.unwrap_err().exit, Exit::NoSuchService);
    assert_eq!(house.find("odd").await.unwrap_err().exit, Exit::Usage);
    assert_eq!(house.find("a.b").await.unwrap().tool, "b", "the service `a` could have a tool of that name");

    assert_eq!(house.call("odd", "echo", "{}").await.unwrap().get(), ODD_RESULT);
    let big = house.call("a", "big", r#"{"bytes": 3000000}"#).await.unwrap();
    assert!(big.get().len() > 3_000_000);
    let unknown = house.call("a", "ecko", "{}").await.unwrap_err();
    assert_eq!((unknown.exit, unknown.next.as_deref()), (Exit::Failed, Some("mcpstore tools a")));
    assert!(unknown.message.contains("did you mean `echo`"), "{unknown}");
    assert_eq!(house.call("a", "fail", r#"{"code": -5}"#).await.unwrap_err().exit, Exit::ToolError);
    assert_eq!(house.call("a", "echo", "[]").await.unwrap_err().exit, Exit::Usage);
    let down = house.call("hang", "echo", "{}").await.unwrap_err();
    assert_eq!((down.exit, down.next.as_deref()), (Exit::Failed, Some("mcpstore start --wait hang")));

    let tools: FoundTools = house.client.ask(&Request::new(Op::Tools)).await.unwrap();
    assert!(tools.tools.iter().any(|tool| tool.service == "a.b" && tool.name == "echo"));
    assert!(tools.tools.iter().all(|tool| tool.service != "hang"));
    let named: Result<FoundTools, _> = house.client.ask(&Request::about(Op::Tools, Select::one("hang"))).await;
    assert_eq!(named.unwrap_err().exit, Exit::Failed);
    let health: HealthDoc = house.client.ask(&Request::about(Op::Check, Select::one("a"))).await.unwrap();
    assert!(health.services[0].healthy && health.services[0].response_time_ms.is_some());
    let health: HealthDoc = house.client.ask(&Request::new(Op::Check)).await.unwrap();
    assert_eq!(health.services.iter().filter(|row| row.healthy).count(), 3);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_call_with_it() {
    let house = house().await;
    house.verb(Op::Start, "hang").await.unwrap();
    let in_flight = async |house: &House| {
        let status: StatusDoc = house.client.ask(&Request::about(Op::Status, Select::one("hang"))).await.unwrap();
        status.services[0].calls.in_flight
    };
    {
        let call = house.call("hang", "echo", "{}");
        tokio::pin!(call);
        let under_way = async {
            while in_flight(&house).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            result = &mut call => panic!("it answered: {result:?}"),
            () = under_way => {}
            () = tokio::time::sleep(LONG) => panic!("the call never went out"),
        }
    }
    let cancelled = async {
        while in_flight(&house).await > 0 || !house.server_log().contains("notifications/cancelled") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, cancelled).await.expect("the server is told");
}

#[tokio::test]
async fn followers_hear_the_end_and_down_waits_for_it() {
    let mut house = house().await;
    house.verb(Op::Start, "a.b").await.unwrap();
    let mut request = Request::new(Op::Events);
    request.follow = true;
    let follower = house.client.clone();
    let heard = tokio::spawn(async move {
        let mut down = Vec::new();
        let end: anyhow::Result<Value> = follower
            .stream(&request, |streamed: Streamed| {
                if let Streamed::Event(event) = streamed
                    && event.to.as_deref() == Some("stopped")
                {
                    down.push(event.service);
                }
                Ok(())
            })
            .await;
        (end.is_ok(), down)
    });
    let mut conversation = house.client.open(&Request::new(Op::Down)).await.unwrap();
    let Next::Item(body) = conversation.next().await.unwrap() else { panic!("no word of what stops") };
    let going: GoingDown = read(&body).unwrap();
    assert_eq!((going.stopping.join(","), going.pid), ("a.b,a".to_owned(), std::process::id()));
    assert_eq!(house.asked.recv().await, Some(ShutdownRequest { force: false }));
    house.store.stop_all(false).await.unwrap();
    let socket = house.socket();
    house.server.close().await;
    assert!(matches!(conversation.next().await.unwrap(), Next::Done(_)));
    assert!(matches!(conversation.next().await.unwrap(), Next::Gone));
    assert_eq!(heard.await.unwrap(), (true, vec!["a.b".to_owned(), "a".to_owned()]));
    assert!(!socket.exists(), "the socket is gone");
    let late = house.client.raw(&Request::new(Op::Status)).await.unwrap_err();
    assert_eq!((late.exit, late.next.as_deref()), (Exit::Unreachable, Some("mcpstore up")));
    assert_eq!(late.message, format!("no mcpstore is running on {}", socket.display()));
}

#[tokio::test]
async fn logs_go_on_over_lives() {
    let house = house().await;
    let mut request = Request::about(Op::Logs, Select::one("a"));
    (request.follow, request.lines) = (true, Some(1));
    let mut conversation = house.client.open(&request).await.unwrap();
    let push = |text: &str| {
        let logs = house.store.service_info("a").unwrap().logs.clone();
        logs.push(mcpstore::transport::LogStream::Stderr, text);
    };
    push("one");
    let mut next = async || {
        let Next::Item(body) = conversation.next().await.unwrap() else { panic!("it ended") };
        match read::<Streamed>(&body).unwrap() {
            Streamed::Log(line) => (line.text, line.incarnation),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(timeout(LONG, next()).await.unwrap(), ("one".to_owned(), 0));
    house.verb(Op::Start, "a").await.unwrap();
    push("two");
    assert_eq!(timeout(LONG, next()).await.unwrap(), ("two".to_owned(), 1));
    house.verb(Op::Restart, "a").await.unwrap();
    push("three");
    assert_eq!(timeout(LONG, next()).await.unwrap(), ("three".to_owned(), 2));
    // Without following: the life before comes first, and the number of lines counts over both.
    for (lines, expected) in
        [(10, vec![("two", 1), ("three", 2)]), (2, vec![("two", 1), ("three", 2)]), (1, vec![("three", 2)])]
    {
        let mut request = Request::about(Op::Logs, Select::one("a"));
        request.lines = Some(lines);
        let mut seen = Vec::new();
        let _: Value = house
            .client
            .stream(&request, |streamed| {
                if let Streamed::Log(line) = streamed {
                    seen.push((line.text, line.incarnation));
                }
                Ok(())
            })
            .await
            .unwrap();
        let seen: Vec<(&str, u64)> = seen.iter().map(|(text, life)| (text.as_str(), *life)).collect();
        assert_eq!(seen, expected, "{lines} lines");
    }
}

/// Sends this, and reads all there is to read.
async fn raw_talk(socket: &Path, text: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(text).await.unwrap();
    let mut answer = String::new();
    timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn nonsense_is_answered_and_crowds_are_turned_away() {
    let house = house().await;
    let socket = house.socket();
    let said = raw_talk(&socket, b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(said.starts_with(r#"{"error":{"kind":"failed","message":"the manager does not understand"#), "{said}");
    let said = raw_talk(&socket, b"{\"v\":2,\"op\":\"status\"}\n").await;
    assert!(said.contains("speaks version 1"), "{said}");
    let said = raw_talk(&socket, b"{\"v\":1,\"op\":\"status\",\"target\":{\"all\":true},\"new\":1}\n").await;
    assert!(said.starts_with(r#"{"ok":{"services":["#), "{said}");

    let mut crowd = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        crowd.push(UnixStream::connect(&socket).await.unwrap());
    }
    let turned_away = loop {
        match house.client.raw(&Request::new(Op::Status)).await {
            // The crowd may not all be in yet.
            Ok(_) => tokio::task::yield_now().await,
            Err(failure) => break failure,
        }
    };
    assert_eq!(turned_away.exit, Exit::Refused, "{turned_away}");
    drop(crowd);
    let room = async {
        while house.client.raw(&Request::new(Op::Status)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, room).await.expect("there is room again");
}

#[tokio::test]
async fn a_socket_is_private_and_has_one_manager() {
    let house = house().await;
    let socket = house.socket();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    let watching = observer(&house.store).await;
    let again = || {
        let (send, _) = mpsc::channel(1);
        serve(served(&house.store, watching.clone()), reloader(&house.store), &socket, send)
    };
    let second = again().unwrap_err();
    let failure: &Failure = second.downcast_ref().unwrap();
    let words = format!("another mcpstore up (pid {}) runs on this socket: {}", std::process::id(), socket.display());
    assert_eq!((failure.exit, failure.message.as_str()), (Exit::Failed, words.as_str()));
    assert!(socket.exists(), "the first one is not harmed");

    house.server.close().await;
    // What a manager leaves behind that was killed: a socket nobody listens on, and a lock nobody holds.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    std::fs::write(socket.with_file_name("s.sock.lock"), "12345\n").unwrap();
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
    let third = again().unwrap();
    house.client.raw(&Request::new(Op::Status)).await.unwrap();
    third.close().await;

    // A listener that is none of ours, and a file that is no socket, stay.
    let stranger = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(again().unwrap_err().to_string().contains("another mcpstore up runs on this socket"));
    drop(stranger);
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "precious").unwrap();
    assert!(again().unwrap_err().to_string().contains("is no socket"));
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "precious");
}

#[tokio::test]
async fn in_a_folder_of_everybodys_the_socket_is_private_too() {
    let house = house().await;
    let open = house.dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let socket = open.join("s.sock");
    let (send, _asked) = mpsc::channel(1);
    let server =
        serve(served(&house.store, observer(&house.store).await), reloader(&house.store), &socket, send).unwrap();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    Client::new(&socket).raw(&Request::new(Op::Status)).await.unwrap();
    drop(server);
    let gone = async {
        while std::fs::read_dir(&open).unwrap().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, gone).await.expect("nothing is left in the folder");
}
