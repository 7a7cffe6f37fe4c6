//! The last so many of something.

use std::collections::VecDeque;

/// Holds the last `capacity` items, oldest first; counts those it had to let go. Takes memory only as it fills.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T> {
    items: VecDeque<T>,
    capacity: usize,
    dropped: u64,
}

impl<T> Ring<T> {
    /// An empty one. `capacity` is at least 1.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { items: VecDeque::new(), capacity: capacity.max(1), dropped: 0 }
    }

    /// Adds the newest item; the oldest goes when there is no room.
    pub(crate) fn push(&mut self, item: T) {
        if self.items.len() == self.capacity {
            self.items.pop_front();
            self.dropped += 1;
        }
        self.items.push_back(item);
    }

    /// The items held, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    /// How many it holds at most.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many it had to let go.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_and_counts_the_rest() {
        let mut ring = Ring::new(3);
        (1..=5).for_each(|i| ring.push(i));
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!((ring.capacity(), ring.dropped()), (3, 2));
        let mut least = Ring::new(0);
        least.push('a');
        least.push('b');
        assert_eq!((least.iter().collect::<String>().as_str(), least.dropped()), ("b", 1));
    }
}
