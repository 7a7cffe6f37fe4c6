//! `top`, `why`, `critical-chain`, `doctor`: what goes on, and why.

use std::collections::BTreeMap;

use mcpstore::ServiceName;

use super::Session;
use crate::args::{CriticalChainArgs, DoctorArgs, Format, Global, TopArgs, WhyArgs};
use crate::control::Client;
use crate::control::protocol::{Op, Request};
use crate::critical::{ChainModel, chain_text, critical_chain};
use crate::doctor::{self, DoctorInputs};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, talk};
use crate::paths::Paths;
use crate::top::{self, TopModel};
use crate::why::{WhyModel, explain, why_text};

/// `top`.
pub(super) async fn top(session: &Session<'_>, args: &TopArgs) -> anyhow::Result<Exit> {
    let fetch = async || session.client.ask::<TopModel>(&Request::new(Op::Top)).await;
    top::run(fetch, args, session.global).await
}

/// `why`.
pub(super) async fn why(session: &Session<'_>, args: &WhyArgs) -> anyhow::Result<Exit> {
    let mut request = Request::new(Op::Why);
    request.service = Some(args.service.clone());
    let model: WhyModel = session.client.ask(&request).await?;
    match session.global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.why/1", explain(&model)))?,
        Format::Name => output::print(&format!("{}\n", model.service))?,
        Format::Auto | Format::Table | Format::Wide => {
            let in_command = |command: &str| session.global.in_command(command);
            output::print(&why_text(&model, &session.term, &in_command))?;
        }
    }
    Ok(Exit::Done)
}

/// `critical-chain`.
pub(super) async fn chain(session: &Session<'_>, args: &CriticalChainArgs) -> anyhow::Result<Exit> {
    let model: ChainModel = session.client.ask(&Request::new(Op::Starts)).await?;
    let name = args.service.as_deref().map(ServiceName::new).transpose();
    let unknown = |name: &str| {
        let known: Vec<&ServiceName> = model.services.iter().map(|start| &start.service).collect();
        let hint = mcpstore::types::suggestion(name, known.iter().map(|name| name.as_str()));
        Failure::new(Exit::NoSuchService, format!("no service `{name}`{hint}")).next("mcpstore ls")
    };
    let name = name.map_err(|_| unknown(args.service.as_deref().unwrap_or_default()))?;
    let Some(found) = critical_chain(&model, name.as_ref()) else {
        if let Some(name) = &name {
            return Err(unknown(name.as_str()).into());
        }
        talk("no services");
        return Ok(Exit::Done);
    };
    match session.global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.critical_chain/1", found))?,
        Format::Auto | Format::Table | Format::Wide | Format::Name => {
            output::print(&chain_text(&found, &session.term))?;
        }
    }
    Ok(Exit::Done)
}

/// `doctor`, with what the running manager tells of itself, if one runs.
pub(super) async fn doctor(args: &DoctorArgs, global: &Global) -> anyhow::Result<Exit> {
    let client = Client::new(&Paths::resolve(global)?.socket);
    let manager_env: Option<BTreeMap<String, String>> = client.ask(&Request::new(Op::Environment)).await.ok();
    doctor::run(args, global, DoctorInputs { manager_env, ..DoctorInputs::default() }).await
}
