//! All texts of a config together.

use std::collections::{BTreeMap, BTreeSet};

use mcpstore_types::{AlertsSpec, GatewaySpec, ServiceName, ServiceSpec, ViewSpec};

use crate::context::{Context, Text};
use crate::defaults::{self, Defaults};
use crate::depends::Names;
use crate::dialect;
use crate::inputs::{self, Inputs};
use crate::merge::{Entry, Layer};
use crate::profiles::{self, Profile};
use crate::service::service;
use crate::sink::Sink;
use crate::{Diagnostic, Dialect, Outside, Place, Severity, Source, Span, alerts, gateway, lint, names, syntax};

/// How many services start at the same time when the config does not say.
pub const MAX_PARALLEL_STARTS_DEFAULT: usize = 8;

/// The largest `gateway.maxParallelStarts`.
pub(crate) const MAX_PARALLEL_STARTS: u32 = 1_000;

/// How a config is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keys that are unknown, or not supported yet, are errors instead of warnings. Default `false`.
    pub strict: bool,
}

/// What a config says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The services whose entries have no error, in the order of the texts.
    pub services: Vec<ServiceSpec>,
    /// Where each service is stated; those that were left out too.
    pub origins: BTreeMap<ServiceName, Origin>,
    /// Services that were left out because their entry has an error. Others may still depend on them.
    pub left_out: BTreeSet<ServiceName>,
    /// How many services may start at the same time: `gateway.maxParallelStarts`, 1 to 1,000, default 8.
    pub max_parallel_starts: usize,
    /// What is worth waking someone for, and who is told. The defaults when a text with an error in its syntax has a say in it.
    pub alerts: AlertsSpec,
    /// How the gateway is reached. Nowhere (`listen` is `none`) when there is an error in that, or a text with an error in its
    /// syntax has a say in it.
    pub gateway: GatewaySpec,
    /// Named choices of services.
    pub profiles: BTreeMap<String, Profile>,
    /// What clients of the gateway see of each profile, by name. A profile with an error has none, nor has one of a text with
    /// an error in its syntax: it might show more than was meant.
    pub views: Vec<ViewSpec>,
    /// How each text is written; `None` for one that states no services, or cannot be read.
    pub dialects: Vec<Option<Dialect>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            origins: BTreeMap::new(),
            left_out: BTreeSet::new(),
            max_parallel_starts: MAX_PARALLEL_STARTS_DEFAULT,
            alerts: AlertsSpec::default(),
            gateway: GatewaySpec::default(),
            profiles: BTreeMap::new(),
            views: Vec::new(),
            dialects: Vec::new(),
        }
    }
}

/// Where a service is stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The text it is in: the index into the sources.
    pub source: usize,
    /// The bytes of its name.
    pub span: Span,
    /// The line of its name, from 1.
    pub line: usize,
    /// The column of its name, from 1, in characters.
    pub column: usize,
    /// Where each of its dependencies is named: one place for each element of the spec's `dependencies`.
    pub dependency_spans: Vec<Place>,
    /// Entries of the same name in earlier texts; this one took their place as a whole.
    pub overrides: Vec<Place>,
    /// Entries of the same name in later texts that change single fields of this one.
    pub patches: Vec<Place>,
}

impl Origin {
    /// The place of the service's name.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { source: self.source, span: self.span, line: self.line, column: self.column }
    }
}

/// What came out of a config: everything that is good in it, and everything that is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What the config says, without the entries that have errors.
    pub config: Config,
    /// All problems by their place; at most [`MAX_DIAGNOSTICS`](crate::MAX_DIAGNOSTICS).
    pub diagnostics: Vec<Diagnostic>,
    /// Errors over that bound.
    pub more_errors: usize,
    /// Warnings over that bound.
    pub more_warnings: usize,
}

impl Parsed {
    /// True when anything was left out.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// The number of errors, those over the bound too.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.count(Severity::Error) + self.more_errors
    }

    /// The number of warnings, those over the bound too.
    #[must_use]
    pub fn warning_count(&self) -> usize {
        self.count(Severity::Warning) + self.more_warnings
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }
}

/// Reads a config out of its texts; `outside` is the world that they refer to.
///
/// Of a service that several texts state, the last text's entry counts: as a whole when it says how to launch or reach the
/// server, else field by field over the earlier one. Of `defaults`, `gateway` and `alerts` the last text's single fields do. Never fails
/// and never panics: what is wrong is in [`Parsed::diagnostics`], and what it concerns is left out. The time it takes grows
/// with the length of the texts only.
#[must_use]
pub fn parse(sources: &[Source], outside: &dyn Outside, options: &Options) -> Parsed {
    let texts: Vec<Text<'_>> = sources.iter().map(Text::new).collect();
    let mut sink = Sink::new(options.strict);
    let mut inputs = Inputs::new();
    let Gathered { layer, broken, dialects } = gather(&texts, outside, &mut sink, &mut inputs);

    let mut cx = Context { texts: &texts, outside, sink: &mut sink, inputs: &inputs };
    let mut config = Config { dialects, ..Config::default() };
    let defaults = layer.defaults.as_ref().map_or_else(Defaults::default, |value| defaults::read(&mut cx, value));
    if let Some(value) = &layer.gateway {
        let gateway::Read { max_parallel_starts, spec } = gateway::read(&mut cx, value);
        config.max_parallel_starts = max_parallel_starts.map_or(config.max_parallel_starts, |count| count as usize);
        // What protects it may be what is missing.
        config.gateway = if value.stands_in(&broken) { gateway::closed() } else { spec };
    }
    if let Some(value) = &layer.alerts {
        let alerts = alerts::read(&mut cx, value);
        // Sinks run commands: like the services of a broken text, those of one do not.
        if !value.stands_in(&broken) {
            config.alerts = alerts;
        }
    }
    let names: Names = layer.entries.keys().cloned().collect();
    let mut ordered: Vec<(ServiceName, Entry<'_>)> = layer.entries.into_iter().collect();
    ordered.sort_by_key(|(_, entry)| entry.name_at);
    for (name, Entry { name_at, value, overrides, patches }) in &ordered {
        cx.sink.about(Some(name.clone()));
        let place = cx.place(*name_at);
        let read = service(&mut cx, name, place, value, &defaults, &names);
        let Place { source, span, line, column } = place;
        let origin = Origin {
            source,
            span,
            line,
            column,
            dependency_spans: read.dependencies,
            overrides: overrides.iter().map(|at| cx.place(*at)).collect(),
            patches: patches.iter().map(|at| cx.place(*at)).collect(),
        };
        let whole = !broken.contains(&source) && !origin.patches.iter().any(|place| broken.contains(&place.source));
        match read.spec.filter(|_| whole) {
            Some(spec) => config.services.push(spec),
            None => {
                config.left_out.insert(name.clone());
            }
        }
        config.origins.insert(name.clone(), origin);
    }
    cx.sink.about(None);
    if let Some(value) = &layer.profiles {
        (config.profiles, config.views) = profiles::read(&mut cx, value, &config, &names, &broken);
    }
    let (gateway, alerts) = (layer.gateway.as_ref(), layer.alerts.as_ref());
    let blocks = lint::Blocks { defaults: layer.defaults.as_ref(), gateway, alerts };
    lint::all(&mut cx, &config, &ordered, &blocks, &defaults);
    finish(config, sink)
}

/// What all texts state together.
pub(crate) struct Gathered<'t> {
    pub(crate) layer: Layer<'t>,
    /// Texts with an error in their syntax: what they state is checked, and does not run.
    pub(crate) broken: BTreeSet<usize>,
    /// How each text is written; `None` where nothing says.
    pub(crate) dialects: Vec<Option<Dialect>>,
}

/// Reads every text and lays each over those before it.
pub(crate) fn gather<'t>(
    texts: &[Text<'t>],
    outside: &dyn Outside,
    sink: &mut Sink,
    inputs: &mut Inputs,
) -> Gathered<'t> {
    let nothing = Inputs::new();
    let mut cx = Context { texts, outside, sink, inputs: &nothing };
    let mut out = Gathered { layer: Layer::default(), broken: BTreeSet::new(), dialects: Vec::new() };
    for (source, text) in texts.iter().enumerate() {
        let before = cx.sink.errors();
        let tree = syntax::tree(&mut cx, source, text.format, &text.source.text);
        if cx.sink.errors() > before {
            out.broken.insert(source);
        }
        let Some(tree) = tree else {
            out.dialects.push(None);
            continue;
        };
        let mut part = dialect::split(&mut cx, tree, out.broken.contains(&source));
        out.dialects.push(part.dialect);
        if let Some(value) = &part.inputs {
            inputs::read(&mut cx, value, inputs);
        }
        let services = std::mem::take(&mut part.services);
        let named = names::checked(&mut cx, services);
        out.layer = std::mem::take(&mut out.layer).under(Layer::of(part, named));
    }
    out
}

/// Tells of left-out services who depends on them, and sorts the diagnostics by place.
fn finish(config: Config, sink: Sink) -> Parsed {
    let mut dependents: BTreeMap<&ServiceName, Vec<&ServiceName>> = BTreeMap::new();
    for spec in &config.services {
        for dependency in spec.dependencies.iter().filter(|d| config.left_out.contains(&d.on)) {
            dependents.entry(&dependency.on).or_default().push(&spec.name);
        }
    }
    let mut diagnostics = sink.diagnostics;
    for diagnostic in diagnostics.iter_mut().filter(|d| d.severity == Severity::Error) {
        // Taken out: told once, at the first error of the service.
        let Some(service) = &diagnostic.service else { continue };
        let Some(names) = dependents.remove(service) else { continue };
        let note = format!("`{service}` is left out; needed by: {}", listed(&names));
        diagnostic.notes.push(note);
    }
    diagnostics.sort_by_key(|d| d.primary.map(|place| (place.source, place.span.start)));
    // What an anchor of YAML stands for is read wherever an alias repeats it, and told once.
    diagnostics.dedup_by(|later, earlier| {
        let same = later.primary.is_some()
            && (later.primary, later.code, &later.message) == (earlier.primary, earlier.code, &earlier.message);
        if same {
            earlier.notes.append(&mut later.notes);
        }
        same
    });
    Parsed { config, diagnostics, more_errors: sink.more_errors, more_warnings: sink.more_warnings }
}

/// The first few of these names.
fn listed(names: &[&ServiceName]) -> String {
    const SHOWN: usize = 5;
    let mut list: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        list.push(format!("and {} more", names.len() - SHOWN));
    }
    list.join(", ")
}
