//! What each request does. Reading ones here; those that change something in `verbs`, those that follow in `follow`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mcpstore::runtime::CallTrace;
use mcpstore::{ServiceInfo, ServiceState, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::connection::{Items, raw};
use super::protocol::{Op, ReloadWish, Request};
use super::server::{Context, GatewayDoc, ShutdownRequest};
use super::{follow, verbs, watching};
use crate::exit::{Exit, Failure};
use crate::output::{
    DependencyDoc, GraphDoc, GraphService, HealthDoc, MetricsDoc, StatusDoc, ToolRow, health_row, metrics_row,
    service_rows,
};
use crate::quote::quoted;
use crate::reload::{Prune, ReloadDoc, Wish};

/// What a tool's name means.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FoundTool {
    pub(crate) service: String,
    pub(crate) tool: String,
    /// As the server wrote it; `None` when its tools are not listed.
    pub(crate) input_schema: Option<Box<RawValue>>,
}

/// The tools found, and the services of which there are none to show.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FoundTools {
    pub(crate) tools: Vec<ToolRow>,
    /// Words about services that were passed over.
    pub(crate) skipped: Vec<String>,
}

/// Where the services of a manager come from.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct FilesDoc {
    /// Absolute paths; empty when there are none that could be read again.
    pub(crate) files: Vec<PathBuf>,
    /// How they were chosen.
    pub(crate) chosen: Option<String>,
}

/// What a shutdown sets in motion.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GoingDown {
    /// The manager's.
    pub(crate) pid: u32,
    /// The services that are stopped, in this order.
    pub(crate) stopping: Vec<String>,
}

/// Does what is asked and returns the body of the last line.
///
/// # Cancel safety
/// Dropped half-way: commands that were given hold, waits and calls end.
pub(super) async fn handle(request: Request, context: &Context, items: &mut Items) -> Result<Box<RawValue>, Failure> {
    let store = &context.store;
    let supervisor = store.supervisor();
    let snapshot = supervisor.snapshot();
    match request.op {
        Op::Status => {
            let infos = request.target.infos(&snapshot)?;
            let services = service_rows(supervisor, &infos);
            raw(&StatusDoc { services })
        }
        Op::Tools => raw(&tools(&request, &snapshot, context)?),
        Op::FindTool => raw(&find_tool(request.tool.as_deref().unwrap_or_default(), &snapshot)?),
        Op::Call => {
            let missing = || Failure::new(Exit::Failed, "a call needs a service, a tool and arguments");
            let (Some(service), Some(tool), Some(arguments)) = (request.service, request.tool, request.arguments)
            else {
                return Err(missing());
            };
            let trace = CallTrace { traceparent: request.traceparent, tracestate: request.tracestate };
            Ok(supervisor.call_tool_traced(&service, &tool, arguments, &trace).await?)
        }
        Op::Start | Op::Stop | Op::Restart | Op::Reset | Op::Remove => {
            raw(&verbs::command(&request, supervisor, items).await?)
        }
        Op::Wait => raw(&verbs::wait(&request, supervisor, items).await?),
        Op::Check => {
            let mut services = Vec::new();
            if request.target.all {
                services.extend(store.check_services().await.iter().map(health_row));
            } else {
                for info in request.target.infos(&snapshot)? {
                    services.extend(supervisor.check_service(info.name().as_str()).await.as_ref().map(health_row));
                }
            }
            raw(&HealthDoc { services })
        }
        Op::Metrics => {
            let over = request.over_ms.map(Duration::from_millis);
            let infos = request.target.infos(&snapshot)?;
            let services = infos.iter().map(|info| metrics_row(supervisor, info, over)).collect();
            let whole = context.observer.metrics();
            raw(&MetricsDoc { services, at_ms: whole.at_ms, manager: whole.manager })
        }
        Op::Top => raw(&watching::top(context)),
        Op::Why => raw(&watching::why(&request, context)?),
        Op::Starts => raw(&watching::starts(&snapshot)),
        Op::Alerts => raw(&context.observer.alerts()),
        Op::Silence => raw(&watching::silence(&request, context)?),
        Op::TestSinks => raw(&watching::test_sinks(&request, context).await?),
        Op::Environment => raw(&watching::environment()),
        Op::Graph => raw(&graph(&snapshot)),
        Op::Reload => raw(&reload(&request, context).await?),
        Op::Files => raw(&files(context)),
        Op::Logs => follow::logs(&request, context, items).await,
        Op::Events => follow::events(&request, context, items).await,
        Op::Gateway => raw(&GatewayDoc { reach: context.door.reach(), report: context.gateway.report() }),
        Op::Approved => {
            context.gateway.look_at_approvals();
            raw(&())
        }
        // Answered before it comes here: it is no question with an answer.
        Op::Mcp => Err(Failure::new(Exit::Failed, "the connection speaks the control language already")),
        Op::Down => down(request.force, &snapshot, context, items).await,
    }
}

/// Reads the config again, or other files.
async fn reload(request: &Request, context: &Context) -> Result<ReloadDoc, Failure> {
    let ReloadWish { files, strict, input, prune, plan } = request.reload.clone().unwrap_or_default();
    let prune = match prune.as_str() {
        "all" => Prune::All,
        "none" => Prune::None,
        _ => Prune::Own,
    };
    context.reloader.reload(Wish { files, strict, input, prune, plan, first: false }).await
}

/// The manager's own files.
fn files(context: &Context) -> FilesDoc {
    let files = context.reloader.files();
    FilesDoc {
        files: files.map(|files| files.files.clone()).unwrap_or_default(),
        chosen: files.map(|files| files.chosen.word().to_owned()),
    }
}

/// The tools of what is selected. A service that was named must be running; others are passed over with a word.
fn tools(request: &Request, snapshot: &Snapshot, context: &Context) -> Result<FoundTools, Failure> {
    let mut found = FoundTools { tools: Vec::new(), skipped: Vec::new() };
    for info in request.target.infos(snapshot)? {
        let name = info.name().as_str();
        let named = request.target.patterns.iter().any(|pattern| pattern == name);
        match context.store.list_tools(Some(name)) {
            Ok(tools) => {
                found.tools.extend(tools.into_iter().map(|(service, tool)| ToolRow {
                    service: service.to_string(),
                    name: tool.name,
                    description: tool.description,
                    input_schema: tool.input_schema,
                }));
                found.skipped.extend(hidden(&info));
            }
            Err(failure) if named => return Err(failure.into()),
            Err(_) if matches!(info.status.state, ServiceState::NotStarted | ServiceState::Stopped) => {}
            Err(failure) => found.skipped.push(failure.to_string()),
        }
    }
    Ok(found)
}

/// What a running service does not show, and why.
fn hidden(info: &ServiceInfo) -> Vec<String> {
    let name = info.name();
    let error = info.tools_error.as_ref().map(|error| format!("the tools of `{name}` could not be listed: {error}"));
    let entries = info.tools.iter().flat_map(|list| &list.hidden);
    error.into_iter().chain(entries.map(|why| format!("`{name}` lists what is no tool: {why}"))).collect()
}

/// Finds what `SVC.TOOL` means: the longest service name in front that has the rest as a tool, else the longest.
fn find_tool(text: &str, snapshot: &Snapshot) -> Result<FoundTool, Failure> {
    let mut fits: Vec<(&Arc<ServiceInfo>, &str)> = snapshot
        .services()
        .iter()
        .filter_map(|info| {
            let rest = text.strip_prefix(info.name().as_str())?.strip_prefix('.')?;
            (!rest.is_empty()).then_some((info, rest))
        })
        .collect();
    fits.sort_by_key(|(info, _)| std::cmp::Reverse(info.name().as_str().len()));
    let tool_of = |info: &Arc<ServiceInfo>, rest: &str| {
        let tool = info.tools.as_ref()?.tools.iter().find(|tool| tool.name == rest)?;
        Some(tool.input_schema.clone())
    };
    let exact = fits.iter().find_map(|(info, rest)| Some((*info, *rest, tool_of(info, rest)?)));
    if let Some((info, rest, schema)) = exact {
        return Ok(FoundTool { service: info.name().to_string(), tool: rest.to_owned(), input_schema: Some(schema) });
    }
    if let Some((info, rest)) = fits.first() {
        return Ok(FoundTool { service: info.name().to_string(), tool: (*rest).to_owned(), input_schema: None });
    }
    if let Some(info) = snapshot.get(text.trim_end_matches('.')) {
        let name = info.name();
        let message = format!("`{name}` is a service; say which tool of it: {name}.TOOL");
        return Err(Failure::new(Exit::Usage, message).next(format!("mcpstore tools {}", quoted(name.as_str()))));
    }
    let Some((service, _)) = text.split_once('.') else {
        let message = format!("`{text}` names no tool; write SVC.TOOL, the service and its tool");
        return Err(Failure::new(Exit::Usage, message).next("mcpstore tools"));
    };
    let message = format!("no service `{service}`{}", snapshot.hint(service));
    Err(Failure::new(Exit::NoSuchService, message).next("mcpstore ls"))
}

fn graph(snapshot: &Snapshot) -> GraphDoc {
    let services = snapshot.services().iter().map(|info| GraphService {
        name: info.name().to_string(),
        enabled: info.spec.enabled,
        depends_on: info.spec.dependencies.iter().map(DependencyDoc::from).collect(),
    });
    GraphDoc { services: services.collect() }
}

/// Asks the manager to end, and stays until it does.
async fn down(
    force: bool,
    snapshot: &Snapshot,
    context: &Context,
    items: &mut Items,
) -> Result<Box<RawValue>, Failure> {
    let live =
        |name: &&mcpstore::ServiceName| snapshot.get(name.as_str()).is_some_and(|info| info.status.phase.is_live());
    let stopping = snapshot.start_order.iter().rev().filter(live).map(ToString::to_string).collect();
    items.send(&GoingDown { pid: std::process::id(), stopping }).await?;
    // Nobody listens any more: the manager is on its way out already.
    let _ = context.shutdown.send(ShutdownRequest { force }).await;
    context.closed().await;
    raw(&serde_json::json!({}))
}
