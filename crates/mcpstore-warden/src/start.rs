//! Starting the server: its limits and its sandbox are in force before its first instruction.

use std::ffi::{CString, NulError};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::Mode;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getpid, getppid, getrlimit, set_parent_process_death_signal, setrlimit, setsid,
    umask,
};
use rustix::thread::set_no_new_privs;

use crate::confine::Confined;
use crate::report::Stage;
use crate::{Limit, LimitKind, Plan, sys};

/// Starts the server with these files as its stdin, stdout and stderr, of which no copy is left here.
///
/// # Errors
/// At what it failed, and what the system said.
pub(crate) fn start(plan: Plan, files: [OwnedFd; 3]) -> Result<Pid, (Stage, io::Error)> {
    if let Some(cwd) = &plan.cwd {
        std::env::set_current_dir(cwd).map_err(|error| (Stage::Directory, error))?;
    }
    let program = program(&plan).map_err(|error| (Stage::Execute, error.into()))?;
    let confined = plan.reach.as_ref().map(Confined::new).transpose().map_err(|error| (Stage::Sandbox, error))?;
    // A cgroup is one net more, not a condition: a server that cannot be born in it is started all the same.
    let cgroup = plan.cgroup.and_then(|folder| File::open(folder).ok()).map(OwnedFd::from);
    let bounds =
        Bounds { warden: getpid(), umask: plan.umask, limits: plan.limits, no_new_privs: plan.no_new_privs, confined };
    let started = sys::start(files, cgroup.as_ref(), || bounds.enter(), &program);
    let child = started.map_err(|error| (Stage::Execute, error))?;
    Pid::from_raw(child).ok_or_else(|| (Stage::Execute, io::Error::other("it has no process id")))
}

/// What is executed. A NUL in a text cannot be told to the system.
fn program(plan: &Plan) -> Result<sys::Program, NulError> {
    let file = CString::new(plan.program.as_os_str().as_bytes())?;
    let args = plan.args.iter().map(|arg| CString::new(arg.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let env = plan.env.iter().map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()));
    let env = env.collect::<Result<_, _>>()?;
    Ok(sys::Program { args: [vec![file.clone()], args].concat(), file, env })
}

/// What the server is kept within.
struct Bounds {
    warden: Pid,
    umask: Option<u32>,
    limits: Vec<Limit>,
    no_new_privs: bool,
    confined: Option<Confined>,
}

impl Bounds {
    /// In the child, before exec: a session of its own, an end with the warden's, and everything of its sandbox.
    fn enter(mut self) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(self.warden) {
            // The warden died before that was asked for.
            return Err(io::ErrorKind::Interrupted.into());
        }
        setsid()?;
        if let Some(mask) = self.umask {
            umask(Mode::from_raw_mode(mask));
        }
        for limit in &self.limits {
            let resource = resource(limit.kind);
            let held = getrlimit(resource).maximum;
            let value = Some(held.map_or(limit.value, |held| held.min(limit.value)));
            setrlimit(resource, Rlimit { current: value, maximum: value })?;
        }
        if self.no_new_privs {
            set_no_new_privs(true)?;
        }
        // Last: from here on files are out of reach.
        self.confined.as_mut().map_or(Ok(()), Confined::enter)
    }
}

const fn resource(kind: LimitKind) -> Resource {
    match kind {
        LimitKind::Core => Resource::Core,
        LimitKind::Memory => Resource::Data,
        LimitKind::OpenFiles => Resource::Nofile,
        LimitKind::Processes => Resource::Nproc,
    }
}
