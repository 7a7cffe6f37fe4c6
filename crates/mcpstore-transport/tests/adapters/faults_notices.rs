//! Notices in bursts: none is lost, none overtakes another, none comes after the answer it belongs to.

use mcpstore_transport::{CallLimits, Fed, RequestOptions, notice_channel};
use mcpstore_types::Era;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::faults_support::{Neighbour, start_for_call};
use crate::support::{LONG, Server, start, within};

/// Calls `progress` and gives the numbers of the notices that were there when the answer came.
async fn progress(server: &Server, n: u64) -> Vec<u64> {
    let params = format!(r#"{{"name":"progress","arguments":{{"n":{n},"ms":0}}}}"#);
    let params = RawValue::from_string(params).unwrap();
    let (sink, mut stream) = notice_channel();
    let options = RequestOptions { notices: Some(sink), ..RequestOptions::default() };
    let limits = CallLimits::within(LONG);
    server.session.request_with("tools/call", Some(params), limits, options).await.unwrap();
    let mut seen = Vec::new();
    while let Some(notice) = stream.try_next() {
        assert_eq!(&*notice.method, "notifications/progress");
        let params: Value = serde_json::from_str(notice.params.unwrap().get()).unwrap();
        assert_eq!(params["total"], n);
        seen.push(params["progress"].as_u64().unwrap());
    }
    // The request is over: nothing comes late.
    assert!(within(stream.next()).await.is_none() && stream.dropped() == 0);
    seen
}

/// 5,000 notices, in bursts of 50 before each of 100 answers.
async fn bursts(server: &Server) {
    let all: Vec<u64> = (1..=50).collect();
    for _ in 0..10 {
        // Ten calls at once, their notices mixed on the wire.
        let calls = (0..10).map(|_| progress(server, 50));
        for seen in futures_util::future::join_all(calls).await {
            assert_eq!(seen, all);
        }
    }
}

#[tokio::test]
async fn five_thousand_notices_in_bursts_come_in_order_and_before_their_answers() {
    for (flags, era) in [("--era handshake", Era::Handshake), ("--era stateless", Era::Stateless)] {
        let server = start(flags).await;
        assert_eq!(server.session.server().era, era);
        bursts(&server).await;
        // And all of them before one answer.
        assert_eq!(progress(&server, 5_000).await, (1..=5_000).collect::<Vec<_>>());
        server.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_holds_on_many_threads() {
    let server = start("").await;
    bursts(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_flood_for_a_slow_reader_is_counted_to_the_last() {
    let neighbour = Neighbour::start().await;
    for name in ["notification-flood", "list-changed-storm"] {
        let (server, deed) = start_for_call(name).await;
        let mut feed = server.session.notices();
        // Nobody reads the feed before the answer is there.
        deed.pull(&server).await.unwrap();
        server.session.close();
        let mut count = 0;
        while let Some(fed) = within(feed.next()).await {
            count += match fed {
                Fed::Notice(_) => 1,
                Fed::Missed(missed) => missed,
            };
        }
        assert_eq!(count, 20_000, "{name}");
        server.end().await;
    }
    neighbour.end().await;
}
