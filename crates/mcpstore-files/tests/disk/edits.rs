//! Writers that are killed, and writers that meet. A writer is this test program, started anew with a job.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcpstore_files::{Edited, edit_locked, read_source};
use mcpstore_testkit::{TAG_VARIABLE, no_survivors, unique_tag};

/// The file that a writer edits; without it, this program is no writer.
const FILE: &str = "MCPSTORE_FILES_TEST_FILE";
/// The first number a writer writes.
const FIRST: &str = "MCPSTORE_FILES_TEST_FIRST";
/// How many numbers it writes.
const COUNT: &str = "MCPSTORE_FILES_TEST_COUNT";

/// What begins the line for a number that is in the file.
const ACKNOWLEDGED: &str = "written ";

fn numbers(text: &str) -> Vec<u64> {
    if text.is_empty() { Vec::new() } else { serde_json::from_str(text).expect("the file always parses") }
}

/// Adds a number to the file.
fn add(file: &Path, number: u64) -> Edited {
    let edited = edit_locked(file, |text| {
        let mut all = numbers(text);
        all.push(number);
        Ok::<_, Infallible>(Some(serde_json::to_string_pretty(&all).unwrap()))
    });
    edited.unwrap()
}

/// What a writer does. In a run of the tests it has no job, and does nothing.
#[test]
fn writer() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (Some(file), Some(first), Some(count)) = (std::env::var_os(FILE), number(FIRST), number(COUNT)) else { return };
    for number in first..first + count {
        assert_ne!(add(Path::new(&file), number), Edited::Unchanged);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{ACKNOWLEDGED}{number}").unwrap();
        out.flush().unwrap();
    }
}

fn start(tag: &str, file: &Path, first: u64, count: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "edits::writer", "--nocapture"])
        .envs([(FIRST, first.to_string()), (COUNT, count.to_string()), (TAG_VARIABLE, tag.to_owned())])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into()).collect()
}

#[test]
fn a_writer_that_is_killed_loses_nothing_it_acknowledged() {
    const ROUNDS: u64 = 120;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("state.json");
    let tag = unique_tag("files-kill");
    let mut acknowledged = BTreeSet::new();
    let mut half_written = 0;
    for round in 0..ROUNDS {
        let first = round * 1_000_000;
        let mut writer = start(&tag, &file, first, 1_000_000);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // It is at work once it acknowledged something; any moment from then on is a moment to die.
        let take = |line: String, all: &mut BTreeSet<u64>| {
            line.strip_prefix(ACKNOWLEDGED).is_some_and(|number| all.insert(number.parse().unwrap()))
        };
        while !take(lines.next().expect("it writes").unwrap(), &mut acknowledged) {}
        std::thread::sleep(Duration::from_micros(round.wrapping_mul(7919) % 20_000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        for line in lines {
            take(line.unwrap(), &mut acknowledged);
        }
        half_written += usize::from(names_in(home.path()).len() > 1);
        let kept = numbers(&read_source(&file).unwrap().text);
        let set: BTreeSet<u64> = kept.iter().copied().collect();
        assert_eq!(set.len(), kept.len(), "nothing stands twice");
        let lost: Vec<_> = acknowledged.difference(&set).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        // At most one change of each life was made and not acknowledged.
        assert!(set.len() - acknowledged.len() <= usize::try_from(round + 1).unwrap(), "round {round}");
    }
    add(&file, u64::MAX);
    assert_eq!(names_in(home.path()), [PathBuf::from("state.json")], "the next writer clears up");
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), [0_u32; 0]);
    println!("{} changes in {ROUNDS} lives, {half_written} of them killed in the middle of one", acknowledged.len());
}

#[test]
fn eight_writers_with_ten_changes_each_leave_eighty() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("not/there/yet.json");
    let tag = unique_tag("files-many");
    let writers: Vec<Child> = (0..8).map(|nth| start(&tag, &file, nth * 100, 10)).collect();
    for writer in writers {
        let ended = writer.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    }
    let mut kept = numbers(&read_source(&file).unwrap().text);
    kept.sort_unstable();
    let expected: Vec<u64> = (0..8).flat_map(|nth| nth * 100..nth * 100 + 10).collect();
    assert_eq!(kept, expected);
    assert_eq!(names_in(file.parent().unwrap()), [PathBuf::from("yet.json")], "no litter");
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), [0_u32; 0]);
}
