//! A history on disk: damage, kills, bounds, and disks that fail.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![allow(clippy::print_stdout, reason = "what was tried is said")]

mod bounds;
mod damage;
mod faults;
mod kills;

use std::path::{Path, PathBuf};

use mcpstore_history::{History, NoticeRecord, Options, Reader, Record};

/// A notice with this number.
fn numbered(seq: u64) -> Record {
    Record::Notice(NoticeRecord {
        seq,
        service: "web".into(),
        phase: "ready".into(),
        reason: "probe_passed".into(),
        ..NoticeRecord::default()
    })
}

/// The numbers of all records, from the oldest on; a gap is 0.
fn numbers(folder: &Path) -> Vec<u64> {
    let number = |record| match record {
        Record::Notice(notice) => notice.seq,
        Record::Gap(_) => 0,
        other => panic!("{other:?}"),
    };
    Reader::open(folder).unwrap().since(0).unwrap().map(|(_, record)| number(record)).collect()
}

/// The files whose names end so, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    all.sort();
    all
}

/// A moment (2100-01-01) that no test sees grow old.
const LATE_MS: u64 = 4_102_444_800_000;

/// Writes these numbers, and ends.
fn write(folder: &Path, options: Options, numbers: impl IntoIterator<Item = u64>) {
    let (history, _) = History::open(folder, options).unwrap();
    for number in numbers {
        history.append_at(LATE_MS + number, numbered(number));
    }
    history.sync().unwrap();
    assert_eq!(history.close().fault, None);
}
