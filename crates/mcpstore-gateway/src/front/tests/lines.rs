//! Lines over streams and unix sockets.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::core::{Fake, LONG};
use super::wire::request;
use crate::front::stats::Counters;
use crate::front::{Limits, LineFront, ListenError, bind_unix};
use crate::message;
use crate::seam::Peer;

/// A connection of lines.
struct Talk {
    core: Arc<Fake>,
    counters: Arc<Counters>,
    output: Option<WriteHalf<DuplexStream>>,
    input: BufReader<ReadHalf<DuplexStream>>,
    task: JoinHandle<()>,
    end: CancellationToken,
}

impl Talk {
    fn new() -> Self {
        Self::with(Limits::default(), Duration::ZERO)
    }

    fn with(limits: Limits, grace: Duration) -> Self {
        let (ours, theirs) = duplex(64 * 1024);
        let (core, counters, end) = (Fake::new(), Arc::new(Counters::default()), CancellationToken::new());
        let peer = Peer { principal: "local".into(), view: None };
        let front = LineFront { core: core.clone(), counters: Arc::clone(&counters), limits, peer, grace };
        let ended = end.clone();
        let task = tokio::spawn(async move {
            let (reader, writer) = split(theirs);
            front.serve(reader, writer, &ended).await;
        });
        let (input, output) = split(ours);
        Self { core, counters, output: Some(output), input: BufReader::new(input), task, end }
    }

    async fn send(&mut self, line: &str) {
        self.output.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        tokio::time::timeout(LONG, self.input.read_line(&mut line)).await.expect("it answers").unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }

    async fn begin(&mut self) {
        self.send(&request(0, "initialize", json!({}))).await;
        assert_eq!(self.line().await.unwrap()["id"], 0);
    }

    /// Sends no more.
    async fn close(&mut self) {
        self.output.take().unwrap().shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_conversation_in_one_breath() {
    let mut talk = Talk::with(Limits::default(), LONG);
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let all = format!("{}\n{told}\n\n{}\r", request(0, "initialize", json!({})), request(1, "x", json!({})));
    talk.send(&all).await;
    talk.close().await;
    assert_eq!(talk.line().await.unwrap()["id"], 0);
    let result = talk.line().await.unwrap()["result"].clone();
    assert_eq!((&result["client"], &result["principal"]), (&json!(true), &json!("local")));
    assert_eq!(talk.line().await, None);
    assert_eq!(talk.core.heard(), ["notifications/initialized -"]);
    assert!(talk.core.client().over.is_cancelled());
    talk.task.await.unwrap();
}

#[tokio::test]
async fn requests_run_side_by_side_and_notices_keep_their_place() {
    let mut talk = Talk::new();
    talk.begin().await;
    talk.send(&request(1, "gate", json!({}))).await;
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    talk.send(&request(2, "notices", json!({"n": 5000}))).await;
    for n in 0..5000 {
        assert_eq!(talk.line().await.unwrap()["params"]["progress"], n);
    }
    assert_eq!(talk.line().await.unwrap()["id"], 2);
    talk.core.gate.notify_one();
    assert_eq!(talk.line().await.unwrap()["id"], 1);
    assert!(talk.core.client().tell(message::notification("n/1", None)));
    assert_eq!(talk.line().await.unwrap()["method"], "n/1");
    talk.send(&request(3, "ask", json!({}))).await;
    let asked = talk.line().await.unwrap();
    talk.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"a": 1}}).to_string()).await;
    assert_eq!(talk.line().await.unwrap()["result"]["a"], 1);
    talk.send(&request(4, "broken-lines", json!({}))).await;
    assert_eq!(talk.line().await.unwrap()["params"]["a"], 1);
    assert_eq!(talk.line().await.unwrap()["id"], 4);
    // Answers are not lost however many are large.
    for n in 0..40 {
        talk.send(&request(100 + n, "big", json!({"bytes": 200_000}))).await;
    }
    let mut seen: Vec<u64> = Vec::new();
    for _ in 0..40 {
        seen.push(talk.line().await.unwrap()["id"].as_u64().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (100..140).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_without_a_handshake_is_of_the_stateless_era() {
    let mut talk = Talk::new();
    talk.send(&request(1, "x", json!({"_meta": {}}))).await;
    assert_eq!(talk.line().await.unwrap()["result"]["client"], false);
    talk.send(&request(2, "hang", json!({}))).await;
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    talk.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#).await;
    talk.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(talk.counters.read().cancelled_total, 1);
    // A refused `initialize` begins nothing.
    talk.send(&request(3, "initialize", json!({"refuse": true}))).await;
    assert_eq!(talk.line().await.unwrap()["error"]["code"], -32602);
    talk.send(&request(4, "x", json!({}))).await;
    assert_eq!(talk.line().await.unwrap()["result"]["client"], false);
    talk.begin().await;
    talk.send(&request(5, "initialize", json!({}))).await;
    assert_eq!(talk.line().await.unwrap()["error"]["code"], -32600);
}

#[tokio::test]
async fn batches_are_taken_in_the_version_that_has_them() {
    let mut talk = Talk::new();
    let batch = format!("[{},{}]", request(1, "x", json!({})), request(2, "x", json!({})));
    talk.send(&batch).await;
    assert_eq!(talk.line().await.unwrap()["error"]["code"], -32600);
    talk.send(&request(0, "initialize", json!({"protocolVersion": "2025-03-26"}))).await;
    assert_eq!(talk.line().await.unwrap()["id"], 0);
    talk.send(&batch).await;
    let ids = [talk.line().await.unwrap()["id"].clone(), talk.line().await.unwrap()["id"].clone()];
    assert!(ids.contains(&json!(1)) && ids.contains(&json!(2)));
    talk.send("[]").await;
    assert_eq!(talk.line().await.unwrap()["error"]["code"], -32600);
}

#[tokio::test]
async fn a_client_that_goes_takes_everything_back() {
    let mut talk = Talk::new();
    talk.begin().await;
    talk.send(&request(1, "hang", json!({}))).await;
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    talk.close().await;
    talk.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    assert_eq!(talk.line().await, None);
    assert!(talk.core.client().over.is_cancelled());

    let mut talk = Talk::new();
    talk.begin().await;
    talk.send(&request(1, "hang", json!({}))).await;
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    talk.end.cancel();
    talk.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
    talk.task.await.unwrap();
    assert!(talk.core.client().over.is_cancelled());
}

#[tokio::test]
async fn who_says_nothing_more_listens_no_more() {
    let mut talk = Talk::with(Limits::default(), LONG * 10);
    talk.send(&request(1, "subscriptions/listen", json!({}))).await;
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 1).await;
    talk.send(&request(2, "x", json!({}))).await;
    talk.close().await;
    // Everything else is still answered.
    assert_eq!(talk.line().await.unwrap()["id"], 2);
    assert_eq!(talk.line().await, None);
    talk.core.until(|core| core.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let mut talk = Talk::with(Limits { line_bytes: 2000, requests: 2, ..Limits::default() }, Duration::ZERO);
    talk.begin().await;
    for id in 1..=2 {
        talk.send(&request(id, "hang", json!({}))).await;
    }
    talk.core.until(|core| core.hanging.load(Ordering::SeqCst) == 2).await;
    talk.send(&request(3, "x", json!({}))).await;
    let refused = talk.line().await.unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(3), &json!(-32000)));
    talk.send(&format!(r#"{{"jsonrpc":"2.0","id":"a","method":"x","params":{{"x":"{}"}}}}"#, "y".repeat(10_000))).await;
    let refused = talk.line().await.unwrap();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!("a"), &json!(-32600)));
    // Nobody waits for an answer to this one.
    talk.send(&"z".repeat(10_000)).await;
    talk.send("nonsense").await;
    assert_eq!(talk.line().await.unwrap()["error"]["code"], -32700);
    assert_eq!(talk.counters.read().long_lines_total, 2);
}

#[tokio::test]
async fn a_reader_that_stands_still_is_dropped() {
    let mut talk = Talk::with(Limits { write_stall: Duration::from_millis(60), ..Limits::default() }, Duration::ZERO);
    talk.begin().await;
    talk.send(&request(1, "big", json!({"bytes": 1_000_000}))).await;
    tokio::time::timeout(LONG, &mut talk.task).await.unwrap().unwrap();
    assert_eq!(talk.counters.read().slow_readers_total, 1);
    let mut talk = Talk::new();
    talk.begin().await;
    let client = talk.core.client();
    let text = serde_json::value::RawValue::from_string(format!("\"{}\"", "x".repeat(100_000))).unwrap();
    while client.tell(message::notification("n", Some(&text))) {
        tokio::task::yield_now().await;
    }
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, talk.input.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!(talk.counters.read().slow_readers_total, 1);
    assert!(client.over.is_cancelled());
}

#[tokio::test]
async fn the_socket_is_for_this_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("private");
    let path = private.join("gateway.sock");
    let core = Fake::new();
    let bind = |path| bind_unix(path, core.clone(), Some("work".into()), Limits::default());
    let front = bind(&path).await.unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&private)), (0o600, 0o700));
    let stream = UnixStream::connect(&path).await.unwrap();
    let mut stream = BufReader::new(stream);
    stream.write_all(format!("{}\n", request(1, "x", json!({}))).as_bytes()).await.unwrap();
    let mut line = String::new();
    tokio::time::timeout(LONG, stream.read_line(&mut line)).await.unwrap().unwrap();
    let result = serde_json::from_str::<Value>(&line).unwrap()["result"].clone();
    assert_eq!((&result["principal"], &result["view"]), (&json!("local"), &json!("work")));
    assert_eq!(front.stats().connections, 1);
    assert!(matches!(bind(&path).await.unwrap_err(), ListenError::SocketInUse { .. }));
    front.shutdown().await;
    assert!(!path.exists());
    line.clear();
    assert_eq!(tokio::time::timeout(LONG, stream.read_line(&mut line)).await.unwrap().unwrap(), 0);
    // One that a crash left behind is replaced; nothing else is.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    bind(&path).await.unwrap().shutdown().await;
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(bind(&path).await.unwrap_err(), ListenError::Io { .. }));
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = bind(&private.join("other.sock")).await.unwrap_err();
    assert!(matches!(error, ListenError::OpenFolder { .. }) && error.to_string().contains("755"), "{error}");
}
