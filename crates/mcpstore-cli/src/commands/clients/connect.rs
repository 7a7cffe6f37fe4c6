//! `connect`: an entry for an endpoint in another client's file.

use mcpstore::config::{Plain, export as exported};
use mcpstore::files::Edited;

use super::super::Session;
use super::file_of;
use super::write_back::{Undone, undo, write};
use crate::args::ConnectArgs;
use crate::config::Backups;
use crate::exit::Exit;
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
    let entry = exported(&entry(args), client).entry;
    if args.file.dry_run {
        print(&format!("{}: {}\n  {}: {entry}\n", client.title(), file.display(), args.name))?;
        return Ok(Exit::Done);
    }
    let shown = file.display();
    match write(client, &file, &[(args.name.clone(), entry)], &backups)? {
        Edited::Unchanged => talk(&format!("{shown} has `{}` already, as it is", args.name)),
        Edited::Changed | Edited::Created => {
            talk(&format!("{} has `{}` now, in {shown}; start it again to see it", client.title(), args.name));
            talk(&format!("  to take it back: mcpstore connect {} --undo", client.word()));
        }
    }
    Ok(Exit::Done)
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
            format!("{shown} was changed since: what was written was taken out, and everything else stays")
        }
        Undone::Nothing => format!("there is no change of {shown} to take back"),
    });
}
