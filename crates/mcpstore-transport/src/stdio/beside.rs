//! Children of this process that are none of the adapter's business.

use std::io;

use tokio::process::{Child, Command};

/// A child that no sweep touches. To be dropped when it was waited for.
#[derive(Debug)]
pub struct Beside {
    #[cfg(target_os = "linux")]
    _registered: super::guarded::Registered,
}

/// Starts a child that [`Stdio::owning_all_children`](crate::Stdio::owning_all_children) does not own: neither it nor what
/// comes from it is touched when what a killed warden left behind is ended.
///
/// # Errors
/// Those of the system.
pub fn spawn_beside(command: &mut Command) -> io::Result<(Child, Beside)> {
    #[cfg(target_os = "linux")]
    {
        super::guarded::register(command).map(|(child, registered)| (child, Beside { _registered: registered }))
    }
    #[cfg(not(target_os = "linux"))]
    {
        command.spawn().map(|child| (child, Beside {}))
    }
}
