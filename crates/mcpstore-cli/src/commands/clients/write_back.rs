//! Writing entries into another client's file, and taking that back.

use std::path::Path;

use mcpstore::config::{Change, Client, EditError, Format, Nothing, Options, Plain, Source, edit, parse, read_plain};
use mcpstore::files::{EditFileError, Edited, edit_locked};

use crate::config::{Backup, Backups};
use crate::exit::{Exit, Failure, chain};
use crate::quote::quoted;

/// Why a change was refused, inside the lock.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("{0}")]
    Gone(String),
    #[error("the backup cannot be kept")]
    Backup(#[source] std::io::Error),
}

/// Writes entries into a client's file: new ones behind the others, known ones in their place. What the file said before is kept
/// first.
///
/// # Errors
/// [`Failure`]: a file that cannot be read, edited or written, or the backup.
pub(super) fn write(
    client: Client,
    file: &Path,
    entries: &[(String, Plain)],
    backups: &Backups,
) -> Result<Edited, Failure> {
    let existed = file.exists();
    let outcome = edit_locked(file, |text| {
        let after = written(client, file, text, entries)?;
        if after == text {
            return Ok(None);
        }
        let names: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
        let backup = Backup::of(file, existed.then_some(text), &after, &names);
        backups.keep(&backup).map_err(Refused::Backup)?;
        Ok(Some(after))
    });
    outcome.map_err(|error| failure(file, error))
}

fn written(client: Client, file: &Path, text: &str, entries: &[(String, Plain)]) -> Result<String, EditError> {
    let name = file.display().to_string();
    let source = Source::new(name.as_str(), text);
    let parsed = parse(std::slice::from_ref(&source), &Nothing, &Options::default());
    // A file that has its servers already says where; else the client's habit does.
    let dialect = parsed.config.dialects.first().copied().flatten().unwrap_or(client.dialect());
    let changes: Vec<Change<'_>> = entries
        .iter()
        .map(|(key, value)| match parsed.config.origins.contains_key(key.as_str()) {
            true => Change::Replace { key, value },
            false => Change::Insert { key, value },
        })
        .collect();
    // A new file is in the client's language, whatever it is called.
    let format = match client {
        Client::Codex if text.trim().is_empty() => Format::Toml,
        _ => Format::of(&name, text),
    };
    edit(text, format, dialect.container(), &changes)
}

/// What taking a change back came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// The file is what it was, byte for byte.
    Restored,
    /// The file was not there before, and is not now.
    Gone,
    /// Somebody changed it since: the entries were taken out, and the rest stays.
    TakenOut,
    /// There is nothing to take back.
    Nothing,
}

/// Takes the newest change of a file back.
///
/// # Errors
/// [`Failure`]: the file cannot be read, edited or written.
pub(super) fn undo(client: Client, file: &Path, backups: &Backups) -> Result<Undone, Failure> {
    let read = backups
        .last(file)
        .map_err(|error| Failure::new(Exit::Failed, format!("the backups cannot be read: {error}")))?;
    let Some((kept, backup)) = read else { return Ok(Undone::Nothing) };
    let mut undone = Undone::Restored;
    let is_gone = !file.exists();
    let outcome = edit_locked(file, |text| {
        if is_gone || backup.is_last(text) {
            undone = if backup.before.is_some() { Undone::Restored } else { Undone::Gone };
            // A file that was not there is taken away below.
            return Ok(backup.before.clone());
        }
        undone = Undone::TakenOut;
        taken_out(client, file, text, &backup, &kept).map(Some)
    });
    outcome.map_err(|error| failure(file, error))?;
    let remove = |path: &Path| match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::Failed, format!("{} cannot be removed: {error}", path.display())))
        }
        _ => Ok(()),
    };
    if undone == Undone::Gone {
        remove(file)?;
    }
    remove(&kept)?;
    Ok(undone)
}

/// The text with what was written taken out, and what stood in its place put back.
fn taken_out(client: Client, file: &Path, text: &str, backup: &Backup, kept: &Path) -> Result<String, Refused> {
    let name = file.display().to_string();
    let source = Source::new(name.as_str(), text);
    let parsed = parse(std::slice::from_ref(&source), &Nothing, &Options::default());
    let dialect = parsed.config.dialects.first().copied().flatten().unwrap_or(client.dialect());
    let before = backup.before.as_deref().and_then(|before| read_plain(before, Format::of(&name, before)).ok());
    let entry = |key: &str| {
        let mut inside = before.as_ref()?;
        for word in dialect.container() {
            inside = inside.get(word)?;
        }
        inside.get(key).cloned()
    };
    let here = backup.names.iter().filter(|name| parsed.config.origins.contains_key(name.as_str()));
    let there: Vec<(&String, Option<Plain>)> = here.map(|key| (key, entry(key))).collect();
    if there.is_empty() {
        let message =
            format!("what was written is not in it any more; what it said before is kept in {}", kept.display());
        return Err(Refused::Gone(message));
    }
    let changes: Vec<Change<'_>> = there
        .iter()
        .map(|(key, before)| match before {
            Some(value) => Change::Replace { key, value },
            None => Change::Remove { key },
        })
        .collect();
    Ok(edit(text, Format::of(&name, text), dialect.container(), &changes)?)
}

fn failure(file: &Path, error: EditFileError<Refused>) -> Failure {
    let shown = file.display();
    let words = match &error {
        EditFileError::Refused(refused) => chain(refused),
        other => chain(other),
    };
    let exit = if matches!(error, EditFileError::Refused(_)) { Exit::Refused } else { Exit::Failed };
    Failure::new(exit, format!("{shown} was not changed: {words}"))
        .next(format!("mcpstore config check {}", quoted(&shown.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Vec<(String, Plain)> {
        let url = Plain::text("http://127.0.0.1:1/mcp");
        vec![("mcpstore".to_owned(), Plain::Object(vec![("url".to_owned(), url)]))]
    }

    #[test]
    fn every_clients_file_comes_back_byte_for_byte() {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(&dir.path().join("state"));
        let texts = [
            (Client::Cursor, "a.json", "{\r\n\t// mine\r\n\t\"mcpServers\": { \"x\": {\"command\":\"x\"}, },\r\n}"),
            (Client::ClaudeDesktop, "b.json", "{}"),
            (
                Client::ClaudeCode,
                "c.json",
                "{\"numStartups\":7,\"mcpServers\":{},\"projects\":{\"/p\":{\"n\":1.50}}}\n",
            ),
            (Client::VsCode, "d.json", "\u{feff}{\n    \"inputs\": [],\n    \"servers\": {\n    }\n}\n"),
            (
                Client::Codex,
                "config.toml",
                "model = \"o\" # best\n\n[mcp_servers.x]\ncommand = \"x\"\n\n[tui]\na = 1\n",
            ),
            (Client::Zed, "settings.json", "// Zed\n{\n  \"theme\": \"One\",\n  /* end */\n}\n"),
            (Client::Cline, "e.json", ""),
            (
                Client::Gemini,
                "f.json",
                "{\n \"mcpServers\": {\n  \"mcpstore\": {\n   \"httpUrl\": \"http://old\"\n  }\n }\n}",
            ),
        ];
        for (client, name, text) in texts {
            let file = dir.path().join(name);
            std::fs::write(&file, text).unwrap();
            assert_eq!(write(client, &file, &entry(), &backups).unwrap(), Edited::Changed, "{name}");
            let changed = std::fs::read_to_string(&file).unwrap();
            assert!(changed.contains("127.0.0.1:1"), "{changed}");
            assert_eq!(write(client, &file, &entry(), &backups).unwrap(), Edited::Unchanged, "{name}");
            assert_eq!(undo(client, &file, &backups).unwrap(), Undone::Restored, "{name}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "{name}");
            assert_eq!(undo(client, &file, &backups).unwrap(), Undone::Nothing, "{name}");
        }
        let new = dir.path().join("deep/new.json");
        assert_eq!(write(Client::Windsurf, &new, &entry(), &backups).unwrap(), Edited::Created);
        assert_eq!(undo(Client::Windsurf, &new, &backups).unwrap(), Undone::Gone);
        assert!(!new.exists());
    }

    #[test]
    fn what_others_changed_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups::in_folder(&dir.path().join("state"));
        let file = dir.path().join("mcp.json");
        std::fs::write(&file, "{ \"mcpServers\": { \"a\": { \"command\": \"a\" } } }").unwrap();
        write(Client::Cursor, &file, &entry(), &backups).unwrap();
        let text = std::fs::read_to_string(&file).unwrap().replace("\"command\": \"a\"", "\"command\": \"b\"");
        std::fs::write(&file, text).unwrap();
        assert_eq!(undo(Client::Cursor, &file, &backups).unwrap(), Undone::TakenOut);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{ \"mcpServers\": { \"a\": { \"command\": \"b\" } } }");
        // What stood in the place of what was written comes back, also when something else changed.
        let mine = "{ \"mcpServers\": { \"mcpstore\": { \"command\": \"mine\" } } }";
        std::fs::write(&file, mine).unwrap();
        write(Client::Cursor, &file, &entry(), &backups).unwrap();
        std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + "\n").unwrap();
        assert_eq!(undo(Client::Cursor, &file, &backups).unwrap(), Undone::TakenOut);
        assert!(std::fs::read_to_string(&file).unwrap().contains("\"mine\""));
        // A file that is broken now keeps its backup; one that is gone comes back.
        std::fs::write(&file, mine).unwrap();
        write(Client::Cursor, &file, &entry(), &backups).unwrap();
        std::fs::write(&file, "{ \"mcpSe").unwrap();
        assert!(undo(Client::Cursor, &file, &backups).is_err());
        std::fs::remove_file(&file).unwrap();
        assert_eq!(undo(Client::Cursor, &file, &backups).unwrap(), Undone::Restored);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), mine);
    }
}
