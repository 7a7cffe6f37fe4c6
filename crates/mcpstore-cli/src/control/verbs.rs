//! Commands that change something, and waits.

use std::collections::BTreeSet;
use std::time::Duration;

use mcpstore::runtime::{Rejection, Reply};
use mcpstore::types::{Desired, Incarnation, Phase};
use mcpstore::{CommandError, Goal, ServiceInfo, ServiceName, ServiceState, Snapshot, Supervisor, Target, WaitError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connection::Items;
use super::protocol::{Op, Request};
use crate::exit::{Exit, Failure};
use crate::output::{Refusal, VerbDoc, WaitFailure};
use crate::quote::quoted;
use crate::select;

/// What is told while a command with `wait` runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// The command was taken.
    Accepted(VerbDoc),
    /// A service is where it was waited for.
    Reached {
        name: String,
        /// Its state then; none: it was removed.
        state: Option<String>,
        after_ms: u64,
    },
    /// A service will not get there.
    Failed(WaitFailure),
}

/// Gives a command, and waits for what follows when that is asked for.
pub(super) async fn command(request: &Request, supervisor: &Supervisor, items: &mut Items) -> Result<VerbDoc, Failure> {
    let before = supervisor.snapshot();
    let target = request.target.target(&before)?;
    let (verb, reply) = match give(request, supervisor, target.clone()).await {
        Ok(given) => given,
        // Refused as a whole, because of one service: told like any refusal.
        Err(CommandError::Rejected(why @ Rejection::InUse { .. })) => return Ok(in_use(request.op, &why)),
        Err(error) => return Err(error.into()),
    };
    let settled = |name: &ServiceName| before.get(name.as_str()).is_some_and(|info| is_already(request.op, info));
    let (mut already, affected): (Vec<_>, Vec<_>) = reply.affected.iter().cloned().partition(settled);
    if request.op == Op::Reset {
        // A reset names only what it changed.
        let told = |name: &ServiceName| affected.contains(name) || reply.refused.iter().any(|(other, _)| other == name);
        already = request.target.names(&before)?.into_iter().filter(|name| !told(name)).collect();
    }
    let mut doc = VerbDoc {
        verb: verb.to_owned(),
        affected: affected.iter().map(ToString::to_string).collect(),
        already: already.iter().map(ToString::to_string).collect(),
        refused: reply.refused.iter().map(|(name, why)| refusal(request.op, name, why)).collect(),
        failed: Vec::new(),
    };
    if request.wait && request.op != Op::Reset {
        items.send(&Progress::Accepted(doc.clone())).await?;
        let mut waited = waited_for(request.op, &target, &reply);
        // What runs already was said to.
        waited.retain(|name| request.op != Op::Start || !already.contains(name));
        let goals = waited.into_iter().map(|name| (goal_of(request.op, &name, &before), name)).collect();
        doc.failed = wait_for_all(supervisor, goals, request.timeout_ms, items).await?;
    }
    Ok(doc)
}

async fn give(
    request: &Request,
    supervisor: &Supervisor,
    target: Target,
) -> Result<(&'static str, Reply), CommandError> {
    let force = request.force;
    Ok(match request.op {
        Op::Stop => ("stop", supervisor.stop(target, force).await?),
        Op::Restart => ("restart", supervisor.restart(target, force).await?),
        Op::Reset => ("reset", supervisor.reset(target).await?),
        Op::Remove if force => ("remove", supervisor.stop_and_remove(target, false).await?),
        Op::Remove => ("remove", supervisor.remove(target).await?),
        // The dispatcher sends nothing else here.
        _ => ("start", supervisor.start(target).await?),
    })
}

/// Waits until everything selected is where the request says.
pub(super) async fn wait(request: &Request, supervisor: &Supervisor, items: &mut Items) -> Result<VerbDoc, Failure> {
    let names = request.target.names(&supervisor.snapshot())?;
    let goal = select::goal(request.goal.as_deref().unwrap_or("running"));
    let goals = names.iter().map(|name| (goal, name.clone())).collect();
    let failed = wait_for_all(supervisor, goals, request.timeout_ms, items).await?;
    Ok(VerbDoc {
        verb: "wait".to_owned(),
        affected: names.iter().map(ToString::to_string).collect(),
        failed,
        ..VerbDoc::default()
    })
}

/// Waits for all at once and tells of each as it gets there; returns those that did not. The limit is one for all.
async fn wait_for_all(
    supervisor: &Supervisor,
    goals: Vec<(Goal, ServiceName)>,
    timeout_ms: Option<u64>,
    items: &mut Items,
) -> Result<Vec<WaitFailure>, Failure> {
    let began = Instant::now();
    let limit = timeout_ms.map(Duration::from_millis);
    // Aborts what is still under way when it is dropped, with the conversation.
    let mut waits = JoinSet::new();
    for (goal, name) in goals {
        let supervisor = supervisor.clone();
        waits.spawn(async move { (supervisor.wait(&name, goal, limit).await, name) });
    }
    let mut failed = Vec::new();
    while let Some(joined) = waits.join_next().await {
        let Ok((outcome, name)) = joined else { continue };
        match outcome {
            Ok(info) => {
                let reached = Progress::Reached {
                    name: name.to_string(),
                    state: info.map(|info| info.status.state.as_str().to_owned()),
                    after_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                };
                items.send(&reached).await?;
            }
            Err(error) => {
                let failure = wait_failure(&name, error);
                items.send(&Progress::Failed(failure.clone())).await?;
                failed.push(failure);
            }
        }
    }
    Ok(failed)
}

fn wait_failure(name: &ServiceName, error: WaitError) -> WaitFailure {
    let failure = Failure::from(error);
    WaitFailure { name: name.to_string(), message: failure.message, exit: failure.exit.code() }
}

/// Whom a command's wait is for: of a start those that were asked for, of everything else all that go along.
fn waited_for(op: Op, target: &Target, reply: &Reply) -> Vec<ServiceName> {
    let refused: BTreeSet<&ServiceName> = reply.refused.iter().map(|(name, _)| name).collect();
    let names = match (op, target) {
        (Op::Start, Target::Names(names)) => names,
        _ => &reply.affected,
    };
    names.iter().filter(|name| !refused.contains(name)).cloned().collect()
}

fn goal_of(op: Op, name: &ServiceName, before: &Snapshot) -> Goal {
    match op {
        Op::Stop => Goal::Down,
        Op::Remove => Goal::Removed,
        Op::Restart => {
            let life = before.get(name.as_str()).map_or(Incarnation(0), |info| info.status.incarnation);
            Goal::RunningAfter(life)
        }
        _ => Goal::RunningAfter(Incarnation(0)),
    }
}

/// True when the command changes nothing about this service.
fn is_already(op: Op, info: &ServiceInfo) -> bool {
    let status = &info.status;
    match op {
        Op::Start => status.state == ServiceState::Running && status.desired == Desired::Up,
        Op::Stop => {
            matches!(status.phase, Phase::Idle | Phase::Stopped { .. })
                || (matches!(status.phase, Phase::Failed { .. }) && status.desired == Desired::Down)
        }
        _ => false,
    }
}

/// Nothing was done, because somebody needs one of those named.
fn in_use(op: Op, why: &Rejection) -> VerbDoc {
    let refused = match why {
        Rejection::InUse { name, .. } => vec![refusal(op, name, why)],
        _ => Vec::new(),
    };
    let verb = if op == Op::Remove { "remove" } else { "stop" };
    VerbDoc { verb: verb.to_owned(), refused, ..VerbDoc::default() }
}

fn refusal(op: Op, name: &ServiceName, why: &Rejection) -> Refusal {
    let next = match (op, why) {
        (_, Rejection::InUse { .. } | Rejection::Graph { .. }) => "mcpstore graph".to_owned(),
        (Op::Remove, _) => format!("mcpstore remove {} --force", quoted(name.as_str())),
        _ => format!("mcpstore status {}", quoted(name.as_str())),
    };
    let why = match why {
        // The name stands beside it.
        Rejection::Refused { rejected, .. } => rejected.to_string(),
        other => {
            let words = other.to_string();
            words.strip_prefix(&format!("service `{name}` ")).map_or(words.clone(), |rest| format!("it {rest}"))
        }
    };
    Refusal { name: name.to_string(), why, next }
}

impl VerbDoc {
    /// How a command ends that did this.
    pub(crate) fn exit(&self) -> Exit {
        let exits = || self.failed.iter().map(|failure| Exit::from_code(failure.exit));
        match exits().find(|exit| *exit == Exit::TimedOut).or_else(|| exits().next()) {
            Some(exit) => exit,
            None if !self.refused.is_empty() => Exit::Refused,
            None => Exit::Done,
        }
    }
}
