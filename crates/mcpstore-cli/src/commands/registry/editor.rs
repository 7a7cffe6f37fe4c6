//! `edit` without fields: the file in an editor, checked before it counts.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Command;

use super::target::Target;
use crate::args::{ConfigArgs, EditArgs};
use crate::config::{read_files, replace_text};
use crate::exit::{Exit, Failure};
use crate::output::talk;

/// Opens the last file of the config, until it is good or its user gives up. True when it was changed.
pub(super) fn edit(target: &Target, args: &EditArgs) -> anyhow::Result<bool> {
    let at = target.files.files.len() - 1;
    let file = &target.files.files[at];
    let before = match target.present().contains(file) {
        true => read_files(std::slice::from_ref(file))?.0.remove(0).text,
        false => String::new(),
    };
    let editor =
        args.editor.clone().or_else(|| std::env::var("EDITOR").ok()).filter(|editor| !editor.trim().is_empty());
    let Some(editor) = editor else {
        let message = "there is no editor: neither VISUAL nor EDITOR is set";
        return Err(Failure::new(Exit::Usage, message).next("mcpstore edit NAME --set FIELD=VALUE").into());
    };
    let folder = tempfile::Builder::new().prefix("mcpstore-edit-").tempdir()?;
    // The same name, so that the editor knows the language.
    let copy = folder.path().join(file.file_name().unwrap_or("mcp.json".as_ref()));
    std::fs::write(&copy, &before)?;
    loop {
        run(&editor, &copy)?;
        let after = std::fs::read_to_string(&copy).map_err(|error| {
            let message = format!("the editor `{editor}` left no text in {}: {error}", copy.display());
            Failure::new(Exit::Failed, message).next("mcpstore edit --editor vi")
        })?;
        if after == before {
            return Ok(false);
        }
        match replace_text(&target.files, at, &before, &after, &ConfigArgs::default()) {
            Ok(_) => {
                talk(&format!("changed {}", file.display()));
                return Ok(true);
            }
            Err(failure) if failure.exit == Exit::ConfigInvalid && again(&failure) => {}
            Err(failure) => {
                // What was typed is not lost.
                let kept = folder.keep().join(copy.file_name().unwrap_or_default());
                talk(&format!("what you wrote is kept in {}", kept.display()));
                return Err(failure.into());
            }
        }
    }
}

/// Runs the editor; its words are split as its users write them (`code --wait`).
fn run(editor: &str, file: &Path) -> anyhow::Result<()> {
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(editor);
    let status = Command::new(program).args(words).arg(file).status().map_err(|error| {
        Failure::new(Exit::Failed, format!("the editor `{program}` cannot be started: {error}"))
            .next("mcpstore edit --editor vi")
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, format!("the editor `{program}` ended with {status}; nothing was changed")).into())
}

/// Says what is wrong, and asks whether to go on; off a terminal nobody is asked.
fn again(failure: &Failure) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    talk(&failure.message);
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "edit again? [Y/n] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    asked.is_ok()
        && std::io::stdin().lock().read_line(&mut answer).is_ok_and(|read| read > 0)
        && !matches!(answer.trim().to_ascii_lowercase().as_str(), "n" | "no")
}
