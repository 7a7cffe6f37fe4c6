//! `import`, `export`, `connect`, `init`: the files of other clients, and a first one of our own.

mod connect;
mod export;
mod import;
mod init;

mod write_back;

use std::path::PathBuf;

use mcpstore::config::{Client, Folders};

use crate::args::ClientFileArgs;
use crate::exit::{Exit, Failure};

pub(super) use connect::run as connect;
pub(super) use export::run as export;
pub(super) use import::run as import;
pub(super) use init::run as init;

/// The folders that clients keep their files in.
fn folders() -> Result<Folders, Failure> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let Some(home) = folder("HOME") else {
        return Err(Failure::new(Exit::Failed, "HOME names no folder, so the files of clients cannot be found")
            .next("mcpstore import FILE"));
    };
    let settings = if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else {
        folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
    };
    Ok(Folders { home, settings, codex: folder("CODEX_HOME"), project: std::env::current_dir().ok() })
}

/// The options that mean the same file again.
fn same_file(args: &ClientFileArgs) -> String {
    match (&args.file, args.project) {
        (Some(file), _) => format!(" --file {}", crate::quote::quoted(&file.to_string_lossy())),
        (None, true) => " --project".to_owned(),
        (None, false) => String::new(),
    }
}

/// The file of a client that is meant.
fn file_of(client: Client, args: &ClientFileArgs) -> Result<PathBuf, Failure> {
    let folders = folders()?;
    let file = match (&args.file, args.project, &folders.project) {
        (Some(file), _, _) => file.clone(),
        (None, true, Some(project)) => client.project_file(project).ok_or_else(|| {
            let message = format!("{} has no file for single projects", client.title());
            Failure::new(Exit::Usage, message).next(format!("mcpstore connect {}", client.word()))
        })?,
        (None, ..) => client.user_file(&folders),
    };
    std::path::absolute(&file).map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", file.display())))
}
