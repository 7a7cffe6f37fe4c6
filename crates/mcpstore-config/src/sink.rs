//! Where diagnostics are collected while a config is read.

use mcpstore_types::ServiceName;

use crate::{Code, Diagnostic, Severity};

/// The most diagnostics kept of one config; further ones are only counted.
pub const MAX_DIAGNOSTICS: usize = 1_000;

/// How many times the nearest of all service names is searched; each search looks at every name.
const MAX_NAME_SEARCHES: usize = 64;

/// Collects diagnostics, counts what is over the bound.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Errors that were not kept.
    pub(crate) more_errors: usize,
    /// Warnings that were not kept.
    pub(crate) more_warnings: usize,
    /// Whether unknown keys are errors.
    strict: bool,
    /// The service whose entry is being read.
    service: Option<ServiceName>,
    /// All errors so far, kept or not.
    errors: usize,
    searches: usize,
    /// Kinds of objects of which an unknown key was told.
    unknown_of: Vec<&'static str>,
}

impl Sink {
    pub(crate) fn new(strict: bool) -> Self {
        Self { strict, ..Self::default() }
    }

    /// Takes a diagnostic; it is about the service being read unless it says otherwise.
    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        if self.strict && matches!(diagnostic.code, Code::UnknownKey | Code::NotSupportedYet) {
            diagnostic.severity = Severity::Error;
        }
        if diagnostic.service.is_none() {
            diagnostic.service.clone_from(&self.service);
        }
        let is_error = diagnostic.severity == Severity::Error;
        self.errors += usize::from(is_error);
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        } else if is_error {
            self.more_errors += 1;
        } else {
            self.more_warnings += 1;
        }
    }

    /// From now on diagnostics are about this service, or about none.
    pub(crate) fn about(&mut self, service: Option<ServiceName>) {
        self.service = service;
    }

    /// The number of errors so far: whether it grew tells whether a part had an error.
    pub(crate) const fn errors(&self) -> usize {
        self.errors
    }

    /// True when further diagnostics are only counted: what they would say need not be found out.
    pub(crate) const fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS
    }

    /// True the first time that an unknown key of this kind of object is told.
    pub(crate) fn is_first_unknown(&mut self, of: &'static str) -> bool {
        let is_first = !self.unknown_of.contains(&of);
        if is_first {
            self.unknown_of.push(of);
        }
        is_first
    }

    /// True while one more search over all service names is within the bound.
    pub(crate) fn may_search_names(&mut self) -> bool {
        self.searches += 1;
        self.searches <= MAX_NAME_SEARCHES
    }
}
