//! `import`: servers of other clients become services here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpstore::config::{
    Client, Imported, Nothing, Options, Outcome, Refer, Severity, Source, import, parse, render_short, stated,
};
use mcpstore::files::replace;
use mcpstore::types::suggestion;

use super::super::Session;
use super::super::registry::{Target, take_over};
use super::folders;
use crate::args::{ConfigArgs, ImportArgs, Secrets};
use crate::config::{Wanted, change, is_of_the_moment, read_files, stated_whole};
use crate::exit::{Exit, Failure, chain};
use crate::output::{print, talk};

/// The folder for secrets, beside the user's own config.
const SECRETS: &str = "mcpstore/secrets";

pub(in super::super) async fn run(session: &Session<'_>, args: &ImportArgs) -> anyhow::Result<Exit> {
    let Some(source) = &args.source else { return list() };
    let files = files_of(source)?;
    let (sources, refused) = read_files(&files)?;
    if let Some(refused) = refused.first() {
        return Err(Failure::new(Exit::ConfigInvalid, refused.message.clone())
            .next(refused.help.clone().unwrap_or_default())
            .into());
    }
    tell_errors(&sources);
    let target = Target::find(session, args.config.as_slice()).await?;
    target.refuse_gone()?;
    let existing = stated_whole(&target.present())?;
    let folder = folders()?.settings.join(SECRETS);
    let keeper = Keeper { folder: &folder, how: args.secrets, taken: RefCell::default() };
    let refer = |key: &str, secret: &str| keeper.refer(key, secret);
    let refer: Option<&Refer<'_>> = if args.secrets == Secrets::Keep { None } else { Some(&refer) };
    let mut all = import(&existing, &stated(&sources), refer);
    if !args.names.is_empty() {
        known(&args.names, &all)?;
        all.retain(|one| args.names.iter().any(|name| one.name == name.as_str()));
    }
    let writes = |one: &Imported| match &one.outcome {
        Outcome::New => true,
        Outcome::Same => false,
        Outcome::Conflict(_) => args.overwrite,
    };
    print(&all.iter().map(|one| format!("{}\n", line(one, args))).collect::<String>())?;
    let chosen: Vec<&Imported> = all.iter().filter(|one| writes(one)).collect();
    if args.dry_run {
        talk(&format!("{} would be written; nothing was", counted(chosen.len())));
        return Ok(Exit::Done);
    }
    if chosen.is_empty() {
        talk("nothing to import");
        return Ok(Exit::Done);
    }
    if args.secrets == Secrets::File {
        keep_secrets(&chosen, &folder)?;
    }
    let at = target.files.files.len() - 1;
    let trusted = target.is_trusted(session)?;
    let mut by_file: BTreeMap<usize, Vec<(String, Wanted)>> = BTreeMap::new();
    for one in &chosen {
        let (at, wanted) = match existing.iter().find(|stated| stated.name == one.name) {
            Some(stated) => (target.at(stated.place.source), Wanted::Replace(one.entry.clone())),
            None => (at, Wanted::Insert(one.entry.clone())),
        };
        by_file.entry(at).or_default().push((one.name.to_string(), wanted));
    }
    // All of one file in one step, so that a bad entry leaves nothing half done.
    for (at, changes) in &by_file {
        change(&target.files, *at, changes, &ConfigArgs::default())?;
    }
    talk(&format!("{} written into {}", counted(chosen.len()), target.files.files[at].display()));
    if args.secrets == Secrets::Env {
        for secret in chosen.iter().flat_map(|one| &one.secrets) {
            talk(&format!("  set {} before you start it ({})", secret.key, secret.field));
        }
    }
    for one in chosen.iter().filter(|one| one.entry.to_string().contains("${input:")) {
        talk(&format!("  {} asks for inputs: give them with --input ID=VALUE, or MCPSTORE_INPUT_ID", one.name));
    }
    target.keep_trust(session, trusted)?;
    match take_over(session, &target).await? {
        Some(document) => Ok(Exit::from_code(document.exit)),
        None => {
            target.tell_start(session).await;
            Ok(Exit::Done)
        }
    }
}

/// Finds a place for each secret: one that nothing else has.
struct Keeper<'a> {
    folder: &'a Path,
    how: Secrets,
    /// What was given out, by key.
    taken: RefCell<BTreeMap<String, String>>,
}

impl Keeper<'_> {
    fn refer(&self, key: &str, secret: &str) -> (String, String) {
        let mut taken = self.taken.borrow_mut();
        let mut number = 1;
        loop {
            let key = if number == 1 { key.to_owned() } else { format!("{key}_{number}") };
            let is_free = match taken.get(&key) {
                Some(other) => other == secret,
                // A file of another import, or of another config, is theirs unless it says the same.
                None if self.how == Secrets::File => match std::fs::read_to_string(self.folder.join(&key)) {
                    Ok(other) => other == secret,
                    Err(error) => error.kind() == std::io::ErrorKind::NotFound,
                },
                None => true,
            };
            if is_free {
                taken.insert(key.clone(), secret.to_owned());
                let reference = match self.how {
                    Secrets::File => format!("${{file:{}}}", in_home(&self.folder.join(&key))),
                    Secrets::Env | Secrets::Keep => format!("${{{key}}}"),
                };
                return (key, reference);
            }
            number += 1;
        }
    }
}

/// A path below the home folder as people write it.
fn in_home(path: &Path) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_path_buf)) {
        Some(inside) => format!("~/{}", inside.display()),
        None => path.display().to_string(),
    }
}

/// The files of all clients that are on this machine, and how many servers each has.
fn list() -> anyhow::Result<Exit> {
    let folders = folders()?;
    let mut rows: Vec<String> = Vec::new();
    for client in Client::ALL {
        let project = folders.project.as_deref().and_then(|project| client.project_file(project));
        for file in std::iter::once(client.user_file(&folders)).chain(project).filter(|file| file.is_file()) {
            let what = match read_files(std::slice::from_ref(&file)) {
                Ok((sources, _)) => counted(stated(&sources).len()),
                Err(failure) => failure.message,
            };
            rows.push(format!("{:<15} {:<12} {}", client.word(), what, file.display()));
        }
    }
    if rows.is_empty() {
        talk("no file of another client was found");
        talk("try: mcpstore init");
        return Ok(Exit::Done);
    }
    print(&rows.iter().map(|row| format!("{row}\n")).collect::<String>())?;
    talk("try: mcpstore import CLIENT --dry-run");
    Ok(Exit::Done)
}

/// The files that a word means: a client's, or itself.
fn files_of(source: &str) -> Result<Vec<PathBuf>, Failure> {
    let as_file = Path::new(source);
    let Some(client) = Client::of(source).filter(|_| !as_file.is_file()) else {
        if as_file.exists() || source.contains(['/', '.']) {
            return Ok(vec![as_file.to_owned()]);
        }
        let known: Vec<&str> = Client::ALL.iter().map(|client| client.word()).collect();
        let message = format!("`{source}` is neither a client nor a file{}", suggestion(source, &known));
        return Err(Failure::new(Exit::Usage, message).next("mcpstore import"));
    };
    let folders = folders()?;
    let user = client.user_file(&folders);
    let project = folders.project.as_deref().and_then(|project| client.project_file(project));
    let files: Vec<PathBuf> = std::iter::once(user.clone()).chain(project).filter(|file| file.is_file()).collect();
    if files.is_empty() {
        let message = format!("{} has no file here; it would be {}", client.title(), user.display());
        return Err(Failure::new(Exit::ConfigInvalid, message).next("mcpstore import"));
    }
    Ok(files)
}

/// What is wrong with the other client's file, in short; what it concerns is not imported, or not as a whole.
fn tell_errors(sources: &[Source]) {
    let mut parsed = parse(sources, &Nothing, &Options::default());
    // Without a world, references have no values; that is for the time when the services run.
    parsed.diagnostics.retain(|d| {
        d.severity == Severity::Error
            && !is_of_the_moment(d.code)
            && d.code != mcpstore::config::Code::UnsupportedReference
    });
    for line in render_short(&parsed.diagnostics, sources).lines() {
        talk(line);
    }
}

fn known(names: &[String], all: &[Imported]) -> Result<(), Failure> {
    let known: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => {
            let message = format!("no server `{name}` there{}", suggestion(name, &known));
            Err(Failure::new(Exit::NoSuchService, message).next("mcpstore import"))
        }
        None => Ok(()),
    }
}

fn line(one: &Imported, args: &ImportArgs) -> String {
    let what = match &one.outcome {
        Outcome::New => "new".to_owned(),
        Outcome::Same => "same, left alone".to_owned(),
        Outcome::Conflict(fields) if args.overwrite => format!("written anew ({} differ)", fields.join(", ")),
        Outcome::Conflict(fields) => {
            format!("conflict: {} differ; --overwrite takes this one", fields.join(", "))
        }
    };
    let mut out = format!("  {}  {what}", one.name);
    for secret in &one.secrets {
        out.push_str(&format!("\n      {} becomes {}", secret.field, secret.reference));
    }
    if !one.left_out.is_empty() {
        out.push_str(&format!("\n      left out: {}", one.left_out.join(", ")));
    }
    out
}

/// Puts secrets into files that only their user can read.
fn keep_secrets(chosen: &[&Imported], folder: &Path) -> Result<(), Failure> {
    for secret in chosen.iter().flat_map(|one| &one.secrets) {
        let file = folder.join(&secret.key);
        let failed =
            |why: String| Failure::new(Exit::Failed, format!("the secret {} was not kept: {why}", file.display()));
        crate::paths::make_private_dir(folder).map_err(|error| failed(error.to_string()))?;
        replace(&file, secret.value.expose().as_bytes()).map_err(|error| failed(chain(&error)))?;
    }
    Ok(())
}

fn counted(count: usize) -> String {
    if count == 1 { "1 server".to_owned() } else { format!("{count} servers") }
}
