//! `connect`: an entry for an endpoint in another client's file.

use anyhow::Context as _;
use mcpstore::config::{Diagnostic, Nothing, Options, Plain, Severity, Source, export as exported, parse};
use mcpstore::files::{Edited, gateway_token};

use super::super::Session;
use super::file_of;
use super::write_back::{Undone, undo, write};
use crate::args::{ConnectArgs, Global};
use crate::config::{Backups, is_of_the_moment};
use crate::control::protocol::{Op, Request};
use crate::control::{GatewayDoc, ReachDoc, known_profile};
use crate::exit::{Exit, Failure};
use crate::output::{print, talk};
use crate::paths::{Paths, look_at};

/// Where a manager is reached when nobody says where.
const DEFAULT_URL: &str = "http://127.0.0.1:8420/mcp";

pub(in super::super) async fn run(session: &Session<'_>, args: &ConnectArgs) -> anyhow::Result<Exit> {
    let client = args.client;
    let file = file_of(client, &args.file)?;
    let backups = Backups::in_folder(&Paths::resolve(session.global)?.state_dir);
    if args.file.undo {
        tell_undone(undo(client, &file, &backups)?, &file);
        return Ok(Exit::Done);
    }
    let entry = entry(session, args).await?;
    check(&args.name, &entry)?;
    let entry = exported(&entry, client).entry;
    if args.file.dry_run {
        print(&format!("{}: {}\n  {}: {entry}\n", client.title(), file.display(), args.name))?;
        return Ok(Exit::Done);
    }
    let shown = file.display();
    match write(client, &file, &[(args.name.clone(), entry)], &backups)? {
        Edited::Unchanged => talk(&format!("{shown} has `{}` already, as it is", args.name)),
        Edited::Changed | Edited::Created => {
            talk(&format!("{} has `{}` now, in {shown}; start it again to see it", client.title(), args.name));
            let undo = format!("mcpstore connect {}{} --undo", client.word(), super::same_file(&args.file));
            talk(&format!("  to take it back: {}", session.global.in_command(&undo)));
        }
    }
    Ok(Exit::Done)
}

/// What no client could use is not written.
fn check(name: &str, entry: &Plain) -> Result<(), Failure> {
    let services = Plain::Object(vec![(name.to_owned(), entry.clone())]);
    let text = Plain::Object(vec![("mcpServers".to_owned(), services)]).to_string();
    let sources = [Source::new("the entry", text)];
    let parsed = parse(&sources, &Nothing, &Options::default());
    let wrong = |d: &&Diagnostic| d.severity == Severity::Error && !is_of_the_moment(d.code);
    match parsed.diagnostics.iter().find(wrong) {
        Some(wrong) => Err(Failure::new(Exit::Usage, wrong.message.clone()).next("mcpstore connect --help")),
        None => Ok(()),
    }
}

async fn entry(session: &Session<'_>, args: &ConnectArgs) -> anyhow::Result<Plain> {
    let mut out: Vec<(String, Plain)> = Vec::new();
    if let Some(url) = &args.url {
        reached(&mut out, args.kind.map_or("http", |kind| kind.word()), url, &args.header);
        return Ok(Plain::Object(out));
    }
    if let Some((command, rest)) = args.command.split_first() {
        out.push(("command".to_owned(), Plain::text(command)));
        out.push(("args".to_owned(), Plain::texts(rest)));
        return Ok(Plain::Object(out));
    }
    let running = running(session).await?;
    if let (Some(profile), Some(doc)) = (&args.profile, &running) {
        let known: Vec<String> = doc.report.views.iter().filter_map(|view| view.profile.clone()).collect();
        known_profile(&known, profile)?;
    }
    if args.http {
        let (url, headers) = own_address(session, running, args.profile.as_deref())?;
        reached(&mut out, "http", &url, &headers);
    } else {
        let program = std::env::current_exe().context("the path of this program is unknown")?;
        out.push(("command".to_owned(), Plain::text(program.to_string_lossy())));
        out.push(("args".to_owned(), Plain::texts(own_command(session.global, args.profile.as_deref())?)));
    }
    Ok(Plain::Object(out))
}

fn reached(out: &mut Vec<(String, Plain)>, kind: &str, url: &str, headers: &[(String, String)]) {
    out.push(("type".to_owned(), Plain::text(kind)));
    out.push(("url".to_owned(), Plain::text(url)));
    if !headers.is_empty() {
        let headers = headers.iter().map(|(key, value)| (key.clone(), Plain::text(value))).collect();
        out.push(("headers".to_owned(), Plain::Object(headers)));
    }
}

/// What the running manager says of its gateway; `None`: none runs.
async fn running(session: &Session<'_>) -> Result<Option<GatewayDoc>, Failure> {
    match session.client.ask(&Request::new(Op::Gateway)).await {
        Ok(doc) => Ok(Some(doc)),
        Err(failure) if failure.exit == Exit::Unreachable => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Where the running manager is reached, or would be, and with what.
fn own_address(
    session: &Session<'_>,
    running: Option<GatewayDoc>,
    profile: Option<&str>,
) -> anyhow::Result<(String, Vec<(String, String)>)> {
    let default = || ReachDoc { url: Some(DEFAULT_URL.to_owned()), token: true };
    let reach = running.map_or_else(default, |doc| doc.reach);
    let Some(mut url) = reach.url else {
        let message = "the running manager has no gateway over HTTP; without --http the client needs none";
        return Err(Failure::new(Exit::Refused, message).next("mcpstore up --listen 127.0.0.1:8420").into());
    };
    if let Some(profile) = profile {
        url = format!("{url}/{profile}");
    }
    if !reach.token {
        return Ok((url, Vec::new()));
    }
    let paths = Paths::resolve(session.global)?;
    paths.make_state_dir()?;
    let token = gateway_token(&paths.state_dir).map_err(|error| {
        let message = format!("the token of the gateway cannot be read: {error}");
        Failure::new(Exit::Failed, message).next(look_at(&paths.state_dir))
    })?;
    Ok((url, vec![("Authorization".to_owned(), format!("Bearer {}", token.secret.expose()))]))
}

/// The command that joins the same manager, whatever folder and environment it is launched in.
fn own_command(global: &Global, profile: Option<&str>) -> anyhow::Result<Vec<String>> {
    let mut out = Vec::new();
    for (option, value) in [("--socket", &global.socket), ("--state-dir", &global.state_dir)] {
        if let Some(path) = value {
            let path = std::path::absolute(path).context("the path has no absolute form")?;
            out.extend([option.to_owned(), path.to_string_lossy().into_owned()]);
        }
    }
    out.extend(["serve".to_owned(), "--stdio".to_owned()]);
    out.extend(profile.into_iter().flat_map(|profile| ["--profile".to_owned(), profile.to_owned()]));
    Ok(out)
}

/// What came of an undo, in words.
pub(super) fn tell_undone(undone: Undone, file: &std::path::Path) {
    let shown = file.display();
    talk(&match undone {
        Undone::Restored => format!("{shown} is what it was before"),
        Undone::Gone => format!("{shown} is gone again: it was not there before"),
        Undone::TakenOut => {
            format!(
                "{shown} was changed since: what was written is taken out, what stood there before is back, the rest stays"
            )
        }
        Undone::Nothing => format!("there is no change of {shown} to take back"),
    });
}
