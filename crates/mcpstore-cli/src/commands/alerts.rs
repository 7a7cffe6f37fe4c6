//! `alerts`: what fires, silences, and tests of sinks.

use mcpstore::AlertsReport;
use mcpstore::monitor::Silence;
use mcpstore::types::glob_matches;

use super::Session;
use crate::args::{AlertsCommand, Format};
use crate::control::protocol::{Op, Request, SilenceWish};
use crate::control::{SinkAnswers, read};
use crate::exit::Exit;
use crate::output::{self, Schema, StatusDoc, alerts_text, clean_line, short_duration, talk};

/// `alerts`.
pub(super) async fn run(session: &Session<'_>, command: &AlertsCommand) -> anyhow::Result<Exit> {
    match command {
        AlertsCommand::Ls => ls(session).await,
        AlertsCommand::Test(args) => test(session, args.sink.clone()).await,
        AlertsCommand::Silence(args) => {
            let wish = SilenceWish::Begin {
                kind: args.kind,
                services: args.services.clone(),
                for_ms: u64::try_from(args.lasts.as_millis()).unwrap_or(u64::MAX),
                comment: args.comment.clone(),
            };
            let made: Option<Silence> = change(session, wish).await?;
            match made {
                Some(silence) if session.global.output.is_json() => {
                    output::print_json(&Schema::new("mcpstore.silence/1", silence))?;
                }
                Some(silence) => {
                    let id = silence.id;
                    talk(&format!("silence {id} holds for {}", short_duration(args.lasts)));
                    let next = session.global.in_command(&format!("mcpstore alerts unsilence {id}"));
                    talk(&format!("to end it: {next}"));
                    let found: AlertsReport = session.client.ask(&Request::new(Op::Alerts)).await?;
                    if let Some(why) = found.history_fault {
                        talk(&format!(
                            "it does not survive the manager, for history is not written: {}",
                            clean_line(&why)
                        ));
                    }
                    hint(session, args.services.as_deref()).await?;
                }
                None => {}
            }
            Ok(Exit::Done)
        }
        AlertsCommand::Unsilence(args) => {
            let _: Option<Silence> = change(session, SilenceWish::End { id: args.id }).await?;
            talk(&format!("silence {} is over", args.id));
            Ok(Exit::Done)
        }
    }
}

/// A silence that fits no service now may be meant for one to come, or be misspelt.
async fn hint(session: &Session<'_>, services: Option<&str>) -> anyhow::Result<()> {
    let Some(pattern) = services else { return Ok(()) };
    let all: StatusDoc = session.client.ask(&Request::new(Op::Status)).await?;
    let names: Vec<&str> = all.services.iter().map(|detail| detail.row.name.as_str()).collect();
    if !names.iter().any(|name| glob_matches(pattern, name)) {
        let nearest = mcpstore::types::suggestion(pattern, names.iter().copied());
        talk(&format!("no service fits `{}` now{nearest}", clean_line(pattern)));
    }
    Ok(())
}

async fn ls(session: &Session<'_>) -> anyhow::Result<Exit> {
    let found: AlertsReport = session.client.ask(&Request::new(Op::Alerts)).await?;
    match session.global.output {
        Format::Json => output::print_json(&Schema::new("mcpstore.alerts/1", found))?,
        Format::Ndjson => super::show::lines(&found.alerts)?,
        Format::Name => super::show::names(found.alerts.iter().map(|alert| alert.service.as_str()))?,
        Format::Auto | Format::Table | Format::Wide => {
            output::print(&alerts_text(&found, std::time::SystemTime::now(), &session.term))?;
        }
    }
    Ok(Exit::Done)
}

async fn test(session: &Session<'_>, sink: Option<String>) -> anyhow::Result<Exit> {
    let mut request = Request::new(Op::TestSinks);
    request.sink = sink;
    let answers: SinkAnswers = session.client.ask(&request).await?;
    let failed = answers.sinks.iter().any(|answer| answer.error.is_some());
    if session.global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.alert_test/1", answers))?;
    } else {
        for answer in &answers.sinks {
            let (glyph, words) = match &answer.error {
                None => (session.term.paint(32, "✓"), "took it".to_owned()),
                Some(error) => (session.term.paint(31, "✗"), clean_line(error)),
            };
            output::print(&format!("{glyph} {}  {words}\n", clean_line(&answer.sink)))?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// `None` goes over the wire as nothing at all.
async fn change(session: &Session<'_>, wish: SilenceWish) -> anyhow::Result<Option<Silence>> {
    let mut request = Request::new(Op::Silence);
    request.silence = Some(wish);
    let body = session.client.raw(&request).await?;
    Ok(read(&body)?)
}
