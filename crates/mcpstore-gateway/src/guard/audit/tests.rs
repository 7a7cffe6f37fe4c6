//! The audit log on a real disk.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use proptest::prelude::*;

use super::verify::verify;
use super::*;

const WAIT: Duration = Duration::from_secs(30);

fn entry(tool: &str) -> Entry {
    Entry {
        at_unix_ms: 1_700_000_000_000,
        principal: "token".into(),
        client: None,
        session: Some(session_tag("secret session")),
        view: None,
        method: "tools/call".into(),
        service: Some("api".into()),
        tool: Some(tool.into()),
        arguments: Some("0011223344556677".into()),
        outcome: Outcome::Error(-32602),
        duration_ms: 12,
        bytes_in: 34,
        bytes_out: 56,
    }
}

fn open(folder: &Path) -> Audit {
    Audit::open(folder, AuditOptions::default()).unwrap()
}

/// Opens it once the thread of one that was dropped let go of the file.
fn reopen(folder: &Path, options: AuditOptions) -> Audit {
    let began = Instant::now();
    loop {
        match Audit::open(folder, options) {
            Ok(audit) => return audit,
            Err(AuditError::Busy { .. }) if began.elapsed() < WAIT => std::thread::sleep(PAUSE),
            Err(error) => unreachable!("{error}"),
        }
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("audit.jsonl")
}

#[test]
fn a_line_says_who_did_what_and_nothing_of_the_session_itself() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    audit.note(entry("search"));
    audit.note(Entry { outcome: Outcome::Done, session: None, tool: None, view: Some("coder".into()), ..entry("") });
    assert!(audit.flush(WAIT));
    let text = std::fs::read_to_string(log(home.path())).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let body = |line: &str| line.split(",\"hash\":").next().unwrap().to_owned();
    assert_eq!(
        body(lines[1]),
        r#"{"kind":"call","n":2,"at_ms":1700000000000,"principal":"token","session":"TAG","method":"tools/call","service":"api","tool":"search","arguments":"0011223344556677","outcome":"error","code":-32602,"duration_ms":12,"bytes_in":34,"bytes_out":56"#
            .replace("TAG", &session_tag("secret session"))
    );
    assert!(
        lines[2].contains(r#""view":"coder","method":"tools/call","service":"api","arguments":"0011223344556677","outcome":"done","duration_ms""#)
    );
    assert!(!text.contains("secret session"));
    for line in &lines {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert_eq!(verify_all(home.path()).unwrap().lines, 3);
    let mode = std::fs::metadata(log(home.path())).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, audit.health().written_total), (0o600, 2));
}

#[test]
fn what_a_client_writes_is_bounded_and_stays_on_its_line() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    audit.note(Entry {
        method: "é".repeat(100_000).into(),
        ..entry(&format!("a\n{{\"hash\":\"{}", "x".repeat(1_000_000)))
    });
    assert!(audit.flush(WAIT));
    let verified = verify(&log(home.path())).unwrap();
    assert_eq!(verified.lines, 2);
    assert!(std::fs::metadata(log(home.path())).unwrap().len() < 2048);
}

#[test]
fn the_chain_goes_on_over_starts_and_files_and_old_files_go() {
    let home = tempfile::tempdir().unwrap();
    let options = AuditOptions { file_bytes: 4096, kept_files: 3, ..AuditOptions::default() };
    for start in 0..6 {
        let audit = reopen(home.path(), options);
        assert_eq!(audit.health().found, None);
        for n in 0..30 {
            audit.note(entry(&format!("{start}-{n}")));
            // Not all in one batch.
            assert!(n % 5 > 0 || audit.flush(WAIT));
        }
        assert!(audit.flush(WAIT));
        assert_eq!(audit.health().lost_total, 0);
    }
    let names: BTreeSet<String> =
        std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(
        names,
        BTreeSet::from(["audit.1.jsonl", "audit.2.jsonl", "audit.3.jsonl", "audit.jsonl"].map(str::to_owned))
    );
    for name in &names {
        let bytes = std::fs::metadata(home.path().join(name)).unwrap().len();
        assert!(bytes <= 4096, "{name}: {bytes}");
    }
    let verified = verify_all(home.path()).unwrap();
    let last = std::fs::read_to_string(log(home.path())).unwrap();
    assert!(last.trim_end().ends_with(&format!("\"hash\":\"{}\"}}", verified.last_hash)));
    assert!(last.contains("5-29"));
    // A file that is taken out of the middle is missed.
    std::fs::remove_file(home.path().join("audit.2.jsonl")).unwrap();
    std::fs::rename(home.path().join("audit.3.jsonl"), home.path().join("audit.2.jsonl")).unwrap();
    let Err(VerifyError::Broken { broken }) = verify_all(home.path()) else { unreachable!("it is broken") };
    assert_eq!((broken.file, broken.line), (home.path().join("audit.1.jsonl"), 1));
}

#[test]
fn half_a_line_of_a_killed_process_is_cut_off_and_told() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    audit.note(entry("a"));
    assert!(audit.flush(WAIT));
    drop(audit);
    let audit = reopen(home.path(), AuditOptions::default());
    drop(audit);
    let text = std::fs::read_to_string(log(home.path())).unwrap();
    std::fs::write(log(home.path()), &text[..text.len() - 10]).unwrap();
    let audit = reopen(home.path(), AuditOptions::default());
    assert!(audit.health().found.is_some_and(|found| found.contains("had no end")));
    audit.note(entry("b"));
    assert!(audit.flush(WAIT));
    assert_eq!(verify_all(home.path()).unwrap().lines, 3);
    assert!(std::fs::read_to_string(log(home.path())).unwrap().contains(r#""kind":"mended","n":2"#));
}

#[test]
fn a_broken_file_is_kept_and_the_next_one_says_so() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    (0..5).for_each(|n| audit.note(entry(&format!("t{n}"))));
    assert!(audit.flush(WAIT));
    drop(audit);
    drop(reopen(home.path(), AuditOptions::default()));
    let text = std::fs::read_to_string(log(home.path())).unwrap();
    std::fs::write(log(home.path()), text.replace("\"t2\"", "\"t9\"")).unwrap();
    let audit = reopen(home.path(), AuditOptions::default());
    assert!(audit.health().found.is_some_and(|found| found.contains("broken at line 4")));
    audit.note(entry("after"));
    assert!(audit.flush(WAIT));
    assert_eq!(verify(&log(home.path())).unwrap().lines, 2);
    let Err(VerifyError::Broken { broken }) = verify_all(home.path()) else { unreachable!("it is broken") };
    assert_eq!((broken.file, broken.line), (home.path().join("audit.1.jsonl"), 4));
    assert!(std::fs::read_to_string(log(home.path())).unwrap().contains("the file before is broken at line 4"));
}

#[test]
fn one_process_writes_and_links_and_open_files_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    let error = Audit::open(home.path(), AuditOptions::default()).unwrap_err();
    assert!(matches!(error, AuditError::Busy { .. }), "{error}");
    drop(audit);
    drop(reopen(home.path(), AuditOptions::default()));
    std::fs::set_permissions(log(home.path()), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Audit::open(home.path(), AuditOptions::default()).unwrap_err();
    assert!(matches!(error, AuditError::Unsafe { what: "is open to others", .. }), "{error}");
    let moved = home.path().join("moved");
    std::fs::rename(log(home.path()), &moved).unwrap();
    symlink(&moved, log(home.path())).unwrap();
    let error = Audit::open(home.path(), AuditOptions::default()).unwrap_err();
    assert!(matches!(error, AuditError::Unsafe { what: "is no file", .. }), "{error}");
}

#[test]
fn what_finds_no_room_is_counted_and_told_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let audit = Audit::open(home.path(), AuditOptions { queue_entries: 1, ..AuditOptions::default() }).unwrap();
    let mut noted = 0_u64;
    while audit.health().lost_total == 0 {
        audit.note(entry("flood"));
        noted += 1;
    }
    assert!(audit.flush(WAIT));
    // The gap is told with the entry after it, at the latest.
    audit.note(entry("after"));
    assert!(audit.flush(WAIT));
    let health = audit.health();
    assert_eq!(health.written_total + health.lost_total, noted + 1);
    let text = std::fs::read_to_string(log(home.path())).unwrap();
    let told: u64 = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["lost"].as_u64())
        .sum();
    assert_eq!(told, health.lost_total);
    verify_all(home.path()).unwrap();
}

#[test]
fn a_file_that_is_taken_away_is_begun_anew() {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    audit.note(entry("a"));
    assert!(audit.flush(WAIT));
    std::fs::remove_file(log(home.path())).unwrap();
    audit.note(entry("b"));
    assert!(audit.flush(WAIT));
    audit.note(entry("c"));
    assert!(audit.flush(WAIT));
    let text = std::fs::read_to_string(log(home.path())).unwrap();
    assert!(text.contains("the file before was taken away") && text.contains("\"tool\":\"c\""), "{text}");
    verify(&log(home.path())).unwrap();
}

/// A short log of its own, byte for byte.
fn sample() -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let audit = open(home.path());
    for tool in ["a", "é\n", "\u{202e}"] {
        audit.note(entry(tool));
    }
    assert!(audit.flush(WAIT));
    std::fs::read(log(home.path())).unwrap()
}

fn broken_line(bytes: &[u8]) -> Option<u64> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    match verify(file.path()) {
        Ok(_) => None,
        Err(VerifyError::Broken { broken }) => Some(broken.line),
        Err(error) => unreachable!("{error}"),
    }
}

#[test]
fn any_flipped_bit_is_found_in_its_line() {
    let bytes = sample();
    assert_eq!(broken_line(&bytes), None);
    for at in 0..bytes.len() {
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(broken_line(&flipped), Some(line), "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn any_change_but_a_missing_end_is_found(
        at in any::<prop::sample::Index>(),
        length in 0..200_usize,
        with in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let bytes = SAMPLE.get_or_init(sample);
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        let changed = [&bytes[..at], &with, &bytes[end..]].concat();
        // Whole lines that are missing at the end leave no trace.
        let cut = bytes.starts_with(&changed) && changed.last().is_none_or(|last| *last == b'\n') && !changed.is_empty();
        prop_assert_eq!(broken_line(&changed).is_none(), changed == *bytes || cut);
    }
}
