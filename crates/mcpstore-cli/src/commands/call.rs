//! `call`: one tool, its arguments, its answer.

use serde_json::value::RawValue;

use super::{Session, arguments};
use crate::args::{CallArgs, Format};
use crate::control::FoundTool;
use crate::control::protocol::{Op, Request};
use crate::exit::Exit;
use crate::output::{self, ResultView, answer_text, talk};
use crate::quote::quoted;

/// Calls a tool. In JSON (the default off a terminal) the server's result is printed byte for byte.
pub(super) async fn run(session: &Session<'_>, args: &CallArgs) -> anyhow::Result<Exit> {
    // What is wrong with the arguments by themselves needs no manager to tell.
    let given = args.args.as_deref().map(arguments::whole).transpose()?;
    let mut find = Request::new(Op::FindTool);
    find.tool = Some(args.tool.clone());
    let found: FoundTool = session.client.ask(&find).await?;
    let name = format!("{}.{}", found.service, found.tool);
    let look = format!("mcpstore tools {}", quoted(&name));
    let schema = found.input_schema.as_deref();
    let arguments = match given {
        Some(arguments) => arguments,
        None => arguments::object(&args.pairs, schema).map_err(|failure| match schema {
            Some(_) => failure.next(look.as_str()),
            None => failure,
        })?,
    };
    for word in arguments::strangers(&arguments, schema, &name) {
        talk(&word);
    }
    let mut request = Request::new(Op::Call);
    request.service = Some(found.service.clone());
    request.tool = Some(found.tool.clone());
    request.arguments = Some(arguments);
    // As other programs hand their trace on (source: OpenTelemetry, environment variables as carriers).
    let variable = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    (request.traceparent, request.tracestate) = (variable("TRACEPARENT"), variable("TRACESTATE"));
    let result = session.client.raw(&request).await.map_err(|failure| match failure.exit {
        Exit::ToolError => failure.next(look.as_str()),
        _ => failure,
    })?;
    let view = ResultView::read(result.get());
    print(session, &result, &view)?;
    if view.is_error() {
        talk(&format!("the tool {name} returned an error"));
        talk(&format!("try: {}", session.global.in_command(&look)));
        return Ok(Exit::ToolError);
    }
    Ok(Exit::Done)
}

fn print(session: &Session<'_>, result: &RawValue, view: &ResultView<'_>) -> std::io::Result<()> {
    let text = match session.global.output {
        Format::Json | Format::Ndjson => true,
        Format::Auto => !session.term.tty,
        Format::Table | Format::Wide | Format::Name => false,
    };
    if text { output::print(&format!("{}\n", result.get())) } else { output::print(&answer_text(view)) }
}
