//! Work that waits for a client to bring answers: bounded in number and in time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::super::asks::UnderWay;
use super::job::Job;

/// How long work waits for its client; then it is given up, and its server is told.
const LIFE: Duration = Duration::from_secs(600);
/// Works that wait at once; the oldest makes room for one more.
const MAX_ALL: usize = 256;
/// The same of one owner.
const MAX_OF_ONE: usize = 64;

/// The works that wait. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Parking(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    next: u64,
    /// By number: the oldest first.
    taken: BTreeMap<u64, Parked>,
}

struct Parked {
    job: Job,
    owner: Arc<str>,
    /// Gives it up in time.
    _timer: AbortOnDropHandle<()>,
}

impl Parking {
    /// Parks work of `owner`, and gives the number of its place. It goes on by itself.
    pub(super) fn park(&self, job: Job, owner: &Arc<str>, under_way: &Arc<UnderWay>) -> u64 {
        let place = {
            let mut places = lock(&self.0);
            places.next += 1;
            places.next
        };
        self.put_back(place, job, owner, under_way);
        place
    }

    /// Parks work in a place that it had before.
    pub(super) fn put_back(&self, place: u64, job: Job, owner: &Arc<str>, under_way: &Arc<UnderWay>) {
        let job = job.apart(under_way);
        let mut places = lock(&self.0);
        let mut own = places.taken.iter().filter(|(_, parked)| parked.owner == *owner).map(|(place, _)| *place);
        let oldest_own = own.next().filter(|_| own.count() + 1 >= MAX_OF_ONE);
        let oldest =
            oldest_own.or_else(|| places.taken.keys().next().copied().filter(|_| places.taken.len() >= MAX_ALL));
        let gone = oldest.and_then(|oldest| places.taken.remove(&oldest));
        let table = Arc::downgrade(&self.0);
        let timer = AbortOnDropHandle::new(tokio::spawn(async move {
            sleep(LIFE).await;
            drop(table.upgrade().and_then(|table| lock(&table).taken.remove(&place)));
        }));
        places.taken.insert(place, Parked { job, owner: Arc::clone(owner), _timer: timer });
        drop(places);
        drop(gone);
    }

    /// Takes work away again; `None` when it is over, or was taken before.
    pub(super) fn take(&self, place: u64) -> Option<Job> {
        lock(&self.0).taken.remove(&place).map(|parked| parked.job)
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    // Nothing panics half-way under this lock.
    places.lock().unwrap_or_else(PoisonError::into_inner)
}
