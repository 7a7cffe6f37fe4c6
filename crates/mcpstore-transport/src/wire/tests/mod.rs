//! The wire against a peer of the test, that says what no decent server would.

mod both_ways;

use std::time::Duration;

use mcpstore_types::Incarnation;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

use super::*;
use crate::{CallError, CallLimits, RequestOptions};

/// Longer than anything in here takes.
const LONG: Duration = Duration::from_secs(20);
const ROOM: usize = 1024 * 1024;

struct Peer {
    hub: Arc<Hub>,
    /// rmcp's part, which stays silent.
    _wire: Wire,
    logs: Arc<LogRing>,
    heard: Lines<BufReader<DuplexStream>>,
    says: DuplexStream,
}

impl Peer {
    /// A peer whose input holds this many bytes.
    fn with_room(room: usize) -> Self {
        Self::with_client(room, ClientSide::default())
    }

    fn with_client(room: usize, client: ClientSide) -> Self {
        let logs = Arc::new(LogRing::new(Incarnation(1)));
        let (input, says) = tokio::io::duplex(ROOM);
        let (output, hears) = tokio::io::duplex(room);
        let (hub, wire) = open(input, output, Arc::clone(&logs), client);
        Self { hub, _wire: wire, logs, heard: BufReader::new(hears).lines(), says }
    }

    fn new() -> Self {
        Self::with_room(ROOM)
    }

    async fn say(&mut self, text: &str) {
        self.says.write_all(text.as_bytes()).await.unwrap();
        self.says.write_all(b"\n").await.unwrap();
    }

    /// The next line of ours.
    async fn hear(&mut self) -> String {
        tokio::time::timeout(LONG, self.heard.next_line()).await.unwrap().unwrap().unwrap()
    }

    /// Everything said before was read when this returns.
    async fn sync(&mut self) {
        self.say(r#"{"jsonrpc":"2.0","id":"sync","method":"ping"}"#).await;
        assert_eq!(self.hear().await, r#"{"jsonrpc":"2.0","id":"sync","result":{}}"#);
    }

    /// A request that is under way, its line heard.
    async fn request(&mut self, method: &'static str, params: &str) -> (JoinHandle<table::Answer>, String) {
        let call = self.call(method, params, LONG);
        (call, self.hear().await)
    }

    fn call(&self, method: &'static str, params: &str, limit: Duration) -> JoinHandle<table::Answer> {
        let hub = Arc::clone(&self.hub);
        let params = RawValue::from_string(params.to_owned()).unwrap();
        tokio::spawn(async move {
            hub.request(method, Some(&params), CallLimits::within(limit), RequestOptions::default()).await
        })
    }
}

async fn outcome(call: JoinHandle<table::Answer>) -> Result<String, CallError> {
    let answer = tokio::time::timeout(LONG, call).await.unwrap().unwrap();
    answer.map(|result| result.get().to_owned())
}

async fn until(condition: impl Fn() -> bool) {
    tokio::time::timeout(LONG, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_batch_that_is_cut_off_loses_only_what_is_missing() {
    let mut peer = Peer::new();
    let (first, _) = peer.request("a", "{}").await;
    let (second, _) = peer.request("b", "{}").await;
    peer.say(r#"[{"jsonrpc":"2.0","id":1,"result":[1,2]}, {"jsonrpc":"2.0","id":2,"res"#).await;
    assert_eq!(outcome(first).await.unwrap(), "[1,2]");
    assert!(matches!(outcome(second).await, Err(CallError::Malformed { .. })));
    assert_eq!(peer.hub.counters().noise, 1);
}

#[tokio::test]
async fn a_fault_in_a_batch_spoils_its_own_message() {
    let mut peer = Peer::new();
    let (first, _) = peer.request("a", "{}").await;
    let (second, _) = peer.request("b", "{}").await;
    peer.say(r#"[{"jsonrpc":"2.0","id":1,"result":tru},7,{"jsonrpc":"2.0","id":2,"result":2}]"#).await;
    assert!(matches!(outcome(first).await, Err(CallError::Malformed { .. })));
    assert_eq!(outcome(second).await.unwrap(), "2");
    assert_eq!(peer.hub.counters().noise, 2);
}

#[tokio::test]
async fn a_huge_batch_is_noise_once() {
    let mut peer = Peer::new();
    let beat = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    peer.say(&format!("[{}]", vec![beat; 5_000].join(","))).await;
    peer.sync().await;
    assert_eq!((*peer.hub.changes().borrow(), peer.hub.counters().noise, peer.logs.noise()), (1024, 1, 1));
    for line in ["[]", "[1,2]", "[INFO] one, two, three"] {
        peer.say(line).await;
    }
    peer.sync().await;
    assert_eq!((peer.hub.counters().noise, peer.logs.tail(1)[0].text.as_str()), (4, "[INFO] one, two, three"));
}

#[tokio::test]
async fn whatever_the_server_asks_is_answered_on_the_spot() {
    let mut peer = Peer::new();
    for n in 0..1_000 {
        peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"roots/list","params":[[[[]]]]}}"#)).await;
        let answer = peer.hear().await;
        assert!(answer.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{n},"error":{{"code":-32601,"#)), "{answer}");
    }
    assert_eq!(peer.hub.counters().refused, 1_000);
}

#[tokio::test]
async fn an_id_that_cannot_go_back_gets_no_answer() {
    let mut peer = Peer::new();
    let ids = [format!("\"{}\"", "x".repeat(255)), "null".into(), "{}".into(), "[1]".into(), "true".into()];
    for id in &ids {
        peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)).await;
    }
    // The next line heard is the answer to this.
    peer.sync().await;
    assert_eq!(peer.hub.counters().noise, ids.len() as u64);
    let longest = format!("\"{}\"", "x".repeat(254));
    peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{longest},"method":"ping"}}"#)).await;
    assert!(peer.hear().await.contains(&longest));
}

#[tokio::test]
async fn an_unreadable_line_fails_no_innocent_call() {
    let mut peer = Peer::new();
    let (call, _) = peer.request("a", "{}").await;
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":tru}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":tru,"params":1}"#,
        r#"got "id":1} from {"id":1,"result":tru}"#,
        r#"{"jsonrpc":"2.0","id":1.5,"result":tru}"#,
        r#"{"jsonrpc":"2.0","id":"1x","result":tru}"#,
    ] {
        peer.say(line).await;
    }
    let bad: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}\n";
    peer.says.write_all(bad).await.unwrap();
    let long = "x".repeat(MAX_LINE_BYTES);
    peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"x","params":"{long}","id":1}}"#)).await;
    peer.sync().await;
    assert_eq!((peer.hub.counters().noise, peer.hub.counters().oversized), (6, 1));
    peer.say(r#"{"jsonrpc":"2.0","id":"1","result":{"ok":1}}"#).await;
    assert_eq!(outcome(call).await.unwrap(), r#"{"ok":1}"#);
}

#[tokio::test]
async fn an_oversized_answer_is_known_by_either_end() {
    let mut peer = Peer::new();
    let long = "x".repeat(MAX_LINE_BYTES);
    let (first, _) = peer.request("a", "{}").await;
    peer.say(&format!(r#"{{"jsonrpc":"2.0","result":"{long}","id":1}}"#)).await;
    assert!(matches!(outcome(first).await, Err(CallError::Malformed { .. })));
    let (second, _) = peer.request("a", "{}").await;
    peer.say(&format!(r#"[{{"jsonrpc":"2.0","id":2,"result":"{long}"}}]"#)).await;
    assert!(matches!(outcome(second).await, Err(CallError::Malformed { .. })));
}

#[tokio::test]
async fn a_line_that_does_not_say_what_it_is_counts_only_as_an_awaited_answer() {
    let mut peer = Peer::new();
    let (call, _) = peer.request("a", "{}").await;
    for line in [
        r#"{"method":"notifications/tools/list_changed"}"#,
        r#"{"jsonrpc":"1.0","method":"notifications/tools/list_changed"}"#,
        r#"{"jsonrpc":2.0,"id":5,"method":"ping"}"#,
        r#"{"id":77,"result":{}}"#,
        r#"{"id":null,"error":{"code":1,"message":"x"}}"#,
    ] {
        peer.say(line).await;
    }
    peer.sync().await;
    let counters = peer.hub.counters();
    assert_eq!((*peer.hub.changes().borrow(), counters.noise, counters.stray), (0, 5, 0));
    peer.say(r#"{"id":1,"result":{}}"#).await;
    assert_eq!(outcome(call).await.unwrap(), "{}");
}

#[tokio::test]
async fn a_call_given_up_in_the_queue_never_goes_out() {
    let mut peer = Peer::with_room(64);
    let stuck = peer.call("stuck", &format!(r#"{{"x":"{}"}}"#, "x".repeat(1_000)), LONG);
    until(|| peer.hub.table().last_sign(1).is_some()).await;
    tokio::task::yield_now().await;
    let given_up = peer.call("given_up", "{}", Duration::from_millis(20));
    assert!(matches!(outcome(given_up).await, Err(CallError::TimedOut { .. })));
    let last = peer.call("last", "{}", LONG);
    until(|| peer.hub.in_flight() == 2).await;
    assert!(peer.hear().await.contains(r#""method":"stuck""#));
    let heard = peer.hear().await;
    assert!(heard.contains(r#""method":"last""#), "{heard}");
    stuck.abort();
    assert!(peer.hear().await.contains(r#""requestId":1"#));
    last.abort();
}

#[tokio::test(start_paused = true)]
async fn one_timer_gives_up_each_in_its_own_time() {
    let mut peer = Peer::new();
    let began = tokio::time::Instant::now();
    let seconds = |n| CallLimits { idle: Duration::from_secs(n), total: Duration::from_secs(15) };
    let mut calls = Vec::new();
    // The second is due before the first, and the third, which shows signs of life, not before its whole time is over.
    for (method, limits) in [("a", seconds(9)), ("b", seconds(2)), ("tools/call", seconds(10)), ("d", seconds(9))] {
        let hub = Arc::clone(&peer.hub);
        calls.push(tokio::spawn(async move {
            let params = RawValue::from_string(r#"{"_meta":{"progressToken":7}}"#.to_owned()).unwrap();
            let params = Some(&*params).filter(|_| method == "tools/call");
            (hub.request(method, params, limits, RequestOptions::default()).await, began.elapsed().as_secs())
        }));
        peer.hear().await;
    }
    tokio::time::sleep(Duration::from_millis(8500)).await;
    assert!(peer.hear().await.contains(r#""requestId":2"#));
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}"#).await;
    peer.say(r#"{"jsonrpc":"2.0","id":4,"result":{}}"#).await;
    let mut found = Vec::new();
    for call in calls {
        let (answer, seconds) = call.await.unwrap();
        let what = answer.err().map(|error| match error {
            CallError::TimedOut { what, .. } => what,
            error => panic!("{error}"),
        });
        found.push((what, seconds));
    }
    use crate::TimeoutKind::{Idle, Total};
    assert_eq!(found, [(Some(Idle), 9), (Some(Idle), 2), (Some(Total), 15), (None, 8)]);
    for id in [1, 3] {
        assert!(peer.hear().await.contains(&format!(r#""requestId":{id}"#)));
    }
}

#[tokio::test]
async fn to_listen_is_no_work() {
    let mut peer = Peer::new();
    let listens = peer.call("subscriptions/listen", "{}", LONG);
    assert!(peer.hear().await.contains(r#""method":"subscriptions/listen""#));
    // Whoever waits until nothing is under way does not wait for it.
    assert_eq!(peer.hub.in_flight(), 0);
    let work = peer.call("work", "{}", LONG);
    until(|| peer.hub.in_flight() == 1).await;
    work.abort();
    listens.abort();
    until(|| peer.hub.table().last_sign(1).is_none()).await;
}

#[tokio::test]
async fn what_waits_to_be_written_has_a_bound() {
    let peer = Peer::with_room(64);
    let half = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_OUTGOING_BYTES / 2));
    let first = peer.call("a", &half, LONG);
    until(|| peer.hub.in_flight() == 1).await;
    assert!(matches!(outcome(peer.call("b", &half, LONG)).await, Err(CallError::Overloaded { in_flight: 1, .. })));
    assert_eq!(peer.hub.counters().overloaded, 1);
    let whole = format!("{half}{half}").replace("}{", ",").replacen(r#","x""#, r#","y""#, 1);
    assert!(matches!(outcome(peer.call("c", &whole, LONG)).await, Err(CallError::TooLarge { .. })));
    // A ping asks whether it reads at all: that must not be answered by us.
    let ping = outcome(peer.call("ping", "{}", Duration::from_millis(20))).await;
    assert!(matches!(ping, Err(CallError::TimedOut { .. })), "{ping:?}");
    first.abort();
}

#[tokio::test]
async fn room_is_given_back_when_a_line_is_written() {
    let mut peer = Peer::new();
    let half = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_OUTGOING_BYTES * 2 / 3));
    for id in 1..=2 {
        let (call, _) = peer.request("a", &half).await;
        peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)).await;
        assert_eq!(outcome(call).await.unwrap(), "{}");
    }
    assert_eq!(peer.hub.room.available_permits(), MAX_OUTGOING_BYTES);
}

#[tokio::test]
async fn a_server_that_closes_its_input_may_still_answer() {
    let mut peer = Peer::new();
    let (heard, _) = peer.request("a", "{}").await;
    let Peer { hub, _wire, logs, heard: input, says } = peer;
    drop(input);
    let (heard_too, heard_not) = tokio::io::duplex(1);
    let mut peer = Peer { hub, _wire, logs, heard: BufReader::new(heard_too).lines(), says };
    drop(heard_not);
    for _ in 0..2 {
        assert!(matches!(outcome(peer.call("b", "{}", LONG)).await, Err(CallError::Closed)));
    }
    // Longer than a doomed wire listens into silence.
    tokio::time::sleep(QUIET * 2).await;
    assert!(!peer.hub.closed.is_cancelled());
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":"late"}"#).await;
    assert_eq!(outcome(heard).await.unwrap(), r#""late""#);
    // Now there is nothing to wait for.
    tokio::time::timeout(LONG, peer.hub.closed()).await.unwrap();
}

#[tokio::test]
async fn a_call_in_the_queue_of_a_closed_input_fails_at_once() {
    let peer = Peer::with_room(64);
    let stuck = peer.call("stuck", &format!(r#"{{"x":"{}"}}"#, "x".repeat(1_000)), LONG);
    let queued = peer.call("queued", "{}", LONG);
    until(|| peer.hub.in_flight() == 2).await;
    peer.hub.close_input();
    for call in [stuck, queued, peer.call("late", "{}", LONG)] {
        assert!(matches!(outcome(call).await, Err(CallError::Closed)));
    }
    assert!(!peer.hub.closed.is_cancelled());
}

#[tokio::test]
async fn no_two_calls_carry_the_same_token() {
    let mut peer = Peer::new();
    let (first, line) = peer.request("tools/call", r#"{"_meta":{"progressToken":"abc"}}"#).await;
    assert!(line.contains(r#""progressToken":"abc""#), "{line}");
    let (_other, line) = peer.request("tools/call", r#"{"_meta":{"progressToken":"\u0061bc"}}"#).await;
    assert!(line.contains(r#""progressToken":"mcpstore-2""#), "{line}");
    let (_third, line) = peer.request("tools/call", r#"{"_meta":{"progressToken":"mcpstore-9"}}"#).await;
    assert!(line.contains(r#""progressToken":"mcpstore-3""#), "{line}");
    let signs = |peer: &Peer| [1, 2, 3].map(|id| peer.hub.table().last_sign(id).unwrap());
    let before = signs(&peer);
    tokio::time::sleep(Duration::from_millis(2)).await;
    let progress =
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"ab\u0063","progress":1}}"#;
    peer.say(progress).await;
    peer.sync().await;
    let after = signs(&peer);
    assert!(after[0] > before[0] && after[1..] == before[1..]);
    // Once the first is over, its token is free.
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
    assert_eq!(outcome(first).await.unwrap(), "{}");
    let (_fourth, line) = peer.request("tools/call", r#"{"_meta":{"progressToken":"abc"}}"#).await;
    assert!(line.contains(r#""progressToken":"abc""#), "{line}");
}

#[tokio::test]
async fn bytes_count_as_they_come() {
    let mut peer = Peer::new();
    peer.says.write_all(&[b'x'; 1_000]).await.unwrap();
    until(|| peer.hub.counters().bytes == 1_000).await;
    assert_eq!(peer.hub.counters().noise, 0);
}
