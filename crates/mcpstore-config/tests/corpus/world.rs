//! The configs of the corpus, and the world they are read in.

use std::path::{Path, PathBuf};

use mcpstore_config::{Outside, Source};

/// Texts by which secrets are found where they should not be.
pub(crate) const SECRETS: &[&str] = &["s3cret"];

/// One config of the corpus.
pub(crate) struct Case {
    /// The name of its folder.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Its texts.
    pub(crate) sources: Vec<Source>,
}

/// What the texts of a config refer to.
pub(crate) struct World {
    folder: PathBuf,
}

impl Case {
    /// The world this config is read in.
    pub(crate) fn world(&self) -> World {
        World { folder: self.folder.clone() }
    }
}

impl Outside for World {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/srv/me".to_owned()),
            // Whatever is called a secret has one.
            _ if ["_TOKEN", "_KEY", "_SECRET"].iter().any(|end| name.ends_with(end)) => {
                Some(format!("s3cret-{}", name.to_ascii_lowercase()))
            }
            _ => None,
        }
    }

    fn file(&self, path: &str, from: &str) -> Result<String, String> {
        let path = path
            .strip_prefix("/srv/project/")
            .map_or_else(|| Path::new(from).parent().unwrap_or(Path::new("")).join(path), PathBuf::from);
        std::fs::read_to_string(self.folder.join(path)).map_err(|error| format!("{:?}", error.kind()))
    }

    fn input(&self, id: &str) -> Option<String> {
        id.ends_with("token").then(|| format!("s3cret-{id}"))
    }

    fn workspace(&self, _: &str) -> Option<String> {
        Some("/srv/project".to_owned())
    }
}

/// Every config, by name.
pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(&root).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let mut files = Vec::new();
        collect(&folder, &mut files);
        files.sort();
        let is_text = |path: &&PathBuf| {
            path.extension()
                .is_some_and(|end| ["json", "jsonc", "toml", "yaml", "yml"].iter().any(|known| end == *known))
        };
        let sources = files.iter().filter(is_text).map(|path| {
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            Source::new(name, std::fs::read_to_string(path).unwrap())
        });
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        out.push(Case { name, sources: sources.collect(), folder });
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn collect(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, out) } else { out.push(path) }
    }
}
