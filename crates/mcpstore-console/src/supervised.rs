//! The pages of a supervisor.

use async_trait::async_trait;
use mcpstore_runtime::{ServiceInfo, Supervisor, Target};
use mcpstore_types::{Desired, Phase, StopKind};

use crate::accept::Format;
use crate::source::{Liveness, Readiness, ServiceReadiness, Source};

/// The pages of a supervisor: health from its snapshot, metrics from a closure.
pub struct SupervisorSource<M> {
    supervisor: Supervisor,
    metrics: M,
}

impl<M> std::fmt::Debug for SupervisorSource<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SupervisorSource").field("supervisor", &self.supervisor).finish_non_exhaustive()
    }
}

impl<M: Fn(Format) -> String + Send + Sync + 'static> SupervisorSource<M> {
    /// The pages of this supervisor. `metrics` writes the metrics page; it is called on the server's task, so it is quick.
    ///
    /// It holds a handle: the supervisor lives as long as this does.
    pub const fn new(supervisor: Supervisor, metrics: M) -> Self {
        Self { supervisor, metrics }
    }
}

#[async_trait]
impl<M: Fn(Format) -> String + Send + Sync + 'static> Source for SupervisorSource<M> {
    fn metrics(&self, format: Format) -> String {
        (self.metrics)(format)
    }

    async fn liveness(&self) -> Liveness {
        // To forget the failures of no service is the cheapest question that only the owner task can answer.
        match self.supervisor.reset(Target::Names(Vec::new())).await {
            Ok(_) => Liveness { live: true, why: None },
            Err(error) => Liveness { live: false, why: Some(error.to_string()) },
        }
    }

    fn readiness(&self, service: Option<&str>) -> Readiness {
        let snapshot = self.supervisor.snapshot();
        match service {
            None => {
                let all = snapshot.services().iter().filter(|info| should_be_up(info));
                Readiness::of(all.map(|info| of(info)).collect())
            }
            Some(name) => match snapshot.get(name) {
                Some(info) => Readiness::of(vec![of(info)]),
                None => Readiness::unknown(name, &snapshot.hint(name)),
            },
        }
    }
}

/// A service that ended cleanly, and that its policy leaves so, did what it was to do.
fn should_be_up(info: &ServiceInfo) -> bool {
    let done = info.status.phase == Phase::Stopped { kind: StopKind::Completed };
    info.spec.enabled && !info.leaving && !done && info.status.desired == Desired::Up
}

fn of(info: &ServiceInfo) -> ServiceReadiness {
    let ready = info.status.phase == Phase::Ready;
    ServiceReadiness { name: info.name().clone(), state: info.status.state, ready, why: (!ready).then(|| info.why()) }
}
