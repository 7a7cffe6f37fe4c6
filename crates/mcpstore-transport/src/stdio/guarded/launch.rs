//! Starting a server behind a warden.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mcpstore_types::{Incarnation, ServiceName};
use mcpstore_warden::cgroup::Leaf;
use mcpstore_warden::{MAX_PLAN_BYTES, Plan, Report, Stage};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::oneshot;

use super::registry;
use super::watch::{Fate, Line, Removed, Watch};
use crate::LaunchError;
use crate::stdio::ledger::{Entry, Ledger, Named};
use crate::stdio::prepare::{BUSY_PAUSE, BUSY_TRIES, Prepared};
use crate::stdio::warden::WardenProgram;

/// How long a warden may take until it is there; milliseconds, as a rule.
const READY: Duration = Duration::from_secs(10);

/// A server that was started, and its warden.
pub(crate) struct Guarded {
    pub(crate) pid: u32,
    pub(crate) line: Weak<Line>,
    pub(crate) fate: Arc<Fate>,
    pub(crate) stdin: Sender,
    pub(crate) stdout: Receiver,
    pub(crate) stderr: Receiver,
}

/// Which life is started, and how it is told from all others.
#[derive(Clone, Debug)]
pub(crate) struct Which {
    pub(crate) service: ServiceName,
    pub(crate) incarnation: Incarnation,
    pub(crate) mark: String,
    /// Every child of this process is a warden, or was left by one.
    pub(crate) owns_children: bool,
}

/// Starts it. Dropped half-way, what was started is ended by the task that watches it.
pub(crate) async fn launch(
    warden: &WardenProgram,
    ledger: Option<&Arc<Ledger>>,
    prepared: Prepared,
    which: Which,
) -> Result<Guarded, LaunchError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match launch_once(warden, ledger, &prepared, which.clone()).await {
            Ok(guarded) => return Ok(guarded),
            Err(Failure::Warden(error)) => {
                return Err(LaunchError::Warden { program: warden.file().to_owned(), source: Arc::new(error) });
            }
            Err(Failure::Server(Stage::Directory, _)) => {
                return Err(LaunchError::BadWorkingDirectory { cwd: prepared.cwd.unwrap_or_default() });
            }
            Err(Failure::Server(Stage::Sandbox, error)) => {
                return Err(LaunchError::NoLandlock { source: Arc::new(error) });
            }
            Err(Failure::Server(Stage::Execute, error))
                if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(Failure::Server(_, error)) => return Err(prepared.explain(error).await),
        }
    }
}

/// Why a try did not start a server.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no warden, or none that does its work.
    Warden(io::Error),
    /// The warden could not start the server.
    Server(Stage, io::Error),
}

async fn launch_once(
    warden: &WardenProgram,
    ledger: Option<&Arc<Ledger>>,
    prepared: &Prepared,
    which: Which,
) -> Result<Guarded, Failure> {
    let begun = begin(warden, prepared, &which).map_err(Failure::Warden)?;
    let Begun { watch, files, plan, ours: (stdin, stdout, stderr) } = begun;
    // Before the server can exist: whatever happens from here on, the next manager knows what to look for.
    let entry = ledger.map(|ledger| {
        let warden = watch.pid().and_then(Named::of);
        ledger.enter(&which.mark, &which.service, which.incarnation, warden, watch.leaf().map(Leaf::path))
    });
    let (line, fate) = (Arc::downgrade(watch.line()), Arc::clone(watch.fate()));
    let (answer, answered) = oneshot::channel();
    tokio::spawn(serve(watch, files, plan, entry, answer));
    let pid = answered.await.unwrap_or_else(|_| Err(Failure::Warden(io::ErrorKind::Interrupted.into())))?;
    Ok(Guarded { pid, line, fate, stdin, stdout, stderr })
}

/// A warden that was started and has no plan yet.
struct Begun {
    watch: Watch,
    /// The server's ends of its pipes.
    files: [OwnedFd; 3],
    plan: Vec<u8>,
    ours: (Sender, Receiver, Receiver),
}

fn begin(warden: &WardenProgram, prepared: &Prepared, which: &Which) -> io::Result<Begun> {
    let leaf = Leaf::make(&which.mark).map(Removed);
    let plan = plan(prepared, leaf.as_ref().map(|leaf| leaf.0.path().to_owned())).encode();
    if plan.len() > MAX_PLAN_BYTES {
        return Err(io::Error::other("its arguments and its environment are too long"));
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC);
    let ((stdin, to_server), (from_server, stdout), (from_stderr, stderr)) = (pipe()?, pipe()?, pipe()?);
    let ours = (
        Sender::from_owned_fd(to_server)?,
        Receiver::from_owned_fd(from_server)?,
        Receiver::from_owned_fd(from_stderr)?,
    );
    let (socket, theirs) = StdStream::pair()?;
    socket.set_nonblocking(true)?;
    let mut command = warden.command(which.service.as_str());
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    // Out of reach of a Ctrl-C on the terminal, which is the manager's business.
    command.process_group(0);
    let (child, registered) = registry::spawn(&mut command)?;
    // The command holds their end until it is dropped, and the end of a warden must be seen.
    drop(command);
    let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let line = Line::new(UnixStream::from_std(socket)?, pidfd);
    let watch = Watch::new(line, child, registered, which.mark.clone(), leaf, which.owns_children);
    Ok(Begun { watch, files: [stdin, stdout, stderr], plan, ours })
}

fn plan(prepared: &Prepared, cgroup: Option<PathBuf>) -> Plan {
    Plan {
        program: prepared.file.clone(),
        args: prepared.args.clone(),
        env: prepared.env.clone(),
        cwd: prepared.cwd.clone(),
        umask: prepared.bounds.umask,
        no_new_privs: prepared.bounds.no_new_privs,
        wraps: prepared.bounds.wrapper.is_some(),
        limits: prepared.bounds.limits.clone(),
        reach: prepared.bounds.reach.clone(),
        cgroup,
    }
}

/// The task of one warden: hands the plan over, answers the launch, then watches until nothing is left.
async fn serve(
    mut watch: Watch,
    files: [OwnedFd; 3],
    plan: Vec<u8>,
    entry: Option<Entry>,
    mut answer: oneshot::Sender<Result<u32, Failure>>,
) {
    let started = tokio::select! {
        started = start(&mut watch, files, &plan) => started,
        // The launch was given up. The warden hears of it by the end of the socket, or by the order.
        () = answer.closed() => {
            watch.line().order(mcpstore_warden::Order::Kill);
            watch.end(entry.as_ref()).await;
            return;
        }
    };
    match started {
        Ok((pid, start)) => {
            let named = i32::try_from(pid).ok().map(|pid| Named { pid, start });
            watch.server = named.map(|named| (named.pid, named.start));
            if let (Some(entry), Some(server)) = (&entry, named) {
                entry.started(server);
            }
            if answer.send(Ok(pid)).is_err() {
                watch.line().order(mcpstore_warden::Order::Kill);
            }
            watch.end(entry.as_ref()).await;
        }
        Err(failure) => {
            watch.line().order(mcpstore_warden::Order::Kill);
            watch.failed(entry.as_ref()).await;
            // Nobody may wait for it any more.
            let _ = answer.send(Err(failure));
        }
    }
}

/// Waits for the warden, hands it its plan, and waits for the server.
async fn start(watch: &mut Watch, files: [OwnedFd; 3], plan: &[u8]) -> Result<(u32, u64), Failure> {
    let ready = tokio::time::timeout(READY, watch.report()).await;
    match ready.map_err(|_| Failure::Warden(io::ErrorKind::TimedOut.into()))?.map_err(Failure::Warden)? {
        Some(Report::Ready) => {}
        Some(report) => return Err(unexpected(report)),
        None => return Err(Failure::Warden(io::Error::other("it ended before it began: it is no warden"))),
    }
    hand_over(watch.line(), files, plan).await.map_err(Failure::Warden)?;
    match watch.report().await.map_err(Failure::Warden)? {
        Some(Report::Started { pid, start }) => Ok((pid, start)),
        Some(report) => Err(unexpected(report)),
        None => Err(Failure::Warden(io::Error::other("it was killed"))),
    }
}

fn unexpected(report: Report) -> Failure {
    match report {
        Report::Failed { stage: Stage::Plan, errno } => Failure::Warden(io::Error::from_raw_os_error(errno)),
        Report::Failed { stage, errno } => Failure::Server(stage, io::Error::from_raw_os_error(errno)),
        other => Failure::Warden(io::Error::other(format!("it said {other:?} out of turn"))),
    }
}

/// Sends the length of the plan with the server's files, then the plan. Our copies of the files are closed.
async fn hand_over(line: &Line, files: [OwnedFd; 3], plan: &[u8]) -> io::Result<()> {
    let length = u32::try_from(plan.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    {
        let mut control = SendAncillaryBuffer::new(&mut space);
        let borrowed = files.each_ref().map(|file| file.as_fd());
        control.push(SendAncillaryMessage::ScmRights(&borrowed));
        // The first bytes of an empty buffer: they go at once, as a whole.
        sendmsg(line.stream(), &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL)?;
    }
    drop(files);
    line.write_all(plan).await
}
