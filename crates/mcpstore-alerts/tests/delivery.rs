//! Alerts to real sockets whose receivers misbehave: order is kept, nothing is lost within the bound, nobody waits.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::{Act, Receiver, alert, alerts, keys, outcomes, quick, told, until, webhook};
use mcpstore_alerts::{Alert, AlertStatus, Delivery, Options, Outcome, SinkStatus};
use mcpstore_types::{Secret, SinkKind, SinkSpec, WebhookTemplate};

const WITHIN: Duration = Duration::from_secs(30);

fn status(delivery: &Delivery, name: &str) -> SinkStatus {
    delivery.status().into_iter().find(|status| status.name == name).unwrap()
}

async fn all_sent(delivery: &Delivery, name: &str) {
    until("the queue is empty", || status(delivery, name).queued == 0).await;
}

#[tokio::test]
async fn a_receiver_that_is_down_for_a_while_gets_everything_once_and_in_order() {
    // A port that nobody listens on, for now.
    let gone = Receiver::start([]).await;
    let address = gone.address;
    drop(gone);
    until("the port is free", || std::net::TcpStream::connect(address).is_err()).await;
    let (options, receipts) = told(quick());
    let delivery =
        Delivery::start(vec![webhook("w", &format!("http://{address}/"), WebhookTemplate::Generic)], options);
    let alerts = alerts(50);
    alerts.iter().cloned().for_each(|alert| delivery.send(alert));
    until("some attempts have failed", || status(&delivery, "w").failed_attempts_total >= 4).await;
    let down = status(&delivery, "w");
    assert_eq!((down.queued, down.sent_total, down.dropped_total), (50, 0, 0));
    assert!(down.last_error.unwrap().contains("refused"));
    assert_eq!(delivery.undelivered()["w"], alerts);
    let receiver = Receiver::on(address, []).await;
    all_sent(&delivery, "w").await;
    assert_eq!(receiver.taken(), keys(&alerts));
    let told = outcomes(&receipts, "w");
    assert_eq!(told.iter().filter(|(_, outcome)| *outcome == Outcome::Queued).count(), 50);
    let delivered: Vec<_> =
        told.iter().filter(|(_, outcome)| *outcome == Outcome::Delivered).map(|(id, _)| id).collect();
    assert_eq!(delivered, alerts.iter().map(|alert| &alert.id).collect::<Vec<_>>());
    let up = status(&delivery, "w");
    assert_eq!((up.sent_total, up.dropped_total, up.last_error), (50, 0, None));
    assert!(up.last_sent_ms.unwrap() >= alerts[49].at_ms);
}

#[tokio::test]
async fn every_misbehaviour_in_a_row_loses_only_what_was_refused_for_good() {
    let script = [
        Act::Answer(500, "sorry"),
        Act::Reset,
        Act::Answer(503, ""),
        Act::Slow(Duration::from_millis(200)),
        Act::Answer(502, ""),
        Act::Answer(400, "no"),
        Act::With(429, "Retry-After: 1".to_owned()),
        Act::Answer(204, ""),
        Act::Reset,
        Act::Reset,
        Act::Answer(408, ""),
    ];
    let receiver = Receiver::start(script).await;
    let (options, receipts) = told(quick());
    let delivery = Delivery::start(vec![receiver.spec("w")], options);
    let alerts = alerts(5);
    let start = Instant::now();
    alerts.iter().cloned().for_each(|alert| delivery.send(alert));
    all_sent(&delivery, "w").await;
    assert!(start.elapsed() >= Duration::from_secs(1), "what the 429 asked for");
    let mut expected = keys(&alerts);
    expected.remove(1);
    assert_eq!(receiver.taken(), expected, "all but the one that was refused, once each, in order");
    let fared = status(&delivery, "w");
    assert_eq!((fared.sent_total, fared.failed_attempts_total, fared.dropped_total), (4, 9, 1));
    let dropped = ("a1".to_owned(), Outcome::Dropped { error: "HTTP status 400: no".to_owned() });
    assert!(outcomes(&receipts, "w").contains(&dropped));
}

#[tokio::test]
async fn a_date_in_retry_after_is_waited_for() {
    let later = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(2));
    let receiver = Receiver::start([Act::With(503, format!("Retry-After: {later}"))]).await;
    let delivery = Delivery::start(vec![receiver.spec("w")], quick());
    let start = Instant::now();
    delivery.send(alert("1"));
    all_sent(&delivery, "w").await;
    // A date has whole seconds: the second of it may have begun.
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(receiver.taken().len(), 1);
}

#[tokio::test]
async fn a_sink_that_hangs_slows_neither_who_sends_nor_who_asks_nor_other_sinks() {
    let hanging = Receiver::start(std::iter::repeat_n(Act::Hang, 100)).await;
    let good = Receiver::start([]).await;
    let delivery = Delivery::start(vec![hanging.spec("hanging"), good.spec("good")], Options::default());
    let alerts = alerts(1100);
    delivery.send(alerts[0].clone());
    until("it hangs", || hanging.begun() == 1).await;
    let start = Instant::now();
    alerts[1..1000].iter().cloned().for_each(|alert| delivery.send(alert));
    for _ in 0..1000 {
        assert_eq!(delivery.status().len(), 2);
    }
    // It is a matter of milliseconds; one attempt alone would take ten seconds.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    all_sent(&delivery, "good").await;
    assert_eq!(good.taken(), keys(&alerts[..1000]));
    assert_eq!(status(&delivery, "hanging").queued, 1000);
    alerts[1000..].iter().cloned().for_each(|alert| delivery.send(alert));
    let full = status(&delivery, "hanging");
    assert_eq!((full.queued, full.dropped_total), (1024, 76));
}

#[tokio::test]
async fn an_attempt_ends_in_time_and_is_made_again() {
    let receiver = Receiver::start([Act::Hang]).await;
    let options = Options { request_timeout: Duration::from_secs(2), ..quick() };
    let delivery = Delivery::start(vec![receiver.spec("w")], options);
    delivery.send(alert("1"));
    all_sent(&delivery, "w").await;
    let fared = status(&delivery, "w");
    assert_eq!((fared.sent_total, fared.failed_attempts_total), (1, 1));
    assert_eq!(receiver.begun(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start([]).await;
    let to = format!("Location: http://{}/stolen", elsewhere.address);
    let receiver = Receiver::start([Act::With(307, to.clone()), Act::With(302, to)]).await;
    let delivery = Delivery::start(vec![receiver.spec("w")], quick());
    delivery.send(alert("1"));
    all_sent(&delivery, "w").await;
    assert_eq!((elsewhere.begun(), receiver.taken().len()), (0, 1));
    assert_eq!(status(&delivery, "w").failed_attempts_total, 2);
}

#[tokio::test]
async fn secrets_are_in_no_error_though_the_receiver_quotes_them() {
    let receiver = Receiver::start([Act::Echo]).await;
    let url = format!("http://user:pass-word@{}/services/T00SECRET/B11SECRET?token=querySECRET", receiver.address);
    let headers = BTreeMap::from([("Authorization".to_owned(), Secret::from("Bearer headerSECRET"))]);
    let kind = SinkKind::Webhook { url: url.into(), template: WebhookTemplate::Generic, headers, sign_key: None };
    let spec = SinkSpec::new("w", kind);
    let gone: SocketAddr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = webhook("refused", &format!("http://{gone}/refusedSECRET?k=otherSECRET"), WebhookTemplate::Slack);
    let odd = webhook("odd", "oddSECRET://x", WebhookTemplate::Slack);
    let (options, receipts) = told(quick());
    let found = Delivery::check(&[spec.clone(), odd.clone()]);
    assert_eq!(found, ["sink `odd`: `url` does not begin with http:// or https://"]);
    let delivery = Delivery::start(vec![spec, refused, odd], options);
    let tested = delivery.test(Some("refused"), alert("t")).await;
    delivery.send(alert("1"));
    all_sent(&delivery, "w").await;
    all_sent(&delivery, "odd").await;
    let error = status(&delivery, "w").last_error.unwrap();
    assert!(error.starts_with("HTTP status 400: cannot POST /***"), "{error}");
    assert!(status(&delivery, "odd").last_error.unwrap().contains("`url`"));
    let sent = receiver.seen().remove(0);
    assert_eq!(sent.headers["authorization"], "Bearer headerSECRET");
    let all = format!("{:?} {delivery:?} {:?} {tested:?}", delivery.status(), receipts.lock().unwrap());
    assert!(!all.contains("SECRET") && !all.contains("pass-word"), "{all}");
}

#[tokio::test]
async fn chats_get_what_they_sign_and_where_they_take_it() {
    let no = Act::Answer(200, r#"{"code":19021,"msg":"sign match fail"}"#);
    let receiver = Receiver::start([
        no,
        Act::Answer(200, r#"{"code":0}"#),
        Act::Answer(200, r#"{"errcode":0}"#),
        Act::Answer(200, ""),
    ])
    .await;
    let to = |name: &str, path: &str, template, sign_key: Option<&str>| {
        let url = Secret::from(format!("http://{}{path}", receiver.address));
        let kind = SinkKind::Webhook { url, template, headers: BTreeMap::new(), sign_key: sign_key.map(Secret::from) };
        SinkSpec::new(name, kind)
    };
    let delivery = Delivery::start(
        vec![
            to("feishu", "/open-apis/bot/v2/hook/x", WebhookTemplate::Feishu, Some("key")),
            to("dingtalk", "/robot/send?access_token=t", WebhookTemplate::DingTalk, Some("key")),
            to("ntfy", "/push/topic-1", WebhookTemplate::Ntfy, None),
        ],
        quick(),
    );
    let answers = delivery.test(Some("feishu"), alert("t")).await;
    let refused = "the chat refused it with code 19021: sign match fail";
    assert_eq!(answers, [("feishu".to_owned(), Err(refused.to_owned()))]);
    for name in ["feishu", "dingtalk", "ntfy"] {
        assert_eq!(delivery.test(Some(name), alert("t")).await, [(name.to_owned(), Ok(()))]);
    }
    let seen = receiver.seen();
    assert!(seen[1].body["sign"].as_str().unwrap().len() == 44 && seen[1].body["timestamp"].is_string());
    assert_eq!(seen[1].body["msg_type"], "interactive");
    let query = seen[2].target.strip_prefix("/robot/send?access_token=t&timestamp=").unwrap();
    let (timestamp, sign) = query.split_once("&sign=").unwrap();
    assert_eq!((timestamp.len(), sign.contains('+')), (13, false), "{query}");
    assert_eq!((seen[3].target.as_str(), &seen[3].body["topic"]), ("/push/", &"topic-1".into()));
}

#[tokio::test]
async fn a_test_goes_past_queues_and_filters_and_tells_who_took_it() {
    let good = Receiver::start([]).await;
    let bad = Receiver::start([Act::Answer(404, "no such hook")]).await;
    let mut picky = good.spec("good");
    picky.min_severity = mcpstore_types::AlertSeverity::Critical;
    picky.only = vec![mcpstore_types::AlertKind::Leaked];
    let delivery = Delivery::start(vec![picky, bad.spec("bad"), SinkSpec::log()], quick());
    let answers = delivery.test(None, alert("t")).await;
    let error = "HTTP status 404: no such hook".to_owned();
    let expected = [("good", Ok(())), ("bad", Err(error)), ("log", Ok(()))];
    assert_eq!(answers, expected.map(|(name, answer)| (name.to_owned(), answer)));
    assert_eq!(good.seen()[0].body["status"], "test");
    assert!(delivery.status().iter().all(|status| status.sent_total == 0 && status.queued == 0));
    let unknown = delivery.test(Some("goof"), alert("t")).await;
    assert_eq!(unknown, [("goof".to_owned(), Err("there is no sink `goof`; did you mean `good`?".to_owned()))]);
}

#[tokio::test]
async fn what_a_shutdown_leaves_over_goes_on_after_a_restart() {
    let receiver = Receiver::start([Act::Answer(200, ""), Act::Hang]).await;
    let (options, receipts) = told(quick());
    let delivery = Delivery::start(vec![receiver.spec("w"), SinkSpec::log()], options.clone());
    let alerts = alerts(5);
    alerts.iter().cloned().for_each(|alert| delivery.send(alert));
    until("the second hangs", || receiver.begun() == 2).await;
    let rest = delivery.shutdown(Duration::from_millis(100)).await;
    assert_eq!(rest, BTreeMap::from([("w".to_owned(), alerts[1..].to_vec())]));
    assert!(delivery.shutdown(WITHIN).await.is_empty());
    delivery.send(alert("late"));
    assert_eq!(status(&delivery, "w").dropped_total, 1);
    drop(delivery);

    let again = Delivery::start(vec![receiver.spec("w")], options);
    assert_eq!(again.restore("w", rest["w"].clone()), 4);
    assert_eq!(again.restore("gone", vec![alert("x")]), 0);
    let last = alert("last");
    again.send(last.clone());
    assert!(again.shutdown(WITHIN).await.is_empty(), "all of it within the time");
    let mut expected = keys(&alerts);
    expected.push(last.key());
    assert_eq!(receiver.taken(), expected);
    let told = outcomes(&receipts, "w");
    for alert in &alerts {
        let of: Vec<_> = told.iter().filter(|(id, _)| *id == alert.id).map(|(_, outcome)| outcome.clone()).collect();
        assert_eq!(of, [Outcome::Queued, Outcome::Delivered], "{}", alert.id);
    }
    assert!(matches!(outcomes(&receipts, "gone")[..], [(_, Outcome::Dropped { .. })]));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_receiver_that_is_down() {
    let receiver = Receiver::start(std::iter::repeat_n(Act::Answer(500, ""), 1000)).await;
    let delivery = Delivery::start(vec![receiver.spec("w")], Options::default());
    delivery.send(alert("1"));
    until("it failed", || status(&delivery, "w").failed_attempts_total == 1).await;
    let start = Instant::now();
    assert_eq!(delivery.shutdown(WITHIN).await["w"].len(), 1);
    assert!(start.elapsed() < WITHIN / 2, "{:?}", start.elapsed());
    assert_eq!(receiver.seen().len(), 2, "one last attempt");
}

#[tokio::test]
async fn other_sinks_take_over_and_equal_ones_keep_their_queue() {
    let down = Receiver::start(std::iter::repeat_n(Act::Answer(500, ""), 1000)).await;
    let good = Receiver::start([]).await;
    let (options, receipts) = told(Options { first_backoff: Duration::from_secs(3600), ..Options::default() });
    let delivery = Delivery::start(vec![down.spec("moved"), down.spec("kept"), down.spec("gone")], options);
    let alerts = alerts(3);
    alerts.iter().cloned().for_each(|alert| delivery.send(alert));
    until("all wait", || delivery.status().iter().all(|status| status.failed_attempts_total == 1)).await;
    delivery.reconfigure(vec![good.spec("moved"), good.spec("new"), down.spec("kept")]);
    all_sent(&delivery, "moved").await;
    assert_eq!(good.taken(), keys(&alerts));
    let names: Vec<String> = delivery.status().into_iter().map(|status| status.name).collect();
    assert_eq!(names, ["moved", "new", "kept"]);
    assert_eq!((status(&delivery, "kept").queued, status(&delivery, "kept").failed_attempts_total), (3, 1));
    assert_eq!(status(&delivery, "new").queued, 0, "it hears of what comes from now on");
    let gone = outcomes(&receipts, "gone");
    let dropped = gone.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Dropped { .. })).count();
    assert_eq!((gone.len(), dropped), (6, 3));
}

#[tokio::test]
async fn firing_repeated_and_resolved_are_told_apart_and_belong_together() {
    let receiver = Receiver::start([Act::Answer(500, "")]).await;
    let delivery = Delivery::start(vec![receiver.spec("w")], quick());
    let firing = alert("x");
    let repeated = Alert { status: AlertStatus::Repeated, at_ms: firing.at_ms + 1, ..firing.clone() };
    let resolved = Alert { status: AlertStatus::Resolved, at_ms: firing.at_ms + 2, ..firing.clone() };
    for alert in [&firing, &repeated, &resolved] {
        delivery.send(alert.clone());
    }
    all_sent(&delivery, "w").await;
    let seen = receiver.seen();
    assert_eq!(seen[0].headers["idempotency-key"], seen[1].headers["idempotency-key"], "the second attempt");
    let told: Vec<_> = seen[1..].iter().map(|seen| (&seen.body["id"], seen.body["status"].as_str().unwrap())).collect();
    let id = &serde_json::Value::from("x");
    assert_eq!(told, [(id, "firing"), (id, "repeated"), (id, "resolved")]);
    assert_eq!(receiver.taken(), keys(&[firing, repeated, resolved]));
    for seen in &seen {
        assert_eq!(seen.body["key"], seen.headers["idempotency-key"]);
        assert!(seen.headers["content-type"].starts_with("application/json"));
    }
}

#[cfg(not(feature = "mail"))]
#[tokio::test]
async fn what_is_not_built_in_says_so() {
    let mail = SinkKind::Mail { server: "smtp://h".into(), from: "a@b.c".into(), to: vec!["d@e.f".into()] };
    let specs = vec![SinkSpec::new("m", mail), SinkSpec::log(), SinkSpec::log()];
    let expected = ["sink `m`: built without the feature `mail`", "sink `log`: there is another one of this name"];
    assert_eq!(Delivery::check(&specs), expected);
    let delivery = Delivery::start(specs, quick());
    delivery.send(alert("1"));
    all_sent(&delivery, "m").await;
    let fared = status(&delivery, "m");
    assert_eq!((fared.dropped_total, fared.last_error.as_deref()), (1, Some("built without the feature `mail`")));
    assert_eq!(delivery.status().len(), 2);
}
