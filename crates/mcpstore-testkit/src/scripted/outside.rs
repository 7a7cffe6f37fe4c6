//! A world outside of every session that answers what a script says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use mcpstore_transport::{Outside, OutsideError};
use mcpstore_types::{ServiceName, WaitCondition};
use tokio::time::Instant;

use super::script::{Answering, pause};

/// A world outside of every session. What no script speaks of is there. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct ScriptedOutside {
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<WaitCondition, Answering>,
    unable: BTreeMap<WaitCondition, String>,
    asked: Vec<(Duration, ServiceName, WaitCondition)>,
}

impl ScriptedOutside {
    /// A world in which everything is there. Make it inside the runtime whose time counts.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), state: Arc::default() }
    }

    /// From now on this is answered so; [`Answering::Error`] is a no.
    pub fn answer(&self, what: &WaitCondition, how: Answering) {
        let mut state = self.state();
        state.unable.remove(what);
        state.answers.insert(what.clone(), how);
    }

    /// From now on this cannot be asked at all, for this reason.
    pub fn cannot_ask(&self, what: &WaitCondition, why: &str) {
        self.state().unable.insert(what.clone(), why.to_owned());
    }

    /// When `service` asked for `what`, counted from the making of this world.
    #[must_use]
    pub fn asked(&self, service: &str, what: &WaitCondition) -> Vec<Duration> {
        let state = self.state();
        let asked = state.asked.iter().filter(|(_, who, asked)| who.as_str() == service && asked == what);
        asked.map(|(at, ..)| *at).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ScriptedOutside {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Outside for ScriptedOutside {
    async fn ask(&self, service: &ServiceName, what: &WaitCondition, within: Duration) -> Result<(), OutsideError> {
        let (how, unable) = {
            let mut state = self.state();
            state.asked.push((self.start.elapsed(), service.clone(), what.clone()));
            (state.answers.get(what).cloned().unwrap_or_default(), state.unable.get(what).cloned())
        };
        if let Some(message) = unable {
            return Err(OutsideError::NotAsked { message });
        }
        match how {
            Answering::After(delay) if delay < within => {
                pause(delay).await;
                Ok(())
            }
            Answering::After(_) | Answering::Never => {
                pause(within).await;
                Err(OutsideError::No { message: format!("no answer within {within:?}") })
            }
            Answering::Error(_) => Err(OutsideError::No { message: "as the script says".to_owned() }),
        }
    }
}
