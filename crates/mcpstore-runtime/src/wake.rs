//! Before a call: the service that it is for is up, or comes up for it.

use std::sync::Arc;

use mcpstore_core::{Input, Rejected, Rejection};
use mcpstore_types::{Phase, Reason, ServiceState, StartMode, StopKind};
use tokio::time::{Instant, timeout_at};

use crate::error::{CallFailure, CommandError};
use crate::in_use::Use;
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;

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
    /// The service that a call is for, in use until the guard is dropped. One that sleeps is woken, one that starts is waited
    /// for, as long as a call may take in all; however many calls wait, it is started once.
    pub(crate) async fn awake(&self, service: &str) -> Result<(Arc<ServiceInfo>, Use), CallFailure> {
        let info = self.info_for_call(service)?;
        match found(&info) {
            Found::Up(used) => Ok((info, used)),
            Found::Down => Err(not_running(&info, info.why())),
            Found::Coming | Found::Asleep => self.comes_up(service, &info).await,
        }
    }

    async fn comes_up(&self, service: &str, first: &ServiceInfo) -> Result<(Arc<ServiceInfo>, Use), CallFailure> {
        let mut versions = self.versions();
        let after = first.spec.policy.timeouts.call_total;
        let end = Instant::now() + after;
        let mut woken = false;
        loop {
            versions.mark_unchanged();
            let info = self.info_for_call(service)?;
            match found(&info) {
                Found::Up(used) => return Ok((info, used)),
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
        let snapshot = self.snapshot();
        snapshot
            .get(service)
            .cloned()
            .ok_or_else(|| CallFailure::UnknownService { name: service.to_owned(), hint: snapshot.hint(service) })
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
