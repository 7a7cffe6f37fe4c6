//! A disk that takes nothing, or only so much. Who appends never notices.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mcpstore_history::{History, Options, SyncError};
use mcpstore_testkit::{TAG_VARIABLE, no_survivors, unique_tag};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{files, numbered, numbers};

/// The folder of a writer whose files may not grow; without it, this program is no such writer.
const FOLDER: &str = "MCPSTORE_HISTORY_TEST_FULL";

/// Waits until it holds; a minute is more than generous.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn quick() -> Options {
    let mut options = Options::default();
    options.retry_every = Duration::from_millis(30);
    options
}

#[test]
fn a_folder_that_cannot_be_made_is_tried_again_and_nothing_is_lost_meanwhile() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("history");
    std::fs::write(&folder, "in its place").unwrap();
    let (history, opened) = History::open(&folder, quick()).unwrap();
    assert_eq!(opened.valid_records, 0);
    history.append(numbered(1));
    let health = history.health();
    assert!(health.fault.unwrap().starts_with(&format!("cannot write into `{}`: ", folder.display())));
    assert!(health.fault_since_unix_ms.is_some());
    let SyncError::Failing { what } = history.sync().unwrap_err() else { panic!() };
    assert!(what.starts_with("cannot write into"), "{what}");
    std::fs::remove_file(&folder).unwrap();
    until("it is mended by itself", || history.health().fault.is_none());
    history.append(numbered(2));
    history.sync().unwrap();
    assert_eq!((numbers(&folder), history.dropped_total()), (vec![1, 2], 0));
}

#[test]
fn what_waits_at_the_end_of_a_failing_history_is_counted_as_lost() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("history");
    std::fs::write(&folder, "in its place").unwrap();
    let (history, _) = History::open(&folder, Options::default()).unwrap();
    for number in 1..=5 {
        history.append(numbered(number));
    }
    let health = history.close();
    assert_eq!(health.dropped_total, 5);
    assert!(health.fault.is_some());
}

#[test]
fn a_folder_that_is_cleared_while_it_is_written_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("history");
    let (history, _) = History::open(&folder, quick()).unwrap();
    history.append(numbered(1));
    history.sync().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    history.append(numbered(2));
    until("it is there again", || history.sync().is_ok() && folder.is_dir());
    assert_eq!(numbers(&folder), [2]);
    assert!(History::open(&folder, quick()).is_err(), "locked again");
}

/// A writer whose files may not grow above 10,000 bytes, until it lifts that itself.
#[test]
fn full_writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let limit = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(10_000), maximum: limit.maximum }).unwrap();
    // Tried again only when it is asked to, so that nobody writes while we look.
    let mut options = Options::default();
    options.retry_every = Duration::from_secs(3600);
    let (history, _) = History::open(folder, options).unwrap();
    let mut number = 0;
    until("the file is full", || {
        number += 1;
        history.append(numbered(number));
        history.health().fault.is_some()
    });
    for _ in 0..50 {
        number += 1;
        history.append(numbered(number));
    }
    assert!(history.sync().is_err());
    // What is there is whole, and all of it is before the bound.
    let before = numbers(folder);
    assert!((40..80).contains(&before.len()), "{before:?}");
    assert_eq!(before, (1..=before.len() as u64).collect::<Vec<_>>());
    let size = std::fs::metadata(&files(folder, ".log")[0]).unwrap().len();
    assert!(size <= 10_000, "{size}");
    let text = std::fs::read(&files(folder, ".log")[0]).unwrap();
    assert_eq!(text.last(), Some(&b'\n'), "no half line stays");
    setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    until("there is room again", || history.sync().is_ok());
    until("and it says so", || history.health().fault.is_none());
    assert_eq!(history.dropped_total(), 0);
    assert_eq!(numbers(folder), (1..=number).collect::<Vec<_>>(), "in order, nothing twice, nothing lost");
}

#[test]
fn a_disk_that_is_full_for_a_while_loses_nothing_that_the_queue_holds() {
    let home = tempfile::tempdir().unwrap();
    let tag = unique_tag("history-full");
    // The signal that comes with the limit is ignored from before the start on: that cannot be said without unsafe code.
    let script = "trap '' XFSZ; exec \"$0\" --exact faults::full_writer --nocapture";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).env(TAG_VARIABLE, &tag);
    command.env(FOLDER, home.path().join("history")).stdin(Stdio::null());
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), [0_u32; 0]);
}
