//! Which services a command means: names, globs, tags, all.

use std::collections::BTreeSet;

use mcpstore::types::{glob_matches, nearest, suggestion};
use mcpstore::{Goal, ServiceInfo, ServiceName, ServiceState, Snapshot, Target};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// The words that `wait --for` takes.
pub(crate) const GOAL_WORDS: [&str; 9] =
    ["not_started", "starting", "running", "stopping", "stopped", "error", "unknown", "healthy", "down"];

/// The goal behind a word of [`GOAL_WORDS`]; an unknown word counts as `running`.
pub(crate) fn goal(word: &str) -> Goal {
    match (word, word.parse::<ServiceState>()) {
        ("healthy", _) => Goal::Healthy,
        ("down", _) => Goal::Down,
        (_, Ok(state)) => Goal::State(state),
        (_, Err(_)) => Goal::State(ServiceState::Running),
    }
}

/// A selection, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Select {
    /// Every service.
    pub(crate) all: bool,
    /// Otherwise what matches one of these: a name, a glob (`*`, `?`), or `tag:WORD`.
    pub(crate) patterns: Vec<String>,
}

impl Select {
    /// Every service.
    pub(crate) fn everything() -> Self {
        Self { all: true, patterns: Vec::new() }
    }

    /// The service of this name.
    #[cfg(test)]
    pub(crate) fn one(name: impl Into<String>) -> Self {
        Self { all: false, patterns: vec![name.into()] }
    }

    /// The services meant, in the order of the snapshot, each once.
    ///
    /// # Errors
    /// [`Exit::NoSuchService`] when a pattern matches nothing, with the nearest name.
    pub(crate) fn names(&self, snapshot: &Snapshot) -> Result<Vec<ServiceName>, Failure> {
        let known: Vec<Known<'_>> =
            snapshot.services().iter().map(|info| Known { name: info.name(), tags: &info.spec.tags }).collect();
        self.among(&known, Among::Manager)
    }

    /// The services meant, as they are now.
    ///
    /// # Errors
    /// As [`Select::names`].
    pub(crate) fn infos(&self, snapshot: &Snapshot) -> Result<Vec<std::sync::Arc<ServiceInfo>>, Failure> {
        let names = self.names(snapshot)?;
        Ok(names.iter().filter_map(|name| snapshot.get(name.as_str()).cloned()).collect())
    }

    /// The target of a command. "All" stays "all": a start of all leaves out what is disabled.
    ///
    /// # Errors
    /// As [`Select::names`].
    pub(crate) fn target(&self, snapshot: &Snapshot) -> Result<Target, Failure> {
        if self.all { Ok(Target::All) } else { self.names(snapshot).map(Target::Names) }
    }

    /// As [`Select::names`], among services that may not be registered yet.
    pub(crate) fn among(&self, known: &[Known<'_>], place: Among) -> Result<Vec<ServiceName>, Failure> {
        if self.all {
            return Ok(known.iter().map(|one| one.name.clone()).collect());
        }
        let mut meant: BTreeSet<&str> = BTreeSet::new();
        for pattern in &self.patterns {
            let before = meant.len();
            let mut any = false;
            for one in known.iter().filter(|one| one.matches(pattern)) {
                any = true;
                meant.insert(one.name.as_str());
            }
            if !any && meant.len() == before {
                return Err(nothing(pattern, known, place));
            }
        }
        Ok(known.iter().filter(|one| meant.contains(one.name.as_str())).map(|one| one.name.clone()).collect())
    }
}

/// Where the services are that are chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// Registered in a manager.
    Manager,
    /// In a config that is not running yet.
    Config,
}

/// What a selector looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// The service's name.
    pub(crate) name: &'a ServiceName,
    /// Its tags.
    pub(crate) tags: &'a [String],
}

impl Known<'_> {
    fn matches(&self, pattern: &str) -> bool {
        match pattern.strip_prefix("tag:") {
            Some(tag) => self.tags.iter().any(|own| own == tag),
            None if is_glob(pattern) => glob_matches(pattern, self.name.as_str()),
            None => self.name.as_str() == pattern,
        }
    }
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

fn nothing(pattern: &str, known: &[Known<'_>], place: Among) -> Failure {
    let names = || known.iter().map(|one| one.name);
    let message = match pattern.strip_prefix("tag:") {
        Some(tag) => {
            let tags: BTreeSet<&str> = known.iter().flat_map(|one| one.tags).map(String::as_str).collect();
            format!("no service has the tag `{tag}`{}", suggestion(tag, tags.iter().copied()))
        }
        None if is_glob(pattern) => format!("no service matches `{pattern}`"),
        None => match nearest(pattern, names()) {
            Some(near) => format!("no service `{pattern}`; did you mean `{near}`?"),
            None => match (place, known.len()) {
                (Among::Config, count) => format!("no service `{pattern}`; the config has {count}"),
                (Among::Manager, 1) => format!("no service `{pattern}`; 1 is registered"),
                (Among::Manager, count) => format!("no service `{pattern}`; {count} are registered"),
            },
        },
    };
    Failure::new(Exit::NoSuchService, message).next("mcpstore ls")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(select: &Select) -> Result<String, String> {
        let services =
            [("api", vec!["prod"]), ("api-db", vec!["prod", "db"]), ("@scope/web.x", vec![]), ("a b", vec!["dev"])];
        let owned: Vec<(ServiceName, Vec<String>)> = services
            .iter()
            .map(|(name, tags)| (ServiceName::new(name).unwrap(), tags.iter().map(ToString::to_string).collect()))
            .collect();
        let known: Vec<Known<'_>> = owned.iter().map(|(name, tags)| Known { name, tags }).collect();
        let names = select.among(&known, Among::Manager).map_err(|failure| {
            assert_eq!((failure.exit, failure.next.as_deref()), (Exit::NoSuchService, Some("mcpstore ls")));
            failure.message
        })?;
        Ok(names.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(","))
    }

    fn by(patterns: &[&str]) -> Result<String, String> {
        pick(&Select { all: false, patterns: patterns.iter().map(ToString::to_string).collect() })
    }

    #[test]
    fn names_globs_and_tags() {
        assert_eq!(pick(&Select::everything()).unwrap(), "api,api-db,@scope/web.x,a b");
        assert_eq!(by(&["api"]).unwrap(), "api");
        assert_eq!(by(&["a b", "api", "api"]).unwrap(), "api,a b");
        assert_eq!(by(&["api*"]).unwrap(), "api,api-db");
        assert_eq!(by(&["a??"]).unwrap(), "api,a b");
        assert_eq!(by(&["@*.x"]).unwrap(), "@scope/web.x");
        assert_eq!(by(&["*"]).unwrap(), pick(&Select::everything()).unwrap());
        assert_eq!(by(&["tag:prod"]).unwrap(), "api,api-db");
        assert_eq!(by(&["tag:prod", "api-*"]).unwrap(), "api,api-db");
    }

    #[test]
    fn what_matches_nothing_is_told_with_the_nearest() {
        assert_eq!(by(&["apj"]).unwrap_err(), "no service `apj`; did you mean `api`?");
        assert_eq!(by(&["api", "postgres"]).unwrap_err(), "no service `postgres`; 4 are registered");
        assert_eq!(by(&["x*"]).unwrap_err(), "no service matches `x*`");
        assert_eq!(by(&["tag:prdo"]).unwrap_err(), "no service has the tag `prdo`; did you mean `prod`?");
        assert_eq!(by(&["tag:api"]).unwrap_err(), "no service has the tag `api`");
    }

    #[test]
    fn every_goal_word_is_a_goal() {
        assert_eq!(goal("healthy"), Goal::Healthy);
        assert_eq!(goal("down"), Goal::Down);
        for state in ServiceState::ALL {
            assert!(GOAL_WORDS.contains(&state.as_str()));
            assert_eq!(goal(state.as_str()), Goal::State(state));
        }
    }
}
