//! `tools`: what running services offer, or one tool in full.

use mcpstore::types::suggestion;

use super::Session;
use super::show::{lines, names};
use crate::args::{Format, ToolsArgs};
use crate::control::protocol::{Op, Request};
use crate::control::{FoundTool, FoundTools};
use crate::exit::{Exit, Failure};
use crate::output::{self, ToolsDoc, talk, tool_text, tools_table};
use crate::quote::quoted;
use crate::select::Select;

/// `tools`.
pub(super) async fn tools(session: &Session<'_>, args: &ToolsArgs) -> anyhow::Result<Exit> {
    let select = args.select.select();
    let asked: Result<FoundTools, Failure> = session.client.ask(&Request::about(Op::Tools, select.clone())).await;
    let (found, one) = match (asked, select.patterns.as_slice()) {
        // No service of that name: `SVC.TOOL` then, unless that is none either.
        (Err(failure), [text]) if failure.exit == Exit::NoSuchService && is_dotted(text) => {
            (one_tool(session, text).await?, true)
        }
        (asked, _) => (asked?, false),
    };
    for word in found.skipped.iter().filter(|_| !one) {
        talk(word);
    }
    match session.global.output {
        Format::Json => output::print_json(&ToolsDoc { schema: "mcpstore.tools/1", tools: &found.tools })?,
        Format::Ndjson => lines(&found.tools)?,
        Format::Name => {
            let full: Vec<String> = found.tools.iter().map(|tool| format!("{}.{}", tool.service, tool.name)).collect();
            names(full.iter().map(String::as_str))?;
        }
        Format::Auto | Format::Table | Format::Wide if found.tools.is_empty() => talk("no tools"),
        Format::Auto | Format::Table | Format::Wide if one => {
            output::print(&found.tools.iter().map(tool_text).collect::<String>())?;
        }
        format @ (Format::Auto | Format::Table | Format::Wide) => {
            output::print(&tools_table(&found.tools, format == Format::Wide, &session.term))?;
        }
    }
    Ok(Exit::Done)
}

fn is_dotted(text: &str) -> bool {
    text.contains('.') && !text.contains(['*', '?']) && !text.starts_with("tag:")
}

/// The tool that `SVC.TOOL` means, and nothing else.
async fn one_tool(session: &Session<'_>, text: &str) -> Result<FoundTools, Failure> {
    let mut find = Request::new(Op::FindTool);
    find.tool = Some(text.to_owned());
    let meant: FoundTool = session.client.ask(&find).await?;
    let select = Select { all: false, patterns: vec![meant.service.clone()] };
    let mut found: FoundTools = session.client.ask(&Request::about(Op::Tools, select)).await?;
    let known: Vec<String> = found.tools.iter().map(|tool| tool.name.clone()).collect();
    found.tools.retain(|tool| tool.name == meant.tool);
    if found.tools.is_empty() {
        let hint = suggestion(&meant.tool, &known);
        let message = format!("service `{}` has no tool `{}`{hint}", meant.service, meant.tool);
        return Err(Failure::new(Exit::Failed, message).next(format!("mcpstore tools {}", quoted(&meant.service))));
    }
    Ok(found)
}
