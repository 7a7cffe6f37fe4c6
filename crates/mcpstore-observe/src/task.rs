//! The task that watches: what happens goes to history and to the alert engine, what that says to the sinks.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_history::{BeatRecord, NoticeRecord, Record};
use mcpstore_monitor::{AlertEvent, AlertStage};
use mcpstore_runtime::EventStream;
use mcpstore_types::{Notice, ServiceName};
use tokio::time::{Instant, sleep, sleep_until};

use crate::facts::observation;
use crate::keep::{Kept, alert};
use crate::observer::Inner;
use crate::samples::Samples;

/// How often history is told that the manager lives.
const BEAT: Duration = Duration::from_secs(10);
/// How often alerts that last are written again, so that a start need not read far back.
const REMIND: Duration = Duration::from_secs(12 * 3600);

/// Watches until the supervisor is gone and everything it said was read.
pub(crate) async fn watch_over(
    inner: Arc<Inner>,
    mut stream: EventStream,
    look_every: Duration,
    sample_every: Duration,
) {
    let mut samples = Samples::default();
    let mut fault = None;
    let mut missed = 0;
    let (mut look_at, mut sample_at) = (Instant::now() + look_every, Instant::now() + sample_every);
    let (mut remind_at, mut beat_at) = (Instant::now() + REMIND, Instant::now() + BEAT);
    loop {
        let due = inner.next_deadline();
        tokio::select! {
            notices = stream.next() => {
                let Some(notices) = notices else { return };
                inner.keep_notices(&notices);
                if stream.missed() > missed {
                    inner.note_missed(stream.missed() - missed);
                    missed = stream.missed();
                    inner.look_at_all();
                } else {
                    inner.look_at(notices.iter().map(|notice| &notice.service));
                }
                let last = notices.last().map_or(0, |notice| notice.seq);
                inner.seen.send_replace(last);
            }
            () = sleep(due.unwrap_or_default()), if due.is_some() => inner.tick(),
            () = sleep_until(look_at) => {
                look_at = Instant::now() + look_every;
                inner.look_at_all();
                inner.look_at_history(&mut fault);
            }
            () = sleep_until(sample_at) => {
                sample_at = Instant::now() + sample_every;
                inner.sample(&mut samples);
            }
            () = sleep_until(beat_at) => {
                beat_at = Instant::now() + BEAT;
                inner.beat();
            }
            () = sleep_until(remind_at) => {
                remind_at = Instant::now() + REMIND;
                inner.remind();
            }
        }
    }
}

impl Inner {
    fn keep_notices(&self, notices: &[Arc<Notice>]) {
        let Some(history) = &self.history else { return };
        for notice in notices {
            history.append_at(self.unix_ms(notice.time), Record::Notice(NoticeRecord::from(&**notice)));
        }
    }

    /// Looks at these services; those that are gone have no alerts any more.
    fn look_at<'a>(&self, names: impl Iterator<Item = &'a ServiceName>) {
        let snapshot = self.supervisor.snapshot();
        let now = self.supervisor.now();
        let mut seen: Vec<&ServiceName> = names.collect();
        seen.sort_unstable();
        seen.dedup();
        for name in seen {
            let mut engine = self.engine();
            let events = match snapshot.get(name.as_str()) {
                Some(info) => {
                    let observation = observation(info, &snapshot, &self.spec(), now);
                    engine.observe(now, observation)
                }
                None => engine.remove(now, name),
            };
            drop(engine);
            self.tell(&events);
        }
    }

    fn look_at_all(&self) {
        let snapshot = self.supervisor.snapshot();
        self.look_at(snapshot.services().iter().map(|info| info.name()));
    }

    fn tick(&self) {
        let events = self.engine().tick(self.supervisor.now());
        self.tell(&events);
    }

    /// Keeps what the engine says, and has it delivered.
    pub(crate) fn tell(&self, events: &[AlertEvent]) {
        for event in events {
            let info = self.supervisor.info(event.service.as_str());
            let tags = info.map(|info| info.spec.tags.clone()).unwrap_or_default();
            // First what is owed, then the attempt: a kill between the two delivers it twice rather than never.
            self.keep(&Kept::Event { event: event.clone(), tags: tags.clone(), host: self.host.clone() });
            self.delivery.send(alert(event, &tags, &self.host));
        }
    }

    /// Says it once when history can be written no more, and when it can again.
    fn look_at_history(&self, before: &mut Option<String>) {
        let fault = self.history_fault();
        match (&fault, &before) {
            (Some(why), None) => tracing::warn!(%why, "history is not written: what happens is lost with the manager"),
            (None, Some(_)) => tracing::warn!("history is written again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        *before = fault;
    }

    fn beat(&self) {
        if let Some(history) = &self.history {
            history.append(Record::Beat(BeatRecord {}));
        }
    }

    fn sample(&self, samples: &mut Samples) {
        let Some(history) = &self.history else { return };
        let snapshot = self.supervisor.snapshot();
        samples.keep_only(|name| snapshot.get(name.as_str()).is_some());
        for report in self.supervisor.metrics_report().services {
            if let Some(sample) = samples.take(&report) {
                history.append(Record::Sample(sample));
            }
        }
    }

    /// Says again which alerts fire and which silences hold.
    pub(crate) fn remind(&self) {
        let engine = self.engine();
        let (views, silences) = (engine.active(), engine.silences().to_vec());
        drop(engine);
        for view in views.into_iter().filter(|view| view.stage == AlertStage::Firing && view.told_ms.is_some()) {
            self.keep(&Kept::View { view });
        }
        for silence in silences {
            self.keep(&Kept::Silence { silence });
        }
    }
}
