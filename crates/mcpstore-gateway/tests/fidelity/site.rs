//! A gateway over one such server, with all its fronts.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpstore_gateway::{BoundFront, BoundUnix, FrontOptions, Gateway, Prepared, Rules};
use mcpstore_runtime::{Supervisor, SupervisorConfig, Target};
use mcpstore_transport::{AdapterSet, InProcess};
use mcpstore_types::{Expose, ServiceName, ServiceSpec};

use crate::client::{Client, Front, LONG};
use crate::server::servers;

pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    front: BoundFront,
    _unix: BoundUnix,
    folder: tempfile::TempDir,
}

impl Site {
    /// With a server of the stateless era behind it, or of the other one. Its names are plain. Everything is listed.
    pub(crate) async fn new(stateless: bool) -> Self {
        let adapters = AdapterSet::builtin().with(Arc::new(InProcess::new().with("raw", servers(stateless))));
        let before = Prepared::new();
        let client_sides = Some(before.client_sides());
        let supervisor = Supervisor::launch(SupervisorConfig { adapters, client_sides, ..Default::default() });
        let gateway = Gateway::launch(before, supervisor.clone(), Rules::default());
        let mut spec = ServiceSpec::in_process(ServiceName::new("raw").unwrap(), "raw");
        spec.tools.expose = Expose::Plain;
        supervisor.add(vec![spec]).await.unwrap();
        supervisor.start(Target::All).await.unwrap();
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let front = gateway.listen("127.0.0.1:0".parse().unwrap(), FrontOptions::default()).await.unwrap();
        let unix = gateway.listen_unix(&folder.path().join("mcp.sock")).await.unwrap();
        let site = Self { gateway, front, _unix: unix, folder };
        let mut client = Client::handshake(&site, Front::Lines).await;
        for (method, name) in
            [("tools/list", r#""raw""#), ("prompts/list", r#""raw""#), ("resources/list", r#""test://raw""#)]
        {
            let begun = Instant::now();
            while !client.ask(method, "{}").await.contains(name) {
                assert!(begun.elapsed() < LONG, "it is listed in time: {method}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        site
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("mcp.sock")
    }
}
