//! Alerts, history and the pages over HTTP of a running manager.

use std::net::SocketAddr;
use std::sync::Arc;

use mcpstore::alerts::Delivery;
use mcpstore::console::{BindError, Console, SupervisorSource};
use mcpstore::history::Opened;
use mcpstore::types::AlertsSpec;
use mcpstore::{Observer, ObserverConfig, Supervisor};
use tokio::sync::oneshot;

use crate::exit::{Exit, Failure};
use crate::paths::{Paths, look_at};

/// Starts to watch over the services, and says what was found of an earlier manager, and what is wrong with the sinks.
///
/// # Errors
/// [`Failure`]: history cannot be kept, because somebody else does it in the same folder, or others may change it.
pub(super) async fn start(
    supervisor: &Supervisor,
    alerts: AlertsSpec,
    paths: &Paths,
) -> Result<(Observer, Vec<String>), Failure> {
    let mut said: Vec<String> =
        Delivery::check(&alerts.sinks).into_iter().map(|why| format!("alerts: {why}")).collect();
    let folder = paths.state_dir.join("history");
    let config = ObserverConfig {
        alerts,
        history: Some(folder.clone()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ObserverConfig::default()
    };
    let started = Observer::start(supervisor.clone(), config).await;
    let (observer, opened) = started.map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        Failure::new(Exit::Failed, format!("{error}{source}")).next(look_at(&folder))
    })?;
    said.extend(damage(&opened));
    let fault = observer.alerts().history_fault;
    said.extend(fault.map(|why| format!("history is not written, so what happens is lost with this manager: {why}")));
    Ok((observer, said))
}

/// What of history was damaged.
fn damage(opened: &Opened) -> Option<String> {
    let aside = opened.set_aside.first()?;
    let more = opened.set_aside.len() - 1;
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (lost, kept) = (opened.lost_bytes, opened.valid_records);
    Some(format!(
        "history was damaged: {lost} bytes are set aside in {}{more}, {kept} records are whole",
        aside.copy.as_ref().unwrap_or(&aside.segment).display()
    ))
}

/// The pages over HTTP; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Admin {
    pub(super) address: SocketAddr,
    _end: oneshot::Sender<()>,
}

/// Shows metrics and health on this address.
///
/// # Errors
/// [`Failure`]: it is no loopback address, or cannot be listened on.
pub(super) async fn listen(addr: SocketAddr, supervisor: &Supervisor, observer: &Observer) -> Result<Admin, Failure> {
    let pages = observer.clone();
    let source = SupervisorSource::new(supervisor.clone(), move |format| pages.metrics_text(format));
    let console = Console::bind(addr, Arc::new(source)).await.map_err(|error| {
        let exit = if matches!(error, BindError::NotLoopback { .. }) { Exit::Usage } else { Exit::Failed };
        Failure::new(exit, error.to_string()).next("mcpstore up --listen-admin 127.0.0.1:0")
    })?;
    let address = console.local_addr();
    let (end, ended) = oneshot::channel::<()>();
    tokio::spawn(console.run(async move {
        // Sent or dropped, it is over.
        let _ = ended.await;
    }));
    Ok(Admin { address, _end: end })
}

/// Pushes metrics and spans to an OpenTelemetry collector until the sender is dropped.
///
/// # Errors
/// [`Failure`]: it is no address, or there are no certificates to trust.
#[cfg(feature = "otlp")]
pub(super) async fn push(
    endpoint: String,
    supervisor: &Supervisor,
    observer: &Observer,
) -> Result<oneshot::Sender<()>, Failure> {
    use mcpstore::console::{Otlp, OtlpConfig, Tracer};

    let headers = std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().into()));
    let mut config = OtlpConfig::new(endpoint);
    config.headers = headers.split(',').filter_map(pair).collect();
    let pages = observer.clone();
    let source = Arc::new(SupervisorSource::new(supervisor.clone(), move |format| pages.metrics_text(format)));
    let made = tokio::task::spawn_blocking(move || Otlp::new(config, source)).await;
    let failed = |words: String| Failure::new(Exit::Failed, words).next("mcpstore up --otlp http://127.0.0.1:4318");
    let (otlp, pusher) = made.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    supervisor.set_tracer(Arc::new(Tracer::new(otlp)));
    let (end, ended) = oneshot::channel::<()>();
    tokio::spawn(pusher.run(async move {
        // Sent or dropped, it is over.
        let _ = ended.await;
    }));
    Ok(end)
}
