//! Writers that are killed at any instant. A writer is this test program, started anew with a job.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use mcpstore_history::{History, OpenError, Options};
use mcpstore_testkit::{TAG_VARIABLE, no_survivors, unique_tag};

use crate::{numbered, numbers};

/// The folder that a writer writes into; without it, this program is no writer.
const FOLDER: &str = "MCPSTORE_HISTORY_TEST_FOLDER";
/// The first number it writes.
const FIRST: &str = "MCPSTORE_HISTORY_TEST_FIRST";
/// How many kills; 50 without it.
const ROUNDS: &str = "MCPSTORE_HISTORY_ROUNDS";
/// How many lanes of kills run beside each other.
const LANES: u64 = 5;
/// What begins the line for a number that was given to the history.
const GIVEN: &str = "given ";
/// What must survive: all that was given so long before the kill.
const GRACE_MS: u64 = 200;

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// Small segments, so that kills meet their change as well.
fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 32 * 1024;
    options
}

/// What a writer does. In a run of the tests it has no job, and does nothing.
#[test]
fn writer() {
    let first = std::env::var(FIRST).ok().and_then(|text| text.parse::<u64>().ok());
    let (Some(folder), Some(first)) = (std::env::var_os(FOLDER), first) else { return };
    let (history, _) = History::open(Path::new(&folder), options()).unwrap();
    let mut out = std::io::stdout().lock();
    for number in first..first + 1_000_000 {
        history.append(numbered(number));
        writeln!(out, "{GIVEN}{number} {}", now_ms()).unwrap();
        out.flush().unwrap();
        if number % 7 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn start(tag: &str, folder: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::writer", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .env(TAG_VARIABLE, tag)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a number of kills came to.
#[derive(Default)]
struct Tally {
    given: u64,
    kept: u64,
    damaged: u64,
    /// Rounds on a disk that made the system wait for so long that something due was not written.
    late: u64,
}

/// Kills one writer after the other in a folder, ten in each. `prompt`: its disk never keeps the system waiting.
fn lane(tag: &str, home: &Path, prompt: bool, rounds: u64, lane: u64) -> Tally {
    let mut tally = Tally::default();
    let mut expected: Vec<u64> = Vec::new();
    for round in 0..rounds {
        let folder = &home.join((round / 10).to_string());
        if round % 10 == 0 {
            expected.clear();
        }
        let first = (round + 1) * 1_000_000;
        let mut writer = start(tag, folder, first);
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let parse = |line: String| {
            let (number, time) = line.strip_prefix(GIVEN)?.split_once(' ')?;
            Some((number.parse::<u64>().unwrap(), time.parse::<u64>().unwrap()))
        };
        let mut given: Vec<(u64, u64)> = Vec::new();
        // Reads while it writes, so that it never waits for us, until its time is up: any moment is a moment to die.
        let life_ms = GRACE_MS + 20 + (round * 7919 + lane * 104_729) % 200;
        let begin = loop {
            let line = lines.next().expect("it writes").unwrap();
            given.extend(parse(line));
            if let Some((_, time)) = given.first() {
                break *time;
            }
        };
        while now_ms() < begin + life_ms {
            given.extend(parse(lines.next().expect("it writes").unwrap()));
        }
        let killed_ms = now_ms();
        writer.kill().unwrap();
        writer.wait().unwrap();
        given.extend(lines.filter_map(|line| parse(line.unwrap())));

        // As a reader sees it before anything is mended, and as the next writer finds it.
        let seen = numbers(folder);
        let (history, opened) = History::open(folder, options()).unwrap();
        drop(history);
        let kept = numbers(folder);
        assert_eq!(seen, kept, "lane {lane}, round {round}");
        assert_eq!(opened.valid_records, kept.len() as u64);
        tally.damaged += opened.set_aside.len() as u64;
        assert_eq!(kept[..expected.len()], expected, "lane {lane}, round {round}: what was there stays");
        let new = &kept[expected.len()..];
        let whole: Vec<u64> = (first..first + new.len() as u64).collect();
        assert_eq!(new, whole, "lane {lane}, round {round}: in order, without a hole");
        let due: Vec<u64> =
            given.iter().filter(|(_, time)| time + GRACE_MS <= killed_ms).map(|(number, _)| *number).collect();
        assert!(!due.is_empty(), "lane {lane}, round {round}: a round that shows nothing");
        let last_due = due[due.len() - 1];
        let kept_due = new.last() >= Some(&last_due);
        tally.late += u64::from(!kept_due);
        assert!(kept_due || !prompt, "lane {lane}, round {round}: {last_due} is lost, {:?} is kept", new.last());
        tally.given += given.len() as u64;
        tally.kept += new.len() as u64;
        expected = kept;
    }
    tally
}

#[test]
fn a_killed_writer_leaves_all_it_was_given_200_ms_before() {
    let rounds = std::env::var(ROUNDS).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(50);
    // What survives a kill is what the system has, so a disk has no part in it, but that it may keep the system waiting. Of
    // five lanes, one is on the disk, where everything is tried but the time; the others are in memory where there is that.
    let disk = tempfile::tempdir().unwrap();
    let shm = Path::new("/dev/shm");
    let memory = if shm.is_dir() { tempfile::tempdir_in(shm).unwrap() } else { tempfile::tempdir().unwrap() };
    let tag = unique_tag("history-kill");
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|nth| {
                let prompt = nth > 0;
                let home = if prompt { &memory } else { &disk };
                let (tag, folder) = (&tag, home.path().join(nth.to_string()));
                scope.spawn(move || lane(tag, &folder, prompt, rounds.div_ceil(LANES), nth))
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let (given, kept) = (sum(|tally| tally.given), sum(|tally| tally.kept));
    let (damaged, late) = (sum(|tally| tally.damaged), sum(|tally| tally.late));
    println!(
        "{rounds} kills: {given} records were said to be given, {kept} kept, {damaged} segments mended, {late} late"
    );
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), [0_u32; 0]);
}

#[test]
fn the_lock_names_the_process_that_writes_and_goes_with_it() {
    let home = tempfile::tempdir().unwrap();
    let tag = unique_tag("history-lock");
    let mut writer = start(&tag, home.path(), 1);
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    while !lines.next().expect("it writes").unwrap().starts_with(GIVEN) {}
    let error = History::open(home.path(), options()).unwrap_err();
    assert!(matches!(error, OpenError::Busy { pid: Some(pid), .. } if pid == writer.id()), "{error:?}");
    // A reader is welcome meanwhile, and sees whole records only.
    let seen = numbers(home.path());
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert!(History::open(home.path(), options()).is_ok());
    assert_eq!(no_survivors(&tag, Duration::from_secs(5)), [0_u32; 0]);
}
