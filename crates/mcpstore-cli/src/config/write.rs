//! Changing the files of a config: what is not to be changed stays byte for byte, and nothing bad gets in.

use std::collections::BTreeSet;
use std::path::Path;

use mcpstore::config::{
    Change, Client, Code, Diagnostic, Dialect, EditError, Format, Options, Plain, Severity, Source, edit, export,
    parse, render, render_short, stated,
};
use mcpstore::files::{EditFileError, Edited, edit_locked};
use mcpstore::{LoadOptions, load};

use super::{ConfigFiles, machine, read_files};
use crate::args::ConfigArgs;
use crate::exit::{Exit, Failure, chain};
use crate::output::talk;
use crate::quote::quoted;

/// One change of an entry, in the shape of our config language.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Insert(Plain),
    Replace(Plain),
    Remove,
    Set(Vec<String>, Plain),
    Unset(Vec<String>),
}

/// Why an edit was refused, inside the lock.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("{0}")]
    Other(Failure),
}

/// Makes changes to the file `at` of the config, and gives whether anything changed.
///
/// The new text is checked together with the other files before it takes the old one's place: an error that was not there
/// before refuses it.
///
/// # Errors
/// [`Failure`]: an entry that is there already or is not, a text that cannot be edited, a new error, the disk.
pub(crate) fn change(
    files: &ConfigFiles,
    at: usize,
    changes: &[(String, Wanted)],
    args: &ConfigArgs,
) -> Result<Edited, Failure> {
    write(
        files,
        at,
        args,
        |text| {
            let name = files.files[at].display().to_string();
            let dialect = dialect_of(&Source::new(name.as_str(), text))?;
            edited(&name, text, dialect, changes).map_err(Refused::Edit)
        },
        |before, after| fields_are_as_wanted(before, after, changes),
    )
}

/// Single fields are where they should be, and no others changed: an entry may have some of them from elsewhere in the text (a
/// merge key of YAML), where an edit of the entry itself does not reach.
fn fields_are_as_wanted(before: &Source, after: &Source, changes: &[(String, Wanted)]) -> Result<(), Failure> {
    if !changes.iter().any(|(_, wanted)| matches!(wanted, Wanted::Set(..) | Wanted::Unset(_))) {
        return Ok(());
    }
    let entry = |source: &Source, name: &str| {
        let all = stated(std::slice::from_ref(source));
        all.into_iter().find(|stated| stated.name == name).map(|stated| stated.entry.sorted())
    };
    let names: BTreeSet<&String> = changes.iter().map(|(name, _)| name).collect();
    for name in names {
        let mut expected = entry(before, name);
        for (_, wanted) in changes.iter().filter(|(other, _)| other == name) {
            match (wanted, &mut expected) {
                (Wanted::Set(path, value), Some(entry)) => set(entry, path, Some(value)),
                (Wanted::Unset(path), Some(entry)) => set(entry, path, None),
                _ => {}
            }
        }
        if expected.map(Plain::sorted) != entry(after, name) {
            let message = format!("{name} has fields from elsewhere in {}, which this change would lose", before.name);
            return Err(Failure::new(Exit::Refused, message).next("mcpstore edit"));
        }
    }
    Ok(())
}

/// Writes a field of an entry, or takes it out.
fn set(entry: &mut Plain, path: &[String], value: Option<&Plain>) {
    let Some((first, deeper)) = path.split_first() else { return };
    let Plain::Object(members) = entry else { return };
    let at = members.iter().position(|(key, _)| key == first);
    match (deeper.is_empty(), at, value) {
        (true, Some(at), Some(value)) => members[at].1 = value.clone(),
        (true, None, Some(value)) => members.push((first.clone(), value.clone())),
        (true, Some(at), None) => drop(members.remove(at)),
        (false, Some(at), _) => set(&mut members[at].1, deeper, value),
        (false, None, Some(_)) => {
            let mut inner = Plain::Object(Vec::new());
            set(&mut inner, deeper, value);
            members.push((first.clone(), inner));
        }
        (_, None, None) => {}
    }
}

/// Puts a whole new text into the place of a file, if that still says `before`.
///
/// # Errors
/// As [`change`]; or the file changed meanwhile.
pub(crate) fn replace_text(
    files: &ConfigFiles,
    at: usize,
    before: &str,
    after: &str,
    args: &ConfigArgs,
) -> Result<Edited, Failure> {
    write(
        files,
        at,
        args,
        |text| {
            if text == before {
                return Ok(after.to_owned());
            }
            let message = format!("{} was changed by somebody else meanwhile", files.files[at].display());
            Err(Refused::Other(Failure::new(Exit::Refused, message).next("mcpstore edit")))
        },
        |_, _| Ok(()),
    )
}

fn write(
    files: &ConfigFiles,
    at: usize,
    args: &ConfigArgs,
    new_text: impl Fn(&str) -> Result<String, Refused>,
    is_as_wanted: impl Fn(&Source, &Source) -> Result<(), Failure>,
) -> Result<Edited, Failure> {
    let path = &files.files[at];
    let mut said = String::new();
    if path == Path::new("-") {
        return Err(Failure::new(Exit::Usage, "a config from stdin cannot be changed"));
    }
    let name = path.display().to_string();
    let outcome = edit_locked(path, |text| {
        let after = new_text(text)?;
        if after == text {
            return Ok(None);
        }
        let sources = |own: &str| -> Result<Vec<Source>, Refused> {
            let mut out = Vec::with_capacity(files.files.len());
            for (index, file) in files.files.iter().enumerate() {
                if index == at {
                    out.push(Source::new(name.as_str(), own));
                } else {
                    out.extend(read_files(std::slice::from_ref(file)).map_err(Refused::Other)?.0);
                }
            }
            Ok(out)
        };
        let (before, now) = (sources(text)?, sources(&after)?);
        is_as_wanted(&before[at], &now[at]).map_err(Refused::Other)?;
        said = new_problems(&before, &now, args).map_err(Refused::Other)?;
        Ok(Some(after))
    });
    let edited = outcome.map_err(|error| failure(path, error))?;
    said.lines().for_each(talk);
    Ok(edited)
}

/// True for what may be otherwise where the manager runs, or at another time.
pub(crate) const fn is_of_the_moment(code: Code) -> bool {
    matches!(code, Code::UnsetVariable | Code::UnsetInput | Code::UnreadableFile)
}

/// How a text is written. One without services yet is written as clients share it.
fn dialect_of(source: &Source) -> Result<Dialect, Refused> {
    let parsed = parse(std::slice::from_ref(source), &mcpstore::config::Nothing, &Options::default());
    match parsed.config.dialects.first().copied().flatten() {
        Some(Dialect::Single) => {
            let message = format!("{} is one service, with no place for others; edit it by hand", source.name);
            Err(Refused::Other(Failure::new(Exit::Refused, message).next("mcpstore add --help")))
        }
        Some(dialect) => Ok(dialect),
        None => Ok(Dialect::McpServers),
    }
}

fn edited(name: &str, text: &str, dialect: Dialect, changes: &[(String, Wanted)]) -> Result<String, EditError> {
    let format = Format::of(name, text);
    let shaped = |value: &Plain| match dialect {
        Dialect::Codex => export(value, Client::Codex).entry,
        _ => value.clone(),
    };
    // Values and paths must outlive the changes that borrow them.
    let values: Vec<Option<Plain>> = changes
        .iter()
        .map(|(_, wanted)| match wanted {
            Wanted::Insert(value) | Wanted::Replace(value) => Some(shaped(value)),
            Wanted::Set(_, value) => Some(value.clone()),
            Wanted::Remove | Wanted::Unset(_) => None,
        })
        .collect();
    let paths: Vec<Vec<&str>> = changes
        .iter()
        .map(|(_, wanted)| match wanted {
            Wanted::Set(path, _) | Wanted::Unset(path) => path.iter().map(String::as_str).collect(),
            Wanted::Insert(_) | Wanted::Replace(_) | Wanted::Remove => Vec::new(),
        })
        .collect();
    let null = Plain::Null;
    let list: Vec<Change<'_>> = changes
        .iter()
        .zip(values.iter().zip(&paths))
        .map(|((key, wanted), (value, path))| {
            let value = value.as_ref().unwrap_or(&null);
            match wanted {
                Wanted::Insert(_) => Change::Insert { key, value },
                Wanted::Replace(_) => Change::Replace { key, value },
                Wanted::Remove => Change::Remove { key },
                Wanted::Set(..) => Change::Set { key, path, value },
                Wanted::Unset(_) => Change::Unset { key, path },
            }
        })
        .collect();
    edit(text, format, dialect.container(), &list)
}

/// Refuses what has an error that was not there before, and gives the warnings that were not, in short. What depends on the
/// environment is a warning here: where the manager runs it may be otherwise.
fn new_problems(before: &[Source], after: &[Source], args: &ConfigArgs) -> Result<String, Failure> {
    let problems = |sources: &[Source]| load(sources, &machine(args), LoadOptions { strict: args.strict }).diagnostics;
    let known = problems(before);
    let is_known = |found: &Diagnostic| {
        known.iter().any(|d| (d.code, &d.message, &d.service) == (found.code, &found.message, &found.service))
    };
    let fresh: Vec<Diagnostic> = problems(after).into_iter().filter(|found| !is_known(found)).collect();
    let is_error = |d: &&Diagnostic| d.severity == Severity::Error && !is_of_the_moment(d.code);
    let errors: Vec<Diagnostic> = fresh.iter().filter(is_error).cloned().collect();
    if let Some(first) = errors.first() {
        let next = format!("mcpstore config explain {}", first.code);
        let shown = render(&errors, after, false, 120);
        let message = format!("nothing was written: the config would have an error\n{}", shown.trim_end());
        return Err(Failure::new(Exit::ConfigInvalid, message).next(next));
    }
    // A service that is left out for a variable is told by that variable.
    let told: Vec<Diagnostic> = fresh.into_iter().filter(|d| d.code != Code::LeftOutDependency).collect();
    Ok(render_short(&told, after))
}

fn failure(path: &Path, error: EditFileError<Refused>) -> Failure {
    let shown = path.display();
    match error {
        EditFileError::Refused(Refused::Other(failure)) => failure,
        EditFileError::Refused(Refused::Edit(error)) => {
            let (exit, next) = match &error {
                EditError::KeyExists { key } => (Exit::Refused, format!("mcpstore config show {}", quoted(key))),
                EditError::NoSuchKey { .. } => (Exit::NoSuchService, "mcpstore config show -o name".to_owned()),
                EditError::Syntax { .. } => {
                    (Exit::ConfigInvalid, format!("mcpstore config check {}", quoted(&shown.to_string())))
                }
                _ => (Exit::Refused, format!("mcpstore config check {}", quoted(&shown.to_string()))),
            };
            Failure::new(exit, format!("{shown}: {error}")).next(next)
        }
        other => {
            let next = format!("ls -l {}", quoted(&shown.to_string()));
            Failure::new(Exit::Failed, format!("{shown} was not changed: {}", chain(&other))).next(next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Chosen;

    fn files(path: &Path) -> ConfigFiles {
        ConfigFiles { files: vec![path.to_owned()], chosen: Chosen::Named }
    }

    fn command(command: &str) -> Plain {
        Plain::Object(vec![("command".to_owned(), Plain::text(command))])
    }

    #[test]
    fn entries_come_and_go_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp.json");
        let args = ConfigArgs::default();
        let add = |name: &str, entry| change(&files(&path), 0, &[(name.to_owned(), Wanted::Insert(entry))], &args);
        assert_eq!(add("a", command("true")).unwrap(), Edited::Created);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"true\"\n    }\n  }\n}\n"
        );
        let text = "{\n  // mine\n  \"mcpServers\": {\n    \"a\": { \"command\": \"true\" }, // a\n    \"old\": { \"comand\": 5 }\n  },\n  \"unknown\": [1]\n}\n";
        std::fs::write(&path, text).unwrap();
        let exists = add("a", command("x")).unwrap_err();
        assert_eq!((exits(&exists), exists.next.as_deref()), (Exit::Refused, Some("mcpstore config show a")));
        let bad = add("b", Plain::Object(vec![("command".to_owned(), Plain::text(""))])).unwrap_err();
        assert!(bad.message.contains("`command` is empty") && exits(&bad) == Exit::ConfigInvalid, "{bad}");
        assert!(!bad.message.contains("old"), "what was wrong before is not told: {bad}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        add("b", command("true")).unwrap();
        let gone = [("b".to_owned(), Wanted::Remove)];
        assert_eq!(change(&files(&path), 0, &gone, &args).unwrap(), Edited::Changed);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let missing = change(&files(&path), 0, &gone, &args).unwrap_err();
        assert_eq!(exits(&missing), Exit::NoSuchService);
    }

    fn exits(failure: &Failure) -> Exit {
        failure.exit
    }
}
