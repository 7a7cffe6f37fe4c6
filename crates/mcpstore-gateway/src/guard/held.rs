//! Which tools are held back now: what is pinned, measured against what services list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use mcpstore_files::{NewTools, Verdict};
use mcpstore_runtime::Snapshot;
use mcpstore_transport::ToolList;
use mcpstore_types::{ServiceName, ToolChanges};
use tokio::sync::watch;

use super::pins::{Judged, Pins};

/// Tools by service, as the servers call them.
pub(crate) type HeldBack = BTreeMap<ServiceName, BTreeSet<String>>;

/// Whether tools are pinned, and where.
#[derive(Clone, Debug)]
pub(super) struct Pinning {
    folder: PathBuf,
    changes: ToolChanges,
    pins: Arc<Pins>,
}

impl Pinning {
    /// `None`: nobody looks at changes.
    pub(super) fn new(folder: &Path, changes: ToolChanges) -> Option<Self> {
        let new_tools = match changes {
            ToolChanges::Off => return None,
            ToolChanges::Warn | ToolChanges::Quarantine => NewTools::Allow,
            ToolChanges::Strict => NewTools::Quarantine,
        };
        Some(Self { folder: folder.to_path_buf(), changes, pins: Arc::new(Pins::new(folder, new_tools)) })
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pins, &other.pins)
    }
}

/// What is known of a list that was measured.
#[derive(Debug)]
struct Seen {
    list: Weak<ToolList>,
    /// Changed, or new where that matters.
    changed: BTreeSet<String>,
    /// Beyond what can be pinned.
    beyond: BTreeSet<String>,
}

/// Measures the lists of all services, each when it is another one, and all of them when somebody approved something.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    by: Option<Pinning>,
    round: u64,
    seen: BTreeMap<ServiceName, Seen>,
}

/// A list that is to be measured.
type Due = (ServiceName, Arc<ToolList>);

impl Judge {
    /// Measures what is due, where blocking is allowed. What is held back afterwards goes to `told`, and comes back.
    ///
    /// # Cancel safety
    /// Dropped half-way, the same is due again.
    pub(crate) async fn look(&mut self, guard: &super::Guard, snapshot: &Snapshot) -> HeldBack {
        let due = self.due(guard, snapshot);
        if let Some(pins) = self.by.as_ref().map(|by| Arc::clone(&by.pins))
            && !due.is_empty()
        {
            let measured = tokio::task::spawn_blocking(move || measure(&pins, due)).await;
            // It does not panic; were it to, the same is due again.
            self.take(measured.unwrap_or_default());
        }
        self.tell(&guard.held)
    }

    /// The same at once: blocks on the disk when services list something.
    pub(crate) fn look_now(&mut self, guard: &super::Guard, snapshot: &Snapshot) -> HeldBack {
        let due = self.due(guard, snapshot);
        if let Some(by) = &self.by {
            let measured = measure(&by.pins, due);
            self.take(measured);
        }
        self.tell(&guard.held)
    }

    fn due(&mut self, guard: &super::Guard, snapshot: &Snapshot) -> Vec<Due> {
        let by = guard.pinning();
        let round = guard.round();
        let same = match (&self.by, &by) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        };
        if !same || round != self.round {
            self.seen.values_mut().for_each(|seen| seen.list = Weak::new());
            (self.by, self.round) = (by, round);
        }
        if self.by.is_none() {
            self.seen.clear();
            return Vec::new();
        }
        let services = snapshot.services().iter().filter(|info| info.spec.instance_of.is_none());
        // A list of an earlier life is offered too.
        let listed = services.filter_map(|info| {
            let earlier = || info.known.as_ref().and_then(|known| known.tools.as_ref());
            Some((info.name(), info.tools.as_ref().or_else(earlier)?))
        });
        let fresh = listed.filter(|(name, list)| {
            self.seen.get(*name).is_none_or(|seen| !std::ptr::eq(seen.list.as_ptr(), Arc::as_ptr(list)))
        });
        let due = fresh.map(|(name, list)| (name.clone(), Arc::clone(list))).collect();
        let there: BTreeSet<&ServiceName> = snapshot.services().iter().map(|info| info.name()).collect();
        self.seen.retain(|name, _| there.contains(name));
        due
    }

    fn take(&mut self, measured: Vec<(Due, Judged)>) {
        for ((service, list), judged) in measured {
            if let Some(damage) = &judged.damage {
                tracing::warn!(%service, what = %damage.what, "the pinned tools were damaged, and were mended");
            }
            if let Some(fault) = &judged.fault {
                tracing::warn!(%service, %fault, "the pinned tools cannot be kept");
            }
            let Verdict { changed, beyond, .. } = judged.verdict;
            let changed: BTreeSet<String> = changed.into_iter().map(|change| change.tool).collect();
            let before = self.seen.get(&service).map(|seen| &seen.changed);
            for tool in changed.iter().filter(|tool| before.is_none_or(|before| !before.contains(*tool))) {
                let tool = mcpstore_types::visible_text(tool);
                tracing::warn!(%service, %tool, "a tool is not what it was; `mcpstore approve` shows what changed");
            }
            let beyond = beyond.into_iter().collect();
            self.seen.insert(service, Seen { list: Arc::downgrade(&list), changed, beyond });
        }
    }

    /// Tells what waits for approval, and says what of that is held back.
    fn tell(&self, told: &watch::Sender<HeldBack>) -> HeldBack {
        let some = |names: &BTreeSet<String>| !names.is_empty();
        let changed = self.seen.iter().filter(|(_, seen)| some(&seen.changed));
        let waiting: HeldBack = changed.map(|(name, seen)| (name.clone(), seen.changed.clone())).collect();
        told.send_if_modified(|told| {
            let differs = *told != waiting;
            if differs {
                told.clone_from(&waiting);
            }
            differs
        });
        match self.by.as_ref().map(|by| by.changes) {
            None | Some(ToolChanges::Off | ToolChanges::Warn) => HeldBack::new(),
            Some(ToolChanges::Quarantine | ToolChanges::Strict) => {
                let all = self.seen.iter().map(|(name, seen)| (name.clone(), &seen.changed | &seen.beyond));
                all.filter(|(_, names)| some(names)).collect()
            }
        }
    }
}

fn measure(pins: &Pins, due: Vec<Due>) -> Vec<(Due, Judged)> {
    due.into_iter()
        .map(|(service, list)| {
            let judged = pins.judge(&service, &list.tools);
            ((service, list), judged)
        })
        .collect()
}

/// The folder and the rule of a pinning, to see whether another one is wanted.
pub(super) fn wanted(now: Option<&Pinning>, folder: &Path, changes: ToolChanges) -> bool {
    now.map_or(ToolChanges::Off, |now| now.changes) != changes || now.is_some_and(|now| now.folder != folder)
}
