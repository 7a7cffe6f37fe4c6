//! Processes as `/proc` shows them.

use std::collections::BTreeSet;
use std::io::Read as _;

use rustix::process::Pid;

/// What of a process is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// It has ended, and waits to be asked for.
    pub ended: bool,
    /// The id of its parent.
    pub parent: i32,
    /// The id of its group.
    pub group: i32,
    /// The id of its session.
    pub session: i32,
    /// When it was started, in clock ticks after boot: with the id it names a process for good.
    pub start: u64,
}

impl Process {
    /// Its id, to signal it.
    #[must_use]
    pub const fn id(&self) -> Option<Pid> {
        Pid::from_raw(self.pid)
    }
}

/// The process of this id; nothing when there is none.
#[must_use]
pub fn read(pid: i32) -> Option<Process> {
    let mut line = [0; 1024];
    let length = std::fs::File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut line)).ok()?;
    parse(pid, &line[..length])
}

/// The processes there are. None where there is no `/proc`.
#[must_use]
pub fn all() -> Vec<Process> {
    ids().into_iter().filter_map(read).collect()
}

/// The ids of the processes there are, from high to low: roughly the youngest first.
#[must_use]
pub fn ids() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut ids: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
    ids
}

/// Everything in `all` that comes from `root`, children and their children.
#[must_use]
pub fn below(all: &[Process], root: i32) -> Vec<Process> {
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        found.extend(all.iter().filter(|process| found.contains(&process.parent)).map(|p| p.pid).collect::<Vec<_>>());
        if found.len() == before {
            return all.iter().filter(|p| p.pid != root && found.contains(&p.pid)).copied().collect();
        }
    }
}

/// Reads `pid (name) state parent group session … start …`, where the name may hold anything, and need not be text.
fn parse(pid: i32, line: &[u8]) -> Option<Process> {
    let name_ends = line.windows(2).rposition(|pair| pair == b") ")?;
    let rest = std::str::from_utf8(&line[name_ends + 2..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(20).collect();
    let number = |at: usize| fields.get(at)?.parse::<i32>().ok();
    Some(Process {
        pid,
        ended: matches!(*fields.first()?, "Z" | "X"),
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        start: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_behind_the_name() {
        let tail = b") R 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 999 1\n";
        let line = [b"5 (a) Z (\xff ".as_slice(), tail].concat();
        let process = parse(5, &line).unwrap();
        let wanted = Process { pid: 5, ended: false, parent: 7, group: 8, session: 9, start: 4242 };
        assert_eq!(process, wanted);
        assert_eq!(parse(5, b"5 (a) Z 1 2"), None);
        assert_eq!(parse(5, b""), None);
    }

    #[test]
    fn this_process_is_there_and_its_parent_is_above_it() {
        let own = i32::try_from(std::process::id()).unwrap();
        let me = read(own).unwrap();
        assert!(!me.ended && me.start > 0);
        let all = all();
        assert!(below(&all, me.parent).iter().any(|process| process.pid == own));
        assert!(!below(&all, own).iter().any(|process| process.pid == own));
    }
}
