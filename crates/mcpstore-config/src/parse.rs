//! All texts of a config together: `mcpServers`, `defaults`, `gateway`.

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::ast::Value;
use mcpstore_types::{Policy, ServiceName, ServiceSpec};

use crate::context::Context;
use crate::depends::Names;
use crate::diagnostic::shown;
use crate::fields::{Field, check_keys, fields, get, near};
use crate::service::service;
use crate::sink::Sink;
use crate::source::{LineIndex, bom_len};
use crate::values::{kind, object, whole};
use crate::words::{DEFAULTS, GATEWAY, Keys, TOP};
use crate::{Code, Diagnostic, Place, Severity, Source, Span, policy, syntax};

/// How many services start at the same time when the config does not say.
pub const MAX_PARALLEL_STARTS_DEFAULT: usize = 8;

/// The largest `gateway.maxParallelStarts`.
const MAX_PARALLEL_STARTS: u32 = 1_000;

/// How a config is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keys that are unknown, or not supported yet, are errors instead of warnings. Default `false`.
    pub strict: bool,
}

/// What a config says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The services whose entries have no error, in the order of the texts.
    pub services: Vec<ServiceSpec>,
    /// Where each service is stated; those that were left out too.
    pub origins: BTreeMap<ServiceName, Origin>,
    /// Services that were left out because their entry has an error. Others may still depend on them.
    pub left_out: BTreeSet<ServiceName>,
    /// How many services may start at the same time: `gateway.maxParallelStarts`, 1 to 1,000, default 8.
    pub max_parallel_starts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            origins: BTreeMap::new(),
            left_out: BTreeSet::new(),
            max_parallel_starts: MAX_PARALLEL_STARTS_DEFAULT,
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
}

impl Origin {
    /// The place of the service's name.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { source: self.source, span: self.span, line: self.line, column: self.column }
    }
}

/// What came out of a config: everything that is good in it, and everything that is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// Reads a config out of its texts; `env` looks up a variable.
///
/// Of a service that several texts state, the last text's entry counts, as a whole; of `defaults` and `gateway` the last
/// text's single fields do. Never fails and never panics: what is wrong is in [`Parsed::diagnostics`], and what it
/// concerns is left out. The time it takes grows with the length of the texts only.
#[must_use]
pub fn parse(sources: &[Source], env: &dyn Fn(&str) -> Option<String>, options: &Options) -> Parsed {
    let lines: Vec<LineIndex> = sources.iter().map(|source| LineIndex::new(&source.text)).collect();
    let mut reader = Reader { sources, lines: &lines, env, sink: Sink::new(options.strict) };
    let trees: Vec<Option<Value<'_>>> = (0..sources.len()).map(|source| reader.tree(source)).collect();

    let mut config = Config::default();
    let mut defaults = Policy::default();
    let mut entries: BTreeMap<ServiceName, (Origin, &Value<'_>)> = BTreeMap::new();
    for (source, tree) in trees.iter().enumerate() {
        let Some(tree) = tree else { continue };
        let mut cx = reader.context(source);
        for (field, name) in top_level(&mut cx, tree, &mut config, &mut defaults) {
            let Place { source, span, line, column } = cx.place(field.key_span);
            let mut origin = Origin { source, span, line, column, ..Origin::default() };
            if let Some((earlier, _)) = entries.remove(&name) {
                origin.overrides.push(earlier.place());
                origin.overrides.extend(earlier.overrides);
            }
            entries.insert(name, (origin, field.value));
        }
    }

    let names: Names = entries.keys().cloned().collect();
    let mut ordered: Vec<(ServiceName, (Origin, &Value<'_>))> = entries.into_iter().collect();
    ordered.sort_by_key(|(_, (origin, _))| (origin.source, origin.span));
    for (name, (mut origin, value)) in ordered {
        reader.sink.about(Some(name.clone()));
        let mut cx = reader.context(origin.source);
        let read = service(&mut cx, &name, origin.place(), value, &defaults, &names);
        origin.dependency_spans = read.dependencies;
        match read.spec {
            Some(spec) => config.services.push(spec),
            None => {
                config.left_out.insert(name.clone());
            }
        }
        config.origins.insert(name, origin);
    }
    finish(config, reader.sink)
}

/// All texts, and what is told about them.
struct Reader<'a> {
    sources: &'a [Source],
    lines: &'a [LineIndex],
    env: &'a dyn Fn(&str) -> Option<String>,
    sink: Sink,
}

impl<'a> Reader<'a> {
    /// What is needed to read the text of this index.
    fn context(&mut self, source: usize) -> Context<'_> {
        let text = self.sources[source].text.as_str();
        Context { source, text, lines: &self.lines[source], shift: bom_len(text), env: self.env, sink: &mut self.sink }
    }

    fn tree(&mut self, source: usize) -> Option<Value<'a>> {
        let text = self.sources[source].text.as_str();
        syntax::tree(&mut self.context(source), text)
    }
}

/// Reads one text's `defaults` and `gateway`, and gives the fields of its `mcpServers` whose names are good.
fn top_level<'v>(
    cx: &mut Context<'_>,
    tree: &'v Value<'v>,
    config: &mut Config,
    defaults: &mut Policy,
) -> Vec<(Field<'v>, ServiceName)> {
    let Value::Object(top) = tree else {
        let message = format!("the top level is {}; expected an object", kind(tree));
        let diagnostic = cx.error_at(tree, Code::NotAnObject, message);
        cx.push(diagnostic.with_help("write { \"mcpServers\": { } }"));
        return Vec::new();
    };
    let entry = fields(cx, top);
    if let Some(inner) = part(cx, &entry, "defaults", &DEFAULTS) {
        policy::apply(cx, &inner, defaults);
    }
    if let Some(inner) = part(cx, &entry, "gateway", &GATEWAY) {
        let count = get(&inner, "maxParallelStarts")
            .and_then(|field| whole(cx, "gateway.maxParallelStarts", field, 1, MAX_PARALLEL_STARTS));
        config.max_parallel_starts = count.map_or(config.max_parallel_starts, |count| count as usize);
    }
    let Some(servers) = get(&entry, "mcpServers") else {
        no_servers(cx, tree, &entry);
        return Vec::new();
    };
    check_keys(cx, &entry, &TOP);
    let Some(object) = object(cx, "mcpServers", servers.value) else { return Vec::new() };
    let mut out = Vec::with_capacity(object.properties.len());
    for field in fields(cx, object) {
        match ServiceName::new(field.key) {
            Ok(name) => out.push((field, name)),
            Err(error) => {
                let place = cx.place(field.key_span);
                let message = crate::depends::name_error(&error);
                cx.push(Diagnostic::error(Code::InvalidName, message).with_place(place));
            }
        }
    }
    out
}

/// The fields of an object of the top level, its keys checked.
fn part<'v>(cx: &mut Context<'_>, entry: &[Field<'v>], key: &str, keys: &Keys) -> Option<Vec<Field<'v>>> {
    let object = object(cx, key, get(entry, key)?.value)?;
    let inner = fields(cx, object);
    check_keys(cx, &inner, keys);
    Some(inner)
}

/// Says that `mcpServers` is missing, and what may have been meant.
fn no_servers(cx: &mut Context<'_>, tree: &Value<'_>, entry: &[Field<'_>]) {
    let mut diagnostic = Diagnostic::error(Code::NoServers, "there is no `mcpServers`");
    let meant = entry.iter().find(|field| near(field.key, &["mcpServers", "servers"]).is_some());
    let is_service = |field: &&Field<'_>| match field.value {
        Value::Object(object) => object.get("command").or_else(|| object.get("url")).is_some(),
        _ => false,
    };
    if let Some(field) = meant {
        diagnostic = diagnostic
            .with_place(cx.place(field.key_span))
            .with_help(format!("rename `{}` to `mcpServers`", shown(field.key)));
    } else if let Some(field) = entry.iter().find(is_service) {
        diagnostic = diagnostic.with_place(cx.place(field.key_span)).with_help("put the services inside `mcpServers`");
    } else {
        let start = cx.place_of(tree).span.start;
        diagnostic =
            diagnostic.with_place(cx.place(Span::new(start, start + 1))).with_help("write { \"mcpServers\": { } }");
    }
    cx.push(diagnostic);
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
