//! Everything on one processor: what is left of a call where no message has to wake another processor.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// This thread, and all processes that it starts meanwhile, run on one of the processors that it may use; dropped, on all of
/// them again.
pub(super) struct OneProcessor {
    before: CpuSet,
}

impl OneProcessor {
    pub(super) fn choose() -> Result<Self> {
        let before = sched_getaffinity(None).context("the system does not say on which processors we may run")?;
        let mut one = CpuSet::new();
        let first = (0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu)).context("we may run on no processor")?;
        one.set(first);
        sched_setaffinity(None, &one).context("the system does not let us choose a processor")?;
        Ok(Self { before })
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        if let Err(error) = sched_setaffinity(None, &self.before) {
            println!("everything from here on is measured on one processor: {error}");
        }
    }
}
