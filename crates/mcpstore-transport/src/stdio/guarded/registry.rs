//! The living wardens of this process: who is neither an orphan nor ours to wait for.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::process::{Child, Command};

/// Process ids. Of the whole process, as its children are.
static WARDENS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A warden's place in the registry; dropped when the warden was waited for.
#[derive(Debug)]
pub(crate) struct Registered(i32);

impl Drop for Registered {
    fn drop(&mut self) {
        lock().remove(&self.0);
    }
}

/// Starts a warden, or another child that is no server's. Who looks at our children meanwhile waits until it is registered.
pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, Registered)> {
    let mut wardens = lock();
    let child = command.spawn()?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or_else(|| io::Error::other("it has no id"))?;
    wardens.insert(pid);
    Ok((child, Registered(pid)))
}

/// True for a warden. Ask only about a process that was seen before: a newer one may be on its way into the registry.
pub(super) fn is_warden(pid: i32) -> bool {
    lock().contains(&pid)
}

fn lock() -> MutexGuard<'static, BTreeSet<i32>> {
    WARDENS.lock().unwrap_or_else(PoisonError::into_inner)
}
