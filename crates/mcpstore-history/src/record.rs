//! What is kept of what happened.

use mcpstore_types::Notice;
use serde::{Deserialize, Serialize};

use crate::frame;

/// Most bytes of one text in a record; a longer one is cut, and ends in `…`.
pub const MAX_TEXT_BYTES: usize = 4096;

/// How deep the JSON of an alert is looked into.
const MAX_DEPTH: usize = 8;

/// One thing that happened. In JSON its kind is the word `k`, and its time, in milliseconds since the Unix epoch, is `t`.
///
/// Never changed, only added to: a reader passes over kinds that it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// A manager began to write here.
    Start(StartRecord),
    /// It ended in good order. Without one before the next `start`, it was killed.
    Stop(StopRecord),
    /// A service took a step.
    Notice(NoticeRecord),
    /// The numbers of a service since the sample before.
    Sample(SampleRecord),
    /// An alert fired, was repeated, or was resolved.
    Alert(AlertRecord),
    /// The manager lives: says until when its services were what they were, should it be killed.
    Beat(BeatRecord),
    /// Records are missing here: more came than the disk took.
    Gap(GapRecord),
}

/// A manager began to write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRecord {
    /// Its process.
    pub manager_pid: u32,
    /// Its version.
    pub version: String,
    /// Which boot of the machine, where the system tells.
    pub boot: Option<String>,
}

/// A manager ended in good order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRecord {
    /// Its process.
    pub manager_pid: u32,
}

/// A step of a service, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// Its place in the stream of its manager.
    pub seq: u64,
    /// Whose step.
    pub service: String,
    /// In which of its lives.
    pub incarnation: u64,
    /// The public state before; none: it was just registered.
    pub from: Option<String>,
    /// The public state after; none: it was removed.
    pub to: Option<String>,
    /// The phase after.
    pub phase: String,
    /// What brought it there: a word of `mcpstore_types::Reason`.
    pub reason: String,
    /// The same for people, where it says more: the exit code, the phase that timed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_text: Option<String>,
    /// The server's own words, the tail of its stderr, the name of the dependency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl From<&Notice> for NoticeRecord {
    fn from(notice: &Notice) -> Self {
        let reason = notice.reason.as_str();
        let text = notice.reason.to_string();
        Self {
            seq: notice.seq,
            service: notice.service.as_str().to_owned(),
            incarnation: notice.incarnation.0,
            from: notice.from.map(|state| state.as_str().to_owned()),
            to: notice.to.map(|state| state.as_str().to_owned()),
            phase: notice.phase.as_str().to_owned(),
            reason_text: (text != reason.replace('_', " ")).then_some(text),
            reason: reason.to_owned(),
            detail: notice.detail.as_deref().map(str::to_owned),
        }
    }
}

/// The numbers of one service since the sample before, every 5 min by default. What is unknown is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Whose.
    pub service: String,
    /// Its state at the end.
    pub state: String,
    /// Calls that ended meanwhile.
    pub calls: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// The median time of a successful call since the service was registered, in milliseconds; none without a call meanwhile.
    pub p50_ms: Option<f64>,
    /// The time that 95 % of them did not exceed, in milliseconds.
    pub p95_ms: Option<f64>,
    /// The longest of them, in milliseconds.
    pub max_ms: Option<f64>,
    /// Health checks meanwhile.
    pub checks: u64,
    /// Those of them that passed.
    pub healthy: u64,
    /// Processor time of all its lives so far.
    pub cpu_seconds: Option<f64>,
    /// Resident memory of its process tree.
    pub resident_bytes: Option<u64>,
    /// Open files of its process tree.
    pub open_files: Option<u64>,
    /// Processes in its tree.
    pub processes: Option<u32>,
}

/// An alert, as its engine writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertRecord {
    /// The alert as JSON. Its texts are cut like all others; nested deeper than eight levels it is left out.
    pub json: serde_json::Value,
}

/// The manager lives. It has nothing else to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeatRecord {}

/// How much is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// How many records were lost.
    pub lost: u64,
}

/// A record with its time, as it stands in a line.
#[derive(Serialize, Deserialize)]
struct Line<R> {
    t: u64,
    #[serde(flatten)]
    record: R,
}

/// Adds the line for a record. False, and nothing is added: it is too long for a line.
pub(crate) fn encode(out: &mut Vec<u8>, unix_ms: u64, mut record: Record) -> bool {
    record.cut();
    serde_json::to_vec(&Line { t: unix_ms, record }).is_ok_and(|json| frame::put(out, &json))
}

/// The record of a line, with its time; `None`: of a kind that this version does not know.
pub(crate) fn decode(json: &[u8]) -> Option<(u64, Record)> {
    let line: Line<Record> = serde_json::from_slice(json).ok()?;
    Some((line.t, line.record))
}

/// The time of a line, whatever its kind.
pub(crate) fn time_of(json: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Time {
        t: u64,
    }
    serde_json::from_slice::<Time>(json).ok().map(|time| time.t)
}

impl Record {
    /// Cuts every text to its bound.
    fn cut(&mut self) {
        match self {
            Self::Start(start) => {
                cut(&mut start.version);
                start.boot.iter_mut().for_each(cut);
            }
            Self::Notice(notice) => {
                let NoticeRecord { seq: _, incarnation: _, service, from, to, phase, reason, reason_text, detail } =
                    notice;
                [service, phase, reason].into_iter().for_each(cut);
                [from, to, reason_text, detail].into_iter().flatten().for_each(cut);
            }
            Self::Sample(sample) => {
                cut(&mut sample.service);
                cut(&mut sample.state);
            }
            Self::Alert(alert) => cut_json(&mut alert.json, 0),
            Self::Stop(_) | Self::Beat(_) | Self::Gap(_) => {}
        }
    }
}

fn cut_json(value: &mut serde_json::Value, depth: usize) {
    match value {
        nested @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) if depth == MAX_DEPTH => {
            *nested = serde_json::Value::Null;
        }
        serde_json::Value::String(text) => cut(text),
        serde_json::Value::Array(all) => all.iter_mut().for_each(|one| cut_json(one, depth + 1)),
        serde_json::Value::Object(all) => all.values_mut().for_each(|one| cut_json(one, depth + 1)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn cut(text: &mut String) {
    const MARK: char = '…';
    if text.len() > MAX_TEXT_BYTES {
        let mut end = MAX_TEXT_BYTES - MARK.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push(MARK);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mcpstore_types::{ExitStatus, Incarnation, PhaseName, Reason, ServiceState, Timestamp};

    use super::*;

    fn line(record: Record) -> String {
        let mut out = Vec::new();
        assert!(encode(&mut out, 1_764_421_606_000, record));
        String::from_utf8(frame::take(&out).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let notice = Notice {
            seq: 7,
            time: Timestamp::from_secs(3),
            service: "web".parse().unwrap(),
            incarnation: Incarnation(2),
            from: Some(ServiceState::Running),
            to: Some(ServiceState::Error),
            phase: PhaseName::BackOff,
            reason: Reason::Exited(ExitStatus::Signal(9)),
            detail: Some(Arc::from("two\nlines \u{1b}[31m")),
        };
        let sample = SampleRecord { service: "web".into(), p50_ms: Some(1.25), calls: 3, ..SampleRecord::default() };
        let start = StartRecord { manager_pid: 1, version: "0.1.0".into(), boot: None };
        let all = [
            Record::Start(start),
            Record::Stop(StopRecord { manager_pid: 1 }),
            Record::Notice(NoticeRecord::from(&notice)),
            Record::Sample(sample),
            Record::Alert(AlertRecord {
                json: serde_json::json!({ "kind": "gave_up", "at": 1.5, "of": [null, true] }),
            }),
            Record::Gap(GapRecord { lost: 12 }),
            Record::Beat(BeatRecord {}),
        ];
        for record in all {
            let json = line(record.clone());
            assert!(!json.contains('\n'), "{json}");
            assert_eq!(decode(json.as_bytes()), Some((1_764_421_606_000, record)), "{json}");
            assert_eq!(time_of(json.as_bytes()), Some(1_764_421_606_000));
        }
        assert_eq!(
            line(Record::Notice(NoticeRecord::from(&notice))),
            r#"{"t":1764421606000,"k":"notice","seq":7,"service":"web","incarnation":2,"from":"running","to":"error","phase":"back_off","reason":"exited","reason_text":"exited: signal 9 (SIGKILL)","detail":"two\nlines \u001b[31m"}"#
        );
    }

    #[test]
    fn a_long_text_is_cut_where_a_character_ends() {
        let text = |detail: String| match decode(
            line(Record::Notice(NoticeRecord { detail: Some(detail), ..NoticeRecord::default() })).as_bytes(),
        ) {
            Some((_, Record::Notice(notice))) => notice.detail.unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text("x".repeat(4096)), "x".repeat(4096));
        assert_eq!(text("x".repeat(4097)), format!("{}…", "x".repeat(4093)));
        assert_eq!(text(format!("x{}", "é".repeat(5000))), format!("x{}…", "é".repeat(2046)));
        // The worst that JSON makes of it still fits a line.
        assert_eq!(text("\u{1}".repeat(9000)).chars().count(), 4094);
    }

    #[test]
    fn an_alert_that_no_line_holds_is_refused_and_a_deep_one_is_cut() {
        let many: Vec<_> = (0..20).map(|_| "x".repeat(5000)).collect();
        let mut out = Vec::new();
        assert!(!encode(&mut out, 0, Record::Alert(AlertRecord { json: serde_json::json!(many) })));
        assert_eq!(out, b"");
        let mut deep = serde_json::json!(1);
        for _ in 0..20 {
            deep = serde_json::json!([deep]);
        }
        assert_eq!(
            line(Record::Alert(AlertRecord { json: deep })),
            r#"{"t":1764421606000,"k":"alert","json":[[[[[[[[null]]]]]]]]}"#
        );
    }

    #[test]
    fn an_unknown_kind_is_passed_over_and_an_unknown_field_too() {
        assert_eq!(decode(br#"{"t":1,"k":"weather","rain":true}"#), None);
        assert_eq!(time_of(br#"{"t":1,"k":"weather","rain":true}"#), Some(1));
        let gap = Record::Gap(GapRecord { lost: 3 });
        assert_eq!(decode(br#"{"t":1,"k":"gap","lost":3,"of":"samples"}"#), Some((1, gap)));
    }
}
