//! `config approve`: lets a config run that was found in a folder.

use mcpstore::config::Severity;
use mcpstore::files::{Approvals, Pending};

use crate::args::{ApproveArgs, Global};
use crate::config::{Ask, Chosen, Config, Trust, command_lines};
use crate::exit::{Exit, Failure};
use crate::output::talk;
use crate::paths::Paths;

pub(super) fn run(args: &ApproveArgs, global: &Global) -> anyhow::Result<Exit> {
    let paths = Paths::resolve(global)?;
    let mut config = Config::load(&args.config)?;
    if let Some(error) = config.loaded.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        let message = format!("the config has errors, so it is not clear what is approved: {}", error.message);
        return Err(Failure::new(Exit::ConfigInvalid, message).next("mcpstore config check").into());
    }
    let said = &config.loaded.config;
    let shown = config.files.files.first().map(|file| file.display().to_string()).unwrap_or_default();
    if let Some(to) = &args.to {
        let all: Vec<Pending> = Trust::everything(said);
        talk(&format!("{shown} would run:"));
        talk(&command_lines(said, &all));
        Approvals::write_to(to, &said.services, &said.alerts).map_err(|error| {
            Failure::new(Exit::Failed, format!("the approvals were not written: {}", crate::exit::chain(&error)))
        })?;
        talk(&format!("{shown} as it stands is approved wherever {} is given:", to.display()));
        talk(&format!("  mcpstore up --approvals {}", crate::quote::quoted(&to.display().to_string())));
        return Ok(Exit::Done);
    }
    // One that was named is approved for the time when it is found.
    config.files.chosen = Chosen::Found;
    let trust = Trust::new(&paths, None)?;
    if trust.pending(&config).is_empty() {
        talk(&format!("{shown} is approved already, as it stands"));
        return Ok(Exit::Done);
    }
    // Whoever types this command means it, but sees what it is about; a terminal asks, and so a slip can be taken back.
    let ask = if args.yes { Ask::Yes } else { Ask::of(false) };
    trust
        .demand(&config, ask)
        .map_err(|failure| Failure { message: failure.message.replace("nothing was started: ", ""), ..failure })?;
    talk(&format!("{shown} is approved as it stands"));
    if paths.socket.exists() {
        talk(&format!("a manager that runs takes it over: {}", global.in_command("mcpstore reload")));
    }
    Ok(Exit::Done)
}
