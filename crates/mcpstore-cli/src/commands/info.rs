//! `version`.

use serde::Serialize;

use crate::args::Global;
use crate::exit::Exit;
use crate::output::{self, Schema};

#[derive(Serialize)]
struct Version {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
}

/// Shows the version.
pub(super) fn version(global: &Global) -> anyhow::Result<Exit> {
    let version =
        Version { version: env!("CARGO_PKG_VERSION"), os: std::env::consts::OS, arch: std::env::consts::ARCH };
    if global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.version/1", version))?;
    } else {
        output::print(&format!("mcpstore {} ({} {})\n", version.version, version.os, version.arch))?;
    }
    Ok(Exit::Done)
}
