//! `reload`, `apply`, and the difference that `plan` shows.

use std::path::{Path, PathBuf};

use super::Session;
use crate::args::{ApplyArgs, ConfigArgs, ReloadArgs};
use crate::config::ConfigFiles;
use crate::control::protocol::{Op, ReloadWish, Request};
use crate::exit::{Exit, Failure};
use crate::output::{self, Schema, talk};
use crate::reload::{Outcome, ReloadDoc, lines};

/// `reload`.
pub(super) async fn reload(session: &Session<'_>, args: &ReloadArgs) -> anyhow::Result<Exit> {
    let document = ask(session, ReloadWish { prune: "own".to_owned(), ..ReloadWish::default() }).await?;
    report(session, &document)?;
    finish(session, &document, args.wait, args.timeout).await
}

/// `apply`.
pub(super) async fn apply(session: &Session<'_>, args: &ApplyArgs) -> anyhow::Result<Exit> {
    let wish = wish(&args.config, if args.prune { "all" } else { "none" })?;
    let document = ask(session, wish).await?;
    report(session, &document)?;
    finish(session, &document, args.wait, args.timeout).await
}

/// What the config would change in the running manager; `None`: none runs there.
pub(super) async fn planned(
    session: &Session<'_>,
    config: &ConfigArgs,
    prune: bool,
) -> anyhow::Result<Option<ReloadDoc>> {
    let prune = match (prune, config.config.is_empty()) {
        (true, _) => "all",
        (false, true) => "own",
        (false, false) => "none",
    };
    let wish = ReloadWish { plan: true, ..wish(config, prune)? };
    match ask(session, wish).await {
        Ok(document) => Ok(Some(document)),
        Err(failure) if matches!(failure.exit, Exit::Unreachable | Exit::Refused) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// The files that were named, by paths that mean the same to the manager.
fn wish(config: &ConfigArgs, prune: &str) -> anyhow::Result<ReloadWish> {
    let files = match config.config.as_slice() {
        [] => None,
        files if files.iter().any(|file| file == Path::new("-")) => {
            let message = "the manager reads the config itself, so it cannot come from stdin";
            return Err(Failure::new(Exit::Usage, message).next("mcpstore apply --config FILE").into());
        }
        _ => Some(ConfigFiles::find(&config.config)?.absolute()?.files),
    };
    Ok(ReloadWish { files, strict: config.strict, input: config.input.clone(), prune: prune.to_owned(), plan: false })
}

async fn ask(session: &Session<'_>, wish: ReloadWish) -> Result<ReloadDoc, Failure> {
    let request = Request { reload: Some(wish), ..Request::new(Op::Reload) };
    session.client.ask(&request).await
}

/// Prints what was done, or why nothing was.
pub(super) fn report(session: &Session<'_>, document: &ReloadDoc) -> anyhow::Result<()> {
    if session.global.output.is_json() {
        return Ok(output::print_json(&Schema::new("mcpstore.reload/1", document))?);
    }
    if matches!(session.global.output, crate::args::Format::Name) {
        return Ok(output::print(&document.services.iter().map(|row| format!("{}\n", row.name)).collect::<String>())?);
    }
    let lines = lines(document);
    if document.outcome == Outcome::Refused {
        lines.iter().for_each(|line| talk(line));
        if let Some(next) = &document.next {
            talk(&format!("try: {}", session.global.in_command(next)));
        }
        return Ok(());
    }
    Ok(output::print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())?)
}

/// Waits for what was set in motion, if asked to.
async fn finish(
    session: &Session<'_>,
    document: &ReloadDoc,
    wait: bool,
    timeout: Option<std::time::Duration>,
) -> anyhow::Result<Exit> {
    if document.outcome == Outcome::Refused {
        return Ok(Exit::from_code(document.exit));
    }
    let started = |action: &str| matches!(action, "started" | "restarted");
    let names: Vec<String> =
        document.services.iter().filter(|row| started(&row.action)).map(|row| row.name.clone()).collect();
    if !wait || names.is_empty() {
        return Ok(Exit::Done);
    }
    super::verbs::wait_running(session, names, timeout).await
}

/// The manager's own files, when one runs.
pub(super) async fn own_files(session: &Session<'_>) -> Result<Option<Vec<PathBuf>>, Failure> {
    match session.client.ask::<crate::control::FilesDoc>(&Request::new(Op::Files)).await {
        Ok(document) => Ok(Some(document.files)),
        Err(failure) if failure.exit == Exit::Unreachable => Ok(None),
        Err(failure) => Err(failure),
    }
}
