//! The mark of one life: by it its processes are told from all others, whatever their ids.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A mark that no other life of any service has or had, on this machine or another.
pub(super) fn unique() -> String {
    static OURS: OnceLock<(u64, u64)> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // std seeds its hashers from the system.
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = OURS.get_or_init(|| (random(), random()));
    format!("{high:016x}{low:016x}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_mark_comes_twice() {
        assert_ne!(super::unique(), super::unique());
    }
}
