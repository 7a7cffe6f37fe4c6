//! Taking a changed config over while everything runs: by the manager, whoever asks for it.
//!
//! A config with an error in it changes nothing, and neither does one that was only found and is not approved as it stands now.
//! What is taken over is the difference to what runs; who is not touched by it notices nothing.

mod doc;
mod text;
mod watch;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use mcpstore::config::{Code, Diagnostic, Severity, Source, Stated, diff, stated};
use mcpstore::types::{AlertsSpec, SpecDelta};
use mcpstore::{Loaded, Observer, ServiceName, ServiceSpec, Supervisor, Target};
use tokio::sync::{Mutex, mpsc};

use crate::args::ConfigArgs;
use crate::config::{Chosen, Config, ConfigFiles, Trust, command_lines, is_of_the_moment};
use crate::door::{Door, Said};
use crate::exit::{Exit, Failure};
use crate::output::{Term, diagnostics_text};
use crate::select::{self, Among, Select};

pub(crate) use doc::{Outcome, ReloadDoc};
pub(crate) use text::{lines, notice};
pub(crate) use watch::watch;

/// Where the services of a manager come from.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) files: ConfigFiles,
    pub(crate) args: ConfigArgs,
    pub(crate) trust: Trust,
    /// What `up` was told to start; `None`: every enabled service.
    pub(crate) selection: Option<Select>,
}

/// What is asked of a reload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Other files than the manager's own.
    pub(crate) files: Option<Vec<std::path::PathBuf>>,
    pub(crate) strict: bool,
    pub(crate) input: Vec<(String, String)>,
    /// Take away what the files do not name.
    pub(crate) prune: Prune,
    /// Only say what would happen.
    pub(crate) plan: bool,
    /// The first reading after the start: the errors that are there then were told, and are no reason to refuse.
    pub(crate) first: bool,
}

/// Which services go that the files do not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Prune {
    /// Those that the manager's own files named before.
    #[default]
    Own,
    /// None.
    None,
    /// All.
    All,
}

/// Takes configs over. Cheap to clone; every clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Reloader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    supervisor: Supervisor,
    /// Who takes over what the config says of alerts.
    observer: Option<Observer>,
    /// The gateway, as the config says how it is reached and what its clients see.
    door: Option<Door>,
    own: Option<Arc<Own>>,
    /// Who is told of every reload that did something, or was refused.
    told: mpsc::Sender<Vec<String>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The services that the own files named when they were last taken over.
    named: BTreeSet<ServiceName>,
    /// What was refused last, so that it is said once.
    refused: Option<u64>,
    /// What it said of alerts.
    alerts: AlertsSpec,
    /// The errors of the config that was taken over last: what they concern was left out then, and still is.
    known: Vec<Known>,
}

/// An error, by what it says.
type Known = (Code, String, Option<ServiceName>);

/// A config, and what it would change.
struct Read {
    sources: Vec<Source>,
    loaded: Loaded,
    /// Why it is not taken over.
    refusal: Option<ReloadDoc>,
}

impl Reloader {
    /// For a manager whose services come from `own`; `None`: from no file. Lines about reloads go to `told`.
    pub(crate) fn new(supervisor: Supervisor, own: Option<Own>, told: mpsc::Sender<Vec<String>>) -> Self {
        let named = supervisor.snapshot().services().iter().map(|info| info.name().clone()).collect();
        let state = Mutex::new(State { named, refused: None, alerts: AlertsSpec::default(), known: Vec::new() });
        Self(Arc::new(Inner { supervisor, observer: None, door: None, own: own.map(Arc::new), told, state }))
    }

    /// The same, and what the config says of alerts goes to this observer, which was started with `alerts`. To be called
    /// before it is cloned.
    pub(crate) fn telling(mut self, observer: Observer, alerts: AlertsSpec) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.observer = Some(observer);
            inner.state.get_mut().alerts = alerts;
        }
        self
    }

    /// The same, and what the config says of the gateway goes to this door. To be called before it is cloned.
    pub(crate) fn letting_in(mut self, door: Door) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.door = Some(door);
        }
        self
    }

    /// The manager's own files; `None`: there are none that could be read again.
    pub(crate) fn files(&self) -> Option<&ConfigFiles> {
        let files = &self.0.own.as_ref()?.files;
        files.files.iter().all(|file| file.as_os_str() != "-").then_some(files)
    }

    /// Reads the config again and takes over what changed. The answer is there once the change is *accepted*; what follows
    /// shows as ever. Of what was refused last and is still the same, nothing is told to the screen again.
    ///
    /// # Errors
    /// There is no file to read.
    ///
    /// # Cancel safety
    /// Dropped half-way, a change that was given to the supervisor holds.
    pub(crate) async fn reload(&self, wish: Wish) -> Result<ReloadDoc, Failure> {
        let mut state = self.0.state.lock().await;
        let own = self.0.own.clone();
        let is_own = match (&wish.files, &own) {
            (None, _) => true,
            (Some(files), Some(own)) => *files == own.files.files,
            (Some(_), None) => false,
        };
        let (files, args) = self.which(&wish)?;
        let strict = ConfigArgs { strict: args.strict || wish.strict, ..args };
        let before = if wish.first { None } else { Some(state.known.clone()) };
        let read = tokio::task::spawn_blocking(move || read(files, &strict, own.as_deref(), before.as_deref())).await;
        let Read { sources, loaded, refusal } = match read {
            Ok(read) => read,
            Err(error) => return Err(Failure::new(Exit::Failed, format!("the config could not be read: {error}"))),
        };
        if let Some(refusal) = refusal {
            let seen = fingerprint(&sources, &refusal);
            if !wish.plan && state.refused != Some(seen) {
                state.refused = Some(seen);
                self.tell(notice(&refusal)).await;
            }
            return Ok(refusal);
        }
        let snapshot = self.0.supervisor.snapshot();
        let mut delta = delta(&self.0.supervisor.specs(), &loaded.config.services, &state.named, wish.prune);
        // An entry that has an error now is no entry that is gone: what runs goes on as it was.
        delta.removed.retain(|name| !loaded.config.left_out.contains(name));
        let stated = stated(&sources);
        let alerts = is_own && state.alerts != loaded.config.alerts;
        let door = self.0.door.as_ref().filter(|_| is_own);
        let said = Said::of(&loaded.config);
        let gateway = match door {
            Some(door) => door.changes(&said).await,
            None => Vec::new(),
        };
        if wish.plan {
            let starts = |spec: &ServiceSpec| self.starts(spec, &loaded.config.services);
            let planned = doc::planned(&delta, &snapshot, &stated, &sources, &starts);
            return Ok(ReloadDoc { alerts, gateway, ..planned }.or_beside(Outcome::Planned));
        }
        let was_refused = state.refused.take().is_some();
        if is_own {
            state.known = errors(&loaded).map(known).collect();
            // What stays though the files name it no more is still known to come from them.
            if wish.prune != Prune::None {
                state.named.clear();
            }
            state.named.extend(loaded.config.services.iter().map(|spec| spec.name.clone()));
        }
        if alerts {
            state.alerts = loaded.config.alerts.clone();
            if let Some(observer) = &self.0.observer {
                observer.set_alerts(loaded.config.alerts.clone());
            }
        }
        // Also when the config is as it was: the token, or a certificate, may be another one in its file.
        let notes = match door {
            Some(door) => door.take_over(said).await,
            None => Vec::new(),
        };
        if delta.is_empty() && (alerts || !gateway.is_empty() || !notes.is_empty()) {
            let unchanged = ReloadDoc::unchanged(&sources);
            let document = ReloadDoc { alerts, gateway, notes, ..unchanged }.or_beside(Outcome::Changed);
            self.tell(notice(&document)).await;
            return Ok(document);
        }
        if delta.is_empty() {
            if was_refused {
                self.tell(vec!["the config is good again, and what runs is what it says".to_owned()]).await;
            }
            return Ok(ReloadDoc::unchanged(&sources));
        }
        let services = self.take_over(delta, &loaded.config.services, &stated, &sources).await?;
        let document = ReloadDoc { alerts, gateway, notes, ..services };
        self.tell(notice(&document)).await;
        Ok(document)
    }

    fn which(&self, wish: &Wish) -> Result<(ConfigFiles, ConfigArgs), Failure> {
        match (&wish.files, &self.0.own) {
            // Named or not, its own files are read as `up` was told to.
            (Some(files), Some(own)) if *files == own.files.files => {
                let mut args = own.args.clone();
                args.input.extend(wish.input.iter().cloned());
                Ok((own.files.clone(), args))
            }
            (Some(files), _) => {
                let args = ConfigArgs { config: files.clone(), strict: wish.strict, input: wish.input.clone() };
                Ok((ConfigFiles { files: files.clone(), chosen: Chosen::Named }, args))
            }
            (None, Some(own)) if self.files().is_some() => Ok((own.files.clone(), own.args.clone())),
            (None, _) => {
                let message = "the manager's services come from no file that could be read again";
                Err(Failure::new(Exit::Refused, message).next("mcpstore apply --config FILE"))
            }
        }
    }

    /// True when `up` starts whatever is enabled.
    fn starts_all(&self) -> bool {
        self.0.own.as_ref().is_none_or(|own| own.selection.is_none())
    }

    /// True when a service that is new is started.
    fn starts(&self, spec: &ServiceSpec, new: &[ServiceSpec]) -> bool {
        match self.0.own.as_ref().and_then(|own| own.selection.as_ref()) {
            None => spec.enabled,
            Some(select) => chosen(select, new).contains(&spec.name),
        }
    }

    async fn take_over(
        &self,
        delta: SpecDelta,
        new: &[ServiceSpec],
        stated: &[Stated],
        sources: &[Source],
    ) -> Result<ReloadDoc, Failure> {
        let supervisor = &self.0.supervisor;
        let reply = supervisor.apply(delta.clone(), self.starts_all()).await.map_err(|error| {
            Failure::new(Exit::Refused, format!("the config was not taken over: {error}")).next("mcpstore plan")
        })?;
        let mut document = doc::taken_over(&delta, &reply.outcomes, stated, sources);
        // With a selection, of what is new only that is started which it fits.
        if let Some(select) = self.0.own.as_ref().and_then(|own| own.selection.as_ref()) {
            let chosen = chosen(select, new);
            let added: Vec<ServiceName> =
                delta.added.iter().map(|spec| spec.name.clone()).filter(|name| chosen.contains(name)).collect();
            if !added.is_empty() && supervisor.start(Target::Names(added.clone())).await.is_ok() {
                document.started(&added);
            }
        }
        Ok(document)
    }

    async fn tell(&self, lines: Vec<String>) {
        // Nobody listens any more when the manager ends.
        let _ = self.0.told.send(lines).await;
    }
}

/// The services that `up` was told to start.
fn chosen(select: &Select, services: &[ServiceSpec]) -> Vec<ServiceName> {
    let known: Vec<select::Known<'_>> =
        services.iter().map(|spec| select::Known { name: &spec.name, tags: &spec.tags }).collect();
    select.among(&known, Among::Config).unwrap_or_default()
}

fn errors(loaded: &Loaded) -> impl Iterator<Item = &Diagnostic> {
    loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error)
}

fn known(error: &Diagnostic) -> Known {
    (error.code, error.message.clone(), error.service.clone())
}

/// `known`: the errors that are no reason to refuse; `None`: none is.
fn read(files: ConfigFiles, args: &ConfigArgs, own: Option<&Own>, known: Option<&[Known]>) -> Read {
    let names: Vec<String> = files.files.iter().map(|file| file.display().to_string()).collect();
    let config = match Config::load_files(files, args) {
        Ok(config) => config,
        Err(failure) => {
            let refusal = ReloadDoc { next: failure.next, ..ReloadDoc::refused(names, failure.exit, failure.message) };
            return Read { sources: Vec::new(), loaded: nothing(), refusal: Some(refusal) };
        }
    };
    let refusal = refusal(&config, names, own, known);
    let Config { sources, loaded, .. } = config;
    Read { sources, loaded, refusal }
}

/// Why this config is not taken over, if so: it has an error that was not there before. A variable that is not set concerns its
/// service alone, as at a start.
fn refusal(config: &Config, names: Vec<String>, own: Option<&Own>, before: Option<&[Known]>) -> Option<ReloadDoc> {
    let Config { sources, loaded, .. } = config;
    let left_out = |d: &Diagnostic| is_of_the_moment(d.code) || d.code == Code::LeftOutDependency;
    let fresh =
        errors(loaded).filter(|d| !left_out(d) && before.is_some_and(|before| !before.contains(&known(d)))).count();
    if fresh > 0 {
        let counted = if fresh == 1 { "1 error".to_owned() } else { format!("{fresh} errors") };
        let message = format!("{} has {counted}", names.join(", "));
        let term = Term { tty: false, color: false, width: None };
        let check = crate::quote::with_config("mcpstore config check", &config.files.files);
        let problems = Some(diagnostics_text(loaded, sources, &term));
        return Some(ReloadDoc { problems, next: check, ..ReloadDoc::refused(names, Exit::ConfigInvalid, message) });
    }
    let pending = own.map(|own| own.trust.pending(config)).unwrap_or_default();
    if pending.is_empty() {
        return None;
    }
    let message = format!("{} would run what is not approved", names.join(", "));
    let commands = command_lines(&loaded.config, &pending);
    let next = crate::quote::with_config("mcpstore config approve", &config.files.files);
    Some(ReloadDoc { problems: Some(commands), next, ..ReloadDoc::refused(names, Exit::Refused, message) })
}

fn nothing() -> Loaded {
    mcpstore::load(&[], &mcpstore::config::Nothing, mcpstore::LoadOptions::default())
}

/// What must happen, given which services may be taken away.
fn delta(running: &[ServiceSpec], new: &[ServiceSpec], named: &BTreeSet<ServiceName>, prune: Prune) -> SpecDelta {
    let mut delta = diff(running, new);
    match prune {
        Prune::All => {}
        Prune::None => delta.removed.clear(),
        Prune::Own => delta.removed.retain(|name| named.contains(name)),
    }
    delta
}

fn fingerprint(sources: &[Source], refusal: &ReloadDoc) -> u64 {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        source.text.hash(&mut hasher);
    }
    refusal.message.hash(&mut hasher);
    hasher.finish()
}
