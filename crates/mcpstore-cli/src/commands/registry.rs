//! `add`, `remove`, `edit`, `enable`, `disable`: they change the config, durably, and then the running manager.

mod editor;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;

use mcpstore::config::{Plain, Stated};
use mcpstore::files::Edited;

use super::Session;
use crate::args::{AddArgs, ConfigArgs, EditArgs, EnableArgs, RemoveArgs};
use crate::config::{Wanted, change, stated_whole};
use crate::control::protocol::{Op, ReloadWish, Request};
use crate::exit::{Exit, Failure};
use crate::output::talk;
use crate::quote::{quoted, with_config};
use crate::reload::{Outcome, ReloadDoc, notice};
use crate::select::{Among, Known, Select};
pub(super) use target::Target;

/// `add`.
pub(super) async fn add(session: &Session<'_>, args: &AddArgs) -> anyhow::Result<Exit> {
    if let Some(words) = args.forgotten() {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let message =
            format!("`{}` is no address; a command stands behind --", args.url.as_deref().unwrap_or_default());
        let config = args
            .config
            .as_ref()
            .map_or_else(String::new, |file| format!(" --config {}", quoted(&file.to_string_lossy())));
        let next = format!("mcpstore add {}{config} -- {}", quoted(&args.name), words.join(" "));
        return Err(Failure::new(Exit::Usage, message).next(next).into());
    }
    let target = Target::find(session, args.config.as_slice()).await?;
    let trusted = target.is_trusted(session)?;
    let files = &target.files;
    let entry = entry(args);
    // The last file wins, so it is the one to write into; one that has the service already is written anew.
    target.refuse_gone()?;
    let known = stated_whole(&target.present())?.into_iter().find(|stated| stated.name == args.name.as_str());
    let (at, wanted) = match known {
        Some(stated) if args.replace => (target.at(stated.place.source), Wanted::Replace(entry)),
        _ => (files.files.len() - 1, Wanted::Insert(entry)),
    };
    let config = ConfigArgs::default();
    let edited = change(files, at, &[(args.name.clone(), wanted)], &config)?;
    let shown = files.files[at].display();
    match edited {
        Edited::Created => talk(&format!("added {} to {shown}, which is new", args.name)),
        Edited::Changed => talk(&format!("added {} to {shown}", args.name)),
        Edited::Unchanged => talk(&format!("{} is in {shown} already, as it is", args.name)),
    }
    target.keep_trust(session, trusted)?;
    let taken = take_over(session, &target).await?;
    match taken {
        Some(document) if document.outcome == Outcome::Refused => Ok(Exit::from_code(document.exit)),
        Some(_) if args.wait && !args.no_start => {
            super::verbs::wait_running(session, vec![args.name.clone()], args.timeout).await
        }
        Some(_) => Ok(Exit::Done),
        None => {
            target.tell_start(session).await;
            Ok(Exit::Done)
        }
    }
}

/// The entry that the arguments describe.
fn entry(args: &AddArgs) -> Plain {
    let mut out: Vec<(String, Plain)> = Vec::new();
    let mut put = |key: &str, value: Plain| out.push((key.to_owned(), value));
    let map = |pairs: &[(String, String)]| {
        Plain::Object(pairs.iter().map(|(key, value)| (key.clone(), Plain::text(value))).collect())
    };
    if let Some(url) = &args.url {
        if let Some(kind) = args.kind {
            put("type", Plain::text(kind.word()));
        }
        put("url", Plain::text(url));
        if !args.header.is_empty() {
            put("headers", map(&args.header));
        }
    }
    if let Some((command, rest)) = args.command.split_first() {
        put("command", Plain::text(command));
        if !rest.is_empty() {
            put("args", Plain::texts(rest));
        }
        if !args.env.is_empty() {
            put("env", map(&args.env));
        }
        if let Some(cwd) = &args.cwd {
            put("cwd", Plain::text(cwd));
        }
    }
    if !args.depends_on.is_empty() {
        put("dependsOn", Plain::texts(&args.depends_on));
    }
    if args.no_start {
        put("enabled", Plain::Bool(false));
    }
    if !args.tag.is_empty() {
        put("tags", Plain::texts(&args.tag));
    }
    if let Some(description) = &args.description {
        put("description", Plain::text(description));
    }
    Plain::Object(out)
}

/// `remove`.
pub(super) async fn remove(session: &Session<'_>, args: &RemoveArgs) -> anyhow::Result<Exit> {
    let target = Target::find(session, &args.config).await;
    let (target, all) = match target {
        Ok(target) => {
            let all = target.stated(&args.config)?;
            (Some(target), all)
        }
        // A manager without a config, as `up --demo` is one.
        Err(_) if args.config.is_empty() => (None, Vec::new()),
        Err(failure) => return Err(failure),
    };
    let select = args.select.select();
    let chosen = chosen(&all, &select);
    if chosen.is_empty() && !args.config.is_empty() {
        return Err(no_such(&select, &all, &args.config).into());
    }
    let Some(target) = target.filter(|_| !chosen.is_empty()) else {
        return match super::verbs::remove(session, &select, args.force).await {
            // No manager knows it either.
            Err(error) if error.downcast_ref::<Failure>().is_some_and(|failure| failure.exit == Exit::Unreachable) => {
                Err(no_such(&select, &all, &args.config).into())
            }
            other => other,
        };
    };
    if !args.force && target.is_managers {
        refuse_active(session, &chosen, &args.config).await?;
    }
    refuse_needed(&all, &chosen, args)?;
    let trusted = target.is_trusted(session)?;
    let mut changed = 0;
    // From the last file to the first: what is left in between is a config too.
    for at in (0..target.files.files.len()).rev() {
        if !target.files.files[at].exists() {
            continue;
        }
        let here: Vec<(String, Wanted)> = stated_whole(std::slice::from_ref(&target.files.files[at]))?
            .iter()
            .filter(|stated| chosen.iter().any(|name| stated.name == name.as_str()))
            .map(|stated| (stated.name.to_string(), Wanted::Remove))
            .collect();
        if !here.is_empty() && change(&target.files, at, &here, &ConfigArgs::default())? != Edited::Unchanged {
            changed += here.len();
            let names: Vec<&str> = here.iter().map(|(name, _)| name.as_str()).collect();
            talk(&format!("removed {} from {}", names.join(", "), target.files.files[at].display()));
        }
    }
    target.keep_trust(session, trusted)?;
    let taken = take_over(session, &target).await?;
    if changed == 0 && taken.is_none() {
        talk("nothing to remove");
    }
    Ok(taken.map_or(Exit::Done, |document| Exit::from_code(document.exit)))
}

/// The services of the config that are meant.
pub(super) fn chosen(all: &[Stated], select: &Select) -> Vec<String> {
    if select.all {
        return all.iter().map(|stated| stated.name.to_string()).collect();
    }
    let tags: Vec<Vec<String>> = all.iter().map(tags).collect();
    let known: Vec<Known<'_>> =
        all.iter().zip(&tags).map(|(stated, tags)| Known { name: &stated.name, tags }).collect();
    // What fits nothing here may be known to the manager.
    select.among(&known, Among::Config).map(|names| names.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn tags(stated: &Stated) -> Vec<String> {
    match stated.entry.get("tags") {
        Some(Plain::List(list)) => list
            .iter()
            .filter_map(|tag| match tag {
                Plain::Text(tag) => Some(tag.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// What is active is not taken away by accident.
async fn refuse_active(session: &Session<'_>, chosen: &[String], config: &[PathBuf]) -> Result<(), Failure> {
    let request = Request::new(Op::Status);
    let document: crate::output::StatusDoc = match session.client.ask(&request).await {
        Ok(document) => document,
        Err(failure) if failure.exit == Exit::Unreachable => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let active = document.services.iter().find(|detail| {
        let row = &detail.row;
        chosen.contains(&row.name) && matches!(row.state.as_str(), "starting" | "running" | "stopping" | "unknown")
    });
    match active {
        Some(detail) => {
            let message = format!("{} is {}; nothing was removed", detail.row.name, detail.row.state);
            Err(Failure::new(Exit::Refused, message).next(remove_command(chosen, true, config)))
        }
        None => Ok(()),
    }
}

/// What others depend on stays.
fn refuse_needed(all: &[Stated], chosen: &[String], args: &RemoveArgs) -> Result<(), Failure> {
    for stated in all.iter().filter(|stated| !chosen.iter().any(|name| stated.name == name.as_str())) {
        let on: Vec<&str> = match stated.entry.get("dependsOn") {
            Some(Plain::List(list)) => list.iter().filter_map(dependency).collect(),
            Some(one) => dependency(one).into_iter().collect(),
            None => Vec::new(),
        };
        if let Some(needed) = on.into_iter().find(|on| chosen.iter().any(|name| name == on)) {
            let message = format!("{needed} is needed by {}; nothing was removed", stated.name);
            let all: Vec<String> = chosen.iter().cloned().chain([stated.name.to_string()]).collect();
            return Err(Failure::new(Exit::Refused, message).next(remove_command(&all, args.force, &args.config)));
        }
    }
    Ok(())
}

/// The removal of these.
fn remove_command(names: &[String], force: bool, config: &[PathBuf]) -> String {
    let words: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let command = format!("mcpstore remove {}{}", words.join(" "), if force { " --force" } else { "" });
    with_config(&command, config).unwrap_or_default()
}

fn dependency(value: &Plain) -> Option<&str> {
    match value {
        Plain::Text(name) => Some(name),
        object => match object.get("on")? {
            Plain::Text(name) => Some(name),
            _ => None,
        },
    }
}

/// `enable` and `disable`.
pub(super) async fn enable(session: &Session<'_>, args: &EnableArgs, enabled: bool) -> anyhow::Result<Exit> {
    let target = Target::find(session, &args.config).await?;
    target.refuse_gone()?;
    let all = target.stated(&args.config)?;
    let select = args.select.select();
    let chosen = chosen(&all, &select);
    if chosen.is_empty() {
        return Err(no_such(&select, &all, &args.config).into());
    }
    let trusted = target.is_trusted(session)?;
    for name in &chosen {
        let Some(stated) = all.iter().find(|stated| stated.name == name.as_str()) else { continue };
        let is = |key: &str, value: bool| stated.entry.get(key) == Some(&Plain::Bool(value));
        let was = !is("enabled", false) && !is("disabled", true);
        let word = if enabled { "enabled" } else { "disabled" };
        if was == enabled {
            talk(&format!("{name} is {word} already"));
            continue;
        }
        let field = |key: &str| vec![key.to_owned()];
        let mut changes = Vec::new();
        // The other clients' word stays in use where it is.
        if stated.entry.get("disabled").is_some() {
            changes.push((name.clone(), Wanted::Set(field("disabled"), Plain::Bool(!enabled))));
        }
        match (stated.entry.get("enabled").is_some(), enabled) {
            (true, true) => changes.push((name.clone(), Wanted::Unset(field("enabled")))),
            (true, false) => changes.push((name.clone(), Wanted::Set(field("enabled"), Plain::Bool(false)))),
            (false, false) if changes.is_empty() => {
                changes.push((name.clone(), Wanted::Set(field("enabled"), Plain::Bool(false))));
            }
            (false, _) => {}
        }
        let field = if stated.entry.get("enabled").is_some() { "enabled" } else { "disabled" };
        let at = target.at(stated.place_of(field).source);
        change(&target.files, at, &changes, &ConfigArgs::default())?;
        talk(&format!("{word} {name} in {}", target.files.files[at].display()));
    }
    target.keep_trust(session, trusted)?;
    let taken = take_over(session, &target).await?;
    Ok(taken.map_or(Exit::Done, |document| Exit::from_code(document.exit)))
}

fn no_such(select: &Select, all: &[Stated], config: &[PathBuf]) -> Failure {
    let known: Vec<&str> = all.iter().map(|stated| stated.name.as_str()).collect();
    let fits = |pattern: &&String| chosen(all, &Select { all: false, patterns: vec![(*pattern).clone()] }).is_empty();
    let asked = select.patterns.iter().find(fits).map_or("", String::as_str);
    let message = format!("no service `{asked}` in the config{}", mcpstore::types::suggestion(asked, &known));
    Failure::new(Exit::NoSuchService, message)
        .next(with_config("mcpstore config show -o name", config).unwrap_or_default())
}

/// `edit`.
pub(super) async fn edit(session: &Session<'_>, args: &EditArgs) -> anyhow::Result<Exit> {
    let target = Target::find(session, &args.config).await?;
    let trusted = target.is_trusted(session)?;
    if args.set.is_empty() && args.unset.is_empty() {
        if !editor::edit(&target, args)? {
            talk("nothing was changed");
            return Ok(Exit::Done);
        }
    } else {
        let name = args.name.clone().unwrap_or_default();
        let all = target.stated(&args.config)?;
        let Some(stated) = all.iter().find(|stated| stated.name == name.as_str()) else {
            let select = Select { all: false, patterns: vec![name] };
            return Err(no_such(&select, &all, &args.config).into());
        };
        let mut by_file: BTreeMap<usize, Vec<(String, Wanted)>> = BTreeMap::new();
        for (field, value) in &args.set {
            let wanted = Wanted::Set(way_to(field)?, value_of(value));
            by_file.entry(target.at(stated.place_of(field).source)).or_default().push((name.clone(), wanted));
        }
        for field in &args.unset {
            let wanted = Wanted::Unset(way_to(field)?);
            by_file.entry(target.at(stated.place_of(field).source)).or_default().push((name.clone(), wanted));
        }
        // All of one file in one step.
        let mut edited = Edited::Unchanged;
        for (at, changes) in &by_file {
            if change(&target.files, *at, changes, &ConfigArgs::default())? != Edited::Unchanged {
                edited = Edited::Changed;
            }
        }
        if edited == Edited::Unchanged {
            talk(&format!("{name} says that already"));
            return Ok(Exit::Done);
        }
        let files: Vec<String> = by_file.keys().map(|at| target.files.files[*at].display().to_string()).collect();
        talk(&format!("changed {name} in {}", files.join(", ")));
    }
    target.keep_trust(session, trusted)?;
    let taken = take_over(session, &target).await?;
    Ok(taken.map_or(Exit::Done, |document| Exit::from_code(document.exit)))
}

/// The way to a field: its words, none of them empty.
fn way_to(field: &str) -> Result<Vec<String>, Failure> {
    let way: Vec<String> = field.split('.').map(str::to_owned).collect();
    if way.iter().all(|word| !word.is_empty()) {
        return Ok(way);
    }
    let message = format!("`{field}` is no way to a field; write it as in timeouts.start");
    Err(Failure::new(Exit::Usage, message).next("mcpstore edit --help"))
}

/// What a value on the command line means: JSON, or text.
fn value_of(text: &str) -> Plain {
    use mcpstore::config::{Format, read_plain};
    match read_plain(text, Format::Json) {
        Ok(value) if !text.trim().is_empty() => value,
        _ => Plain::text(text),
    }
}

/// Has the manager take the files over, when one runs that reads them. What came of it is said.
pub(super) async fn take_over(session: &Session<'_>, target: &Target) -> anyhow::Result<Option<ReloadDoc>> {
    if !target.is_managers {
        return Ok(None);
    }
    let wish = ReloadWish { prune: "own".to_owned(), ..ReloadWish::default() };
    let request = Request { reload: Some(wish), ..Request::new(Op::Reload) };
    let document: ReloadDoc = match session.client.ask(&request).await {
        Ok(document) => document,
        Err(failure) if failure.exit == Exit::Unreachable => return Ok(None),
        Err(failure) => return Err(failure.into()),
    };
    notice(&document).iter().for_each(|line| talk(line));
    if let Some(next) = document.next.as_ref().filter(|_| document.outcome == Outcome::Refused) {
        talk(&format!("try: {}", session.global.in_command(next)));
    }
    Ok(Some(document))
}
