//! Taking over what changed in the specs while everything runs.

use std::sync::Arc;
use std::time::Duration;

use mcpstore_core::{Input, Outcome, Reconfigure, Rejected, Rejection, Reply};
use mcpstore_types::{Incarnation, ServiceName, ServiceSpec, SpecDelta};

use crate::error::{CommandError, WaitError};
use crate::known::identity;
use crate::msg::{KnownOf, Msg};
use crate::owner::{Owner, Record};
use crate::supervisor::Supervisor;
use crate::wait::Goal;

/// How long a service that is still being removed may hold up a reload in which it is there again. More than any stop
/// takes with the default timeouts, behind its dependents too.
const REMOVAL_LIMIT: Duration = Duration::from_secs(60);

impl Owner {
    pub(crate) fn reconfigure(
        &mut self,
        delta: SpecDelta,
        known: &KnownOf,
        start_added: bool,
    ) -> Result<Reply, Rejection> {
        if delta.is_empty() {
            return Ok(Reply::default());
        }
        let input = Input::Reconfigure(Reconfigure::of(&delta, start_added));
        // What is spawned, shown or told in consequence finds the new specs.
        let reply = self.apply_after(input, |owner| owner.take_specs(delta, known))?;
        if start_added {
            self.learn_lists();
        }
        Ok(reply)
    }

    fn take_specs(&mut self, delta: SpecDelta, known: &KnownOf) {
        let SpecDelta { added, removed: _, changed } = delta;
        for spec in added {
            let known = known.get(&spec.name).cloned();
            self.records.insert(spec.name.clone(), Record::new(spec, known));
        }
        for (spec, _) in changed {
            if let Some(record) = self.records.get_mut(&spec.name) {
                if spec.wait_for.is_empty() {
                    record.waiting = None;
                }
                if identity(&spec) != identity(&record.spec) {
                    record.known = None;
                }
                record.spec = Arc::new(spec);
                record.monitor.retune(record.spec.policy.breaker);
                record.spec_feed.send_replace(Arc::clone(&record.spec));
            }
        }
        // Orders and conditions may be others everywhere.
        self.turn.members_changed = true;
    }
}

impl Supervisor {
    /// Takes over what changed in the specs, in one step: all of it or none. It leads to where a fresh start with the new
    /// specs would have led, but that what a user stopped stays stopped, and that what the change does not concern is left
    /// alone. `start_added`: the services were started, so new ones (and ones enabled anew) are started too.
    ///
    /// What becomes of each service stands in [`Reply::outcomes`]. An empty delta does nothing at all. A service of
    /// [`SpecDelta::added`] whose namesake is still being removed is waited for, up to a minute.
    ///
    /// # Errors
    /// [`CommandError::Rejected`], and then nothing has changed: a name that should be there is not, or the other way
    /// round; the dependencies that would result do not fit together; or a service is still being removed.
    ///
    /// # Cancel safety
    /// As with every command, once it is sent. While it waits for a removal, nothing is sent yet.
    pub async fn apply(&self, delta: SpecDelta, start_added: bool) -> Result<Reply, CommandError> {
        loop {
            let (delta_again, known) = (delta.clone(), self.known_of(&delta.added).await);
            let answer = self.ask(|answer| Msg::Reconfigure { delta: delta_again, known, start_added, answer }).await;
            let Err(CommandError::Rejected(rejection)) = &answer else { return answer };
            match leaving(rejection).filter(|name| delta.added.iter().any(|spec| spec.name == **name)) {
                None => return answer,
                Some(name) => match self.wait(name, Goal::Removed, Some(REMOVAL_LIMIT)).await {
                    Ok(_) | Err(WaitError::Unknown { .. }) => {}
                    Err(_) => return answer,
                },
            }
        }
    }

    /// As [`Supervisor::apply`], and waits until each service that it concerned runs, is down, is gone, or failed for good.
    ///
    /// # Errors
    /// [`WaitError::Command`] as [`Supervisor::apply`]. A service that failed is no error here: look at it.
    ///
    /// # Cancel safety
    /// The command holds; only the wait ends.
    pub async fn apply_and_wait(&self, delta: SpecDelta, start_added: bool) -> Result<Reply, WaitError> {
        let before = self.snapshot();
        let reply = self.apply(delta, start_added).await?;
        for (name, outcome) in &reply.outcomes {
            let life = before.get(name.as_str()).map_or(Incarnation(0), |info| info.status.incarnation);
            let waited = match outcome {
                // It may still run: its restart waits for its dependents.
                Outcome::Restarted => self.wait(name, Goal::RunningAfter(life), None).await,
                Outcome::Stopped => self.wait(name, Goal::Down, None).await,
                Outcome::Removed => self.wait(name, Goal::Removed, Some(REMOVAL_LIMIT)).await,
                _ => self.wait(name, Goal::Settled, None).await,
            };
            match waited {
                // One that fails shows it, and so does one that cannot be killed.
                Ok(_) | Err(WaitError::Unknown { .. } | WaitError::Settled { .. } | WaitError::TimedOut { .. }) => {}
                Err(error @ WaitError::Command(_)) => return Err(error),
            }
        }
        Ok(reply)
    }

    /// The specs of all services that stay, in order of registration: what new ones are compared with. One that is being
    /// removed is not among them, nor is an instance of another one.
    #[must_use]
    pub fn specs(&self) -> Vec<ServiceSpec> {
        let snapshot = self.snapshot();
        snapshot
            .services()
            .iter()
            .filter(|info| !info.leaving && info.spec.instance_of.is_none())
            .map(|info| (*info.spec).clone())
            .collect()
    }
}

/// The service that is still being removed, when a rejection is about one.
fn leaving(rejection: &Rejection) -> Option<&ServiceName> {
    match rejection {
        Rejection::Refused { name, rejected: Rejected::Removing } => Some(name),
        _ => None,
    }
}
