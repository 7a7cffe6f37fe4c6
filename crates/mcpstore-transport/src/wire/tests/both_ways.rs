//! Notices and their order, what the server asks, what we tell it, and who asks in the stateless era.

use std::sync::Mutex as StdMutex;

use async_trait::async_trait;

use super::*;
use crate::{Fed, NoticeStream, RpcError, ServerRequest, ServerRequests, notice_channel};

/// A call with a sink, under way.
async fn noting(peer: &mut Peer, params: &str) -> (JoinHandle<table::Answer>, NoticeStream, String) {
    let (sink, stream) = notice_channel();
    let (hub, params) = (Arc::clone(&peer.hub), RawValue::from_string(params.to_owned()).unwrap());
    let options = RequestOptions { notices: Some(sink), ..RequestOptions::default() };
    let limits = CallLimits::within(LONG);
    let call = tokio::spawn(async move { hub.request("tools/call", Some(&params), limits, options).await });
    (call, stream, peer.hear().await)
}

fn progress(token: &str, n: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{n}}}}}"#
    )
}

#[tokio::test]
async fn every_notice_is_there_before_its_answer_and_in_order() {
    let mut peer = Peer::new();
    for round in 0..10_u64 {
        let (call, mut stream, _) = noting(&mut peer, "{}").await;
        let id = round + 1;
        let mut burst: String = (0..500).map(|n| progress(&format!("\"mcpstore-{id}\""), n) + "\n").collect();
        burst.push_str(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        peer.say(&burst).await;
        assert_eq!(outcome(call).await.unwrap(), "{}");
        let mut seen = 0;
        while let Some(notice) = stream.try_next() {
            assert!(notice.params.unwrap().get().ends_with(&format!("\"progress\":{seen}}}")));
            seen += 1;
        }
        assert_eq!((seen, stream.dropped()), (500, 0));
        // The request is over: there is no more to come.
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn a_replaced_token_comes_back_as_the_callers() {
    let mut peer = Peer::new();
    let (_first, mut firsts, _) = noting(&mut peer, r#"{"_meta":{"progressToken":7}}"#).await;
    let (_second, mut seconds, line) = noting(&mut peer, r#"{"_meta":{"progressToken":7.0}}"#).await;
    assert!(line.contains(r#""progressToken":"mcpstore-2""#), "{line}");
    peer.say(&progress("7", 1)).await;
    peer.say(&progress("\"mcpstore-2\"", 2)).await;
    let text = |notice: crate::Notification| notice.params.unwrap().get().to_owned();
    assert_eq!(text(firsts.next().await.unwrap()), r#"{"progressToken":7,"progress":1}"#);
    assert_eq!(text(seconds.next().await.unwrap()), r#"{"progressToken":7.0,"progress":2}"#);
}

#[tokio::test]
async fn progress_of_a_task_goes_on_after_the_answer() {
    let mut peer = Peer::new();
    let (sink, mut stream) = notice_channel();
    let limits = CallLimits::within(LONG);
    let begin = |hub: Arc<Hub>, options| {
        let params = RawValue::from_string(r#"{"task":{},"_meta":{"progressToken":7}}"#.into()).unwrap();
        tokio::spawn(async move { hub.request("tools/call", Some(&params), limits, options).await })
    };
    let options = RequestOptions { notices: Some(sink), lingers: true, ..RequestOptions::default() };
    let call = begin(Arc::clone(&peer.hub), options);
    peer.hear().await;
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{"task":{}}}"#).await;
    outcome(call).await.unwrap();
    peer.say(&progress("7", 1)).await;
    assert_eq!(stream.next().await.unwrap().params.unwrap().get(), r#"{"progressToken":7,"progress":1}"#);
    // Another one does not take its token; it goes on too, under the token that went out in its place.
    let (sink, mut others) = notice_channel();
    let options = RequestOptions { notices: Some(sink), lingers: true, ..RequestOptions::default() };
    let other = begin(Arc::clone(&peer.hub), options);
    assert!(peer.hear().await.contains(r#""progressToken":"mcpstore-2""#));
    peer.say(r#"{"jsonrpc":"2.0","id":2,"result":{"task":{}}}"#).await;
    outcome(other).await.unwrap();
    peer.say(&progress("7", 2)).await;
    peer.say(&progress("\"mcpstore-2\"", 3)).await;
    assert!(stream.next().await.unwrap().params.unwrap().get().ends_with(r#""progress":2}"#));
    assert_eq!(others.next().await.unwrap().params.unwrap().get(), r#"{"progressToken":7,"progress":3}"#);
    // Until nobody reads it, or the conversation is over.
    peer.hub.close();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn what_belongs_to_no_request_goes_to_the_feed() {
    let mut peer = Peer::new();
    let mut feed = peer.hub.notices();
    let update = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a://b","x":1.0}}"#;
    peer.say(update).await;
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#).await;
    let Some(Fed::Notice(first)) = feed.next().await else { panic!("a notice") };
    assert_eq!(
        (&*first.method, first.params.unwrap().get()),
        ("notifications/resources/updated", r#"{"uri":"a://b","x":1.0}"#)
    );
    let Some(Fed::Notice(second)) = feed.next().await else { panic!("a notice") };
    assert_eq!((&*second.method, second.params.is_none()), ("notifications/tools/list_changed", true));
    assert_eq!(*peer.hub.changes().borrow(), 1);
    peer.hub.close();
    assert!(feed.next().await.is_none());
}

#[tokio::test]
async fn a_notice_on_the_stream_of_a_request_is_that_requests() {
    let Parts { hub, mut outgoing, dispatch, wire: _wire } =
        parts(Arc::new(LogRing::new(Incarnation(1))), ClientSide::default());
    let (sink, mut stream) = notice_channel();
    let options = RequestOptions { notices: Some(sink), client: Some(Arc::new(Echo::default())), lingers: false };
    let asking = Arc::clone(&hub);
    let call = tokio::spawn(async move { asking.request("a", None, CallLimits::within(LONG), options).await });
    let line = outgoing.recv().await.unwrap();
    assert_eq!(line.kind, Kind::Request(1));
    let log = br#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":1}}"#;
    dispatch.on_text(log, true, Some(1));
    assert_eq!(&*stream.try_next().unwrap().method, "notifications/message");
    // Of another stream it is not.
    dispatch.on_text(log, true, None);
    assert!(stream.try_next().is_none());
    // What the server asks there goes to the client of that request; elsewhere nobody answers.
    let ask = br#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
    dispatch.on_text(ask, true, Some(1));
    assert_eq!(text(outgoing.recv().await.unwrap()), r#"{"jsonrpc":"2.0","id":"q","result":{"asked":"roots/list"}}"#);
    dispatch.on_text(ask, true, None);
    assert!(text(outgoing.recv().await.unwrap()).contains("-32601"));
    // Where everything comes on one stream, it is that of the one request that there is, but for what is of the session.
    let piped = dispatch.piped();
    piped.on_text(log, true, None);
    assert_eq!(&*stream.try_next().unwrap().method, "notifications/message");
    piped.on_text(br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#, true, None);
    assert!(stream.try_next().is_none());
    hub.fail(1, CallError::Closed);
    assert!(matches!(outcome(call).await, Err(CallError::Closed)));
}

fn text(outgoing: Outgoing) -> String {
    String::from_utf8(outgoing.line).unwrap().trim_end().to_owned()
}

/// Answers with the method; `slow` never, `bad` with an error.
#[derive(Default)]
struct Echo {
    dropped: Arc<StdMutex<u32>>,
}

struct CountDrop(Arc<StdMutex<u32>>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[async_trait]
impl ServerRequests for Echo {
    async fn answer(&self, request: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        let _guard = CountDrop(Arc::clone(&self.dropped));
        match request.method.as_str() {
            "slow" => std::future::pending().await,
            "bad" => Err(RpcError::new(-1, "no \"way\"")),
            method => Ok(RawValue::from_string(format!(r#"{{"asked":"{method}"}}"#)).unwrap()),
        }
    }
}

#[tokio::test]
async fn the_handler_answers_and_a_request_can_be_taken_back() {
    let dropped = Arc::new(StdMutex::new(0));
    let handler = Arc::new(Echo { dropped: Arc::clone(&dropped) });
    let capabilities = RawValue::from_string(r#"{"roots":{}}"#.to_owned()).unwrap();
    let mut peer = Peer::with_client(ROOM, ClientSide::new(capabilities, handler));
    peer.say(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{}}"#).await;
    assert_eq!(peer.hear().await, r#"{"jsonrpc":"2.0","id":1,"result":{"asked":"roots/list"}}"#);
    peer.say(r#"{"jsonrpc":"2.0","id":"2","method":"bad"}"#).await;
    assert_eq!(peer.hear().await, r#"{"jsonrpc":"2.0","id":"2","error":{"code":-1,"message":"no \"way\""}}"#);
    peer.say(r#"{"jsonrpc":"2.0","id":3,"method":"slow"}"#).await;
    // The same id again, while it is being answered.
    peer.say(r#"{"jsonrpc":"2.0","id":3,"method":"slow"}"#).await;
    assert!(peer.hear().await.contains("-32000"));
    let before = *dropped.lock().unwrap();
    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#).await;
    until(|| *dropped.lock().unwrap() == before + 1).await;
    // What was taken back is not answered, and its id is free.
    peer.sync().await;
    until(|| peer.hub.asked.open() == 0).await;
    assert_eq!(peer.hub.counters().refused, 1);
}

#[tokio::test]
async fn too_much_at_once_is_refused() {
    let handler = Arc::new(Echo::default());
    let capabilities = RawValue::from_string("{}".to_owned()).unwrap();
    let mut peer = Peer::with_client(ROOM, ClientSide::new(capabilities, handler));
    for id in 0..70 {
        peer.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"slow"}}"#)).await;
    }
    for _ in 64..70 {
        assert!(peer.hear().await.contains("-32000"));
    }
    assert_eq!(peer.hub.counters().refused, 6);
    peer.hub.close();
    until(|| peer.hub.asked.open() == 0).await;
}

#[tokio::test]
async fn notifications_go_out_as_they_are() {
    let mut peer = Peer::new();
    let params = RawValue::from_string(r#"{"n":1.0}"#.to_owned()).unwrap();
    peer.hub.notify("notifications/roots/list_changed", Some(&params)).unwrap();
    assert_eq!(
        peer.hear().await,
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed","params":{"n":1.0}}"#
    );
    peer.hub.close();
    assert!(matches!(peer.hub.notify("x", None), Err(CallError::Closed)));
}

#[tokio::test]
async fn in_the_stateless_era_every_request_says_who_asks() {
    let mut peer = Peer::new();
    peer.hub.agree_stateless(Stateless::new("2026-07-28", r#"{"sampling":{}}"#));
    for (method, params) in [("tools/list", "{}"), ("tools/call", r#"{"name":"x"}"#)] {
        let (_call, line) = peer.request(method, params).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let meta = &line["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], serde_json::json!({ "sampling": {} }));
        assert_eq!(meta["progressToken"].is_string(), method == "tools/call");
    }
    let hub = Arc::clone(&peer.hub);
    let limits = CallLimits::within(LONG);
    let bare = tokio::spawn(async move { hub.request("a", None, limits, RequestOptions::default()).await });
    assert!(peer.hear().await.contains("clientInfo"));
    bare.abort();
}

#[tokio::test]
async fn a_server_that_waits_for_an_answer_is_not_idle() {
    let (handler, capabilities) = (Arc::new(Silent), RawValue::from_string("{}".into()).unwrap());
    let mut peer = Peer::with_client(ROOM, ClientSide::new(capabilities, handler));
    let call = |hub: Arc<Hub>, total| {
        let limits = CallLimits::new(Duration::from_millis(10), total);
        tokio::spawn(async move { hub.request("tools/call", None, limits, RequestOptions::default()).await })
    };
    peer.say(r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create"}"#).await;
    until(|| peer.hub.asked.open() == 1).await;
    let waiting = call(Arc::clone(&peer.hub), LONG);
    peer.hear().await;
    // A person thinks, for much longer than a server may be silent.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    peer.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
    assert_eq!(outcome(waiting).await.unwrap(), "{}");
    // What it takes in all is bounded all the same.
    let waiting = outcome(call(Arc::clone(&peer.hub), Duration::from_millis(50))).await;
    assert!(matches!(waiting, Err(CallError::TimedOut { what: crate::TimeoutKind::Total, .. })), "{waiting:?}");
}

/// Never answers.
struct Silent;

#[async_trait]
impl ServerRequests for Silent {
    async fn answer(&self, _: ServerRequest) -> Result<Box<RawValue>, RpcError> {
        std::future::pending().await
    }
}
