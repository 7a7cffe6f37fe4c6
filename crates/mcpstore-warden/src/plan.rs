//! What a warden is told to start, as bytes.
//!
//! Every text is its length (32 bits, little endian) and its bytes; every list is its length and its members.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

/// Bytes of an encoded plan, at most. The system takes 2 MiB of arguments and environment for a process, as a rule.
pub const MAX_PLAN_BYTES: usize = 16 * 1024 * 1024;

/// What to start, and under which conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The file to execute; absolute.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory; that of the warden when there is none.
    pub cwd: Option<PathBuf>,
    /// The bits that its new files do not get; those of the manager when there are none.
    pub umask: Option<u32>,
    /// It gains no privileges that its user does not have, whatever it executes.
    pub no_new_privs: bool,
    /// The program only builds the surroundings of the server and waits for it: a polite request to end is not for it.
    pub wraps: bool,
    /// Limits of the system. Each process of the tree inherits them, and none can raise them without privileges.
    pub limits: Vec<Limit>,
    /// The files that it may reach; all of them when there is none.
    pub reach: Option<Reach>,
    /// The folder of a cgroup (v2) of its own, there already: it is born in it, and the warden removes it at the end.
    pub cgroup: Option<PathBuf>,
}

/// Files and folders, with all that is in them. Those that do not exist are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// They may be read and executed.
    pub read: Vec<PathBuf>,
    /// They may be read, executed and changed.
    pub write: Vec<PathBuf>,
}

/// One limit of the system, soft and hard. It only ever lowers what holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub kind: LimitKind,
    /// To how much: bytes or a number.
    pub value: u64,
}

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Bytes of a core file.
    Core,
    /// Bytes of private memory that can be written to, each process: `RLIMIT_DATA`.
    Memory,
    /// Open files, each process.
    OpenFiles,
    /// Processes and threads of the user. Does not bind root.
    Processes,
}

const KINDS: [LimitKind; 4] = [LimitKind::Core, LimitKind::Memory, LimitKind::OpenFiles, LimitKind::Processes];

impl Plan {
    /// The plan as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.program.as_os_str());
        number(&mut out, self.args.len());
        self.args.iter().for_each(|arg| put(&mut out, arg));
        number(&mut out, self.env.len());
        for (name, value) in &self.env {
            put(&mut out, name);
            put(&mut out, value);
        }
        for path in [&self.cwd, &self.cgroup] {
            // No path is empty.
            put(&mut out, path.as_ref().map_or(OsStr::new(""), |path| path.as_os_str()));
        }
        // No mask has more than nine bits.
        out.extend(self.umask.unwrap_or(u32::MAX).to_le_bytes());
        out.extend([self.no_new_privs, self.wraps, self.reach.is_some()].map(u8::from));
        for paths in self.reach.iter().flat_map(|reach| [&reach.read, &reach.write]) {
            number(&mut out, paths.len());
            paths.iter().for_each(|path| put(&mut out, path.as_os_str()));
        }
        number(&mut out, self.limits.len());
        for limit in &self.limits {
            out.push(KINDS.iter().position(|kind| *kind == limit.kind).unwrap_or_default() as u8);
            out.extend(limit.value.to_le_bytes());
        }
        out
    }

    /// The plan in these bytes; nothing when they are no plan.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        let program = PathBuf::from(rest.text()?);
        let args = (0..rest.number()?).map(|_| rest.text()).collect::<Option<_>>()?;
        let env = (0..rest.number()?).map(|_| Some((rest.text()?, rest.text()?))).collect::<Option<_>>()?;
        let mut path = || Some(Some(PathBuf::from(rest.text()?)).filter(|path| !path.as_os_str().is_empty()));
        let (cwd, cgroup) = (path()?, path()?);
        let umask = Some(rest.number()?).filter(|mask| *mask != u32::MAX);
        let [no_new_privs, wraps, reaches] = [rest.flag()?, rest.flag()?, rest.flag()?];
        let reach = if reaches { Some(Reach { read: rest.paths()?, write: rest.paths()? }) } else { None };
        let limits = (0..rest.number()?)
            .map(|_| {
                let kind = *KINDS.get(usize::from(rest.take::<1>()?[0]))?;
                Some(Limit { kind, value: u64::from_le_bytes(rest.take()?) })
            })
            .collect::<Option<_>>()?;
        let plan = Self { program, args, env, cwd, umask, no_new_privs, wraps, limits, reach, cgroup };
        rest.0.is_empty().then_some(plan)
    }
}

fn number(out: &mut Vec<u8>, number: usize) {
    // Longer ones are over [`MAX_PLAN_BYTES`] anyway.
    out.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn put(out: &mut Vec<u8>, text: &OsStr) {
    number(out, text.len());
    out.extend(text.as_bytes());
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take()?))
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn paths(&mut self) -> Option<Vec<PathBuf>> {
        (0..self.number()?).map(|_| self.text().map(PathBuf::from)).collect()
    }

    fn text(&mut self) -> Option<OsString> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(OsString::from_vec(text.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            program: "/bin/server".into(),
            args: vec!["".into(), OsString::from_vec(vec![0xff, b'a']), "--x=ü".into()],
            env: vec![("A".into(), "1".into()), ("B".into(), "".into())],
            cwd: Some("/tmp".into()),
            umask: Some(0o077),
            no_new_privs: true,
            wraps: false,
            limits: vec![
                Limit { kind: LimitKind::Core, value: 0 },
                Limit { kind: LimitKind::OpenFiles, value: u64::MAX },
            ],
            reach: Some(Reach { read: vec!["/usr".into(), "/etc".into()], write: vec!["/tmp".into()] }),
            cgroup: None,
        }
    }

    #[test]
    fn a_plan_comes_out_as_it_went_in() {
        assert_eq!(Plan::decode(&plan().encode()), Some(plan()));
        assert_eq!(Plan::decode(&Plan::default().encode()), Some(Plan::default()));
    }

    #[test]
    fn no_cut_and_no_addition_is_a_plan() {
        let bytes = plan().encode();
        for length in 0..bytes.len() {
            assert_eq!(Plan::decode(&bytes[..length]), None, "cut at {length}");
        }
        assert_eq!(Plan::decode(&[bytes.as_slice(), b"x"].concat()), None);
        assert_eq!(Plan::decode(&[0xff; 64]), None);
    }
}
