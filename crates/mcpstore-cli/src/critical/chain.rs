//! The computation: who waited for whom, and what each took itself.

use std::collections::BTreeSet;

use mcpstore::ServiceName;
use mcpstore::types::{DepCondition, Dependency};
use serde::Serialize;

use super::{ChainModel, ServiceStart};

/// `mcpstore.critical_chain/1`, but for its schema word.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CriticalChain {
    /// The service that the chain ends at.
    pub(crate) service: String,
    /// When it was ready, in seconds from the start of the manager; none while it is not.
    pub(crate) ready_at: Option<f64>,
    /// From the first of the chain to the last, which is the order they started in.
    pub(crate) chain: Vec<Link>,
    /// It and everything it depends on, each once, it first; what one waits for stands below it.
    pub(crate) tree: Vec<Branch>,
}

/// One service of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Link {
    pub(crate) service: String,
    /// When it was ready.
    pub(crate) ready_at: Option<f64>,
    /// How long it took once all it waits for was there, in seconds; the sum of its steps.
    pub(crate) took: Option<f64>,
    pub(crate) steps: Steps,
}

/// What a start was spent with, in seconds; a step that was not finished is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Steps {
    /// Until it had a start slot, and what it waits for outside of mcpstore was there.
    pub(crate) slot: Option<f64>,
    /// Until its process or connection was there.
    pub(crate) launch: Option<f64>,
    /// Until the MCP handshake was done.
    pub(crate) handshake: Option<f64>,
    /// Until its first check passed.
    pub(crate) check: Option<f64>,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Branch {
    pub(crate) depth: usize,
    #[serde(flatten)]
    pub(crate) link: Link,
    /// It is part of the chain.
    pub(crate) critical: bool,
    /// It stands further up already, with what it depends on.
    pub(crate) again: bool,
}

/// The chain that ends at this service, or without one at that which was ready last. `None` when there is no such service,
/// or none at all.
pub(crate) fn critical_chain(model: &ChainModel, service: Option<&ServiceName>) -> Option<CriticalChain> {
    let end = match service {
        Some(name) => of(model, name)?,
        // Of those that are not ready nobody can say when they will be; without any that is, the first one.
        None => model
            .services
            .iter()
            .max_by(|a, b| a.ready.unwrap_or(f64::NEG_INFINITY).total_cmp(&b.ready.unwrap_or(f64::NEG_INFINITY)))?,
    };
    let mut chain = vec![end];
    let mut seen = BTreeSet::from([&end.service]);
    while let Some(before) = chain.last().and_then(|last| held_up_by(model, last)) {
        // The manager takes no circles; a model from elsewhere may have one.
        if !seen.insert(&before.service) {
            break;
        }
        chain.push(before);
    }
    chain.reverse();
    let critical: BTreeSet<&ServiceName> = chain.iter().map(|one| &one.service).collect();
    let mut tree = Vec::new();
    grow(model, end, 0, &critical, &mut BTreeSet::new(), &mut tree);
    Some(CriticalChain {
        service: end.service.to_string(),
        ready_at: end.ready,
        chain: chain.into_iter().map(|one| link(model, one)).collect(),
        tree,
    })
}

fn of<'a>(model: &'a ChainModel, name: &ServiceName) -> Option<&'a ServiceStart> {
    model.services.iter().find(|one| one.service == *name)
}

/// Whose readiness came last of all that it waited for; none when it waited for nobody.
fn held_up_by<'a>(model: &'a ChainModel, one: &'a ServiceStart) -> Option<&'a ServiceStart> {
    let waited = waited_for(model, one).filter(|(_, met)| *met > one.asked);
    waited.max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.service.cmp(&a.0.service))).map(|(service, _)| service)
}

/// The dependencies it waited for, and when each was met. One that was met only after the launch began was started anew
/// since, and is none of them; so is one whose moment is not known, unless the service waits for it still.
fn waited_for<'a>(
    model: &'a ChainModel,
    one: &'a ServiceStart,
) -> impl Iterator<Item = (&'a ServiceStart, f64)> + use<'a> {
    let still = one.spawn.is_none();
    one.depends_on.iter().filter(|dependency| dependency.kind.orders()).filter_map(move |dependency| {
        let service = of(model, &dependency.on)?;
        match (met(service, dependency), one.spawn) {
            (Some(at), Some(spawn)) => (at <= spawn).then_some((service, at)),
            (Some(at), None) => Some((service, at)),
            (None, _) => still.then_some((service, f64::INFINITY)),
        }
    })
}

fn met(service: &ServiceStart, dependency: &Dependency) -> Option<f64> {
    match dependency.condition {
        DepCondition::Started => service.init,
        DepCondition::Ready | DepCondition::Completed => service.ready,
    }
}

fn link(model: &ChainModel, one: &ServiceStart) -> Link {
    let free = waited_for(model, one).map(|(_, met)| met).filter(|met| met.is_finite()).fold(one.asked, f64::max);
    let between = |from: Option<f64>, to: Option<f64>| Some((to? - from?).max(0.0));
    let steps = Steps {
        slot: between(Some(free), one.spawn),
        launch: between(one.spawn, one.init),
        handshake: between(one.init, one.probe),
        check: between(one.probe, one.ready),
    };
    Link { service: one.service.to_string(), ready_at: one.ready, took: between(Some(free), one.ready), steps }
}

fn grow<'a>(
    model: &'a ChainModel,
    one: &'a ServiceStart,
    depth: usize,
    critical: &BTreeSet<&ServiceName>,
    seen: &mut BTreeSet<&'a ServiceName>,
    tree: &mut Vec<Branch>,
) {
    let again = !seen.insert(&one.service);
    tree.push(Branch { depth, link: link(model, one), critical: critical.contains(&one.service), again });
    if again {
        return;
    }
    let on = one.depends_on.iter().filter(|dependency| dependency.kind.orders());
    let mut below: Vec<&ServiceStart> = on.filter_map(|dependency| of(model, &dependency.on)).collect();
    // The slowest first, as it matters most; those that are not ready before all.
    below.sort_by(|a, b| {
        let at = |one: &ServiceStart| one.ready.unwrap_or(f64::INFINITY);
        at(b).total_cmp(&at(a)).then_with(|| a.service.cmp(&b.service))
    });
    below.dedup_by(|a, b| a.service == b.service);
    for dependency in below {
        grow(model, dependency, depth + 1, critical, seen, tree);
    }
}
