//! Which files are the config.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// What is looked for in the working directory when no config is named, in this order.
pub(crate) const CONFIG_NAMES: [&str; 5] = ["mcp.json", ".mcp.json", "mcpstore.json", "mcpstore.toml", "mcpstore.yaml"];

/// The user's own config, in the folder of settings.
pub(crate) const OWN_CONFIG: &str = "mcpstore/mcp.json";

/// The environment variable that names the config; several paths are separated by `:`.
pub(crate) const CONFIG_VARIABLE: &str = "MCPSTORE_CONFIG";

/// How the files came to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Named on the command line.
    Named,
    /// Named by [`CONFIG_VARIABLE`].
    Variable,
    /// Found in the working directory. Whoever wrote it need not be the user: it runs nothing before it was approved.
    Found,
    /// The user's own.
    Own,
}

impl Chosen {
    /// In a word, for documents.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Variable => "variable",
            Self::Found => "found",
            Self::Own => "own",
        }
    }
}

/// The files of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigFiles {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) chosen: Chosen,
}

impl ConfigFiles {
    /// The files named (`-` is stdin), else those of [`CONFIG_VARIABLE`], else the first of [`CONFIG_NAMES`] in the working
    /// directory, else the user's own config.
    ///
    /// # Errors
    /// [`Failure`] with [`Exit::ConfigInvalid`] when there is none.
    pub(crate) fn find(named: &[PathBuf]) -> Result<Self, Failure> {
        Self::from(named, Path::new(""), |name| std::env::var_os(name))
    }

    fn from(named: &[PathBuf], dir: &Path, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        if !named.is_empty() {
            return Ok(Self { files: named.to_vec(), chosen: Chosen::Named });
        }
        if let Some(value) = env(CONFIG_VARIABLE).filter(|value| !value.is_empty()) {
            let files = std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
            return Ok(Self { files, chosen: Chosen::Variable });
        }
        if let Some(path) = CONFIG_NAMES.iter().map(|name| dir.join(name)).find(|path| path.is_file()) {
            return Ok(Self { files: vec![path], chosen: Chosen::Found });
        }
        let own = own_config(&env);
        if let Some(path) = own.clone().filter(|path| path.is_file()) {
            return Ok(Self { files: vec![path], chosen: Chosen::Own });
        }
        let tried = CONFIG_NAMES.map(|name| format!("./{name}")).join(", ");
        let own = own.map_or_else(String::new, |path| format!(" or {}", path.display()));
        let message = format!("no config: {CONFIG_VARIABLE} is not set, and there is none of {tried}{own}");
        Err(Failure::new(Exit::ConfigInvalid, message).next("mcpstore init"))
    }

    /// True when nothing of it may run before its commands were shown and approved.
    pub(crate) const fn needs_approval(&self) -> bool {
        matches!(self.chosen, Chosen::Found)
    }

    /// The same with paths that mean the same in every folder; stdin stays.
    pub(crate) fn absolute(mut self) -> std::io::Result<Self> {
        for file in &mut self.files {
            if file.as_path() != Path::new("-") {
                *file = std::path::absolute(&*file)?;
            }
        }
        Ok(self)
    }
}

/// Where the user's own config is, whether it is there or not; `None` without a home folder.
pub(crate) fn own_config(env: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // Relative paths in XDG variables are to be ignored (XDG base directory specification).
    let folder = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let settings = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(settings.join(OWN_CONFIG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_found_where_it_should_be() {
        let dir = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        let find = |env: &dyn Fn(&str) -> Option<OsString>| ConfigFiles::from(&[], dir.path(), env);
        let missing = find(&none).unwrap_err();
        assert_eq!((missing.exit, missing.next.as_deref()), (Exit::ConfigInvalid, Some("mcpstore init")));
        assert!(missing.message.contains("./mcp.json, ./.mcp.json, ./mcpstore.json"), "{missing}");
        let home = dir.path().join("home");
        let own = home.join(".config").join(OWN_CONFIG);
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "{}").unwrap();
        let at_home = |name: &str| (name == "HOME").then(|| home.clone().into());
        assert_eq!(find(&at_home).unwrap(), ConfigFiles { files: vec![own], chosen: Chosen::Own });
        for name in CONFIG_NAMES.iter().rev() {
            std::fs::write(dir.path().join(name), "{}").unwrap();
            let found = find(&at_home).unwrap();
            assert_eq!(found.files, [dir.path().join(name)], "the last one written comes first");
            assert!(found.needs_approval());
        }
        let named = |name: &str| (name == CONFIG_VARIABLE).then(|| "/a.json:/b.json".into());
        let by_variable = find(&named).unwrap();
        assert_eq!(by_variable.files, [PathBuf::from("/a.json"), PathBuf::from("/b.json")]);
        assert!(!by_variable.needs_approval());
        let by_hand = ConfigFiles::from(&["x.json".into(), "-".into()], dir.path(), named).unwrap();
        assert_eq!((by_hand.files.len(), by_hand.chosen), (2, Chosen::Named));
        let absolute = by_hand.absolute().unwrap();
        assert!(absolute.files[0].is_absolute() && absolute.files[1] == Path::new("-"));
    }
}
