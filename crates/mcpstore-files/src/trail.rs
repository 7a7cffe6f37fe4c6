//! Where a path leads: every link on the way, one name after the other.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links followed before a path counts as going round in a circle; what Linux follows.
const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// The names that decide where it leads, in order: every link, and at last the file itself, or the first thing on the
    /// way that is missing. No folder in them is a link.
    pub(crate) names: Vec<PathBuf>,
    /// The file at its end, whether or not it exists.
    pub(crate) real: PathBuf,
}

impl Trail {
    /// Follows `path`, which may be relative and need not exist.
    pub(crate) fn follow(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let mut at = PathBuf::from("/");
        let mut todo = steps(&path);
        let mut names = Vec::new();
        while let Some(step) = todo.pop_front() {
            match step {
                Step::Root => at = PathBuf::from("/"),
                // What `at` holds has no links, so that its parent is where `..` leads.
                Step::Up => {
                    at.pop();
                }
                Step::Down(name) => {
                    at.push(name);
                    match std::fs::symlink_metadata(&at) {
                        Ok(meta) if meta.is_symlink() => {
                            names.push(at.clone());
                            if names.len() > MAX_LINKS {
                                return Err(rustix::io::Errno::LOOP.into());
                            }
                            let mut inner = steps(&std::fs::read_link(&at)?);
                            inner.append(&mut todo);
                            todo = inner;
                            at.pop();
                        }
                        Ok(_) => {}
                        Err(error) if is_missing(&error) => {
                            names.push(at.clone());
                            at.extend(todo.into_iter().map(Step::into_name));
                            return Ok(Self { names, real: at });
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        names.push(at.clone());
        Ok(Self { names, real: at })
    }

    /// The folder that holds the file at its end.
    pub(crate) fn folder(&self) -> &Path {
        self.real.parent().unwrap_or_else(|| Path::new("/"))
    }

    /// The folders that hold its names. Each exists, or something else is in its place.
    pub(crate) fn folders(&self) -> BTreeSet<&Path> {
        self.names.iter().filter_map(|name| name.parent()).collect()
    }
}

/// True when something is not there, also because a folder on the way is no folder.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

enum Step {
    Root,
    Up,
    Down(OsString),
}

impl Step {
    fn into_name(self) -> OsString {
        match self {
            Self::Root => "/".into(),
            Self::Up => "..".into(),
            Self::Down(name) => name,
        }
    }
}

fn steps(path: &Path) -> VecDeque<Step> {
    path.components()
        .filter_map(|component| match component {
            Component::RootDir => Some(Step::Root),
            Component::ParentDir => Some(Step::Up),
            Component::Normal(name) => Some(Step::Down(name.to_owned())),
            Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_named() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().canonicalize().unwrap();
        std::fs::create_dir_all(at.join("v1")).unwrap();
        std::fs::write(at.join("v1/mcp.json"), "{}").unwrap();
        symlink("v1", at.join("..data")).unwrap();
        symlink("..data/mcp.json", at.join("mcp.json")).unwrap();
        std::fs::create_dir(at.join("user")).unwrap();
        symlink("../mcp.json", at.join("user/link")).unwrap();

        let trail = Trail::follow(&at.join("user/./link")).unwrap();
        let names = ["user/link", "mcp.json", "..data", "v1/mcp.json"].map(|name| at.join(name));
        assert_eq!(trail.names, names);
        assert_eq!(trail.real, at.join("v1/mcp.json"));
        assert_eq!(trail.folder(), at.join("v1"));
        assert_eq!(trail.folders(), BTreeSet::from([at.join("user").as_path(), &at, &at.join("v1")]));
    }

    #[test]
    fn what_is_missing_ends_it_and_a_circle_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().canonicalize().unwrap();
        let trail = Trail::follow(&at.join("a/b/mcp.json")).unwrap();
        assert_eq!(trail, Trail { names: vec![at.join("a")], real: at.join("a/b/mcp.json") });
        symlink("new.json", at.join("dangling")).unwrap();
        assert_eq!(Trail::follow(&at.join("dangling")).unwrap().real, at.join("new.json"));
        std::fs::write(at.join("file"), "").unwrap();
        assert_eq!(Trail::follow(&at.join("file/x")).unwrap().names, [at.join("file/x")]);
        symlink("circle", at.join("circle")).unwrap();
        assert_eq!(
            Trail::follow(&at.join("circle")).unwrap_err().kind(),
            io::Error::from(rustix::io::Errno::LOOP).kind()
        );
    }
}
