//! A gateway over servers inside this process, and clients of the handshake era.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcpstore_runtime::{FleetConfig, Supervisor, SupervisorConfig};
use mcpstore_transport::{AdapterSet, Factory, InProcess, RpcError};
use mcpstore_types::{Backoff, Expose, RestartMode, ServiceName, ServiceSpec, ViewSpec};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::puppet::{LONG, Puppet};
use crate::client::Client;
use crate::core::{Gateway, Prepared, Rules};
use crate::outlet::{Outlet, OutletStream, outlet};
use crate::seam::{Call, Core, Peer};

/// The wait before a service that died is started again.
pub(super) const BACK: Duration = Duration::from_secs(1);

/// A gateway, which keeps its supervisor.
pub(super) struct Site {
    pub(super) gateway: Gateway,
}

impl Site {
    /// Of these servers, all of which run.
    pub(super) async fn of(puppets: &[&Arc<Puppet>]) -> Self {
        Self::with(puppets.iter().map(|puppet| (puppet.name(), puppet.factory())).collect(), Vec::new()).await
    }

    /// Of any servers, with views. Plain names.
    pub(super) async fn with(servers: Vec<(&str, Factory)>, views: Vec<ViewSpec>) -> Self {
        let mut adapter = InProcess::new();
        let mut specs = Vec::new();
        for (name, factory) in servers {
            adapter = adapter.with(name, factory);
            let mut spec = ServiceSpec::in_process(service(name), name);
            // The end of its conversation is its exit, in good order.
            spec.policy.restart.mode = RestartMode::Always;
            spec.policy.restart.backoff = Backoff { delay: BACK, max_delay: BACK, jitter_percent: 0 };
            spec.tools.expose = Expose::Prefixed;
            specs.push(spec);
        }
        let prepared = Prepared::new();
        let supervisor = Supervisor::launch(SupervisorConfig {
            fleet: FleetConfig { seed: 7, ..FleetConfig::default() },
            adapters: AdapterSet::empty().with(Arc::new(adapter)),
            client_sides: Some(prepared.client_sides()),
            ..SupervisorConfig::default()
        });
        supervisor.add(specs).await.unwrap();
        supervisor.start_all_and_wait().await.unwrap();
        let gateway = Gateway::launch(prepared, supervisor, Rules { views, ..Rules::default() });
        // It listens to its servers from now on, and what they listed late is there.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Self { gateway }
    }

    /// A client that sees everything and can do nothing.
    pub(super) async fn client(&self) -> Downstream {
        self.client_of(None, json!({})).await
    }

    /// A client of a view.
    pub(super) async fn client_of(&self, view: Option<&str>, capabilities: Value) -> Downstream {
        let client = Downstream::new(&self.gateway, view);
        let params = json!({
            "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": { "name": "c", "version": "1" },
        });
        let begun = client.request("initialize", params).await.unwrap();
        *client.begun.lock().unwrap() = begun;
        client.notify("notifications/initialized", json!({}));
        client
    }
}

pub(super) fn service(name: &str) -> ServiceName {
    ServiceName::new(name).unwrap()
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// One client, as a front has it.
pub(super) struct Downstream {
    gateway: Gateway,
    pub(super) client: Arc<Client>,
    outlet: Outlet,
    stream: tokio::sync::Mutex<OutletStream>,
    next: AtomicU64,
    /// What it heard at its beginning.
    pub(super) begun: Mutex<Value>,
}

impl Downstream {
    fn new(gateway: &Gateway, view: Option<&str>) -> Self {
        let client = Arc::new(Client::new(Peer { principal: "local".into(), view: view.map(Into::into) }));
        let (outlet, stream) = outlet();
        client.set_main(Some(outlet.clone()));
        Self {
            gateway: gateway.clone(),
            client,
            outlet,
            stream: stream.into(),
            next: AtomicU64::new(1),
            begun: Mutex::default(),
        }
    }

    /// A request under this id.
    pub(super) fn begin(&self, id: u64, method: &str, params: Value) -> JoinHandle<Result<Value, RpcError>> {
        let call = Call {
            peer: self.client.peer.clone(),
            client: Some(Arc::clone(&self.client)),
            id: raw(&json!(id)),
            method: method.into(),
            params: Some(raw(&params)),
            headers: None,
            outlet: self.outlet.clone(),
            trail: Default::default(),
        };
        let gateway = self.gateway.clone();
        tokio::spawn(
            async move { Arc::new(gateway).request(call).await.map(|text| serde_json::from_slice(&text).unwrap()) },
        )
    }

    pub(super) fn start(&self, method: &str, params: Value) -> JoinHandle<Result<Value, RpcError>> {
        self.begin(self.next.fetch_add(1, Ordering::Relaxed), method, params)
    }

    pub(super) async fn request(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        tokio::time::timeout(LONG, self.start(method, params)).await.expect("it is answered").unwrap()
    }

    /// The code of the error that answers a request.
    pub(super) async fn refused(&self, method: &str, params: Value) -> RpcError {
        self.request(method, params).await.expect_err("it is refused")
    }

    pub(super) fn notify(&self, method: &str, params: Value) {
        self.gateway.notification(&self.client, method, Some(&raw(&params)));
    }

    /// Answers what it was asked.
    pub(super) fn answer(&self, request: &Value, outcome: Result<Value, RpcError>) {
        self.gateway.answer(&self.client, &raw(&request["id"]), outcome.map(|result| raw(&result)));
    }

    /// The next message that it gets.
    pub(super) async fn next(&self) -> Value {
        let mut stream = self.stream.lock().await;
        let message = tokio::time::timeout(LONG, stream.next()).await.expect("something comes").expect("it is there");
        serde_json::from_slice(&message).unwrap()
    }

    /// The messages that it gets within a time.
    pub(super) async fn within(&self, time: Duration) -> Vec<Value> {
        tokio::time::sleep(time).await;
        self.here().await
    }

    /// The messages that are here.
    pub(super) async fn here(&self) -> Vec<Value> {
        let mut stream = self.stream.lock().await;
        std::iter::from_fn(|| stream.try_next()).map(|message| serde_json::from_slice(&message).unwrap()).collect()
    }

    /// It goes.
    pub(super) fn goes(&self) {
        self.client.end();
        self.client.set_main(None);
    }
}

/// The methods of messages.
pub(super) fn methods(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["method"].as_str().unwrap_or("-")).collect()
}
