//! `connect`: an entry for an endpoint in another client's file.

use mcpstore::config::{Diagnostic, Nothing, Options, Plain, Severity, Source, export as exported, parse};
use mcpstore::files::Edited;

use super::super::Session;
use super::file_of;
use super::write_back::{Undone, undo, write};
use crate::args::ConnectArgs;
use crate::config::{Backups, is_of_the_moment};
use crate::exit::{Exit, Failure};
use crate::output::{print, talk};
use crate::paths::Paths;

pub(in super::super) fn run(session: &Session<'_>, args: &ConnectArgs) -> anyhow::Result<Exit> {
    let client = args.client;
    let file = file_of(client, &args.file)?;
    let backups = Backups::in_folder(&Paths::resolve(session.global)?.state_dir);
    if args.file.undo {
        tell_undone(undo(client, &file, &backups)?, &file);
        return Ok(Exit::Done);
    }
    let entry = entry(args);
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

fn entry(args: &ConnectArgs) -> Plain {
    let mut out: Vec<(String, Plain)> = Vec::new();
    if let Some(url) = &args.url {
        out.push(("type".to_owned(), Plain::text(args.kind.map_or("http", |kind| kind.word()))));
        out.push(("url".to_owned(), Plain::text(url)));
        if !args.header.is_empty() {
            let headers = args.header.iter().map(|(key, value)| (key.clone(), Plain::text(value))).collect();
            out.push(("headers".to_owned(), Plain::Object(headers)));
        }
    }
    if let Some((command, rest)) = args.command.split_first() {
        out.push(("command".to_owned(), Plain::text(command)));
        out.push(("args".to_owned(), Plain::texts(rest)));
    }
    Plain::Object(out)
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
