//! What can hold servers together, as far as a look from here tells.

use super::super::facts::{ContainmentFacts, Found};
use super::folders_of;
use super::programs::find;

/// What there is; `restricted` and `isolated` are the services that ask for those sandboxes.
pub(super) fn look(path: &str, restricted: Vec<String>, isolated: Vec<String>) -> ContainmentFacts {
    let facts = ContainmentFacts { restricted, isolated, ..ContainmentFacts::default() };
    if !cfg!(target_os = "linux") {
        return ContainmentFacts { elsewhere: true, ..facts };
    }
    let bubblewrap = match find("bwrap", &folders_of(path)) {
        Found::At(path) => Some(path),
        Found::NotExecutable(_) | Found::Missing => None,
    };
    let modules = std::fs::read_to_string("/sys/kernel/security/lsm").ok();
    ContainmentFacts {
        warden: mcpstore::transport::WardenProgram::this_program().is_some(),
        // Of this process, which ends in a moment: it has no other children than those it waits for.
        subreaper: mcpstore::transport::adopt_orphans().is_ok(),
        pidfd: has_pidfd(),
        cgroup: has_cgroup(),
        landlock: modules.map(|list| list.trim().split(',').any(|module| module == "landlock")),
        kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .map(|text| text.trim().to_owned())
            .unwrap_or_default(),
        bubblewrap,
        ..facts
    }
}

/// By making one, and removing it again.
#[cfg(target_os = "linux")]
fn has_cgroup() -> bool {
    // Nobody else has a mark with our id.
    let leaf = mcpstore_warden::cgroup::Leaf::make(&format!("{}-doctor", std::process::id()));
    leaf.is_some_and(|leaf| {
        leaf.remove();
        true
    })
}

#[cfg(not(target_os = "linux"))]
fn has_cgroup() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn has_pidfd() -> bool {
    rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty()).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_pidfd() -> bool {
    false
}
