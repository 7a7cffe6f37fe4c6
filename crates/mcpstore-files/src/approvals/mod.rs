//! What a user allowed a config to run.

mod encode;
mod fingerprint;
mod list;
mod program;
mod store;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use mcpstore_types::{AlertsSpec, ServiceName, ServiceSpec};

use crate::{EditFileError, ReadError, ReplaceError};

pub use fingerprint::{Fingerprint, NotAFingerprint, alerts_fingerprint, fingerprint, loads_code, service_fingerprint};
pub use program::find_program;

use list::List;
use store::Store;

/// What a user allowed configs to run: kept in the state folder, or read from a file that was made for it.
///
/// An approval is for a service of a config *file*, and for what it would run ([`service_fingerprint`]), and for what the
/// config's alerts would run or reach ([`alerts_fingerprint`]): the same content under another path, or other content under the
/// same path, is not approved.
#[derive(Debug)]
pub struct Approvals(Kept);

#[derive(Debug)]
enum Kept {
    Store(Store),
    List(List),
}

/// What was found about a config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What may not run yet: services in the order of the specs, then the alerts. Empty: everything is approved.
    pub pending: Vec<Pending>,
    /// Why approvals that were once given could not be read; they count as not given.
    pub warning: Option<String>,
}

/// What may not run before it was shown and approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it is.
    pub what: Approvable,
    /// What it would run.
    pub fingerprint: Fingerprint,
    /// Whether it was ever approved.
    pub kind: PendingKind,
}

/// What of a config is approved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approvable {
    /// A service.
    Service(ServiceName),
    /// The sinks of the config's alerts, all together.
    Alerts,
}

/// How what is not approved stands to the last approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingKind {
    /// It was never approved.
    New,
    /// It was approved when it would have run something else.
    Changed {
        /// What it would have run.
        approved: Fingerprint,
    },
}

/// Why an approval was not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApproveError {
    /// The config's own path could not be found out.
    #[error("cannot find the config `{}`", path.display())]
    Config {
        /// Its path as it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the approvals could not be changed.
    #[error("cannot keep the approval")]
    Edit(#[source] Box<EditFileError<io::Error>>),
    /// The file for others could not be written.
    #[error("cannot write the approvals")]
    Write(#[from] ReplaceError),
    /// The approvals come from a file that was made elsewhere, and cannot be added to.
    #[error("approvals that are read from `{}` cannot be added to", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
}

impl Approvals {
    /// The approvals kept in the state folder, in `approvals.json`. Reads nothing yet.
    #[must_use]
    pub fn in_folder(state_folder: &Path) -> Self {
        Self(Kept::Store(Store::new(state_folder)))
    }

    /// The approvals of a file that [`Approvals::write_to`] made, for machines where nobody can be asked. They hold for a
    /// config with that content, wherever it lies and wherever its programs are.
    ///
    /// # Errors
    ///
    /// [`ReadError`], also when somebody else can change the file, or it is no list of fingerprints.
    pub fn from_file(path: &Path) -> Result<Self, ReadError> {
        Ok(Self(Kept::List(List::read(path)?)))
    }

    /// Writes the file for [`Approvals::from_file`]: a JSON list with one fingerprint for each service, and one
    /// for the alerts when they run or reach anything. It is no secret, but
    /// whoever can change it can approve.
    ///
    /// # Errors
    ///
    /// [`ApproveError::Write`].
    pub fn write_to(path: &Path, specs: &[ServiceSpec], alerts: &AlertsSpec) -> Result<(), ApproveError> {
        Ok(list::write(path, specs, alerts)?)
    }

    /// What of the config at `config` is not approved as it stands: services, and its alerts. Programs are looked up in
    /// `path_variable`, as for [`service_fingerprint`].
    ///
    /// Nothing about this fails: what cannot be read is not approved. A broken file of approvals is set aside under the name
    /// `approvals.json.bad` (in the place of an older one).
    #[must_use]
    pub fn pending(
        &self,
        config: &Path,
        specs: &[ServiceSpec],
        alerts: &AlertsSpec,
        path_variable: Option<&OsStr>,
    ) -> Checked {
        match &self.0 {
            Kept::Store(store) => store.pending(config, specs, alerts, path_variable),
            Kept::List(list) => Checked { pending: list.pending(specs, alerts), warning: None },
        }
    }

    /// Approves all services and the alerts of the config at `config` as they stand, and forgets what was approved of it before. Of more
    /// than 1,000 configs, the approval that is oldest is forgotten. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`ApproveError`]: the config is not there, the file cannot be changed, or the approvals come from a file.
    pub fn approve(
        &self,
        config: &Path,
        specs: &[ServiceSpec],
        alerts: &AlertsSpec,
        path_variable: Option<&OsStr>,
    ) -> Result<(), ApproveError> {
        match &self.0 {
            Kept::Store(store) => store.approve(config, specs, alerts, path_variable),
            Kept::List(list) => Err(ApproveError::ReadOnly { path: list.path.clone() }),
        }
    }
}
