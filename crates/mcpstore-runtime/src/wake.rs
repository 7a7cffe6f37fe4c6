//! Before a call: the service that it is for is up, or comes up for it.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::{Input, Rejected, Rejection};
use mcpstore_monitor::ErrorKind;
use mcpstore_types::{Phase, Reason, ServiceState, StartMode, StopKind};
use tokio::time::{Instant, timeout_at};

use crate::call::is_listed;
use crate::error::{CallFailure, CommandError};
use crate::in_use::Use;
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;

/// A service that is up, and is not put to sleep as long as this is kept.
pub struct Held {
    /// It, as it was when it was up.
    pub info: Arc<ServiceInfo>,
    pub(crate) used: Use,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Held").field(&self.info).finish()
    }
}

/// A service that is not put to sleep as long as this is kept. It wakes nobody.
pub struct StaysAwake {
    _used: Use,
}

impl std::fmt::Debug for StaysAwake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaysAwake").finish_non_exhaustive()
    }
}

/// What a call finds.
enum Found {
    /// It takes calls, and goes on until this one is over.
    Up(Use),
    /// It is on its way up.
    Coming,
    /// It sleeps, or is being put to sleep.
    Asleep,
    /// A call does not change where it is.
    Down,
}

impl Supervisor {
    /// Brings a service up for whoever needs it, and keeps it from being put to sleep: one that sleeps is woken, one that starts
    /// is waited for, as long as a call may take in all (`timeouts.callTotal`). However many wait, it is started once. Calls
    /// do this for themselves. With `tool`, one that cannot be had is counted as a call of that tool that failed.
    ///
    /// # Errors
    /// [`CallFailure`]: there is no such service; it is down for a reason that a call does not end, or its start failed; or
    /// it was not up in time.
    ///
    /// # Cancel safety
    /// Only the wait ends: what was woken comes up all the same.
    pub async fn hold(&self, service: &str, tool: Option<&str>) -> Result<Held, CallFailure> {
        let held = self.held(service).await;
        if let (Err(_), Some(tool), Some(info)) = (&held, tool, self.info(service)) {
            let meter = &info.monitor.meter;
            let refused = meter.begin(meter.tool_if(tool, || is_listed(&info, tool)), 0);
            refused.end(self.now(), Duration::ZERO, Err(ErrorKind::NotRunning), 0);
        }
        held
    }

    /// Keeps a service from being put to sleep for whoever waits for what it says by itself. `None` where there is no such
    /// service, or it is being put to sleep in this moment.
    #[must_use]
    pub fn stay_awake(&self, service: &str) -> Option<StaysAwake> {
        let info = self.info(service)?;
        Use::begin(&info.monitor).map(|used| StaysAwake { _used: used })
    }

    async fn held(&self, service: &str) -> Result<Held, CallFailure> {
        let info = self.info_for_call(service)?;
        match found(&info) {
            Found::Up(used) => Ok(Held { info, used }),
            Found::Down => Err(not_running(&info, info.why())),
            // Put aside, as what comes seldom: every call would carry the room for it.
            Found::Coming | Found::Asleep => Box::pin(self.comes_up(service, &info)).await,
        }
    }

    async fn comes_up(&self, service: &str, first: &ServiceInfo) -> Result<Held, CallFailure> {
        let mut versions = self.versions();
        let after = first.spec.policy.timeouts.call_total;
        let end = Instant::now() + after;
        let mut woken = false;
        loop {
            versions.mark_unchanged();
            let info = self.info_for_call(service)?;
            match found(&info) {
                Found::Up(used) => return Ok(Held { info, used }),
                Found::Down => return Err(not_running(&info, info.why())),
                Found::Asleep if !woken => {
                    self.wake(&info).await?;
                    woken = true;
                    continue;
                }
                Found::Coming | Found::Asleep => {}
            }
            match timeout_at(end, versions.changed()).await {
                // One that fell asleep again before it was this call's turn is woken again.
                Ok(Ok(())) => woken = false,
                Ok(Err(_)) => return Err(not_running(&info, CommandError::ShutDown.to_string())),
                Err(_) => {
                    let (service, why) = (info.name().clone(), info.why());
                    return Err(CallFailure::NotUpInTime { service, after, why });
                }
            }
        }
    }

    async fn wake(&self, info: &ServiceInfo) -> Result<(), CallFailure> {
        let why = match self.command(Input::Wake(info.name().clone())).await {
            Ok(reply) => match reply.refused.into_iter().next() {
                None => return Ok(()),
                Some((_, rejection)) => rejection.to_string(),
            },
            // Where it is says it better.
            Err(CommandError::Rejected(Rejection::Refused { rejected: Rejected::StaysDown, .. })) => info.why(),
            Err(error) => error.to_string(),
        };
        Err(not_running(info, why))
    }

    pub(crate) fn info_for_call(&self, service: &str) -> Result<Arc<ServiceInfo>, CallFailure> {
        self.info(service).ok_or_else(|| CallFailure::UnknownService {
            name: service.to_owned(),
            hint: self.snapshot().hint(service),
        })
    }
}

fn found(info: &ServiceInfo) -> Found {
    let lazy = matches!(info.spec.start, StartMode::Lazy);
    match (info.status.state, info.status.phase, info.status.reason) {
        (ServiceState::Running, ..) if info.session.is_some() => {
            Use::begin(&info.monitor).map_or(Found::Asleep, Found::Up)
        }
        (ServiceState::Starting, ..) | (ServiceState::Stopping, _, Reason::Woken) => Found::Coming,
        (ServiceState::Stopping, _, Reason::Idle) => Found::Asleep,
        // Whether anybody may wake it is for the core to say.
        (ServiceState::Stopped, Phase::Stopped { kind: StopKind::Idle }, _) => Found::Asleep,
        (ServiceState::NotStarted | ServiceState::Stopped, ..) if lazy => Found::Asleep,
        _ => Found::Down,
    }
}

pub(crate) fn not_running(info: &ServiceInfo, why: String) -> CallFailure {
    CallFailure::NotRunning { service: info.name().clone(), state: info.status.state, why }
}
