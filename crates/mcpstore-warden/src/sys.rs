//! The system calls of the warden that no safe crate wraps, and the one hook between fork and exec.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
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

/// Makes the child of `command` execute this program instead of the command's, after `prepare`, with every signal let
/// through. What fails comes back from the command's `spawn`.
pub(crate) fn execute_after(
    command: &mut Command,
    mut prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    program: Program,
) {
    // SAFETY: a warden has one thread, so no lock, the allocator's neither, is held by another one when it forks.
    unsafe {
        command.pre_exec(move || {
            unblock_signals().and_then(|()| prepare())?;
            Err(program.execute())
        });
    }
}
