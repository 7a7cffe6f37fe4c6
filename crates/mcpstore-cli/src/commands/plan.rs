//! `plan` and `graph`: orders and drawings, of a config or of what is running.

use mcpstore::graph::{DepGraph, NodeId};
use mcpstore::types::DepKind;
use mcpstore::{DepCondition, Dependency, ServiceName};

use super::Session;
use crate::args::{ConfigArgs, Format, GraphArgs, GraphFormat, PlanArgs};
use crate::config::Config;
use crate::control::protocol::{Op, Request};
use crate::exit::{Exit, Failure};
use crate::output::{
    self, DependencyDoc, GraphDoc, GraphService, PlanDoc, Schema, Term, diagnostics_text, plan_text, summary, talk,
};
use crate::quote::with_config;
use crate::reload::Outcome;

/// `plan`.
pub(super) async fn plan(session: &Session<'_>, args: &PlanArgs) -> anyhow::Result<Exit> {
    if let Some(document) = super::reload::planned(session, &args.config, args.prune).await? {
        super::reload::report(session, &document)?;
        return Ok(match document.outcome {
            Outcome::Refused => Exit::from_code(document.exit),
            Outcome::Planned if args.exit_code => Exit::Changes,
            Outcome::Planned => {
                let apply = with_config("mcpstore apply", &args.config.config).unwrap_or_default();
                let apply = format!("{apply}{}", if args.prune { " --prune" } else { "" });
                talk(&format!("try: {}", session.global.in_command(&apply)));
                Exit::Done
            }
            Outcome::Unchanged | Outcome::Changed => Exit::Done,
        });
    }
    // Nothing runs that could change: everything would be started.
    let (doc, graph, exit) = services(session, &args.config).await?;
    let plan = plan_doc(&doc, &graph);
    let exit = if args.exit_code && exit == Exit::Done && !plan.start_order.is_empty() { Exit::Changes } else { exit };
    match session.global.output {
        Format::Json | Format::Ndjson => output::print_json(&Schema::new("mcpstore.plan/1", plan))?,
        Format::Name => output::print(&plan.start_order.iter().map(|name| format!("{name}\n")).collect::<String>())?,
        Format::Auto | Format::Table | Format::Wide => output::print(&plan_text(&plan, &graph))?,
    }
    Ok(exit)
}

/// `graph`.
pub(super) async fn graph(session: &Session<'_>, args: &GraphArgs) -> anyhow::Result<Exit> {
    let (doc, graph, exit) = services(session, &args.config).await?;
    let default = if session.global.output.is_json() { GraphFormat::Json } else { GraphFormat::Ascii };
    match args.format.unwrap_or(default) {
        GraphFormat::Ascii => output::print(&graph.to_ascii())?,
        GraphFormat::Mermaid => output::print(&graph.to_mermaid())?,
        GraphFormat::Dot => output::print(&graph.to_dot())?,
        GraphFormat::Json => output::print_json(&Schema::new("mcpstore.graph/1", doc))?,
    }
    Ok(exit)
}

/// All services with their dependencies: of the config that is named or found, else of the running manager.
///
/// A config with errors is planned without what they leave out, and said so; the exit is 5 then.
async fn services(session: &Session<'_>, args: &ConfigArgs) -> anyhow::Result<(GraphDoc, DepGraph, Exit)> {
    let config = match Config::load(args) {
        Ok(config) => config,
        Err(no_config) if args.config.is_empty() => {
            let asked: Result<GraphDoc, Failure> = session.client.ask(&Request::new(Op::Graph)).await;
            return match asked {
                Ok(doc) => {
                    let graph = build(&doc)?;
                    Ok((doc, graph, Exit::Done))
                }
                // Neither a config nor a manager: the config is what was missed first.
                Err(failure) if failure.exit == Exit::Unreachable => Err(no_config.into()),
                Err(failure) => Err(failure.into()),
            };
        }
        Err(failure) => return Err(failure.into()),
    };
    let Config { sources, loaded, .. } = config;
    let exit = if loaded.has_errors() {
        let words = diagnostics_text(&loaded, &sources, &Term { color: false, ..Term::stderr(session.global.color) });
        talk(words.trim_end());
        talk(&summary(&loaded, &sources));
        let check = with_config("mcpstore config check", &args.config);
        talk(&format!("try: {}", check.unwrap_or_else(|| "mcpstore config explain".to_owned())));
        Exit::ConfigInvalid
    } else {
        Exit::Done
    };
    let doc = GraphDoc {
        services: loaded
            .config
            .services
            .iter()
            .map(|spec| GraphService {
                name: spec.name.to_string(),
                enabled: spec.enabled,
                depends_on: spec.dependencies.iter().map(DependencyDoc::from).collect(),
            })
            .collect(),
    };
    Ok((doc, loaded.graph, exit))
}

/// What a start of all starts: the enabled services, and what they pull in.
fn plan_doc(doc: &GraphDoc, graph: &DepGraph) -> PlanDoc {
    let roots: Vec<NodeId> =
        doc.services.iter().filter(|service| service.enabled).filter_map(|service| graph.id(&service.name)).collect();
    let chosen = graph.closure_up(&roots, DepKind::pulls_in);
    let plan = graph.plan(Some(&chosen));
    let words = |names: &[ServiceName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    PlanDoc {
        waves: plan.waves.iter().map(|wave| words(wave)).collect(),
        start_order: words(&plan.start_order),
        stop_order: words(&plan.stop_order),
    }
}

/// The graph of what a manager says it has.
fn build(doc: &GraphDoc) -> anyhow::Result<DepGraph> {
    let mut services: Vec<(ServiceName, Vec<Dependency>)> = Vec::with_capacity(doc.services.len());
    for service in &doc.services {
        let dependencies: anyhow::Result<Vec<Dependency>> = service.depends_on.iter().map(dependency).collect();
        services.push((ServiceName::new(&service.name)?, dependencies?));
    }
    let borrowed = services.iter().map(|(name, dependencies)| (name, dependencies.as_slice()));
    DepGraph::build(borrowed).map_err(|errors| {
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the manager's dependencies do not fit together: {}", words.join("; "))
    })
}

fn dependency(doc: &DependencyDoc) -> anyhow::Result<Dependency> {
    let kind = DepKind::ALL.into_iter().find(|kind| kind.as_str() == doc.kind);
    let condition = DepCondition::ALL.into_iter().find(|condition| condition.as_str() == doc.condition);
    match (kind, condition) {
        (Some(kind), Some(condition)) => Ok(Dependency { on: ServiceName::new(&doc.on)?, kind, condition }),
        _ => anyhow::bail!("the manager speaks of a dependency of kind `{}` ({})", doc.kind, doc.condition),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// The seed's dependency manager, with one service that is disabled and one that nobody needs.
    fn seed() -> GraphDoc {
        let service = |name: &str, enabled, on: &[&str]| GraphService {
            name: name.into(),
            enabled,
            depends_on: on
                .iter()
                .map(|on| DependencyDoc { on: (*on).into(), kind: "requires".into(), condition: "ready".into() })
                .collect(),
        };
        GraphDoc {
            services: vec![
                service("web", true, &["api"]),
                service("api", true, &["database", "auth"]),
                service("auth", true, &["database"]),
                service("database", false, &[]),
                service("spare", false, &[]),
                service("solo", true, &[]),
            ],
        }
    }

    #[test]
    fn a_plan_has_what_is_enabled_and_what_that_needs() {
        let doc = seed();
        let graph = build(&doc).unwrap();
        let plan = plan_doc(&doc, &graph);
        expect![[r#"
            wave 1   database, solo
            wave 2   auth
            wave 3   api
            wave 4   web
            start    database → auth → api → solo → web
            stop     web → solo → api → auth → database
            longest  database → auth → api → web
            critical database (needed by 3), auth (needed by 2), api (needed by 1)
        "#]]
        .assert_eq(&plan_text(&plan, &graph));
        let json = serde_json::to_string(&Schema::new("mcpstore.plan/1", plan)).unwrap();
        expect![[r#"{"schema":"mcpstore.plan/1","waves":[["database","solo"],["auth"],["api"],["web"]],"start_order":["database","auth","api","solo","web"],"stop_order":["web","solo","api","auth","database"]}"#]]
            .assert_eq(&json);
    }

    #[test]
    fn nothing_enabled_is_nothing_to_start() {
        let doc = GraphDoc::default();
        let graph = build(&doc).unwrap();
        assert_eq!(plan_text(&plan_doc(&doc, &graph), &graph), "nothing to start\n");
    }
}
