//! `logs` and `events`: what was written and what happened, and what comes.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Session;
use crate::args::{EventsArgs, Format, LogsArgs, Since};
use crate::control::Streamed;
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::output::{self, EventDoc, LogDoc, Schema, clean_line, event_line, talk};

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
                Streamed::Event(_) => {}
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
    let Nothing {} = session
        .client
        .stream(&request, |streamed| {
            match streamed {
                Streamed::Event(event) if whole => events.push(event),
                Streamed::Event(event) if session.global.output.is_json() => output::print_json(&event)?,
                Streamed::Event(event) => output::print(&format!("{}\n", event_line(&event, &session.term)))?,
                Streamed::Log(_) => {}
                Streamed::Missed(count) => talk(&format!("({count} earlier events are no longer kept)")),
            }
            Ok(())
        })
        .await?;
    if whole {
        output::print_json(&Schema::new("mcpstore.events/1", Events { events }))?;
    }
    Ok(Exit::Done)
}
