//! Waiting for a service to get somewhere.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::{Reply, Target};
use mcpstore_types::{Condition, ConditionKind, Desired, Health, Incarnation, Phase, ServiceName, ServiceState};
use tokio::time::timeout;

use crate::error::{CommandError, WaitError};
use crate::snapshot::ServiceInfo;
use crate::supervisor::Supervisor;

/// Where a service shall get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// `running`, in a life after this one (0: in any).
    RunningAfter(Incarnation),
    /// `running`, and its probes pass.
    Healthy,
    /// Down: `stopped`, `not_started`, or an `error` that nothing follows; or removed.
    Down,
    /// Exactly this public state, as a snapshot shows it. One that a service only passes through can be missed: the events
    /// have every step.
    State(ServiceState),
    /// No longer on its way: running, down, or failed for good.
    Settled,
    /// No longer listed.
    Removed,
}

/// Where a service stands as to a goal.
enum Standing {
    Reached,
    OnItsWay,
    /// It will not get there by itself.
    Stuck,
}

impl Goal {
    const fn word(self) -> &'static str {
        match self {
            Self::RunningAfter(_) => "running",
            Self::Healthy => "healthy",
            Self::Down => "down",
            Self::State(state) => state.as_str(),
            Self::Settled => "settled",
            Self::Removed => "removed",
        }
    }

    fn standing(self, info: &ServiceInfo) -> Standing {
        let status = &info.status;
        let running = matches!(status.state, ServiceState::Running);
        let at_rest = matches!(status.phase, Phase::Idle | Phase::Stopped { .. } | Phase::Failed { .. });
        let stuck_when_at_rest = if at_rest { Standing::Stuck } else { Standing::OnItsWay };
        match self {
            Self::RunningAfter(life) if running && status.incarnation > life => Standing::Reached,
            Self::Healthy if running && matches!(status.health, Health::Healthy) => Standing::Reached,
            Self::RunningAfter(_) | Self::Healthy => stuck_when_at_rest,
            Self::Down | Self::Settled if at_rest => Standing::Reached,
            Self::Settled if running => Standing::Reached,
            Self::Down | Self::Settled | Self::Removed => Standing::OnItsWay,
            Self::State(state) if state == status.state => Standing::Reached,
            Self::State(ServiceState::Running) => stuck_when_at_rest,
            Self::State(_) => Standing::OnItsWay,
        }
    }
}

impl Supervisor {
    /// Waits until the service is where `goal` says, and returns it as it is then; `None` when the goal was reached by its
    /// removal. `limit` bounds the wait; `None`: no bound but the service's own deadlines.
    ///
    /// # Errors
    /// [`WaitError`]: there is no such service; it came to rest elsewhere; or the time was up.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn wait(
        &self,
        name: &ServiceName,
        goal: Goal,
        limit: Option<Duration>,
    ) -> Result<Option<Arc<ServiceInfo>>, WaitError> {
        let waiting = self.wait_unbounded(name, goal);
        let Some(after) = limit else { return waiting.await };
        match timeout(after, waiting).await {
            Ok(outcome) => outcome,
            Err(_) => match self.info(name.as_str()) {
                Some(info) => Err(WaitError::TimedOut {
                    name: name.clone(),
                    state: info.status.state,
                    after,
                    why: waiting_why(&info),
                }),
                None => Err(self.unknown(name)),
            },
        }
    }

    async fn wait_unbounded(&self, name: &ServiceName, goal: Goal) -> Result<Option<Arc<ServiceInfo>>, WaitError> {
        let mut versions = self.versions();
        let mut seen = false;
        loop {
            versions.mark_unchanged();
            let Some(info) = self.info(name.as_str()) else {
                let removed = matches!(goal, Goal::Removed) || (seen && matches!(goal, Goal::Down | Goal::Settled));
                return if removed { Ok(None) } else { Err(self.unknown(name)) };
            };
            seen = true;
            match goal.standing(&info) {
                Standing::Reached => return Ok(Some(info)),
                Standing::OnItsWay => {}
                Standing::Stuck => {
                    return Err(WaitError::Settled {
                        name: name.clone(),
                        state: info.status.state,
                        goal: goal.word(),
                        why: info.why(),
                    });
                }
            }
            if versions.changed().await.is_err() {
                return Err(WaitError::Command(CommandError::ShutDown));
            }
        }
    }

    /// Starts one service and waits until it runs.
    ///
    /// # Errors
    /// [`WaitError`]: the command was rejected, or the service (or one that it needs) failed for good.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn start_and_wait(&self, name: &ServiceName) -> Result<Option<Arc<ServiceInfo>>, WaitError> {
        let reply = self.start(Target::from(name.clone())).await?;
        refuse(reply)?;
        self.wait(name, Goal::RunningAfter(Incarnation(0)), None).await
    }

    /// Stops one service and waits until it is down.
    ///
    /// # Errors
    /// [`WaitError`] when the command was rejected.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn stop_and_wait(&self, name: &ServiceName, force: bool) -> Result<Option<Arc<ServiceInfo>>, WaitError> {
        self.stop(Target::from(name.clone()), force).await?;
        self.wait(name, Goal::Down, None).await
    }

    /// Restarts one service and waits until its next life runs.
    ///
    /// # Errors
    /// As [`Supervisor::start_and_wait`].
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn restart_and_wait(
        &self,
        name: &ServiceName,
        force: bool,
    ) -> Result<Option<Arc<ServiceInfo>>, WaitError> {
        let before = self.info(name.as_str()).map_or(Incarnation(0), |info| info.status.incarnation);
        let reply = self.restart(Target::from(name.clone()), force).await?;
        refuse(reply)?;
        self.wait(name, Goal::RunningAfter(before), None).await
    }

    /// Removes one service and waits until it is gone. With `force` an active one is stopped first.
    ///
    /// # Errors
    /// [`WaitError`] when the command was rejected: it is active (without `force`), or others depend on it.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn remove_and_wait(&self, name: &ServiceName, force: bool) -> Result<(), WaitError> {
        let target = Target::from(name.clone());
        let reply = if force { self.stop_and_remove(target, false).await? } else { self.remove(target).await? };
        refuse(reply)?;
        self.wait(name, Goal::Removed, None).await.map(drop)
    }

    /// Starts every enabled service and waits until each runs or came to rest; returns all of them, in start order.
    ///
    /// # Errors
    /// [`WaitError::Command`] when the command was rejected as a whole. A service that failed is no error here: look at it.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn start_all_and_wait(&self) -> Result<Vec<Arc<ServiceInfo>>, WaitError> {
        let reply = self.start(Target::All).await?;
        self.wait_for_each(&reply, Goal::Settled).await
    }

    /// Stops every service in reverse order and waits until all are down, at most about the stop-all deadline; returns
    /// those that were stopped, in start order.
    ///
    /// # Errors
    /// [`WaitError::Command`] when the supervisor is shut down.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn stop_all_and_wait(&self, force: bool) -> Result<Vec<Arc<ServiceInfo>>, WaitError> {
        let reply = self.stop(Target::All, force).await?;
        self.wait_for_each(&reply, Goal::Down).await
    }

    /// Waits for every service of the reply; one that is removed meanwhile is not waited for.
    async fn wait_for_each(&self, reply: &Reply, goal: Goal) -> Result<Vec<Arc<ServiceInfo>>, WaitError> {
        for name in &reply.affected {
            match self.wait(name, goal, None).await {
                Ok(_) | Err(WaitError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.snapshot().of(reply))
    }

    fn unknown(&self, name: &ServiceName) -> WaitError {
        WaitError::Unknown { name: name.clone(), hint: self.snapshot().hint(name.as_str()) }
    }
}

/// A refusal of the one service that was asked is the command's own.
fn refuse(reply: Reply) -> Result<(), WaitError> {
    match reply.refused.into_iter().next() {
        Some((_, rejection)) => Err(WaitError::Command(rejection.into())),
        None => Ok(()),
    }
}

/// What it waits for, when it waits for something; else why it is where it is.
fn waiting_why(info: &ServiceInfo) -> String {
    let waits = matches!(info.status.phase, Phase::Wait) && matches!(info.status.desired, Desired::Up);
    let missing = |condition: &&Condition| match condition.kind {
        ConditionKind::DependenciesMet => !condition.status,
        ConditionKind::ExternalPending => condition.status,
        _ => false,
    };
    let conditions = &info.status.conditions;
    match conditions.iter().find(missing).or(conditions.first()) {
        Some(condition) if waits => condition.message.clone(),
        Some(_) | None => info.why(),
    }
}
