//! Whether the tools of a service are what they were.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcpstore_files::{Definition, NewTools, PinStore, PinsDamage, PinsStamp, ServicePins, Verdict};
use mcpstore_transport::Tool;
use mcpstore_types::ServiceName;

use super::chain;

/// The pinned tools of all services: the truth is on the disk, where the command line approves changes too.
///
/// All of it blocks on the disk: call it where blocking is allowed.
#[derive(Debug)]
pub(crate) struct Pins {
    store: PinStore,
    new_tools: NewTools,
    known: Mutex<BTreeMap<ServiceName, Arc<Mutex<Known>>>>,
}

/// What was last read of a service.
#[derive(Debug, Default)]
struct Known {
    pins: ServicePins,
    stamp: Option<PinsStamp>,
}

/// What was found about a list of tools.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    /// Which tools pass.
    pub(crate) verdict: Verdict,
    /// The file was damaged, and was mended.
    pub(crate) damage: Option<PinsDamage>,
    /// The disk could not be asked: this rests on what this process knew. Worth a warning each time.
    pub(crate) fault: Option<String>,
}

impl Pins {
    /// The pins of a state folder. Reads nothing yet.
    pub(crate) fn new(state_folder: &Path, new_tools: NewTools) -> Self {
        Self { store: PinStore::in_folder(state_folder), new_tools, known: Mutex::default() }
    }

    /// Measures what a service lists by its pins. What is seen for the first time is pinned, and on the disk when this returns;
    /// a tool that changed must not be shown or called before it is approved.
    ///
    /// Reads and writes nothing while the list is as it was and nobody approved anything. Give a list that is whole: a
    /// tool of another page would only be seen later.
    pub(crate) fn judge(&self, service: &ServiceName, tools: &[Tool]) -> Judged {
        let tools: Vec<(&str, Definition)> =
            tools.iter().map(|tool| (tool.name.as_str(), Definition::of(tool.raw.get()))).collect();
        let known = self.known(service);
        let mut known = locked(&known);
        if known.stamp.is_some() && known.stamp == self.store.stamp(service) {
            let (verdict, changed) = known.pins.clone().judge(&tools, self.new_tools);
            if !changed {
                return Judged { verdict, ..Judged::default() };
            }
        }
        match self.store.edit(service, |pins| pins.judge(&tools, self.new_tools)) {
            Ok((loaded, verdict)) => {
                *known = Known { pins: loaded.pins, stamp: loaded.stamp };
                Judged { verdict, damage: loaded.damage, fault: None }
            }
            Err(error) => {
                known.stamp = None;
                let verdict = known.pins.judge(&tools, self.new_tools).0;
                Judged { verdict, damage: None, fault: Some(chain(&error)) }
            }
        }
    }

    fn known(&self, service: &ServiceName) -> Arc<Mutex<Known>> {
        Arc::clone(locked(&self.known).entry(service.clone()).or_default())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics half-way under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use mcpstore_files::{DiffKind, render_diff, suspicious};
    use serde_json::value::RawValue;

    use super::*;

    fn tool(name: &str, description: &str) -> Tool {
        let raw = format!(r#"{{"name":"{name}","description":"{description}","inputSchema":{{}},"_meta":{{"n":1}}}}"#);
        Tool {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            input_schema: RawValue::from_string("{}".to_owned()).unwrap(),
            raw: RawValue::from_string(raw).unwrap(),
        }
    }

    fn home() -> (tempfile::TempDir, Pins, ServiceName) {
        let home = tempfile::tempdir().unwrap();
        let pins = Pins::new(home.path(), NewTools::Allow);
        (home, pins, ServiceName::new("api").unwrap())
    }

    #[test]
    fn a_tool_that_changed_is_held_until_somebody_approves_what_was_shown() {
        let (home, pins, api) = home();
        let verdict = pins.judge(&api, &[tool("a", "reads"), tool("b", "writes")]).verdict;
        assert_eq!((verdict.first_sight, verdict.fresh.len()), (true, 2));
        let verdict = pins.judge(&api, &[tool("a", "reads"), tool("b", "writes\\u001b[8m and sends")]).verdict;
        assert!(verdict.allows("a") && !verdict.allows("b"));

        // As the command line does it: in another process, by what it shows.
        let elsewhere = PinStore::in_folder(home.path());
        let change = elsewhere.read(&api).unwrap().pins.pending().remove(0);
        let diff = render_diff(change.before.as_ref(), &change.after);
        assert_eq!((diff[0].kind, diff[0].text.as_str()), (DiffKind::Member, "description"));
        assert_eq!(suspicious(change.after.text().unwrap()).len(), 1);
        elsewhere.approve(&api, &[(change.tool, change.after.fingerprint())]).unwrap();

        // The old one would be a change now, though this process knew it as good.
        assert!(!pins.judge(&api, &[tool("b", "writes")]).verdict.allows("b"));
        assert!(pins.judge(&api, &[tool("b", "writes\\u001b[8m and sends")]).verdict.allows("b"));
        assert_eq!(pins.store.read(&api).unwrap().pins.pending(), []);
    }

    #[test]
    fn an_approval_of_something_else_than_what_waits_approves_nothing() {
        let (_home, pins, api) = home();
        pins.judge(&api, &[tool("a", "1")]);
        pins.judge(&api, &[tool("a", "2")]);
        let shown = pins.store.read(&api).unwrap().pins.pending().remove(0).after.fingerprint();
        pins.judge(&api, &[tool("a", "3")]);
        assert_eq!(pins.store.approve(&api, &[("a".to_owned(), shown)]).unwrap().refused, ["a"]);
        assert!(!pins.judge(&api, &[tool("a", "3")]).verdict.allows("a"));
        let shown = pins.store.read(&api).unwrap().pins.pending().remove(0).after.fingerprint();
        assert_eq!(pins.store.approve(&api, &[("a".to_owned(), shown)]).unwrap().approved, ["a"]);
        assert!(pins.judge(&api, &[tool("a", "3")]).verdict.allows("a"));
    }

    #[test]
    fn a_list_that_stays_writes_nothing_and_a_new_process_knows_it() {
        let (home, pins, api) = home();
        pins.judge(&api, &[tool("a", "1")]);
        let stamp = pins.store.stamp(&api);
        assert!(stamp.is_some());
        assert_eq!(pins.judge(&api, &[tool("a", "1")]).verdict.same, ["a"]);
        assert_eq!(Pins::new(home.path(), NewTools::Allow).judge(&api, &[tool("a", "1")]).verdict.same, ["a"]);
        assert_eq!(pins.store.stamp(&api), stamp);
    }

    #[test]
    fn without_the_disk_it_goes_by_what_it_knows_and_says_so() {
        let (home, pins, api) = home();
        pins.judge(&api, &[tool("a", "1")]);
        let file = home.path().join("pins/api.pins");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        let judged = pins.judge(&api, &[tool("a", "2")]);
        assert!(judged.fault.is_some_and(|fault| fault.contains("open to others")));
        assert!(!judged.verdict.allows("a"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let judged = pins.judge(&api, &[tool("a", "1")]);
        assert!(judged.fault.is_none() && judged.verdict.allows("a"));
    }

    #[test]
    fn a_damaged_file_is_told_once() {
        let (home, pins, api) = home();
        pins.judge(&api, &[tool("a", "1")]);
        std::fs::write(home.path().join("pins/api.pins"), "x").unwrap();
        let judged = pins.judge(&api, &[tool("a", "1")]);
        assert!(judged.damage.is_some_and(|damage| damage.set_aside.is_some()));
        assert!(pins.judge(&api, &[tool("a", "1")]).damage.is_none());
    }
}
