//! The known adapters, by the kind of transport they serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Adapter, Http, InProcess, LaunchError, OAuth, Sse, Stdio};

/// The known adapters, by the kind of transport they serve. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AdapterSet {
    by_kind: BTreeMap<&'static str, Arc<dyn Adapter>>,
}

impl AdapterSet {
    /// No adapter at all: for tests that bring their own.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// What is built in: `stdio`, `http`, `sse`, and `in_process` without any server yet.
    #[must_use]
    pub fn builtin() -> Self {
        Self::builtin_with(&OAuth::in_memory())
    }

    /// The same, with these logins to remote servers.
    #[must_use]
    pub fn builtin_with(logins: &OAuth) -> Self {
        Self::empty()
            .with(Arc::new(Stdio::new()))
            .with(Arc::new(Http::new().with_logins(logins.clone())))
            .with(Arc::new(Sse::new().with_logins(logins.clone())))
            .with(Arc::new(InProcess::new()))
    }

    /// This set with one more adapter; it replaces an earlier one of the same kind.
    #[must_use]
    pub fn with(mut self, adapter: Arc<dyn Adapter>) -> Self {
        self.by_kind.insert(adapter.kind(), adapter);
        self
    }

    /// The adapter for this kind of transport.
    ///
    /// # Errors
    /// [`LaunchError::NoAdapter`] when there is none.
    pub fn get(&self, kind: &str) -> Result<Arc<dyn Adapter>, LaunchError> {
        self.by_kind.get(kind).cloned().ok_or_else(|| LaunchError::NoAdapter {
            kind: kind.to_owned(),
            known: self.by_kind.keys().map(|known| (*known).to_owned()).collect(),
        })
    }

    /// The kinds there are, in alphabetical order.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.by_kind.keys().copied()
    }
}
