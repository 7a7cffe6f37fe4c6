//! `ls`, `status`, `check`, `metrics`: what is.

use std::time::{Duration, SystemTime};

use mcpstore::monitor::{CheckReport, MetricsReport, ServiceReport};
use serde::Serialize;

use super::Session;
use crate::args::{CheckArgs, Format, LsArgs, MetricsArgs, StatusArgs};
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::metrics_view::{metrics_overview, metrics_text};
use crate::output::{
    self, HealthDoc, MetricsDoc, Schema, ServiceRow, ServicesDoc, StatusDoc, health_table, service_table, status_text,
    talk,
};

/// `ls`.
pub(super) async fn ls(session: &Session<'_>, args: &LsArgs) -> anyhow::Result<Exit> {
    let found: StatusDoc = session.client.ask(&Request::about(Op::Status, args.select.select())).await?;
    match session.global.output {
        Format::Json => {
            let services: Vec<ServiceRow> = found.services.into_iter().map(|detail| detail.row).collect();
            output::print_json(&Schema::new("mcpstore.services/1", ServicesDoc { services }))?;
        }
        Format::Ndjson => lines(found.services.iter().map(|detail| &detail.row))?,
        Format::Name => names(found.services.iter().map(|detail| detail.row.name.as_str()))?,
        Format::Auto | Format::Table | Format::Wide if found.services.is_empty() => talk("no services"),
        format @ (Format::Auto | Format::Table | Format::Wide) => {
            let wide = args.wide || format == Format::Wide;
            output::print(&service_table(&found.services, wide, SystemTime::now(), &session.term))?;
        }
    }
    Ok(Exit::Done)
}

/// `status`.
pub(super) async fn status(session: &Session<'_>, args: &StatusArgs) -> anyhow::Result<Exit> {
    let found: StatusDoc = session.client.ask(&Request::about(Op::Status, args.select.select())).await?;
    match session.global.output {
        Format::Json => output::print_json(&Schema::new("mcpstore.status/1", found))?,
        Format::Ndjson => lines(&found.services)?,
        Format::Name => names(found.services.iter().map(|detail| detail.row.name.as_str()))?,
        Format::Auto | Format::Table | Format::Wide => {
            let now = SystemTime::now();
            let parts: Vec<String> =
                found.services.iter().map(|detail| status_text(detail, now, &session.term)).collect();
            output::print(&parts.join("\n"))?;
        }
    }
    Ok(Exit::Done)
}

/// `check`.
pub(super) async fn check(session: &Session<'_>, args: &CheckArgs) -> anyhow::Result<Exit> {
    let found: HealthDoc = session.client.ask(&Request::about(Op::Check, args.select.select())).await?;
    let exit = if found.services.iter().all(|row| row.healthy) { Exit::Done } else { Exit::Unhealthy };
    let sick = found.services.iter().find(|row| !row.healthy).map(|row| row.name.clone());
    match session.global.output {
        Format::Json => output::print_json(&Schema::new("mcpstore.health/1", found))?,
        Format::Ndjson => lines(&found.services)?,
        Format::Name => names(found.services.iter().filter(|row| !row.healthy).map(|row| row.name.as_str()))?,
        Format::Auto | Format::Table | Format::Wide => output::print(&health_table(&found.services, &session.term))?,
    }
    if let Some(name) = sick {
        let next = format!("mcpstore why {}", crate::quote::quoted(&name));
        talk(&format!("try: {}", session.global.in_command(&next)));
    }
    Ok(exit)
}

/// `metrics`.
pub(super) async fn metrics(session: &Session<'_>, args: &MetricsArgs) -> anyhow::Result<Exit> {
    let mut request = Request::about(Op::Metrics, args.select.select());
    request.over_ms = args.over.map(|over: Duration| u64::try_from(over.as_millis()).unwrap_or(u64::MAX));
    let found: MetricsDoc = session.client.ask(&request).await?;
    match session.global.output {
        Format::Json => output::print_json(&Schema::new("mcpstore.metrics/1", found))?,
        Format::Ndjson => lines(&found.services)?,
        Format::Name => names(found.services.iter().map(|row| row.name.as_str()))?,
        Format::Auto | Format::Table | Format::Wide => output::print(&metrics_words(found, args, session))?,
    }
    Ok(Exit::Done)
}

/// One service in full, several in a table.
fn metrics_words(found: MetricsDoc, args: &MetricsArgs, session: &Session<'_>) -> String {
    let MetricsDoc { services, at_ms, manager } = found;
    let mut window = None;
    let measured = services.into_iter().filter_map(|row| {
        let mut report = row.report?;
        if args.over.is_some() {
            window = Some(row.window_seconds);
            report.checks = CheckReport {
                total: row.checks_total,
                healthy: row.checks_healthy,
                average_ms: row.average_ms,
                max_ms: row.max_ms,
                min_ms: row.min_ms,
            };
        }
        Some(report)
    });
    let services: Vec<ServiceReport> = measured.collect();
    match services.as_slice() {
        [one] => metrics_text(one, window, &session.term),
        _ => metrics_overview(&MetricsReport { at_ms, manager, services, ..MetricsReport::default() }, &session.term),
    }
}

pub(super) fn lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
    for row in rows {
        output::print_json(&row)?;
    }
    Ok(())
}

pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
    let text: String = names.into_iter().map(|name| format!("{}\n", output::clean_line(name))).collect();
    Ok(output::print(&text)?)
}
