//! The queue of one sink against scripted receivers, in virtual time.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcpstore_types::{AlertKind, AlertSeverity, SinkKind};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::sink::MockSink;

/// Answers from a script, then always yes. Writes down when it was asked for what.
struct Scripted {
    answers: Mutex<VecDeque<Result<(), SinkError>>>,
    asked: Arc<Mutex<Vec<(String, f64)>>>,
    start: Instant,
}

#[async_trait::async_trait]
impl Sink for Scripted {
    async fn deliver(&self, alert: &Alert) -> Result<(), SinkError> {
        self.asked.lock().unwrap().push((alert.id.clone(), self.start.elapsed().as_secs_f64()));
        self.answers.lock().unwrap().pop_front().unwrap_or(Ok(()))
    }
}

pub(super) struct Bench {
    pub(super) line: Arc<Line>,
    asked: Arc<Mutex<Vec<(String, f64)>>>,
    receipts: Arc<Mutex<Vec<Receipt>>>,
    task: JoinHandle<()>,
}

impl Bench {
    pub(super) fn new(spec: SinkSpec, answers: Vec<Result<(), SinkError>>, options: Options) -> Self {
        let asked = Arc::new(Mutex::default());
        let sink = Scripted { answers: Mutex::new(answers.into()), asked: Arc::clone(&asked), start: Instant::now() };
        Self::with(spec, Arc::new(sink), asked, options)
    }

    fn with(spec: SinkSpec, sink: Arc<dyn Sink>, asked: Arc<Mutex<Vec<(String, f64)>>>, options: Options) -> Self {
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&receipts);
        let on_receipt: crate::OnReceipt = Arc::new(move |receipt| told.lock().unwrap().push(receipt));
        let options = Options { on_receipt: Some(on_receipt), ..options };
        let line = Arc::new(Line::with(spec, sink, Arc::new(options)));
        let runs = Arc::clone(&line);
        let task = tokio::spawn(async move { runs.run().await });
        Self { line, asked, receipts, task }
    }

    /// Closes the line once it is empty, and waits for its task.
    pub(super) async fn drained(self) -> (Vec<(String, f64)>, Vec<(String, Outcome)>, SinkStatus) {
        timeout(Duration::from_secs(7 * 24 * 3600), async {
            while self.line.status().queued > 0 {
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await
        .unwrap();
        self.line.close();
        self.task.await.unwrap();
        let receipts = self.receipts.lock().unwrap().iter().map(|r| (r.id.clone(), r.outcome.clone())).collect();
        let asked = self.asked.lock().unwrap().clone();
        (asked, receipts, self.line.status())
    }
}

pub(super) fn alert(id: &str) -> Alert {
    let mut alert = Alert::new(id, AlertKind::GaveUp, "web", AlertStatus::Firing);
    alert.at_ms = unix_ms(SystemTime::now());
    alert
}

pub(super) fn later(message: &str) -> Result<(), SinkError> {
    Err(SinkError::passing(message))
}

pub(super) fn asks_for(seconds: u64) -> Result<(), SinkError> {
    Err(SinkError { retry_after: Some(Duration::from_secs(seconds)), ..SinkError::passing("busy") })
}

fn ids(asked: &[(String, f64)]) -> Vec<&str> {
    asked.iter().map(|(id, _)| id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_head_is_tried_until_it_is_delivered_and_only_then_the_next() {
    let bench = Bench::new(SinkSpec::log(), vec![later("a"), later("b"), later("c")], Options::default());
    bench.line.push(&alert("1"));
    bench.line.push(&alert("2"));
    let (asked, receipts, status) = bench.drained().await;
    assert_eq!(ids(&asked), ["1", "1", "1", "1", "2"]);
    // 1 s, 2 s and 4 s, each within a fifth; then the next at once.
    for (i, middle) in [1.0, 2.0, 4.0].into_iter().enumerate() {
        let gap = (asked[i + 1].1 - asked[i].1) / middle;
        assert!((0.79..=1.21).contains(&gap), "{asked:?}");
    }
    assert_eq!(asked[3].1, asked[4].1);
    let [one, two] = ["1", "2"].map(str::to_owned);
    let told = [
        (one.clone(), Outcome::Queued),
        (two.clone(), Outcome::Queued),
        (one, Outcome::Delivered),
        (two, Outcome::Delivered),
    ];
    assert_eq!(receipts, told);
    assert_eq!((status.sent_total, status.failed_attempts_total, status.dropped_total), (2, 3, 0));
    assert_eq!((status.last_error, status.next_attempt_ms), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_asks_for_is_honoured_within_reason() {
    let bench = Bench::new(SinkSpec::log(), vec![asks_for(17), asks_for(0), asks_for(9999)], Options::default());
    bench.line.push(&alert("1"));
    let (asked, ..) = bench.drained().await;
    let gaps: Vec<f64> = asked.windows(2).map(|pair| (pair[1].1 - pair[0].1).round()).collect();
    assert_eq!(gaps, [17.0, 1.0, 300.0]);
}

#[tokio::test(start_paused = true)]
async fn a_final_no_drops_one_alert_and_the_next_goes_on_at_once() {
    let no = || Err(SinkError::permanent("HTTP status 400"));
    let bench = Bench::new(SinkSpec::log(), vec![no(), no(), Ok(())], Options::default());
    for id in ["1", "2", "3"] {
        bench.line.push(&alert(id));
    }
    let (asked, receipts, status) = bench.drained().await;
    assert_eq!(ids(&asked), ["1", "2", "3"]);
    assert_eq!(asked[2].1, asked[0].1);
    let dropped = Outcome::Dropped { error: "HTTP status 400".to_owned() };
    assert_eq!(receipts[3], ("1".to_owned(), dropped.clone()));
    assert_eq!(receipts[4], ("2".to_owned(), dropped));
    assert_eq!(receipts[5], ("3".to_owned(), Outcome::Delivered));
    assert_eq!((status.sent_total, status.dropped_total), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_alert_too_old_is_tried_once_more_and_dropped() {
    let bench = Bench::new(SinkSpec::log(), vec![later("down"), later("down")], Options::default());
    let mut old = alert("old");
    old.at_ms -= 24 * 3600 * 1000;
    bench.line.push(&old);
    bench.line.push(&alert("new"));
    let (asked, receipts, status) = bench.drained().await;
    assert_eq!(ids(&asked), ["old", "new", "new"]);
    assert!(asked[1].1 > asked[0].1, "the wait stays: {asked:?}");
    let Outcome::Dropped { error } = &receipts[2].1 else { panic!("{receipts:?}") };
    assert!(error.contains("too old") && error.ends_with("down"), "{error}");
    assert_eq!((status.sent_total, status.dropped_total), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_the_newest_and_counts_it() {
    let options = Options { queue: 3, ..Options::default() };
    let bench = Bench::new(SinkSpec::log(), vec![later("down")], options);
    for id in ["1", "2", "3", "4", "5"] {
        bench.line.push(&alert(id));
    }
    assert_eq!((bench.line.status().queued, bench.line.status().dropped_total), (3, 2));
    let (asked, receipts, _) = bench.drained().await;
    assert_eq!(ids(&asked), ["1", "1", "2", "3"]);
    let error = "3 alerts wait for it already".to_owned();
    assert!(receipts.contains(&("4".to_owned(), Outcome::Dropped { error })), "{receipts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_what_it_is_for() {
    use AlertKind::{Flapping, GaveUp, Latency};
    use AlertSeverity::{Critical, Info, Warning};
    use AlertStatus::{Firing, Repeated, Resolved, Test};
    let mut spec = SinkSpec::log();
    spec.min_severity = Warning;
    spec.only = vec![GaveUp, Flapping];
    spec.send_resolved = false;
    let bench = Bench::new(spec, Vec::new(), Options::default());
    let of = |id: &str, kind, severity, status| Alert { kind, severity, status, ..alert(id) };
    for alert in [
        of("grave", GaveUp, Critical, Firing),
        of("mild", GaveUp, Info, Firing),
        of("other", Latency, Critical, Firing),
        of("over", GaveUp, Critical, Resolved),
        of("again", Flapping, Warning, Repeated),
        of("test", Latency, Info, Test),
    ] {
        bench.line.push(&alert);
    }
    let (asked, receipts, status) = bench.drained().await;
    assert_eq!(ids(&asked), ["grave", "again", "test"]);
    assert_eq!((receipts.len(), status.dropped_total), (6, 0), "what is not for it leaves no trace");
}

#[tokio::test(start_paused = true)]
async fn other_settings_take_over_what_waits_at_once() {
    let bench = Bench::new(SinkSpec::log(), vec![later("x"); 20], Options::default());
    bench.line.push(&alert("1"));
    while bench.line.status().failed_attempts_total < 8 {
        sleep(Duration::from_millis(100)).await;
    }
    let before = Instant::now();
    let kind = SinkKind::Command { command: String::new(), args: Vec::new() };
    bench.line.change(SinkSpec::new("log", kind));
    while bench.line.status().queued > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    let status = bench.line.status();
    assert_eq!((status.kind.as_str(), status.dropped_total), ("command", 1));
    assert_eq!(status.last_error.as_deref(), Some("there is no command"));
}

#[tokio::test(start_paused = true)]
async fn an_equal_spec_changes_nothing() {
    let bench = Bench::new(SinkSpec::log(), vec![later("x")], Options::default());
    bench.line.change(SinkSpec::log());
    bench.line.push(&alert("1"));
    let (asked, ..) = bench.drained().await;
    assert_eq!(ids(&asked), ["1", "1"], "it is the scripted sink still");
    assert!(asked[1].1 - asked[0].1 > 0.79);
}

#[tokio::test(start_paused = true)]
async fn closed_it_tries_what_waits_until_something_fails() {
    let bench = Bench::new(SinkSpec::log(), vec![later("x"), Ok(()), Ok(()), later("y")], Options::default());
    for id in ["1", "2", "3", "4"] {
        bench.line.push(&alert(id));
    }
    while bench.line.status().failed_attempts_total == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    bench.line.close();
    bench.task.await.unwrap();
    assert_eq!(ids(&bench.asked.lock().unwrap()), ["1", "1", "2", "3"]);
    bench.line.push(&alert("5"));
    assert_eq!(bench.line.status().dropped_total, 1);
    let rest: Vec<String> = bench.line.take_rest().into_iter().map(|alert| alert.id).collect();
    assert_eq!(rest, ["3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_undelivered_comes_first_after_a_restart() {
    let bench = Bench::new(SinkSpec::log(), Vec::new(), Options { queue: 3, ..Options::default() });
    assert_eq!(bench.line.restore(["1", "2", "3", "4"].map(alert).into()), 3);
    let (asked, receipts, status) = bench.drained().await;
    assert_eq!(ids(&asked), ["1", "2", "3"]);
    assert_eq!((status.sent_total, status.dropped_total), (3, 1));
    assert!(!receipts.iter().any(|(_, outcome)| *outcome == Outcome::Queued), "that was told before: {receipts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_blocks_nobody_who_sends() {
    let mut sink = MockSink::new();
    // It never answers; mockall's own methods cannot wait, so that one is asked at most and panics on a second.
    sink.expect_deliver().times(1).returning(|_| Err(SinkError::passing("down")));
    let hanging = Arc::new(Hanging(AtomicUsize::new(0)));
    let bench = Bench::with(
        SinkSpec::log(),
        Arc::clone(&hanging) as Arc<dyn Sink>,
        Arc::default(),
        Options { queue: 10, ..Options::default() },
    );
    let mocked = Bench::with(SinkSpec::log(), Arc::new(sink), Arc::default(), Options::default());
    for i in 0..1000 {
        bench.line.push(&alert(&i.to_string()));
    }
    mocked.line.push(&alert("1"));
    while hanging.0.load(Ordering::Relaxed) == 0 || mocked.line.status().failed_attempts_total == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let status = bench.line.status();
    assert_eq!((status.queued, status.dropped_total, status.sent_total), (10, 990, 0));
    bench.task.abort();
    mocked.task.abort();
    assert!(bench.task.await.unwrap_err().is_cancelled());
    assert!(mocked.task.await.unwrap_err().is_cancelled());
}

struct Hanging(AtomicUsize);

#[async_trait::async_trait]
impl Sink for Hanging {
    async fn deliver(&self, _alert: &Alert) -> Result<(), SinkError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        pending().await
    }
}
