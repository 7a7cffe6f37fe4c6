//! What a server offers beside tools.

use std::sync::Arc;

use mcpstore_transport::List;

/// The lists of a server beside its tools. Each is `None` until it was listed, and where the server has none.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// Its prompts.
    pub prompts: Option<Arc<List>>,
    /// Its resources.
    pub resources: Option<Arc<List>>,
    /// Its templates of resources.
    pub templates: Option<Arc<List>>,
}

/// One of these lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferKind {
    Prompts,
    Resources,
    Templates,
}

impl OfferKind {
    /// The method that lists it, and the member of its results.
    pub(crate) const fn listing(self) -> (&'static str, &'static str) {
        match self {
            Self::Prompts => ("prompts/list", "prompts"),
            Self::Resources => ("resources/list", "resources"),
            Self::Templates => ("resources/templates/list", "resourceTemplates"),
        }
    }
}

impl Offers {
    /// The same with another list of this kind.
    pub(crate) fn with(&self, kind: OfferKind, list: List) -> Self {
        let mut out = self.clone();
        let place = match kind {
            OfferKind::Prompts => &mut out.prompts,
            OfferKind::Resources => &mut out.resources,
            OfferKind::Templates => &mut out.templates,
        };
        *place = Some(Arc::new(list));
        out
    }
}
