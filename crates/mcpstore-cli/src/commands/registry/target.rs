//! Which config a change is for.

use std::path::PathBuf;

use mcpstore::config::Stated;

use super::super::Session;
use super::super::reload::own_files;
use crate::args::ConfigArgs;
use crate::config::{Ask, Chosen, Config, ConfigFiles, Trust, own_config, stated_whole};
use crate::exit::{Exit, Failure};
use crate::output::talk;
use crate::paths::Paths;

/// The files that a change is for.
#[derive(Debug)]
pub(in super::super) struct Target {
    pub(in super::super) files: ConfigFiles,
    /// A manager runs that has its services from these files.
    pub(in super::super) is_managers: bool,
}

impl Target {
    /// The files named, else those of the running manager, else those that `up` would take, else the user's own config, which
    /// need not be there yet.
    ///
    /// # Errors
    /// [`Failure`]: there is no home folder to put a config into, or the manager cannot be asked.
    pub(in super::super) async fn find(session: &Session<'_>, named: &[PathBuf]) -> anyhow::Result<Self> {
        let managers = own_files(session).await?.filter(|files| !files.is_empty());
        if !named.is_empty() {
            let files = ConfigFiles { files: named.to_vec(), chosen: Chosen::Named }.absolute()?;
            let is_managers = managers.is_some_and(|known| files.files.iter().all(|file| known.contains(file)));
            return Ok(Self { files, is_managers });
        }
        if let Some(files) = managers {
            return Ok(Self { files: ConfigFiles { files, chosen: Chosen::Named }, is_managers: true });
        }
        let files = match ConfigFiles::find(&[]) {
            Ok(files) => files.absolute()?,
            Err(_) => {
                let Some(own) = own_config(&|name: &str| std::env::var_os(name)) else {
                    let failure = Failure::new(Exit::ConfigInvalid, "there is no home folder to put a config into");
                    return Err(failure.next("mcpstore add --config FILE").into());
                };
                ConfigFiles { files: vec![own], chosen: Chosen::Own }
            }
        };
        Ok(Self { files, is_managers: false })
    }

    /// A file that the running manager has its services from, and that is gone, is not made anew: a new one would say that there
    /// are no services but those in it.
    pub(in super::super) fn refuse_gone(&self) -> Result<(), Failure> {
        match self.files.files.iter().find(|file| self.is_managers && !file.exists()) {
            Some(gone) => {
                let message = format!("the manager's services come from {}, which is gone", gone.display());
                Err(Failure::new(Exit::Refused, message).next(crate::paths::look_at(gone)))
            }
            None => Ok(()),
        }
    }

    /// Says how what was written comes to run.
    pub(in super::super) async fn tell_start(&self, session: &Session<'_>) {
        let runs = own_files(session).await.is_ok_and(|files| files.is_some());
        if runs {
            let apply = crate::quote::with_config("mcpstore apply", &self.files.files).unwrap_or_default();
            let apply = session.global.in_command(&apply);
            talk(&format!("the running manager has its services from elsewhere; it takes these too: {apply}"));
        } else {
            talk(&format!("no manager runs; start it: {}", session.global.in_command(&self.up())));
        }
    }

    /// Those of the files that are there.
    pub(in super::super) fn present(&self) -> Vec<PathBuf> {
        self.files.files.iter().filter(|file| file.exists()).cloned().collect()
    }

    /// What the files state; one that was named must be there.
    pub(in super::super) fn stated(&self, named: &[PathBuf]) -> Result<Vec<Stated>, Failure> {
        stated_whole(&if named.is_empty() { self.present() } else { self.files.files.clone() })
    }

    /// The index among all files of what is `source` among those that are there.
    pub(in super::super) fn at(&self, source: usize) -> usize {
        let present: Vec<usize> =
            self.files.files.iter().enumerate().filter(|(_, file)| file.exists()).map(|(at, _)| at).collect();
        present.get(source).copied().unwrap_or(source)
    }

    /// True when all of it was approved, as it is before the change.
    pub(in super::super) fn is_trusted(&self, session: &Session<'_>) -> anyhow::Result<bool> {
        let Some(config) = self.as_found()? else { return Ok(false) };
        Ok(trust(session)?.pending(&config).is_empty())
    }

    /// A change that the user makes leaves approved what was approved before.
    pub(in super::super) fn keep_trust(&self, session: &Session<'_>, trusted: bool) -> anyhow::Result<()> {
        if !trusted {
            return Ok(());
        }
        if let Some(config) = self.as_found()? {
            trust(session)?.demand(&config, Ask::Yes)?;
        }
        Ok(())
    }

    /// The config as `up` would find it. Only one file can be found.
    fn as_found(&self) -> anyhow::Result<Option<Config>> {
        if self.files.files.len() != 1 || self.present().is_empty() {
            return Ok(None);
        }
        let files = ConfigFiles { files: self.files.files.clone(), chosen: Chosen::Found };
        match Config::load_files(files, &ConfigArgs::default()) {
            Ok(config) => Ok(Some(config)),
            Err(failure) => {
                talk(&failure.message);
                Ok(None)
            }
        }
    }

    /// The command that runs it.
    pub(in super::super) fn up(&self) -> String {
        let named = if self.files.chosen == Chosen::Named { self.files.files.as_slice() } else { &[] };
        crate::quote::with_config("mcpstore up", named).unwrap_or_else(|| "mcpstore up".to_owned())
    }
}

fn trust(session: &Session<'_>) -> anyhow::Result<Trust> {
    Ok(Trust::new(&Paths::resolve(session.global)?, None)?)
}
