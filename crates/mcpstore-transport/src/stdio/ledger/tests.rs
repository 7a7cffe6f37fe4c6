//! The ledger on disk: what is kept, what is forgiven, what is set aside, and what is found.

use super::*;

fn name() -> ServiceName {
    ServiceName::new("s").unwrap()
}

fn open(folder: &Path) -> Arc<Ledger> {
    Arc::new(Ledger::open(folder).unwrap())
}

fn text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(Ledger::FILE)).unwrap()
}

#[test]
fn a_life_stands_in_it_until_it_is_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let one = ledger.enter("m1", &name(), Incarnation(1), None, None);
    let two = ledger.enter("m2", &name(), Incarnation(2), Some(Named { pid: i32::MAX, start: 5 }), None);
    two.started(Named { pid: i32::MAX, start: 6 });
    one.over();
    let mode = std::fs::metadata(folder.path().join(Ledger::FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop((ledger, one, two));
    let ledger = open(folder.path());
    let found = ledger.reconcile();
    assert_eq!((found.managers, found.services, found.ended), (vec![std::process::id()], 1, 0));
    assert_eq!((found.survivors, found.damaged, found.of_another_boot), (vec![], None, 0));
    // Told once.
    assert_eq!(ledger.reconcile(), Reconciled::default());
    drop(ledger);
    assert_eq!(open(folder.path()).reconcile(), Reconciled::default());
}

#[test]
fn a_torn_last_line_is_forgiven_and_a_damaged_file_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Ledger::FILE);
    let ledger = open(folder.path());
    ledger.enter("m1", &name(), Incarnation(1), None, None);
    ledger.enter("m2", &name(), Incarnation(2), None, None);
    drop(ledger);
    let whole = text(folder.path());
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let found = open(folder.path()).reconcile();
        assert_eq!((found.services, &found.damaged), (whole[..cut].matches('\n').count(), &None), "cut at {cut}");
    }
    std::fs::write(&path, format!("{whole}what?\n\0\n")).unwrap();
    let found = open(folder.path()).reconcile();
    assert_eq!(found.services, 2);
    let aside = found.damaged.unwrap();
    assert!(std::fs::read_to_string(aside).unwrap().contains("what?"));
    assert_eq!(open(folder.path()).reconcile(), Reconciled::default());
}

#[test]
fn lives_of_another_boot_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let own = i32::try_from(std::process::id()).unwrap();
    // This very process: were the boot not looked at, this test would end here.
    ledger.enter("m1", &name(), Incarnation(1), Named::of(own), None);
    drop(ledger);
    let other = text(folder.path()).replace(&line::boot(), "another");
    std::fs::write(folder.path().join(Ledger::FILE), other).unwrap();
    let found = open(folder.path()).reconcile();
    assert_eq!((found.services, found.of_another_boot, found.ended), (0, 1, 0));
}

#[test]
fn a_second_manager_is_kept_out_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let _ledger = open(folder.path());
    let Err(LedgerError::Held { pid, .. }) = Ledger::open(folder.path()) else { panic!("it is held") };
    assert_eq!(pid, Some(std::process::id()));
}

#[test]
fn it_is_written_anew_when_most_of_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.enter("stays", &name(), Incarnation(1), None, None);
    for number in 0..2_000 {
        ledger.enter(&format!("m{number}"), &name(), Incarnation(2), None, None).over();
    }
    assert_eq!(ledger.failures(), 0);
    assert!(text(folder.path()).lines().count() < 600);
    drop(ledger);
    assert_eq!(open(folder.path()).reconcile().services, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn survivors_are_found_by_id_and_start_or_by_mark_and_ended() {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};
    let sleep = |mark: &str| {
        let mut command = Command::new("sleep");
        command.arg("300").env("MCPSTORE_LIFE", mark).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let (mut named, mut marked, mut other) = (sleep("x"), sleep("mark-2"), sleep("mark-22"));
    let of = |child: &std::process::Child| Named::of(i32::try_from(child.id()).unwrap()).unwrap();
    ledger.enter("mark-1", &name(), Incarnation(1), None, None).started(of(&named));
    ledger.enter("mark-2", &name(), Incarnation(2), None, None);
    // The id is right, the start is not: somebody else by now.
    let before = Named { start: of(&other).start - 1, ..of(&other) };
    ledger.enter("mark-3", &name(), Incarnation(3), None, None).started(before);
    drop(ledger);
    let found = open(folder.path()).reconcile();
    assert_eq!((found.services, found.ended), (3, 2));
    let survivors: Vec<_> = found.survivors.iter().map(|one| (one.incarnation, one.processes, one.gone)).collect();
    assert_eq!(survivors, [(1, 1, true), (2, 1, true)]);
    for child in [&mut named, &mut marked] {
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
    }
    assert!(other.try_wait().unwrap().is_none(), "a stranger was killed");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_is_in_a_cgroup_of_it_is_ended() {
    use mcpstore_warden::cgroup::Leaf;
    let mark = crate::stdio::mark::unique();
    let Some(leaf) = Leaf::make(&mark) else { return println!("no cgroup can be made here") };
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    ledger.enter(&mark, &name(), Incarnation(1), None, Some(leaf.path()));
    // One that knows nothing of its mark.
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(leaf.path().join("cgroup.procs"), other.id().to_string()).unwrap();
    drop(ledger);
    let found = open(folder.path()).reconcile();
    assert_eq!((found.services, found.ended), (1, 1));
    assert!(found.survivors[0].gone && !leaf.path().exists());
    other.wait().unwrap();
}
