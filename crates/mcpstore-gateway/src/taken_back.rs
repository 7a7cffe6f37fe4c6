//! Whether a client took a request of its back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// A mark on a request under way: its client took it back, or is gone. Cheap to clone: all clones are one.
///
/// Every request has one, and most are never taken back: so it is one small allocation, and no place in anybody's list.
#[derive(Clone, Debug, Default)]
pub(crate) struct TakenBack(Arc<Mark>);

#[derive(Debug, Default)]
struct Mark {
    taken: AtomicBool,
    reader: AtomicWaker,
}

impl TakenBack {
    /// It is taken back.
    pub(crate) fn take(&self) {
        self.0.taken.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    /// Ready when it was taken back; else the task is woken when it is. One task can wait.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // Registered before it is asked: what happens between the two is seen.
        self.0.reader.register(cx.waker());
        if self.0.taken.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}
