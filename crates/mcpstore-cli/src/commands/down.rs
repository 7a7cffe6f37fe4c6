//! `down`: ends the running manager.

use std::time::Duration;

use tokio::time::timeout;

use super::Session;
use crate::args::DownArgs;
use crate::control::protocol::{Op, Request};
use crate::control::{Conversation, GoingDown, Next, read};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema};

/// How long the process may take to go once its socket is closed.
const LAST_STEPS: Duration = Duration::from_secs(5);

/// Asks the manager to stop everything and end, and waits until it is gone.
pub(super) async fn run(session: &Session<'_>, args: &DownArgs) -> anyhow::Result<Exit> {
    let mut request = Request::new(Op::Down);
    request.force = args.force;
    let mut conversation = session.client.open(&request).await?;
    let going = match conversation.next().await? {
        Next::Item(body) => read::<GoingDown>(&body)?,
        Next::Done(_) | Next::Gone => return Err(session.client.ended().into()),
    };
    output::talk(&match going.stopping.as_slice() {
        [] => format!("nothing runs; ending the manager (pid {})", going.pid),
        names => format!("stopping {}: {}", super::verbs::services(names.len()), names.join(", ")),
    });
    // Opened before the end, so that it is this process and no later one of the same number.
    let process = Process::of(going.pid);
    let gone = async {
        until_closed(&mut conversation).await?;
        process.ended().await;
        anyhow::Ok(())
    };
    match args.timeout {
        None => gone.await?,
        Some(limit) => match timeout(limit, gone).await {
            Ok(outcome) => outcome?,
            Err(_) => {
                let message = format!("the manager (pid {}) is still stopping after {limit:?}", going.pid);
                return Err(Failure::new(Exit::TimedOut, message).next("mcpstore down --force").into());
            }
        },
    }
    output::talk("everything is stopped");
    if session.global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.down/1", going))?;
    }
    Ok(Exit::Done)
}

/// Until the manager closes the connection, which it does last.
async fn until_closed(conversation: &mut Conversation) -> Result<(), Failure> {
    while !matches!(conversation.next().await?, Next::Gone) {}
    Ok(())
}

/// A process that is not our child.
struct Process {
    #[cfg(target_os = "linux")]
    handle: Option<std::os::fd::OwnedFd>,
}

impl Process {
    #[cfg(target_os = "linux")]
    fn of(pid: u32) -> Self {
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        Self { handle: pid.and_then(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK).ok()) }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_pid: u32) -> Self {
        Self {}
    }

    /// Resolves when the process is gone, at the latest after [`LAST_STEPS`]; at once where it cannot be told.
    #[cfg(target_os = "linux")]
    async fn ended(self) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(handle) = self.handle else { return };
        let waiting = tokio::task::spawn_blocking(move || {
            // A process's handle becomes readable when the process ends (Linux: pidfd_open(2)).
            let limit = Timespec::try_from(LAST_STEPS).ok();
            let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], limit.as_ref());
        });
        let _ = waiting.await;
    }

    #[cfg(not(target_os = "linux"))]
    async fn ended(self) {}
}
