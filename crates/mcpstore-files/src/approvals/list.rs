//! Approvals in a file that is made once and carried to where nobody can be asked.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use mcpstore_types::{AlertsSpec, ServiceSpec};

use super::fingerprint::{Fingerprint, portable, portable_alerts};
use super::{Approvable, Pending, PendingKind};
use crate::read::read_text;
use crate::{ReadError, ReplaceError, replace};

/// The fingerprints of such a file.
#[derive(Debug)]
pub(super) struct List {
    pub(super) path: PathBuf,
    approved: BTreeSet<Fingerprint>,
}

impl List {
    pub(super) fn read(path: &Path) -> Result<Self, ReadError> {
        let text = read_text(path)?;
        let wrong = |error: io::Error| ReadError::Io { path: path.to_path_buf(), step: "understand", source: error };
        let texts: Vec<String> = serde_json::from_str(&text).map_err(|error| wrong(error.into()))?;
        let approved = texts.iter().map(|text| text.parse().map_err(|error| wrong(io::Error::other(error))));
        Ok(Self { path: path.to_path_buf(), approved: approved.collect::<Result<_, _>>()? })
    }

    pub(super) fn pending(&self, specs: &[ServiceSpec], alerts: &AlertsSpec) -> Vec<Pending> {
        let services = specs.iter().map(|spec| (Approvable::Service(spec.name.clone()), portable(spec)));
        let alerts = portable_alerts(alerts).map(|print| (Approvable::Alerts, print));
        let pending = services.chain(alerts).filter(|(_, print)| !self.approved.contains(print));
        pending.map(|(what, fingerprint)| Pending { what, fingerprint, kind: PendingKind::New }).collect()
    }
}

pub(super) fn write(path: &Path, specs: &[ServiceSpec], alerts: &AlertsSpec) -> Result<(), ReplaceError> {
    let prints = specs.iter().map(portable).chain(portable_alerts(alerts));
    let prints: BTreeSet<String> = prints.map(|print| print.to_string()).collect();
    let lines: Vec<String> = prints.iter().map(|print| format!("  \"{print}\"")).collect();
    replace(path, format!("[\n{}\n]\n", lines.join(",\n")).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use mcpstore_types::{ServiceName, SinkKind, SinkSpec};

    use super::super::Approvals;
    use super::*;

    fn service(name: &str, arg: &str) -> ServiceSpec {
        ServiceSpec::stdio(ServiceName::new(name).unwrap(), "sh", [arg])
    }

    fn named(what: &Approvable) -> String {
        match what {
            Approvable::Service(name) => name.to_string(),
            Approvable::Alerts => "(alerts)".to_owned(),
        }
    }

    #[test]
    fn a_list_approves_alerts_too() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("approved.json");
        let with = |arg: &str| {
            let kind = SinkKind::Command { command: "sh".to_owned(), args: vec![arg.to_owned()] };
            AlertsSpec { sinks: vec![SinkSpec::new("s", kind)], ..AlertsSpec::default() }
        };
        Approvals::write_to(&path, &[], &with("1")).unwrap();
        let approvals = Approvals::from_file(&path).unwrap();
        let pending = |alerts: &AlertsSpec| approvals.pending(Path::new("/any"), &[], alerts, None).pending;
        assert_eq!(pending(&with("1")), []);
        assert_eq!(pending(&AlertsSpec::default()), []);
        assert_eq!(pending(&with("2")).iter().map(|pending| named(&pending.what)).collect::<Vec<_>>(), ["(alerts)"]);
    }

    #[test]
    fn a_list_approves_its_services_wherever_their_programs_are() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("approved.json");
        let specs = [service("a", "1"), service("b", "2")];
        Approvals::write_to(&path, &specs, &AlertsSpec::default()).unwrap();
        let approvals = Approvals::from_file(&path).unwrap();
        let pending = |specs: &[ServiceSpec], path: Option<&str>| {
            let checked = approvals.pending(
                Path::new("/any/mcp.json"),
                specs,
                &AlertsSpec::default(),
                path.map(std::ffi::OsStr::new),
            );
            checked.pending.into_iter().map(|pending| named(&pending.what)).collect::<Vec<_>>()
        };
        assert_eq!(pending(&specs, Some("/bin")), [""; 0]);
        assert_eq!(pending(&specs, None), [""; 0]);
        assert_eq!(pending(&[service("a", "1"), service("b", "3"), service("c", "2")], None), ["b", "c"]);
        assert!(approvals.approve(&path, &specs, &AlertsSpec::default(), None).is_err());
        Approvals::write_to(&path, &[], &AlertsSpec::default()).unwrap();
        assert!(Approvals::from_file(&path).is_ok());
    }

    #[test]
    fn a_list_that_others_can_change_or_that_is_none_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("approved.json");
        Approvals::write_to(&path, &[], &AlertsSpec::default()).unwrap();
        for text in ["", "{}", "[1]", "[\"sha256:12\"]"] {
            std::fs::write(&path, text).unwrap();
            let error = Approvals::from_file(&path).unwrap_err();
            assert!(error.to_string().starts_with("cannot understand `"), "{error}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(Approvals::from_file(&path), Err(ReadError::Unsafe(_))));
    }
}
