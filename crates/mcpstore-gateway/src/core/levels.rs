//! Log messages of servers: which of them each client wants, and what servers are told of that (spec: MCP 2025-11-25, logging).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mcpstore_transport::{CallLimits, Session};
use mcpstore_types::{Era, ServiceName};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tokio::time::timeout;

use super::Inner;
use crate::client::{Client, next_serial};

/// How long a server may take to learn a level.
const TO_LEARN: Duration = Duration::from_secs(10);
/// How long a client waits until its servers have learned it: its next request comes after it on every pipe by then.
const TO_WAIT: Duration = Duration::from_millis(500);

/// How grave a log message is, the least grave first (source: RFC 5424).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Level {
    /// What a client gets that never said what it wants, once others said.
    pub(crate) const DEFAULT: Self = Self::Info;

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// The level of this name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// The level of a `notifications/message`; `None` when it has none that is known.
    pub(crate) fn of_message(params: Option<&RawValue>) -> Option<Self> {
        #[derive(Deserialize)]
        struct Params {
            level: Level,
        }
        serde_json::from_str::<Params>(params?.get()).ok().map(|params| params.level)
    }
}

/// What each server was told.
#[derive(Default)]
pub(crate) struct Levels {
    told: Mutex<BTreeMap<ServiceName, Arc<Told>>>,
    /// What requests without a session want while they are under way.
    wishes: Mutex<BTreeMap<usize, (ServiceName, Level)>>,
    any: AtomicBool,
}

/// A request wants log messages of its server. Dropped, it does no more.
pub(crate) struct Wish {
    inner: Weak<Inner>,
    serial: usize,
}

impl Drop for Wish {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.levels.wishes().remove(&self.serial);
        }
    }
}

/// What one server was told, and in which of its lives. Held while it is told.
type Told = tokio::sync::Mutex<Option<(Level, Weak<dyn Session>)>>;

impl Levels {
    fn of(&self, service: &ServiceName) -> Arc<Told> {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(service.clone()).or_default())
    }

    fn wishes(&self) -> MutexGuard<'_, BTreeMap<usize, (ServiceName, Level)>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A service is gone for good.
    pub(crate) fn forget(&self, service: &ServiceName) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(service);
    }

    /// A client says what it wants.
    pub(crate) fn say(&self, client: &Client, level: Level) {
        client.set_log_level(level);
        self.any.store(true, Ordering::Relaxed);
    }

    /// True when a client ever said what it wants.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }
}

impl Inner {
    /// A client wants another level from now on, or came, or went: the servers that it sees learn it. Waits for that a
    /// moment, not for a server that does not answer.
    pub(crate) async fn levels_changed(self: &Arc<Self>, view: Option<&str>) {
        let services = self.names.load().services(view).into_iter().chain(self.instances.all());
        let told: Vec<_> = services
            .map(|service| {
                let inner = Arc::clone(self);
                tokio::spawn(async move { inner.tell_level(&service).await })
            })
            .collect();
        let all = async {
            for one in told {
                // One that panicked told nothing.
                let _ = one.await;
            }
        };
        let _ = timeout(TO_WAIT, all).await;
    }

    /// A request without a session wants log messages of its server from this level on, for as long as the wish is kept.
    /// Waits a moment until the server has learned it.
    pub(crate) async fn wish_level(self: &Arc<Self>, service: &ServiceName, level: Level) -> Wish {
        let wish = Wish { inner: Arc::downgrade(self), serial: next_serial() };
        self.levels.wishes().insert(wish.serial, (service.clone(), level));
        self.levels.any.store(true, Ordering::Relaxed);
        let _ = timeout(TO_WAIT, self.tell_level(service)).await;
        wish
    }

    /// Tells the server of a service the least level that anybody wants, when it was told another, or nothing in this life.
    pub(crate) async fn tell_level(&self, service: &ServiceName) {
        let Some(info) = self.supervisor.info(service.as_str()) else { return };
        let (Some(session), Some(server)) = (info.session(), info.server.as_ref()) else { return };
        // In the stateless era each request says what it wants.
        if server.era == Era::Stateless || !has(&server.capabilities, "logging") {
            return;
        }
        let place = self.levels.of(service);
        let mut told = place.lock().await;
        // As things are now that it is our turn.
        let Some(least) = self.least_level(service).or(told.is_some().then_some(Level::DEFAULT)) else { return };
        let weak = Arc::downgrade(session);
        if told.as_ref().is_some_and(|(level, to)| *level == least && to.ptr_eq(&weak)) {
            return;
        }
        let Ok(params) = to_raw_value(&json!({ "level": least.as_str() })) else { return };
        match session.request("logging/setLevel", Some(params), CallLimits::within(TO_LEARN)).await {
            Ok(_) => *told = Some((least, weak)),
            // It goes on as it did; what is too much is held back here.
            Err(error) => tracing::debug!(%service, %error, "the server took no level of log messages"),
        }
    }

    /// The least level that a client wants of this service; `None`: nobody ever said. Who did not say counts with
    /// [`Level::DEFAULT`] then.
    fn least_level(&self, service: &ServiceName) -> Option<Level> {
        let clients = self.clients_of(service);
        let there = clients.iter().filter(|client| !client.over.is_cancelled());
        let wanted: Vec<_> = there.map(|client| client.log_level()).collect();
        let own = wanted.iter().any(Option::is_some).then(|| wanted.into_iter().map(Option::unwrap_or_default).min());
        let wished = self.levels.wishes().values().filter(|(of, _)| of == service).map(|(_, level)| *level).min();
        own.flatten().into_iter().chain(wished).min()
    }

    /// True when a client wants a message of this level; one without a level that is known is for everybody.
    pub(crate) fn wants_log(&self, client: &Client, level: Option<Level>) -> bool {
        let Some(level) = level else { return true };
        match client.log_level() {
            Some(least) => level >= least,
            // As long as nobody said anything, the servers decide.
            None => level >= Level::DEFAULT || !self.levels.any(),
        }
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// True when capabilities (a JSON object) have this member.
pub(crate) fn has(capabilities: &str, member: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(capabilities).is_ok_and(|all| all.contains_key(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_in_the_order_of_the_protocol() {
        let names = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
        let of = |name: &str| {
            let params = RawValue::from_string(format!(r#"{{"data":1,"level":"{name}"}}"#)).unwrap();
            Level::of_message(Some(&params))
        };
        let levels: Vec<_> = names.iter().map(|name| of(name).unwrap()).collect();
        assert!(levels.is_sorted() && levels.iter().zip(names).all(|(level, name)| level.as_str() == name));
        assert_eq!((of("loud"), Level::of_message(None)), (None, None));
        assert!(has(r#"{"logging":{}}"#, "logging") && !has(r#"{"tools":{"logging":1}}"#, "logging") && !has("", "x"));
    }
}
