//! From files to what they say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpstore::config::{
    Code, Diagnostic, MAX_SOURCE_BYTES, Nothing, Options, Source, Stated, parse, render_short, stated,
};
use mcpstore::files::{Machine, ReadError, read_source};
use mcpstore::{LoadOptions, Loaded, load};

use super::ConfigFiles;
use crate::args::ConfigArgs;
use crate::exit::{Exit, Failure};
use crate::quote::quoted;

/// A config that was read and checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) files: ConfigFiles,
    /// The files as the command line named them, for commands that are suggested.
    pub(crate) named: Vec<PathBuf>,
    pub(crate) sources: Vec<Source>,
    pub(crate) loaded: Loaded,
}

impl Config {
    /// Finds, reads and checks the config that the arguments mean.
    ///
    /// # Errors
    /// [`Failure`] with [`Exit::ConfigInvalid`]: there is none, or a file cannot be read. What is wrong *in* it is no error here.
    pub(crate) fn load(args: &ConfigArgs) -> Result<Self, Failure> {
        Self::load_files(ConfigFiles::find(&args.config)?, args)
    }

    /// The same for files that are known.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn load_files(files: ConfigFiles, args: &ConfigArgs) -> Result<Self, Failure> {
        let (sources, refused) = read_files(&files.files)?;
        let mut loaded = load(&sources, &machine(args), LoadOptions { strict: args.strict });
        loaded.diagnostics.splice(0..0, refused);
        Ok(Self { files, named: args.config.clone(), sources, loaded })
    }
}

/// The world that a config refers to, with the inputs that were given.
pub(crate) fn machine(args: &ConfigArgs) -> Machine {
    let inputs: BTreeMap<String, String> = args.input.iter().cloned().collect();
    Machine::new(inputs)
}

/// Reads every file. Of one that others can change nothing is read: it is an empty source, and a diagnostic.
///
/// # Errors
/// [`Failure`] with [`Exit::ConfigInvalid`]: one cannot be read.
pub(crate) fn read_files(files: &[PathBuf]) -> Result<(Vec<Source>, Vec<Diagnostic>), Failure> {
    let mut sources = Vec::with_capacity(files.len());
    let mut refused = Vec::new();
    for file in files {
        match read_one(file) {
            Ok(source) => sources.push(source),
            Err(ReadError::Unsafe(fault)) => {
                refused.push(fault.diagnostic());
                // It stays in its place, so that the others keep theirs, and states nothing.
                sources.push(Source::new(file.display().to_string(), "{ \"mcpServers\": {} }"));
            }
            Err(error) => return Err(failure(file, &error)),
        }
    }
    Ok((sources, refused))
}

/// What files state, for a command that is about to change or copy it: one that cannot be read as a whole is no ground for that.
///
/// # Errors
/// [`Failure`] with [`Exit::ConfigInvalid`]: one cannot be read, is not safe to be, or its syntax is broken.
pub(crate) fn stated_whole(files: &[PathBuf]) -> Result<Vec<Stated>, Failure> {
    whole(files).map(|(_, stated)| stated)
}

/// As [`stated_whole`], with the texts.
///
/// # Errors
/// The same.
pub(crate) fn whole(files: &[PathBuf]) -> Result<(Vec<Source>, Vec<Stated>), Failure> {
    let (sources, refused) = read_files(files)?;
    let parsed = parse(&sources, &Nothing, &Options::default());
    let broken = |d: &&Diagnostic| matches!(d.code, Code::Syntax | Code::TooDeep | Code::TooLarge | Code::UnsafeFile);
    if let Some(first) = refused.iter().chain(&parsed.diagnostics).find(broken) {
        let shown = render_short(std::slice::from_ref(first), &sources);
        let next = match first.primary.and_then(|place| files.get(place.source)) {
            Some(file) => format!("mcpstore config check {}", quoted(&file.to_string_lossy())),
            None => format!("mcpstore config explain {}", first.code),
        };
        return Err(Failure::new(Exit::ConfigInvalid, shown.trim_end()).next(next));
    }
    let stated = stated(&sources);
    Ok((sources, stated))
}

fn read_one(file: &Path) -> Result<Source, ReadError> {
    if file != Path::new("-") {
        return read_source(file);
    }
    let mut bytes = Vec::new();
    let read = std::io::Read::read_to_end(
        &mut std::io::Read::take(std::io::stdin().lock(), MAX_SOURCE_BYTES as u64 + 1),
        &mut bytes,
    );
    match read {
        Ok(_) => Ok(Source::new("<stdin>", String::from_utf8_lossy(&bytes))),
        Err(source) => Err(ReadError::Io { path: "<stdin>".into(), step: "read", source }),
    }
}

fn failure(file: &Path, error: &ReadError) -> Failure {
    let name = file.display().to_string();
    let (why, next) = match error {
        ReadError::Missing { .. } => ("there is no such file".to_owned(), crate::paths::look_at(file)),
        ReadError::Folder { .. } => ("it is a folder".to_owned(), format!("ls -l {}", quoted(&name))),
        other => (crate::exit::chain(other), format!("ls -l {}", quoted(&name))),
    };
    Failure::new(Exit::ConfigInvalid, format!("the config {name} cannot be read: {why}")).next(next)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let gone = read_files(&[dir.path().join("gone.json")]).unwrap_err();
        assert!(
            gone.exit == Exit::ConfigInvalid
                && gone.message.ends_with("gone.json cannot be read: there is no such file")
        );
        assert!(gone.next.as_deref().is_some_and(|next| next.starts_with("ls -ld ")), "{gone:?}");
        let folder = read_files(&[dir.path().to_owned()]).unwrap_err();
        assert!(folder.message.ends_with("cannot be read: it is a folder"), "{folder}");
        assert_eq!(folder.next.unwrap(), format!("ls -l {}", quoted(&dir.path().to_string_lossy())));
    }

    #[test]
    fn a_file_that_others_can_change_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (open, good) = (dir.path().join("open.json"), dir.path().join("good.json"));
        std::fs::write(&open, r#"{ "mcpServers": { "a": { "command": "evil" } } }"#).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
        std::fs::write(&good, r#"{ "mcpServers": { "b": { "command": "b" } } }"#).unwrap();
        let files = ConfigFiles { files: vec![open, good], chosen: super::super::Chosen::Named };
        let config = Config::load_files(files, &ConfigArgs::default()).unwrap();
        let names: Vec<&str> = config.loaded.config.services.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["b"]);
        assert!(config.loaded.has_errors());
        assert_eq!(config.loaded.diagnostics[0].code, Code::UnsafeFile);
    }
}
