//! The file in the state folder that holds what was approved.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use mcpstore_types::{AlertsSpec, ServiceSpec};
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, alerts_fingerprint, service_fingerprint};
use super::{Approvable, ApproveError, Checked, Pending, PendingKind};
use crate::lock::{self, LOCK_WAIT};
use crate::read::read_text;
use crate::{ReadError, edit_locked};

/// The configs of which approvals are kept.
const MAX_CONFIGS: usize = 1_000;

/// The form of the file.
const VERSION: u32 = 1;

/// The approvals of one state folder.
#[derive(Debug)]
pub(super) struct Store {
    file: PathBuf,
}

/// All that is in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Approved {
    version: u32,
    /// By the path of the config, without links.
    configs: BTreeMap<String, OfConfig>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfConfig {
    /// Seconds since 1970: which one is the oldest.
    approved_at: u64,
    /// Fingerprints by the name of the service.
    services: BTreeMap<String, String>,
    /// The fingerprint of the alerts; none: nothing of them was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerts: Option<String>,
}

impl Store {
    pub(super) fn new(state_folder: &Path) -> Self {
        Self { file: state_folder.join("approvals.json") }
    }

    pub(super) fn pending(
        &self,
        config: &Path,
        specs: &[ServiceSpec],
        alerts: &AlertsSpec,
        path: Option<&OsStr>,
    ) -> Checked {
        let (approved, warning) = match self.read() {
            Ok(approved) => (approved, None),
            Err(warning) => (None, Some(warning)),
        };
        // A config that cannot be found has no approvals.
        let key = key(config).unwrap_or_default();
        let approved = approved.and_then(|mut approved| approved.configs.remove(&key));
        let (approved, approved_alerts) = approved.map(|of| (of.services, of.alerts)).unwrap_or_default();
        let stands = |what: Approvable, fingerprint: Fingerprint, before: Option<&String>| {
            let kind = match before.and_then(|text| text.parse::<Fingerprint>().ok()) {
                Some(before) if before == fingerprint => return None,
                Some(before) => PendingKind::Changed { approved: before },
                None => PendingKind::New,
            };
            Some(Pending { what, fingerprint, kind })
        };
        let services = specs.iter().filter_map(|spec| {
            let before = approved.get(spec.name.as_str());
            stands(Approvable::Service(spec.name.clone()), service_fingerprint(spec, path), before)
        });
        let alerts = alerts_fingerprint(alerts, path)
            .and_then(|print| stands(Approvable::Alerts, print, approved_alerts.as_ref()));
        let pending = services.chain(alerts);
        Checked { pending: pending.collect(), warning }
    }

    pub(super) fn approve(
        &self,
        config: &Path,
        specs: &[ServiceSpec],
        alerts: &AlertsSpec,
        path: Option<&OsStr>,
    ) -> Result<(), ApproveError> {
        let key = key(config).map_err(|source| ApproveError::Config { path: config.to_path_buf(), source })?;
        let services = specs.iter().map(|spec| (spec.name.to_string(), service_fingerprint(spec, path).to_string()));
        let services: BTreeMap<String, String> = services.collect();
        let alerts = alerts_fingerprint(alerts, path).map(|print| print.to_string());
        // A broken file is set aside by this, and not written over.
        let _ = self.read();
        let edited = edit_locked(&self.file, |text| {
            let mut all = parse(text).unwrap_or_else(|_| Approved { version: VERSION, configs: BTreeMap::new() });
            let of = OfConfig { approved_at: now(), services: services.clone(), alerts: alerts.clone() };
            all.configs.insert(key.clone(), of);
            while all.configs.len() > MAX_CONFIGS {
                let others = all.configs.iter().filter(|(path, _)| **path != key);
                let Some(oldest) = others.min_by_key(|(_, of)| of.approved_at).map(|(path, _)| path.clone()) else {
                    break;
                };
                all.configs.remove(&oldest);
            }
            let text = serde_json::to_string_pretty(&all)?;
            Ok::<_, std::io::Error>(Some(text + "\n"))
        });
        edited.map_err(|error| ApproveError::Edit(Box::new(error)))?;
        Ok(())
    }

    /// What is approved; `None` when there is no file. A broken file is set aside, with a word.
    fn read(&self) -> Result<Option<Approved>, String> {
        match self.try_read() {
            Ok(approved) => Ok(approved),
            Err(ReadFailure::Broken(_)) => self.set_aside(),
            Err(ReadFailure::Unread(why)) => Err(why),
        }
    }

    fn try_read(&self) -> Result<Option<Approved>, ReadFailure> {
        match read_text(&self.file) {
            Ok(text) => parse(&text).map(Some).map_err(ReadFailure::Broken),
            Err(ReadError::Missing { .. }) => Ok(None),
            Err(error @ ReadError::NotText { .. }) => Err(ReadFailure::Broken(error.to_string())),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                Err(ReadFailure::Unread(format!("no approval is read: {error}{cause}")))
            }
        }
    }

    /// Moves a broken file out of the way, unless another process mended it first.
    fn set_aside(&self) -> Result<Option<Approved>, String> {
        let file = self.file.display();
        let held = lock::hold(&self.file, LOCK_WAIT).map_err(|error| format!("no approval is read: {error}"))?;
        let why = match self.try_read() {
            Ok(approved) => return Ok(approved),
            Err(ReadFailure::Unread(why)) => return Err(why),
            Err(ReadFailure::Broken(why)) => why,
        };
        let aside = self.file.with_extension("json.bad");
        match std::fs::rename(&held.real, &aside) {
            Ok(()) => Err(format!("the approvals in `{file}` are broken ({why}); set aside as `{}`", aside.display())),
            Err(error) => {
                Err(format!("the approvals in `{file}` are broken ({why}), and cannot be set aside: {error}"))
            }
        }
    }
}

/// Why nothing is known of approvals.
enum ReadFailure {
    /// What is in the file is none of ours.
    Broken(String),
    /// The file cannot be read, or must not be.
    Unread(String),
}

fn parse(text: &str) -> Result<Approved, String> {
    let approved: Approved = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if approved.version == VERSION { Ok(approved) } else { Err(format!("version {} is not known", approved.version)) }
}

/// The name that a config goes by: its own path, without links. One that is no text is quoted, which no path that begins at
/// the root is.
fn key(config: &Path) -> std::io::Result<String> {
    let path = config.canonicalize()?;
    Ok(path.to_str().map_or_else(|| format!("{path:?}"), ToOwned::to_owned))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use mcpstore_types::{ServiceName, SinkKind, SinkSpec};

    use super::super::Approvals;
    use super::*;

    struct Home {
        home: tempfile::TempDir,
        approvals: Approvals,
        config: PathBuf,
        alerts: AlertsSpec,
    }

    impl Home {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let config = home.path().join("mcp.json");
            std::fs::write(&config, "{}").unwrap();
            let approvals = Approvals::in_folder(&home.path().join("state"));
            Self { home, approvals, config, alerts: AlertsSpec::default() }
        }

        fn file(&self) -> PathBuf {
            self.home.path().join("state/approvals.json")
        }

        fn approve(&self, config: &Path, specs: &[ServiceSpec]) -> Result<(), ApproveError> {
            self.approvals.approve(config, specs, &self.alerts, None)
        }

        /// `name`: new, `name*`: changed.
        fn pending(&self, config: &Path, specs: &[ServiceSpec]) -> (Vec<String>, Option<String>) {
            let Checked { pending, warning } = self.approvals.pending(config, specs, &self.alerts, None);
            let shown = pending.into_iter().map(|pending| {
                let what = match &pending.what {
                    Approvable::Service(name) => name.to_string(),
                    Approvable::Alerts => "(alerts)".to_owned(),
                };
                match pending.kind {
                    PendingKind::New => what,
                    PendingKind::Changed { approved } => {
                        assert_ne!(approved, pending.fingerprint);
                        format!("{what}*")
                    }
                }
            });
            (shown.collect(), warning)
        }
    }

    fn service(name: &str, arg: &str) -> ServiceSpec {
        ServiceSpec::stdio(ServiceName::new(name).unwrap(), "run", [arg])
    }

    fn names(names: &[&str]) -> (Vec<String>, Option<String>) {
        (names.iter().map(|&name| name.to_owned()).collect(), None)
    }

    #[test]
    fn what_is_approved_is_neither_new_nor_changed() {
        let home = Home::new();
        let specs = [service("a", "1"), service("b", "1")];
        assert_eq!(home.pending(&home.config, &specs), names(&["a", "b"]));
        home.approve(&home.config, &specs).unwrap();
        assert_eq!(home.pending(&home.config, &specs), names(&[]));
        let changed = [service("a", "1"), service("b", "2"), service("c", "1")];
        assert_eq!(home.pending(&home.config, &changed), names(&["b*", "c"]));
        home.approve(&home.config, &changed).unwrap();
        assert_eq!(home.pending(&home.config, &specs), names(&["b*"]));
        let mode = std::fs::metadata(home.file()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn alerts_are_approved_beside_the_services() {
        let mut home = Home::new();
        let specs = [service("a", "1")];
        let command = |arg: &str| SinkKind::Command { command: "run".to_owned(), args: vec![arg.to_owned()] };
        home.approve(&home.config, &specs).unwrap();
        home.alerts.sinks = vec![SinkSpec::new("s", command("1"))];
        assert_eq!(home.pending(&home.config, &specs), names(&["(alerts)"]), "services alone were approved");
        home.approve(&home.config, &specs).unwrap();
        assert_eq!(home.pending(&home.config, &specs), names(&[]));
        home.alerts.sinks = vec![SinkSpec::new("s", command("2"))];
        assert_eq!(home.pending(&home.config, &specs), names(&["(alerts)*"]));
        home.alerts.sinks = vec![SinkSpec::log()];
        assert_eq!(home.pending(&home.config, &specs), names(&[]));
    }

    #[test]
    fn a_file_of_approvals_from_before_there_were_alerts_holds() {
        let mut home = Home::new();
        let specs = [service("a", "1")];
        home.approve(&home.config, &specs).unwrap();
        assert!(!std::fs::read_to_string(home.file()).unwrap().contains("alerts"));
        home.alerts.sinks = vec![SinkSpec::new("s", SinkKind::Command { command: "x".to_owned(), args: Vec::new() })];
        home.approve(&home.config, &specs).unwrap();
        assert!(std::fs::read_to_string(home.file()).unwrap().contains("\"alerts\": \"sha256:"));
    }

    #[test]
    fn approval_is_for_a_file_however_it_is_named() {
        let home = Home::new();
        let specs = [service("a", "1")];
        home.approve(&home.config, &specs).unwrap();
        let link = home.home.path().join("link.json");
        symlink("mcp.json", &link).unwrap();
        assert_eq!(home.pending(&link, &specs), names(&[]));
        let copy = home.home.path().join("copy.json");
        std::fs::write(&copy, "{}").unwrap();
        assert_eq!(home.pending(&copy, &specs), names(&["a"]));
        let gone = home.home.path().join("gone.json");
        assert_eq!(home.pending(&gone, &specs), names(&["a"]));
        assert!(matches!(home.approve(&gone, &specs), Err(ApproveError::Config { .. })));
    }

    #[test]
    fn a_broken_file_approves_nothing_and_is_kept_aside() {
        let home = Home::new();
        let specs = [service("a", "1")];
        home.approve(&home.config, &specs).unwrap();
        let good = std::fs::read_to_string(home.file()).unwrap();
        let broken = [&good[..good.len() / 2], "", "[]", r#"{ "version": 2, "configs": {} }"#];
        for text in broken.map(str::as_bytes).into_iter().chain([b"\xff".as_slice()]) {
            std::fs::write(home.file(), text).unwrap();
            let (pending, warning) = home.pending(&home.config, &specs);
            assert_eq!(pending, ["a"]);
            assert!(warning.is_some_and(|warning| warning.contains("set aside as")));
            assert_eq!(std::fs::read(home.file().with_extension("json.bad")).unwrap(), text);
            assert_eq!(home.pending(&home.config, &specs), names(&["a"]), "the second time there is no word");
            std::fs::write(home.file(), text).unwrap();
            home.approve(&home.config, &specs).unwrap();
            assert_eq!(home.pending(&home.config, &specs), names(&[]));
        }
    }

    #[test]
    fn a_file_that_others_can_change_approves_nothing() {
        let home = Home::new();
        let specs = [service("a", "1")];
        home.approve(&home.config, &specs).unwrap();
        std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(0o666)).unwrap();
        let (pending, warning) = home.pending(&home.config, &specs);
        assert_eq!(pending, ["a"]);
        assert!(warning.is_some_and(|warning| warning.contains("run: chmod go-w")));
        assert!(home.approve(&home.config, &specs).is_err());
        assert!(home.file().exists());
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let home = Home::new();
        let of = |n: u64| (format!("/{n}"), OfConfig { approved_at: n, services: BTreeMap::new(), alerts: None });
        let all = Approved { version: VERSION, configs: (1..=MAX_CONFIGS as u64).map(of).collect() };
        std::fs::create_dir(home.home.path().join("state")).unwrap();
        std::fs::write(home.file(), serde_json::to_string(&all).unwrap()).unwrap();
        home.approve(&home.config, &[]).unwrap();
        let all = parse(&std::fs::read_to_string(home.file()).unwrap()).unwrap();
        assert_eq!(all.configs.len(), MAX_CONFIGS);
        assert!(!all.configs.contains_key("/1") && all.configs.contains_key("/2"));
    }
}
