//! `init`: a first config, from what is on this machine.

use mcpstore::config::{Client, Format, Found, starter, stated};
use mcpstore::files::{Edited, Machine, edit_locked};

use super::folders;
use crate::args::{ConfigArgs, Global, InitArgs};
use crate::config::{Chosen, Config, ConfigFiles, Trust, read_files};
use crate::exit::{Exit, Failure, chain};
use crate::output::{print, talk};
use crate::paths::Paths;
use crate::quote::quoted;

pub(in super::super) fn run(args: &InitArgs, global: &Global) -> anyhow::Result<Exit> {
    let text = starter(&found());
    if args.print || args.file.as_os_str() == "-" {
        print(&text)?;
        return Ok(Exit::Done);
    }
    if Format::of(&args.file.to_string_lossy(), "") != Format::Json {
        let message = format!("the first config is JSON, and {} says otherwise", args.file.display());
        let json = args.file.with_extension("json");
        return Err(Failure::new(Exit::Usage, message)
            .next(format!("mcpstore init {}", quoted(&json.to_string_lossy())))
            .into());
    }
    let shown = args.file.display();
    let outcome =
        edit_locked(&args.file, |before| if before.trim().is_empty() { Ok(Some(text.clone())) } else { Err(Taken) });
    match outcome {
        Ok(Edited::Created | Edited::Changed | Edited::Unchanged) => {
            talk(&format!("wrote {shown}"));
            approve(args, global)?;
            let is_found = args.file.as_os_str() == "mcp.json";
            let named = if is_found { &[][..] } else { std::slice::from_ref(&args.file) };
            talk(&format!("try: {}", crate::quote::with_config("mcpstore up", named).unwrap_or_default()));
            Ok(Exit::Done)
        }
        Err(mcpstore::files::EditFileError::Refused(_)) => {
            let message = format!("{shown} is there already, and stays as it is");
            let next = format!("mcpstore config check {}", quoted(&shown.to_string()));
            Err(Failure::new(Exit::Refused, message).next(next).into())
        }
        Err(error) => Err(Failure::new(Exit::Failed, format!("{shown} was not written: {}", chain(&error))).into()),
    }
}

/// What was just written on the user's word runs without a question.
fn approve(args: &InitArgs, global: &Global) -> anyhow::Result<()> {
    let files = ConfigFiles { files: vec![args.file.clone()], chosen: Chosen::Found };
    let config = Config::load_files(files, &ConfigArgs::default())?;
    Ok(Trust::new(&Paths::resolve(global)?, None)?.approve(&config)?)
}

/// There is a config already.
#[derive(Debug, thiserror::Error)]
#[error("there is a config already")]
struct Taken;

/// What a config could be made of.
fn found() -> Vec<Found> {
    use mcpstore::config::{Outside as _, Program};
    let machine = Machine::default();
    let mut out: Vec<Found> = Vec::new();
    for (program, what) in [("npx", Found::Npx), ("uvx", Found::Uvx), ("docker", Found::Docker)] {
        if machine.program(program, None, None) == Program::Found {
            out.push(what);
        }
    }
    let Ok(folders) = folders() else { return out };
    for client in Client::ALL {
        let file = client.user_file(&folders);
        let servers = match read_files(std::slice::from_ref(&file)) {
            Ok((sources, _)) => stated(&sources).len(),
            Err(_) => continue,
        };
        out.push(Found::Client { name: client.title().to_owned(), path: file.display().to_string(), servers });
    }
    out
}
