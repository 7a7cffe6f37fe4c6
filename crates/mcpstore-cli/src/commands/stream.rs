//! `logs` and `events`: what was written and what happened, and what comes.

use std::time::SystemTime;

use mcpstore::history::Reader;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::args::{EventsArgs, Format, LogsArgs, Since};
use crate::control::protocol::{Op, Request};
use crate::control::{Streamed, is_told, past};
use crate::exit::{Exit, Failure};
use crate::output::{self, EventDoc, LogDoc, Schema, clean_line, event_line, talk};
use crate::paths::Paths;

/// The last word of a stream says nothing.
#[derive(Deserialize)]
struct Nothing {}

#[derive(Serialize)]
struct Lines {
    lines: Vec<LogDoc>,
}

#[derive(Serialize)]
struct Events {
    events: Vec<EventDoc>,
}

/// `logs`.
pub(super) async fn logs(session: &Session<'_>, args: &LogsArgs) -> anyhow::Result<Exit> {
    let select = args.select.select();
    let many = select.all || select.patterns.len() > 1 || select.patterns.iter().any(|p| p.contains(['*', '?', ':']));
    let mut request = Request::about(Op::Logs, select);
    (request.follow, request.lines) = (args.follow, Some(args.lines));
    // One document holds what is there; what has no end goes line by line.
    let whole = session.global.output == Format::Json && !args.follow;
    let mut lines = Vec::new();
    let mut any = false;
    let Nothing {} = session
        .client
        .stream(&request, |streamed| {
            any = true;
            match streamed {
                Streamed::Log(line) if whole => lines.push(line),
                Streamed::Log(line) if session.global.output.is_json() => output::print_json(&line)?,
                Streamed::Log(line) => {
                    let name = if many { format!("{} | ", line.service) } else { String::new() };
                    output::print(&format!("{name}{}\n", clean_line(&line.text)))?;
                }
                Streamed::Event(_) | Streamed::Manager { .. } => {}
                Streamed::Missed(count) => talk(&format!("({count} lines were overwritten before they were read)")),
            }
            Ok(())
        })
        .await?;
    if !any && !args.follow && args.lines > 0 {
        talk("nothing was written to stderr, in this life and the one before");
    }
    if whole {
        output::print_json(&Schema::new("mcpstore.logs/1", Lines { lines }))?;
    }
    Ok(Exit::Done)
}

/// `events`.
pub(super) async fn events(session: &Session<'_>, args: &EventsArgs) -> anyhow::Result<Exit> {
    let mut request = Request::new(Op::Events);
    request.follow = args.follow;
    match args.since {
        Since::Seq(seq) => request.since = Some(seq),
        Since::Moment(at) => {
            let since_ms = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
            request.since_ms = Some(u64::try_from(since_ms).unwrap_or(u64::MAX));
        }
    }
    let whole = session.global.output == Format::Json && !args.follow;
    let mut events = Vec::new();
    let mut show = |streamed| {
        match streamed {
            Streamed::Event(event) if whole => events.push(event),
            Streamed::Event(event) if session.global.output.is_json() => output::print_json(&event)?,
            Streamed::Event(event) => output::print(&format!("{}\n", event_line(&event, &session.term)))?,
            Streamed::Log(_) => {}
            Streamed::Missed(count) => talk(&format!("({count} earlier events are no longer kept)")),
            Streamed::Manager { pid, time, killed } => {
                let before = if killed { "; the one before it was killed" } else { "" };
                talk(&format!("({time} a manager began, pid {pid}{before}: its events are numbered anew)"));
            }
        }
        Ok(())
    };
    let told: anyhow::Result<Nothing> = session.client.stream(&request, &mut show).await;
    match (told, request.since_ms) {
        (Ok(Nothing {}), _) => {}
        // Nobody runs, and what was is wanted all the same: it is on the disk.
        (Err(error), Some(since_ms)) if !args.follow && is_unreachable(&error) => {
            let folder = Paths::resolve(session.global)?.state_dir.join("history");
            let reader = Reader::open(&folder).map_err(|_| error)?;
            let mut running = false;
            for (at_ms, record) in
                reader.since(since_ms)?.filter(|(at_ms, record)| *at_ms >= since_ms && is_told(record))
            {
                if let Some(streamed) = past(at_ms, record, &mut running) {
                    show(streamed)?;
                }
            }
            talk("no manager runs; this is what its history has");
        }
        (Err(error), _) => return Err(error),
    }
    if whole {
        output::print_json(&Schema::new("mcpstore.events/1", Events { events }))?;
    }
    Ok(Exit::Done)
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|failure| failure.exit == Exit::Unreachable)
}
