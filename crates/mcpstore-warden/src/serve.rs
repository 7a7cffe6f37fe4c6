//! The life of a warden: one plan, one server, one tree; then its own end.

use std::cell::Cell;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg, send};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, set_child_subreaper, wait};

use crate::cgroup::Leaf;
use crate::report::{End, Order, Report, Stage};
use crate::{MAX_PLAN_BYTES, Plan, proc, start, sys, tree};

/// The first pause between two rounds of killing, in milliseconds; it doubles.
const PAUSE_MIN: i64 = 10;
/// The longest such pause, in milliseconds.
const PAUSE_MAX: i64 = 320;

/// Is a warden. Returns when nothing is left to watch over.
pub(crate) fn serve() {
    let stdin = io::stdin();
    let socket = stdin.as_fd();
    sys::close_foreign_files();
    match begin(socket) {
        Ok(Some(Begun { main, wraps, signals, leaf })) => {
            Tree { socket, signals, main: Cell::new(Some(main)), wraps, leaf }.watch();
        }
        // Nobody wants a server any more.
        Ok(None) => {}
        Err((stage, error)) => {
            let errno = error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
            tell(socket, Report::Failed { stage, errno });
        }
    }
}

/// A server that was started.
struct Begun {
    main: Pid,
    /// Its main process only waits for it.
    wraps: bool,
    signals: OwnedFd,
    leaf: Option<Leaf>,
}

/// Gets the plan and starts the server. Nothing when the socket closed before.
fn begin(socket: BorrowedFd<'_>) -> Result<Option<Begun>, (Stage, io::Error)> {
    let unplanned = |error| (Stage::Plan, error);
    sys::block_signals().map_err(unplanned)?;
    set_child_subreaper(Some(getpid())).map_err(|errno| (Stage::Plan, errno.into()))?;
    let signals = sys::child_signals().map_err(unplanned)?;
    tell(socket, Report::Ready);
    let Some((plan, files)) = receive(socket).map_err(unplanned)? else { return Ok(None) };
    let wraps = plan.wraps;
    let leaf = plan.cgroup.clone().map(Leaf::at);
    let main = start::start(plan, files)?;
    // A zombie at worst: it is not waited for yet.
    let start = proc::read(main.as_raw_nonzero().get()).map_or(0, |process| process.start);
    tell(socket, Report::Started { pid: main.as_raw_nonzero().get().cast_unsigned(), start });
    Ok(Some(Begun { main, wraps, signals, leaf }))
}

/// The length of the plan comes with the server's three files; then the plan.
fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Plan, [OwnedFd; 3])>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; 4];
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let files = <[OwnedFd; 3]>::try_from(files.flatten().collect::<Vec<_>>());
    let files = files.map_err(|_| io::Error::from_raw_os_error(Errno::BADF.raw_os_error()))?;
    let length = u32::from_le_bytes(length) as usize;
    if received.bytes != 4 || length > MAX_PLAN_BYTES {
        return Err(Errno::MSGSIZE.into());
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match read(socket, &mut bytes[filled..]) {
            Ok(0) => return Ok(None),
            Ok(more) => filled += more,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Plan::decode(&bytes).map(|plan| Some((plan, files))).ok_or_else(|| Errno::BADMSG.into())
}

/// Says something to the manager. When it is gone there is nobody to tell.
fn tell(socket: BorrowedFd<'_>, report: Report) {
    // Sixteen bytes in a buffer of many: all of them go, or the other end is closed.
    let _ = send(socket, &report.encode(), SendFlags::NOSIGNAL);
}

/// The server's tree.
struct Tree<'s> {
    socket: BorrowedFd<'s>,
    signals: OwnedFd,
    /// The server's main process, until it was waited for: then its number may belong to somebody else of the tree.
    main: Cell<Option<Pid>>,
    /// The main process only waits for the server: asked to end, it would do so at once, and take the server with it.
    wraps: bool,
    /// Its cgroup, where it has one.
    leaf: Option<Leaf>,
}

impl Tree<'_> {
    fn watch(&self) {
        loop {
            if self.reap() {
                return self.over();
            }
            let mut files = [PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&self.socket, PollFlags::IN)];
            // Nothing wakes an idle warden but a child or the manager.
            let polled = poll(&mut files, None);
            let (child, manager) = (!files[0].revents().is_empty(), !files[1].revents().is_empty());
            match polled {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                // Blind, a warden can only do its last duty.
                Err(_) => return self.kill(),
            }
            if child {
                self.drain_signals();
            }
            if manager && !self.obey() {
                return self.kill();
            }
        }
    }

    /// Takes what the manager says; false when the tree shall be killed.
    fn obey(&self) -> bool {
        let mut orders = [0; 64];
        match read(self.socket, &mut orders) {
            Ok(0) => false,
            Ok(count) => orders[..count].iter().all(|order| match Order::decode(*order) {
                Some(Order::Terminate) => {
                    tree::signal(getpid(), Signal::TERM, self.main.get().filter(|_| self.wraps));
                    // A stopped process does not see the signal before it goes on.
                    tree::signal(getpid(), Signal::CONT, None);
                    true
                }
                Some(Order::Kill) => false,
                None => true,
            }),
            Err(error) => error == Errno::INTR || error == Errno::AGAIN,
        }
    }

    /// Kills the tree, again and again until nobody is left of it.
    fn kill(&self) {
        let mut pause = PAUSE_MIN;
        loop {
            if let Some(leaf) = &self.leaf {
                leaf.kill();
            }
            tree::kill(getpid());
            if self.reap_for(pause) {
                return self.over();
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Nothing is left. Who hears of it finds the cgroup gone.
    fn over(&self) {
        if let Some(leaf) = &self.leaf {
            leaf.remove();
        }
        tell(self.socket, Report::Empty);
    }

    /// Reaps whoever ends within so many milliseconds; true when nobody is left.
    fn reap_for(&self, pause: i64) -> bool {
        let pause = Timespec { tv_sec: 0, tv_nsec: pause * 1_000_000 };
        loop {
            if self.reap() {
                return true;
            }
            let polled = poll(&mut [PollFd::new(&self.signals, PollFlags::IN)], Some(&pause));
            if polled != Ok(1) {
                return self.reap();
            }
            self.drain_signals();
        }
    }

    fn drain_signals(&self) {
        let mut word = [0; 8 * sys::SIGNAL_BYTES];
        while read(&self.signals, &mut word).is_ok() {}
    }

    /// Waits for everyone who has ended; true when there is no child left, and so nothing of the tree.
    fn reap(&self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid) == self.main.get() => {
                    self.main.set(None);
                    tell(self.socket, Report::Exited(end(status)));
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }
}

fn end(status: WaitStatus) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}
