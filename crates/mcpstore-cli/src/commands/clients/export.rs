//! `export`: our services in another client's file.

use mcpstore::config::{Exported, Plain, Stated, export as exported, import as compared};

use super::super::Session;
use super::super::registry::{Target, chosen};
use super::connect::tell_undone;
use super::file_of;
use super::write_back::{undo, write};
use crate::args::ExportArgs;
use crate::config::{Backups, stated_whole};
use crate::exit::{Exit, Failure};
use crate::output::{print, talk};
use crate::paths::Paths;

pub(in super::super) async fn run(session: &Session<'_>, args: &ExportArgs) -> anyhow::Result<Exit> {
    let client = args.to;
    let file = file_of(client, &args.file)?;
    let backups = Backups::in_folder(&Paths::resolve(session.global)?.state_dir);
    if args.file.undo {
        tell_undone(undo(client, &file, &backups)?, &file);
        return Ok(Exit::Done);
    }
    let target = Target::find(session, &args.config).await?;
    let ours = target.stated(&args.config)?;
    let names = chosen(&ours, &args.select.select());
    if names.is_empty() {
        return Err(Failure::new(Exit::NoSuchService, "no service of the config is meant")
            .next("mcpstore config show -o name")
            .into());
    }
    let theirs = if file.exists() { stated_whole(std::slice::from_ref(&file))? } else { Vec::new() };
    let mut entries: Vec<(String, Plain)> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for stated in ours.iter().filter(|stated| names.iter().any(|name| stated.name == name.as_str())) {
        let exported = exported(&stated.entry, client);
        let there = theirs.iter().find(|other| other.name == stated.name);
        let (word, write) = match there {
            None => ("new", true),
            Some(there) if is_same(there, stated, &exported) => ("same", false),
            Some(_) if args.overwrite => ("written anew", true),
            Some(_) => ("differs; --overwrite writes it anew", false),
        };
        lines.push(format!("  {}  {word}{}", stated.name, remarks(&exported)));
        if write {
            entries.push((stated.name.to_string(), exported.entry));
        }
    }
    print(&format!("{}: {}\n{}\n", client.title(), file.display(), lines.join("\n")))?;
    if args.file.dry_run || entries.is_empty() {
        return Ok(Exit::Done);
    }
    write(client, &file, &entries, &backups)?;
    let undo = format!("mcpstore export --to {}{} --undo", client.word(), super::same_file(&args.file));
    talk(&format!("to take it back: {}", session.global.in_command(&undo)));
    Ok(Exit::Done)
}

/// What cannot be said in the client's words.
fn remarks(exported: &Exported) -> String {
    let mut out = String::new();
    if !exported.left_out.is_empty() {
        out.push_str(&format!("; without {}", exported.left_out.join(", ")));
    }
    if !exported.unfilled.is_empty() {
        out.push_str(&format!("; the client does not fill in the references in {}", exported.unfilled.join(", ")));
    }
    out
}

/// True when the client's entry says what would be written.
fn is_same(there: &Stated, ours: &Stated, exported: &Exported) -> bool {
    let mut written = ours.clone();
    written.entry = exported.entry.clone();
    let outcome = compared(std::slice::from_ref(there), std::slice::from_ref(&written), None);
    outcome.iter().all(|one| one.outcome == mcpstore::config::Outcome::Same)
}
