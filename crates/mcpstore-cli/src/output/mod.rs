//! What is printed: documents for programs, tables for people, and the cleaning of other people's text.

mod alerts;
mod answer;
mod clean;
mod diagnostics;
mod doc;
mod events;
mod numbers;
mod rows;
mod status;
mod table;
mod term;
mod time;
mod tools;

pub(crate) use alerts::alerts_text;
pub(crate) use answer::{ResultView, answer_text};
pub(crate) use clean::{brief, clean, clean_line};
pub(crate) use diagnostics::{diagnostics_doc, diagnostics_text, misnamed, summary};
pub(crate) use doc::{
    CallNumbers, ConditionDoc, DependencyDoc, EventDoc, GraphDoc, GraphService, HealthDoc, HealthRow, LogDoc,
    MetricsDoc, MetricsRow, PlanDoc, Refusal, Schema, ServerDoc, ServiceDetail, ServiceRow, ServicesDoc, StatusDoc,
    TimelineDoc, ToolRow, ToolsDoc, VerbDoc, WaitFailure, tells,
};
pub(crate) use events::{event_doc, event_line, log_doc, past_event_doc};
pub(crate) use numbers::{percent, short_bytes, short_count};
pub(crate) use rows::{condition_docs, health_row, metrics_row, service_rows, state_cell, stderr_of};
pub(crate) use status::status_text;
pub(crate) use table::{finish, health_table, new_table, plan_text, service_table};
pub(crate) use term::{Term, print, print_json, talk, talk_after};
pub(crate) use time::{rfc3339, short_duration, short_ms};
pub(crate) use tools::{Argument, arguments_of, is_closed, tool_text, tools_table};
