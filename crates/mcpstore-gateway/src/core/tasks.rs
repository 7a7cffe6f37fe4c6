//! Tasks (spec: MCP 2025-11-25, tasks): which service has which, and whose it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcpstore_types::ServiceName;

/// Tasks that are remembered of one client; its oldest goes first.
const MAX_OF_ONE: usize = 512;
/// Tasks that are remembered in all; the oldest goes first.
const MAX: usize = 8192;

/// The tasks that clients began.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By the id that clients know, each with its number: later ones have greater numbers.
    tasks: BTreeMap<String, (u64, Task)>,
    /// The ids that clients know, by those that servers know.
    known: BTreeMap<(ServiceName, String), String>,
    /// The ids that clients know, by their numbers.
    order: BTreeMap<u64, String>,
    /// The numbers of each owner.
    own: BTreeMap<usize, BTreeSet<u64>>,
    next: u64,
}

/// A task of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Who does it.
    pub(crate) service: ServiceName,
    /// What its server calls it.
    pub(crate) id: String,
    /// The serial number of the client for whom it is done. Nobody else sees it.
    pub(crate) owner: usize,
}

impl Tasks {
    /// A client began a task; the id under which it knows it. That is the server's, unless another service has one of the
    /// same id.
    pub(crate) fn enter(&self, service: &ServiceName, id: &str, owner: usize) -> String {
        let mut table = self.table();
        // A server that began anew may use an id again.
        table.remove_known(service, id);
        let mut known = id.to_owned();
        let mut more = String::new();
        while table.tasks.contains_key(&known) {
            known = format!("{id}@{service}{more}");
            more.push('\'');
        }
        table.next += 1;
        let number = table.next;
        let task = Task { service: service.clone(), id: id.to_owned(), owner };
        table.known.insert((service.clone(), id.to_owned()), known.clone());
        table.tasks.insert(known.clone(), (number, task));
        table.order.insert(number, known.clone());
        table.own.entry(owner).or_default().insert(number);
        table.shrink(owner);
        known
    }

    /// The task that a client knows by this id.
    pub(crate) fn find(&self, known: &str, owner: usize) -> Option<Task> {
        self.table().tasks.get(known).map(|(_, task)| task).filter(|task| task.owner == owner).cloned()
    }

    /// The id under which its client knows a task of a service, and the serial number of that client.
    pub(crate) fn known(&self, service: &ServiceName, id: &str) -> Option<(String, usize)> {
        let table = self.table();
        let known = table.known.get(&(service.clone(), id.to_owned()))?;
        Some((known.clone(), table.tasks.get(known)?.1.owner))
    }

    /// The services that have tasks of a client, by name.
    pub(crate) fn services(&self, owner: usize) -> Vec<ServiceName> {
        let table = self.table();
        let numbers = table.own.get(&owner).into_iter().flatten();
        let tasks = numbers.filter_map(|number| table.tasks.get(table.order.get(number)?));
        tasks.map(|(_, task)| task.service.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The client is gone, and what it began is nobody's.
    pub(crate) fn forget(&self, owner: usize) {
        let mut table = self.table();
        for number in table.own.get(&owner).cloned().unwrap_or_default() {
            table.remove(number);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics half-way under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove_known(&mut self, service: &ServiceName, id: &str) {
        let known = self.known.get(&(service.clone(), id.to_owned()));
        if let Some(number) = known.and_then(|known| self.tasks.get(known)).map(|(number, _)| *number) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some((_, task)) = self.order.remove(&number).and_then(|known| self.tasks.remove(&known)) else { return };
        self.known.remove(&(task.service, task.id));
        if let Some(own) = self.own.get_mut(&task.owner) {
            own.remove(&number);
            if own.is_empty() {
                self.own.remove(&task.owner);
            }
        }
    }

    /// One client that begins many loses its own, not those of others.
    fn shrink(&mut self, owner: usize) {
        let own = self.own.get(&owner).filter(|own| own.len() > MAX_OF_ONE);
        let oldest = match own.and_then(|own| own.first()) {
            Some(oldest) => Some(*oldest),
            None if self.order.len() > MAX => self.order.keys().next().copied(),
            None => None,
        };
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).unwrap()
    }

    #[test]
    fn a_task_is_its_clients_alone_and_equal_ids_do_not_meet() {
        let tasks = Tasks::default();
        assert_eq!(tasks.enter(&name("a"), "t", 1), "t");
        assert_eq!(tasks.enter(&name("b"), "t", 2), "t@b");
        let task = Task { service: name("b"), id: "t".into(), owner: 2 };
        assert_eq!((tasks.find("t@b", 2), tasks.find("t@b", 1), tasks.find("t", 2)), (Some(task), None, None));
        assert_eq!(tasks.known(&name("b"), "t"), Some(("t@b".into(), 2)));
        // The server began anew, and so did its ids.
        assert_eq!(tasks.enter(&name("a"), "t", 2), "t");
        assert_eq!((tasks.find("t", 1), tasks.services(2)), (None, vec![name("a"), name("b")]));
        tasks.forget(2);
        assert_eq!((tasks.services(2), tasks.known(&name("a"), "t")), (vec![], None));
        let table = tasks.table();
        assert!(table.order.is_empty() && table.own.is_empty() && table.tasks.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_one_client_only_pushes_out_its_own() {
        let tasks = Tasks::default();
        tasks.enter(&name("a"), "first", 1);
        for n in 0..=MAX_OF_ONE {
            tasks.enter(&name("a"), &format!("t{n}"), 2);
        }
        assert!(tasks.find("first", 1).is_some() && tasks.find("t0", 2).is_none() && tasks.find("t1", 2).is_some());
        for n in 0..MAX {
            tasks.enter(&name("b"), &format!("u{n}"), 10 + n);
        }
        assert!(tasks.find("first", 1).is_none());
        let table = tasks.table();
        assert_eq!((table.order.len(), table.tasks.len(), table.known.len()), (MAX, MAX, MAX));
        assert!(table.own.len() <= MAX);
    }
}
