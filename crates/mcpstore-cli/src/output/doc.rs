//! The JSON documents. Their keys are a contract: what is here stays, new keys may come.

use mcpstore::monitor::{ProcessReport, ServiceReport};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A document with its schema word in front.
#[derive(Debug, Serialize)]
pub(crate) struct Schema<T> {
    schema: &'static str,
    #[serde(flatten)]
    body: T,
}

impl<T> Schema<T> {
    /// A document of this kind. Not for bodies with raw JSON in them: flattening takes it apart.
    pub(crate) const fn new(schema: &'static str, body: T) -> Self {
        Self { schema, body }
    }
}

/// One service, as `ls` lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceRow {
    pub(crate) name: String,
    /// One of the seven states.
    pub(crate) state: String,
    pub(crate) phase: String,
    pub(crate) reason: String,
    /// `up` or `down`.
    pub(crate) desired: String,
    pub(crate) health: String,
    pub(crate) incarnation: u64,
    pub(crate) pid: Option<u32>,
    /// How many it offers; null while they are not listed.
    pub(crate) tools: Option<usize>,
    pub(crate) restarts: u64,
    /// RFC 3339: since when it is in its state.
    pub(crate) since: String,
    pub(crate) depends_on: Vec<String>,
}

/// `mcpstore.services/1`.
#[derive(Debug, Serialize)]
pub(crate) struct ServicesDoc {
    pub(crate) services: Vec<ServiceRow>,
}

/// One service, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceDetail {
    #[serde(flatten)]
    pub(crate) row: ServiceRow,
    /// The reason and what it was about, in one line, for people.
    pub(crate) why: String,
    /// What its last change was about, in full.
    pub(crate) detail: Option<String>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Until the next attempt.
    pub(crate) retry_in_ms: Option<u64>,
    pub(crate) conditions: Vec<ConditionDoc>,
    pub(crate) server: Option<ServerDoc>,
    /// How it is reached: `stdio`, `http`, `in_process`.
    pub(crate) transport: String,
    pub(crate) enabled: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) tools_error: Option<String>,
    pub(crate) calls: CallNumbers,
    /// Its last changes of state, oldest first, at most 8.
    #[serde(default)]
    pub(crate) timeline: Vec<TimelineDoc>,
    /// The last lines it wrote to stderr; of the life that failed, when it is not running.
    pub(crate) stderr: Vec<String>,
}

/// A change of a service's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TimelineDoc {
    /// RFC 3339.
    pub(crate) time: String,
    /// Its state then; `degraded` when it ran with probes that failed.
    pub(crate) state: String,
    /// What brought it there, for people.
    pub(crate) why: String,
}

/// A fact about a service that is no state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConditionDoc {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: bool,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) since: String,
}

/// True when these words have said already what this fact says: what is waited for.
pub(crate) fn tells(words: &str, fact: &ConditionDoc) -> bool {
    let message = fact.message.as_str();
    words.contains(message.strip_prefix("waiting for ").unwrap_or(message))
}

/// Who a server says it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerDoc {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) protocol_version: String,
}

/// How a service's calls went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallNumbers {
    pub(crate) total: u64,
    pub(crate) errors: u64,
    /// Under way now.
    #[serde(default)]
    pub(crate) in_flight: usize,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
}

/// `mcpstore.status/1`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct StatusDoc {
    pub(crate) services: Vec<ServiceDetail>,
}

/// One tool. The schema is as the server wrote it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToolRow {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) input_schema: Box<RawValue>,
}

/// `mcpstore.tools/1`; the schema word is a field, because raw JSON cannot be flattened.
#[derive(Debug, Serialize)]
pub(crate) struct ToolsDoc<'a> {
    pub(crate) schema: &'static str,
    pub(crate) tools: &'a [ToolRow],
}

/// `mcpstore.health/1`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct HealthDoc {
    pub(crate) services: Vec<HealthRow>,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HealthRow {
    pub(crate) name: String,
    pub(crate) healthy: bool,
    /// Its state.
    pub(crate) status: String,
    pub(crate) response_time_ms: Option<f64>,
    pub(crate) error: Option<String>,
}

/// `mcpstore.metrics/1`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct MetricsDoc {
    pub(crate) services: Vec<MetricsRow>,
    /// When it was measured, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub(crate) at_ms: u64,
    /// The manager's own process.
    #[serde(default)]
    pub(crate) manager: Option<ProcessReport>,
}

/// How the checks and calls of one service went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricsRow {
    pub(crate) name: String,
    pub(crate) checks_total: u64,
    pub(crate) checks_healthy: u64,
    /// 0 to 1; null without a check.
    pub(crate) availability: Option<f64>,
    pub(crate) average_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
    pub(crate) min_ms: Option<f64>,
    /// The time the checks span.
    pub(crate) window_seconds: f64,
    pub(crate) calls: CallNumbers,
    /// Everything measured of it, since it was registered.
    pub(crate) report: Option<ServiceReport>,
}

/// `mcpstore.plan/1`.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct PlanDoc {
    pub(crate) waves: Vec<Vec<String>>,
    pub(crate) start_order: Vec<String>,
    pub(crate) stop_order: Vec<String>,
}

/// `mcpstore.graph/1`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphDoc {
    pub(crate) services: Vec<GraphService>,
}

/// One service of the graph.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphService {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) depends_on: Vec<DependencyDoc>,
}

/// One dependency.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DependencyDoc {
    pub(crate) on: String,
    pub(crate) kind: String,
    pub(crate) condition: String,
}

/// One notice: a line of `events -o ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventDoc {
    pub(crate) seq: u64,
    /// RFC 3339.
    pub(crate) time: String,
    pub(crate) service: String,
    pub(crate) incarnation: u64,
    /// Null: it was just registered.
    pub(crate) from: Option<String>,
    /// Null: it was removed.
    pub(crate) to: Option<String>,
    pub(crate) phase: String,
    pub(crate) reason: String,
    /// The same for people: the server's words, with the data of the reason.
    pub(crate) detail: Option<String>,
}

/// One line a server wrote: a line of `logs -o ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogDoc {
    pub(crate) seq: u64,
    /// RFC 3339.
    pub(crate) time: String,
    pub(crate) service: String,
    pub(crate) incarnation: u64,
    /// `stderr`, or `noise`: it stood on stdout and is no protocol.
    pub(crate) stream: String,
    pub(crate) text: String,
}

/// `mcpstore.command/1`: what a verb did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct VerbDoc {
    pub(crate) verb: String,
    /// What it sets in motion: the services asked for, and those that go with them, in start order.
    pub(crate) affected: Vec<String>,
    /// What already was as asked for.
    pub(crate) already: Vec<String>,
    pub(crate) refused: Vec<Refusal>,
    /// Those that were waited for and did not get there.
    pub(crate) failed: Vec<WaitFailure>,
}

/// A service that refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) why: String,
    /// The command to try next.
    pub(crate) next: String,
}

/// A service that did not get where it was waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WaitFailure {
    pub(crate) name: String,
    pub(crate) message: String,
    /// The exit code for it alone.
    pub(crate) exit: u8,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_schema_word_comes_first() {
        let row = ServiceRow {
            name: "api".into(),
            state: "running".into(),
            phase: "ready".into(),
            reason: "probe_passed".into(),
            desired: "up".into(),
            health: "healthy".into(),
            incarnation: 2,
            pid: Some(71),
            tools: None,
            restarts: 1,
            since: "2023-11-14T22:13:20.123Z".into(),
            depends_on: vec!["db".into()],
        };
        let json = serde_json::to_string(&Schema::new("mcpstore.services/1", ServicesDoc { services: vec![row] }));
        expect![[r#"{"schema":"mcpstore.services/1","services":[{"name":"api","state":"running","phase":"ready","reason":"probe_passed","desired":"up","health":"healthy","incarnation":2,"pid":71,"tools":null,"restarts":1,"since":"2023-11-14T22:13:20.123Z","depends_on":["db"]}]}"#]]
            .assert_eq(&json.unwrap());
    }

    #[test]
    fn input_schemas_stay_as_they_were_written() {
        let raw = r#"{ "type":"object", "x": 1.00, "big": 123456789012345678901234567890 }"#;
        let tool = ToolRow {
            service: "s".into(),
            name: "t".into(),
            description: None,
            input_schema: RawValue::from_string(raw.into()).unwrap(),
        };
        let json = serde_json::to_string(&ToolsDoc { schema: "mcpstore.tools/1", tools: &[tool] }).unwrap();
        let expected = format!(
            r#"{{"schema":"mcpstore.tools/1","tools":[{{"service":"s","name":"t","description":null,"input_schema":{raw}}}]}}"#
        );
        assert_eq!(json, expected);
    }
}
