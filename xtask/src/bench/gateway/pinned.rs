//! Everything on one processor: what is left of a call where no message has to wake another processor.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Does something with this thread, and all processes that it starts meanwhile, on one of the processors that it may use.
pub(super) fn on_one_processor<T>(work: impl FnOnce() -> T) -> Result<T> {
    let before = sched_getaffinity(None).context("the system does not say on which processors we may run")?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu)).context("we may run on no processor")?;
    one.set(first);
    sched_setaffinity(None, &one).context("the system does not let us choose a processor")?;
    let out = work();
    sched_setaffinity(None, &before).context("the system does not let us go back to all processors")?;
    Ok(out)
}
