//! What the process trees of servers use: processor time, memory, open files.

use std::fmt;
use std::time::Duration;

/// What one process tree uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeUsage {
    /// Its processes that have not ended.
    pub processes: u32,
    /// Their threads.
    pub threads: u32,
    /// Processor time, user and system, of those processes and of the children that they waited for.
    pub cpu: Duration,
    /// Resident memory in bytes, the sum over the tree. What its processes share counts more than once.
    pub resident_bytes: u64,
    /// Open files; those of processes that we may not look into are left out.
    pub open_files: u64,
}

/// Who measures. The real one is [`ProcUsage`]; simulations bring their own.
pub trait UsageSource: Send + Sync + fmt::Debug {
    /// Measures the trees of these main processes, all in one pass, in the same order; `None`: it is not there, or cannot be
    /// measured here. May read the disk: not on a thread that others need.
    fn sample(&self, mains: &[u32]) -> Vec<Option<TreeUsage>>;

    /// Measures this process alone, without its children.
    fn own(&self) -> Option<TreeUsage>;
}

/// Measures by `/proc` (Linux); knows nothing elsewhere.
///
/// The tree of a main process is everything that comes from it. Behind a warden it is everything that comes from the warden,
/// what left the main process included; the warden itself is no part of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcUsage;

#[cfg(target_os = "linux")]
impl UsageSource for ProcUsage {
    fn sample(&self, mains: &[u32]) -> Vec<Option<TreeUsage>> {
        let table = linux::Table::read();
        mains.iter().map(|main| table.tree(i32::try_from(*main).ok()?)).collect()
    }

    fn own(&self) -> Option<TreeUsage> {
        linux::alone(i32::try_from(std::process::id()).ok()?)
    }
}

#[cfg(not(target_os = "linux"))]
impl UsageSource for ProcUsage {
    fn sample(&self, mains: &[u32]) -> Vec<Option<TreeUsage>> {
        vec![None; mains.len()]
    }

    fn own(&self) -> Option<TreeUsage> {
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! The processes there are, as `/proc` shows them.

    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read as _;
    use std::time::Duration;

    use super::TreeUsage;

    /// Processes of one tree that are counted at most: a server that forks for ever must not hold the sampler.
    const MAX_PROCESSES: usize = 10_000;

    /// What of a process counts.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Process {
        ended: bool,
        parent: i32,
        ticks: u64,
        threads: u32,
        pages: u64,
    }

    /// All processes of one moment, by id and by parent.
    #[derive(Debug, Default)]
    pub(super) struct Table {
        all: BTreeMap<i32, Process>,
        children: BTreeMap<i32, Vec<i32>>,
        own: i32,
    }

    impl Table {
        /// One pass over all processes.
        pub(super) fn read() -> Self {
            let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
            let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
            let found = ids.filter_map(|pid| Some((pid, process(pid)?)));
            Self::of(found, i32::try_from(std::process::id()).unwrap_or_default())
        }

        fn of(processes: impl Iterator<Item = (i32, Process)>, own: i32) -> Self {
            let mut table = Self { own, ..Self::default() };
            for (pid, process) in processes {
                table.all.insert(pid, process);
                table.children.entry(process.parent).or_default().push(pid);
            }
            table
        }

        /// The whole tree of a main process.
        pub(super) fn tree(&self, main: i32) -> Option<TreeUsage> {
            let members = self.members(main)?;
            let files = members.iter().map(|pid| open_files(*pid)).sum();
            let listed = members.iter().filter_map(|pid| self.all.get(pid));
            Some(sum(listed, files))
        }

        fn members(&self, main: i32) -> Option<Vec<i32>> {
            let parent = self.all.get(&main)?.parent;
            // Between us and a server stands its warden, if it has one.
            let guarded = parent != self.own && self.all.get(&parent).is_some_and(|warden| warden.parent == self.own);
            let mut members = if guarded { self.children_of(parent).to_vec() } else { vec![main] };
            let mut next = 0;
            while let Some(pid) = members.get(next).copied().filter(|_| members.len() < MAX_PROCESSES) {
                members.extend_from_slice(self.children_of(pid));
                next += 1;
            }
            Some(members)
        }

        fn children_of(&self, pid: i32) -> &[i32] {
            self.children.get(&pid).map_or(&[], Vec::as_slice)
        }
    }

    /// One process without its children.
    pub(super) fn alone(pid: i32) -> Option<TreeUsage> {
        process(pid).map(|process| sum([&process].into_iter(), open_files(pid)))
    }

    fn sum<'a>(processes: impl Iterator<Item = &'a Process>, open_files: u64) -> TreeUsage {
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let (mut total, mut ticks) = (TreeUsage { open_files, ..TreeUsage::default() }, 0_u64);
        for process in processes {
            ticks = ticks.saturating_add(process.ticks);
            // One that has ended has used its time, and has nothing else any more.
            if !process.ended {
                total.processes += 1;
                total.threads = total.threads.saturating_add(process.threads);
                total.resident_bytes = total.resident_bytes.saturating_add(process.pages.saturating_mul(page));
            }
        }
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(per_second);
        total.cpu = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        total
    }

    fn process(pid: i32) -> Option<Process> {
        let mut line = [0; 1024];
        let length = fs::File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut line)).ok()?;
        parse(&line[..length])
    }

    fn open_files(pid: i32) -> u64 {
        fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |files| files.count() as u64)
    }

    /// Reads `pid (name) state parent …`, where the name may hold anything, and need not be text (man page `proc_pid_stat`).
    fn parse(line: &[u8]) -> Option<Process> {
        let name_ends = line.windows(2).rposition(|pair| pair == b") ")?;
        let rest = std::str::from_utf8(&line[name_ends + 2..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().take(22).collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Process {
            ended: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            // User and system time, of its own and of the children that it waited for.
            ticks: [11, 12, 13, 14].into_iter().filter_map(number).sum(),
            threads: u32::try_from(number(17)?).ok()?,
            pages: number(21)?,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn process(parent: i32) -> Process {
            Process { ended: false, parent, ticks: 1, threads: 1, pages: 1 }
        }

        #[test]
        fn a_line_is_read_whatever_the_name() {
            let line =
                b"7 (a) b (\xff) S 3 7 7 0 -1 4194560 1 2 3 4 100 20 5 1 20 0 9 0 55 1000000 250 18446744073709551615";
            let read = parse(line).unwrap();
            assert_eq!(read, Process { ended: false, parent: 3, ticks: 126, threads: 9, pages: 250 });
            assert_eq!((parse(b""), parse(b"7 (a) S"), parse(b"7 (a")), (None, None, None));
        }

        #[test]
        fn a_tree_is_what_comes_from_the_main_process_or_from_its_warden() {
            // 1 is us; 2 is a warden with the server 3, whose child is 4, and with 5, which left it; 6 is a server of ours.
            let all =
                [(1, 0), (2, 1), (3, 2), (4, 3), (5, 2), (6, 1), (7, 6), (8, 0)].map(|(pid, of)| (pid, process(of)));
            let table = Table::of(all.into_iter(), 1);
            let sorted = |main| {
                let mut members = table.members(main).unwrap_or_default();
                members.sort_unstable();
                members
            };
            assert_eq!((sorted(3), sorted(6), sorted(9)), (vec![3, 4, 5], vec![6, 7], vec![]));
            assert_eq!(sorted(8), [8], "one that was adopted is nobody's child here");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_measured_and_what_is_not_there_is_not() {
        let own = std::process::id();
        let sampled = ProcUsage.sample(&[own, u32::MAX, 3_999_999_999]);
        let tree = sampled[0].unwrap();
        assert!(
            tree.processes >= 1 && tree.threads >= 1 && tree.resident_bytes > 100_000 && tree.open_files >= 3,
            "{tree:?}"
        );
        assert_eq!(sampled[1..], [None, None]);
        assert!(ProcUsage.own().unwrap().resident_bytes <= tree.resident_bytes + 50_000_000);
    }
}
