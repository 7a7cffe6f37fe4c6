//! `config`: check, show, approve, explain, schema. They need no manager.

mod approve;
mod show;

use mcpstore::config::{Code, explain, json_schema, title as name};
use mcpstore::types::suggestion;

use crate::args::{ConfigArgs, ConfigCommand, Global};
use crate::config::{Config, ConfigFiles, read_files};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, Term, diagnostics_doc, diagnostics_text, summary, talk};

pub(super) fn run(command: ConfigCommand, global: &Global) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Check { files, mut args } => {
            args.config.extend(files);
            check(&args, global)
        }
        ConfigCommand::Show(args) => show::run(&args, global),
        ConfigCommand::Path { config } => path(&config, global),
        ConfigCommand::Approve(args) => approve::run(&args, global),
        ConfigCommand::Explain { code } => explain_code(code.as_deref()),
        ConfigCommand::Schema => {
            output::print(&json_schema())?;
            Ok(Exit::Done)
        }
    }
}

fn check(args: &ConfigArgs, global: &Global) -> anyhow::Result<Exit> {
    let mut files = ConfigFiles::find(&args.config)?;
    // One that cannot be read does not hide what is wrong with the others.
    let mut unreadable = Vec::new();
    if files.files.len() > 1 {
        // Stdin can be read once only.
        files.files.retain(|file| {
            let read = if file.as_os_str() == "-" { Ok(()) } else { read_files(std::slice::from_ref(file)).map(drop) };
            read.map_err(|failure| unreadable.push(failure)).is_ok()
        });
        unreadable.iter().for_each(|failure| talk(&format!("error: {failure}")));
    }
    if files.files.is_empty()
        && let Some(failure) = unreadable.pop()
    {
        return Err(failure.into());
    }
    let Config { sources, loaded, .. } = Config::load_files(files, args)?;
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
        return Ok(if unreadable.is_empty() { Exit::Done } else { Exit::ConfigInvalid });
    };
    talk(&format!("try: mcpstore config explain {}", first.code));
    Ok(Exit::ConfigInvalid)
}

/// Says which files are the config.
fn path(args: &ConfigArgs, global: &Global) -> anyhow::Result<Exit> {
    let files = ConfigFiles::find(&args.config)?;
    if global.output.is_json() {
        let paths: Vec<String> = files.files.iter().map(|file| file.display().to_string()).collect();
        let body = serde_json::json!({ "files": paths, "chosen": files.chosen.word() });
        output::print_json(&Schema::new("mcpstore.config_path/1", body))?;
    } else {
        output::print(&files.files.iter().map(|file| format!("{}\n", file.display())).collect::<String>())?;
    }
    Ok(Exit::Done)
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
