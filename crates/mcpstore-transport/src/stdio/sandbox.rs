//! The sandboxes, as orders to the warden.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mcpstore_types::{Limits, Sandbox, StdioSpec};
use mcpstore_warden::{Limit, LimitKind, Reach};

use super::program;
use super::reach::Server;
use crate::LaunchError;

/// What new files of a server do not get: anything for others.
const UMASK: u32 = 0o077;

/// What says how large the machine is. Not all of `/proc`: Landlock does not keep a process from reading the environment of
/// the others of its user there, the manager's above all.
const MACHINE: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys",
];

/// Devices that everybody may use.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// What a server is kept within.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    pub(super) umask: Option<u32>,
    pub(super) no_new_privs: bool,
    pub(super) limits: Vec<Limit>,
    /// The files it may reach, where the kernel holds it to them.
    pub(super) reach: Option<Reach>,
    /// The program that builds its surroundings, and what that is told.
    pub(super) wrapper: Option<(PathBuf, Vec<OsString>)>,
}

/// Refuses what cannot be had without a warden: it is never silently left out.
pub(super) fn without_warden(spec: &StdioSpec) -> Result<(), LaunchError> {
    let what = match spec.sandbox {
        Sandbox::Restricted | Sandbox::Isolated => format!("the sandbox `{}`", spec.sandbox.word()),
        Sandbox::None | Sandbox::Basic if spec.limits.is_empty() => return Ok(()),
        Sandbox::None | Sandbox::Basic => "`limits`".to_owned(),
    };
    Err(LaunchError::NeedsWarden { what })
}

/// The bounds of a server.
pub(super) fn bounds(server: &Server<'_>) -> Result<Bounds, LaunchError> {
    let sandbox = server.spec.sandbox;
    let mut bounds = Bounds { limits: limits(&server.spec.limits), ..Bounds::default() };
    if sandbox == Sandbox::None {
        return Ok(bounds);
    }
    bounds.umask = Some(UMASK);
    bounds.no_new_privs = true;
    bounds.limits.push(Limit { kind: LimitKind::Core, value: 0 });
    match sandbox {
        Sandbox::None | Sandbox::Basic => {}
        Sandbox::Restricted => {
            let mut reach = server.reach()?;
            reach.read.extend(MACHINE.iter().map(PathBuf::from));
            reach.write.extend(DEVICES.iter().map(PathBuf::from));
            reach.write.push(server.temporary());
            bounds.reach = Some(reach);
        }
        Sandbox::Isolated => {
            let path = std::env::var_os("PATH");
            let file = program::resolve("bwrap", path.as_deref(), None).map_err(|error| match error {
                LaunchError::NotFound { searched, .. } => LaunchError::NoBubblewrap { searched },
                other => other,
            })?;
            // It sees to that itself; an old one that is set-user-ID could not work any more.
            bounds.no_new_privs = false;
            bounds.wrapper = Some((file, bubble(&server.reach()?, server.spec.cwd.as_deref())));
        }
    }
    Ok(bounds)
}

fn limits(limits: &Limits) -> Vec<Limit> {
    let Limits { memory, files, processes } = limits;
    [(LimitKind::Memory, memory), (LimitKind::OpenFiles, files), (LimitKind::Processes, processes)]
        .into_iter()
        .filter_map(|(kind, value)| value.map(|value| Limit { kind, value }))
        .collect()
}

/// What bubblewrap is told, up to the program that it shall start. Nothing of it is secret: all can read it.
fn bubble(reach: &Reach, cwd: Option<&Path>) -> Vec<OsString> {
    let mut args: Vec<OsString> =
        "--die-with-parent --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --cap-drop ALL --proc /proc \
         --dev /dev --tmpfs /tmp --ro-bind-try /sys /sys"
            .split_whitespace()
            .map(OsString::from)
            .collect();
    // A folder comes before what is in it: the later of two mounts is on top.
    let mut mounts: Vec<(&PathBuf, &str)> = reach.read.iter().map(|path| (path, "--ro-bind-try")).collect();
    mounts.retain(|(path, _)| !reach.write.iter().any(|folder| path.starts_with(folder)));
    mounts.extend(reach.write.iter().map(|path| (path, "--bind-try")));
    mounts.sort();
    mounts.dedup();
    for (path, how) in mounts {
        args.extend([how.into(), path.into(), path.into()]);
    }
    args.extend(["--remount-ro", "/"].map(OsString::from));
    if let Some(cwd) = cwd {
        args.extend(["--chdir".into(), cwd.into()]);
    }
    args.push("--".into());
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_changed_lies_on_top() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        let reach = Reach { read: paths(&["/usr", "/srv/app/bin", "/srv"]), write: paths(&["/srv/app", "/usr/x"]) };
        let told: Vec<String> =
            bubble(&reach, Some(Path::new("/srv/app"))).iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        let told = told.join(" ");
        let wanted = "--ro-bind-try /srv /srv --bind-try /srv/app /srv/app --ro-bind-try /usr /usr --bind-try /usr/x /usr/x \
                      --remount-ro / --chdir /srv/app --";
        assert!(told.ends_with(wanted), "{told}");
    }
}
