//! `config check`, `config explain` and `config schema`. They need no manager.

use mcpstore::config::{Code, Variables, explain, json_schema, title as name};
use mcpstore::types::suggestion;
use mcpstore::{LoadOptions, Loaded, load};

use crate::args::{ConfigArgs, ConfigCommand, Global};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, Term, diagnostics_doc, diagnostics_text, summary, talk};
use crate::paths::read_config;

pub(super) fn run(command: ConfigCommand, global: &Global) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Check { files, mut args } => {
            args.config.extend(files);
            check(&args, global)
        }
        ConfigCommand::Explain { code } => explain_code(code.as_deref()),
        ConfigCommand::Schema => {
            output::print(&json_schema())?;
            Ok(Exit::Done)
        }
    }
}

fn check(args: &ConfigArgs, global: &Global) -> anyhow::Result<Exit> {
    let sources = read_config(&args.config)?;
    let loaded = read(&sources, args.strict);
    if global.output.is_json() {
        output::print_json(&Schema::new("mcpstore.diagnostics/1", diagnostics_doc(&loaded, &sources)))?;
    } else {
        let mut text = diagnostics_text(&loaded, &sources, &Term::stdout(global.color));
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&summary(&loaded, &sources));
        text.push('\n');
        output::print(&text)?;
    }
    let Some(first) = loaded.diagnostics.iter().find(|d| d.severity == mcpstore::config::Severity::Error) else {
        return Ok(Exit::Done);
    };
    talk(&format!("try: mcpstore config explain {}", first.code));
    Ok(Exit::ConfigInvalid)
}

/// Reads config texts with the environment's variables.
pub(super) fn read(sources: &[mcpstore::config::Source], strict: bool) -> Loaded {
    load(sources, &Variables(|name: &str| std::env::var(name).ok()), LoadOptions { strict })
}

fn explain_code(code: Option<&str>) -> anyhow::Result<Exit> {
    let Some(asked) = code else {
        let list: String = Code::ALL
            .iter()
            .map(|code| format!("{code}  {:<21} {}\n", name(*code), first_sentence(explain(*code))))
            .collect();
        output::print(&list)?;
        return Ok(Exit::Done);
    };
    let known: Vec<String> = Code::ALL.iter().map(ToString::to_string).collect();
    let found = Code::ALL.iter().find(|code| code.to_string().eq_ignore_ascii_case(asked.trim()));
    let Some(found) = found else {
        let message = format!("no diagnostic `{asked}`{}", suggestion(asked, &known));
        return Err(Failure::new(Exit::Usage, message).next("mcpstore config explain").into());
    };
    output::print(&format!("{found}: {}\n\n{}\n", name(*found), explain(*found)))?;
    Ok(Exit::Done)
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
