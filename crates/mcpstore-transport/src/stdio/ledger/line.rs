//! A line of the ledger.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A process, named for good (until the next boot): its id can go to another one, its start cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) pid: i32,
    /// In clock ticks after boot.
    pub(crate) start: u64,
}

impl Named {
    /// The process that has this id now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        #[cfg(target_os = "linux")]
        return mcpstore_warden::proc::read(pid).map(|process| Self { pid, start: process.start });
        #[cfg(not(target_os = "linux"))]
        return Some(Self { pid, start: 0 });
    }
}

/// What happened to a life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Line {
    /// It is about to begin.
    Begin {
        life: String,
        boot: String,
        manager: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warden: Option<Named>,
        /// Its cgroup.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cgroup: Option<PathBuf>,
        service: String,
        incarnation: u64,
    },
    /// Its server exists.
    Server { life: String, server: Named },
    /// Nothing of it is left.
    Over { life: String },
}

/// One life, as its lines tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) boot: String,
    pub(super) manager: u32,
    pub(super) warden: Option<Named>,
    pub(super) cgroup: Option<PathBuf>,
    pub(super) server: Option<Named>,
    pub(super) service: String,
    pub(super) incarnation: u64,
}

/// The lives that are not over, by their marks.
pub(super) type Lives = BTreeMap<String, Life>;

/// Writes a line into the account of lives. A line about a life that never began is passed over.
pub(super) fn account(lives: &mut Lives, line: &Line) {
    match line.clone() {
        Line::Begin { life, boot, manager, warden, cgroup, service, incarnation } => {
            lives.insert(life, Life { boot, manager, warden, cgroup, server: None, service, incarnation });
        }
        Line::Server { life, server } => {
            if let Some(life) = lives.get_mut(&life) {
                life.server = Some(server);
            }
        }
        Line::Over { life } => {
            lives.remove(&life);
        }
    }
}

/// The lines that tell these lives and no others.
pub(super) fn lines(lives: &Lives) -> Vec<Line> {
    let mut lines = Vec::new();
    for (mark, life) in lives {
        lines.push(Line::Begin {
            life: mark.clone(),
            boot: life.boot.clone(),
            manager: life.manager,
            warden: life.warden,
            cgroup: life.cgroup.clone(),
            service: life.service.clone(),
            incarnation: life.incarnation,
        });
        lines.extend(life.server.map(|server| Line::Server { life: mark.clone(), server }));
    }
    lines
}

/// What this run of the machine is called; empty where the system does not tell.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
