//! A gateway without the program around it, and without a warden before its server: what is left to be looked at when it
//! runs under a profiler.

use std::io::{self, Write};

use mcpstore::gateway::{FrontOptions, Prepared, Rules};
use mcpstore::{Gateway, McpStore, ServiceName, ServiceSpec, SupervisorConfig};

use super::parties::this;

/// Serves on a port that it says on stdout, until it is killed.
pub(super) fn run(tools: usize) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let prepared = Prepared::new();
        let config = SupervisorConfig { client_sides: Some(prepared.client_sides()), ..SupervisorConfig::default() };
        let store = McpStore::with_config(config);
        let server = this("pipes", tools);
        let arguments: Vec<_> = server.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let name = ServiceName::new("bench").map_err(io::Error::other)?;
        let spec = ServiceSpec::stdio(name.clone(), server.get_program().to_string_lossy(), arguments);
        store.add_service(spec).await.map_err(io::Error::other)?;
        store.start_service(&name).await.map_err(io::Error::other)?;
        let gateway = Gateway::launch(prepared, store.supervisor().clone(), Rules::default());
        let address = ([127, 0, 0, 1], 0).into();
        let front = gateway.listen(address, FrontOptions::default()).await.map_err(io::Error::other)?;
        let mut stdout = io::stdout();
        writeln!(stdout, "{}", front.address())?;
        stdout.flush()?;
        std::future::pending().await
    })
}
