//! `top`, `why`, `critical-chain`, `doctor`: what goes on, and why.

use std::collections::BTreeMap;

use super::Session;
use crate::args::{ConfigArgs, CriticalChainArgs, DoctorArgs, Global, TopArgs, WhyArgs};
use crate::config::{Chosen, Config, ConfigFiles};
use crate::control::Client;
use crate::control::protocol::{Op, Request};
use crate::critical::{self, ChainModel};
use crate::doctor::{self, DoctorInputs};
use crate::exit::{Exit, Failure};
use crate::paths::Paths;
use crate::top::{self, TopModel};
use crate::why::{self, WhyModel};

/// `top`.
pub(super) async fn top(session: &Session<'_>, args: &TopArgs) -> anyhow::Result<Exit> {
    let fetch = async || session.client.ask::<TopModel>(&Request::new(Op::Top)).await;
    top::run(fetch, args, session.global).await
}

/// `why`.
pub(super) async fn why(session: &Session<'_>, args: &WhyArgs) -> anyhow::Result<Exit> {
    let mut request = Request::new(Op::Why);
    request.service = Some(args.service.clone());
    let model: WhyModel = match session.client.ask(&request).await {
        Err(failure) if failure.exit == Exit::NoSuchService => {
            return Err(left_out(session, &args.service).await.unwrap_or(failure).into());
        }
        answer => answer?,
    };
    why::show(&model, session.global)
}

/// What the manager's own files have against a service that it does not know.
async fn left_out(session: &Session<'_>, service: &str) -> Option<Failure> {
    let files = super::reload::own_files(session).await.ok().flatten().filter(|files| !files.is_empty())?;
    let files = ConfigFiles { files, chosen: Chosen::Named };
    let config = Config::load_files(files, &ConfigArgs::default()).ok()?;
    why::left_out(service, &config)
}

/// `critical-chain`.
pub(super) async fn chain(session: &Session<'_>, args: &CriticalChainArgs) -> anyhow::Result<Exit> {
    let model: ChainModel = session.client.ask(&Request::new(Op::Starts)).await?;
    critical::show(&model, args, session.global)
}

/// `doctor`, with what the running manager tells of itself, if one runs.
pub(super) async fn doctor(args: &DoctorArgs, global: &Global) -> anyhow::Result<Exit> {
    let client = Client::new(&Paths::resolve(global)?.socket);
    let manager_env: Option<BTreeMap<String, String>> = client.ask(&Request::new(Op::Environment)).await.ok();
    doctor::run(args, global, DoctorInputs { manager_env, ..DoctorInputs::default() }).await
}
