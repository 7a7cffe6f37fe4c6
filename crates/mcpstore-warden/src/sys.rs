//! The system calls of the warden that no safe crate wraps, and the fork.

use std::ffi::CString;
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;

/// The signals there are, real-time ones too.
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=64;

/// Closes every file but stdin, stdout and stderr.
pub(crate) fn close_foreign_files() {
    // SAFETY: no value that owns one of these files exists yet: a warden calls this before it opens anything.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) == 0 {
            return;
        }
        // A kernel before 5.9: one by one, up to what may be open.
        let most = libc::sysconf(libc::_SC_OPEN_MAX).clamp(256, 1 << 20);
        for file in 3..i32::try_from(most).unwrap_or(256) {
            libc::close(file);
        }
    }
}

/// Blocks every signal, after each got its default meaning: whatever the manager ignored is nobody else's business.
///
/// # Errors
/// What the system says.
pub(crate) fn block_signals() -> io::Result<()> {
    for signal in SIGNALS {
        // Left alone: the runtime's own report of an overflowing stack.
        if signal != libc::SIGSEGV && signal != libc::SIGBUS {
            // SAFETY: a default meaning needs no function of ours. Those that cannot be changed are refused.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    set_mask(|set| {
        // SAFETY: `set` points to memory for a set, which this fills.
        unsafe { libc::sigfillset(set) }
    })
}

/// Lets every signal through again. Only for the child between fork and exec: what came before is pending for its parent.
///
/// # Errors
/// What the system says.
fn unblock_signals() -> io::Result<()> {
    set_mask(|set| {
        // SAFETY: `set` points to memory for a set, which this fills.
        unsafe { libc::sigemptyset(set) }
    })
}

fn set_mask(fill: impl FnOnce(*mut libc::sigset_t) -> i32) -> io::Result<()> {
    let mut set = MaybeUninit::uninit();
    fill(set.as_mut_ptr());
    // SAFETY: `fill` has written the set; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// A file that can be read when a child has changed. The signal must be blocked.
///
/// # Errors
/// What the system says.
pub(crate) fn child_signals() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is made before it is read, and the descriptor that comes back is ours alone.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        let file = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if file < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(file)) }
    }
}

/// Bytes of one word out of [`child_signals`].
pub(crate) const SIGNAL_BYTES: usize = size_of::<libc::signalfd_siginfo>();

/// A program with its arguments, its own name first, and its environment, as the system takes them.
pub(crate) struct Program {
    pub(crate) file: CString,
    pub(crate) args: Vec<CString>,
    pub(crate) env: Vec<CString>,
}

impl Program {
    /// Becomes the program; comes back with why not. Unlike the library's own way, it never tries a shell.
    fn execute(&self) -> io::Error {
        let pointers = |texts: &[CString]| {
            texts.iter().map(|text| text.as_ptr()).chain(std::iter::once(ptr::null())).collect::<Vec<_>>()
        };
        let (args, env) = (pointers(&self.args), pointers(&self.env));
        // SAFETY: both lists end with a null pointer, and what they point to lives in `self`.
        unsafe { libc::execve(self.file.as_ptr(), args.as_ptr(), env.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// Starts this program after `prepare` with these files as its stdin, stdout and stderr, with every signal let through; born in
/// this cgroup where that can be.
///
/// A process that *joins* a cgroup waits until the kernel has made sure of every other one: many milliseconds.
///
/// # Errors
/// What the system says, also to `prepare` and to the execution.
pub(crate) fn start(
    files: [OwnedFd; 3],
    cgroup: Option<&OwnedFd>,
    prepare: impl FnOnce() -> io::Result<()>,
    program: &Program,
) -> io::Result<i32> {
    let (mut failure, mut told) = io::pipe()?;
    let pid = fork(cgroup)?;
    if pid == 0 {
        let executed = take_files(&files).and_then(|()| unblock_signals()).and_then(|()| prepare());
        let error = executed.map_or_else(|error| error, |()| program.execute());
        let _ = told.write_all(&error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes());
        // SAFETY: ends this process; nothing of the warden's may run in it.
        unsafe { libc::_exit(127) }
    }
    drop((told, files));
    let mut errno = [0; 4];
    // The end without a word: the program is executed.
    if failure.read_exact(&mut errno).is_err() {
        return Ok(pid);
    }
    // SAFETY: waits for a child of ours that nobody else waits for; its status is not asked for.
    unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
    Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
}

/// Of the kernel's `sched.h`; libc has it in too short a type.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Forks: 0 in the child.
fn fork(cgroup: Option<&OwnedFd>) -> io::Result<i32> {
    // SAFETY: a warden has one thread, so no lock, the allocator's neither, is held by another one when it forks. `args` is as
    // long as is said, and all that is not set in it is zero, which asks for nothing.
    let pid = unsafe {
        let mut args: libc::clone_args = std::mem::zeroed();
        args.exit_signal = libc::SIGCHLD.cast_unsigned().into();
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = cgroup.map_or(0, |folder| u64::from(folder.as_raw_fd().cast_unsigned()));
        let born = cgroup.map_or(-1, |_| libc::syscall(libc::SYS_clone3, &raw mut args, size_of_val(&args)));
        // A cgroup is one net more, not a condition.
        i32::try_from(born).ok().filter(|pid| *pid >= 0).unwrap_or_else(|| libc::fork())
    };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) }
}

/// Makes these files stdin, stdout and stderr. Only for the child: what stood there is replaced.
fn take_files(files: &[OwnedFd; 3]) -> io::Result<()> {
    for (target, file) in (0..).zip(files) {
        // SAFETY: the standard library opens all three before `main`, so none of `files` is one of them.
        if unsafe { libc::dup2(file.as_raw_fd(), target) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
