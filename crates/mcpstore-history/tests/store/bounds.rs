//! What is kept, what goes, and where a reader begins.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use mcpstore_history::{FolderFault, History, OpenError, Options, ReadError, Reader, Record};
use proptest::prelude::*;

use crate::{files, numbered, numbers, write};

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn sizes(folder: &std::path::Path) -> Vec<u64> {
    files(folder, ".log").iter().map(|path| std::fs::metadata(path).unwrap().len()).collect()
}

#[test]
fn the_oldest_segment_goes_when_all_together_are_too_large() {
    let home = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    (options.segment_bytes, options.total_bytes) = (4096, 16_384);
    let (history, _) = History::open(home.path(), options).unwrap();
    for number in 1..=2000 {
        history.append_at(now_ms(), numbered(number));
        if number % 100 == 0 {
            history.sync().unwrap();
            let sizes = sizes(home.path());
            assert!(sizes.iter().all(|size| *size <= options.segment_bytes), "{sizes:?}");
            assert!(sizes.iter().sum::<u64>() <= options.total_bytes, "{sizes:?}");
            assert_eq!(history.size_bytes(), sizes.iter().sum::<u64>());
        }
    }
    assert_eq!(history.dropped_total(), 0);
    let kept = numbers(home.path());
    assert!(kept.len() > 50, "{kept:?}");
    let first = kept[0];
    assert_eq!(kept, (first..=2000).collect::<Vec<_>>(), "the newest, without a hole");
}

#[test]
fn a_segment_goes_once_all_of_it_is_too_old() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let home = tempfile::tempdir().unwrap();
    let now = now_ms();
    let (history, _) = History::open(home.path(), Options::default()).unwrap();
    // Each is written as of its day, and closes its segment by the next one's being written today.
    for age in [40, 35, 29, 2] {
        history.append_at(now - age * DAY_MS, numbered(age));
        history.sync().unwrap();
    }
    history.append(numbered(1));
    history.sync().unwrap();
    // 35 stays: its segment's successor begins with 29, which says that 35 may reach to there.
    assert_eq!(numbers(home.path()), [35, 29, 2, 1]);
    assert_eq!(files(home.path(), ".log").len(), 4);
    drop(history);
    let mut options = Options::default();
    options.max_age = Duration::from_secs(24 * 3600);
    let (_history, _) = History::open(home.path(), options).unwrap();
    assert_eq!(numbers(home.path()), [2, 1], "bounds hold from the start on");
}

#[test]
fn an_ended_history_goes_on_in_its_last_segment() {
    let home = tempfile::tempdir().unwrap();
    for round in 0..20 {
        write(home.path(), Options::default(), [round + 1]);
    }
    assert_eq!(numbers(home.path()), (1..=20).collect::<Vec<_>>());
    assert_eq!(files(home.path(), ".log").len(), 1);
}

#[test]
fn files_are_ours_alone_and_the_folder_must_be() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("deep/history");
    write(&folder, Options::default(), [1]);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&folder), mode(folder.parent().unwrap())), (0o700, 0o700));
    for file in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    let refused = |path| match History::open(path, Options::default()) {
        Err(OpenError::Unsafe { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    let link = home.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    assert_eq!(refused(&link), FolderFault::Link);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(refused(&folder), FolderFault::WritableByOthers);
}

#[test]
fn a_second_writer_is_told_who_writes_and_readers_are_welcome() {
    let home = tempfile::tempdir().unwrap();
    let (history, _) = History::open(home.path(), Options::default()).unwrap();
    history.append(numbered(1));
    history.sync().unwrap();
    let error = History::open(home.path(), Options::default()).unwrap_err();
    let me = std::process::id();
    assert!(matches!(&error, OpenError::Busy { pid: Some(pid), .. } if *pid == me), "{error:?}");
    let folder = home.path().display();
    assert_eq!(error.to_string(), format!("the history in `{folder}` is being written by process {me}"));
    assert_eq!(numbers(home.path()), [1]);
    drop(history);
    assert!(History::open(home.path(), Options::default()).is_ok());
}

#[test]
fn there_is_nothing_to_read_where_no_history_is() {
    let home = tempfile::tempdir().unwrap();
    let ReadError::Io { source, .. } = Reader::open(&home.path().join("none")).unwrap_err() else { panic!() };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!((reader.since(0).unwrap().count(), reader.last(5).unwrap()), (0, vec![]));
}

#[test]
fn a_full_queue_loses_what_comes_on_top_counts_it_and_leaves_a_gap() {
    let home = tempfile::tempdir().unwrap();
    // The folder cannot be made for now, so that all of it waits.
    let folder = home.path().join("history");
    std::fs::write(&folder, "in its place").unwrap();
    let mut options = Options::default();
    (options.queue_records, options.retry_every) = (100, Duration::from_secs(3600));
    let (history, _) = History::open(&folder, options).unwrap();
    for number in 1..=130 {
        history.append(numbered(number));
    }
    assert_eq!(history.dropped_total(), 30);
    history.sync().unwrap_err();
    std::fs::remove_file(&folder).unwrap();
    history.sync().unwrap();
    history.append(numbered(131));
    history.sync().unwrap();
    let all: Vec<_> = Reader::open(&folder).unwrap().since(0).unwrap().map(|(_, record)| record).collect();
    let lost = |record: &Record| if let Record::Gap(gap) = record { Some(gap.lost) } else { None };
    assert_eq!(all.iter().filter_map(lost).collect::<Vec<_>>(), [30]);
    let kept = numbers(&folder);
    assert_eq!(kept.iter().copied().filter(|number| *number > 0).collect::<Vec<_>>(), {
        let mut expected: Vec<u64> = (1..=100).collect();
        expected.push(131);
        expected
    });
}

proptest! {
    // The number of cases comes from the environment, 256 without it.
    #![proptest_config(ProptestConfig::default())]
    #[test]
    fn a_late_start_and_a_short_end_give_what_a_full_reading_gives(
        steps in prop::collection::vec(0..3_u64, 0..60),
        segment_bytes in 100..2000_u64,
        since in 0..80_u64,
        count in 0..70_usize,
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.segment_bytes = segment_bytes;
        options.max_age = Duration::from_secs(u64::from(u32::MAX) * 60);
        let (history, _) = History::open(home.path(), options).unwrap();
        let mut expected = Vec::new();
        let mut time = 0;
        for (number, step) in (1..).zip(steps) {
            time += step;
            history.append_at(time, numbered(number));
            expected.push((time, numbered(number)));
        }
        drop(history);
        let reader = Reader::open(home.path()).unwrap();
        let late: Vec<_> = reader.since(since).unwrap().collect();
        let wanted: Vec<_> = expected.iter().filter(|(time, _)| *time >= since).cloned().collect();
        prop_assert_eq!(late, wanted);
        let last = reader.last(count).unwrap();
        prop_assert_eq!(last.as_slice(), &expected[expected.len().saturating_sub(count)..]);
    }
}
