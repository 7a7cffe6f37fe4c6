//! What an earlier manager left behind, read from history.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mcpstore_alerts::{Alert, Receipt};
use mcpstore_history::{NoticeRecord, ReadError, Reader, Record};
use mcpstore_monitor::{AlertStatus, AlertView, PastSpan, Silence};
use mcpstore_types::ServiceState;

use crate::keep::{Kept, alert, is_final, view};

/// How far back is read: the longest window of availability, and the time between two [`Kept::View`] of one alert.
const BACK: Duration = Duration::from_secs(25 * 3600);

/// What an earlier manager left behind.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Alerts that fire.
    pub(crate) alerts: Vec<AlertView>,
    /// Silences that hold.
    pub(crate) silences: Vec<Silence>,
    /// Alerts that a sink never got, by sink, in order.
    pub(crate) owed: BTreeMap<String, Vec<Alert>>,
    /// What each service was in the last day.
    pub(crate) times: BTreeMap<String, Times>,
}

/// The last day of one service.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) spans: Vec<PastSpan>,
    /// How long ago each restart was.
    pub(crate) restarts: Vec<Duration>,
}

/// Reads the history in this folder as of `now_ms`. Blocks for as long as reading takes.
pub(crate) fn read(folder: &Path, now_ms: u64) -> Result<Left, ReadError> {
    let reader = Reader::open(folder)?;
    let mut story = Story::new(now_ms);
    let from = now_ms.saturating_sub(u64::try_from(BACK.as_millis()).unwrap_or(u64::MAX));
    for (at_ms, record) in reader.since(from)? {
        story.take(at_ms, record);
    }
    Ok(story.end())
}

/// Where a service stood.
#[derive(Debug)]
struct Standing {
    since_ms: u64,
    state: ServiceState,
    wanted: bool,
}

/// A history being read.
#[derive(Debug)]
struct Story {
    now_ms: u64,
    last_ms: u64,
    left: Left,
    /// Alerts that fire, by fingerprint.
    active: BTreeMap<String, AlertView>,
    silences: BTreeMap<u64, Silence>,
    /// Alerts told of, by key, until they are delivered everywhere.
    told: BTreeMap<String, Alert>,
    /// What sinks owe, in the order in which it was queued.
    queued: Vec<Receipt>,
    standing: BTreeMap<String, Standing>,
}

impl Story {
    fn new(now_ms: u64) -> Self {
        Self {
            now_ms,
            last_ms: 0,
            left: Left::default(),
            active: BTreeMap::new(),
            silences: BTreeMap::new(),
            told: BTreeMap::new(),
            queued: Vec::new(),
            standing: BTreeMap::new(),
        }
    }

    fn take(&mut self, at_ms: u64, record: Record) {
        match record {
            // A manager that was killed wrote no last word: its services were what they were until its last line.
            Record::Start(_) => self.all_down(self.last_ms),
            Record::Stop(_) => self.all_down(at_ms),
            Record::Notice(notice) => self.notice(at_ms, &notice),
            Record::Alert(alert) => self.kept(Kept::read(alert)),
            _ => {}
        }
        self.last_ms = self.last_ms.max(at_ms);
    }

    fn kept(&mut self, kept: Option<Kept>) {
        match kept {
            Some(Kept::Event { event, tags, host }) => {
                let sent = alert(&event, &tags, &host);
                self.told.insert(sent.key(), sent);
                match event.status {
                    AlertStatus::Resolved => {
                        self.active.remove(&event.fingerprint);
                    }
                    AlertStatus::Firing | AlertStatus::Repeated => {
                        let known = self.active.get(&event.fingerprint).and_then(|view| view.fired_ms);
                        let fired_ms = known.unwrap_or(event.at_ms);
                        self.active.insert(event.fingerprint.clone(), view(&event, fired_ms));
                    }
                }
            }
            Some(Kept::View { view }) => {
                self.active.insert(view.fingerprint.clone(), view);
            }
            Some(Kept::Receipt { receipt }) if is_final(&receipt) => {
                self.queued.retain(|queued| !is_about_the_same(queued, &receipt));
            }
            Some(Kept::Receipt { receipt }) => self.queued.push(receipt),
            Some(Kept::Silence { silence }) => {
                self.silences.insert(silence.id, silence);
            }
            Some(Kept::Unsilence { id }) => {
                self.silences.remove(&id);
            }
            None => {}
        }
    }

    fn notice(&mut self, at_ms: u64, notice: &NoticeRecord) {
        let Some(state) = notice.to.as_deref().and_then(|word| word.parse::<ServiceState>().ok()) else {
            self.ends(&notice.service, at_ms);
            return;
        };
        if notice.from.as_deref() == Some("error") && state == ServiceState::Starting {
            let ago = self.ago(at_ms);
            self.left.times.entry(notice.service.clone()).or_default().restarts.push(ago);
        }
        let wanted = is_wanted(state, &notice.reason);
        if self.standing.get(&notice.service).is_some_and(|now| (now.state, now.wanted) == (state, wanted)) {
            return;
        }
        self.ends(&notice.service, at_ms);
        self.standing.insert(notice.service.clone(), Standing { since_ms: at_ms, state, wanted });
    }

    /// A service is no longer what it was.
    fn ends(&mut self, service: &str, at_ms: u64) {
        let Some(Standing { since_ms, state, wanted }) = self.standing.remove(service) else { return };
        let (began_before, ended_before) = (self.ago(since_ms), self.ago(at_ms));
        if began_before > ended_before {
            let span = PastSpan { began_before, ended_before, state, wanted };
            self.left.times.entry(service.to_owned()).or_default().spans.push(span);
        }
    }

    fn all_down(&mut self, at_ms: u64) {
        let names: Vec<String> = self.standing.keys().cloned().collect();
        names.iter().for_each(|name| self.ends(name, at_ms));
    }

    fn end(mut self) -> Left {
        self.all_down(self.last_ms);
        self.left.alerts = self.active.into_values().collect();
        self.left.silences = self.silences.into_values().filter(|silence| silence.until_ms > self.now_ms).collect();
        for receipt in self.queued {
            let key = Alert {
                at_ms: receipt.at_ms,
                ..Alert::new(&receipt.id, mcpstore_types::AlertKind::GaveUp, "", receipt.status)
            };
            if let Some(alert) = self.told.get(&key.key()) {
                self.left.owed.entry(receipt.sink).or_default().push(alert.clone());
            }
        }
        self.left
    }

    fn ago(&self, at_ms: u64) -> Duration {
        Duration::from_millis(self.now_ms.saturating_sub(at_ms))
    }
}

fn is_about_the_same(a: &Receipt, b: &Receipt) -> bool {
    (&a.sink, &a.id, a.status, a.at_ms) == (&b.sink, &b.id, b.status, b.at_ms)
}

/// Whether a service in this state should have been up. History has no word for it, but what brought it there tells.
fn is_wanted(state: ServiceState, reason: &str) -> bool {
    match state {
        ServiceState::NotStarted | ServiceState::Stopped => false,
        ServiceState::Starting | ServiceState::Running | ServiceState::Error | ServiceState::Unknown => true,
        ServiceState::Stopping => !matches!(
            reason,
            "stop_asked"
                | "kill_asked"
                | "remove_asked"
                | "config_changed"
                | "dependency_stopped"
                | "conflict_started"
                | "idle"
        ),
    }
}
